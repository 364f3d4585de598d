"""What it costs to receive a large file, beside Flask, Django, Falcon and Starlette, in one run.

    python benchmarks/uploads.py --mebibytes 500

Each receiver runs in a process of its own, is handed the same multipart body in chunks of 64 KiB,
and keeps the file in a folder in memory (``/dev/shm`` unless told otherwise). The limit is
``readinto`` and ``write`` of the same bytes, without any form around them. Of each the least CPU
time of all rounds counts, and the most that its memory grew. Receivers that are not installed are
left out. Ends with 1 when Cruse takes more than it may.
"""

import argparse
import asyncio
import io
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

CHUNK = 64 * 1024
MIB = 1024 * 1024
BOUNDARY = "----WebKitFormBoundary7MA4YWxkTrZu0gWq"  # as long as browsers make them
HEAD = (
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="title"\r\n\r\nA file\r\n--{BOUNDARY}'
    '\r\nContent-Disposition: form-data; name="file"; filename="data.bin"\r\n'
    "Content-Type: application/octet-stream\r\n\r\n"
).encode()
TAIL = f"\r\n--{BOUNDARY}--\r\n".encode()
TYPE = f"multipart/form-data; boundary={BOUNDARY}"

#: A receiver takes the body's size and the folder, and returns what receives one body.
Receiver = Callable[[int, Path], Callable[[], None]]


class Body(io.RawIOBase):
    """The file's bytes, with or without the form around them, at most a chunk at a time."""

    def __init__(self, size: int, form: bool = True) -> None:
        self.chunks = pieces(size) if form else blocks(size)
        self.left = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self.left or next(self.chunks, b"")
        if size < 0 or size >= len(data):
            self.left = b""
            return data
        self.left = data[size:]
        return data[:size]

    def readinto(self, buffer: memoryview) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


DATA = os.urandom(MIB)


