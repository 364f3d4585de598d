"""Start, end and bodies under every server, as they are on the wire and in the application."""

import shutil
import socket
import time
from contextlib import suppress
from pathlib import Path
from select import select

import httpx2
import pytest

from tests.servers.conftest import command
from tests.servers.serving import START, serve

MIB = 1024 * 1024
LIMIT = 16 * MIB
#: Servers that say "go on" before the application has asked for the body.
EAGER = {"werkzeug", "gunicorn-sync", "gunicorn", "waitress", "cheroot", "hypercorn", "daphne"}
#: Servers that ask the application when they have all of a body.
READS_FIRST = {"daphne", "waitress"}
#: Servers that tell nothing at their end: SIGTERM kills two, and daphne has no lifespan.
ABRUPT = {"cheroot", "waitress", "daphne"}
#: Servers that are not asked to end by themselves behind bodies that were refused: gunicorn's ASGI
#: worker waits for connections that are gone (for a bare function, too), and once hypercorn did
#: not end. test_stop.py tries how they end otherwise.
LINGERING = {"gunicorn-asgi", "hypercorn"}


@pytest.fixture(scope="module")
def server(server_name, tmp_path_factory):
    folder = tmp_path_factory.mktemp(f"bodies-{server_name}")
    shutil.copy(Path(__file__).with_name("lifespan_app.py"), folder / "lifespan_app.py")
    start = command(server_name, "lifespan_app:app")
    with serve(start, folder, {"PYTHONPATH": str(folder)}) as running:
        yield running
        if server_name in LINGERING:
            running.kill()
    events = (folder / "events.txt").read_text().splitlines()
    assert events.count("outer started") == events.count("inner started") == 1
    if server_name not in ABRUPT | LINGERING:
        assert events.count("outer stopped") == events.count("inner stopped") == 1


@pytest.fixture
def wire(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as wire:
        yield wire


def head(method, path, *fields):
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *fields, "", ""]
    return "\r\n".join(lines).encode()


def next_head(wire):
    """Return the next status line and fields that come; nothing when the connection is closed."""
    received = b""
    while not received.endswith(b"\r\n\r\n"):
        byte = wire.recv(1)
        if not byte:
            break
        received += byte
    return received


def final_head(wire):
    """Return the next head that is not a word to go on; werkzeug's server says that twice."""
    while (found := next_head(wire)).startswith(b"HTTP/1.1 100"):
        pass
    return found


def refusal(wire, server_name, body=b""):
    """Return the head that a client gets which waits with its body, if it may."""
    first = next_head(wire)
    if not first.startswith(b"HTTP/1.1 100"):
        return first
    assert server_name in EAGER
    wire.sendall(body)
    return final_head(wire)


@pytest.mark.parametrize("path", ["/read", "/counted"])
def test_a_body_announced_as_too_long_is_refused_before_it_is_sent(server_name, wire, path):
    wire.sendall(head("POST", path, f"Content-Length: {LIMIT + 1}", "Expect: 100-continue"))
    body = bytes(LIMIT + 1) if server_name in READS_FIRST else b""
    assert refusal(wire, server_name, body).startswith(b"HTTP/1.1 413")


def test_a_view_that_refuses_does_not_ask_for_the_body(server_name, wire):
    wire.sendall(head("POST", "/refused", "Content-Length: 1000", "Expect: 100-continue"))
    assert refusal(wire, server_name, bytes(1000)).startswith(b"HTTP/1.1 403")


@pytest.mark.parametrize("path", ["/read", "/counted"])
def test_a_client_that_waits_is_told_to_go_on(wire, path):
    wire.sendall(head("POST", path, "Content-Length: 4", "Expect: 100-continue"))
    assert next_head(wire).startswith(b"HTTP/1.1 100")
    wire.sendall(b"body")
    assert final_head(wire).startswith(b"HTTP/1.1 200")


def test_a_chunked_body_is_refused_while_it_comes(wire):
    wire.sendall(head("POST", "/counted", "Transfer-Encoding: chunked"))
    pieces = [b"%x\r\n%s\r\n" % (MIB, bytes(MIB))] * (4 * LIMIT // MIB) + [b"0\r\n\r\n"]
    assert send_until_answered(wire, pieces) >= LIMIT
    answer = b""
    with suppress(ConnectionError):  # some end the connection while this client still sends
        answer = next_head(wire)
    assert answer.startswith(b"HTTP/1.1 413") or not answer


def send_until_answered(wire, pieces):
    """Send until something comes back, and return the number of bytes sent."""
    sent = 0
    for piece in pieces:
        rest = memoryview(piece)
        while rest:
            readable, writable, _ = select([wire], [wire], [], 60)
            if readable or not writable:
                return sent
            try:
                count = wire.send(rest)
            except ConnectionError:
                return sent
            sent, rest = sent + count, rest[count:]
    return sent


@pytest.mark.parametrize("status", [204, 304])
def test_answers_without_a_body_have_none(wire, status):
    wire.sendall(head("GET", f"/nothing/{status}"))
    answer = next_head(wire)
    assert answer.startswith(b"HTTP/1.1 %d" % status)
    assert b"transfer-encoding" not in answer.lower()
    if b"connection: close" in answer.lower():
        assert wire.recv(1) == b""
    else:  # what comes next is the next answer
        wire.sendall(head("GET", "/events", "Connection: close"))
        assert next_head(wire).startswith(b"HTTP/1.1 200")


def wait_for(condition):
    deadline = time.monotonic() + START
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_applications_have_started_before_the_first_answer(server):
    """The end of this fixture looks whether they have stopped at the end."""
    events = httpx2.get(f"{server.url}/inner/events", timeout=30).text.splitlines()
    assert {"inner started", "outer started"} <= set(events)


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_stream_is_closed_and_torn_down_when_its_client_leaves(server, kind):
    with httpx2.Client(base_url=server.url, timeout=30) as client:
        with client.stream("GET", f"/stream/{kind}") as answer:
            assert len(next(answer.iter_raw())) > 0
        wait_for(lambda: f"{kind} torn down" in client.get("/events").text)
        events = client.get("/events").text.splitlines()
    assert events.count(f"{kind} closed") == events.count(f"{kind} torn down") == 1
