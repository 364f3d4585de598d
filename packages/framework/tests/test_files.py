"""Sending files."""

import io
import os
import socket
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.http import http_date, parse_date

from cruse import (
    Blueprint,
    Config,
    Cruse,
    Response,
    request,
    send_file,
    send_from_directory,
)
from cruse.testing import CruseClient

CONTENT = bytes(range(256)) * 4
SIZE = len(CONTENT)


class Client(CruseClient):
    """Reads each response to its end, as a server does, so that its file is closed."""

    def open(self, *args, **kwargs):
        return super().open(*args, **{"buffered": True, **kwargs})


@pytest.fixture
def root(tmp_path):
    """A folder with an application's static files, and a secret beside them."""
    static = tmp_path / "app" / "static"
    (static / "sub").mkdir(parents=True)
    (static / "data.bin").write_bytes(CONTENT)
    (static / "empty").write_bytes(b"")
    (static / "page.html").write_text("<p>static</p>")
    (static / "sub" / "ä ö.txt").write_text("nested")
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "app" / "static_secret.txt").write_text("secret")
    return tmp_path / "app"


class App(Cruse):
    test_client_class = Client


@pytest.fixture
def app(root):
    app = App(__name__, root_path=str(root))
    app.testing = True
    return app


@pytest.fixture(params=["wsgi", "asgi"])
def client(app, request):
    return app.test_client(gateway=request.param)


def get_range(client, value, path="/static/data.bin", **headers):
    return client.get(path, headers={"Range": value, **headers})


def test_a_static_file(client):
    response = client.get("/static/page.html")
    assert response.text == "<p>static</p>"
    assert response.mimetype == "text/html"
    assert response.content_length == 13
    assert response.headers["ETag"]
    assert response.headers["Last-Modified"]
    assert response.headers["Accept-Ranges"] == "bytes"
    assert response.headers["Cache-Control"] == "no-cache"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert client.get("/static/sub/ä ö.txt").text == "nested"
    assert client.get("/static/empty").data == b""


def test_head_has_the_fields_and_no_body(client):
    response = client.head("/static/data.bin")
    assert (response.status_code, response.data) == (200, b"")
    assert response.content_length == SIZE


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_static_files_can_only_be_read(client, method):
    response = client.open("/static/page.html", method=method)
    assert response.status_code == 405
    assert response.allow.as_set() == {"get", "head", "options"}


@pytest.mark.parametrize(
    "path",
    [
        "missing.txt",
        "sub",
        "sub/",
        "../../secret.txt",
        "..%2f..%2fsecret.txt",
        "..%5c..%5csecret.txt",
        "sub/../../static_secret.txt",
        "../static_secret.txt",
        "%2fetc%2fpasswd",
        "/etc/passwd",
        "page.html%00.txt",
        "%00",
        "a" * 300,
        "a/" * 3000,
        "%ff%fe",
        "%ed%b2%80",
        ".",
        "..",
        "page.html/",
        "page.html/x",
    ],
)
def test_nothing_but_the_files_of_the_folder_is_found(client, path):
    response = client.get(f"/static/{path}")
    assert response.status_code in (404, 400, 308)
    assert b"secret" not in response.data


def test_links_out_of_the_folder_are_not_followed(app, client, root):
    static = root / "static"
    (static / "out").symlink_to(root.parent)
    (static / "out.txt").symlink_to(root.parent / "secret.txt")
    (static / "beside.txt").symlink_to(root / "static_secret.txt")
    (static / "loop").symlink_to("loop")
    (static / "in.html").symlink_to("page.html")
    for path in ("out/secret.txt", "out.txt", "beside.txt", "loop"):
        assert client.get(f"/static/{path}").status_code == 404
    assert client.get("/static/in.html").text == "<p>static</p>"
    app.config["SEND_FILE_FOLLOW_SYMLINKS"] = True
    assert client.get("/static/out.txt").text == "secret"


