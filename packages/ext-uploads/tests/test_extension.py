"""The extension and its sets, as they are declared and bound."""

import errno
import io
import subprocess
import sys
from typing import ClassVar

import pytest

from cruse import Cruse
from cruse.extension import SettingsError
from cruse.testing.contract import ExtensionContract
from cruse_uploads import IMAGES, LocalStorage, MemoryStorage, Uploads
from cruse_uploads.storage import local


class TestUploads(ExtensionContract):
    config: ClassVar = {"UPLOADS_FSYNC": False}

    def make_extension(self):
        return Uploads()


def test_files_are_kept_in_the_instance_folder(tmp_path):
    uploads = Uploads()
    app = Cruse(__name__, instance_path=str(tmp_path), extensions=[uploads])
    assert uploads.state_of(app).storage.folder == str(tmp_path / "uploads")


@pytest.mark.parametrize("as_text", [True, False])
def test_another_folder_can_be_chosen(tmp_path, as_text):
    uploads = Uploads()
    app = Cruse(__name__)
    app.config["UPLOADS_FOLDER"] = str(tmp_path) if as_text else tmp_path
    uploads.init_app(app)
    storage = uploads.state_of(app).storage
    assert isinstance(storage, LocalStorage)
    assert (storage.folder, storage.fsync) == (str(tmp_path), True)


def test_another_storage_can_be_chosen(make):
    made = []

    def make_storage(app):
        made.append(app)
        return MemoryStorage()

    app = Cruse(__name__)
    uploads = Uploads(app, storage=make_storage)
    photos = uploads.set("photos", allow=IMAGES)
    with app.app_context():
        stored = photos.save(io.BytesIO(make["png"]()))
        assert photos.storage.keys() == [f"photos/{stored.key}"]
        assert photos.path(stored.key) is None
    assert made == [app]


def test_applications_keep_their_files_apart(tmp_path, make):
    uploads = Uploads()
    photos = uploads.set("photos", allow=IMAGES)
    apps = [Cruse("one"), Cruse("two")]
    for app in apps:
        app.config["UPLOADS_FOLDER"] = tmp_path / app.name
        app.use(uploads)
    with apps[0].app_context():
        key = photos.save(io.BytesIO(make["png"]())).key
        assert photos.exists(key)
    with apps[1].app_context():
        assert not photos.exists(key)


def test_sets_may_be_declared_after_the_extension_is_bound(tmp_path, make):
    uploads = Uploads()
    app = Cruse(__name__, extensions=[uploads])
    app.config["UPLOADS_FOLDER"] = tmp_path
    late = uploads.set("late", allow=IMAGES)
    with app.test_request_context():
        url = late.save(io.BytesIO(make["png"]())).url()
    with app.test_client().get(url) as response:
        assert response.status_code == 200
    app.stop()


def test_a_set_has_a_name_of_its_own():
    uploads = Uploads()
    assert repr(uploads.set("photos")) == "<UploadSet 'photos'>"
    with pytest.raises(ValueError, match="already"):
        uploads.set("photos")


@pytest.mark.parametrize("name", ["", "Photos", "_photos", "a/b", "a.b", "фото", "con"])
def test_a_name_that_is_no_part_of_a_url_is_refused(name):
    with pytest.raises(ValueError, match="upload set"):
        Uploads().set(name)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"allow": ("xyz",)}, "xyz"),
        ({"max_size": "much"}, "size"),
        ({"key": "{id}"}, "ext"),
        ({"digest": "crc"}, "digest"),
    ],
)
def test_a_set_is_checked_where_it_is_declared(options, message):
    with pytest.raises(ValueError, match=message):
        Uploads().set("photos", **options)


@pytest.mark.parametrize("prefix", ["", "media", "/media/"])
def test_a_prefix_that_is_no_path_is_refused(prefix):
    app = Cruse(__name__)
    app.config["UPLOADS_URL_PREFIX"] = prefix
    app.use(Uploads())
    with pytest.raises(SettingsError, match="UPLOADS_URL_PREFIX"):
        app.start()


def test_a_prefix_that_comes_too_late_is_told_about():
    app = Cruse(__name__, extensions=[Uploads()])
    app.config["UPLOADS_URL_PREFIX"] = "/media"
    with pytest.raises(SettingsError, match="before"):
        app.start()


def test_it_says_where_files_are_kept(tmp_path):
    uploads = Uploads()
    app = Cruse(__name__, extensions=[uploads])
    app.config["UPLOADS_FOLDER"] = tmp_path
    assert str(tmp_path) in str(uploads.health(uploads.state_of(app)))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_to_is_no_good_health(tmp_path):
    uploads = Uploads()
    app = Cruse(__name__, extensions=[uploads])
    (tmp_path / "file").touch()
    app.config["UPLOADS_FOLDER"] = tmp_path / "file"
    with pytest.raises(OSError, match="file"):
        uploads.health(uploads.state_of(app))


def test_a_disk_that_is_full_is_no_good_health(tmp_path, monkeypatch):
    class Full(io.FileIO):
        def write(self, data):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(local, "FileIO", Full)
    uploads = Uploads()
    app = Cruse(__name__, extensions=[uploads])
    app.config.update(UPLOADS_FOLDER=tmp_path, HEALTH_READY_PATH="/readyz")
    response = app.test_client().get("/readyz")
    assert (response.status_code, response.json["checks"]) == (503, {"uploads": "failed"})
    assert list(tmp_path.iterdir()) == []


def test_importing_it_loads_neither_extras_nor_test_tools():
    code = "import sys, cruse_uploads; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert loaded & {"PIL", "obstore", "pytest", "click", "jinja2"} == set()


def test_without_pillow_thumbnails_say_what_to_install(tmp_path, make, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    uploads = Uploads(storage=lambda app: MemoryStorage())
    photos = uploads.set("photos", allow=IMAGES)
    with Cruse(__name__, extensions=[uploads]).app_context():
        key = photos.save(io.BytesIO(make["png"]())).key
        with pytest.raises(RuntimeError, match=r"cruse-uploads\[images\]"):
            photos.thumbnail(key, 10)


@pytest.mark.parametrize("key", ["UPLOADS_URL_PREFIX", "UPLOADS_X_ACCEL"])
@pytest.mark.parametrize("path", ["media", "/media/"])
def test_a_path_with_the_wrong_slashes_is_told(uploads, key, path):
    app = Cruse(__name__)
    app.use(uploads)
    app.config[key] = path
    with pytest.raises(SettingsError, match=f"{key} must begin with a slash"):
        app.extensions["uploads"].settings  # noqa: B018
    app.stop()
