"""Compressed responses: who gets them, what they say of themselves, and what is left alone."""

import asyncio
import gc
import gzip
import json
import sys
import threading
import tracemalloc
import zlib
from wsgiref.util import FileWrapper

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cruse import Blueprint, Cruse, EventStream, Response, g, request, send_file, session
from cruse.cli import CruseGroup

try:
    from compression import zstd  # Python 3.14
except ImportError:
    from backports import zstd

TEXT = "All that is gold does not glitter. " * 100
BODY = TEXT.encode()
CODINGS = ["zstd", "br", "gzip"]
GATEWAYS = ["wsgi", "asgi"]
ALL = {"Accept-Encoding": "gzip, deflate, br, zstd"}
GZIP = {"Accept-Encoding": "gzip"}
STATIC = ["static", "compress"]


def reader(coding):
    """What takes the pieces of a compressed body and returns what can be read of them."""
    if coding == "gzip":
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress
    if coding == "br":
        return brotli.Decompressor().process
    return zstd.ZstdDecompressor().decompress


def read(response):
    """The whole body of a response as its reader sees it; an unfinished one is an error."""
    data = response.data
    match response.headers.get("Content-Encoding"):
        case "gzip":
            return gzip.decompress(data)
        case "br":
            return brotli.decompress(data)
        case "zstd":
            return zstd.decompress(data)
    return data


def make_app(**settings):
    app = Cruse(__name__, static_folder=None)
    app.secret_key = "secret"
    app.config.update({"COMPRESS_RESPONSES": True, **settings})
    return app


@pytest.fixture
def app():
    app = make_app()

    @app.get("/")
    def index():
        return TEXT

    return app


@pytest.fixture(params=GATEWAYS)
def client(app, request):
    client = app.test_client(gateway=request.param)
    yield client
    client.close()
    app.stop()


def view(app, path, function):
    app.add_url_rule(path, path, function)


def as_sync(pieces):
    yield from pieces


async def as_async(pieces):
    for piece in pieces:
        yield piece


def fields(response):
    """The header fields, without what is new each time."""
    return sorted((n.lower(), v) for n, v in response.headers if n.lower() != "date")


# -- who gets what --


def test_nothing_is_compressed_unless_a_setting_says_so(app, client):
    app.config["COMPRESS_RESPONSES"] = None
    response = client.get("/", headers=ALL)
    assert response.data == BODY
    assert "Content-Encoding" not in response.headers
    assert "Vary" not in response.headers


def test_long_wishes_of_clients_are_not_kept_whole(client):
    def ask(number):
        wish = f"gzip, {number}" + "x" * 30_000
        return client.get("/", headers={"Accept-Encoding": wish})

    assert ask(0).headers["Content-Encoding"] == "gzip"
    tracemalloc.start()
    try:
        for number in range(100):
            ask(number)
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] < 1_500_000  # 100 of them would take 3 MB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("coding", CODINGS)
def test_a_body_arrives_in_the_coding_that_the_client_accepts(client, coding):
    response = client.get("/", headers={"Accept-Encoding": coding})
    assert response.headers["Content-Encoding"] == coding
    assert response.headers["Vary"] == "Accept-Encoding"
    assert response.headers["Content-Length"] == str(len(response.data))
    assert len(response.data) < len(BODY) / 10
    assert read(response) == BODY


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        (None, None),
        ("", None),
        ("identity", None),
        ("deflate, compress", None),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, br", "br"),
        ("GZip", "gzip"),
        ("x-gzip", "gzip"),
        ("*", "zstd"),
        ("*, zstd;q=0", "br"),
        ("br;q=0.5, gzip;q=0.8", "gzip"),
        ("br;q=0.5, gzip;q=0.5", "br"),
        ("zstd;q=0, br;q=0.0, gzip;q=0.001", "gzip"),
        ("gzip;q=0", None),
        ("*;q=0", None),
        ("gzip;q=0.5, identity", None),
        ("gzip;q=0.5, identity;q=0.5", "gzip"),
        ("identity;q=0, gzip", "gzip"),
        ("identity;q=0", None),
        ("gzip;q=nonsense", None),
        ("gzip;level=9", None),
        (",, ;q=1, gzip", "gzip"),
    ],
)
def test_the_client_has_the_first_word_and_the_setting_the_second(client, accepted, coding):
    headers = {} if accepted is None else {"Accept-Encoding": accepted}
    response = client.get("/", headers=headers)
    assert response.headers.get("Content-Encoding") == coding
    assert response.headers["Vary"] == "Accept-Encoding"
    assert read(response) == BODY


