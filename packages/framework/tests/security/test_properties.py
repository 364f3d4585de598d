"""What holds for every input, searched for by hypothesis; see also ``tests/corpus``."""

import asyncio
import io
import json
from functools import cache
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge
from werkzeug.sansio.http import parse_cookie

from cruse import Cruse, Request, Response, request, session
from cruse.body import BodyStream
from cruse.formparser import FormParser, SpooledFile
from cruse.hosts import is_host
from cruse.parts import MemoryBudget, Parts

MULTIPART, URLENCODED = "multipart/form-data", "application/x-www-form-urlencoded"
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
faces = pytest.mark.parametrize("face", ["wsgi", "asgi"])


@cache
def application():
    app = Cruse("properties", static_folder=None)
    app.secret_key = "the key"

    def keep():
        session.clear()
        session["kept"] = request.get_json()
        return ""

    def part():
        response = Response(bytes(range(100)))
        response.set_etag("v1")
        return response.make_conditional(request, accept_ranges=True, complete_length=100)

    views = {
        "/args": lambda: list(request.args.items(multi=True)),
        "/cookies": lambda: dict(request.cookies),
        "/form": lambda: list(request.form.items(multi=True)),
        "/json": lambda: [request.get_json()],
        "/keep": keep,
        "/kept": lambda: [session.get("kept")],
        "/part": part,
        "/int/<int:value>": lambda value: {"int": value},
        "/float/<float:value>": lambda value: {"float": value},
        "/<a>/<path:b>": lambda a, b: {"a": a, "b": b},
        "/folder/": lambda: {},
    }
    for rule, view in views.items():
        app.add_url_rule(rule, rule, view, methods=["GET", "POST"])
    return app


@cache
def client(face):
    return application().test_client(gateway=face, use_cookies=False)


# -- forms ------------------------------------------------


class Dripping:
    """A body that comes in pieces of the given sizes."""

    def __init__(self, body, sizes):
        self.body, self.sizes, self.turn = io.BytesIO(body), sizes, 0

    def read(self, size=-1):
        piece = self.sizes[self.turn % len(self.sizes)]
        self.turn += 1
        return self.body.read(piece if size < 0 else min(size, piece))


def dripping(body, sizes):
    """A body that a server gives as a file."""
    return BodyStream(Dripping(body, sizes), len(body), None)


class Arriving(Dripping):
    """A body that comes in pieces of the given sizes on an event loop."""

    async def next_chunk(self):
        return self.read()


def read_ahead(body, sizes):
    """A body that was read before an async view was called."""
    stream, _ = asyncio.run(BodyStream(Arriving(body, sizes), len(body), None).spool())
    return stream


def parsed(body, mimetype, sizes, way=dripping):
    """Return fields and files, or the status that the form is refused with."""
    parser = FormParser(lambda **kwargs: SpooledFile(), 10_000, max_form_parts=10)
    try:
        stream = way(body, sizes)
        _, form, files = parser.parse(stream, mimetype, len(body), {"boundary": "b"})
    except (BadRequest, RequestEntityTooLarge) as error:
        return error.code
    received = []
    for name, file in files.items(multi=True):
        with file.stream:
            received.append((name, file.filename, file.read()))
    return list(form.items(multi=True)), received


def parsed_on_a_loop(body, sizes):
    """Return what ``parsed`` does, of the parts as they arrive on an event loop."""

    async def parse():
        stream = BodyStream(Arriving(body, sizes), len(body), None)
        fields, files = [], []
        async for part in Parts(stream, "b", 10, MemoryBudget(10_000)):
            if part.filename is None:
                fields.append((part.name, await part.atext()))
            else:
                content = b"".join([chunk async for chunk in part])
                files.append((part.name, part.filename, content))
        return fields, files

    try:
        return asyncio.run(parse())
    except (BadRequest, RequestEntityTooLarge) as error:
        return error.code


def by_name(pairs):
    """Return the values of each name: the order of names among each other is not kept."""
    values = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return values


pieces = st.sampled_from(
    [b"--b\r\n", b"--b--", b"\r\n", b"\r", b"\n", b"-", b"--", b"b", b": ", b"x" * 30, b"\xff",
     b'Content-Disposition: form-data; name="a"', b'; filename="f"', b"\r\n\r\n", b"\r\n--b\r\n",
     b"\r\n--b--\r\n", b"Content-Type: text/plain", b"\x00", b" ", b"\t", b"x" * 5000]
)  # fmt: skip
splits = st.lists(st.integers(1, 30) | st.integers(4000, 6000), min_size=1, max_size=5)


@settings(max_examples=300, deadline=None)
@given(st.lists(pieces, max_size=25).map(b"".join), splits)
def test_a_multipart_form_is_the_same_wherever_it_is_split(body, sizes):
    whole = parsed(body, MULTIPART, [100_000])
    split = [parsed(body, MULTIPART, sizes, way) for way in (dripping, read_ahead)]
    split.append(parsed_on_a_loop(body, sizes))
    if isinstance(whole, int):
        assert all(isinstance(found, int) for found in split)
    else:
        assert list(map(in_order, split)) == [in_order(whole)] * 3


def in_order(found):
    """Return what ``by_name`` does, of fields and of files."""
    if isinstance(found, int):
        return found
    fields, files = found
    return by_name(fields), by_name((name, tuple(rest)) for name, *rest in files)


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=60))
def test_a_file_arrives_whole_at_every_single_split_point(content):
    body = b'--b\r\nContent-Disposition: form-data; name="f"; filename="n"\r\n\r\n'
    body += content.replace(b"--b", b"") + b"\r\n--b--\r\n"
    for at in range(1, len(body)):
        fields, files = parsed(body, MULTIPART, [at, 10_000])
        assert (fields, files) == ([], [("f", "n", content.replace(b"--b", b""))])


