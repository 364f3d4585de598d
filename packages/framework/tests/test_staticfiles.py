"""Static files: URLs with the hash of the content, and siblings compressed in advance."""

import asyncio
import gzip
import os
import threading
from urllib.parse import urljoin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cruse import Blueprint, Config, Cruse, Response, render_template_string, send_file, url_for

CSS = b"body { background: url(img/a.png) }\n" * 100
FOREVER = "public, max-age=31536000, immutable"


@pytest.fixture
def root(tmp_path):
    (tmp_path / "static" / "img").mkdir(parents=True)
    (tmp_path / "static" / "app.css").write_bytes(CSS)
    (tmp_path / "static" / "img" / "a.png").write_bytes(b"image")
    (tmp_path / "static" / "big.bin").write_bytes(b"big" * 200_000)
    (tmp_path / "secret.css").write_text("secret")
    return tmp_path


@pytest.fixture
def app(root):
    app = Cruse(__name__, root_path=str(root))
    app.add_url_rule(
        "/url/<path:filename>",
        "url",
        lambda filename: url_for("static", filename=filename),
    )
    return app


@pytest.fixture(params=["wsgi", "asgi"])
def client(app, request):
    return app.test_client(gateway=request.param)


def static_url(app, filename="app.css", **values):
    with app.test_request_context():
        return url_for("static", filename=filename, **values)


def get(client, url, **headers):
    """Get a URL and read the answer to its end, as a server does."""
    return client.get(url, buffered=True, headers=headers)


# -- hashed URLs ------------------------------------------------


def test_the_url_changes_with_the_content(app, root):
    first = static_url(app)
    assert first.startswith("/static/app.css?v=")
    assert static_url(app) == first
    (root / "static" / "app.css").write_bytes(b"other content")
    second = static_url(app)
    assert second != first
    (root / "static" / "app.css").write_bytes(CSS)
    assert static_url(app) == first


def test_the_url_is_the_same_wherever_and_whenever_the_file_was_copied(app, root):
    first = static_url(app)
    os.utime(root / "static" / "app.css", (1, 1))
    assert static_url(app) == first


def test_what_has_the_right_hash_may_be_kept_for_ever(app, client):
    url = client.get("/url/app.css").text
    response = get(client, url)
    assert response.headers["Cache-Control"] == FOREVER
    assert response.data == CSS


@pytest.mark.parametrize("query", ["", "?v=", "?v=0123456789abcdef", "?x=1", "?v=%ff", "?w={}"])
def test_anything_else_is_asked_for_again(app, client, query):
    digest = static_url(app).partition("=")[2]
    response = get(client, f"/static/app.css{query.format(digest)}")
    assert response.headers["Cache-Control"] == "no-cache"


def test_a_url_of_yesterday_gets_today_s_content_and_does_not_keep_it(app, client, root):
    url = static_url(app)
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = 60
    (root / "static" / "app.css").write_bytes(b"today")
    response = get(client, url)
    assert (response.data, response.headers["Cache-Control"]) == (b"today", "public, max-age=60")


def test_relative_urls_in_a_style_sheet_go_on_working(app, client):
    assert get(client, urljoin(static_url(app), "img/a.png")).data == b"image"


def test_a_template_needs_no_change(app, client):
    app.add_url_rule(
        "/page",
        "page",
        lambda: render_template_string("{{ url_for('static', filename='app.css') }}"),
    )
    assert get(client, client.get("/page").text).headers["Cache-Control"] == FOREVER


@pytest.mark.parametrize(
    ("filename", "values", "url"),
    [
        ("missing.css", {}, "/static/missing.css"),
        ("img", {}, "/static/img"),
        ("../secret.css", {}, "/static/../secret.css"),
        ("a\0b", {}, "/static/a%00b"),
        ("a" * 300, {}, f"/static/{'a' * 300}"),
        ("app.css", {"v": 3}, "/static/app.css?v=3"),
    ],
)
def test_other_urls_are_as_ever(app, filename, values, url):
    assert static_url(app, filename, **values) == url


def test_a_hash_goes_with_all_that_url_for_can_do(app):
    url = static_url(app, _external=True, _anchor="top", theme="dark")
    assert url.startswith("http://localhost/static/app.css?")
    assert url.endswith("#top")
    assert "theme=dark" in url
    assert "v=" in url


