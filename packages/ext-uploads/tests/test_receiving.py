"""Files on their way in, under WSGI and ASGI, in sync and async views."""

import asyncio
import hashlib
import io
import re
import threading
import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cruse import Cruse, request
from cruse_uploads import (
    ALL,
    IMAGES,
    FileType,
    MemoryStorage,
    StorageFull,
    UploadNotAllowed,
    Uploads,
    upload_received,
    upload_refused,
)
from cruse_uploads.storage import local

BOUNDARY = "----boundary"
FORM = f"multipart/form-data; boundary={BOUNDARY}"


def part(name, data, filename=None, header=""):
    disposition = f'form-data; name="{name}"'
    if filename is not None:
        disposition += f'; filename="{filename}"'
    head = f"--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n{header}\r\n"
    return head.encode() + data + b"\r\n"


def form(*parts):
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def send(data, filename="photo.png"):
    """What a client posts to send one file."""
    return {"data": form(part("file", data, filename)), "content_type": FORM}


# -- the way in -------------------------------------------------------------------------------


def test_a_file_comes_in_whole(client, way, make, folder):
    data = make["png"](30, 20)
    response = client.post(way, **send(data))
    assert response.status_code == 200, response.text
    photo = response.json
    assert re.fullmatch(r"20\d\d/\d\d/[0-9a-f]{32}\.png", photo["key"])
    assert photo["name"] == "photo.png"
    assert photo["size"] == len(data)
    assert photo["type"] == "image/png"
    assert photo["pixels"] == [30, 20]
    assert photo["digest"] is None
    assert (folder / "photos" / photo["key"]).read_bytes() == data


def test_fields_come_along_wherever_they_stand(client, stream, make):
    body = form(
        part("caption", "日本".encode()),
        part("tag", b"one"),
        part("file", make["png"](), "a.png"),
        part("tag", b"two"),
    )
    response = client.post(stream, data=body, content_type=FORM)
    assert response.json["form"] == [["caption", "日本"], ["tag", "one"], ["tag", "two"]]


def test_the_field_of_the_file_can_be_named(client, stream, make):
    body = form(
        part("other", b"not this", "other.exe"),
        part("file", make["png"](), "a.png"),
        part("last", b"", "last.exe"),
    )
    response = client.post(f"{stream}?field=file", data=body, content_type=FORM)
    assert response.json["name"] == "a.png"


def test_a_large_file_comes_in_whole(client, way, make, folder):
    data = make["png"]() + bytes(range(256)) * 3500
    response = client.post(way, **send(data))
    assert (folder / "photos" / response.json["key"]).read_bytes() == data


@pytest.mark.parametrize("algorithm", ["sha256", "blake2b"])
def test_a_digest_is_computed_when_it_is_asked_for(uploads, app, client, make, algorithm):
    hashed = uploads.set("hashed", allow=IMAGES, digest=algorithm)

    @app.post("/hashed", stream=True)
    def hash_it():
        return hashed.receive().digest

    @app.post("/hashed-async", stream=True)
    async def hash_it_async():
        return (await hashed.areceive()).digest

    data = make["png"]() + bytes(2_000_000)
    for path in ("/hashed", "/hashed-async"):
        response = client.post(path, **send(data))
        assert response.text == hashlib.new(algorithm, data).hexdigest()


def test_equal_names_do_not_meet(client, way, make):
    keys = {client.post(way, **send(make["png"]())).json["key"] for _ in range(5)}
    assert len(keys) == 5


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ("图片.png", "图片.png"),
        ("صورة.png", "صورة.png"),
        ("🏖️.png", "🏖️.png"),
        ("pho\u202egnp.png", "phognp.png"),
        ("../../../etc/passwd.png", "passwd.png"),
        ("..", "file.png"),
        ("CON.png", "_CON.png"),
        ("x" * 300 + ".png", "x" * 196 + ".png"),
        ("blob", "blob.png"),
        ("a%22%0d%0aX-Evil: 1.png", 'a"%0d%0aX-Evil: 1.png'),
    ],
)
def test_any_name_is_kept_as_text_under_a_key_of_ours(client, way, make, kept, sent, name):
    response = client.post(way, **send(make["png"](), sent))
    assert response.status_code == 200, response.text
    assert response.json["name"] == name
    key = response.json["key"]
    assert re.fullmatch(r"20\d\d/\d\d/[0-9a-f]{32}\.png", key)
    folder, _, last = f"photos/{key}".rpartition("/")
    assert kept() == [f"{folder}/.{last}.meta", f"photos/{key}"]