def test_the_setting_lists_the_codings_in_its_own_order(app, client):
    app.config["COMPRESS_RESPONSES"] = ["gzip", "br"]
    assert client.get("/", headers=ALL).headers["Content-Encoding"] == "gzip"
    only_zstd = client.get("/", headers={"Accept-Encoding": "zstd"})
    assert "Content-Encoding" not in only_zstd.headers


@pytest.mark.parametrize(
    ("coding", "setting", "low", "high"),
    [
        ("gzip", "COMPRESS_LEVEL", 1, 9),
        ("br", "COMPRESS_BR_LEVEL", 0, 11),
        ("zstd", "COMPRESS_ZSTD_LEVEL", 1, 19),
    ],
)
def test_a_higher_level_makes_it_smaller(coding, setting, low, high):
    text = json.dumps([{"id": n, "square": n * n, "name": f"number {n % 7}"} for n in range(400)])
    sizes = []
    for level in (low, high):
        app = make_app(**{setting: level})
        view(app, "/", lambda: text)
        response = app.test_client().get("/", headers={"Accept-Encoding": coding})
        assert read(response) == text.encode()
        sizes.append(len(response.data))
    assert sizes[1] < sizes[0]


def test_a_coding_without_its_library_is_not_offered(app, client, monkeypatch):
    monkeypatch.setitem(sys.modules, "brotli", None)
    assert client.get("/", headers={"Accept-Encoding": "br"}).data == BODY
    response = client.get("/", headers={"Accept-Encoding": "br, gzip"})
    assert response.headers["Content-Encoding"] == "gzip"


def test_naming_a_coding_without_its_library_is_an_error_at_the_start(monkeypatch):
    monkeypatch.setitem(sys.modules, "brotli", None)
    app = make_app(COMPRESS_RESPONSES=["gzip", "br"])
    with pytest.raises(RuntimeError, match=r"COMPRESS_RESPONSES.*'br'.*cruse\[compress\]"):
        app.start()


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("COMPRESS_RESPONSES", "gzip"),
        ("COMPRESS_RESPONSES", ["gzip", "deflate"]),
        ("COMPRESS_RESPONSES", [["gzip"]]),
        ("COMPRESS_RESPONSES", 1),
        ("COMPRESS_MIN_SIZE", "1 kB"),
        ("COMPRESS_MIN_SIZE", -1),
        ("COMPRESS_MIN_SIZE", None),
        ("COMPRESS_LEVEL", 10),
        ("COMPRESS_BR_LEVEL", 12),
        ("COMPRESS_ZSTD_LEVEL", 20),
        ("COMPRESS_ZSTD_LEVEL", True),
        ("COMPRESS_MIMETYPES", "text/html"),
    ],
)
def test_a_setting_that_is_wrong_is_told_at_the_start_and_by_cruse_check(setting, value):
    app = make_app(**{setting: value})
    with pytest.raises((TypeError, ValueError), match=f"'{setting}'"):
        app.start()
    result = app.test_cli_runner().invoke(CruseGroup(create_app=lambda: app), ["check"])
    assert result.exit_code == 1
    assert f"error start: The setting '{setting}'" in result.output


# -- what is left alone --


def without_type():
    response = Response(BODY, headers={})
    del response.headers["Content-Type"]
    return response


def untouched(body):
    response = Response(body)
    response.compress = False
    return response


LEFT_ALONE = {
    "small": lambda: "a" * 499,
    "picture": lambda: Response(BODY, mimetype="image/png"),
    "encoded": lambda: (BODY, {"Content-Encoding": "compress"}),
    "identity": lambda: (BODY, {"Content-Encoding": "identity"}),
    "untransformed": lambda: (BODY, {"Cache-Control": "max-age=60, no-transform"}),
    "part": lambda: (BODY, 206, {"Content-Range": f"bytes 0-{len(BODY) - 1}/99999"}),
    "parts": lambda: Response(BODY, 206, mimetype="text/plain"),
    "no-part": lambda: (BODY, 416, {"Content-Range": "bytes */9"}),
    "digest": lambda: (BODY, {"Content-Digest": "sha-256=:AAAA:"}),
    "sent-by-another-server": lambda: Response(BODY, headers={"X-Accel-Redirect": "/other"}),
    "empty": lambda: "",
    "asked": lambda: untouched(BODY),
    "asked-stream": lambda: untouched(as_async([TEXT])),
}


