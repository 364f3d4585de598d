"""An application that was written for Flask-Reuploaded moves by its imports alone."""

import io
import os
import tempfile
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import FileStorage

from cruse import Cruse, redirect, request
from cruse_uploads.names import is_key
from cruse_uploads.reuploaded import (
    ALL,
    DEFAULTS,
    IMAGES,
    SCRIPTS,
    TEXT,
    AllExcept,
    TestingFileStorage,
    UploadConfiguration,
    UploadNotAllowed,
    UploadSet,
    addslash,
    configure_uploads,
    extension,
    lowercase_ext,
    patch_request_class,
)

EVIL = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.fixture
def site(tmp_path):
    """What the introduction of Flask-Reuploaded shows."""
    app = Cruse(__name__)
    app.config["UPLOADED_PHOTOS_DEST"] = tmp_path / "photos"
    app.config["UPLOADS_AUTOSERVE"] = True
    photos = UploadSet("photos", IMAGES)
    configure_uploads(app, photos)
    patch_request_class(app, 1_000_000)

    @app.post("/upload")
    def upload():
        try:
            filename = photos.save(request.files["photo"], request.args.get("folder"))
        except UploadNotAllowed as error:
            return error.reason, 415
        return redirect(photos.url(filename))

    yield app
    app.stop()


@pytest.fixture(params=["wsgi", "asgi"])
def client(site, request):
    with site.test_client(gateway=request.param) as client:
        yield client


def send(client, data, name, query=""):
    return client.post(f"/upload{query}", data={"photo": (io.BytesIO(data), name)})


def test_a_picture_is_kept_under_its_name_and_served(client, make, tmp_path):
    data = make["png"]()
    response = send(client, data, "My Photo.PNG")
    assert response.location == "http://localhost/_uploads/photos/My_Photo.png"
    assert (tmp_path / "photos" / "My_Photo.png").read_bytes() == data
    with client.get(response.location) as response:
        assert (response.data, response.mimetype) == (data, "image/png")
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Content-Disposition"] == 'inline; filename="My_Photo.png"'


def test_equal_names_get_numbers(client, make):
    names = [send(client, make["png"](), "a.png").location for _ in range(3)]
    assert [name.rpartition("/")[2] for name in names] == ["a.png", "a_1.png", "a_2.png"]


def test_what_is_not_allowed_is_refused(client, tmp_path):
    assert send(client, b"words", "a.txt").text == "name"
    assert send(client, b"MZ\x90\x00", "evil.png").text == "mismatch"
    assert not (tmp_path / "photos").exists()


def test_no_script_in_an_upload_runs(client):
    with client.get(send(client, EVIL, "evil.svg").location) as response:
        assert response.headers["Content-Disposition"].startswith("attachment")
        assert response.headers["Content-Security-Policy"].startswith("sandbox")


@pytest.mark.parametrize("folder", ["../../etc", "/etc", "a/b"])
def test_a_folder_leads_nowhere_else(client, make, folder, tmp_path):
    location = send(client, make["png"](), "../../a.png", f"?folder={folder}").location
    key = location.partition("/photos/")[2]
    assert (tmp_path / "photos" / key).exists()
    assert ".." not in key


def test_what_was_there_before_is_served_and_nothing_else(client, tmp_path, make):
    (tmp_path / "photos" / "sub").mkdir(parents=True)
    (tmp_path / "photos" / "sub" / "old.png").write_bytes(make["png"]())
    (tmp_path / "photos" / ".hidden").write_text("secret")
    (tmp_path / "secret.txt").write_text("secret")
    with client.get("/_uploads/photos/sub/old.png") as response:
        assert response.status_code == 200
    for path in ("photos/.hidden", "photos/../secret.txt", "photos/none.png", "others/a.png"):
        assert client.get(f"/_uploads/{path}").status_code == 404


def test_a_request_may_have_so_many_bytes(client):
    assert send(client, bytes(1_000_001), "a.png").status_code == 413


@pytest.fixture
def files(tmp_path):
    """A set that needs no application."""
    files = UploadSet("files", ALL)
    files._config = UploadConfiguration(str(tmp_path))
    return files


