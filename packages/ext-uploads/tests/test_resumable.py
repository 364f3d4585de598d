"""Uploads that go on where they broke off, with tus 1.0 and with the draft of the IETF."""

import base64
import hashlib
import json
import os
import threading
import time
import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.exceptions import BadRequest, Forbidden

from cruse import Cruse, request
from cruse_uploads import ALL, IMAGES, LocalStorage, MemoryStorage, StorageFull, Uploads
from cruse_uploads.resumable import appending
from cruse_uploads.resumable import uploads as uploads_module
from cruse_uploads.resumable.asked import format_metadata, parse_metadata
from tests.sites import STORAGES, SiteOfFiles

TUS = {"Tus-Resumable": "1.0.0"}
APPEND = {**TUS, "Content-Type": "application/offset+octet-stream"}
PARTIAL = {"Content-Type": "application/partial-upload"}
TEXT = b"Once upon a time there was a file that came in three pieces."


class Site(SiteOfFiles):
    """An application that takes text files and pictures at ``/tus``, and what it was told."""

    def __init__(self, storage, gateway="wsgi", is_async=False, **options):
        super().__init__(storage)
        self.progress = []
        uploads = Uploads(storage=lambda app: storage)
        rules = {"allow": ("txt", *IMAGES), "max_size": 10_000_000, "digest": "sha256"}
        self.files = uploads.set("files", **rules | options.pop("rules", {}))
        self.app = Cruse(__name__, extensions=[uploads])
        self.app.config["PROPAGATE_EXCEPTIONS"] = False
        hooks = {"authorize": self.authorize, "on_finished": self.on_finished, **options}
        if is_async:
            authorize = hooks["authorize"]

            async def authorize_async(upload):
                return authorize(upload)

            hooks["authorize"] = authorize_async
        blueprint = self.files.resumable(on_progress=self.on_progress, **hooks)
        self.app.register_blueprint(blueprint, url_prefix="/tus")
        self.client = self.app.test_client(gateway=gateway)

    def authorize(self, upload):
        return request.headers.get("X-User", True)

    def on_progress(self, upload):
        self.progress.append(upload.offset)

    def create(self, length=60, name="story.txt", **fields):
        headers = {**TUS, **fields}
        if length is not None:
            headers["Upload-Length"] = str(length)
        if name:
            headers["Upload-Metadata"] = format_metadata({"filename": name})
        return self.client.post("/tus", headers=headers)

    def append(self, url, data, offset, **fields):
        headers = {**APPEND, "Upload-Offset": str(offset), **fields}
        return self.client.patch(url, data=data, headers=headers)

    def head(self, url):
        return self.client.head(url, headers=TUS)

    def offset(self, url):
        return int(self.head(url).headers["Upload-Offset"])


class Cut:
    """A body that breaks off before its announced end, or at which something happens."""

    def __init__(self, *chunks, then=None):
        self.chunks = list(chunks)
        self.then = then

    def read(self, size=-1):
        if self.chunks:
            return self.chunks.pop(0)
        then, self.then = self.then, None
        if then is not None:
            then()
        return b""


def stream(site, url, body, offset, length=None, method="PATCH", **fields):
    """Send a body that a server would hand on piece by piece; without a length it is chunked."""
    environ = {"wsgi.input": body, "wsgi.input_terminated": True}
    if length is not None:
        environ["CONTENT_LENGTH"] = str(length)
    headers = {**APPEND, "Upload-Offset": str(offset), **fields}
    return site.client.open(url, method=method, headers=headers, environ_overrides=environ)


class Counting(MemoryStorage):
    """Storage that counts how often it lists keys, which costs an object store a request."""

    listed = 0

    def keys(self, prefix=""):
        self.listed += 1
        return super().keys(prefix)


def test_a_request_that_appends_lists_its_upload_once(make_site):
    site = make_site(Counting())
    listed = []
    url = site.create().headers["Location"]
    listed.append(site.storage.listed)
    for start in (0, 20):
        response = site.append(url, TEXT[start : start + 20], start)
        assert response.headers["Upload-Offset"] == str(start + 20)
        listed.append(site.storage.listed)
    site.append(url, TEXT[40:], 40)  # and once more when nobody else can finish it any longer
    listed.append(site.storage.listed)
    assert listed == [0, 1, 2, 4]
    assert len(site.finished) == 1


# -- tus ------------------------------------------------------------------------------------------