def is_left_alone(app, client, function):
    plain = make_app(COMPRESS_RESPONSES=None)
    for each in (app, plain):
        view(each, "/view", function)
    response, expected = client.get("/view", headers=ALL), plain.test_client().get("/view")
    same = (response.status_code, fields(response), response.data) == (
        *(expected.status_code, fields(expected), expected.data),
    )
    plain.stop()
    return same


@pytest.mark.parametrize("name", LEFT_ALONE)
def test_what_must_or_asks_to_be_left_alone_is_sent_as_it_is(app, client, name):
    assert is_left_alone(app, client, LEFT_ALONE[name])


@pytest.mark.parametrize("function", [without_type, lambda: ("", 204)])
def test_what_has_no_type_or_no_content_is_sent_as_it_is(app, client, function):
    assert is_left_alone(app, client, function)


def test_a_route_can_ask_to_be_left_alone(app, client):
    blueprint = Blueprint("bp", __name__, url_prefix="/bp")
    for registry in (app, blueprint):
        registry.get("/left", endpoint="left", compress=False)(lambda: TEXT)
    app.register_blueprint(blueprint)
    for path in ("/left", "/bp/left"):
        response = client.get(path, headers=ALL)
        assert response.data == BODY
        assert "Vary" not in response.headers


def test_what_would_not_get_smaller_is_sent_as_it_is(app, client):
    noise = bytes(range(128))
    app.config["COMPRESS_MIN_SIZE"] = 1
    view(app, "/noise", lambda: noise)
    response = client.get("/noise", headers=ALL)
    assert response.data == noise
    assert "Content-Encoding" not in response.headers
    assert response.headers["Content-Length"] == "128"


def test_the_settings_say_from_which_size_and_which_types(app, client):
    app.config.update(COMPRESS_MIN_SIZE=2000, COMPRESS_MIMETYPES=["Application/X-Own"])
    view(app, "/own", lambda: Response(BODY, content_type="application/x-own; v=1"))
    view(app, "/small", lambda: Response(BODY[:1999], content_type="application/x-own"))
    assert client.get("/own", headers=GZIP).headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in client.get("/small", headers=GZIP).headers
    assert "Content-Encoding" not in client.get("/", headers=GZIP).headers


@pytest.mark.parametrize(
    ("headers", "cookie", "compressed"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, True, False),
        ({"Sec-Fetch-Site": "cross-site"}, False, True),
        ({"Sec-Fetch-Site": "same-origin"}, True, True),
        ({"Sec-Fetch-Site": "none"}, True, True),
        ({}, True, True),
    ],
)
def test_who_is_made_to_ask_by_another_site_gets_a_length_that_tells_nothing(
    client, headers, cookie, compressed
):
    if cookie:
        client.set_cookie("session", "somebody's")
    response = client.get("/", headers={**ALL, **headers})
    assert ("Content-Encoding" in response.headers) is compressed
    assert read(response) == BODY


# -- where it happens --


def test_hooks_and_session_come_before(app, client):
    seen = []

    @app.get("/hello")
    def hello():
        session["seen"] = True
        return {"text": TEXT}

    @app.after_request
    def look(response):
        seen.append(response.get_json()["text"])
        response.set_data(json.dumps({"text": TEXT, "more": TEXT}))
        return response

    response = client.get("/hello", headers=ALL)
    assert seen == [TEXT]
    assert json.loads(read(response)) == {"text": TEXT, "more": TEXT}
    assert response.headers["Content-Encoding"] == "zstd"
    assert "session=" in response.headers["Set-Cookie"]
    assert set(response.headers["Vary"].split(", ")) == {"Cookie", "Accept-Encoding"}


def test_errors_are_compressed_too(app, client):
    app.config.update(PROPAGATE_EXCEPTIONS=False, COMPRESS_MIN_SIZE=50)

    @app.get("/broken")
    def broken():
        raise ValueError

    @app.get("/broken/end")
    def broken_end():
        g.fail = True
        return TEXT

    @app.teardown_request
    def end(error):
        if "fail" in g:
            raise ValueError

    @app.errorhandler(404)
    def not_found(error):
        return TEXT, 404

    response = client.get("/nowhere", headers=ALL)
    assert (response.status_code, read(response)) == (404, BODY)
    assert response.headers["Content-Encoding"] == "zstd"
    for path in ("/broken", "/broken/end"):
        response = client.get(path, headers=ALL)
        assert response.status_code == 500
        assert response.headers["Content-Encoding"] == "zstd"
        assert b"Internal Server Error" in read(response)


