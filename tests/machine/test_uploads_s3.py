"""Uploads in an object store that speaks like S3, and in a process that is killed meanwhile."""

import hashlib
import http.client
import io
import re
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from uuid import uuid4

import pytest

from cruse import Cruse, request
from cruse_uploads import Uploads
from cruse_uploads.storage.objects import ObjectStorage
from cruse_uploads.testing import KEY, StorageContract, put, read
from tests.machine.uploads_app import make_storage

MIB = 1024 * 1024
DATA = bytes(range(256)) * (MIB // 256)
HEAD = (
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n'
    b"Content-Type: application/octet-stream\r\n\r\n"
)
TAIL = b"\r\n--b--\r\n"


class TestContract(StorageContract):
    @pytest.fixture
    def storage(self, s3_store):
        return ObjectStorage(s3_store)

    def test_of_writers_at_the_same_time_one_wins(self, storage):
        """Swift looks for the key when a request begins: of two at once, both can be told yes.

        S3 itself looks when it ends. What holds for both:
        """
        put(storage, KEY, b"first")
        with pytest.raises(FileExistsError):
            put(storage, KEY, b"second")
        assert read(storage, KEY) == b"first"


@pytest.fixture
def client(s3_store):
    """A client of an application that sends browsers to the object store."""
    storage = ObjectStorage(s3_store)
    uploads = Uploads(storage=lambda app: storage)
    files = uploads.set("files", allow=("txt", "html"))
    app = Cruse("sends_elsewhere", extensions=[uploads], static_folder=None)
    app.config["UPLOADS_REDIRECT"] = True
    app.post("/")(lambda: files.save(request.files["file"]).url())
    yield app.test_client()
    app.stop()


def fetch(url):
    with urllib.request.urlopen(url, timeout=60) as response:
        return response.read(), response.headers


def test_browsers_are_sent_to_the_store_by_urls_that_it_signed(client):
    for name, data, shown in (
        ("图.txt", b"words", "inline"),
        ("evil.html", b"<script>alert(1)</script>", "attachment"),
    ):
        path = client.post("/", data={"file": (io.BytesIO(data), name)}).text
        url = client.get(path).location
        received, headers = fetch(url)
        assert received == data
        assert headers["Content-Disposition"].startswith(f"{shown}; filename=")
        ranged = urllib.request.Request(url, headers={"Range": "bytes=1-2"})
        assert fetch(ranged)[0] == data[1:3]
        with pytest.raises(urllib.error.HTTPError, match="403"):
            fetch(url.replace("Expires=3600", "Expires=3601"))


def test_parts_of_what_is_there_are_served_from_there(client):
    client.application.config["UPLOADS_REDIRECT"] = False
    data = bytes(range(32, 127)) * 70_000  # 6 MB: it went there in parts
    url = client.post("/", data={"file": (io.BytesIO(data), "a.txt")}).text
    with client.get(url) as response:
        assert response.data == data
        etag = response.headers["ETag"]
    for wanted, part in (
        ("0-9", data[:10]),
        ("5242870-5242890", data[5242870:5242891]),
        ("-3", data[-3:]),
    ):
        with client.get(url, headers={"Range": f"bytes={wanted}", "If-Range": etag}) as response:
            assert (response.status_code, response.data) == (206, part)
    assert client.get(url, headers={"Range": "bytes=9000000-"}).status_code == 416
    assert client.get(url, headers={"If-None-Match": etag}).status_code == 304
    with client.get(url, headers={"Range": "bytes=0-9", "If-Range": '"other"'}) as response:
        assert (response.status_code, response.data) == (200, data)
    with client.head(url) as response:
        assert response.headers["Content-Length"] == str(len(data))


@pytest.fixture
def place(request, tmp_path):
    """Where a server keeps its files: a folder, or an object store."""
    if request.param == "local":
        return [str(tmp_path / "files")]
    return [uuid4().hex, request.getfixturevalue("s3_endpoint")]


@pytest.fixture
def server(place):
    """A server that receives uploads; what it prints is its port, and how far an upload is."""
    program = Path(__file__).with_name("uploads_app.py")
    command = [sys.executable, program, *place]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def send(port, mebibytes):
    """Send all of a form but its end; return the connection."""
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=60)
    connection.putrequest("POST", "/")
    connection.putheader("Content-Type", "multipart/form-data; boundary=b")
    connection.putheader("Content-Length", str(len(HEAD) + mebibytes * MIB + len(TAIL)))
    connection.endheaders(HEAD)
    for _ in range(mebibytes):
        connection.send(DATA)
    return connection


def upload(port, mebibytes):
    """Send a whole form; return the key of its file."""
    connection = send(port, mebibytes)
    connection.send(TAIL)
    with connection.getresponse() as response:
        key = response.read().decode()
        assert response.status == 200, key
    connection.close()
    return key