def test_large_files_are_not_read_for_their_url(app, root):
    with (root / "static" / "film.bin").open("wb") as file:
        file.truncate(16 * 1024 * 1024 + 1)
    assert static_url(app, "film.bin") == "/static/film.bin"
    assert "v=" in static_url(app, "big.bin")


def test_a_setting_turns_the_hashes_off(app, client):
    url = static_url(app)
    app.config["STATIC_HASHED_URLS"] = False
    assert static_url(app) == "/static/app.css"
    assert get(client, url).headers["Cache-Control"] == "no-cache"


def test_links_out_of_the_folder_have_no_hash(app, root):
    (root / "static" / "out.css").symlink_to(root / "secret.css")
    assert static_url(app, "out.css") == "/static/out.css"


def test_a_link_that_turns_outwards_is_followed_no_more(app, client, root):
    link = root / "static" / "link.css"
    link.symlink_to("app.css")
    assert get(client, "/static/link.css").data == CSS
    link.unlink()
    link.symlink_to(root / "secret.css")
    assert get(client, "/static/link.css").status_code == 404


def test_blueprints_have_hashed_urls_too(app, client, tmp_path):
    for name in ("outer", "inner"):
        (tmp_path / name / "static").mkdir(parents=True)
        (tmp_path / name / "static" / "a.css").write_text(name)
    outer = Blueprint("outer", __name__, root_path=str(tmp_path / "outer"), url_prefix="/outer")
    inner = Blueprint(
        "inner",
        __name__,
        root_path=str(tmp_path / "inner"),
        static_folder="static",
        url_prefix="/inner",
    )

    @inner.get("/url")
    def own_url():
        return url_for(".static", filename="a.css")

    outer.register_blueprint(inner)
    app.register_blueprint(outer)
    url = client.get("/outer/inner/url").text
    assert url.startswith("/outer/inner/static/a.css?v=")
    response = get(client, url)
    assert (response.text, response.headers["Cache-Control"]) == ("inner", FOREVER)


def test_a_view_of_one_s_own_for_static_files_is_left_alone(root):
    app = Cruse(__name__, root_path=str(root), static_folder=None)
    app.add_url_rule("/static/<path:filename>", "static", lambda filename: filename)
    assert static_url(app) == "/static/app.css"


def test_what_changes_at_this_very_moment_is_not_kept(root):
    class Meddling(Config):
        """Writes the file anew when it was found and is about to be opened."""

        def __getitem__(self, key):
            if key == "USE_X_SENDFILE":
                (root / "static" / "app.css").write_bytes(b"new content")
            return super().__getitem__(key)

    class Changing(Cruse):
        config_class = Meddling

    app = Changing(__name__, root_path=str(root))
    response = get(app.test_client(), static_url(app))
    assert (response.data, response.content_length) == (b"new content", 11)
    assert response.headers["Cache-Control"] == "no-store"


# -- compressed siblings ------------------------------------------------


def add_siblings(root, *extensions, name="app.css"):
    for extension in extensions:
        file = root / "static" / f"{name}{extension}"
        file.write_bytes(gzip.compress(CSS) if extension == ".gz" else extension.encode())


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip, zstd", "zstd"),
        ("gzip", "gzip"),
        ("x-gzip", "gzip"),
        ("GZIP", "gzip"),
        ("br;q=0.5, gzip;q=0.9", "gzip"),
        ("br;q=0, gzip", "gzip"),
        ("br; q=0.001", "br"),
        ("*", "br"),
        ("*;q=0.1, br;q=0", "zstd"),
        ("identity;q=0, *", "br"),
        ("identity, gzip;q=0.5", None),
        ("*;q=0", None),
        ("gzip;q=0", None),
        ("gzip;q=2", None),
        ("gzip;q=\xb2", None),
        ("deflate", None),
        ("identity", None),
        ("", None),
        (None, None),
    ],
)
def test_what_the_browser_likes_best_is_sent(client, root, accepted, coding):
    add_siblings(root, ".br", ".zst", ".gz")
    headers = {} if accepted is None else {"Accept-Encoding": accepted}
    response = get(client, "/static/app.css", **headers)
    assert response.status_code == 200
    assert response.headers.get("Content-Encoding") == coding
    assert response.headers["Content-Type"] == "text/css; charset=utf-8"
    assert response.headers["Vary"] == "Accept-Encoding"
    extension = {"br": ".br", "zstd": ".zst", "gzip": ".gz", None: ""}[coding]
    assert response.data == (root / "static" / f"app.css{extension}").read_bytes()
    assert response.content_length == len(response.data)


