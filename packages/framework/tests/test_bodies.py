"""What clients send: forms, files, JSON, streams, and the limits on all of them."""

import asyncio
import hashlib
import io
import itertools
import json
import os
import subprocess
import sys
import tempfile
import tracemalloc
from contextlib import suppress
from functools import cached_property

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType
from werkzeug.formparser import FormDataParser

from cruse import Cruse, Request, request
from cruse.body import BodyStream
from cruse.formparser import FormParser, read_fields
from cruse.gateway.onloop import LoopBody
from cruse.testing.asgi import scope_from_environ

MIB = 1024 * 1024
BOUNDARY = "frontier"
FORM_TYPE = f"multipart/form-data; boundary={BOUNDARY}"


def multipart(*parts, end=True):
    """Return a multipart body of ``(headers, content)`` pairs."""
    body = b""
    for headers, content in parts:
        body += f"--{BOUNDARY}\r\n{headers}\r\n\r\n".encode() + content + b"\r\n"
    return body + (f"--{BOUNDARY}--\r\n".encode() if end else b"")


def field(name):
    return f'Content-Disposition: form-data; name="{name}"'


def file(name, filename):
    return f'{field(name)}; filename="{filename}"\r\nContent-Type: text/plain'


@pytest.fixture
def app():
    app = Cruse(__name__, static_folder=None)
    answers = {
        "form": lambda: dict(request.form),
        "files": lambda: {n: f.read().decode() for n, f in request.files.items()},
        "json": lambda: {"json": request.get_json()},
        "data": lambda: {"size": len(request.get_data())},
        "args": lambda: request.args.to_dict(flat=False),
        "nothing": lambda: {},
    }

    def add(name, answer):
        async def from_async():
            return answer()

        app.add_url_rule(f"/{name}", name, answer, methods=["GET", "POST"])
        app.add_url_rule(f"/async/{name}", f"async_{name}", from_async, methods=["GET", "POST"])
        app.add_url_rule(
            f"/inline/{name}", f"inline_{name}", answer, methods=["GET", "POST"], inline=True
        )

    for name, answer in answers.items():
        add(name, answer)
    return app


@pytest.fixture(params=["wsgi", "asgi"])
def client(app, request):
    client = app.test_client(gateway=request.param)
    yield client
    client.close()


@pytest.fixture(params=["", "/async", "/inline"])
def face(request):
    return request.param


def test_a_form_is_the_same_in_every_kind_of_view(client, face):
    assert client.post(f"{face}/form", data={"a": "ä b&c", "d": ""}).json == {
        "a": "ä b&c",
        "d": "",
    }


def test_files_are_the_same_in_every_kind_of_view(client, face):
    data = {"a": (io.BytesIO(b"content"), "a.txt")}
    assert client.post(f"{face}/files", data=data).json == {"a": "content"}


def test_json_is_the_same_in_every_kind_of_view(client, face):
    assert client.post(f"{face}/json", json={"a": [1, None]}).json == {"json": {"a": [1, None]}}


def test_the_raw_data_is_there_in_every_kind_of_view(client, face):
    assert client.post(f"{face}/data", data=b"x" * 100_000).json == {"size": 100_000}


def test_a_body_over_the_limit_is_a_413(app, client, face):
    app.config["MAX_CONTENT_LENGTH"] = 1000
    assert client.post(f"{face}/data", data=b"x" * 1000).status_code == 200
    assert client.post(f"{face}/data", data=b"x" * 1001).status_code == 413


def test_a_chunked_body_over_the_limit_is_a_413(app, client, face):
    app.config["MAX_CONTENT_LENGTH"] = 1000
    chunked = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    response = client.post(
        f"{face}/data", input_stream=io.BytesIO(b"x" * 5000), environ_overrides=chunked
    )
    assert response.status_code == 413


def test_a_body_cut_short_is_a_400(client, face):
    response = client.post(
        f"{face}/data",
        input_stream=io.BytesIO(b"x" * 3),
        environ_overrides={"CONTENT_LENGTH": "1000"},
    )
    assert response.status_code == 400


def test_a_form_s_fields_have_a_limit_in_memory(app, client, face):
    app.config["MAX_FORM_MEMORY_SIZE"] = 100
    assert client.post(f"{face}/form", data={"a": "x" * 101}).status_code == 413
    body = multipart((field("a"), b"x" * 60), (field("b"), b"x" * 60))
    assert client.post(f"{face}/form", data=body, content_type=FORM_TYPE).status_code == 413