def test_the_folder_itself_may_be_a_link(root, tmp_path):
    (tmp_path / "current").symlink_to(root)
    client = App(__name__, root_path=str(tmp_path / "current")).test_client()
    assert client.get("/static/page.html").text == "<p>static</p>"


def test_what_is_no_plain_file_is_not_found(client, root):
    listener = socket.socket(socket.AF_UNIX)
    before = os.getcwd()
    try:
        os.chdir(root / "static")  # the path of a socket is limited to about 100 bytes
        listener.bind("socket")
    finally:
        os.chdir(before)
        listener.close()
    os.mkfifo(root / "static" / "fifo")
    assert client.get("/static/socket").status_code == 404
    assert client.get("/static/fifo").status_code == 404


def test_a_file_that_vanishes_meanwhile_is_not_found(root):
    class Meddling(Config):
        """Removes the file when it was found and is about to be opened."""

        def __getitem__(self, key):
            if key == "USE_X_SENDFILE":
                (root / "static" / "page.html").unlink()
            return super().__getitem__(key)

    class Vanishing(App):
        config_class = Meddling

    app = Vanishing(__name__, root_path=str(root))
    assert app.test_client().get("/static/page.html").status_code == 404


def test_an_application_without_static_files(root):
    app = App(__name__, root_path=str(root), static_folder=None)
    assert app.test_client().get("/static/page.html").status_code == 404


def test_blueprints_have_static_files_too(app, client, tmp_path):
    folder = tmp_path / "bp" / "files"
    folder.mkdir(parents=True)
    (folder / "a.txt").write_text("of the blueprint")
    blueprint = Blueprint(
        "bp", __name__, root_path=str(tmp_path / "bp"), static_folder="files", url_prefix="/bp"
    )
    app.register_blueprint(blueprint)
    assert client.get("/bp/files/a.txt").text == "of the blueprint"
    assert client.get("/bp/files/../../secret.txt").status_code == 404


# -- caches (RFC 9110, section 13) ------------------------------------------------


def test_a_file_that_did_not_change_is_not_sent_again(client):
    first = client.get("/static/data.bin")
    for headers in (
        {"If-None-Match": first.headers["ETag"]},
        {"If-Modified-Since": first.headers["Last-Modified"]},
        {"If-None-Match": "*"},
    ):
        response = client.get("/static/data.bin", headers=headers)
        assert (response.status_code, response.data) == (304, b"")
        assert response.headers["ETag"] == first.headers["ETag"]


def test_a_file_that_changed_is_sent_again(client, root):
    first = client.get("/static/data.bin")
    (root / "static" / "data.bin").write_bytes(b"new content")
    response = client.get("/static/data.bin", headers={"If-None-Match": first.headers["ETag"]})
    assert (response.status_code, response.data) == (200, b"new content")


def test_a_condition_of_writers_fails(client):
    assert client.get("/static/data.bin", headers={"If-Match": '"other"'}).status_code == 412


@pytest.mark.parametrize("value", [timedelta(hours=1), 3600])
def test_how_long_browsers_may_keep_files(app, client, value):
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = value
    response = client.get("/static/page.html")
    assert response.cache_control.max_age == 3600
    assert response.cache_control.public


def test_how_long_may_depend_on_the_file(root):
    class Aging(App):
        def get_send_file_max_age(self, filename):
            return 10 if filename.endswith(".html") else 20

    app = Aging(__name__, root_path=str(root))
    app.get("/own", endpoint="own")(lambda: send_file("static/data.bin"))
    app.get("/given", endpoint="given")(lambda: send_file("static/data.bin", max_age=30))
    client = app.test_client()
    ages = [
        client.get(path).cache_control.max_age
        for path in ("/static/page.html", "/static/data.bin", "/own", "/given")
    ]
    assert ages == [10, 20, 20, 30]


# -- ranges (RFC 9110, section 14) ------------------------------------------------


