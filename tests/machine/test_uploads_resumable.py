"""tus-js-client, in node, over connections that break, to workers that are killed.

Debian: nodejs, npm. The client comes from npm.
"""

import json
import random
import shutil
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.machine.films import make_film
from tests.machine.lines import Line
from tests.servers.serving import launch

HERE = Path(__file__).parent
CLIENT = "tus-js-client@4.3.1"
SERVE = ["-m", "cruse", "--app", "tus_app:app", "serve", "--port", "{port}", "--workers", "2"]
SIZE = 48 * 1024 * 1024
GIGABYTE = 1_000_000_000
CUTS = 20
WAIT = 250  # seconds, on a machine with other work


@pytest.fixture(scope="session")
def client(tmp_path_factory):
    """The folder of a script that uploads with tus-js-client."""
    folder = tmp_path_factory.mktemp("client")
    npm = shutil.which("npm")
    assert npm, "npm is missing (Debian: apt install nodejs npm)"
    command = [npm, "install", "--no-audit", "--no-fund", "--prefix", folder, CLIENT]
    subprocess.run(command, check=True, capture_output=True)
    shutil.copy(HERE / "tus_client.js", folder)
    return folder


@pytest.fixture
def film(tmp_path, request):
    """A large file, and its digest."""
    path = tmp_path / "film.bin"
    return path, make_film(path, request.param)


class Cinema:
    """A server with two workers, which can be killed and begun anew."""

    def __init__(self, folder, side, stack):
        self.folder = folder
        self.environment = {"PYTHONPATH": str(HERE), "TUS_FOLDER": str(folder), "TUS_SIDE": side}
        self.interface = "asgi" if side == "async" else "wsgi"
        self.stack = stack
        self.begin()

    def begin(self):
        command = [*SERVE, "--interface", self.interface]
        self.server = self.stack.enter_context(launch(command, self.folder, self.environment))
        self.server.wait()

    def kill(self):
        self.server.kill()

    def finished(self):
        return [json.loads(line) for line in (self.folder / "finished").read_text().splitlines()]


@pytest.fixture
def cinema(tmp_path, request):
    with ExitStack() as stack:
        yield Cinema(tmp_path, request.param, stack)
    shutil.rmtree(tmp_path)  # of gigabytes, pytest would keep those of three runs


@pytest.mark.parametrize(
    ("cinema", "film", "options"),
    [
        ("sync", SIZE, {"protocol": "tus-v1"}),
        ("async", SIZE, {"protocol": "tus-v1", "chunkSize": 20_000_000}),
        ("async", SIZE, {"protocol": "tus-v1", "parallelUploads": 3}),
        ("sync", SIZE, {"protocol": "ietf-draft-05", "uploadDataDuringCreation": False}),
        ("sync", GIGABYTE, {"protocol": "tus-v1"}),
    ],
    indirect=["cinema", "film"],
    ids=["wsgi", "asgi-chunks", "asgi-parallel", "wsgi-draft", "wsgi-gigabyte"],
)
def test_a_film_comes_in_whole_over_a_line_that_breaks(cinema, client, film, options):
    path, digest = film
    size = path.stat().st_size
    cuts = random.Random(7).choices(range(size // 120, size // 12), k=CUTS)  # noqa: S311
    line = Line(cinema.server.port, cuts)

    def kill_at_half(left):
        if left == CUTS // 2:
            cinema.kill()  # with kill -9, both workers
            cinema.begin()
            line.target = cinema.server.port

    line.before_cut = kill_at_half
    url = f"http://127.0.0.1:{line.port}/tus"
    command = ["node", "tus_client.js", url, path, "film.bin", json.dumps(options)]
    done = subprocess.run(
        command, cwd=client, timeout=WAIT, capture_output=True, text=True, check=False
    )
    line.listening.close()
    assert done.returncode == 0, done.stderr + cinema.server.log.read_text()
    assert line.cuts == []
    (told,) = cinema.finished()
    assert told == {"name": "film.bin", "size": size, "digest": digest}
    assert list(cinema.folder.rglob("*.00000*")) == []  # no piece is left