@pytest.mark.parametrize("name", ["", "\0", "a\0.png", 'a\\".png', "a\nb.png"])
def test_a_broken_name_is_stored_or_refused_but_never_an_error(client, stream, make, name):
    body = form(part("file", make["png"](), name))
    response = client.post(stream, data=body, content_type=FORM)
    assert response.status_code in (200, 400)
    if response.status_code == 200:
        assert response.json["key"].endswith(".png")


# -- refusals ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "data", "status", "words"),
    [
        ("evil.png", b"MZ" + bytes(600), 415, "holds EXE data"),
        ("evil.png", b"<svg onload=alert(1)>", 415, "not of that kind"),
        ("evil.svg", b"<svg onload=alert(1)>", 415, "cannot be uploaded"),
        ("evil.php", b"<?php", 415, "cannot be uploaded"),
        ("a.png", b"", 400, "empty"),
        ("a.png", b"\x89PNG\r\n\x1a\n", 415, "damaged"),
    ],
)
def test_what_is_not_allowed_is_refused(client, way, kept, name, data, status, words):
    response = client.post(way, **send(data, name))
    assert response.status_code == status
    assert words in response.text
    assert kept() == []


def test_a_file_that_is_too_large_is_refused(client, way, make, kept):
    response = client.post(way, **send(make["png"]() + bytes(1_000_000)))
    assert response.status_code == 413
    assert "larger than 1 MB" in response.text
    assert kept() == []


def test_a_pixel_bomb_is_refused(client, way, make, kept):
    response = client.post(way, **send(make["png"](65_000, 65_000)))
    assert response.status_code == 413
    assert kept() == []


@pytest.mark.parametrize("body", [form(), form(part("a", b"b")), form(part("file", b"", ""))])
def test_a_form_without_a_file_is_refused(client, stream, kept, body):
    response = client.post(stream, data=body, content_type=FORM)
    assert (response.status_code, "No file was sent" in response.text) == (400, True)
    assert kept() == []


def test_an_input_left_empty_is_a_missing_file(client, make):
    response = client.post("/save", data=form(part("file", b"", "")), content_type=FORM)
    assert (response.status_code, "No file was sent" in response.text) == (400, True)


def test_a_second_file_is_refused_and_the_first_not_kept(client, stream, make, kept):
    body = form(part("file", make["png"](), "a.png"), part("file", make["png"](), "b.png"))
    response = client.post(stream, data=body, content_type=FORM)
    assert (response.status_code, "one file" in response.text) == (400, True)
    assert kept() == []


def test_a_second_input_may_be_left_empty(client, stream, make):
    body = form(part("a", make["png"](), "a.png"), part("b", b"", ""))
    assert client.post(stream, data=body, content_type=FORM).status_code == 200
    body = form(part("a", b"", ""), part("b", make["png"](), "b.png"))
    assert client.post(stream, data=body, content_type=FORM).json["name"] == "b.png"


def test_what_is_no_form_is_refused(client, stream):
    assert client.post(stream, json={}).status_code == 415
    assert client.post(stream, data={"a": "b"}).status_code in (400, 415)


