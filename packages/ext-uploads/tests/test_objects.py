"""An object store keeps the storage contract; it is in memory here, what speaks to it is real."""

import io
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from obstore.store import MemoryStore, S3Store

from cruse import Cruse
from cruse_uploads import (
    ALL,
    Meta,
    ObjectExistsError,
    ObjectNotFoundError,
    StorageRefused,
    Uploads,
)
from cruse_uploads.storage import objects
from cruse_uploads.storage.objects import ObjectStorage
from cruse_uploads.testing import StorageContract, put, read

META = Meta("图片 1.bin", "application/octet-stream")
LARGE = bytes(range(256)) * 4 * 1024 * 13  # 13 MiB: parts, and a rest


@pytest.fixture
def store():
    return MemoryStore()


class TestObjectStorage(StorageContract):
    @pytest.fixture
    def storage(self, store):
        return ObjectStorage(store)


@pytest.fixture
def storage(store):
    return ObjectStorage(store)


@pytest.mark.parametrize("size", [1024 * 1024, objects.PART, objects.PART + 1, len(LARGE)])
def test_what_is_large_goes_up_in_parts(storage, size):
    writer = storage.writer("files/a.bin", META)
    for start in range(0, size, 700_000):
        writer.write(LARGE[start : min(start + 700_000, size)])
    assert storage.keys() == []
    writer.commit()
    assert read(storage, "files/a.bin") == LARGE[:size]
    assert storage.stat("files/a.bin").meta == META


def test_nothing_is_left_of_parts_that_are_given_up(storage):
    writer = storage.writer("files/a.bin", META)
    writer.write(LARGE)
    writer.abort()
    writer.abort()
    with pytest.raises(ObjectNotFoundError):
        storage.stat("files/a.bin")
    put(storage, "files/a.bin", b"later")
    assert storage.keys() == ["files/a.bin"]


def test_what_is_large_overwrites_nothing(storage):
    put(storage, "files/a.bin", b"first")
    with pytest.raises(ObjectExistsError):
        put(storage, "files/a.bin", LARGE)
    assert read(storage, "files/a.bin") == b"first"


def test_an_object_that_others_put_there_is_found(store, storage):
    import obstore

    obstore.put(store, "files/a.bin", b"others")
    facts = storage.stat("files/a.bin")
    assert (facts.size, facts.meta) == (6, None)


@pytest.fixture(params=["wsgi", "asgi"])
def client(storage, request):
    uploads = Uploads(storage=lambda app: storage)
    files = uploads.set("files", allow=ALL, max_size=None)
    app = Cruse(__name__, extensions=[uploads])

    @app.post("/sync", stream=True)
    def add():
        return files.receive().url()

    @app.post("/async", stream=True)
    async def add_async():
        return (await files.areceive()).url()

    with app.test_client(gateway=request.param) as client:
        yield client
    app.stop()


@pytest.mark.parametrize("path", ["/sync", "/async"])
def test_files_go_there_and_are_served_from_there(client, path):
    data = LARGE[: 6 * 1024 * 1024]
    url = client.post(path, data={"file": (io.BytesIO(data), "图片.bin")}).text
    with client.get(url) as response:
        assert response.data == data
        assert response.headers["Content-Length"] == str(len(data))
        assert "%E5%9B%BE" in response.headers["Content-Disposition"]
    with client.get(url, headers={"Range": "bytes=5242870-5242890"}) as response:
        assert response.status_code == 206
        assert response.data == data[5242870:5242891]
    for wanted, status, part in (
        ("bytes=-3", 206, data[-3:]),
        ("bytes=-9000000", 206, data),
        ("bytes=0-1,4-5", 200, data),
        ("lines=1-2", 200, data),
    ):
        with client.get(url, headers={"Range": wanted}) as response:
            assert (response.status_code, response.data) == (status, part)
    assert client.get(url, headers={"Range": "bytes=9000000-"}).status_code == 416
    with client.head(url) as response:
        assert response.headers["Content-Length"] == str(len(data))
        etag = response.headers["ETag"]
    assert client.get(url, headers={"If-None-Match": etag}).status_code == 304


def test_without_the_library_it_says_what_to_install(store, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "obstore", None)
    with pytest.raises(RuntimeError, match=r"cruse-uploads\[objects\]"):
        ObjectStorage(store)


LISTED = """<ListMultipartUploadsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
<Upload><Key>up/files/a.bin</Key><UploadId>1</UploadId><Initiated>2020-01-01T00:00:00Z</Initiated></Upload>
<Upload><Key>up/files/b.bin</Key><UploadId>2</UploadId><Initiated>2040-01-01T00:00:00Z</Initiated></Upload>
</ListMultipartUploadsResult>"""


DENIED = "<Error><Code>AccessDenied</Code><Message>No.</Message></Error>"


