"""Files on their way out: what browsers are told about them, and who may see them."""

import io
from urllib.parse import quote, urlsplit

import pytest

from cruse import Cruse, render_template_string, request
from cruse_uploads import ALL, IMAGES, FileType, MemoryStorage, ObjectNotFoundError, Uploads


@pytest.fixture
def files(uploads):
    return uploads.set("files", allow=ALL)


@pytest.fixture
def put(app):
    """Store a file; return its key."""

    def store(upload_set, data, name="a.png"):
        with app.app_context():
            return upload_set.save(io.BytesIO(data), name=name).key

    return store


@pytest.fixture
def photo(put, photos, make):
    return put(photos, make["png"](30, 20), "日本.png")


@pytest.fixture(params=["local", "memory"])
def stores(request, uploads):
    """Run a test on each kind of storage, of which only one has paths."""
    if request.param == "memory":
        memory = MemoryStorage()
        uploads.make_storage = lambda app: memory
    return request.param


def test_a_file_is_served_as_what_it_is(client, stores, photo, make):
    with client.get(f"/_uploads/photos/{photo}") as response:
        assert response.status_code == 200
        assert response.data == make["png"](30, 20)
        headers = response.headers
        assert headers["Content-Type"] == "image/png"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert headers["Cache-Control"] == "public, max-age=86400"
        assert headers["Content-Disposition"] == (
            "inline; filename=\"__.png\"; filename*=UTF-8''%E6%97%A5%E6%9C%AC.png"
        )
        assert "Set-Cookie" not in headers


@pytest.mark.parametrize(
    ("name", "data", "media_type", "shown"),
    [
        ("a.svg", b"<svg><script>alert(1)</script></svg>", "image/svg+xml", False),
        ("a.html", b"<script>alert(1)</script>", "text/html", False),
        ("a.xml", b"<x:script xmlns:x='http://www.w3.org/1999/xhtml'/>", "application/xml", False),
        ("a.js", b"alert(1)", "text/plain", False),
        ("a.pdf", b"%PDF-1.7", "application/pdf", False),
        ("a.exe", b"MZ" + bytes(9), "application/x-msdownload", False),
        ("blob", b"\0\1", "application/octet-stream", False),
        ("a.txt", b"<script>alert(1)</script>", "text/plain", True),
        ("a.mp3", b"ID3\4", "audio/mpeg", True),
        ("a.gif", b"GIF89a\1\0\1\0/*" + b"*/=1;alert(1)//", "image/gif", True),
    ],
)
def test_only_what_can_carry_no_script_is_shown(client, put, files, name, data, media_type, shown):
    with client.get(f"/_uploads/files/{put(files, data, name)}") as response:
        assert response.mimetype == media_type
        disposition = response.headers["Content-Disposition"]
        assert disposition.partition(";")[0] == ("inline" if shown else "attachment")
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in response.headers["Content-Security-Policy"]


def test_a_type_of_ones_own_says_whether_it_is_shown(uploads, client, put):
    blend = FileType("blend", "model/x-blend", signatures=(((0, b"BLENDER"),),), inline=True)
    models = uploads.set("models", allow=(blend,))
    with client.get(f"/_uploads/models/{put(models, b'BLENDER', 'a.blend')}") as response:
        assert response.mimetype == "model/x-blend"
        assert response.headers["Content-Disposition"] == 'inline; filename="a.blend"'


@pytest.mark.parametrize("name", ['a"b.png', "a;b.png", "a%b.png", "a\r\nX: 1.png", "\u202eb.png"])
def test_a_name_can_not_break_out_of_its_header(client, put, photos, make, name):
    with client.get(f"/_uploads/photos/{put(photos, make['png'](), name)}") as response:
        disposition = response.headers["Content-Disposition"]
        assert disposition.count('"') == 2
        assert "X" not in response.headers


# -- ranges and conditions --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "part"),
    [("bytes=0-9", slice(0, 10)), ("bytes=10-", slice(10, None)), ("bytes=-5", slice(-5, None))],
)
def test_a_part_is_sent(client, stores, photo, make, wanted, part):
    data = make["png"](30, 20)
    with client.get(f"/_uploads/photos/{photo}", headers={"Range": wanted}) as response:
        assert response.status_code == 206
        assert response.data == data[part]
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Content-Range"].endswith(f"/{len(data)}")


