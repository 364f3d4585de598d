"""Variants of images, thumbnails above all: small, upright, bounded, kept."""

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
    Variant,
    images,
    variants,
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


@pytest.fixture(scope="module")
def scans():
    """A JPEG that comes in ever finer scans: what is before the last, and the last."""
    data = io.BytesIO()
    Image.effect_noise((40, 30), 90).save(data, "JPEG", progressive=True)
    before, marker, last = data.getvalue().rpartition(b"\xff\xda")
    return before, (marker + last).removesuffix(b"\xff\xd9")


@pytest.mark.parametrize("hidden", [b"", b"\xff\x01\xff\xff", b"\xff\xd8\xff\xff", b"\xff\xff"])
def test_a_picture_in_very_many_scans_is_refused(app, photos, scans, hidden):
    """Each goes over all pixels: ten megabytes of them would take an hour."""
    before, last = scans
    with app.app_context():
        key = photos.save(io.BytesIO(before + (hidden + last) * 101 + b"\xff\xd9")).key
        with pytest.raises(UploadNotAllowed) as caught:
            photos.thumbnail(key, 10)
    assert caught.value.reason == "damaged"


@pytest.mark.parametrize("chunk", [1, 2, 3, 700, 64 * 1024])
def test_scans_are_counted_to_the_end_of_the_picture(app, photos, scans, chunk, monkeypatch):
    """Behind it a telephone can have put a film."""
    monkeypatch.setattr(images, "CHUNK", chunk)
    before, last = scans
    data = io.BytesIO(before + last + b"\xff\xd9" + b"\xff\xda\0\2" * 200)
    assert images.count_scans(data) == 6
    data.seek(0)
    with app.app_context():
        assert photos.thumbnail(photos.save(data).key, 10).width == 10


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


# -- formats, qualities, and variants that URLs ask for -------------------------------------------


@pytest.fixture
def gallery(uploads):
    return uploads.set(
        "gallery",
        allow=IMAGES,
        variants={
            "small": Variant(40),
            "square": Variant((30, 30), "jpeg", quality=70, crop=True),
            "modern": Variant(40, "avif"),
        },
    )


@pytest.fixture
def hang(app, gallery):
    """Put a picture up; return its key."""

    def store(image):
        data = io.BytesIO()
        image.save(data, "PNG")
        with app.app_context():
            return gallery.save(io.BytesIO(data.getvalue())).key

    return store


@pytest.mark.parametrize(
    ("kind", "media_type"),
    [
        ("webp", "image/webp"),
        ("avif", "image/avif"),
        ("jpeg", "image/jpeg"),
        ("png", "image/png"),
    ],
)
def test_it_is_encoded_as_it_is_asked_for(app, photos, save, kind, media_type):
    key = save(Image.new("RGBA", (80, 40), (0, 128, 128, 255)))
    with app.test_request_context():
        made = photos.variant(key, Variant((40, 40), kind))
        assert (made.type, made.width, made.height) == (media_type, 40, 20)
        with made.open() as file:
            image = Image.open(file)
            assert image.convert("RGB").getpixel((9, 9))[1] == pytest.approx(128, abs=12)


def test_a_lower_quality_is_less_to_send(app, photos, save):
    key = save(Image.effect_noise((200, 200), 60))
    with app.app_context():
        poor, fine = (photos.variant(key, Variant(200, quality=each)) for each in (10, 90))
    assert poor.size < fine.size / 2
    assert poor.key.endswith(".200x200-q10.webp")


def test_cropped_it_fills_the_box_and_is_never_enlarged(app, photos, save):
    picture = Image.new("RGB", (90, 30), "white")
    picture.paste("black", (30, 0, 60, 30))  # what is left when the sides are cut off
    key = save(picture)
    with app.app_context():
        for asked, got in ((20, (20, 20)), (300, (30, 30))):
            made = photos.variant(key, Variant(asked, "png", crop=True))
            assert (made.width, made.height) == got
            with made.open() as file:
                assert Image.open(file).convert("L").getextrema()[1] < 60


def test_a_url_asks_for_a_declared_variant(app, client, gallery, hang):
    key = hang(Image.new("RGB", (80, 40), "teal"))
    for name, media_type, size in (
        ("small", "image/webp", (40, 20)),
        ("square", "image/jpeg", (30, 30)),
        ("modern", "image/avif", (40, 20)),
    ):
        with app.test_request_context():
            url = gallery.get(key).url(variant=name)
        with client.get(url) as response:
            assert (response.status_code, response.mimetype) == (200, media_type)
            assert Image.open(io.BytesIO(response.data)).size == size