@pytest.fixture
def s3_asked():
    """Where a server is that lists two open uploads, and what it was asked for."""
    asked = []

    class Answer(BaseHTTPRequestHandler):
        def answer(self):
            asked.append((self.command, self.path))
            refused = self.path.startswith("/refused")
            self.send_response(403 if refused else 200)
            self.end_headers()
            self.wfile.write((DENIED if refused else LISTED).encode())

        do_GET = do_DELETE = do_HEAD = do_PUT = do_POST = answer  # noqa: N815 (of http.server)

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("prefix", "requests"),
    [
        (
            "up",
            [("GET", "/b?prefix=up%2F&uploads="), ("DELETE", "/b/up/files/a.bin?uploadId=1")],
        ),
        (None, []),  # the bucket may be others', too
    ],
)
def test_a_sweep_aborts_old_uploads_below_the_prefix_only(s3_asked, prefix, requests):
    endpoint, asked = s3_asked
    keys = {"access_key_id": "name", "secret_access_key": "key"}
    storage = ObjectStorage(S3Store("b", prefix=prefix, endpoint=endpoint, **keys))
    assert storage.sweep(1_700_000_000) == len(requests) // 2
    assert asked == requests


def test_a_store_that_does_not_let_us_sweep_is_told_in_words(s3_asked):
    endpoint, _ = s3_asked
    keys = {"access_key_id": "name", "secret_access_key": "key"}
    storage = ObjectStorage(S3Store("refused", prefix="up", endpoint=endpoint, **keys))
    with pytest.raises(StorageRefused, match=r"403 AccessDenied.*s3:AbortMultipartUpload"):
        storage.sweep(1_700_000_000)
    nobody = ObjectStorage(S3Store("b", prefix="up", endpoint="http://127.0.0.1:9", **keys))
    with pytest.raises(StorageRefused, match=r"broken uploads: .*refused"):
        nobody.sweep(1_700_000_000)


@pytest.mark.parametrize(
    "use",
    [
        lambda storage: storage.keys("files/"),
        lambda storage: storage.stat("files/a.bin"),
        lambda storage: storage.open("files/a.bin"),
        lambda storage: storage.delete("files/a.bin"),
        lambda storage: storage.move("files/a.bin", "files/b.bin"),
        lambda storage: put(storage, "files/a.bin", b"small"),
        lambda storage: put(storage, "files/a.bin", LARGE),
    ],
    ids=["list", "stat", "open", "delete", "move", "write", "write-parts"],
)
def test_what_a_store_refuses_is_told_in_a_line(s3_asked, use):
    endpoint, _ = s3_asked
    keys = {"access_key_id": "the-name", "secret_access_key": "key"}
    options = {"client_options": {"allow_http": True}, "retry_config": {"max_retries": 0}}
    for url, told in ((endpoint, "403"), ("http://127.0.0.1:9", "error sending request")):
        store = S3Store("refused", prefix="up", endpoint=url, **keys, **options)
        with pytest.raises(StorageRefused, match=told) as caught:
            use(ObjectStorage(store))
        assert str(caught.value).startswith("The object store was asked to ")
        assert len(str(caught.value)) < 300
        assert "the-name" not in str(caught.value)
        assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("size", "keys", "is_signed"),
    [
        (5, {"access_key_id": "name", "secret_access_key": "key"}, True),
        (6 * 1024**3, {"access_key_id": "name", "secret_access_key": "key"}, False),
        (5, {}, False),
    ],
)
def test_a_client_may_write_into_s3_what_was_signed(monkeypatch, size, keys, is_signed):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    storage = ObjectStorage(S3Store("b", prefix="up", endpoint="http://s3.test", **keys))
    put = storage.put_request("files/a.html", Meta("图.html", "text/html"), size, 60)
    assert (put is not None) == is_signed
    if put is not None:
        assert put.url.startswith("http://s3.test/b/up/files/a.html?")
        assert "X-Amz-Expires=60" in put.url
        assert put.headers["content-disposition"].startswith("attachment; ")
        assert put.headers["x-amz-meta-name"] == "%E5%9B%BE.html"
        assert "key" not in repr(put)


def test_what_browsers_get_is_signed_for_where_they_reach_the_store():
    options = {"prefix": "up", "access_key_id": "name", "secret_access_key": "key"}
    inside = S3Store("b", endpoint="http://store:9000", **options)
    outside = S3Store("b", endpoint="https://files.example.com", **options)
    storage = ObjectStorage(inside, public=outside)
    put = storage.put_request("files/a.png", Meta("a.png", "image/png"), 5, 60)
    for url in (put.url, storage.url("files/a.png", 60)):
        assert url.startswith("https://files.example.com/b/up/files/a.png?")