def test_a_form_has_a_limit_of_fields(app, client, face):
    app.config["MAX_FORM_PARTS"] = 3
    assert (
        client.post(f"{face}/form", data="a=1&b=2&c=3&d=4", content_type=URLENCODED).status_code
        == 413
    )
    body = multipart(*[(field(name), b"1") for name in "abcd"])
    assert client.post(f"{face}/form", data=body, content_type=FORM_TYPE).status_code == 413


URLENCODED = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    "body",
    [
        multipart((field("a"), b"1"), end=False),
        multipart((file("a", "a.txt"), b"1" * 1000), end=False),
        multipart((field("a"), b"1"))[:-6],
        b"no boundary at all, for longer than the boundary is",
        f"--{BOUNDARY}\r\nNo colon\r\n\r\n1\r\n--{BOUNDARY}--\r\n".encode(),
        multipart(("X-Other: 1", b"1")),
        multipart((field("a"), b"\xff")),
    ],
)
def test_a_malformed_or_truncated_multipart_form_is_a_400(client, face, body):
    assert client.post(f"{face}/form", data=body, content_type=FORM_TYPE).status_code == 400


def test_a_multipart_form_without_a_boundary_is_a_400(client, face):
    response = client.post(f"{face}/form", data=b"x", content_type="multipart/form-data")
    assert response.status_code == 400


@pytest.mark.parametrize("query", ["a=%ff", "a=%c3%28", "%80=1"])
def test_a_query_that_is_not_utf8_is_a_400(client, face, query):
    assert client.get(f"{face}/args?{query}").status_code == 400


def test_a_form_that_is_not_utf8_is_a_400(client, face):
    for body in (b"a=%ff", b"a=\xff"):
        response = client.post(f"{face}/form", data=body, content_type=URLENCODED)
        assert response.status_code == 400


def test_a_query_that_nobody_reads_disturbs_nobody(client, face):
    assert client.get(f"{face}/nothing?a=%ff").status_code == 200


@pytest.mark.parametrize(
    "body", [b"{", b"\xff", b"[" * 100_000, b"", b"nul", b'{"a":' * 50_000 + b"1"]
)
def test_bad_json_is_a_400(client, face, body):
    response = client.post(f"{face}/json", data=body, content_type="application/json")
    assert response.status_code == 400


def test_json_without_its_content_type_is_a_415(client, face):
    assert client.post(f"{face}/json", data=b"{}").status_code == 415


def test_a_body_that_nobody_reads_disturbs_nobody(client, face):
    assert client.post(f"{face}/nothing", data=b"x" * 100_000).status_code == 200


async def total(chunks):
    size = 0
    async for chunk in chunks:
        size += len(chunk)
    return size


def streaming_app():
    app = Cruse(__name__, static_folder=None)

    def collect():
        return [
            [part.name, part.filename, sum(map(len, part))]
            for part in request.parts()
            if part.name != "skipped"
        ]

    async def acollect():
        return [
            [part.name, part.filename, await total(part)]
            async for part in request.parts()
            if part.name != "skipped"
        ]

    def count():
        return {"size": sum(len(chunk) for chunk in request.stream)}

    async def acount():
        return {"size": await total(request.stream)}

    for path, view in (
        ("/parts", collect),
        ("/async/parts", acollect),
        ("/count", count),
        ("/async/count", acount),
    ):
        app.add_url_rule(path, path, view, methods=["POST"], stream=True)
    return app


@pytest.fixture(params=["wsgi", "asgi"])
def streaming(request):
    client = streaming_app().test_client(gateway=request.param)
    yield client
    client.close()


@pytest.mark.parametrize("prefix", ["", "/async"])
def test_a_streaming_view_gets_the_parts_as_they_arrive(streaming, prefix):
    body = multipart(
        (field("title"), b"hello"),
        (file("skipped", "s"), b"s" * 200_000),
        (file("a", "a.bin"), b"x" * 300_000),
    )
    response = streaming.post(f"{prefix}/parts", data=body, content_type=FORM_TYPE)
    assert response.json == [["title", None, 5], ["a", "a.bin", 300_000]]


@pytest.mark.parametrize("prefix", ["", "/async"])
def test_a_streaming_view_gets_the_chunks_of_any_body(streaming, prefix):
    response = streaming.post(f"{prefix}/count", data=b"x" * 300_000)
    assert response.json == {"size": 300_000}


@pytest.mark.parametrize("prefix", ["", "/async"])
def test_a_truncated_form_is_a_400_while_streaming(streaming, prefix):
    body = multipart((file("a", "a"), b"x" * 100), end=False)
    response = streaming.post(f"{prefix}/parts", data=body, content_type=FORM_TYPE)
    assert response.status_code == 400