def test_a_url_can_not_ask_for_another(client, hang, kept):
    stem = hang(Image.new("RGB", (80, 40))).removesuffix(".png")
    before = kept()
    for asked in ("41x41.webp", "40x40.png", "40x40-q99.webp", "040x040.webp", "40x40.40x40.webp"):
        assert client.get(f"/_uploads/gallery/{stem}.{asked}").status_code == 404
    assert kept() == before


def test_of_what_is_no_picture_there_is_no_variant(app, client, gallery, make):
    with app.app_context():
        key = gallery.save(io.BytesIO(make["jpg"](30, 20))).key  # a header, and nothing behind it
        url = f"/_uploads/gallery/{gallery.variants['small'].key_for(key)}"
    assert client.get(url).status_code == 404
    assert client.get("/_uploads/gallery/none.40x40.webp").status_code == 404


def test_a_signature_for_a_picture_shows_no_variant(app, client, uploads):
    hidden = uploads.set("hidden", allow=IMAGES, private=True, variants={"small": Variant(40)})
    data = io.BytesIO()
    Image.new("RGB", (80, 40)).save(data, "PNG")
    with app.test_request_context():
        picture = hidden.save(io.BytesIO(data.getvalue()))
        url, small = picture.url(), picture.url(variant="small")
    path, query = small.partition("?")[0], url.partition("?")[2]
    assert client.get(f"{path}?{query}").status_code == 403
    with client.get(small) as response:
        assert response.mimetype == "image/webp"


def test_templates_ask_for_variants(app, hang):
    key = hang(Image.new("RGB", (80, 40)))
    with app.test_request_context():
        html = app.jinja_env.from_string("{{ upload_url('gallery', key, variant='small') }}")
        assert html.render(key=key) == f"/_uploads/gallery/{key.replace('.png', '.40x40.webp')}"


def test_only_so_many_pictures_are_decoded_at_once(app, uploads, photos, save):
    app.config["UPLOADS_DECODERS"] = 1
    key, made = save(Image.new("RGB", (80, 40))), []

    def ask():
        with app.app_context():
            made.append(photos.thumbnail(key, 20).width)

    with app.app_context():
        waiting = threading.Thread(target=ask)
        with uploads.state.decoders:
            waiting.start()
            waiting.join(0.2)
            assert made == []
        waiting.join()
    assert made == [20]


def test_who_waits_too_long_is_told_to_come_back(app, client, uploads, gallery, hang, monkeypatch):
    monkeypatch.setattr(variants, "PATIENCE", 0.01)
    app.config["UPLOADS_DECODERS"] = 1
    key = hang(Image.new("RGB", (80, 40)))
    with app.test_request_context():
        url, decoders = gallery.url_for(key, variant="small"), uploads.state.decoders
    with decoders:
        response = client.get(url)
    assert response.status_code == 503
    assert "Retry-After" in response.headers


def test_a_picture_that_is_deleted_meanwhile_leaves_no_variant(app, photos, save, monkeypatch):
    key, copy = save(Image.new("RGB", (80, 40))), variants.copy

    def slow(file, writer):
        photos.delete(key)
        copy(file, writer)

    monkeypatch.setattr(variants, "copy", slow)
    with app.app_context():
        with pytest.raises(ObjectNotFoundError):
            photos.thumbnail(key, 20)
        assert photos.storage.keys() == []


def test_a_variant_that_makes_no_sense_is_told(app, gallery):
    for options in (
        {"size": 0},
        {"size": (10, 100_000)},
        {"size": 10, "format": "gif"},
        {"size": 10, "quality": 101},
        {"size": 10, "format": "png", "quality": 50},
    ):
        with pytest.raises(ValueError, match=r"image|Images|quality"):
            Variant(**options)
    with app.app_context(), pytest.raises(ValueError, match="no variant 'tiny'"):
        gallery.url_for("a.png", variant="tiny")


def test_what_pillow_can_not_do_is_told_at_start(app, uploads, gallery, monkeypatch):
    uploads.startup(app.extensions["uploads"])
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    with pytest.raises(RuntimeError, match=r"cruse-uploads\[images\]"):
        uploads.startup(app.extensions["uploads"])