def test_a_file_comes_in_several_requests(any_site):
    site = any_site
    response = site.create()
    assert response.status_code == 201
    assert response.headers["Tus-Resumable"] == "1.0.0"
    url = response.headers["Location"]
    assert site.append(url, TEXT[:20], 0).headers["Upload-Offset"] == "20"
    head = site.head(url)
    assert (head.status_code, head.headers["Upload-Offset"]) == (200, "20")
    assert head.headers["Upload-Length"] == str(len(TEXT))
    assert head.headers["Cache-Control"] == "no-store"
    assert parse_metadata(head.headers["Upload-Metadata"]) == {"filename": "story.txt"}
    assert "GMT" in head.headers["Upload-Expires"]
    assert site.append(url, TEXT[20:40], 20).status_code == 204
    assert site.finished == []
    response = site.append(url, TEXT[40:], 40)
    assert (response.status_code, "Content-Type" in response.headers) == (204, False)
    ((stored, upload),) = site.finished
    assert response.headers["X-Key"] == stored.key
    assert site.content(stored) == TEXT
    assert (stored.name, stored.type, stored.size) == ("story.txt", "text/plain", len(TEXT))
    assert stored.digest == hashlib.sha256(TEXT).hexdigest()
    assert url.endswith(upload.id)
    assert site.progress == [20, 40, len(TEXT)]
    assert site.offset(url) == len(TEXT)  # also for who did not get the answer
    assert len(site.finished) == 1


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("gateway", ["wsgi", "asgi"])
def test_what_is_large_is_kept_in_pieces_of_any_storage(make_site, make, storage, gateway):
    site = make_site(storage, gateway=gateway, is_async=gateway == "asgi")
    data = make["png"](30, 20) + bytes(range(256)) * 36_000
    url = site.create(len(data), "a.png").headers["Location"]
    assert site.append(url, data[:5_000_000], 0).status_code == 204
    assert site.append(url, data[5_000_000:], 5_000_000).status_code == 204
    ((stored, _),) = site.finished
    assert site.content(stored) == data
    assert (stored.width, stored.height) == (30, 20)
    assert [key for key in site.left() if "/0000" in key or "turn" in key or "claim" in key] == []
    assert len(site.progress) == 4  # a full piece and a rest, twice


def test_the_first_bytes_can_come_with_the_creation(any_site):
    fields = {**APPEND, "Upload-Length": str(len(TEXT))}
    response = any_site.client.post("/tus", data=TEXT[:9], headers=fields)
    assert (response.status_code, response.headers["Upload-Offset"]) == (201, "9")
    response = any_site.client.post("/tus", data=TEXT, headers=fields)
    assert (response.status_code, response.headers["Upload-Offset"]) == (201, str(len(TEXT)))
    ((stored, _),) = any_site.finished
    assert (any_site.content(stored), stored.name) == (TEXT, "file.txt")


def test_what_came_before_a_cut_is_kept(make_site, monkeypatch):
    monkeypatch.setattr(appending, "PIECE", 20)
    for is_async in (False, True):
        site = make_site(is_async=is_async)
        url = site.create().headers["Location"]
        assert stream(site, url, Cut(TEXT[:25]), 0, len(TEXT)).status_code == 400
        assert site.offset(url) == 25
        assert stream(site, url, Cut(TEXT[25:31]), 25, len(TEXT) - 25).status_code == 400
        assert site.append(url, TEXT[31:], 31).status_code == 204
        assert site.content(site.finished[0][0]) == TEXT


def test_what_was_created_with_a_cut_body_leaves_nothing(site):
    fields = {"Upload-Length": str(len(TEXT))}
    response = stream(site, "/tus", Cut(TEXT[:9]), 0, len(TEXT), method="POST", **fields)
    assert response.status_code == 400
    assert site.left() == []


def test_several_workers_take_turns(make_site):
    one, two = make_site(), make_site()
    url = one.create().headers["Location"]
    assert one.append(url, TEXT[:20], 0).status_code == 204
    assert two.offset(url) == 20
    assert two.append(url, TEXT[20:40], 20).status_code == 204
    assert one.append(url, TEXT[40:], 40).status_code == 204
    assert one.content(one.finished[0][0]) == TEXT
    assert two.finished == []


def test_a_request_at_another_offset_is_told_the_right_one(any_site):
    url = any_site.create().headers["Location"]
    any_site.append(url, TEXT[:20], 0)
    response = any_site.append(url, TEXT[10:], 10)
    assert (response.status_code, response.headers["Upload-Offset"]) == (409, "20")


@pytest.mark.parametrize("other", [b"", b"OTHER BYTES, which came later."])
def test_of_requests_at_once_the_newer_wins(make_site, other):
    """The older one hangs on a connection that its client has given up."""
    one, two = make_site(), make_site()
    url = one.create().headers["Location"]

    def overtake():
        assert two.append(url, other or TEXT, 0).status_code == 204

    response = stream(one, url, Cut(TEXT[:30], then=overtake), 0, len(TEXT))
    assert response.status_code == 400  # its body was cut
    assert two.offset(url) == len(other or TEXT)
    if other:
        assert two.append(url, TEXT[30:], 30).status_code == 204
    assert two.content(two.finished[0][0]) == (other or TEXT[:30]) + TEXT[30:]


def test_of_requests_that_began_together_one_wins(make_site, monkeypatch):
    monkeypatch.setattr(appending, "has_turn", lambda upload, turn: True)
    one, two = make_site(), make_site()
    url = one.create().headers["Location"]
    body = Cut(b"x" * 30, then=lambda: two.append(url, TEXT[:40], 0))
    response = stream(one, url, body, 0)
    assert (response.status_code, response.headers["Upload-Offset"]) == (409, "40")
    assert one.append(url, TEXT[40:], 40).status_code == 204
    assert one.content(one.finished[0][0]) == TEXT