def broken_forms(png):
    whole = form(part("file", png, "a.png"), part("after", b"x"))
    yield "cut in the file", whole[: len(part("file", png)) // 2]
    yield "cut behind the file", form(part("file", png, "a.png"))[:-4]
    yield "without its end", part("file", png, "a.png")
    yield "without anything", b""
    yield "wrong boundary", whole.replace(BOUNDARY.encode(), b"another")
    yield "wrong last boundary", whole.replace(b"boundary--\r\n", b"boundarx--\r\n")
    yield "cut in a field behind the file", whole[:-25]
    yield "bad header", whole.replace(b"Content-Disposition", b"Content Disposition\0")
    yield "bad field", form(part("file", png, "a.png"), part("after", b"\xff"))


@pytest.mark.parametrize("fault", [name for name, _ in broken_forms(b"")])
def test_a_broken_form_is_refused_and_nothing_kept(client, stream, make, kept, fault):
    body = dict(broken_forms(make["png"]()))[fault]
    response = client.post(stream, data=body, content_type=FORM)
    assert response.status_code == 400, response.text
    assert kept() == []


def test_a_form_without_a_boundary_is_refused(client, stream):
    response = client.post(stream, data=b"x", content_type="multipart/form-data")
    assert response.status_code == 400


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ([part(f"f{n}", b"") for n in range(1001)], 413),
        ([part("f", b"x" * 500_001)], 413),
        ([part("f", b"x" * 300_000)] * 2, 413),
        ([part("f", b"", header="X-Long: " + "x" * 9000 + "\r\n")], 413),
        ([part("f", b"", header="X-More: x\r\n" * 9)], 413),
        ([b"x" * 70_000], 400),  # a preamble
    ],
    ids=["parts", "one field", "fields together", "header", "headers", "preamble"],
)
def test_the_limits_of_forms_hold(client, stream, make, kept, parts, status):
    for body in (
        form(*parts, part("file", make["png"](), "a.png")),
        form(part("file", make["png"](), "a.png"), *parts),
    ):
        response = client.post(stream, data=body, content_type=FORM)
        assert response.status_code == status
        assert kept() == []


def test_a_full_disk_is_told(client, way, make, kept, monkeypatch):
    class Full(io.FileIO):
        def write(self, data):
            raise OSError(28, "no room")

    monkeypatch.setattr(local, "FileIO", Full)
    response = client.post(way, **send(make["png"]()))
    assert response.status_code == 507
    assert kept() == []


def test_the_set_may_take_more_than_other_forms(uploads, app, client, make):
    app.config["MAX_CONTENT_LENGTH"] = 100_000
    data = make["png"]() + bytes(200_000)
    assert client.post("/sync", **send(data)).status_code == 200
    assert client.post("/save", **send(data)).status_code == 413


def test_a_set_without_limits_takes_any_size(uploads, app, client, make):
    free = uploads.set("free", allow=IMAGES, max_size=None, max_pixels=None)

    @app.post("/free", stream=True)
    def receive_freely():
        return {"size": free.receive().size}

    app.config["MAX_CONTENT_LENGTH"] = 10
    data = make["png"](65_000, 65_000) + bytes(2_000_000)
    assert client.post("/free", **send(data)).json == {"size": len(data)}


def test_a_body_that_was_read_before_is_told_about(app, photos, client, make):
    @app.post("/too-late", stream=True)
    def too_late():
        request.form.get("caption")
        with pytest.raises(RuntimeError, match="stream=True"):
            photos.receive()
        return "told"

    assert client.post("/too-late", **send(make["png"]())).text == "told"


def test_an_error_handler_of_the_application_may_answer(app, client, stream):
    @app.errorhandler(UploadNotAllowed)
    def refuse(error):
        return {"error": error.reason, "message": error.description}, error.code

    response = client.post(stream, **send(b"MZ", "a.exe"))
    assert (response.status_code, response.json["error"]) == (415, "name")


# -- bodies as servers hand them over ---------------------------------------------------------


class Chunks:
    """A ``wsgi.input`` that gives what came, piece by piece."""

    def __init__(self, chunks):
        self.chunks = iter(chunks)
        self.given = 0

    def read(self, size=-1):
        chunk = next(self.chunks, b"")
        assert 0 <= len(chunk) <= size
        self.given += len(chunk)
        return chunk


def over_wsgi(app, path, chunks, length=None):
    """POST a form; return the status and how much of the body was read."""
    body = Chunks(chunks)
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "CONTENT_TYPE": FORM,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": body,
        "wsgi.errors": io.StringIO(),
        "wsgi.input_terminated": True,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    if length is None:
        environ["HTTP_TRANSFER_ENCODING"] = "chunked"
    else:
        environ["CONTENT_LENGTH"] = str(length)
    statuses = []
    response = app.wsgi_app(environ, lambda status, headers, *_: statuses.append(status))
    text = b"".join(response)
    close = getattr(response, "close", None)
    if close is not None:
        close()
    return int(statuses[0][:3]), text, body.given


