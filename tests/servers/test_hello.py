"""One application object under every server, without a word about which it is."""

import httpx2
import pytest


@pytest.fixture
def client(hello):
    with httpx2.Client(base_url=hello.url, timeout=30) as client:
        yield client


def test_sync_and_async_views_answer(client):
    assert client.get("/").text == "Hello, World!"
    assert client.get("/async").json() == {"hello": "world", "log": ["started"]}


def test_a_body_comes_back_as_it_was_sent(client):
    body = bytes(range(256)) * 4_000
    assert client.post("/echo", content=body).content == body


def test_a_body_without_a_length_comes_back_as_it_was_sent(client):
    answer = client.post("/echo", content=iter([b"one ", b"two ", b"three"]))
    assert answer.content == b"one two three"


def test_a_body_that_is_read_with_a_time_limit_comes_back_as_it_was_sent(client):
    pieces = [b"%d " % number for number in range(2_000)]
    answer = client.post("/impatient", content=iter(pieces))
    assert answer.content == b"".join(pieces)


def test_a_body_over_the_limit_is_refused(client):
    try:
        answer = client.post("/echo", content=bytes(17 * 1024 * 1024), timeout=5)
    except httpx2.TransportError:
        return  # this client looks for an answer only when everything is sent, which nobody reads
    assert answer.status_code == 413


@pytest.mark.parametrize("path", ["/count", "/count/sync"])
@pytest.mark.parametrize("coding", ["gzip", "identity"])
def test_streams_arrive_whole(client, path, coding):
    answer = client.get(path, headers={"Accept-Encoding": coding})
    assert answer.text == "0\n1\n2\n"
    assert answer.headers.get("Content-Encoding", "identity") == coding
    assert answer.headers["Vary"] == "Accept-Encoding"


def test_a_body_that_is_large_enough_arrives_compressed(client):
    answer = client.get("/long", headers={"Accept-Encoding": "br, gzip"})
    assert answer.text == "Hello, World! " * 1_000
    assert answer.headers["Content-Encoding"] == "gzip"
    head = client.head("/long", headers={"Accept-Encoding": "br, gzip"})
    assert head.headers["Content-Encoding"] == "gzip"
    assert head.headers["ETag"] == answer.headers["ETag"]
    again = {"Accept-Encoding": "gzip", "If-None-Match": answer.headers["ETag"]}
    assert client.get("/long", headers=again).status_code == 304


def test_head_has_the_headers_and_no_body(client):
    answer = client.head("/")
    assert answer.status_code == 200
    assert answer.headers["Content-Length"] == "13"
    assert answer.content == b""


def test_paths_in_all_alphabets_are_found(client):
    assert client.get("/grüße/Zoë").text == "Grüße, Zoë!"


def test_wrong_addresses_and_methods_are_told(client):
    assert client.get("/nowhere").status_code == 404
    answer = client.delete("/")
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize("path", ["/%ff", "/gr%fc%dfe/x"])
def test_a_path_that_is_not_utf_8_is_no_error_of_ours(client, path):
    assert client.get(path).status_code in (400, 404)


def test_the_default_headers_are_there(client):
    assert client.get("/").headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_pages_of_another_site_may_read_what_is_theirs(client, method):
    page = {"Origin": "https://shop.example"}
    asked = client.options("/shared", headers={**page, "Access-Control-Request-Method": method})
    assert (asked.status_code, asked.content) == (204, b"")
    for answer in (asked, client.request(method, "/shared", headers=page)):
        assert answer.headers["Access-Control-Allow-Origin"] == "https://shop.example"
        assert "Origin" in answer.headers["Vary"]
    other = client.request(method, "/shared", headers={"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in other.headers


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_hints_keep_no_server_from_answering(client, server_name, method):
    """Which of them send one over HTTP/1; test_early_hints looks at it on the wire."""
    able = server_name in {"gunicorn", "gunicorn-sync"}
    assert client.request(method, "/shared").json() == {"told": able}


def test_a_plain_request_to_a_websocket_is_told_to_upgrade(client):
    answer = client.get("/echo/live")
    assert answer.status_code == 426
    assert "websocket" in answer.text
