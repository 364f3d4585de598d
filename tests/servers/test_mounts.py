"""Applications of other frameworks below a prefix, under every server."""

import shutil
from pathlib import Path

import httpx2
import pytest

from tests.servers.conftest import command
from tests.servers.serving import serve


@pytest.fixture(scope="module")
def client(server_name, tmp_path_factory):
    folder = tmp_path_factory.mktemp(f"mounts-{server_name}")
    shutil.copy(Path(__file__).with_name("mounts_app.py"), folder / "mounts_app.py")
    start = command(server_name, "mounts_app:app")
    with (
        serve(start, folder, {"PYTHONPATH": str(folder)}) as running,
        httpx2.Client(base_url=running.url, timeout=30) as client,
    ):
        yield client


@pytest.mark.parametrize("inner", ["flask", "starlette"])
def test_bodies_go_in_and_urls_come_out(client, inner):
    body = "Grüße" * 50_000
    answer = client.post(f"/{inner}/echo", content=body.encode())
    assert answer.text == f"/{inner}/echo {body}"


@pytest.mark.parametrize("inner", ["flask", "starlette"])
def test_a_body_without_a_length_arrives(client, inner):
    answer = client.post(f"/{inner}/echo", content=iter([b"one ", b"two"]))
    assert answer.text == f"/{inner}/echo one two"


@pytest.mark.parametrize("inner", ["flask", "starlette"])
def test_streams_come_through(client, inner):
    assert client.get(f"/{inner}/count").text == "0\n1\n2\n"