def test_a_part_behind_the_end_is_refused(client, stores, photo):
    with client.get(f"/_uploads/photos/{photo}", headers={"Range": "bytes=9999-"}) as response:
        assert response.status_code == 416


def test_a_file_the_browser_has_is_not_sent_again(client, stores, photo):
    url = f"/_uploads/photos/{photo}"
    with client.get(url) as first:
        etag, modified = first.headers["ETag"], first.headers["Last-Modified"]
    for headers in ({"If-None-Match": etag}, {"If-Modified-Since": modified}):
        with client.get(url, headers=headers) as response:
            assert (response.status_code, response.data) == (304, b"")
    for condition, status in ((etag, 206), ('"other"', 200)):
        with client.get(url, headers={"Range": "bytes=0-0", "If-Range": condition}) as response:
            assert response.status_code == status


def test_head_tells_the_size_alone(client, stores, photo, make):
    with client.head(f"/_uploads/photos/{photo}") as response:
        assert response.status_code == 200
        assert response.data == b""
        assert response.content_length == len(make["png"](30, 20))


def test_nothing_is_changed_by_url(client, photo):
    for method in ("post", "put", "patch", "delete"):
        assert getattr(client, method)(f"/_uploads/photos/{photo}").status_code == 405


# -- what is not there ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        *("photos/none.png", "none/a.png", "photos/", "photos", "", "photos/2026"),
        *("photos/../secret.txt", "photos/%2e%2e/secret.txt", "photos/..%2fsecret.txt"),
        *("photos/%00", "photos/a%00.png", "photos//etc/passwd", "photos/%2fetc%2fpasswd"),
        *("photos/..\\secret.txt", "photos/%5c..%5csecret.txt", "photos/c:%5cboot.ini"),
        *("photos/con", "photos/nul.png", "photos/a.png::$DATA", "photos/%ff.png"),
        f"photos/{'a' * 300}.png",
        f"photos/{'a/' * 2000}a.png",
        f"photos/{quote('日' * 100)}.png",
    ],
)
def test_what_leads_elsewhere_is_not_found(client, folder, path):
    folder.mkdir(exist_ok=True)
    (folder / "secret.txt").write_text("secret")
    (folder / "photos").mkdir(exist_ok=True)
    response = client.get(f"/_uploads/{path}")
    assert response.status_code in (404, 400, 308)
    assert b"secret" not in response.data
    if response.status_code == 308:  # doubled slashes are merged
        assert client.get(response.location).status_code == 404


def test_our_own_files_are_not_served(client, photo, folder):
    name = photo.rpartition("/")[2]
    assert (folder / "photos" / photo).with_name(f".{name}.meta").exists()
    path = photo.replace(name, f".{name}.meta")
    assert client.get(f"/_uploads/photos/{path}").status_code == 404


def test_a_deleted_file_is_gone(app, client, stores, photos, photo):
    with app.app_context():
        photos.delete(photo)
        photos.delete(photo)
        photos.delete("../../etc/passwd")
    assert client.get(f"/_uploads/photos/{photo}").status_code == 404


def test_a_set_does_not_serve_the_files_of_another(uploads, client, photo):
    uploads.set("others", allow=IMAGES)
    assert client.get(f"/_uploads/others/{photo}").status_code == 404


# -- private sets -----------------------------------------------------------------------------


@pytest.fixture
def letters(uploads):
    return uploads.set("letters", allow=("txt",), private=True)


@pytest.fixture
def letter(app, put, letters):
    """A letter's key, and a URL that shows it."""
    key = put(letters, b"Dear you", "letter.txt")
    with app.test_request_context():
        return key, letters.url_for(key)


def test_a_private_file_is_seen_by_a_signed_url_alone(client, letter):
    key, url = letter
    with client.get(url) as response:
        assert (response.status_code, response.text) == (200, "Dear you")
        cache = response.cache_control
        assert (cache.private, cache.public, cache.max_age) == (True, False, 0)
    assert client.get(f"/_uploads/letters/{key}").status_code == 403