def upload(name, data=b"text"):
    return FileStorage(io.BytesIO(data), name)


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ({}, "a.txt"),
        ({"folder": "some"}, "some/a.txt"),
        ({"name": "other.txt"}, "other.txt"),
        ({"name": "other."}, "other.txt"),
        ({"name": "some/other."}, "some/other.txt"),
        ({"name": "OTHER.TXT"}, "OTHER.txt"),
    ],
)
def test_names_and_folders_can_be_chosen(files, tmp_path, options, kept):
    assert files.save(upload("a.txt"), **options) == kept
    assert files.path(kept) == str(tmp_path / kept)
    assert (tmp_path / kept).read_bytes() == b"text"


def test_a_chosen_name_is_no_way_around_the_rules(tmp_path):
    texts = UploadSet("texts", TEXT)
    texts._config = UploadConfiguration(str(tmp_path), allow=("md",), deny=("txt",))
    with pytest.raises(UploadNotAllowed):
        texts.save(upload("a.txt"))
    assert texts.save(upload("a.md")) == "a.md"
    with pytest.raises(UploadNotAllowed):
        texts.save(upload("a.md"), name="a.php")
    for name in ("", "../.."):
        with pytest.raises(UploadNotAllowed):
            texts.save(upload(name))
    with pytest.raises(TypeError):
        texts.save(io.BytesIO(b"text"))


@given(
    name=st.text() | st.sampled_from(["con.txt", "a" * 300, "..", "a.", ".txt", "a\0.txt"]),
    folder=st.none() | st.text() | st.sampled_from(["..", "/", "nul", "a" * 300]),
    chosen=st.none() | st.text() | st.sampled_from(["b.", "../b.", "/", "./x", "b/c.", "."]),
)
def test_no_name_leads_out_of_the_folder(name, folder, chosen):
    with tempfile.TemporaryDirectory() as root:
        files = UploadSet("files", ALL)
        files._config = UploadConfiguration(os.path.join(root, "files"))
        try:
            key = files.save(TestingFileStorage(filename=name), folder, chosen)
        except UploadNotAllowed:
            return
        assert is_key(key)


def test_uploads_at_the_same_time_keep_apart(files):
    kept = []

    def save(number):
        kept.append(files.save(upload("a.txt", b"%d" % number)))

    threads = [threading.Thread(target=save, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(kept)) == 8
    found = set()
    for name in kept:
        with open(files.path(name), "rb") as file:
            found.add(file.read())
    assert found == {b"%d" % number for number in range(8)}


def test_defaults_tell_where_files_go(tmp_path):
    app = Cruse(__name__)
    app.config.update(
        UPLOADS_DEFAULT_DEST=str(tmp_path), UPLOADS_DEFAULT_URL="https://files.example"
    )
    app.config["UPLOADED_LETTERS_URL"] = "https://letters.example/"
    notes, letters, mine = (
        UploadSet("notes"),
        UploadSet("letters", default_dest=lambda app: f"{tmp_path}/post"),
        UploadSet("mine"),
    )
    configure_uploads(app, (notes, letters))
    with app.app_context():
        assert notes.path("a.txt") == f"{tmp_path}/notes/a.txt"
        assert notes.url("a.txt") == "https://files.example/notes/a.txt"
        assert letters.path("a.txt", "sub") == f"{tmp_path}/post/sub/a.txt"
        assert letters.url("a.txt") == "https://letters.example/a.txt"
        with pytest.raises(RuntimeError, match="configure_uploads"):
            mine.path("a.txt")
    with pytest.raises(RuntimeError, match="UPLOADED_MINE_DEST"):
        configure_uploads(Cruse(__name__), mine)
    with pytest.raises(ValueError, match="my_files"):
        UploadSet("my_files")


def test_files_of_tests_are_written_nowhere(files, tmp_path):
    (tmp_path / "foo.png").write_text("there before")
    photo = TestingFileStorage(filename="foo.png")
    assert files.save(photo) == "foo_1.png"
    assert photo.saved == str(tmp_path / "foo_1.png")
    assert not (tmp_path / "foo_1.png").exists()


def test_an_application_may_refuse_in_the_same_way():
    assert UploadNotAllowed("Not today.").description == "Not today."
    assert UploadNotAllowed().code == 415


def test_the_little_ones_are_there():
    assert (addslash("/a"), addslash("/a/")) == ("/a/", "/a/")
    assert (extension("a.tar.GZ"), extension("a")) == ("GZ", "")
    assert lowercase_ext("A.PNG") == "A.png"
    assert "exe" in ALL
    assert "php" not in AllExcept(SCRIPTS)
    assert {"svg", "txt", "csv", "pdf"} <= set(DEFAULTS)
