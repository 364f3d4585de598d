"""Does an application keep anything of the requests it has answered?

    python benchmarks/leaks.py --requests 20000

Sends good and bad requests of many kinds to the faces, a tenth of them to warm up, and prints
what has grown since: memory, blocks of Python's allocator, objects, threads, open files. Ends
with 1 when that is more than noise. ``--face rsgi`` sends all of them to one.
"""

import argparse
import asyncio
import faulthandler
import gc
import io
import os
import sys
import tempfile
import threading
from contextvars import copy_context
from pathlib import Path

from cruse import Cruse, abort, g, request, session, stream_with_context

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.faces import FACES, client_of

MEMORY = Path("/proc/self/statm")
#: The most that may be more afterwards. The process's memory moves with the allocator's arenas, by
#: some MiB either way; it is here for kept bodies. What is small shows in the blocks, where caches
#: of a bounded size take up to 2,600.
ALLOWED = {
    "KiB": 12 * 1024,
    "blocks": 3000,
    "objects": 150,
    "threads": 1,
    "files": 0,
    "variables": 0,
}


def make_app() -> Cruse:  # noqa: C901 - a list of views
    app = Cruse("leaks", static_folder=None)
    app.config["THREAD_POOL_SIZE"] = 2  # has as many as it was ever in want of at once
    app.secret_key = "the key of a measurement"
    app.logger.disabled = True

    @app.before_request
    def before():
        g.seen = request.path

    @app.teardown_request
    def teardown(error):
        del g.seen

    @app.get("/<int:number>")
    def plain(number):
        return {"number": number}

    @app.get("/async/<word>")
    async def from_async(word):
        await asyncio.sleep(0)
        return word

    @app.post("/form")
    def form():
        return {name: len(file.read()) for name, file in request.files.items()} | dict(
            request.form
        )

    @app.post("/json")
    async def json():
        return [request.get_json()]

    @app.get("/stream")
    def stream():
        return stream_with_context(str(n) for n in range(3))

    @app.get("/async-stream")
    async def async_stream():
        async def numbers():
            for number in range(3):
                yield str(number)

        return numbers()

    @app.get("/session")
    def visits():
        session["visits"] = session.get("visits", 0) + 1
        return str(session["visits"])

    @app.get("/fails")
    def fails():
        raise RuntimeError("on purpose")

    @app.get("/aborts")
    async def aborts():
        abort(418)

    return app


def ask(client, turn: int) -> None:
    """Make one request; each turn another, with a name that never came before."""
    new = f"n{turn}"
    file = {"f": (io.BytesIO(b"x" * (600_000 if turn % 40 == 4 else 10)), f"{new}.txt"), "a": new}
    paths = ("/fails", "/aborts", f"/{new}", "//evil", "/%ff", "/session", "/stream")
    kinds = (
        lambda: client.get(f"/{turn}", headers={f"X-{new}": new}),
        lambda: client.get(f"/async/{new}?{new}={new}"),
        lambda: client.post("/form", data=file),
        lambda: client.post("/json", json={new: [new]}),
        lambda: client.post("/json", data="[" * 2000, content_type="application/json"),
        lambda: client.post("/form", data=f"{new}=%ff", content_type="text/" + new),
        lambda: client.get("/session", headers={"Cookie": f"session={new}; {new}=1"}),
        lambda: client.get("/1", base_url=f"http://{new}.example"),
        lambda: client.get("/async-stream"),
        lambda: client.open("/1", method=new.upper()),
        *(lambda path=path: client.get(path) for path in paths),
    )
    response = kinds[turn % len(kinds)]()
    if turn % 3:
        response.get_data()
    response.close()


def state(folder: str) -> dict[str, int]:
    for _ in range(3):
        gc.collect()
    pages = 0
    if MEMORY.exists():  # Linux
        pages = int(MEMORY.read_text().split()[1])
    return {
        "KiB": pages * os.sysconf("SC_PAGE_SIZE") // 1024,
        "blocks": sys.getallocatedblocks(),
        "objects": len(gc.get_objects()),
        "threads": threading.active_count(),
        "files": len(os.listdir("/dev/fd")) + len(os.listdir(folder)),
        "variables": len(copy_context()),
    }


def growth(requests: int, faces: list[str]) -> dict[str, int]:
    """Return what has grown between a tenth of the requests and the last."""
    apps = [make_app() for _ in faces]
    clients = [client_of(*each, use_cookies=False) for each in zip(apps, faces, strict=True)]
    usual = tempfile.tempdir
    try:
        with tempfile.TemporaryDirectory() as folder:
            tempfile.tempdir = folder
            for turn in range(requests // 10):
                ask(clients[turn // 20 % len(clients)], turn)
            before = state(folder)
            for turn in range(requests // 10, requests):
                ask(clients[turn // 20 % len(clients)], turn)
            after = state(folder)
    finally:
        tempfile.tempdir = usual
        for client in clients:
            client.close()
        for app in apps:
            app.stop()
    return {name: after[name] - before[name] for name in before}


def main() -> int:
    parser = argparse.ArgumentParser(description="Does an application keep anything of requests?")
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--face", choices=FACES, help="one face only")
    parser.add_argument(
        "--patience", type=float, metavar="SECONDS", help="show every thread's stack and end then"
    )
    options = parser.parse_args()
    if options.patience:
        faulthandler.dump_traceback_later(options.patience, exit=True)
    grown = growth(options.requests, [options.face] if options.face else FACES)
    for name, amount in grown.items():
        print(f"{name:10}{amount:+8}   allowed {ALLOWED[name]:+8}")
    return int(any(grown[name] > ALLOWED[name] for name in grown))


if __name__ == "__main__":
    sys.exit(main())