def test_what_else_a_response_varies_by_stays(app, client):
    view(app, "/by-language", lambda: (TEXT, {"Vary": "Accept-Language"}))
    view(app, "/by-coding", lambda: (TEXT, {"Vary": "accept-encoding"}))
    view(app, "/by-anything", lambda: (TEXT, {"Vary": "*"}))
    assert client.get("/by-language").headers["Vary"] == "Accept-Language, Accept-Encoding"
    assert client.get("/by-coding").headers["Vary"] == "accept-encoding"
    assert client.get("/by-anything", headers=GZIP).headers["Vary"] == "*"


def test_a_large_body_of_an_async_view_does_not_hold_up_the_event_loop(app, monkeypatch):
    threads = []
    make = zlib.compressobj

    def compressobj(*args):
        made = make(*args)

        class Compressor:
            def compress(self, data):
                threads.append(threading.current_thread())
                return made.compress(data)

            def flush(self, *mode):
                return made.flush(*mode)

        return Compressor()

    monkeypatch.setattr(zlib, "compressobj", compressobj)

    @app.get("/large")
    async def large():
        return TEXT * 10

    @app.get("/small")
    async def small():
        return TEXT

    @app.get("/stream")
    async def stream():
        async def pieces():
            yield TEXT * 10

        return pieces()

    async def ask():
        client = app.async_test_client()
        for path in ("/large", "/small", "/stream"):
            response = await client.get(path, headers=GZIP)
            assert read(response).decode() == (TEXT if path == "/small" else TEXT * 10)
        return threading.current_thread()

    loop_thread = asyncio.run(ask())
    large_one, small_one, piece, _end = threads
    assert small_one is loop_thread
    assert large_one is not loop_thread
    assert piece is not loop_thread


def test_a_request_that_is_cancelled_meanwhile_still_closes_its_response(app, monkeypatch):
    begun, go_on, closed = threading.Event(), threading.Event(), []
    make = zlib.compressobj
    monkeypatch.setattr(zlib, "compressobj", lambda *args: SlowCompressor(make(*args)))

    class SlowCompressor:
        def __init__(self, made):
            self.flush = made.flush
            self.made = made

        def compress(self, data):
            begun.set()
            assert go_on.wait(60)
            return self.made.compress(data)

    @app.get("/large")
    async def large():
        response = Response(TEXT * 10)
        response.call_on_close(lambda: closed.append("closed"))
        return response

    async def nothing(message=None):
        raise AssertionError("there is nothing to receive, and nothing is sent")

    async def ask():
        scope = {"type": "http", "method": "GET", "path": "/large", "query_string": b""}
        scope["headers"] = [(b"host", b"localhost"), (b"accept-encoding", b"gzip")]
        task = asyncio.ensure_future(app(scope, nothing, nothing))
        assert await asyncio.to_thread(begun.wait, 60)
        task.cancel()
        await asyncio.sleep(0)
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(ask())
    assert closed == ["closed"]


# -- what caches and clients keep --


@pytest.fixture
def tagged(app):
    @app.get("/tagged")
    def tagged():
        response = Response(TEXT)
        response.set_etag("v1")
        return response.make_conditional(request)

    @app.get("/tagged/alone")
    def alone():
        if request.if_none_match.contains_weak("v1"):
            return Response(status=304, headers={"ETag": '"v1"'})
        return TEXT, {"ETag": '"v1"'}

    @app.get("/tagged/stream")
    def stream():
        response = Response(iter([TEXT]), headers={"ETag": '"v1"'})
        return response.make_conditional(request)