@pytest.mark.parametrize(
    ("value", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=1000-", 1000, SIZE),
        ("bytes=1000-99999999", 1000, SIZE),
        ("bytes=-24", SIZE - 24, SIZE),
        (f"bytes=-{SIZE}", 0, SIZE),
        (f"bytes=-{SIZE + 1}", 0, SIZE),
        ("bytes=-99999999999999999999", 0, SIZE),
        ("Bytes = 1 - 2", 1, 3),
    ],
)
def test_a_part_of_a_file(client, value, start, stop):
    response = get_range(client, value)
    assert response.status_code == 206
    assert response.data == CONTENT[start:stop]
    assert response.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{SIZE}"
    assert response.content_length == stop - start


@pytest.mark.parametrize(
    "value",
    [
        "items=0-5",
        "bytes=",
        "bytes",
        "bytes=a-b",
        "bytes=5-2",
        "bytes=\xb2-\xb3",
        "bytes=0-1,5-6",
        "bytes=" + ",".join(["0-"] * 1000),
        "bytes=--5",
        "bytes=1-2-3",
    ],
)
def test_a_range_that_cannot_be_used_is_ignored(client, value):
    response = get_range(client, value)
    assert (response.status_code, response.data) == (200, CONTENT)


def test_the_last_no_bytes_are_no_part(client):
    response = get_range(client, "bytes=-0")
    assert response.status_code in (200, 206)  # as werkzeug reads it; either has it all
    assert response.data == CONTENT


def test_a_part_behind_the_end_is_refused(client):
    response = get_range(client, f"bytes={SIZE}-")
    assert response.status_code == 416
    assert response.headers["Content-Range"] == f"bytes */{SIZE}"


@pytest.mark.parametrize("value", ["bytes=0-", "bytes=-5", "bytes=0-0"])
def test_a_range_of_an_empty_file(client, value):
    response = get_range(client, value, "/static/empty")
    assert (response.status_code, response.data) == (200, b"")


def test_a_range_of_an_old_version_gives_the_whole(client):
    etag = client.get("/static/data.bin").headers["ETag"]
    assert get_range(client, "bytes=0-1", **{"If-Range": etag}).status_code == 206
    weak = get_range(client, "bytes=0-1", **{"If-Range": f"W/{etag}"})
    assert (weak.status_code, weak.data) == (200, CONTENT)
    response = get_range(client, "bytes=0-1", **{"If-Range": '"old"'})
    assert (response.status_code, response.data) == (200, CONTENT)
    old = http_date(datetime(2000, 1, 1, tzinfo=UTC))
    assert get_range(client, "bytes=-99999", **{"If-Range": old}).data == CONTENT


@pytest.mark.parametrize("value", ["bytes=0-1", "bytes=99999-", "bytes=-99999"])
@pytest.mark.parametrize("path", ["/static/data.bin", "/sent", "/own"])
def test_a_range_is_for_get_only(app, root, client, path, value):
    app.get("/sent", endpoint="sent")(lambda: send_file(root / "static" / "data.bin"))
    own = app.get("/own", endpoint="own")
    own(lambda: Response(CONTENT).make_conditional(request, True, SIZE))
    response = client.head(path, headers={"Range": value})
    assert (response.status_code, response.data) == (200, b"")
    assert response.content_length == SIZE
    assert "Content-Range" not in response.headers


