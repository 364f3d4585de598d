"""Websockets under every server that has them."""

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from tests.servers.conftest import SERVERS

WITHOUT = {"cheroot", "granian-wsgi", "gunicorn", "gunicorn-sync", "waitress", "werkzeug"}


@pytest.fixture(scope="module", params=sorted(SERVERS.keys() - WITHOUT))
def server_name(request):
    return request.param


@pytest.fixture
def address(hello):
    return hello.url.replace("http", "ws", 1)


def test_messages_come_back_as_they_were_sent(address):
    with connect(f"{address}/echo/live") as socket:
        for message in ("Grüße", b"\x00\xff", "x" * 200_000):
            socket.send(message)
            assert socket.recv(timeout=30) == message


@pytest.mark.parametrize(("path", "code"), [("/leave", 4001), ("/forbidden", 4403)])
def test_the_end_has_its_code(address, server_name, path, code):
    with connect(f"{address}{path}") as socket, pytest.raises(ConnectionClosed) as closed:
        socket.recv(timeout=30)
    # RSGI has no word for a close code: granian sends a close frame without one.
    assert closed.value.rcvd.code == (1005 if server_name == "granian-rsgi" else code)


def test_nothing_is_accepted_where_there_is_no_websocket(address):
    with pytest.raises(InvalidStatus) as refused:
        connect(f"{address}/nothing").__enter__()
    assert refused.value.response.status_code in {403, 404}  # 403: the server knows no other


def test_pages_of_other_origins_are_refused(address):
    with pytest.raises(InvalidStatus) as refused:
        connect(f"{address}/echo/live", origin="https://evil.example").__enter__()
    assert refused.value.response.status_code == 403