def over_asgi(app, path, chunks, length=None, end=b""):
    """POST a form; ``end=None`` leaves before its end."""
    given = 0
    left = iter([*chunks] if end is None else [*chunks, end])
    sent = []

    async def receive():
        nonlocal given
        chunk = next(left, None)
        if chunk is None:
            return {"type": "http.disconnect"}
        given += len(chunk)
        more = end is None or chunk is not end
        return {"type": "http.request", "body": chunk, "more_body": more}

    async def send(message):
        sent.append(message)

    headers = [(b"content-type", FORM.encode()), (b"host", b"localhost")]
    headers.append((b"content-length", b"%d" % length) if length else (b"te", b"trailers"))
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("localhost", 80),
    }
    asyncio.run(app(scope, receive, send))
    status = next((m["status"] for m in sent if m["type"] == "http.response.start"), None)
    return status, b"".join(m.get("body", b"") for m in sent), given


@pytest.fixture(params=[over_wsgi, over_asgi], ids=["wsgi", "asgi"])
def post(request):
    return request.param


def test_what_is_announced_too_large_is_refused_unread(app, post, stream):
    body = part("file", bytes(10_000), "a.png")
    status, text, read = post(app, stream, [body], length=50_000_000)
    assert (status, read) == (413, 0)
    assert b"larger than 1 MB" in text


def test_a_chunked_body_is_refused_at_the_chunk_that_is_too_much(app, post, stream, make, kept):
    head = part("file", make["png"](), "a.png")[:-2]
    chunks = (head, *[bytes(65_536)] * 100)
    status, _, read = post(app, stream, chunks)
    assert status == 413
    assert read <= 1_000_000 + 3 * 65_536
    assert kept() == []


def test_a_body_shorter_than_announced_is_refused(app, stream, make, kept):
    body = form(part("file", make["png"](), "a.png"))
    status, _, _ = over_wsgi(app, stream, [body[:60]], length=len(body))
    assert status == 400
    assert kept() == []


@pytest.mark.parametrize("length", [None, 300_000])
def test_a_client_that_leaves_leaves_nothing_behind(app, stream, make, kept, length):
    body = part("file", make["png"]() + bytes(200_000), "a.png")
    over_asgi(app, stream, [body], length=length, end=None)
    assert kept() == []


def test_a_connection_that_breaks_leaves_nothing_behind(app, stream, make, kept):
    def chunks():
        yield part("file", make["png"]() + bytes(30_000), "a.png")
        raise ConnectionResetError("by peer")

    status, _, _ = over_wsgi(app, stream, chunks(), length=300_000)
    assert status == 400
    assert kept() == []


@pytest.fixture(scope="module")
def anything():
    """An application that takes any file, and tells its bytes back, with the fields."""
    uploads = Uploads(storage=lambda app: storage)
    storage = MemoryStorage()
    raw = FileType("raw", "application/octet-stream")
    files = uploads.set("files", allow=(raw,), max_size=None)
    app = Cruse(__name__)
    app.testing = True
    app.use(uploads)

    def tell(received):
        with received.open() as file:
            data = file.read()
        received.delete()
        return b"|".join([data, *(value.encode() for value in received.form.values())])

    @app.post("/sync", stream=True)
    def sync_view():
        return tell(files.receive())

    @app.post("/async", stream=True)
    async def async_view():
        return tell(await files.areceive())

    yield app
    app.stop()


TRICKY = b"\r\n--\r\r\n-\n\r\n------boundar\r\n-----boundary--\r\n\r\r\n"
TRICKY_FORM = form(part("before", b"1"), part("f", TRICKY, "a.raw"), part("after", b"2"))


def test_it_does_not_matter_where_the_body_is_cut(anything):
    for post, path in ((over_wsgi, "/sync"), (over_asgi, "/async")):
        for cut in range(1, len(TRICKY_FORM)):
            status, text, _ = post(anything, path, [TRICKY_FORM[:cut], TRICKY_FORM[cut:]])
            assert (status, text) == (200, TRICKY + b"|1|2"), cut


def test_single_bytes_make_the_same_file(anything, post, stream):
    chunks = [TRICKY_FORM[at : at + 1] for at in range(len(TRICKY_FORM))]
    assert post(anything, stream, chunks)[:2] == (200, TRICKY + b"|1|2")


pieces = st.sampled_from([b"\r", b"\n", b"-", b"--", b"\r\n--", BOUNDARY.encode()[:6], b"x" * 50])
contents = st.lists(pieces | st.binary(max_size=20), min_size=1, max_size=30).map(b"".join)