requests = st.tuples(
    st.sampled_from(["whole", "cut", "wrong", "checksum"]),
    st.integers(0, 1),  # the worker
    st.integers(1, 40),  # bytes announced
    st.integers(0, 39),  # bytes before the cut
)


@pytest.fixture(scope="module")
def workers():
    storage = MemoryStorage()
    sites = [Site(storage), Site(storage)]
    yield sites
    for site in sites:
        site.app.stop()


@settings(max_examples=40, deadline=None)
@given(st.lists(requests, max_size=12), st.integers(1, 30))
def test_whatever_happens_the_file_is_the_one_that_was_sent(workers, asked, piece):
    url, kept = workers[0].create().headers["Location"], 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(appending, "PIECE", piece)
        for kind, worker, size, cut in [*asked, ("whole", 0, 60, 0)]:
            site, data = workers[worker], TEXT[kept : kept + size]
            if kind == "whole":
                assert site.append(url, data, kept).status_code == 204
                kept += len(data)
            elif kind == "cut" and cut < len(data):
                assert stream(site, url, Cut(data[:cut]), kept, len(data)).status_code == 400
                kept += cut
            elif kind == "wrong":
                assert site.append(url, data, kept + 1).status_code == 409
            elif kind == "checksum" and data:
                assert site.append(url, data, kept, **checksum(data + b"!")).status_code == 460
            assert workers[1 - worker].offset(url) == kept
    ((site, stored),) = [(each, stored) for each in workers for stored, _ in each.finished]
    assert site.content(stored) == TEXT
    for each in workers:
        each.finished.clear()


class AllAtOnce(Cut):
    """A body that begins when all others do."""

    def __init__(self, barrier, *chunks):
        super().__init__(*chunks)
        self.barrier = barrier

    def read(self, size=-1):
        barrier, self.barrier = self.barrier, None
        if barrier is not None:
            barrier.wait(20)
        return super().read(size)