@settings(deadline=None)
@given(st.lists(st.tuples(words, words), max_size=10), splits)
def test_an_urlencoded_form_comes_back(pairs, sizes):
    fields, _ = parsed(urlencode(pairs).encode(), URLENCODED, sizes)
    assert by_name(fields) == by_name(pairs)


@settings(deadline=None)
@given(st.binary(max_size=100))
def test_an_urlencoded_form_is_read_as_the_standard_library_reads_it(body):
    found = parsed(body, URLENCODED, [10_000])
    try:
        expected = parse_qsl(body.decode(), keep_blank_values=True, errors="strict")
    except ValueError:
        assert found == 400
    else:
        found = found if found == 413 else by_name(found[0])
        assert found == (by_name(expected) if body.count(b"&") < 10 else 413)


@faces
@settings(max_examples=50, deadline=None)
@given(pairs=st.lists(st.tuples(words, words), max_size=5))
def test_a_query_string_comes_back(face, pairs):
    answer = client(face).get(f"/args?{urlencode(pairs)}")
    assert by_name(answer.json) == by_name(pairs)


# -- cookies, sessions ------------------------------------------------


@faces
@settings(max_examples=50, deadline=None)
@given(value=words)
def test_a_cookie_s_value_comes_back(face, value):
    response = Response()
    response.set_cookie("name", value)
    pair = response.headers["Set-Cookie"].partition(";")[0]
    answer = client(face).get("/cookies", headers={"Cookie": pair})
    assert answer.json == {"name": value}


@faces
@settings(max_examples=50, deadline=None)
@given(header=st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=60))
def test_any_cookie_field_is_read(face, header):
    answer = client(face).get("/cookies", headers={"Cookie": header})
    assert answer.status_code == 200


@settings(max_examples=200)
@given(header=st.text(st.sampled_from(' \t=";\\a07,\xe4'), max_size=20))
def test_cookies_are_what_werkzeug_reads(header):
    environ = {"HTTP_COOKIE": header}
    cookies = Request(environ).cookies.items(multi=True)
    assert [*cookies] == [*parse_cookie(header).items(multi=True)]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=15,
)


@faces
@settings(max_examples=50, deadline=None)
@given(value=json_values)
def test_whatever_json_can_hold_a_session_keeps(face, value):
    with application().test_client(gateway=face) as browser:
        browser.post("/keep", data=json.dumps(value), content_type="application/json")
        assert browser.get("/kept").json == [value]
        browser.close()


@faces
@settings(max_examples=50, deadline=None)
@given(cookie=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=80))
def test_nobody_makes_up_a_session(face, cookie):
    answer = client(face).get("/kept", headers={"Cookie": f"session={cookie}"})
    assert answer.json == [None]


@faces
@settings(max_examples=50, deadline=None)
@given(body=st.binary(max_size=60) | json_values.map(json.dumps).map(str.encode))
def test_json_is_read_and_written_again_or_refused(face, body):
    answer = client(face).post("/json", data=body, content_type="application/json")
    assert answer.status_code in (200, 400)
    if answer.status_code == 200:
        assert len(answer.json) == 1


# -- ranges, hosts, routes ------------------------------------------------

numbers = st.integers(0, 120).map(str) | st.just("")
ranges = st.builds("bytes={}-{}".format, numbers, numbers)
tags = st.sampled_from(['"v1"', 'W/"v1"', '"v2"', "*", '"', "", '"v1", "v2"', "v1"])


@faces
@settings(max_examples=100, deadline=None)
@given(wanted=ranges, conditions=st.dictionaries(
    st.sampled_from(["If-Match", "If-None-Match", "If-Range"]), tags, max_size=3))  # fmt: skip
def test_a_part_is_the_part_that_it_is_said_to_be(face, wanted, conditions):
    answer = client(face).get("/part", headers={"Range": wanted, **conditions})
    whole = bytes(range(100))
    if answer.status_code == 206:
        first, last = map(int, answer.headers["Content-Range"][6:-4].split("-"))
        assert answer.data == whole[first : last + 1]
    elif answer.status_code == 200:
        assert answer.data == whole
    else:
        assert (answer.status_code, bool(answer.data)) in ((304, False), (412, True), (416, True))


@given(st.text(max_size=30) | st.from_regex(r"[a-z\[\]:.0-9@/_-]{0,20}", fullmatch=True))
def test_what_is_taken_for_a_host_can_do_no_harm_in_a_url(host):
    if is_host(host):
        parts = urlsplit(f"http://{host}/path")
        assert (parts.netloc, parts.path, parts.username) == (host, "/path", None)
        assert parts.port is None or parts.port < 65536


@faces
@settings(max_examples=100, deadline=None)
@given(path=st.text(max_size=20) | st.from_regex(r"(int|float|folder|\.|/|[0-9]){0,8}"))
def test_any_path_has_an_answer_and_no_redirect_leaves(face, path):
    raw = b"/" + path.encode(errors="replace")
    on_the_wire = {"PATH_INFO": raw.decode("latin-1"), "REQUEST_URI": quote(raw, safe="/")}
    answer = client(face).get("/", environ_overrides=on_the_wire)
    assert answer.status_code in (200, 308, 404, 405)
    assert answer.headers.get("Location", "http://localhost/").startswith("http://localhost/")


@pytest.fixture(autouse=True, scope="module")
def _end():
    yield
    for face in ("wsgi", "asgi"):
        client(face).close()
    application().stop()
