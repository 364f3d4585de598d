"""How quickly a large file gets through Cruse into an object store, beside obstore alone.

    python -m benchmarks.uploads_s3 --mebibytes 96

The store is Swift's S3, started for this (``tests/machine/s3_server.py``). obstore alone writes
the same bytes with the same writer, without any form around them or a request. All take turns in
one process; of each the quickest of all rounds counts. Ends with 1 when Cruse is more than a
tenth slower.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import obstore
from obstore.store import S3Store

from benchmarks.uploads import MIB, asgi, blocks, wsgi
from cruse import Cruse
from cruse_uploads import ALL, Uploads
from cruse_uploads.storage.objects import CONCURRENCY, PART, ObjectStorage

SERVER = Path(__file__).parents[1] / "tests" / "machine" / "s3_server.py"
ALLOWED = 1.10  # times the wall time of obstore alone


def make_store(port: str) -> S3Store:
    return S3Store(
        "bucket",
        prefix=uuid4().hex,
        endpoint=f"http://127.0.0.1:{port}",
        region="us-east-1",
        access_key_id="test:tester",
        secret_access_key="testing",
        client_options={"allow_http": True},
    )


def alone(store: S3Store, size: int) -> Callable[[], None]:
    def send() -> None:
        key = uuid4().hex
        with obstore.open_writer(
            store, key, buffer_size=PART, max_concurrency=CONCURRENCY
        ) as writer:
            for block in blocks(size):
                writer.write(block)
        obstore.delete(store, key)

    return send


def through_cruse(store: S3Store) -> tuple[Cruse, Cruse]:
    """Return applications that receive a file and delete it, in a plain and in an async view."""
    storage = ObjectStorage(store)
    uploads = Uploads(storage=lambda app: storage)
    files = uploads.set("files", allow=ALL, max_size=None)
    plain, on_loop = (Cruse(name, extensions=[uploads]) for name in ("plain", "on_loop"))

    @plain.post("/", stream=True)
    def receive() -> str:
        files.receive().delete()
        return "ok"

    @on_loop.post("/", stream=True)
    async def receive_async() -> str:
        await (await files.areceive()).adelete()
        return "ok"

    return plain, on_loop


def main() -> int:
    parser = argparse.ArgumentParser(description="How quickly a large file gets into a store.")
    parser.add_argument("--mebibytes", type=int, default=96)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    size = options.mebibytes * MIB
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-W", "ignore", str(SERVER), f"{folder}/files"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            store = make_store(server.stdout.readline().strip())
            plain, on_loop = through_cruse(store)
            senders = {
                "obstore alone": alone(store, size),
                "cruse wsgi": wsgi(plain, size),
                "cruse asgi": asgi(on_loop, size),
            }
            found = compare(senders, options.rounds)
            server.kill()
    return report(found, options.mebibytes)


Figures = dict[str, list[tuple[float, float]]]


def compare(senders: dict[str, Callable[[], None]], rounds: int) -> Figures:
    found: Figures = {name: [] for name in senders}
    for _ in range(rounds):
        for name, send in senders.items():
            wall, cpu = time.perf_counter(), time.process_time()
            send()
            found[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    return found


def report(found: Figures, mebibytes: int) -> int:
    quickest = {name: min(each[0] for each in figures) for name, figures in found.items()}
    limit = quickest["obstore alone"]
    for name, figures in found.items():
        cpu = min(each[1] for each in figures)
        print(
            f"{name:14} {mebibytes / quickest[name]:6.1f} MiB/s, {cpu:5.2f} s CPU here, "
            f"{quickest[name] / limit:.2f} x the time of obstore alone"
        )
    return int(max(quickest.values()) > ALLOWED * limit)


if __name__ == "__main__":
    sys.exit(main())