@pytest.mark.parametrize("storage", STORAGES)
def test_the_bytes_of_requests_at_once_are_not_mixed(make_site, monkeypatch, storage):
    monkeypatch.setattr(appending, "PIECE", 1000)
    site = make_site(storage)
    url = site.create(5000).headers["Location"]
    barrier, statuses = threading.Barrier(4), []

    def send(letter):
        body = AllAtOnce(barrier, *[letter * 500] * 10)
        other = site.app.test_client().open(
            url,
            method="PATCH",
            headers={**APPEND, "Upload-Offset": "0"},
            environ_overrides={"wsgi.input": body, "CONTENT_LENGTH": "5000"},
        )
        statuses.append(other.status_code)

    threads = [threading.Thread(target=send, args=(bytes([65 + n]),)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = site.offset(url)
    assert sorted(statuses)[1:] == [409] * 3
    site.append(url, b"?" * (5000 - kept), kept)
    content = site.content(site.finished[0][0])[:kept]
    assert content == content[:1] * kept


def test_an_upload_can_be_deleted(any_site):
    url = any_site.create().headers["Location"]
    any_site.append(url, TEXT[:20], 0)
    assert any_site.client.delete(url, headers=TUS).status_code == 204
    assert any_site.left() == []
    assert any_site.head(url).status_code == 404
    assert any_site.append(url, TEXT[20:], 20).status_code == 404


def test_deleting_a_finished_upload_keeps_its_file(site):
    url = site.create().headers["Location"]
    site.append(url, TEXT, 0)
    assert site.client.delete(url, headers=TUS).status_code == 204
    assert site.content(site.finished[0][0]) == TEXT


def test_the_length_can_be_told_later(any_site):
    site = any_site
    url = site.create(None, **{"Upload-Defer-Length": "1"}).headers["Location"]
    assert site.head(url).headers["Upload-Defer-Length"] == "1"
    site.append(url, TEXT[:20], 0)
    assert site.append(url, b"", 20, **{"Upload-Length": "10"}).status_code == 400
    assert (
        site.append(url, TEXT[20:40], 20, **{"Upload-Length": str(len(TEXT))}).status_code == 204
    )
    assert site.head(url).headers["Upload-Length"] == str(len(TEXT))
    assert site.append(url, b"", 40, **{"Upload-Length": "50"}).status_code == 400
    assert site.append(url, TEXT[40:], 40).status_code == 204
    url = site.create(None, **{"Upload-Defer-Length": "1"}).headers["Location"]
    site.append(url, TEXT, 0)
    assert site.append(url, b"", len(TEXT), **{"Upload-Length": str(len(TEXT))}).status_code == 204
    assert [stored.size for stored, _ in site.finished] == [len(TEXT)] * 2


def checksum(data, algorithm="sha1"):
    digest = base64.b64encode(hashlib.new(algorithm, data).digest()).decode()
    return {"Upload-Checksum": f"{algorithm} {digest}"}


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha512"])
def test_a_body_that_is_not_what_its_checksum_says_is_not_kept(any_site, monkeypatch, algorithm):
    monkeypatch.setattr(appending, "PIECE", 10)
    url = any_site.create().headers["Location"]
    response = any_site.append(url, TEXT[:30], 0, **checksum(b"other", algorithm))
    assert (response.status_code, any_site.offset(url)) == (460, 0)
    response = any_site.append(url, TEXT[:30], 0, **checksum(TEXT[:30], algorithm))
    assert (response.status_code, any_site.offset(url)) == (204, 30)


def test_of_a_cut_body_with_a_checksum_nothing_is_kept(site):
    url = site.create().headers["Location"]
    response = stream(site, url, Cut(TEXT[:30]), 0, len(TEXT), **checksum(TEXT))
    assert (response.status_code, site.offset(url)) == (400, 0)


@pytest.mark.parametrize("value", ["crc32 AAAA", "sha1", "sha1 ====", "sha1 AAAA"])
def test_a_checksum_that_is_none_is_told(site, value):
    url = site.create().headers["Location"]
    assert site.append(url, TEXT, 0, **{"Upload-Checksum": value}).status_code == 400


def test_uploads_can_be_concatenated(any_site):
    site = any_site
    urls = []
    for part in (TEXT[:20], TEXT[20:]):
        response = site.create(len(part), None, **{"Upload-Concat": "partial"})
        urls.append(response.headers["Location"])
    final = {"Upload-Concat": f"final;{urls[0]} http://localhost{urls[1]}"}
    assert site.create(None, **final).status_code == 400  # they have not come yet
    site.append(urls[0], TEXT[:20], 0)
    site.append(urls[1], TEXT[20:], 0)
    assert site.head(urls[1]).headers["Upload-Concat"] == "partial"
    assert site.finished == []
    response = site.create(None, **final)
    assert response.status_code == 201, response.text
    url = response.headers["Location"]
    ((stored, _),) = site.finished
    assert (site.content(stored), stored.name) == (TEXT, "story.txt")
    head = site.head(url).headers
    assert (head["Upload-Concat"], head["Upload-Offset"]) == (f"final;{' '.join(urls)}", "60")
    assert site.append(url, b"x", 60).status_code == 403
    assert site.head(urls[0]).status_code == 404


def test_a_part_is_in_a_concatenation_once(site):
    """A short request may not have one part written a hundred times."""
    part = site.create(5, **{"Upload-Concat": "partial"}).headers["Location"]
    site.append(part, b"Hello", 0)
    joined = {"Upload-Concat": f"final;{part} {part}/"}
    assert site.client.post("/tus", headers={**TUS, **joined}).status_code == 400
    assert site.finished == []


def test_of_a_concatenation_no_part_may_be_missing(make_site, folder):
    class Forgetful(LocalStorage):
        def open(self, key):
            if key.endswith(".00000000000000000000"):  # the first piece is read: take the other
                site.client.delete(urls[1], headers=TUS)
            return super().open(key)

    site, urls = make_site(Forgetful(folder, fsync=False)), []
    for part in (TEXT[:20], TEXT[20:]):
        response = site.create(len(part), None, **{"Upload-Concat": "partial"})
        urls.append(response.headers["Location"])
        site.append(urls[-1], part, 0)
    assert site.create(None, **{"Upload-Concat": f"final;{' '.join(urls)}"}).status_code == 410
    assert (site.finished, [key for key in site.left() if "files/20" in key]) == ([], [])


def test_other_methods_can_come_as_post(site):
    url = site.create().headers["Location"]
    headers = {**APPEND, "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    assert site.client.post(url, data=TEXT, headers=headers).status_code == 204
    assert len(site.finished) == 1
    assert site.client.post(url, data=TEXT, headers=APPEND).status_code == 400


def test_what_is_spoken_is_told(site):
    for path in ("/tus", "/tus/0"):
        response = site.client.options(path)
        assert response.status_code == 204
        assert response.headers["Tus-Version"] == "1.0.0"
        assert len(response.headers["Tus-Extension"].split(",")) == 7
        assert response.headers["Tus-Max-Size"] == "10000000"
        assert "application/partial-upload" in response.headers["Accept-Patch"]
        assert "max-size=10000000" in response.headers["Upload-Limit"]
    response = site.client.post("/tus", headers={"Tus-Resumable": "0.2.2"})
    assert (response.status_code, response.headers["Tus-Version"]) == (412, "1.0.0")


def test_pages_of_other_origins_can_be_let_in(make_site):
    site = make_site(cors={"origins": "https://app.example.org"})
    origin = {"Origin": "https://app.example.org"}
    wanted = {"Access-Control-Request-Method": "PATCH"}
    wanted["Access-Control-Request-Headers"] = "tus-resumable, upload-offset"
    response = site.client.options("/tus/0", headers={**origin, **wanted})
    assert "PATCH" in response.headers["Access-Control-Allow-Methods"]
    assert "upload-offset" in response.headers["Access-Control-Allow-Headers"].lower()
    response = site.create(**origin)
    assert "Location, " in response.headers["Access-Control-Expose-Headers"]
    assert response.headers["Access-Control-Allow-Origin"] == origin["Origin"]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"Upload-Length": "-1"},
        {"Upload-Length": "1e3"},
        {"Upload-Length": "٣"},
        {"Upload-Length": "9" * 30},
        {"Upload-Length": "9", "Upload-Defer-Length": "1"},
        {"Upload-Defer-Length": "2"},
        {"Upload-Length": "9", "Upload-Metadata": "filename ä"},
        {"Upload-Length": "9", "Upload-Metadata": "filename YQ==,filename YQ=="},
        {"Upload-Length": "9", "Upload-Metadata": "filename /w=="},
        {"Upload-Length": "9", "Upload-Metadata": "a" * 9000},
        {"Upload-Length": "9", "Upload-Concat": "other"},
        {"Upload-Length": "9", "Upload-Concat": "final;/tus/0"},
        {"Upload-Concat": "final;"},
        {"Upload-Concat": f"final;{'/tus/0 ' * 101}"},
    ],
)
def test_what_is_malformed_is_told(site, fields):
    encoded = {name: value.encode().decode("latin-1") for name, value in fields.items()}
    assert site.client.post("/tus", headers={**TUS, **encoded}).status_code == 400
    assert site.left() == []