@pytest.mark.parametrize("path", ["/tagged", "/tagged/alone", "/tagged/stream"])
@pytest.mark.parametrize("coding", CODINGS)
def test_who_has_the_compressed_form_is_told_that_it_still_holds(client, tagged, path, coding):
    accept = {"Accept-Encoding": coding}
    first = client.get(path, headers=accept)
    assert read(first) == BODY
    assert first.headers["ETag"] == 'W/"v1"'
    again = client.get(path, headers={**accept, "If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert again.headers["Vary"] == first.headers["Vary"]
    assert "Content-Encoding" not in again.headers


@pytest.mark.parametrize("path", ["/tagged", "/tagged/alone", "/tagged/stream"])
def test_who_has_the_other_form_too(client, tagged, path):
    first = client.get(path)
    assert (first.data, first.headers["ETag"]) == (BODY, '"v1"')
    again = client.get(path, headers={"If-None-Match": '"v1"'})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == '"v1"'
    assert again.headers["Vary"] == first.headers["Vary"] == "Accept-Encoding"


def test_another_version_is_sent_anew(client, tagged):
    response = client.get("/tagged", headers={**GZIP, "If-None-Match": 'W/"v0"'})
    assert (response.status_code, read(response)) == (200, BODY)


def test_a_weak_etag_stays_what_it_is(app, client):
    view(app, "/weak", lambda: (TEXT, {"ETag": 'W/"v1"'}))
    assert client.get("/weak", headers=GZIP).headers["ETag"] == 'W/"v1"'


# -- HEAD --


@pytest.mark.parametrize("accepted", ["gzip", "zstd", "identity"])
def test_head_has_the_fields_of_get(app, client, tagged, accepted, tmp_path):
    (tmp_path / "report.csv").write_bytes(BODY)
    view(app, "/stream", lambda: iter([TEXT]))
    view(app, "/file", lambda: send_file(tmp_path / "report.csv"))
    view(app, "/small", lambda: "small")
    for path in ("/", "/tagged", "/stream", "/file", "/small", "/nowhere"):
        headers = {"Accept-Encoding": accepted}
        head, get = client.head(path, headers=headers), client.get(path, headers=headers)
        assert head.data == b""
        assert fields(head) == fields(get)
        get.close()


def test_head_that_tells_a_length_without_the_content_does_so_for_one_form(app, client):
    @app.get("/large")
    def large():
        if request.method == "HEAD":
            return Response(headers={"Content-Length": str(len(BODY)), "ETag": '"v1"'})
        return TEXT, {"ETag": '"v1"'}

    plain = client.head("/large")
    assert plain.headers["Content-Length"] == str(len(BODY))
    compressed = client.head("/large", headers=GZIP)
    assert compressed.headers["Content-Encoding"] == "gzip"
    assert compressed.headers["ETag"] == 'W/"v1"'
    assert "Content-Length" not in compressed.headers


# -- streams --


STREAMING = make_app()
PIECES = []
view(STREAMING, "/sync", lambda: as_sync(PIECES))
view(STREAMING, "/list", lambda: Response(PIECES))


@STREAMING.get("/async")
async def streaming():
    return as_async(PIECES)


@pytest.fixture(scope="module", params=GATEWAYS)
def streaming_client(request):
    client = STREAMING.test_client(gateway=request.param)
    yield client
    client.close()
    STREAMING.stop()


@given(
    st.lists(st.one_of(st.binary(max_size=200), st.text(st.characters(codec="utf-8")))),
    st.sampled_from(CODINGS),
    st.sampled_from(["sync", "async", "list"]),
    st.integers(0, 3),
)
def test_any_body_comes_back_however_it_is_split(streaming_client, pieces, coding, kind, longer):
    PIECES[:] = [*pieces, *[BODY] * longer]
    expected = b"".join(p.encode() if isinstance(p, str) else p for p in PIECES)
    response = streaming_client.get(f"/{kind}", headers={"Accept-Encoding": coding})
    assert read(response) == expected
    if kind != "list":
        assert response.headers["Content-Encoding"] == coding
        assert "Content-Length" not in response.headers


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("colour", ["sync", "async"])
def test_each_piece_arrives_before_the_next_is_made(app, client, coding, colour):
    has_first = threading.Event()

    def pieces():
        yield "one"
        assert has_first.wait(60)
        yield "two"

    async def later():
        yield "one"
        assert await asyncio.to_thread(has_first.wait, 60)
        yield "two"

    view(app, "/pieces", lambda: (pieces if colour == "sync" else later)())
    decode, seen = reader(coding), b""
    for piece in client.get("/pieces", headers={"Accept-Encoding": coding}).response:
        seen += decode(piece) if piece else b""
        if seen == b"one":
            has_first.set()
    assert seen == b"onetwo"
    assert has_first.is_set()


def test_a_stream_that_knows_its_length_tells_that_of_no_other_form(app, client):
    length = {"Content-Length": str(len(BODY))}
    view(app, "/known", lambda: (as_sync([TEXT]), length))
    view(app, "/short", lambda: (as_sync(["a"]), {"Content-Length": "1"}))
    response = client.get("/known", headers=GZIP)
    assert read(response) == BODY
    assert "Content-Length" not in response.headers
    assert client.get("/known").headers["Content-Length"] == str(len(BODY))
    assert client.get("/short", headers=GZIP).data == b"a"


@pytest.mark.parametrize("colour", [as_sync, as_async])
def test_the_context_lives_until_the_end_of_a_compressed_stream(app, client, colour):
    ends = []

    @app.get("/pieces")
    async def pieces():
        g.name = "anna"
        return colour(g.name + str(number) for number in range(3))

    @app.teardown_request
    def end(error):
        ends.append((g.name, error))

    assert read(client.get("/pieces", headers=GZIP)) == b"anna0anna1anna2"
    assert ends == [("anna", None)]


@pytest.mark.parametrize("gateway", GATEWAYS)
@pytest.mark.parametrize("colour", ["sync", "async"])
def test_a_stream_is_closed_when_the_client_leaves(app, colour, gateway):
    ends = []

    def forever():
        try:
            while True:
                yield "again"
        finally:
            ends.append("closed")

    async def forever_async():
        try:
            while True:
                yield "again"
                await asyncio.sleep(0)
        finally:
            ends.append("closed")

    make = forever if colour == "sync" else forever_async
    view(app, "/forever", lambda: make())
    app.teardown_request(lambda error: ends.append("torn down"))

    async def look_in():
        async with app.async_test_client().stream("/forever", headers=GZIP) as response:
            async for _ in response:
                break

    if gateway == "asgi":
        asyncio.run(look_in())
    else:
        response = app.test_client().get("/forever", headers=GZIP)
        next(iter(response.response))
        response.close()
        app.stop()
    assert ends == ["closed", "torn down"]


@pytest.mark.parametrize(
    ("gateway", "colour"), [("wsgi", "sync"), ("asgi", "sync"), ("asgi", "async")]
)
def test_a_stream_that_nobody_reads_is_closed_too(app, gateway, colour):
    class Pieces:
        closed = 0

        def __iter__(self):
            return self

        def __next__(self):
            raise AssertionError("nobody reads it")

        def close(self):
            self.closed += 1

    class AsyncPieces:
        closed = 0

        def __aiter__(self):
            return self

        async def __anext__(self):
            raise AssertionError("nobody reads it")

        async def aclose(self):
            self.closed += 1

    made = Pieces() if colour == "sync" else AsyncPieces()
    view(app, "/pieces", lambda: Response(made))
    response = app.test_client(gateway=gateway).head("/pieces", headers=GZIP)
    assert response.headers["Content-Encoding"] == "gzip"
    response.close()
    assert made.closed


@pytest.mark.parametrize("colour", ["sync", "async"])
def test_a_stream_that_fails_does_not_look_complete(app, client, colour):
    def broken():
        yield TEXT
        raise ValueError("broken")

    async def broken_async():
        yield TEXT
        raise ValueError("broken")

    view(app, "/broken", lambda: (broken if colour == "sync" else broken_async)())
    decoder, seen = zlib.decompressobj(zlib.MAX_WBITS | 16), b""
    with pytest.raises(ValueError, match="broken"):
        for piece in client.get("/broken", headers=GZIP).response:
            seen += decoder.decompress(piece)
    assert not decoder.eof


def test_events_are_left_alone_unless_their_type_is_listed(app, client):
    view(app, "/events", lambda: EventStream(as_async(["one", "two"])))
    response = client.get("/events", headers=ALL)
    assert response.data == b"data: one\n\ndata: two\n\n"
    assert "Content-Encoding" not in response.headers


def test_events_can_be_compressed_one_by_one(app, client):
    has_first = threading.Event()

    async def events():
        yield "one"
        assert await asyncio.to_thread(has_first.wait, 60)
        yield "two"

    app.config["COMPRESS_MIMETYPES"] = ["text/event-stream"]
    view(app, "/events", lambda: EventStream(events()))
    decode, seen = reader("gzip"), b""
    for piece in client.get("/events", headers=GZIP).response:
        seen += decode(piece) if piece else b""
        if seen == b"data: one\n\n":
            has_first.set()
    assert seen == b"data: one\n\ndata: two\n\n"
    assert has_first.is_set()


# -- files --


@pytest.fixture
def files(tmp_path):
    (tmp_path / "static").mkdir()
    for name, content in (("a.css", BODY), ("large.txt", BODY * 100), ("b.png", BODY)):
        (tmp_path / "static" / name).write_bytes(content)
    app = Cruse(__name__, root_path=str(tmp_path))
    app.config["COMPRESS_RESPONSES"] = True
    view(app, "/sent/<name>", lambda name: send_file(f"static/{name}"))
    return app


@pytest.fixture(params=GATEWAYS)
def file_client(files, request):
    client = files.test_client(gateway=request.param)
    yield client
    client.close()
    files.stop()


@pytest.mark.parametrize("path", ["/static/a.css", "/static/large.txt", "/sent/large.txt"])
@pytest.mark.parametrize("coding", CODINGS)
def test_files_of_a_type_that_is_worth_it_are_compressed(file_client, path, coding):
    accept = {"Accept-Encoding": coding}
    response = file_client.get(path, headers=accept)
    assert response.headers["Content-Encoding"] == coding
    assert response.headers["Vary"] == "Accept-Encoding"
    assert "Accept-Ranges" not in response.headers
    assert read(response) == (BODY if path.endswith("css") else BODY * 100)
    etag = response.headers["ETag"]
    assert etag.startswith('W/"')
    again = file_client.get(path, headers={**accept, "If-None-Match": etag})
    assert (again.status_code, again.data) == (304, b"")
    assert (again.headers["ETag"], again.headers["Vary"]) == (etag, "Accept-Encoding")


@pytest.mark.parametrize("path", ["/static/large.txt", "/sent/large.txt"])
def test_a_part_of_a_file_is_a_part_of_the_file_as_it_is(file_client, path):
    headers = {**GZIP, "Range": "bytes=3-9"}
    response = file_client.get(path, headers=headers)
    assert (response.status_code, response.data) == (206, BODY[3:10])
    assert "Content-Encoding" not in response.headers
    assert not response.headers["ETag"].startswith("W/")
    compressed = file_client.get(path, headers=GZIP)
    tag = compressed.headers["ETag"]
    compressed.close()
    rest = file_client.get(path, headers={**headers, "If-Range": tag})
    assert (rest.status_code, read(rest)) == (200, BODY * 100)


def test_a_sibling_made_in_advance_goes_first(files, file_client, tmp_path):
    sibling = gzip.compress(BODY)
    (tmp_path / "static" / "a.css.gz").write_bytes(sibling)
    response = file_client.get("/static/a.css", headers=ALL)
    assert (response.headers["Content-Encoding"], response.data) == ("gzip", sibling)
    assert response.headers["ETag"].endswith('-gzip"')
    for_brotli = file_client.get("/static/a.css", headers={"Accept-Encoding": "br"})
    assert (for_brotli.headers["Content-Encoding"], read(for_brotli)) == ("br", BODY)
    assert for_brotli.headers["Vary"] == "Accept-Encoding"


def test_a_picture_goes_out_the_server_s_fast_way(files):
    def ask(path):
        started = []
        environ = {
            **{"REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": ""},
            **{"SERVER_NAME": "localhost", "SERVER_PORT": "80", "wsgi.url_scheme": "http"},
            **{"HTTP_ACCEPT_ENCODING": "gzip", "wsgi.file_wrapper": FileWrapper},
        }
        body = files(environ, lambda status, headers: started.append(dict(headers)))
        return body, started[0]

    body, _ = ask("/sent/b.png")
    assert isinstance(body, FileWrapper)
    body.close()
    body, headers = ask("/sent/large.txt")
    assert gzip.decompress(b"".join(body)) == BODY * 100
    assert headers["Content-Encoding"] == "gzip"
    body.close()


def test_siblings_in_every_coding_can_be_made_in_advance(files, file_client, tmp_path):
    result = files.test_cli_runner().invoke(CruseGroup(create_app=lambda: files), STATIC)
    assert result.output == "6 files written (zstd, br, gzip).\n"
    for coding, suffix in (("zstd", "zst"), ("br", "br"), ("gzip", "gz")):
        response = file_client.get("/static/a.css", headers={"Accept-Encoding": coding})
        assert response.data == (tmp_path / "static" / f"a.css.{suffix}").read_bytes()
        assert read(response) == BODY
