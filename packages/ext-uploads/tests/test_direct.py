"""Uploads that clients send to the store themselves, here through its stand-in on any storage."""

import io
import time
from urllib.parse import urlencode, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.exceptions import Conflict

from cruse import Cruse, request
from cruse_uploads import IMAGES, MemoryStorage, PutRequest, Uploads
from cruse_uploads.signing import sign
from tests.sites import STORAGES, SiteOfFiles

TEXT = b"Once upon a time there was a file that knew its own way."


class Site(SiteOfFiles):
    """An application that takes text files and pictures at ``/direct``, and what it was told."""

    def __init__(self, storage, gateway="wsgi", is_async=False, rules=None, **options):
        super().__init__(storage)
        self.uploads = Uploads(storage=lambda app: storage)
        rules = {"allow": ("txt", *IMAGES), "max_size": 10_000_000} | (rules or {})
        self.files = self.uploads.set("files", **rules)
        self.app = Cruse(__name__, extensions=[self.uploads], static_folder=None)
        self.app.config.update(SECRET_KEY="test", PROPAGATE_EXCEPTIONS=False)
        authorize = self.authorize

        async def authorize_async(upload):
            return authorize(upload)

        hook = authorize_async if is_async else authorize
        options = {"authorize": hook, "on_finished": self.on_finished, **options}
        self.app.register_blueprint(self.files.direct(**options), url_prefix="/direct")
        tus = self.files.resumable(authorize=self.authorize)
        self.app.register_blueprint(tus, url_prefix="/tus")
        self.client = self.app.test_client(gateway=gateway)

    def authorize(self, upload):
        return request.headers.get("X-User", "ann")

    def start(self, data=TEXT, name="story.txt", **fields):
        told = {"name": name, "size": len(data)}
        return self.client.post("/direct", json=told, headers=fields)

    def put(self, started, data=TEXT):
        told = started.json
        headers = told["headers"]
        return self.client.open(told["url"], method=told["method"], data=data, headers=headers)

    def confirm(self, started, **fields):
        return self.client.post(started.json["confirm"], headers=fields)

    def send(self, data=TEXT, name="story.txt"):
        started = self.start(data, name)
        assert self.put(started, data).status_code == 200
        return self.confirm(started)

    def sweep(self, monkeypatch, later=0.0):
        with monkeypatch.context() as patch, self.app.app_context():
            now = time.time
            patch.setattr(time, "time", lambda: now() + later)
            self.uploads.sweep(0)


def test_a_file_is_announced_sent_and_confirmed(any_site):
    site = any_site
    started = site.start()
    assert started.status_code == 201
    assert started.headers["Cache-Control"] == "no-store"
    assert started.json["method"] == "PUT"
    assert started.json["expires"] == 3600
    assert site.put(started).status_code == 200
    assert site.finished == []
    confirmed = site.confirm(started)
    assert confirmed.status_code == 200
    ((stored, upload),) = site.finished
    assert site.content(stored) == TEXT
    assert (stored.name, stored.type, stored.size) == ("story.txt", "text/plain", len(TEXT))
    assert (upload.owner, upload.direct) == ("ann", True)
    assert confirmed.headers["X-Key"] == stored.key
    assert confirmed.json == {
        "name": "story.txt",
        "size": len(TEXT),
        "type": "text/plain",
        "width": None,
        "height": None,
        "url": f"/_uploads/files/{stored.key}",
    }
    with site.client.get(confirmed.json["url"]) as response:
        assert response.data == TEXT


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("gateway", ["wsgi", "asgi"])
def test_what_is_large_goes_into_any_storage(make_site, make, storage, gateway):
    site = make_site(storage, gateway=gateway, is_async=gateway == "asgi")
    data = make["png"](30, 20) + bytes(range(256)) * 30_000
    confirmed = site.send(data, "图.png")
    assert confirmed.json["name"] == "图.png"
    assert (confirmed.json["width"], confirmed.json["height"]) == (30, 20)
    ((stored, _),) = site.finished
    assert site.content(stored) == data
    files = [key for key in site.left() if not key.startswith("_resumable/")]
    assert files == [f"files/{stored.key}"]
    assert not [key for key in site.left() if key.endswith(".sent")]


@pytest.mark.parametrize(
    "rules",
    [{"digest": "sha256"}, {"dedupe": True}, {"scan": lambda file: file.read() == TEXT}],
    ids=["digest", "dedupe", "scan"],
)
def test_what_a_set_wants_to_read_is_read(make_site, rules):
    site = make_site(rules=rules)
    assert site.send().status_code == 200
    ((stored, _),) = site.finished
    assert site.content(stored) == TEXT
    assert (stored.digest is None) == ("scan" in rules)
    harmful = site.send(b"This is something else altogether.")
    assert harmful.status_code == (422 if "scan" in rules else 200)


def test_a_name_that_claims_no_type_leaves_it_to_the_content(site, make):
    confirmed = site.send(make["png"](), "blob")
    assert (confirmed.json["name"], confirmed.json["type"]) == ("blob.png", "image/png")


