"""Uppy, in a browser: in pieces over a line that breaks, and directly to where files are kept.

Debian: nodejs, npm, chromium, chromium-driver. Uppy comes from npm.
"""

import hashlib
import json
import random
import shutil
import subprocess
from pathlib import Path
from uuid import uuid4

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from tests.machine.films import make_film
from tests.machine.lines import Line
from tests.machine.uploads_app import make_storage
from tests.servers.serving import launch

HERE = Path(__file__).parent
UPPY = "uppy@6.0.1"
SERVE = ["-m", "cruse", "--app", "uppy_app:app", "serve", "--port", "{port}", "--workers", "2"]
SIZE = 32 * 1024 * 1024
WAIT = 100  # seconds, on a machine with other work


@pytest.fixture(scope="session")
def bundle(tmp_path_factory):
    """Uppy as one module for browsers."""
    folder = tmp_path_factory.mktemp("uppy")
    npm = shutil.which("npm")
    assert npm, "npm is missing (Debian: apt install nodejs npm)"
    command = [npm, "install", "--no-audit", "--no-fund", "--prefix", folder, UPPY]
    subprocess.run(command, check=True, capture_output=True)
    return folder / "node_modules/uppy/dist/uppy.min.mjs"


@pytest.fixture
def film(tmp_path):
    """A large file, and its digest."""
    path = tmp_path / "film.bin"
    return path, make_film(path, SIZE)


@pytest.fixture
def place(request, tmp_path):
    """Where a server keeps its files: a folder, or an object store."""
    if request.param == "local":
        return [str(tmp_path / "files")]
    return [uuid4().hex, request.getfixturevalue("s3_endpoint")]


@pytest.fixture
def server(place, bundle, tmp_path):
    environment = {
        "PYTHONPATH": f"{HERE}:{HERE.parents[1]}",
        "UPPY_BUNDLE": str(bundle),
        "UPPY_FOLDER": str(tmp_path),
        "UPPY_PLACE": json.dumps(place),
    }
    with launch(SERVE, tmp_path, environment) as running:
        running.wait()
        yield running


@pytest.fixture
def send(browser, tmp_path):
    """Let a page send a file; return what it says then, and what the application was told."""

    def send(url, file):
        browser.get(url)
        state = browser.find_element(By.ID, "state")
        waiting = WebDriverWait(browser, WAIT)
        waiting.until(lambda _: state.text == "ready")
        browser.find_element(By.ID, "file").send_keys(str(file))
        waiting.until(lambda _: state.text.startswith(("done", "failed")))
        told = tmp_path / "finished"
        lines = told.read_text().splitlines() if told.exists() else []
        return state.text, [json.loads(line) for line in lines]

    return send


def digest_of(place, key):
    digest = hashlib.sha256()
    with make_storage(*place).open(f"files/{key}") as file:
        while chunk := file.read(1024 * 1024):
            digest.update(chunk)
    return digest.hexdigest()


@pytest.mark.parametrize("place", ["local"], indirect=True)
def test_uppy_goes_on_over_a_line_that_breaks(place, server, send, film):
    path, digest = film
    cuts = random.Random(7).choices(range(400_000, 2_500_000), k=20)  # noqa: S311
    line = Line(server.port, cuts)
    state, told = send(f"http://127.0.0.1:{line.port}/#tus", path)
    line.listening.close()
    assert state == "done"
    assert line.cuts == []
    (key,) = [each["key"] for each in told]
    assert digest_of(place, key) == digest


@pytest.mark.parametrize("place", ["local", "s3"], indirect=True)
def test_uppy_sends_a_file_to_where_it_is_kept(place, server, send, film, tmp_path):
    path, digest = film
    state, told = send(f"http://127.0.0.1:{server.port}/", path)
    assert state == "done"
    (key,) = [each["key"] for each in told]
    assert told[0]["name"] == "film.bin"
    assert digest_of(place, key) == digest
    keys = make_storage(*place).keys()
    assert [key for key in keys if key.endswith(".sent")] == []
    past_the_application = not (tmp_path / "put").exists()
    assert past_the_application is (len(place) == 2)


@pytest.mark.parametrize("place", ["s3"], indirect=True)
def test_uppy_is_told_what_is_refused(place, server, send, tmp_path):
    evil = tmp_path / "evil.png"
    evil.write_bytes(b"MZ\x90\x00" * 1000)
    state, told = send(f"http://127.0.0.1:{server.port}/", evil)
    assert state == "failed: This file is named .png but holds EXE data."
    forbidden = tmp_path / "forbidden.bin"
    forbidden.write_bytes(b"words")
    state, told = send(f"http://127.0.0.1:{server.port}/", forbidden)
    assert state.startswith("failed")
    assert told == []
    assert make_storage(*place).keys() == []
