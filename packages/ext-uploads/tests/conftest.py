"""Files to send, made by hand, and applications to send them to."""

import struct
import zlib
from importlib.metadata import distributions

import pytest

from cruse import Cruse
from cruse_uploads import IMAGES, Uploads
from tests.sites import STORAGES

# Pillow and obstore are extras. Where they are not installed, what needs them can't be tried.
INSTALLED = {dist.name.lower() for dist in distributions()}
collect_ignore = [] if "pillow" in INSTALLED else ["test_variants.py"]
collect_ignore += [] if "obstore" in INSTALLED else ["test_objects.py"]
# Some rows of the matrix have no database.
collect_ignore += [] if "cruse-db" in INSTALLED else ["test_transactions.py"]


def png_chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def make_png(width=3, height=2):
    """A whole picture when it is small; only its header tells the truth when it is not."""
    rows = (b"\0" + b"\x20\x60\xa0" * width) * height if width * height < 10_000 else b""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)


def make_jpeg(width=3, height=2, before=b"", sof=0xC0):
    frame = struct.pack(">HBHHB", 11, 8, height, width, 1) + b"\1\x11\0"
    scan = b"\xff\xda" + struct.pack(">H", 8) + b"\1\1\0\0\x3f\0"
    return b"\xff\xd8" + before + bytes([0xFF, sof]) + frame + scan + b"data\xff\xd9"


def make_gif(width=3, height=2):
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\x80\0\0" + bytes(6) + b";"


def make_webp(width=3, height=2, kind="VP8X"):
    if kind == "VP8X":
        sizes = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
        data = b"VP8X" + struct.pack("<I", 10) + bytes(4) + sizes
    elif kind == "VP8L":
        bits = (width - 1) | (height - 1) << 14
        data = b"VP8L" + struct.pack("<I", 10) + b"\x2f" + struct.pack("<I", bits) + bytes(5)
    else:
        frame = bytes(3) + b"\x9d\x01\x2a" + struct.pack("<HH", width, height)
        data = b"VP8 " + struct.pack("<I", len(frame)) + frame
    return b"RIFF" + struct.pack("<I", len(data) + 4) + b"WEBP" + data


def make_bmp(width=3, height=2):
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + header + bytes(24)


def box(kind, *contents):
    data = b"".join(contents)
    return struct.pack(">I", len(data) + 8) + kind + data


def make_avif(width=3, height=2):
    sizes = ((1, 1), (width, height), (1, 1))  # a thumbnail, the picture, its transparency
    properties = [box(b"ispe", struct.pack(">III", 0, *size)) for size in sizes]
    properties.insert(1, box(b"pixi", bytes(8)))
    meta = box(b"hdlr", bytes(24)), box(b"iprp", box(b"ipco", *properties), box(b"ipma", bytes(4)))
    return box(b"ftyp", b"avif", bytes(4), b"mif1") + box(b"meta", bytes(4), *meta)


@pytest.fixture(scope="session")
def make():
    """Pictures of each format, of any size: ``make["png"](65_000, 65_000)``."""
    return {
        "png": make_png,
        "jpg": make_jpeg,
        "gif": make_gif,
        "webp": make_webp,
        "bmp": make_bmp,
        "avif": make_avif,
    }


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "files"


@pytest.fixture
def uploads():
    return Uploads()


@pytest.fixture
def photos(uploads):
    return uploads.set("photos", allow=IMAGES, max_size="1 MB", max_pixels=1_000_000)


@pytest.fixture
def app(uploads, photos, folder):
    """Receives photos at /sync and /async, and saves them from ``request.files`` at /save."""
    app = Cruse(__name__)
    app.config.update(TESTING=True, SECRET_KEY="test", UPLOADS_FOLDER=folder, UPLOADS_FSYNC=False)
    app.config.update(PROPAGATE_EXCEPTIONS=False)
    app.use(uploads)
    add_views(app, photos)
    yield app
    app.stop()


def add_views(app, photos):
    from cruse import request

    def answer(photo, form):
        return {
            "key": photo.key,
            "name": photo.name,
            "size": photo.size,
            "type": photo.type,
            "pixels": [photo.width, photo.height],
            "digest": photo.digest,
            "url": photo.url(),
            "form": list(form.items(multi=True)),
        }

    @app.post("/sync", stream=True)
    def receive():
        photo = photos.receive(request.args.get("field"))
        return answer(photo, photo.form)

    @app.post("/async", stream=True)
    async def receive_async():
        photo = await photos.areceive(request.args.get("field"))
        return answer(photo, photo.form)

    @app.post("/save")
    def save():
        return answer(photos.save(request.files["file"]), request.form)

    @app.post("/asave")
    async def save_async():
        return answer(await photos.asave(request.files["file"]), request.form)


@pytest.fixture(params=["wsgi", "asgi"])
def client(app, request):
    with app.test_client(gateway=request.param) as client:
        yield client


@pytest.fixture(params=["/sync", "/async", "/save", "/asave"])
def way(request):
    """Each way that a file can come in."""
    return request.param


@pytest.fixture(params=["/sync", "/async"])
def stream(request):
    """The two ways that receive a file while it arrives."""
    return request.param


@pytest.fixture
def kept(folder):
    """Tell which files there are, our own beside the objects included."""

    def tell():
        return sorted(
            str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()
        )

    return tell


@pytest.fixture
def make_site(folder, request):
    """Make sites of the module's class ``Site``."""
    made = []

    def make_site(storage="local", **options):
        if isinstance(storage, str):
            storage = STORAGES[storage](folder)
        made.append(request.module.Site(storage, **options))
        return made[-1]

    yield make_site
    for site in made:
        site.app.stop()


@pytest.fixture
def site(make_site):
    return make_site()


@pytest.fixture(params=["wsgi-sync", "wsgi-async", "asgi-sync", "asgi-async"])
def any_site(make_site, request):
    gateway, _, kind = request.param.partition("-")
    return make_site(gateway=gateway, is_async=kind == "async")