@given(value=st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_any_range_is_answered(value):
    app = App(__name__, static_folder=None)
    app.get("/")(lambda: send_file(io.BytesIO(CONTENT), mimetype="text/plain"))
    response = get_range(app.test_client(), f"bytes={value}", "/")
    assert response.status_code in (200, 206, 416)


# -- send_file ------------------------------------------------


def view(app, *args, **kwargs):
    """Answer with a file in a request of its own."""
    app.get("/file")(lambda: send_file(*args, **kwargs))
    return app.test_client().get("/file")


def test_a_path_is_relative_to_the_application(app, root):
    assert view(app, "static/page.html").text == "<p>static</p>"


def test_a_path_may_be_absolute(app, root):
    assert view(app, root.parent / "secret.txt").text == "secret"


def test_an_attachment_has_a_name(app):
    response = view(app, "static/page.html", as_attachment=True)
    assert response.headers["Content-Disposition"] == "attachment; filename=page.html"


@pytest.mark.parametrize(
    ("name", "disposition"),
    [
        ("a.txt", "attachment; filename=a.txt"),
        ("ä.txt", "attachment; filename=a.txt; filename*=UTF-8''%C3%A4.txt"),
        ('a"; filename="evil.exe', r'attachment; filename="a\"; filename=\"evil.exe"'),
    ],
)
def test_the_name_of_a_download_is_encoded(app, name, disposition):
    response = view(app, "static/page.html", as_attachment=True, download_name=name)
    assert response.headers["Content-Disposition"] == disposition


def test_a_file_in_memory(app):
    response = view(
        app,
        io.BytesIO(b"data"),
        download_name="a.csv",
        etag="v1",
        last_modified=datetime(2026, 1, 1, tzinfo=UTC),
    )
    assert response.data == b"data"
    assert response.mimetype == "text/csv"
    assert response.headers["ETag"] == '"v1"'
    assert parse_date(response.headers["Last-Modified"]).year == 2026


def test_a_file_in_memory_has_ranges(app):
    @app.get("/<int:conditional>")
    def memory(conditional):
        return send_file(io.BytesIO(CONTENT), mimetype="a/b", conditional=bool(conditional))

    client = app.test_client()
    assert get_range(client, "bytes=-5", "/1").data == CONTENT[-5:]
    assert get_range(client, "bytes=-9999", "/1").data == CONTENT
    assert get_range(client, "bytes=-5", "/0").data == CONTENT


def test_an_open_file_is_closed_when_it_was_sent(app, client, root):
    opened = (root / "static" / "data.bin").open("rb")
    app.get("/file")(lambda: send_file(opened, mimetype="text/plain"))
    assert client.get("/file").data == CONTENT
    assert opened.closed


def test_a_file_without_a_name_needs_a_type(app):
    with pytest.raises(TypeError, match="MIME type"):
        view(app, io.BytesIO(b""))


def test_text_files_are_refused(app):
    with pytest.raises(ValueError, match="binary mode"):
        view(app, io.StringIO("text"), mimetype="text/plain")


def test_a_missing_file_is_the_programmer_s_error(app):
    with pytest.raises(FileNotFoundError):
        view(app, "missing.txt")


def test_the_server_may_send_the_file(app, root):
    app.config["USE_X_SENDFILE"] = True
    response = view(app, "static/page.html")
    assert response.headers["X-Sendfile"] == str(root / "static" / "page.html")
    assert response.data == b""


def test_sending_needs_a_request(app):
    with app.app_context(), pytest.raises(RuntimeError, match="request"):
        send_file("static/page.html")


# -- send_from_directory ------------------------------------------------


def test_a_folder_of_the_application(app, client):
    @app.get("/get/<path:name>")
    async def get(name):
        return send_from_directory("static", name, as_attachment=True)

    response = client.get("/get/sub/ä ö.txt")
    assert response.text == "nested"
    assert response.headers["Content-Disposition"].startswith("attachment")
    assert client.get("/get/../secret.txt").status_code == 404


@given(name=st.text())
def test_no_name_leads_out_of_the_folder(name, tmp_path_factory):
    root = tmp_path_factory.getbasetemp() / "names"
    (root / "inside").mkdir(parents=True, exist_ok=True)
    (root / "outside").write_text("secret")
    app = App(__name__, root_path=str(root), static_folder=None)
    app.get("/")(lambda: send_from_directory("inside", name))
    assert app.test_client().get("/").status_code == 404


def test_a_file_is_closed_when_a_test_has_read_it(tmp_path, recwarn):
    import gc

    (tmp_path / "a.txt").write_text("content")
    app = Cruse(__name__, static_folder=tmp_path)
    assert app.test_client().get(f"/{tmp_path.name}/a.txt").text == "content"
    gc.collect()
    assert [warning.category for warning in recwarn] == []