def test_confirming_again_tells_the_same_and_nothing_twice(site):
    started = site.start()
    site.put(started)
    first, second = site.confirm(started), site.confirm(started)
    assert (second.status_code, second.json) == (200, first.json)
    assert len(site.finished) == 1


def test_a_url_is_for_one_file_once(site):
    started = site.start()
    assert site.put(started).status_code == 200
    assert site.put(started, TEXT[::-1]).status_code == 412
    site.confirm(started)
    # What is sent now is no file's, and goes.
    site.put(started, TEXT[::-1])
    site.confirm(started)
    ((stored, _),) = site.finished
    assert site.content(stored) == TEXT


def test_what_is_sent_is_seen_by_nobody_before_it_is_confirmed(site):
    started = site.start()
    site.put(started)
    assert [key for key in site.left() if key.startswith(("files/", "_temporary/"))] == []
    upload = started.json["id"]
    for key in (f"{upload}.sent", f"_resumable/files/{upload[:2]}/{upload}.sent"):
        assert site.client.get(f"/_uploads/files/{key}").status_code == 404


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("evil.png", b"MZ\x90\x00 and so on", 415),
        ("evil.png", b"<html><script>alert(1)</script>", 415),
        ("bomb.png", None, 413),
        ("cut.png", b"\x89PNG\r\n\x1a\n", 415),
        ("blob", b"\x89PNG\r\n\x1a\n", 415),
    ],
)
def test_what_breaks_a_rule_is_gone_when_it_is_confirmed(site, make, name, data, reason):
    refused = site.send(make["png"](65_000, 65_000) if data is None else data, name)
    assert refused.status_code == reason
    assert refused.content_type == "application/problem+json"
    assert site.finished == []
    assert site.left() == []


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ({"name": "a.exe", "size": 5}, 415),
        ({"name": "a.txt", "size": 10_000_001}, 413),
        ({"name": "a.txt", "size": 0}, 400),
        ({"name": "a.txt", "size": -1}, 400),
        ({"name": "a.txt", "size": True}, 400),
        ({"name": "a.txt", "size": 10**400}, 400),
        ({"name": "a.txt", "size": "5"}, 400),
        ({"name": "a.txt"}, 400),
        ({"name": ["a.txt"], "size": 5}, 400),
        ({"name": "a" * 9000, "size": 5}, 400),
        ({"name": "a.txt", "size": 5, "metadata": {"a": 1}}, 400),
        ({"name": "a.txt", "size": 5, "metadata": ["a"]}, 400),
        ([5], 400),
        ("a.txt", 400),
    ],
)
def test_what_breaks_a_rule_already_is_not_begun(site, told, status):
    response = site.client.post("/direct", json=told)
    assert response.status_code == status
    assert site.left() == []


def test_without_authorize_there_is_no_such_thing(uploads, folder):
    files = uploads.set("files")
    with pytest.raises(TypeError, match="authorize"):
        files.direct()
    app = Cruse(__name__, extensions=[uploads], static_folder=None)
    assert app.test_client().post("/direct", json={"name": "a.txt", "size": 5}).status_code == 404
    app.stop()


def test_who_is_not_allowed_gets_no_url(make_site):
    site = make_site(authorize=lambda upload: upload.length != len(TEXT))
    assert site.start().status_code == 403
    assert site.left() == []
    assert site.start(TEXT + b"!").status_code == 201


def test_what_another_has_begun_can_not_be_confirmed(site):
    started = site.start()
    site.put(started)
    assert site.confirm(started, **{"X-User": "bob"}).status_code == 404
    assert site.finished == []
    assert site.confirm(started).status_code == 200


def test_what_was_not_sent_can_not_be_confirmed_yet(site):
    started = site.start()
    assert site.confirm(started).status_code == 409
    site.put(started)
    assert site.confirm(started).status_code == 200


@pytest.mark.parametrize("data", [TEXT[:-1], TEXT + b"!", b"!"])
def test_only_what_was_announced_is_taken(site, data):
    started = site.start()
    assert site.put(started, data).status_code == 400
    assert not [key for key in site.left() if key.endswith(".sent")]


def test_of_a_body_that_breaks_off_nothing_is_kept(site):
    started = site.start()
    environ = {"CONTENT_LENGTH": str(len(TEXT)), "wsgi.input": io.BytesIO(TEXT[:9])}
    broken = site.client.put(started.json["url"], environ_overrides=environ)
    assert broken.status_code == 400
    assert not [key for key in site.left() if key.endswith(".sent")]
    assert site.put(started).status_code == 200


def test_a_body_without_a_length_is_refused(site):
    environ = {"wsgi.input": io.BytesIO(TEXT), "wsgi.input_terminated": True}
    url = site.start().json["url"]
    assert site.client.put(url, environ_overrides=environ).status_code == 411