@pytest.mark.parametrize("prefix", ["", "/async"])
def test_another_body_than_multipart_is_a_415_while_streaming(streaming, prefix):
    assert streaming.post(f"{prefix}/parts", data=b"x").status_code == 415


class Dripping:
    """A body that comes in pieces of the given sizes."""

    def __init__(self, body, sizes):
        self.body = io.BytesIO(body)
        self.sizes = sizes
        self.turn = 0

    def read(self, size=-1):
        piece = self.sizes[self.turn % len(self.sizes)]
        self.turn += 1
        return self.body.read(piece if size < 0 else min(size, piece))


class InPieces(io.BytesIO):
    """A body of which who asks for a few bytes gets two: a WSGI server may have no more."""

    def read(self, size=-1):
        return super().read(min(size, 2) if size < 100 else size)


def decoded(*values):
    return [value.decode() if isinstance(value, bytes) else value for value in values]


# What a view reads of ``a=1&b=2``, in this order, and what it gets.
FORM = {"a": "1", "b": "2"}
ORDERS = {
    "data, data": (lambda: (request.get_data(), request.get_data()), ["a=1&b=2", "a=1&b=2"]),
    "data not kept, data": (
        lambda: (request.get_data(cache=False), request.get_data()),
        ["a=1&b=2", ""],
    ),
    "data, form": (lambda: (request.get_data(), request.form), ["a=1&b=2", FORM]),
    "text, stream": (
        lambda: (request.get_data(as_text=True), request.stream.read()),
        ["a=1&b=2", ""],
    ),
    "form, data": (lambda: (request.form, request.get_data()), [FORM, ""]),
    "form as data, form": (
        lambda: (request.get_data(parse_form_data=True), request.form),
        ["", FORM],
    ),
    "form, stream": (lambda: (request.form, request.stream.read()), [FORM, ""]),
    "stream, form": (lambda: (request.stream.read(), request.form), ["a=1&b=2", {}]),
    "some, data": (lambda: (request.stream.read(1), request.get_data()), ["a", "=1&b=2"]),
    "some, form": (lambda: (request.stream.read(2), request.form), ["a=", {"1": "", "b": "2"}]),
}
ARRIVALS = ["whole", "in pieces", "chunked"]


def arriving(how, body):
    """Return how a test client sends a form in this way."""
    if how == "whole":
        return {"data": body, "content_type": URLENCODED}
    how_long = {"CONTENT_LENGTH": str(len(body))}
    if how == "chunked":
        how_long = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    return {
        "input_stream": InPieces(body),
        "content_type": URLENCODED,
        "environ_overrides": how_long,
    }


@pytest.mark.parametrize("how", ARRIVALS)
@pytest.mark.parametrize("order", ORDERS)
def test_a_body_is_read_once_however_it_arrives(app, client, face, order, how):
    read, expected = ORDERS[order]
    view = app.view_functions
    view["nothing"] = view["inline_nothing"] = lambda: decoded(*read())

    async def from_async():
        return decoded(*read())

    view["async_nothing"] = from_async
    assert client.post(f"{face}/nothing", **arriving(how, b"a=1&b=2")).json == expected


@pytest.mark.parametrize("how", ARRIVALS)
def test_an_async_hook_may_read_the_body_ahead(app, client, how):
    @app.before_request
    async def before():
        await request.load_body()
        await request.load_body()

    app.view_functions["nothing"] = lambda: [request.form, request.get_data(as_text=True)]
    assert client.post("/nothing", **arriving(how, b"a=1&b=2")).json == [FORM, ""]


@pytest.mark.parametrize("limit", ["max_content_length", "max_form_memory_size", "max_form_parts"])
@pytest.mark.parametrize("where", ["class", "request"])
@pytest.mark.parametrize("how", ARRIVALS)
def test_a_request_has_limits_of_its_own(app, client, limit, where, how):
    def send(path):
        return client.post(path, **arriving(how, b"a=1&b=2")).status_code

    own = {}

    @app.before_request
    def before():
        for name, value in own.items():
            setattr(request, name, value)

    assert send("/form") == 200
    if where == "class":
        app.request_class = type("Limited", (Request,), {limit: 1})
    else:
        own[limit] = 1
    assert send("/form") == 413
    assert send("/data") == (413 if limit == "max_content_length" else 200)