def test_a_signature_is_good_for_nothing_else(app, client, put, letters, letter):
    _, url = letter
    other = put(letters, b"Dear other", "other.txt")
    query = urlsplit(url).query
    assert client.get(f"/_uploads/letters/{other}?{query}").status_code == 403
    expires, signature = query.split("&")
    for changed in (
        query + "0",
        f"expires=99999999999&{signature}",
        f"{expires}&signature=",
        f"{expires}&signature=%C3%BF",
        f"expires=abc&{signature}",
        f"expires=%D9%A1&{signature}",
        f"expires={'9' * 30}&{signature}",
        expires,
        signature,
    ):
        path = url.partition("?")[0]
        assert client.get(f"{path}?{changed}").status_code == 403, changed


def test_a_signed_url_expires(app, client, letters, letter):
    key, _ = letter
    with app.test_request_context():
        good, old = (letters.url_for(key, expires=seconds) for seconds in (60, -1))
    with client.get(good) as response:
        assert response.status_code == 200
    response = client.get(old)
    assert response.status_code == 403
    assert "expired" in response.text


def test_whether_a_private_file_exists_is_not_told(client, letter):
    assert client.get("/_uploads/letters/none.txt").status_code == 403


def test_a_url_signed_with_the_key_before_still_works(app, client, letter):
    _, url = letter
    app.config.update(SECRET_KEY="new", SECRET_KEY_FALLBACKS=["test"])
    with client.get(url) as response:
        assert response.status_code == 200
    app.config.update(SECRET_KEY_FALLBACKS=None)
    assert client.get(url).status_code == 403


def test_signing_needs_a_secret_key(app, letters):
    app.config["SECRET_KEY"] = None
    with app.test_request_context(), pytest.raises(RuntimeError, match="SECRET_KEY"):
        letters.url_for("a.txt")


# -- finding ----------------------------------------------------------------------------------


def test_a_file_is_found_by_its_key(app, photos, photo, folder, make):
    with app.test_request_context():
        found = photos.get(photo)
        assert (found.key, found.name, found.type) == (photo, "日本.png", "image/png")
        assert (found.width, found.height) == (30, 20)
        assert found.size == len(make["png"](30, 20))
        assert found.id == photo.rpartition("/")[2].removesuffix(".png")
        assert found.url() == f"/_uploads/photos/{photo}"
        assert found.url(external=True) == f"http://localhost/_uploads/photos/{photo}"
        assert photos.path(photo) == str(folder / "photos" / photo)
        assert photos.exists(photo)
        with found.open() as file:
            assert file.read(4) == b"\x89PNG"
        assert "日本" in repr(found)
        found.delete()
        assert not photos.exists(photo)
        with pytest.raises(ObjectNotFoundError):
            photos.get(photo)


def test_async_code_finds_and_deletes_without_blocking(app, photos, photo):
    async def use():
        assert await photos.aexists(photo)
        found = await photos.aget(photo)
        await found.adelete()
        assert not await photos.aexists(photo)

    with app.app_context():
        app.async_to_sync(use)()


def test_a_file_put_there_by_hand_is_found_too(app, photos, folder):
    (folder / "photos").mkdir(parents=True)
    (folder / "photos" / "old.png").write_bytes(b"no png at all, and long enough")
    (folder / "photos" / "cut.png").write_bytes(b"\x89PNG")
    (folder / "photos" / "old.pdf").write_bytes(b"%PDF-")
    with app.app_context():
        found = photos.get("old.png")
        assert (found.name, found.width, found.height) == ("old.png", None, None)
        assert photos.get("cut.png").width is None
        assert photos.get("old.pdf").width is None


def test_templates_know_where_files_are(app, photo):
    with app.test_request_context():
        url = render_template_string("{{ upload_url('photos', key) }}", key=photo)
    assert url == f"/_uploads/photos/{photo}"