@settings(max_examples=150, deadline=None)
@given(contents.filter(bool), st.lists(st.integers(1, 1500), max_size=40))
def test_any_file_cut_anywhere_is_the_same_file(anything, content, cuts):
    body = form(part("f", content, "a.raw"))
    edges = [0, *sorted({cut for cut in cuts if cut < len(body)}), len(body)]
    chunks = [body[a:b] for a, b in pairwise(edges)]
    assert over_wsgi(anything, "/sync", chunks)[:2] == (200, content)
    assert over_asgi(anything, "/async", chunks)[:2] == (200, content)


# -- what is told meanwhile -------------------------------------------------------------------


@pytest.fixture
def told(uploads, app):
    """What the application was told: the fields at the beginning, and the bytes that came."""
    told = []
    files = uploads.set("told", allow=ALL, max_size="5 MB")

    def on_file(form, name):
        told.append((form.get("album"), name))
        if form.get("album") == "closed":
            raise UploadNotAllowed("name", "This album is closed.")

    async def on_file_async(form, name):
        on_file(form, name)

    async def progress_async(size):
        told.append(size)

    @app.post("/told/sync", stream=True)
    def tell():
        return files.receive(on_file=on_file, progress=told.append).key

    @app.post("/told/async", stream=True)
    async def tell_async():
        return (await files.areceive(on_file=on_file_async, progress=progress_async)).key

    return told


@pytest.mark.parametrize("path", ["/told/sync", "/told/async"])
def test_what_came_is_told_at_most_once_per_mebibyte(client, told, path):
    data = bytes(range(256)) * 4096 * 3 + b"end"
    body = form(part("album", b"open"), part("file", data, "data.bin"))
    assert client.post(path, data=body, content_type=FORM).status_code == 200
    begin, *sizes = told
    assert begin == ("open", "data.bin")
    assert sizes[-1] == len(data)
    assert len(sizes) <= 4
    assert all(later - earlier >= 1024 * 1024 for earlier, later in pairwise(sizes[:-1]))


@pytest.mark.parametrize("path", ["/told/sync", "/told/async"])
def test_the_fields_before_a_file_can_refuse_it(client, told, kept, path):
    body = form(part("album", b"closed"), part("file", b"data", "../data.bin"))
    response = client.post(path, data=body, content_type=FORM)
    assert response.status_code == 415
    assert told == [("closed", "data.bin")]
    assert kept() == []


def test_an_async_function_has_no_place_in_a_plain_view(app, photos, make):
    async def progress(size):
        raise AssertionError("never called")

    with (
        app.test_request_context("/", method="POST", **send(make["png"]())),
        pytest.raises(TypeError, match="areceive"),
    ):
        photos.receive(progress=progress)


def test_how_uploads_end_is_told_by_signals(client, way, make):
    heard = []

    def received(app, upload_set, stored, seconds):
        heard.append((upload_set.name, stored.size, stored.type, seconds >= 0))

    def refused(app, upload_set, reason, seconds):
        heard.append((upload_set.name, reason, seconds >= 0))

    with upload_received.connected_to(received), upload_refused.connected_to(refused):
        client.post(way, **send(make["png"]()))
        client.post(way, **send(b"MZ", "evil.png"))
    size = len(make["png"]())
    assert heard == [("photos", size, "image/png", True), ("photos", "type", True)]


# -- memory and the loop ----------------------------------------------------------------------


class Counting(MemoryStorage):
    """Counts bytes, and keeps none."""

    def __init__(self):
        super().__init__()
        self.written = 0

    def writer(self, key, meta):
        writer = super().writer(key, meta)

        def count(data):
            self.written += len(data)

        writer.write = count
        return writer