@pytest.mark.parametrize("how", ARRIVALS)
def test_a_stream_of_ones_own_is_read(app, client, face, how):
    class Own(Request):
        @cached_property
        def stream(self):
            return io.BytesIO(b"own=1")

    app.request_class = Own
    assert client.post(f"{face}/form", **arriving(how, b"a=1")).json == {"own": "1"}
    assert client.post(f"{face}/data", **arriving(how, b"a=1")).json == {"size": 5}


@pytest.mark.parametrize("how", ARRIVALS)
def test_a_hook_may_put_another_stream_in_its_place(app, client, face, how):
    @app.before_request
    def before():
        request.stream = io.BytesIO(b"own=1")

    assert client.post(f"{face}/form", **arriving(how, b"a=1")).json == {"own": "1"}


@pytest.mark.parametrize("how", ARRIVALS)
def test_a_form_is_read_from_where_a_subclass_says(app, client, face, how):
    class Own(Request):
        def _get_stream_for_parsing(self):
            return io.BytesIO(b"own=1")

    app.request_class = Own
    assert client.post(f"{face}/form", **arriving(how, b"a=1")).json == {"own": "1"}


class OwnFiles(Request):
    @cached_property
    def files(self):
        return MultiDict({"a": FileStorage(io.BytesIO(b"own"))})


class OwnWay(Request):
    def _load_form_data(self):
        self.__dict__["form"] = MultiDict()
        self.__dict__["files"] = MultiDict({"a": FileStorage(io.BytesIO(b"own"))})


class Assigned(Request):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.files = MultiDict({"a": FileStorage(io.BytesIO(b"own"))})


class Added(Request):
    parameter_storage_class = MultiDict


@pytest.mark.parametrize("request_class", [Request, OwnFiles, OwnWay, Assigned, Added])
def test_files_are_closed_at_the_end_wherever_they_come_from(client, app, face, request_class):
    kept = []

    def view():
        if request_class is Added:
            request.files.add("a", FileStorage(io.BytesIO(b"sent")))
        kept.append(request.files["a"])
        return {"size": len(request.files["a"].read())}

    app.request_class = request_class
    app.view_functions["files"] = app.view_functions["inline_files"] = view

    async def from_async():
        return view()

    app.view_functions["async_files"] = from_async
    data = {"b": "1"} if request_class is Added else {"a": (io.BytesIO(b"file"), "a.txt")}
    expected = 3 if request_class in (OwnFiles, OwnWay, Assigned) else 4
    assert client.post(f"{face}/files", data=data).json == {"size": expected}
    assert kept[0].closed


contents = st.binary(max_size=200) | st.sampled_from(
    [b"\r\n", b"\r", b"\n--frontier", b"\r\n--frontie", b"\r\n--frontier-", b"--frontier--"]
).map(lambda edge: edge.replace(b"frontier", b"frontieR"))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(contents, min_size=1, max_size=4),
    st.lists(st.integers(1, 40), min_size=1, max_size=6),
)
def test_a_file_arrives_byte_for_byte_wherever_the_chunks_are_split(files, sizes):
    body = multipart(*[(file("f", "name"), content) for content in files])
    _, form, received = FormParser(lambda **kwargs: io.BytesIO()).parse(
        BodyStream(Dripping(body, sizes), len(body), None),
        "multipart/form-data",
        len(body),
        {"boundary": BOUNDARY},
    )
    assert [file.read() for file in received.getlist("f")] == files
    assert not form


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300), st.sampled_from([FORM_TYPE, URLENCODED, "application/json"]))
def test_no_body_whatever_is_in_it_raises_anything_but_an_http_error(body, content_type):
    app = Cruse(__name__, static_folder=None)
    environ = {
        "wsgi.input": io.BytesIO(body),
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": content_type,
        "REQUEST_METHOD": "POST",
        "wsgi.url_scheme": "http",
    }
    ctx = app.request_context(environ)
    with app.app_context():
        for read in (lambda: ctx.request.form, lambda: ctx.request.get_json(silent=True)):
            with suppress(BadRequest, RequestEntityTooLarge, UnsupportedMediaType):
                assert read() is not Ellipsis


@pytest.mark.parametrize(
    "value", ["Basic \xff\xff", "Basic !", "Basic", "Bearer", "Digest a", "\xff"]
)
def test_credentials_that_cannot_be_read_are_none(value):
    app = Cruse(__name__, static_folder=None)
    with app.test_request_context("/", environ_overrides={"HTTP_AUTHORIZATION": value}):
        authorization = request.authorization
        assert authorization is None or not authorization.username