def blocks(size: int) -> Iterator[bytes]:
    chunks = [DATA[at : at + CHUNK] for at in range(0, MIB, CHUNK)]
    for number in range(size // CHUNK):
        yield chunks[number % len(chunks)]


def pieces(size: int) -> Iterator[bytes]:
    yield HEAD
    yield from blocks(size)
    yield TAIL


def length(size: int) -> int:
    return len(HEAD) + size + len(TAIL)


def wsgi(app: Callable[..., Iterator[bytes]], size: int) -> Callable[[], None]:
    def receive() -> None:
        environ = {
            "REQUEST_METHOD": "POST", "PATH_INFO": "/", "SCRIPT_NAME": "", "QUERY_STRING": "",
            "CONTENT_TYPE": TYPE, "CONTENT_LENGTH": str(length(size)),
            "SERVER_NAME": "localhost", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.version": (1, 0), "wsgi.url_scheme": "http", "wsgi.input": Body(size),
            "wsgi.errors": sys.stderr, "wsgi.multithread": True, "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }  # fmt: skip
        told: list[str] = []
        answer = app(environ, lambda status, headers, exc_info=None: told.append(status))
        text = b"".join(answer)
        getattr(answer, "close", lambda: None)()
        assert told[0].startswith("200"), (told, text)

    return receive


def asgi(app: Callable[..., object], size: int) -> Callable[[], None]:
    headers = [(b"content-type", TYPE.encode()), (b"content-length", b"%d" % length(size))]
    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.4"}, "http_version": "1.1",
        "method": "POST", "scheme": "http", "path": "/", "raw_path": b"/", "query_string": b"",
        "root_path": "", "headers": [(b"host", b"localhost"), *headers],
        "client": ("127.0.0.1", 1), "server": ("localhost", 80),
    }  # fmt: skip

    async def receive_one() -> None:
        chunks, told = pieces(size), []

        async def receive() -> dict[str, object]:
            await asyncio.sleep(0)  # as a server does between what comes
            chunk = next(chunks, None)
            if chunk is None:
                return {"type": "http.disconnect"}
            return {"type": "http.request", "body": chunk, "more_body": chunk is not TAIL}

        async def send(message: dict[str, object]) -> None:
            told.append(message)

        await app({**scope}, receive, send)
        assert told[0]["status"] == 200, told

    loop = asyncio.new_event_loop()  # one, as in a server
    return lambda: loop.run_until_complete(receive_one())


def limit(size: int, folder: Path) -> Callable[[], None]:
    def receive() -> None:
        body, buffer = Body(size, form=False), memoryview(bytearray(MIB))
        file = os.open(folder / "file", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        while count := body.readinto(buffer):
            os.write(file, buffer[:count])
        os.close(file)

    return receive


def _cruse(folder: Path, sync: bool) -> object:
    from cruse import Cruse
    from cruse_uploads import ALL, Uploads

    app = Cruse("measured", static_folder=None)
    app.config.update(UPLOADS_FOLDER=folder, UPLOADS_FSYNC=False)
    uploads = Uploads(app)
    files = uploads.set("files", allow=ALL, max_size=None)
    if sync:
        app.post("/", stream=True)(lambda: files.receive().key)
    else:

        async def view() -> str:
            return (await files.areceive()).key

        app.post("/", stream=True)(view)
    return app


def cruse_wsgi(size: int, folder: Path) -> Callable[[], None]:
    return wsgi(_cruse(folder, sync=True), size)


def cruse_asgi(size: int, folder: Path) -> Callable[[], None]:
    return asgi(_cruse(folder, sync=False), size)


def flask_save(size: int, folder: Path) -> Callable[[], None]:
    from flask import Flask, request

    app = Flask("measured", static_folder=None)

    @app.post("/")
    def view() -> str:
        request.files["file"].save(folder / "file")
        return "ok"

    return wsgi(app, size)


def falcon_pipe(size: int, folder: Path) -> Callable[[], None]:
    import falcon

    class Files:
        def on_post(self, request: falcon.Request, response: falcon.Response) -> None:
            for part in request.get_media():
                if part.filename:
                    with open(folder / "file", "wb") as file:
                        part.stream.pipe(file)

    app = falcon.App()
    app.add_route("/", Files())
    return wsgi(app, size)


def django_chunks(size: int, folder: Path) -> Callable[[], None]:
    import django
    from django.conf import settings
    from django.core.handlers.wsgi import WSGIHandler
    from django.http import HttpRequest, HttpResponse
    from django.urls import path

    def view(request: HttpRequest) -> HttpResponse:
        with open(folder / "file", "wb") as file:
            for chunk in request.FILES["file"].chunks():
                file.write(chunk)
        return HttpResponse("ok")

    settings.configure(
        ALLOWED_HOSTS=["*"], ROOT_URLCONF=(path("", view),), SECRET_KEY="measured", MIDDLEWARE=[]
    )
    django.setup()
    return wsgi(WSGIHandler(), size)


def starlette_read(size: int, folder: Path) -> Callable[[], None]:
    import python_multipart  # noqa: F401 (which Starlette asks for when a form comes)
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    async def view(request: Request) -> PlainTextResponse:
        async with request.form() as form:
            with open(folder / "file", "wb") as file:  # noqa: ASYNC230 (as its users do)
                while chunk := await form["file"].read(CHUNK):
                    file.write(chunk)
        return PlainTextResponse("ok")

    return asgi(Starlette(routes=[Route("/", view, methods=["POST"])]), size)


RECEIVERS: dict[str, Receiver] = {
    "limit": limit,
    "cruse wsgi": cruse_wsgi,
    "flask save()": flask_save,
    "django chunks()": django_chunks,
    "falcon pipe()": falcon_pipe,
    "cruse asgi": cruse_asgi,
    "starlette UploadFile": starlette_read,
}
#: What Cruse may take: who, compared with whom, and how many times as much CPU time.
ALLOWED = (
    ("cruse wsgi", "limit", 1.6),
    ("cruse wsgi", "flask save()", 0.4),
    ("cruse asgi", "limit", 3.2),
    ("cruse asgi", "starlette UploadFile", 0.3),
)
GROWTH = 8.0  # MiB that Cruse's memory may grow


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measured(name: str, mebibytes: int, folder: Path) -> None:
    """Receive a file for each line on standard input; print what it took."""
    tempfile.tempdir = str(folder)  # where the others spool is as quick as where they keep
    try:
        receive = RECEIVERS[name](mebibytes * MIB, folder)
    except ModuleNotFoundError as error:
        sys.exit(str(error))
    print("ready", flush=True)
    for _ in sys.stdin:
        before, start, wall = _peak(), time.process_time(), time.perf_counter()
        receive()
        used = time.process_time() - start, time.perf_counter() - wall, _peak() - before
        kept = max((each for each in folder.rglob("*") if each.is_file()), key=_size)
        assert _size(kept) == mebibytes * MIB, (name, kept)
        for each in folder.iterdir():
            shutil.rmtree(each) if each.is_dir() else each.unlink()
        print(json.dumps(used), flush=True)


def _size(path: Path) -> int:
    return path.stat().st_size


def main() -> int:
    parser = argparse.ArgumentParser(description="What it costs to receive a large file.")
    parser.add_argument("--mebibytes", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=Path("/dev/shm"))
    parser.add_argument("--only", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        measured(options.only, options.mebibytes, options.folder)
        return 0
    folders = {name: Path(tempfile.mkdtemp(dir=options.folder)) for name in RECEIVERS}
    try:
        return report(compare(folders, options.mebibytes, options.rounds))
    finally:
        for folder in folders.values():
            shutil.rmtree(folder)


Figures = dict[str, list[tuple[float, float, float]]]


def compare(folders: dict[str, Path], mebibytes: int, rounds: int) -> Figures:
    processes = {}
    for name, folder in folders.items():
        command = [sys.executable, __file__, "--only", name, "--folder", str(folder)]
        process = subprocess.Popen(
            [*command, "--mebibytes", str(mebibytes)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        if process.stdout.readline():
            processes[name] = process
        else:
            print(f"{name}: left out", file=sys.stderr)
    found: Figures = {name: [] for name in processes}
    for _ in range(rounds):  # by turns, so that what else runs meets all of them
        for name, process in processes.items():
            process.stdin.write("\n")
            process.stdin.flush()
            found[name].append(tuple(json.loads(process.stdout.readline())))
    for process in processes.values():
        process.communicate()
    return found


def report(found: Figures) -> int:
    cpu = {name: min(each[0] for each in figures) for name, figures in found.items()}
    for name, figures in found.items():
        wall, grown = min(each[1] for each in figures), max(each[2] for each in figures)
        print(
            f"{name:22} {cpu[name]:7.3f} s CPU {wall:7.3f} s {cpu[name] / cpu['limit']:6.2f} x "
            f"the limit, memory grew by {grown:5.1f} MiB"
        )
    worse = 0
    for name, other, allowed in ALLOWED:
        if other in cpu:
            ratio = cpu[name] / cpu[other]
            worse += ratio > allowed
            print(f"{name} takes {ratio:.2f} of {other} (allowed {allowed})")
    return int(
        worse > 0
        or any(each[2] > GROWTH for name in found if "cruse" in name for each in found[name])
    )


if __name__ == "__main__":
    sys.exit(main())
