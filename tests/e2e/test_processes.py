"""Two servers in front of one wall: what is posted at one is seen at the other."""

import re
from contextlib import ExitStack
from html import unescape
from io import BytesIO

import httpx2
import pytest
from PIL import Image

from tests.servers.serving import serve, wall_environment

WSGI = ["-m", "gunicorn", "--bind", "127.0.0.1:{port}", "--threads", "4", "--workers", "2"]
ASGI = ["-m", "uvicorn", "--port", "{port}"]


@pytest.fixture
def walls(tmp_path):
    """A WSGI server with two workers, and an ASGI server."""
    environment = {**wall_environment(tmp_path / "instance"), "PHOTOWALL_SEED": "false"}
    with ExitStack() as stack:
        running = []
        for name, command in (("wsgi", WSGI), ("asgi", ASGI)):
            folder = tmp_path / name
            folder.mkdir()
            server = serve([*command, "photowall.main:app"], folder, environment)
            running.append(stack.enter_context(server))
        yield running


def sign_in(client, name):
    """Go through the sign-in by the forms of its pages."""

    def action(page):
        return unescape(re.search(r'<form method="post" action="([^"]+)"', page.text)[1])

    start = client.post(action(client.get("/auth/login")))
    choice = client.get(start.headers["Location"], follow_redirects=True)
    done = client.post(action(choice), data={"person": name}, follow_redirects=True)
    assert done.url.path == "/"


def client_of(server):
    headers = {"Accept": "text/html", "Origin": server.url}
    return httpx2.Client(base_url=server.url, headers=headers, timeout=30)


@pytest.mark.parametrize("here", [0, 1])
def test_a_photo_posted_at_one_server_appears_on_pages_of_the_other(walls, here):
    file = BytesIO()
    Image.new("RGB", (64, 48), "#2f7f8f").save(file, "PNG")
    with client_of(walls[here]) as poster, client_of(walls[1 - here]) as reader:
        sign_in(poster, "noor")
        with reader.stream("GET", "/live?after=0") as stream:
            lines = stream.iter_lines()
            assert next(lines).startswith("retry: ")
            answer = poster.post(
                "/post",
                data={"caption": "From afar"},
                files={"photo": ("a.png", file.getvalue(), "image/png")},
            )
            assert answer.status_code == 303
            arrived = next(line for line in lines if line.startswith("id: "))
        assert arrived == "id: 1"
        assert reader.get("/api/photos/1").json()["caption"] == "From afar"


def test_a_sign_in_holds_at_every_process(walls):
    with client_of(walls[0]) as there, client_of(walls[1]) as here:
        sign_in(there, "ada")
        here.cookies.set("session", there.cookies["session"], domain="127.0.0.1")
        for _ in range(8):  # either worker
            assert there.get("/account/").status_code == 200
        assert here.get("/account/").status_code == 200