def test_without_siblings_nothing_varies(client):
    response = get(client, "/static/app.css", **{"Accept-Encoding": "gzip, br"})
    assert "Vary" not in response.headers
    assert "Content-Encoding" not in response.headers
    assert response.data == CSS


def test_a_sibling_that_is_older_than_the_file_is_left_out(client, root):
    add_siblings(root, ".br", ".gz")
    now = os.stat(root / "static" / "app.css").st_mtime
    os.utime(root / "static" / "app.css.br", (now - 10, now - 10))
    response = get(client, "/static/app.css", **{"Accept-Encoding": "br, gzip"})
    assert response.headers["Content-Encoding"] == "gzip"
    os.utime(root / "static" / "app.css.gz", (now - 10, now - 10))
    response = get(client, "/static/app.css", **{"Accept-Encoding": "br, gzip"})
    assert response.data == CSS


def test_a_sibling_out_of_the_folder_is_not_followed(client, root):
    (root / "secret.gz").write_text("secret")
    (root / "static" / "app.css.gz").symlink_to(root / "secret.gz")
    (root / "static" / "app.css.br").mkdir()
    response = get(client, "/static/app.css", **{"Accept-Encoding": "br, gzip"})
    assert response.data == CSS


def test_each_form_has_an_etag_of_its_own(client, root):
    add_siblings(root, ".br", ".gz")
    etags = {
        get(client, "/static/app.css", **{"Accept-Encoding": coding}).headers["ETag"]
        for coding in ("br", "gzip", "identity")
    }
    assert len(etags) == 3


def test_conditions_and_ranges_are_about_the_form_that_is_sent(client, root):
    add_siblings(root, ".gz")
    compressed = (root / "static" / "app.css.gz").read_bytes()
    first = get(client, "/static/app.css", **{"Accept-Encoding": "gzip"})
    etag = first.headers["ETag"]
    again = {"Accept-Encoding": "gzip", "If-None-Match": etag}
    unchanged = get(client, "/static/app.css", **again)
    assert (unchanged.status_code, unchanged.data) == (304, b"")
    assert unchanged.headers["Vary"] == "Accept-Encoding"
    assert unchanged.headers["ETag"] == etag
    assert get(client, "/static/app.css", **{"If-None-Match": etag}).status_code == 200
    weak = {"Accept-Encoding": "gzip", "If-None-Match": f'"other", W/{etag}'}
    assert get(client, "/static/app.css", **weak).status_code == 304
    part = get(client, "/static/app.css", **{"Accept-Encoding": "gzip", "Range": "bytes=-9"})
    assert (part.status_code, part.data) == (206, compressed[-9:])
    assert part.headers["Content-Range"].endswith(f"/{len(compressed)}")
    assert part.headers["Content-Encoding"] == "gzip"


def test_a_hashed_url_may_be_kept_for_ever_in_each_form(app, client, root):
    add_siblings(root, ".gz")
    response = get(client, static_url(app), **{"Accept-Encoding": "gzip"})
    assert response.headers["Cache-Control"] == FOREVER
    assert response.headers["Vary"] == "Accept-Encoding"
    assert gzip.decompress(response.data) == CSS


def test_a_compressed_file_can_be_asked_for_itself(client, root):
    add_siblings(root, ".gz")
    response = get(client, "/static/app.css.gz")
    assert gzip.decompress(response.data) == CSS
    assert response.headers["Content-Encoding"] == "gzip"


def test_a_setting_turns_the_siblings_off(app, client, root):
    add_siblings(root, ".br", ".gz")
    app.config["STATIC_PRECOMPRESSED"] = False
    response = get(client, "/static/app.css", **{"Accept-Encoding": "br, gzip"})
    assert response.data == CSS
    assert "Vary" not in response.headers


def test_head_has_the_fields_of_the_form(client, root):
    add_siblings(root, ".gz")
    response = client.head("/static/app.css", headers={"Accept-Encoding": "gzip"})
    assert response.headers["Content-Encoding"] == "gzip"
    assert response.content_length == os.stat(root / "static" / "app.css.gz").st_size
    assert response.data == b""