@pytest.mark.parametrize("place", ["local", "s3"], indirect=True)
def test_of_an_upload_whose_server_is_killed_nothing_is_seen(place, server):
    port = server.stdout.readline()
    connection = send(port, 12)
    for line in server.stdout:
        if int(line) >= 11 * MIB:  # it has been written, or sent in parts
            break
    server.kill()
    server.wait()
    connection.close()
    storage = make_storage(*place)
    assert storage.keys() == []
    put(storage, "files/a.bin", b"later")
    assert read(storage, "files/a.bin") == b"later"


def peak_memory(process):
    """Return the most memory that a process had, in MiB."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024


@pytest.mark.parametrize("place", ["s3"], indirect=True)
def test_a_large_file_goes_there_through_little_memory(place, server):
    port = server.stdout.readline()
    upload(port, 6)
    before = peak_memory(server)
    key = upload(port, 96)
    assert peak_memory(server) - before < 64
    with make_storage(*place).open(f"files/{key}") as file:
        for _ in range(96):
            assert file.read(MIB) == DATA
        assert file.read() == b""


def send_to_store(url, data, headers):
    """Send what a page would; return the status of the store's answer."""
    asked = urllib.request.Request(url, data=data, headers=headers, method="PUT")
    try:
        with urllib.request.urlopen(asked, timeout=60) as response:
            return response.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_the_store_takes_what_was_announced_and_nothing_else(s3_store):
    storage = ObjectStorage(s3_store)
    uploads = Uploads(storage=lambda app: storage)
    files = uploads.set("files", allow=("txt", "html"))
    app = Cruse("sends_directly", extensions=[uploads], static_folder=None)
    app.config["SECRET_KEY"] = "not a secret"
    app.register_blueprint(files.direct(authorize=lambda upload: True), url_prefix="/direct")
    client = app.test_client()
    told = client.post("/direct", json={"name": "图.html", "size": 5}).json
    url, headers = told["url"], told["headers"]
    assert url.startswith(str(s3_store.config["endpoint"]))
    assert send_to_store(url, b"longer", headers) == 403
    assert send_to_store(url, b"less", headers) == 403
    assert send_to_store(url, b"words", {**headers, "content-type": "image/png"}) == 403
    assert send_to_store(url, b"words", {**headers, "content-disposition": "inline"}) == 403
    assert send_to_store(url.replace("Expires=3600", "Expires=36000"), b"words", headers) == 403
    assert send_to_store(url.replace(".sent", ".info"), b"words", headers) == 403
    assert client.post(told["confirm"]).status_code == 409
    assert send_to_store(url, b"words", headers) == 200
    assert send_to_store(url, b"other", headers) == 412
    confirmed = client.post(told["confirm"])
    assert (confirmed.status_code, confirmed.json["name"]) == (200, "图.html")
    with client.get(confirmed.json["url"]) as response:
        assert response.data == b"words"
    key = confirmed.json["url"].partition("/files/")[2]
    _, fields = fetch(storage.url(f"files/{key}", 60))  # what was signed stayed with it
    assert fields["Content-Type"] == "text/html"
    assert fields["Content-Disposition"].startswith("attachment; filename=")
    app.stop()


def test_an_upload_goes_on_there_where_it_broke_off(s3_store):
    storage, told = ObjectStorage(s3_store), []
    uploads = Uploads(storage=lambda app: storage)
    files = uploads.set("files", allow=("txt",), digest="sha256")
    app = Cruse("resumes_there", extensions=[uploads], static_folder=None)
    hooks = {"authorize": lambda upload: True, "on_finished": lambda s, u: told.append(s)}
    app.register_blueprint(files.resumable(**hooks), url_prefix="/tus")
    client = app.test_client()
    data = bytes(range(32, 127)) * 100_000  # 9.5 MB: several pieces
    tus = {"Tus-Resumable": "1.0.0"}
    created = client.post("/tus", headers={**tus, "Upload-Length": str(len(data))})
    url = created.headers["Location"]
    append = {**tus, "Content-Type": "application/offset+octet-stream"}
    for start, end in ((0, 5_000_000), (5_000_000, 5_000_007), (5_000_007, len(data))):
        offset = client.head(url, headers=tus).headers["Upload-Offset"]
        assert offset == str(start)
        fields = {**append, "Upload-Offset": offset}
        assert client.patch(url, data=data[start:end], headers=fields).status_code == 204
    (stored,) = told
    assert stored.digest == hashlib.sha256(data).hexdigest()
    keys = storage.keys()
    assert [key for key in keys if re.search(r"\.[0-9]{20}$|claim|turn", key)] == []
    app.stop()