@pytest.mark.parametrize("length", [100 * 1024 * 1024])
def test_a_hundred_mebibytes_pass_through_little_memory(post, stream, length):
    storage = Counting()
    uploads = Uploads(storage=lambda app: storage)
    files = uploads.set("files", allow=ALL, max_size=None)
    app = Cruse(__name__)
    app.use(uploads)

    @app.post("/sync", stream=True)
    def sync_view():
        return {"size": files.receive().size}

    @app.post("/async", stream=True)
    async def async_view():
        return {"size": (await files.areceive()).size}

    chunk = bytes(range(256)) * 256

    def body():
        yield part("file", b"", "a.bin")[:-2]
        for _ in range(length // len(chunk)):
            yield chunk
        yield b"\r\n" + form()

    app.start()
    tracemalloc.start()
    try:
        status, text, _ = post(app, stream, Once(body()))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        app.stop()
    assert (status, text.strip()) == (200, b'{"size":%d}' % length)
    assert storage.written == length
    assert peak < 8 * 1024 * 1024


class Once:
    """Iterable, but never a list."""

    def __init__(self, source):
        self.source = source

    def __iter__(self):
        return self.source


class Waiting(MemoryStorage):
    """A disk that writes when it is told to."""

    def __init__(self):
        super().__init__()
        self.writing = threading.Event()
        self.go_on = threading.Event()
        self.done = []

    def writer(self, key, meta):
        writer = super().writer(key, meta)
        write, abort = writer.write, writer.abort

        def wait_and_write(data):
            self.writing.set()
            assert self.go_on.wait(20), "the event loop is blocked"
            write(data)
            self.done.append("written")

        def note_and_abort():
            abort()
            self.done.append("aborted")

        writer.write, writer.abort = wait_and_write, note_and_abort
        return writer


def test_a_slow_disk_does_not_stop_the_loop(make):
    storage = Waiting()
    uploads = Uploads(storage=lambda app: storage)
    photos = uploads.set("photos", allow=IMAGES)
    app = Cruse(__name__)
    app.use(uploads)

    @app.post("/photos", stream=True)
    async def receive():
        return (await photos.areceive()).type

    @app.get("/")
    async def other():
        storage.go_on.set()
        return "meanwhile"

    async def both():
        client = app.async_test_client()
        upload = asyncio.create_task(client.post("/photos", **send(make["png"]())))
        await asyncio.to_thread(storage.writing.wait, 20)
        assert (await client.get("/")).text == "meanwhile"
        assert (await upload).text == "image/png"
        await app.stop_on_loop()

    asyncio.run(both())


def test_a_cancelled_upload_is_taken_back_once_its_write_is_over(make):
    storage = Waiting()
    uploads = Uploads(storage=lambda app: storage)
    photos = uploads.set("photos", allow=IMAGES)
    app = Cruse(__name__)
    app.use(uploads)

    async def cancel():
        with app.test_request_context("/", method="POST", **send(make["png"]())):
            upload = asyncio.create_task(photos.areceive())
            await asyncio.to_thread(storage.writing.wait, 20)
            upload.cancel()
            await asyncio.sleep(0)
            assert not upload.done()
            storage.go_on.set()
            with pytest.raises(asyncio.CancelledError):
                await upload

    asyncio.run(cancel())
    app.stop()
    assert storage.done == ["written", "aborted"]
    assert storage.keys() == []


# -- files that are here already --------------------------------------------------------------


def test_any_open_file_can_be_stored(app, photos, make, tmp_path):
    path = tmp_path / "seed.png"
    path.write_bytes(make["png"](30, 20))
    with app.app_context():
        with open(path, "rb") as file:
            assert photos.save(file).name == "seed.png"
        assert photos.save(io.BytesIO(make["gif"]()), name="a.gif").type == "image/gif"
        assert photos.save(io.BytesIO(make["gif"]())).name == "file.gif"


def test_a_full_storage_is_an_error_of_its_own(app, photos, make, monkeypatch):
    class Full(io.FileIO):
        def write(self, data):
            raise OSError(28, "no room")

    monkeypatch.setattr(local, "FileIO", Full)
    with app.app_context(), pytest.raises(StorageFull):
        photos.save(io.BytesIO(make["gif"]()))


def test_a_form_can_check_a_file_before_it_is_stored(app, photos, client, make, kept):
    @app.post("/checked")
    def checked():
        file = request.files["file"]
        try:
            photos.check(file)
        except UploadNotAllowed as error:
            return {"errors": [error.description], "reason": error.reason}, 422
        return {"size": photos.save(file).size}

    data = make["png"]()
    assert client.post("/checked", **send(data)).json == {"size": len(data)}
    before = kept()
    response = client.post("/checked", **send(b"MZ" + bytes(90)))
    assert (response.status_code, response.json["reason"]) == (422, "type")
    response = client.post("/checked", data=form(part("file", b"", "")), content_type=FORM)
    assert response.json["reason"] == "missing"
    assert kept() == before
