"""Thumbnails: small, upright, bounded, kept."""

import io
import threading

import pytest
from PIL import Image

from cruse_uploads import (
    ALL,
    IMAGES,
    MemoryStorage,
    ObjectNotFoundError,
    UploadNotAllowed,
    Uploads,
)


@pytest.fixture
def save(app, photos):
    """Store a picture; return its key."""

    def store(image, kind="PNG", **options):
        data = io.BytesIO()
        image.save(data, kind, **options)
        with app.app_context():
            return photos.save(io.BytesIO(data.getvalue())).key

    return store


@pytest.fixture
def shrink(app, photos):
    """Make a thumbnail; return it as Pillow sees it, and as we store it."""

    def make(key, size):
        with app.test_request_context():
            small = photos.thumbnail(key, size)
            with small.open() as file:
                image = Image.open(io.BytesIO(file.read()))
        image.load()
        return image, small

    return make


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "BMP"])
def test_a_picture_is_made_small(save, shrink, kind):
    key = save(Image.new("RGB", (800, 400), "teal"), kind)
    image, small = shrink(key, 200)
    assert (image.format, image.size) == ("WEBP", (200, 100))
    assert (small.type, small.width, small.height) == ("image/webp", 200, 100)
    assert image.convert("RGB").getpixel((9, 9))[1] == pytest.approx(128, abs=12)


def test_it_fits_into_a_box(save, shrink):
    key = save(Image.new("RGB", (800, 400)))
    assert shrink(key, (200, 50))[0].size == (100, 50)
    assert shrink(key, (2000, 2000))[0].size == (800, 400)  # never enlarged


def test_it_is_served_beside_the_original(client, save, shrink):
    key = save(Image.new("RGB", (80, 40)))
    _, small = shrink(key, 20)
    assert small.key == key.replace(".png", ".20x20.webp")
    with client.get(f"/_uploads/photos/{small.key}") as response:
        assert response.mimetype == "image/webp"
        assert response.headers["Content-Disposition"] == 'inline; filename="file.png.webp"'


def test_it_is_upright_as_the_camera_was_held(save, shrink):
    picture = Image.new("RGB", (80, 40), "white")
    picture.paste("black", (0, 0, 40, 40))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter to the right
    key = save(picture, "JPEG", exif=exif)
    image, small = shrink(key, (40, 40))
    assert (small.width, small.height) == (20, 40)
    assert image.convert("L").getpixel((10, 5)) < 60 < 200 < image.convert("L").getpixel((10, 35))


def test_it_tells_nothing_of_where_a_picture_was_taken(save, shrink):
    exif = Image.Exif()
    exif[0x010F] = "Camera of Jane Doe"
    key = save(Image.new("RGB", (80, 40)), "JPEG", exif=exif, comment=b"at home")
    image, _ = shrink(key, 20)
    assert dict(image.getexif()) == {}
    assert "comment" not in image.info


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "1", "I;16"])
def test_any_kind_of_colours_is_understood(save, shrink, mode):
    image, _ = shrink(save(Image.new(mode, (80, 40))), 20)
    assert image.size == (20, 10)


def test_what_is_transparent_stays_so(save, shrink):
    image, _ = shrink(save(Image.new("RGBA", (80, 40), (255, 0, 0, 0))), 20)
    assert image.getpixel((5, 5))[3] == 0


def test_it_is_made_once(app, photos, save, shrink, monkeypatch):
    key = save(Image.new("RGB", (80, 40)))
    first = shrink(key, 20)[1]
    monkeypatch.setattr(Image, "open", None)
    with app.test_request_context():
        assert photos.thumbnail(key, 20) == first


def test_async_code_gets_it_without_blocking(app, photos, save):
    key = save(Image.new("RGB", (80, 40)))

    async def make():
        return await photos.athumbnail(key, (20, 20))

    with app.app_context():
        assert app.async_to_sync(make)().width == 20


def test_many_may_ask_for_it_at_once(app, photos, save):
    key = save(Image.new("RGB", (800, 400)))
    made = []

    def ask():
        with app.app_context():
            made.append(photos.thumbnail(key, 100))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 8
    assert len(set(made)) == 1


def test_it_goes_with_the_original(app, photos, save, shrink, kept):
    key, other = save(Image.new("RGB", (80, 40))), save(Image.new("RGB", (80, 40)))
    shrink(key, 20)
    shrink(key, 30)
    with app.app_context():
        photos.delete(key)
    name = other.rpartition("/")[2]
    assert [path.rpartition("/")[2] for path in kept()] == [f".{name}.meta", name]


def test_it_can_outlive_the_original(app, photos, save, shrink):
    key = save(Image.new("RGB", (80, 40)))
    small = shrink(key, 20)[1]
    with app.app_context():
        photos.delete(key, thumbnails=False)
        assert not photos.exists(key)
        assert photos.get(small.key) == small
        photos.delete(small.key)
        assert photos.storage.keys() == []


def test_a_picture_that_is_damaged_is_told(app, photos, make):
    with app.app_context():
        key = photos.save(io.BytesIO(make["jpg"](30, 20))).key
        with pytest.raises(UploadNotAllowed) as caught:
            photos.thumbnail(key, 10)
    assert (caught.value.reason, caught.value.code) == ("damaged", 415)


def test_a_picture_too_large_to_decode_is_refused(make):
    storage = MemoryStorage()
    uploads = Uploads(storage=lambda app: storage)
    huge = uploads.set("huge", allow=IMAGES, max_pixels=None)
    from cruse import Cruse

    with Cruse(__name__, extensions=[uploads]).app_context():
        key = huge.save(io.BytesIO(make["png"](8_000, 8_000))).key
        with pytest.raises(UploadNotAllowed) as caught:
            huge.thumbnail(key, 10)
    assert caught.value.reason == "pixels"


def test_what_is_no_picture_has_no_thumbnail(uploads, app):
    files = uploads.set("files", allow=ALL)
    with app.app_context():
        key = files.save(io.BytesIO(b"words"), name="a.txt").key
        with pytest.raises(UploadNotAllowed) as caught:
            files.thumbnail(key, 10)
        assert caught.value.reason == "type"
        with pytest.raises(ObjectNotFoundError):
            files.thumbnail("none.png", 10)
        with pytest.raises(ValueError, match="0 x 10"):
            files.thumbnail(key, (0, 10))


def test_a_storage_that_fails_keeps_no_half_of_it(app, photos, save, monkeypatch):
    from cruse_uploads.storage import local

    key = save(Image.new("RGB", (80, 40)))

    class Broken(io.FileIO):
        def write(self, data):
            raise OSError(5, "input/output error")

    monkeypatch.setattr(local, "FileIO", Broken)
    with app.app_context():
        with pytest.raises(OSError, match="input/output"):
            photos.thumbnail(key, 10)
        assert photos.storage.keys() == [f"photos/{key}"]