def test_a_view_of_ones_own_decides_who_sees_a_file(app, client, photos, photo):
    @app.get("/download/<path:key>")
    def download(key):
        if "member" not in request.args:
            return "members only", 403
        return photos.send(key, as_attachment=True, name="yours.png")

    assert client.get(f"/download/{photo}").status_code == 403
    with client.get(f"/download/{photo}?member") as response:
        assert response.headers["Content-Disposition"] == 'attachment; filename="yours.png"'
    assert client.get("/download/none.png?member").status_code == 404


def test_several_ranges_are_answered_with_all_of_the_file(client, stores, photo, make):
    """A server may ignore them (RFC 9110, section 14.2); it spares us a body of many parts."""
    for wanted in ("bytes=0-1,4-5", "bytes=0-,0-,0-,0-", "bytes=-1,2-3"):
        with client.get(f"/_uploads/photos/{photo}", headers={"Range": wanted}) as response:
            assert (response.status_code, response.data) == (200, make["png"](30, 20))


@pytest.fixture(params=["X-Sendfile", "X-Accel-Redirect"])
def in_front(app, folder, request):
    """Which field tells the server in front to send a file, and the folder as it knows it."""
    if request.param == "X-Sendfile":
        app.config["USE_X_SENDFILE"] = True
        return request.param, str(folder)
    app.config["UPLOADS_X_ACCEL"] = "/-uploads"
    return request.param, "/-uploads"


def test_the_server_in_front_may_send_the_file(in_front, client, photo):
    field, root = in_front
    url = f"/_uploads/photos/{photo}"
    for headers in ({}, {"Range": "bytes=1-2"}):  # that server knows about ranges
        with client.get(url, headers=headers) as response:
            assert (response.status_code, response.data) == (200, b"")
            assert response.headers[field] == f"{root}/photos/{photo}"
            assert response.mimetype == "image/png"
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert response.headers["Content-Disposition"].startswith("inline")
            etag = response.headers["ETag"]
    with client.get(url, headers={"If-None-Match": etag}) as response:
        assert response.status_code == 304
        assert field not in response.headers


class Elsewhere(MemoryStorage):
    """What has URLs of its own, as object stores do."""

    def url(self, key, seconds):
        return f"https://bucket.example/{key}?for={seconds}"


def test_browsers_may_be_sent_to_the_store_itself(make):
    storage = Elsewhere()
    uploads = Uploads(storage=lambda app: storage)
    photos = uploads.set("photos", allow=IMAGES)
    hidden = uploads.set("hidden", allow=IMAGES, private=True)
    app = Cruse(__name__, extensions=[uploads])
    app.config.update(UPLOADS_REDIRECT=True, UPLOADS_URL_EXPIRES=600, SECRET_KEY="test")
    app.get("/save/<path:key>")(lambda key: photos.send(key, as_attachment=True))
    with app.test_request_context():
        photo, other = (each.save(io.BytesIO(make["png"]())) for each in (photos, hidden))
        url, signed = photo.url(), other.url()
    client = app.test_client()
    response = client.get(url)
    assert response.status_code == 302
    assert response.location == f"https://bucket.example/photos/{photo.key}?for=600"
    cache = response.cache_control
    assert (cache.private, cache.max_age) == (True, 300)  # as long as the URL surely works
    assert client.get(signed.partition("?")[0]).status_code == 403
    response = client.get(signed)
    assert response.location == f"https://bucket.example/hidden/{other.key}?for=300"
    assert response.cache_control.max_age == 0
    assert client.get("/_uploads/photos/none.png").status_code == 404
    with client.get(f"/save/{photo.key}") as response:  # the store would not know of that
        assert response.data == make["png"]()
    app.stop()


def test_another_prefix_can_be_chosen(tmp_path, make):
    uploads = Uploads()
    photos = uploads.set("photos", allow=IMAGES)
    app = Cruse(__name__)
    app.config.update(UPLOADS_FOLDER=str(tmp_path), UPLOADS_URL_PREFIX="/media", UPLOADS_MAX_AGE=5)
    app.use(uploads)
    with app.test_request_context():
        url = photos.save(io.BytesIO(make["png"]())).url()
    assert url.startswith("/media/photos/")
    with app.test_client().get(url) as response:
        assert response.cache_control.max_age == 5
    app.stop()
