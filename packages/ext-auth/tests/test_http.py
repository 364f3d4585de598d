"""The HTTP client: what a provider may cost us."""

import asyncio
import gzip
import time
from types import SimpleNamespace

import pytest
from werkzeug.wrappers import Response

from cruse_auth.errors import ProviderError
from cruse_auth.http import Http
from cruse_auth.steps import Fetch, arun, run


@pytest.fixture(params=["plain", "async"])
def fetch(request):
    """Fetch a URL with either client, through the driver of its colour."""

    def steps(url):
        return (yield Fetch("GET", url))

    def get(url, **options):
        http = Http(**{"timeout": 60, "max_bytes": 1000, **options})
        if request.param == "plain":
            return run(steps(url), http)
        return asyncio.run(arun(steps(url), http))

    return get


def test_a_reply_is_read(serve, fetch):
    reply = fetch(serve(Response('{"a": 1}', headers={"X-Name": "x"})))
    assert (reply.status, reply.json(), reply.headers["x-name"]) == (200, {"a": 1}, "x")


def test_a_reply_that_is_too_long_is_not_read_to_its_end(serve, fetch):
    sent = []

    def endless(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        while True:
            sent.append(1)
            yield b"x" * 500

    with pytest.raises(ProviderError, match="longer than 1000 bytes"):
        fetch(serve(endless))
    assert len(sent) < 100_000


def test_a_reply_that_unpacks_to_too_much_is_not_unpacked(serve, fetch):
    bomb = gzip.compress(b"0" * 10_000_000)
    answer = Response(bomb, headers={"Content-Encoding": "gzip"})
    with pytest.raises(ProviderError, match="longer than"):
        fetch(serve(answer))


def test_a_reply_that_drips_is_given_up(serve, fetch, monkeypatch):
    pieces = []
    late = SimpleNamespace(monotonic=lambda: time.monotonic() + len(pieces))
    monkeypatch.setattr("cruse_auth.http.time", late)

    def drip(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        while True:
            pieces.append(b"x")
            yield b"x"  # each piece comes in time, and takes a second

    with pytest.raises(ProviderError, match="took longer than 60 s"):
        fetch(serve(drip), max_bytes=10**9)


def test_nobody_there(fetch):
    with pytest.raises(ProviderError, match="ConnectError"):
        fetch("http://127.0.0.1:9/")


@pytest.mark.parametrize("url", ["", "nonsense", "http://[", "ftp://x/", "http:///x"])
def test_what_is_no_address(fetch, url):
    with pytest.raises(ProviderError, match="failed"):
        fetch(url)


def test_redirects_are_not_followed(serve, fetch):
    reply = fetch(serve(Response("", 302, headers={"Location": "http://127.0.0.1:9/"})))
    assert reply.status == 302


def test_work_without_a_client_cannot_fetch():
    def steps():
        yield Fetch("GET", "http://127.0.0.1:9/")

    with pytest.raises(TypeError, match="needs an HTTP client"):
        run(steps())