class Endless:
    """A multipart form of one large file, made while it is read: never in memory as a whole."""

    CHUNK = b"x" * 65536

    def __init__(self, mebibytes):
        opening = b"".join(
            (
                b"--boundary\r\n",
                b'Content-Disposition: form-data; name="f"; filename="f"\r\n\r\n',
            )
        )
        pieces = mebibytes * 16
        self.size = len(opening) + pieces * len(self.CHUNK) + len(b"\r\n--boundary--\r\n")
        self.rest = b""
        self.pieces = iter([opening, *[self.CHUNK] * pieces, b"\r\n--boundary--\r\n"])

    def next_piece(self):
        return next(self.pieces, b"")

    def read(self, size=-1):
        piece = self.rest or self.next_piece()
        data, self.rest = piece[:size], piece[size:]
        return data


def send_endless(app, gateway, path, body):
    """Send it as a server does, and return the status and the answer."""
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": path,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_TYPE": "multipart/form-data; boundary=boundary",
        "CONTENT_LENGTH": str(body.size),
        "wsgi.url_scheme": "http",
        "wsgi.input": body,
    }
    answer = []
    if gateway == "wsgi":
        chunks = app(environ, lambda status, headers: answer.append(int(status[:3])))
        return answer[0], b"".join(chunks)

    async def receive():
        await asyncio.sleep(0)  # others have their turn meanwhile
        piece = body.next_piece()
        return {"type": "http.request", "body": piece, "more_body": bool(piece)}

    async def send(message):
        answer.append(message.get("status", message.get("body")))

    async def serve():
        await app(scope_from_environ(environ), receive, send)
        await app.stop_on_loop()

    asyncio.run(serve())
    return answer[0], answer[1]