@given(header=st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_any_accept_encoding_is_answered(header, tmp_path_factory):
    root = tmp_path_factory.getbasetemp() / "accepted"
    (root / "static").mkdir(parents=True, exist_ok=True)
    for extension in ("", ".gz", ".br", ".zst"):
        (root / "static" / f"a.css{extension}").write_text(extension)
    client = Cruse(__name__, root_path=str(root)).test_client()
    response = get(client, "/static/a.css", **{"Accept-Encoding": header})
    codings = {None: "", "br": ".br", "zstd": ".zst", "gzip": ".gz"}
    assert response.text == codings[response.headers.get("Content-Encoding")]


# -- sizes ------------------------------------------------


def test_large_files_are_sent_piece_by_piece(client, root):
    response = get(client, "/static/big.bin")
    assert response.data == b"big" * 200_000
    assert response.content_length == 600_000


def test_the_server_may_send_static_files(app, client, root):
    app.config["USE_X_SENDFILE"] = True
    response = get(client, "/static/app.css")
    assert response.headers["X-Sendfile"] == str(root / "static" / "app.css")
    assert response.data == b""
    unchanged = get(client, "/static/app.css", **{"If-None-Match": response.headers["ETag"]})
    assert unchanged.status_code == 304
    assert "X-Sendfile" not in unchanged.headers


def test_names_that_are_not_ascii_are_encoded(client, root):
    (root / "static" / "ä.css").write_text("a")
    assert "UTF-8''%C3%A4.css" in get(client, "/static/ä.css").headers["Content-Disposition"]


def test_a_response_class_of_one_s_own_has_its_say(root):
    class Marked(Response):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.headers["X-Mine"] = "yes"

    class MyApp(Cruse):
        response_class = Marked

    client = MyApp(__name__, root_path=str(root)).test_client()
    small = client.get("/static/app.css")
    big = client.get("/static/big.bin")
    big.close()
    known = client.get("/static/app.css", headers={"If-None-Match": small.headers["ETag"]})
    assert [r.status_code for r in (small, big, known)] == [200, 200, 304]
    assert [r.headers.get("X-Mine") for r in (small, big, known)] == ["yes"] * 3
    assert small.data == CSS


def test_a_sibling_of_what_is_compressed_itself_has_both_codings(root, client):
    (root / "static" / "logo.svgz").write_bytes(gzip.compress(b"<svg/>"))
    (root / "static" / "logo.svgz.br").write_bytes(b"smaller still")
    plain = client.get("/static/logo.svgz", headers={"Accept-Encoding": "identity"})
    twice = client.get("/static/logo.svgz", headers={"Accept-Encoding": "br"})
    assert plain.headers["Content-Encoding"] == "gzip"
    assert (twice.data, twice.headers["Content-Encoding"]) == (b"smaller still", "gzip, br")


def test_a_condition_that_fails_for_one_client_is_kept_for_nobody(app, client):
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = 60
    app.add_url_rule("/sent", "sent", lambda: send_file("static/app.css"))
    hashed = client.get("/url/app.css").text
    for url in (hashed, "/static/app.css", "/static/big.bin", "/sent"):
        with client.get(url, headers={"If-Match": '"another"'}) as response:
            assert response.status_code == 412
            assert response.headers["Cache-Control"] == "no-store"
            assert "Expires" not in response.headers


def threads_of_answers(app, headers):
    """Ask twice under ASGI, the second time with these fields, and return who sent the files."""
    threads = []
    find = app.static_files.find

    def watched(folder, path):
        threads.append(threading.current_thread().name)
        return find(folder, path)

    app.static_files.find = watched

    async def main():
        client = app.async_test_client()
        first = await client.get("/static/app.css")
        second = await client.get("/static/app.css", headers=headers(first))
        await app.stop_on_loop()
        return second

    answer = asyncio.run(main())
    here = threading.current_thread().name
    return answer.status_code, [name == here for name in threads]


def test_who_has_a_file_already_is_told_without_a_thread(app):
    same = threads_of_answers(app, lambda first: {"If-None-Match": first.headers["ETag"]})
    assert same == (304, [False, True])


@pytest.mark.parametrize("tag", [None, '"another"'])
def test_a_file_is_read_in_a_thread(app, tag):
    assert threads_of_answers(app, lambda first: {"If-None-Match": tag} if tag else {}) == (
        200,
        [False, False],
    )


def test_an_own_way_to_send_static_files_may_take_its_time(root):
    class Careful(Cruse):
        def send_static_file(self, filename):
            return super().send_static_file(filename)

    app = Careful(__name__, root_path=str(root))
    same = threads_of_answers(app, lambda first: {"If-None-Match": first.headers["ETag"]})
    assert same == (304, [False, False])
