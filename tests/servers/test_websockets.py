"""Websockets under every server that has them."""

import socket
from contextlib import suppress
from functools import partial

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync import client as websockets

from tests.servers.conftest import SERVERS

#: Its ten seconds are soon over on a machine with other work.
connect = partial(websockets.connect, open_timeout=60)

WITHOUT = {"cheroot", "granian-wsgi", "gunicorn", "gunicorn-sync", "waitress", "werkzeug"}


@pytest.fixture(scope="module", params=sorted(SERVERS.keys() - WITHOUT))
def server_name(request):
    return request.param


@pytest.fixture
def address(hello):
    return hello.url.replace("http", "ws", 1)


def test_messages_come_back_as_they_were_sent(address):
    with connect(f"{address}/echo/live") as client:
        for message in ("Grüße", b"\x00\xff", "x" * 200_000):
            client.send(message)
            assert client.recv(timeout=30) == message


@pytest.mark.parametrize(("path", "code"), [("/leave", 4001), ("/forbidden", 4403)])
def test_the_end_has_its_code(address, server_name, path, code):
    with connect(f"{address}{path}") as client, pytest.raises(ConnectionClosed) as closed:
        client.recv(timeout=30)
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


@pytest.mark.parametrize("how", ["cut off", "against the rules"])
def test_a_client_that_breaks_off_is_no_error(address, hello, how):
    frames = {"cut off": b"\x81\xfe\xff", "against the rules": b"\x83\x80\0\0\0\0"}
    connection = connect(f"{address}/echo/live").__enter__()
    connection.send("before")
    assert connection.recv(timeout=30) == "before"
    connection.socket.sendall(frames[how])  # half a head; an opcode that there is not (RFC 6455)
    with suppress(OSError):  # the server has been quicker
        connection.socket.shutdown(socket.SHUT_RDWR)
    connection.close()
    with connect(f"{address}/echo/live") as other:
        other.send("after")
        assert other.recv(timeout=30) == "after"
    # Its log is looked at when the server ends: see serving.serve.
    assert "Exception on" not in hello.log.read_text()