def test_a_signature_is_good_for_nothing_else(site):
    first, second = site.start(), site.start()
    path, _, query = first.json["url"].partition("?")
    other = urlsplit(second.json["url"]).path
    seen = urlencode(sign(site.app, "files", first.json["id"], 600))  # to view, not to put
    for url in (
        path,
        f"{path}?{query}x",
        f"{other}?{query}",
        f"{path}?{seen}",
        f"{path}?expires=99999999999&signature={query.rpartition('=')[2]}",
        f"{path}?expires=1&signature=",
    ):
        assert site.client.put(url, data=TEXT).status_code == 403
    assert not [entry for entry in site.left() if entry.endswith(".sent")]


def test_a_url_expires_and_its_file_can_be_confirmed_a_day_longer(make_site, monkeypatch):
    site = make_site(expires=60)
    late, sent = site.start(), site.start()
    site.put(sent)
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + 61)
    assert site.put(late).status_code == 403
    assert site.confirm(sent).status_code == 200
    monkeypatch.setattr(time, "time", lambda: now() + 24 * 3600 + 61)
    assert site.confirm(late).status_code == 410


def test_what_nobody_confirmed_is_swept(make_site, monkeypatch):
    site = make_site("memory")
    started = site.start()
    site.put(started)
    site.sweep(monkeypatch)
    assert site.left()
    site.sweep(monkeypatch, 26 * 3600)
    assert site.left() == []


def test_what_is_sent_after_its_file_was_refused_is_swept(make_site, monkeypatch):
    site = make_site("memory")
    started = site.start(b"MZ\x90\x00", "a.png")
    site.put(started, b"MZ\x90\x00")
    sent = next(key for key in site.left() if key.endswith(".sent"))
    assert site.confirm(started).status_code == 415
    # As an object store would take it, whose URL is still good.
    writer = site.storage.writer(sent, None)
    writer.commit()
    site.sweep(monkeypatch, 3600)
    assert site.left() == []


def test_the_application_may_refuse_a_file_at_its_end(site):
    site.fail = Conflict("You have enough.")
    assert site.send().status_code == 409
    assert site.left() == []


def test_when_the_application_fails_it_is_asked_again(site):
    site.fail = RuntimeError("Its database is away.")
    started = site.start()
    site.put(started)
    assert site.confirm(started).status_code == 500
    site.fail = None
    assert site.confirm(started).status_code == 200
    assert len(site.finished) == 1


def test_a_temporary_file_is_seen_once_it_is_promoted(make_site):
    site = make_site(temporary=True)
    assert "url" not in site.send().json
    ((stored, _),) = site.finished
    with site.app.app_context():
        assert not site.files.exists(stored.key)
        site.files.promote(stored.key)
        assert site.files.exists(stored.key)


def test_the_two_kinds_of_uploads_do_not_meet(site):
    started = site.start()
    site.put(started)
    tus = {"Tus-Resumable": "1.0.0"}
    upload = started.json["id"]
    assert site.client.head(f"/tus/{upload}", headers=tus).status_code == 404
    assert site.client.delete(f"/tus/{upload}", headers=tus).status_code == 404
    resumable = site.client.post("/tus", headers={**tus, "Upload-Length": "5"})
    url = resumable.headers["Location"].replace("/tus/", "/direct/")
    assert site.client.post(url).status_code == 404
    assert site.confirm(started).status_code == 200


class Shelf(MemoryStorage):
    """Storage that clients can write into by themselves."""

    def put_request(self, key, meta, size, seconds):
        self.wanted = (key, meta, size, seconds)
        return PutRequest(f"https://shelf.example/{key}", {"Content-Type": meta.type})


def test_where_the_store_takes_files_itself_they_are_sent_there(make_site, make):
    shelf = Shelf()
    site = make_site(shelf)
    data = make["png"](3, 2)
    started = site.start(data, "../a b.png")
    key, meta, size, seconds = shelf.wanted
    assert (meta.name, meta.type, size, seconds) == ("a b.png", "image/png", len(data), 3600)
    assert started.json["url"] == f"https://shelf.example/{key}"
    assert started.json["headers"] == {"Content-Type": "image/png"}
    for sent, status in ((data + b"!", 400), (data, 404)):  # refused is gone
        writer = shelf.writer(key, meta)
        writer.write(sent)
        writer.commit()
        assert site.confirm(started).status_code == status
    assert site.finished == []


def test_pages_of_other_origins_are_let_in(make_site):
    site = make_site(cors={"origins": "https://app.example"})
    started = site.start(Origin="https://app.example")
    assert started.headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert urlsplit(started.json["confirm"]).netloc == "localhost"


@settings(max_examples=60, deadline=None)
@given(
    name=st.text(max_size=300),
    size=st.integers() | st.just(len(TEXT)),
    metadata=st.dictionaries(st.text(), st.text()),
)
def test_whatever_is_announced_is_taken_or_refused(name, size, metadata):
    site = Site(MemoryStorage())
    told = {"name": name, "size": size, "metadata": metadata}
    started = site.client.post("/direct", json=told)
    assert started.status_code in (201, 400, 413, 415)
    if started.status_code == 201 and size == len(TEXT):
        assert site.put(started).status_code == 200
        assert site.confirm(started).status_code in (200, 415)
    site.app.stop()