@pytest.mark.parametrize("gateway", ["wsgi", "asgi"])
@pytest.mark.parametrize("path", ["/count", "/async/count", "/parts", "/async/parts"])
def test_a_body_of_any_size_takes_a_bounded_memory(gateway, path):
    app = streaming_app()
    app.config["MAX_CONTENT_LENGTH"] = None
    send_endless(app, gateway, path, Endless(1))  # what is imported and cached now counts no more
    body = Endless(64)
    tracemalloc.start()
    try:
        status, answer = send_endless(app, gateway, path, body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        app.stop()
    size = body.size if path.endswith("count") else 64 * 1024 * 1024
    assert (status, str(size).encode() in answer) == (200, True)
    assert peak < 4 * MIB


FULL = """
import logging, resource, sys
from cruse import Cruse, request
from cruse.outages import InsufficientStorage

app = Cruse("app", static_folder=None)
logging.basicConfig(stream=sys.stdout, format="%(levelname)s %(message)s")

@app.post("/plain/form")
def form():
    return str(len(request.files["file"].read()))

@app.post("/plain/data")
def data():
    request.read_body()
    return str(len(request.get_data()))

@app.post("/async/form")
async def form_on_loop():
    return str(len(request.files["file"].read()))

@app.post("/async/data")
async def data_on_loop():
    return str(len(request.get_data()))

if "handler" in sys.argv:
    app.register_error_handler(InsufficientStorage, lambda error: ("No room.", 507))

resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
client = app.test_client(gateway=sys.argv[1])
for path in sys.argv[2].split(","):
    for size in (3_000_000, 9):
        data = bytes(size)
        if path.endswith("form"):
            head = b'--x\\r\\nContent-Disposition: form-data; name="file"; filename="a"'
            data = head + b"\\r\\n\\r\\n" + data + b"\\r\\n--x--\\r\\n"
        kind = "multipart/form-data; boundary=x"
        headers = {"Content-Type": kind, "Accept": "application/json"}
        answer = client.post(path, data=data, headers=headers)
        print(answer.status_code, answer.text if "handler" in sys.argv else answer.mimetype)
"""


@pytest.mark.skipif(os.name == "nt", reason="Nothing limits the size of a file there.")
@pytest.mark.parametrize("gateway", ["wsgi", "asgi"])
def test_without_room_for_a_temporary_file_it_is_a_507_and_a_line_in_the_log(gateway):
    paths = ["/plain/form", "/plain/data", "/async/form", "/async/data"]
    command = [sys.executable, "-c", FULL, gateway, ",".join(paths)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    lines = done.stdout.splitlines()
    logged = f"ERROR There is no room for temporary files in {tempfile.gettempdir()}: [Errno 27]"
    assert [line[: len(logged)] for line in lines] == len(paths) * [
        logged,
        "507 application/problem+json",
        "200 text/html",
    ]


@pytest.mark.skipif(os.name == "nt", reason="Nothing limits the size of a file there.")
def test_a_handler_may_answer_for_a_full_disk():
    command = [sys.executable, "-c", FULL, "wsgi", "/plain/form", "handler"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout.splitlines()[1:] == ["507 No room.", "200 9"]


def form_app():
    """An application that tells the sizes of the files it got, and which of them are on disk."""
    app = Cruse(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = None

    def sizes():
        files = request.files.getlist("f")
        assert all(file.stream.read(1) == b"x" for file in files)
        return [[file.stream.seek(0, 2), file.stream._rolled] for file in files]

    async def sizes_async():
        return sizes()

    app.post("/sizes")(sizes)
    app.post("/async/sizes")(sizes_async)
    return app


@pytest.mark.parametrize("gateway", ["wsgi", "asgi"])
@pytest.mark.parametrize("prefix", ["", "/async"])
def test_a_form_that_is_read_at_once_takes_a_bounded_memory(gateway, prefix):
    app = form_app()
    send_endless(app, gateway, f"{prefix}/sizes", Endless(3))
    body = Endless(32)
    tracemalloc.start()
    try:
        status, answer = send_endless(app, gateway, f"{prefix}/sizes", body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        app.stop()
    assert (status, json.loads(answer)) == (200, [[32 * MIB, True]])
    assert peak < 5 * MIB


@pytest.mark.parametrize("gateway", ["wsgi", "asgi"])
@pytest.mark.parametrize("prefix", ["", "/async"])
def test_the_files_of_a_form_stay_in_memory_up_to_two_mebibytes_together(gateway, prefix):
    contents = [MIB, 900_000, 200_000, 100_000, 3 * MIB, 10]
    body = multipart(*[(file("f", "f.txt"), b"x" * size) for size in contents])
    app = form_app()
    with app.test_client(gateway=gateway) as client:
        answer = client.post(f"{prefix}/sizes", data=body, content_type=FORM_TYPE)
    on_disk = [False, False, True, False, True, False]
    assert answer.json == [list(pair) for pair in zip(contents, on_disk, strict=True)]


@pytest.mark.parametrize("gateway", ["wsgi", "asgi"])
def test_many_small_files_do_not_use_up_the_files_that_a_process_may_have_open(gateway):
    contents = [2 * MIB - 100_000, *[1000] * 900, 65_000]
    body = multipart(*[(file("f", "f.txt"), b"x" * size) for size in contents])
    app = form_app()
    with app.test_client(gateway=gateway) as client:
        answer = client.post("/sizes", data=body, content_type=FORM_TYPE)
    assert answer.json == [[size, False] for size in contents]


@pytest.mark.parametrize("gateway", ["wsgi", "asgi"])
def test_a_file_in_memory_is_one_like_any_other(gateway):
    app = Cruse(__name__, static_folder=None)

    @app.post("/")
    def view():
        stream = request.files["f"].stream
        whole, rest = stream.read(), stream.read()
        stream.write(b" and more")
        stream.seek(0)
        again = stream.read()
        number = stream.fileno()  # which only a file on disk has
        return [each.decode() for each in (whole, rest, again, os.pread(number, 100, 0))]

    body = multipart((file("f", "f.txt"), b"content"))
    with app.test_client(gateway=gateway) as client:
        answer = client.post("/", data=body, content_type=FORM_TYPE)
    assert answer.json == ["content", "", *["content and more"] * 2]


@pytest.mark.parametrize("gateway", ["wsgi", "asgi"])
def test_a_request_class_may_keep_uploaded_files_elsewhere(gateway, tmp_path):
    class Own(Request):
        def _get_file_stream(self, *args, filename, **kwargs):
            return open(tmp_path / filename, "w+b")

    app = Cruse(__name__, static_folder=None)
    app.request_class = Own
    app.post("/")(lambda: request.files["f"].stream.name)
    body = multipart((file("f", "f.txt"), b"x" * 300_000))
    with app.test_client(gateway=gateway) as client:
        answer = client.post("/", data=body, content_type=FORM_TYPE)
    assert answer.text == str(tmp_path / "f.txt")
    assert (tmp_path / "f.txt").read_bytes() == b"x" * 300_000


def test_a_form_parser_needs_nothing_to_be_given():
    body = multipart((field("a"), b"1"), (file("f", "f.txt"), b"content"))
    _, form, files = FormParser().parse(
        io.BytesIO(body), "multipart/form-data", None, {"boundary": BOUNDARY}
    )
    with files["f"].stream as stream:
        assert (form["a"], stream.read()) == ("1", b"content")


def test_a_form_parser_of_werkzeug_s_reads_a_body_that_was_read_ahead():
    class Own(Request):
        form_data_parser_class = FormDataParser

    app = Cruse(__name__, static_folder=None)
    app.request_class = Own

    @app.post("/")
    async def view():
        return [request.form["a"], len(request.files["f"].read())]

    body = multipart((field("a"), b"text"), (file("f", "f.txt"), b"x" * MIB))
    with app.test_client(gateway="asgi") as client:
        assert client.post("/", data=body, content_type=FORM_TYPE).json == ["text", MIB]


class OnLoop:
    """A body of pieces on an event loop, which notes how many of them were taken."""

    def __init__(self, piece, count):
        self.pieces = iter([piece] * count)
        self.taken = 0

    async def next_chunk(self):
        self.taken += 1
        return next(self.pieces, b"")

    async def gather(self, pieces, wanted):
        while wanted > 0 and len(pieces) < 100 and (piece := await self.next_chunk()):
            pieces.append(piece)
            wanted -= len(piece)


def test_a_body_that_was_read_ahead_can_be_read_in_any_way():
    async def loaded():
        source = OnLoop(b"0123456789", 20)
        return (await BodyStream(source, 200, None).spool())[0]

    body = b"0123456789" * 20
    stream = asyncio.run(loaded())
    assert stream.read(0) == b""
    assert (stream.read(5), stream.read(7), stream.received) == (body[:5], body[5:12], 12)
    assert stream.readinto(buffer := bytearray(20)) == 20
    assert buffer == body[12:32]
    assert stream.readline() + stream.read() == body[32:]
    assert (stream.read(), stream.read(1)) == (b"", b"")
    assert b"".join(asyncio.run(loaded())) == body

    async def chunks():
        return [chunk async for chunk in await loaded()]

    assert b"".join(asyncio.run(chunks())) == body


def in_messages(app, path, pieces, length):
    """Send a body under ASGI in these pieces, and say of none that it is the last of them."""
    left, answer = list(pieces), []

    async def receive():
        return {"type": "http.request", "body": left.pop(0), "more_body": True}

    async def send(message):
        answer.append(message.get("status", message.get("body")))

    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": path,
        "CONTENT_TYPE": "multipart/form-data; boundary=boundary",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "http",
    }
    if length is not None:
        environ["CONTENT_LENGTH"] = str(length)

    async def serve():
        await app(scope_from_environ(environ), receive, send)
        await app.stop_on_loop()

    asyncio.run(serve())
    return *answer[:2], len(left)


@pytest.fixture
def taking(app):
    @app.post("/digest/data")
    async def digest_of_data():
        return hashlib.sha256(request.get_data()).hexdigest()

    @app.post("/digest/file")
    async def digest_of_file():
        return hashlib.sha256(request.files["file"].read()).hexdigest()

    return app


def test_no_more_of_a_body_is_waited_for_than_was_announced(taking):
    pieces = [b"a" * 65536, b"", b"b" * 65536, b"c" * 65536, b"never"]
    digest = hashlib.sha256(b"a" * 65536 + b"b" * 65536 + b"c" * 100).hexdigest().encode()
    assert in_messages(taking, "/digest/data", pieces, 131172) == (200, digest, 1)


def test_no_more_of_a_body_is_taken_than_is_allowed(taking):
    taking.config["MAX_CONTENT_LENGTH"] = 200_000
    status, _, left = in_messages(taking, "/digest/data", [b"a" * 65536] * 9, None)
    assert (status, left) == (413, 5)


@pytest.mark.parametrize("end", [b"", b"\r", b"\r\n--bound", b"\n--boundary--"])
@pytest.mark.parametrize("extra", [{}, {"Content-Length": "262144"}])
def test_a_file_is_what_was_sent_in_whatever_pieces_it_comes(taking, end, extra):
    plain, mixed = b"x" * 65536, b"y\r\n" * 21845 + b"y"
    file = plain + plain[len(end) :] + end + mixed + plain
    fields = "".join(f"{name}: {value}\r\n" for name, value in extra.items()).encode()
    begin = b'--boundary\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n'
    body = begin + fields + b"\r\n" + file + b"\r\n--boundary--\r\n"
    shift = len(body) - len(file) - len(b"\r\n--boundary--\r\n")
    cuts = [0, *(shift + at for at in range(0, len(file) + 1, 65536)), len(body)]
    pieces = [body[a:b] for a, b in itertools.pairwise(cuts)]
    digest = hashlib.sha256(file).hexdigest().encode()
    assert in_messages(taking, "/digest/file", pieces, len(body)) == (200, digest, 0)


def test_a_file_longer_than_its_part_says_is_refused(taking):
    begin = b'--boundary\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n'
    begin += b"Content-Length: 100000\r\n\r\n"
    pieces = [begin, b"x" * 65536, b"x" * 65536, b"\r\n--boundary--\r\n"]
    status, _, left = in_messages(taking, "/digest/file", pieces, len(b"".join(pieces)))
    assert (status, left) == (400, 0)


def test_a_body_of_tiny_pieces_takes_a_bounded_memory_ahead_of_an_async_view():
    async def load():
        source = OnLoop(None, 0)
        source.pieces = (bytes([n % 250, 0, 1]) for n in range(MIB))
        stream, spooled = await BodyStream(source, 3 * MIB, None).spool()
        size = sum(map(len, stream))
        spooled.close()
        return size

    tracemalloc.start()
    try:
        assert asyncio.run(load()) == 3 * MIB
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5 * MIB


def test_a_plain_view_on_an_event_loop_takes_no_more_of_a_body_than_it_may():
    """Many pieces are taken at once, but none of another request's, and few beyond a limit."""

    def read(length, limit):
        source = OnLoop(b"x" * 100, 1000)

        async def from_thread():
            source.loop = asyncio.get_running_loop()
            body = BodyStream(LoopBody(source), length, limit)
            return await asyncio.to_thread(body.read)

        with suppress(RequestEntityTooLarge):
            assert len(asyncio.run(from_thread())) == length
        return source.taken

    assert read(5000, None) == 50
    assert read(None, 500) < 10


@pytest.mark.parametrize("taken", ["as data", "as a form"])
def test_a_body_of_tiny_pieces_takes_a_bounded_memory_in_one_piece(taken):
    class Tiny:
        left = MIB // 4

        def read(self, size):
            self.left -= 1
            return b"" if self.left < 0 else bytes([120, self.left % 9])

    stream = BodyStream(Tiny(), None, None)
    tracemalloc.start()
    try:
        read = stream.read() if taken == "as data" else read_fields(stream, MIB)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(read) == MIB // 2
    assert peak < 2 * MIB


class Pieces:
    """A body that comes in so many pieces."""

    def __init__(self, piece, count):
        self.pieces = iter([piece] * count)
        self.size = len(piece) * count

    def next_piece(self):
        return next(self.pieces, b"")


@pytest.fixture
def loading():
    """Send a body to an async view that reads it when it likes; return what the view does."""

    def send(body, view):
        app = Cruse(__name__, static_folder=None)
        app.testing = True
        app.post("/", stream=True)(view)
        return send_endless(app, "asgi", "/", body)

    return send


async def size_of_loaded():
    await request.load_body()
    return len(request.get_data())


PIECES = {"whole": (b"x" * 9, 1), "in pieces": (b"x" * 9, 9), "on disk": (b"x" * 65536, 50)}


@pytest.mark.parametrize("how", PIECES)
def test_tasks_that_load_a_body_at_once_get_the_same_one(loading, how):
    async def view():
        first, left, last = (asyncio.create_task(size_of_loaded()) for _ in range(3))
        await asyncio.sleep(0)
        left.cancel()
        return [await first, await last]

    body = Pieces(*PIECES[how])
    assert loading(body, view) == (200, b"[%d,%d]\n" % (body.size, body.size))


@pytest.mark.parametrize("how", PIECES)
def test_who_waits_for_a_body_loads_it_when_the_first_one_was_cancelled(loading, how):
    async def view():
        first, last = (asyncio.create_task(size_of_loaded()) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()  # before anything has come
        return [await last]

    body = Pieces(*PIECES[how])
    assert loading(body, view) == (200, b"[%d]\n" % body.size)


@pytest.mark.parametrize("how", ["in pieces", "on disk"])
def test_what_is_left_of_a_body_is_not_taken_for_all_of_it(loading, how):
    async def view():
        first = asyncio.create_task(size_of_loaded())
        for _ in range(8):
            await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait([first])
        for read in (size_of_loaded, total_of_stream):
            with pytest.raises(RuntimeError, match="interrupted"):
                await read()
        return "told"

    async def total_of_stream():
        return await total(request.stream)

    assert loading(Pieces(*PIECES[how]), view) == (200, b"told")