@pytest.mark.parametrize("upload_id", ["0" * 32, "..", "%2e%2e%2f", "x" * 300, "a.info"])
def test_what_is_no_upload_is_not_found(site, upload_id):
    assert site.head(f"/tus/{upload_id}").status_code == 404
    final = {"Upload-Concat": f"final;/tus/{upload_id}"}
    assert site.create(None, **final).status_code == 404


def test_a_body_of_another_type_is_refused(site):
    url = site.create().headers["Location"]
    response = site.client.patch(url, data=TEXT, headers={**TUS, "Upload-Offset": "0"})
    assert response.status_code == 415
    headers = {**APPEND, "Upload-Offset": "x"}
    assert site.client.patch(url, data=TEXT, headers=headers).status_code == 400


keys = st.text(st.sampled_from("abcXYZ019-_./"), min_size=1, max_size=9)


@given(st.dictionaries(keys, st.text(max_size=20), max_size=5))
def test_metadata_comes_back_as_it_was_sent(metadata):
    assert parse_metadata(format_metadata(metadata)) == metadata


@given(st.text(max_size=60))
def test_metadata_is_understood_or_refused(text):
    with suppress(BadRequest):
        parse_metadata(text)


# -- rules and limits -----------------------------------------------------------------------------


def test_what_is_too_large_is_refused(any_site):
    site = any_site
    response = site.create(10_000_001)
    assert response.status_code == 413
    assert "max-size=10000000" in response.headers["Upload-Limit"]
    url = site.create().headers["Location"]
    assert site.append(url, TEXT + b"!", 0).status_code == 413
    assert site.offset(url) == 0
    url = site.create(None, **{"Upload-Defer-Length": "1"}).headers["Location"]
    assert site.append(url, b"", 0, **{"Upload-Length": "10000001"}).status_code == 413
    assert site.append(url, bytes(10_000_001), 0).status_code == 413


def test_what_comes_without_a_length_is_stopped_at_the_limit(site):
    url = site.create().headers["Location"]
    body = Cut(TEXT, b"!" * 30, then=lambda: pytest.fail("It read on."))
    response = stream(site, url, body, 0)
    assert response.status_code == 413
    assert site.offset(url) == len(TEXT)
    assert site.finished[0][0].size == len(TEXT)


def test_parts_together_may_not_be_too_large(make_site):
    site = make_site(rules={"max_size": 50})
    urls = []
    for part in (TEXT[:30], TEXT[30:]):
        response = site.create(len(part), None, **{"Upload-Concat": "partial"})
        urls.append(response.headers["Location"])
        site.append(urls[-1], part, 0)
    assert site.create(None, **{"Upload-Concat": f"final;{' '.join(urls)}"}).status_code == 413


def test_a_file_that_is_not_allowed_is_refused_as_soon_as_it_shows(any_site):
    site = any_site
    assert site.create(name="evil.exe").status_code == 415
    assert site.create(0).status_code == 400
    url = site.create(100_000, "photo.png").headers["Location"]
    response = site.append(url, b"MZ" + bytes(600), 0)
    assert response.status_code == 415
    assert "EXE" in response.json["detail"]
    assert site.left() == []
    assert site.head(url).status_code == 404


def test_a_file_that_is_refused_at_its_end_leaves_nothing(make_site):
    for is_async in (False, True):
        site = make_site(
            rules={"scan": lambda file: b"EICAR" not in file.read()}, is_async=is_async
        )
        url = site.create(10, "a.txt").headers["Location"]
        site.append(url, b"EICAR", 0)
        assert site.append(url, b"EICAR", 5).status_code == 422
        assert (site.left(), site.finished) == ([], [])


