"""Early hints, seen on the wire, from the servers that can send them."""

import socket

import pytest
from h2.connection import H2Connection
from h2.events import InformationalResponseReceived, ResponseReceived, StreamEnded

from tests.servers.conftest import command
from tests.servers.serving import serve

APP = """
import asyncio
from cruse import Cruse, send_early_hints

app = Cruse(__name__)
STYLE = "</app.css>; rel=preload; as=style"

@app.get("/sync")
def sync_view():
    send_early_hints(STYLE)
    return "done"

@app.get("/async")
async def async_view():
    send_early_hints(STYLE)
    await asyncio.sleep(0)
    return "done"
"""


@pytest.fixture(scope="module")
def site(server_name, tmp_path_factory):
    folder = tmp_path_factory.mktemp(f"hints-{server_name}")
    (folder / "hints_app.py").write_text(APP)
    with serve(command(server_name, "hints_app:app"), folder) as running:
        yield running


@pytest.fixture(scope="module", params=["gunicorn", "gunicorn-sync", "hypercorn"])
def server_name(request):
    return request.param


@pytest.mark.parametrize("path", ["/sync", "/async"])
def test_they_come_ahead_of_the_response(site, server_name, path):
    with socket.create_connection(("127.0.0.1", site.port), timeout=30) as connection:
        ask = over_http2 if server_name == "hypercorn" else over_http1
        assert ask(connection, path) == [(103, "</app.css>; rel=preload; as=style"), (200, "")]


def over_http1(connection, path):
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    connection.sendall(request.encode())
    answer = b""
    while piece := connection.recv(65536):
        answer += piece
    heads = answer.decode().split("\r\n\r\n")[:2]
    return [(int(head.split()[1]), link_of(head)) for head in heads]


def link_of(head):
    fields = dict(line.partition(": ")[::2] for line in head.split("\r\n")[1:])
    return fields.get("Link", "")


def over_http2(connection, path):
    http2 = H2Connection()
    http2.initiate_connection()
    fields = [(":method", "GET"), (":scheme", "http"), (":authority", "localhost")]
    http2.send_headers(1, [*fields, (":path", path)], end_stream=True)
    connection.sendall(http2.data_to_send())
    seen, ended = [], False
    while not ended:
        for event in http2.receive_data(connection.recv(65536)):
            if isinstance(event, InformationalResponseReceived | ResponseReceived):
                head = {name.decode(): value.decode() for name, value in event.headers}
                seen.append((int(head[":status"]), head.get("link", "")))
            ended = ended or isinstance(event, StreamEnded)
        connection.sendall(http2.data_to_send())
    return seen