def test_when_the_storage_is_full_what_came_before_is_kept(make_site, monkeypatch):
    class Full(MemoryStorage):
        def writer(self, key, meta):
            writer = super().writer(key, meta)
            if key.endswith(".00000000000000000020"):
                monkeypatch.setattr(writer, "write", self.refuse)
            return writer

        def refuse(self, data):
            raise StorageFull

    monkeypatch.setattr(appending, "PIECE", 20)
    for is_async in (False, True):
        site = make_site(Full(), is_async=is_async)
        url = site.create().headers["Location"]
        assert site.append(url, TEXT[:20], 0).status_code == 204
        assert site.append(url, TEXT[20:], 20).status_code == 507
        assert site.offset(url) == 20


def test_an_upload_in_too_many_pieces_is_refused(site, monkeypatch):
    from cruse_uploads.resumable import routes

    monkeypatch.setattr(routes, "MAX_SMALL_PIECES", 3)
    url = site.create().headers["Location"]
    statuses = [site.append(url, TEXT[at : at + 1], at).status_code for at in range(3)]
    assert statuses == [204, 204, 400]


def test_a_file_passes_through_little_memory(make_site):
    site = make_site(rules={"allow": ALL, "max_size": None})
    length, chunk = 64 * 1024 * 1024, bytes(range(256)) * 256
    url = site.create(length, None).headers["Location"]
    tracemalloc.start()
    try:
        body = Cut(*[chunk] * (length // len(chunk)))
        response = stream(site, url, body, 0, length)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert response.status_code == 204
    assert site.finished[0][0].size == length
    assert peak < 8 * 1024 * 1024


# -- whose it is, and how it ends -----------------------------------------------------------------


def test_only_who_is_allowed_may_upload(make_site):
    site = make_site(authorize=lambda upload: request.headers.get("X-User") == "me")
    assert site.create().status_code == 403
    url = site.create(**{"X-User": "me"}).headers["Location"]
    assert site.append(url, TEXT, 0).status_code == 403
    assert site.append(url, TEXT, 0, **{"X-User": "me"}).status_code == 204


def test_nobody_goes_on_with_the_upload_of_another(any_site):
    site = any_site
    url = site.create(**{"X-User": "Ann"}).headers["Location"]
    assert site.append(url, TEXT, 0, **{"X-User": "Bob"}).status_code == 404
    assert site.client.delete(url, headers={**TUS, "X-User": "Bob"}).status_code == 404
    assert site.append(url, TEXT, 0, **{"X-User": "Ann"}).status_code == 204
    assert site.finished[0][1].owner == "Ann"


def test_an_owner_is_named_by_text_or_number(make_site):
    site = make_site(authorize=lambda upload: 7)
    site.append(site.create().headers["Location"], TEXT, 0)
    assert site.finished[0][1].owner == "7"
    assert make_site(authorize=lambda upload: site).create().status_code == 500


def test_what_is_deleted_while_it_comes_is_not_found(make_site):
    one, two = make_site(), make_site()
    url = one.create().headers["Location"]
    body = Cut(TEXT[:30], then=lambda: two.client.delete(url, headers=TUS))
    assert stream(one, url, body, 0).status_code == 404
    assert two.left() == []


def test_the_application_can_refuse_what_has_come(any_site):
    site = any_site
    site.fail = Forbidden("Not today.")
    url = site.create().headers["Location"]
    assert site.append(url, TEXT, 0).status_code == 403
    assert site.left() == []


def test_when_telling_the_application_fails_it_is_told_again(any_site):
    site = any_site
    site.fail = OSError("The database is away.")
    url = site.create().headers["Location"]
    assert site.append(url, TEXT, 0).status_code == 500
    assert site.head(url).status_code == 500
    site.fail = None
    assert site.head(url).headers["Upload-Offset"] == str(len(TEXT))
    ((stored, _),) = site.finished
    assert site.content(stored) == TEXT
    assert [key for key in site.left() if key.startswith("files/")] == [f"files/{stored.key}"]


def test_while_one_request_finishes_it_no_other_does(make_site):
    one, two = make_site(), make_site()
    url = one.create().headers["Location"]
    seen = []
    one.on_progress = lambda upload: None
    finished = one.on_finished
    statuses = []

    def slowly(stored, upload):
        statuses.append(two.head(url).status_code)
        statuses.append(two.append(url, b"", len(TEXT)).status_code)
        return finished(stored, upload)

    three = make_site(on_finished=slowly)
    assert three.append(url, TEXT, 0).status_code == 204
    assert statuses == [423, 423]
    assert (len(one.finished), two.finished, seen) == (1, [], [])
    assert two.offset(url) == len(TEXT)


def test_an_upload_that_is_being_finished_is_not_deleted(make_site):
    """The application would be told of a file that is gone."""
    other = make_site()
    statuses = []

    def delete(upload_id):
        statuses.append(other.client.delete(f"/tus/{upload_id}", headers=TUS).status_code)

    site = make_site(
        rules={"scan": lambda file: delete(url[-32:]) is None},
        on_finished=lambda stored, upload: delete(upload.id),
    )
    url = site.create().headers["Location"]
    assert site.append(url, TEXT, 0).status_code == 204
    assert statuses == [423, 423]
    assert any(key.startswith("files/") for key in site.left())
    delete(url[-32:])
    assert statuses[-1] == 204
    assert len(site.left()) == 1  # the file


def test_who_was_killed_while_finishing_is_relieved(site, folder):
    url = site.create().headers["Location"]
    site.fail = KeyError("killed")
    site.append(url, TEXT, 0)
    site.fail = None
    (info,) = (folder / key for key in site.left() if key.endswith(".info"))
    claim = info.with_suffix(".claim")
    claim.touch()
    assert site.head(url).status_code == 423
    os.utime(claim, (time.time() - 200,) * 2)
    assert site.head(url).status_code == 200
    assert len(site.finished) == 1


def test_who_takes_long_to_finish_shows_that_it_lives(make_site, folder, monkeypatch):
    claims = []

    class Slow(LocalStorage):
        def open(self, key):
            claims.extend(path.stat().st_mtime_ns for path in folder.rglob("*.claim"))
            for path in folder.rglob("[0-9a-f]*.claim"):
                os.utime(path, (0, 0))
            return super().open(key)

    monkeypatch.setattr(uploads_module, "CLAIM", -1)
    monkeypatch.setattr(appending, "PIECE", 20)
    site = make_site(Slow(folder, fsync=False))
    url = site.create().headers["Location"]
    for at in range(0, 60, 20):
        assert site.append(url, TEXT[at : at + 20], at).status_code == 204
    assert len(site.finished) == 1
    assert 0 not in claims[1:]  # each piece finds a claim as new as its reading


def test_a_file_can_wait_to_be_promoted(make_site):
    site = make_site(temporary=True)
    url = site.create().headers["Location"]
    site.append(url, TEXT, 0)
    ((stored, _),) = site.finished
    with site.app.app_context():
        assert not site.files.exists(stored.key)
        site.files.promote(stored.key)
    assert site.content(stored) == TEXT


# -- expiry ---------------------------------------------------------------------------------------


def test_an_expired_upload_is_gone_and_swept(make_site, folder):
    site = make_site()
    gone, open_, done = (site.create().headers["Location"] for _ in range(3))
    site.append(gone, TEXT[:20], 0)
    site.append(open_, TEXT[:20], 0)
    site.append(done, TEXT, 0)
    for path in folder.rglob(f"{gone.rpartition('/')[2]}.000*"):
        os.utime(path, (time.time() - 100_000,) * 2)
    assert site.head(gone).status_code == 410
    assert site.append(gone, TEXT[20:], 20).status_code == 410
    run = site.app.test_cli_runner().invoke
    assert "1 expired uploads" in run(args=["uploads", "sweep"]).output
    assert site.head(gone).status_code == 404
    assert (site.offset(open_), site.offset(done)) == (20, len(TEXT))
    assert run(args=["uploads", "verify"]).output == "All is well.\n"


def test_what_took_long_to_come_is_known_for_as_long_after_it(make_site, folder):
    site = make_site()
    url = site.create().headers["Location"]
    (info,) = folder.rglob("[0-9a-f]*.info")
    facts = json.loads(info.read_text())
    info.write_text(json.dumps(facts | {"created": time.time() - 100_000}))
    assert site.append(url, TEXT, 0).status_code == 410
    info.write_text(json.dumps(facts))
    site.append(url, TEXT[:20], 0)
    info.write_text(json.dumps(facts | {"created": time.time() - 100_000}))
    assert site.append(url, TEXT[20:], 20).status_code == 204
    assert site.offset(url) == len(TEXT)


def test_a_sweep_takes_what_is_no_whole_upload(make_site, folder):
    site = make_site(expires=0)
    url = site.create().headers["Location"]
    assert site.head(url).status_code == 410
    next(folder.rglob("*.info")).unlink()
    stray = folder / "_resumable" / "files" / "00" / f"{'0' * 32}.turn-1"
    stray.parent.mkdir(exist_ok=True, parents=True)
    stray.touch()
    sweep = site.app.test_cli_runner().invoke
    assert "0 expired uploads" in sweep(args=["uploads", "sweep"]).output
    assert stray.exists()
    os.utime(stray, (0, 0))
    assert "1 expired uploads" in sweep(args=["uploads", "sweep"]).output
    assert not stray.exists()


# -- the draft of the IETF ------------------------------------------------------------------------


def draft_create(site, data=b"", complete="?0", **fields):
    name = "inline; filename*=UTF-8''Gr%C3%BC%C3%9Fe.txt"
    headers = {"Upload-Complete": complete, "Content-Disposition": name, **fields}
    return site.client.post("/tus", data=data, headers=headers)


def draft_append(site, url, data, offset, complete="?0", **fields):
    headers = {**PARTIAL, "Upload-Offset": str(offset), "Upload-Complete": complete, **fields}
    return site.client.patch(url, data=data, headers=headers)


def test_the_draft_creates_and_appends(any_site):
    site = any_site
    response = draft_create(site, TEXT[:10], **{"Upload-Length": str(len(TEXT))})
    assert response.status_code == 201
    assert "max-size=10000000" in response.headers["Upload-Limit"]
    assert "Tus-Resumable" not in response.headers
    url = response.headers["Location"]
    head = site.client.head(url).headers
    assert (head["Upload-Complete"], head["Upload-Offset"]) == ("?0", "10")
    assert (head["Upload-Length"], head["Cache-Control"]) == (str(len(TEXT)), "no-store")
    assert "max-age=" in head["Upload-Limit"]
    response = draft_append(site, url, TEXT[10:30], 10)
    assert (response.status_code, response.headers["Upload-Complete"]) == (204, "?0")
    response = draft_append(site, url, TEXT[30:], 30, "?1")
    assert (response.status_code, response.headers["Upload-Complete"]) == (204, "?1")
    ((stored, _),) = site.finished
    assert (site.content(stored), stored.name) == (TEXT, "Grüße.txt")
    assert site.client.head(url).headers["Upload-Complete"] == "?1"


def test_the_draft_takes_a_file_in_one_request(any_site):
    response = draft_create(any_site, TEXT, "?1")
    assert (response.status_code, response.headers["Upload-Complete"]) == (201, "?1")
    assert len(any_site.finished) == 1


def test_the_draft_is_whole_when_its_client_says_so(site):
    url = draft_create(site, TEXT, **{"Upload-Length": str(len(TEXT))}).headers["Location"]
    assert site.client.head(url).headers["Upload-Complete"] == "?0"
    assert site.finished == []
    assert draft_append(site, url, b"", len(TEXT), "?1").headers["Upload-Complete"] == "?1"
    assert len(site.finished) == 1
    response = draft_append(site, url, b"", len(TEXT), "?1")
    assert response.status_code == 400
    assert response.json["type"].endswith("#completed-upload")


def test_the_draft_tells_problems(any_site):
    site = any_site
    url = draft_create(site, TEXT[:10], **{"Upload-Length": str(len(TEXT))}).headers["Location"]
    response = draft_append(site, url, TEXT[5:], 5)
    assert (response.status_code, response.headers["Upload-Offset"]) == (409, "10")
    assert response.json["type"].endswith("#mismatching-upload-offset")
    assert (response.json["expected-offset"], response.json["provided-offset"]) == (10, 5)
    for data, complete, fields in (
        (TEXT[10:20], "?1", {}),
        (b"", "?0", {"Upload-Length": "50"}),
        (TEXT[10:], "?1", {"Upload-Length": "70"}),
    ):
        response = draft_append(site, url, data, 10, complete, **fields)
        assert response.status_code == 400
        assert response.json["type"].endswith("#inconsistent-upload-length")
    assert site.client.head(url).headers["Upload-Offset"] == "10"
    assert site.client.delete(url).status_code == 204
    assert site.client.head(url).status_code == 404


def test_the_draft_is_finished_by_who_asks_when_a_process_was_killed(site, folder):
    site.fail = KeyError("killed")
    url = draft_create(site, TEXT[:10]).headers["Location"]
    assert draft_append(site, url, TEXT[10:], 10, "?1").status_code == 500
    (info,) = folder.rglob("[0-9a-f]*.info")
    claim = info.with_suffix(".claim")
    claim.touch()
    head = site.client.head(url)
    assert (head.status_code, head.headers["Upload-Complete"]) == (200, "?0")
    assert head.headers["Upload-Offset"] == str(len(TEXT))
    response = draft_append(site, url, b"", len(TEXT), "?1")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "2")
    os.utime(claim, (0, 0))
    site.fail = None
    assert site.client.head(url).headers["Upload-Complete"] == "?1"
    assert len(site.finished) == 1


def test_the_draft_tells_errors_of_the_whole_from_those_of_a_request(site):
    site.fail = Forbidden("Not today.")
    response = draft_create(site, TEXT, "?1")
    assert (response.status_code, response.headers["Upload-Complete"]) == (403, "?1")
    response = draft_create(site, TEXT, "?1", **{"Upload-Length": "70"})
    assert (response.status_code, "Upload-Complete" in response.headers) == (400, False)


def test_the_draft_in_older_versions(site):
    five = {"Upload-Draft-Interop-Version": "5"}
    url = draft_create(site, **five).headers["Location"]
    headers = {"Upload-Offset": "0", "Upload-Complete": "?1", **five}
    assert site.client.patch(url, data=TEXT, headers=headers).status_code == 204
    assert len(site.finished) == 1


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, 400),
        ({"Upload-Complete": "yes"}, 400),
        ({"Upload-Complete": "?0", "Upload-Length": "many"}, 400),
        ({"Upload-Complete": "?0", "Upload-Length": "10000001"}, 413),
        ({"Upload-Complete": "?0", "Content-Disposition": "inline; filename=a.exe"}, 415),
    ],
)
def test_the_draft_tells_what_is_malformed(site, fields, status):
    assert site.client.post("/tus", headers=fields).status_code == status
    assert site.left() == []


def test_the_draft_wants_its_media_type(site):
    url = draft_create(site).headers["Location"]
    response = draft_append(site, url, TEXT, 0, **{"Content-Type": "text/plain"})
    assert response.status_code == 415
