"""Files that are looked at before anybody sees them, and files that wait to be wanted."""

import asyncio
import io

import pytest

from cruse import request
from cruse_uploads import ALL, ObjectNotFoundError, UploadNotAllowed

EICAR = b"a file of harm"


class Scanner:
    """Finds what it was told to, and remembers what it saw."""

    def __init__(self):
        self.seen = []
        self.look = lambda: None

    def __call__(self, file):
        self.seen.append(file.read())
        self.look()
        return EICAR not in self.seen[-1]


@pytest.fixture
def scanner():
    return Scanner()


@pytest.fixture
def scanned(uploads, app, scanner):
    """A set whose files are scanned; what is async scans in an async way, too."""

    async def scan_async(file):
        await asyncio.sleep(0)
        return scanner(file)

    files = uploads.set("scanned", allow=ALL, scan=scanner)
    others = uploads.set("others", allow=ALL, scan=scan_async)

    @app.post("/scan/sync", stream=True)
    def scan_sync():
        return files.receive().key

    @app.post("/scan/async", stream=True)
    async def scan_async_view():
        return (await files.areceive()).key

    @app.post("/scan/awaited", stream=True)
    async def scan_awaited():
        return (await others.areceive()).key

    @app.post("/scan/save")
    def scan_save():
        return files.save(request.files["file"]).key

    @app.post("/scan/asave")
    async def scan_asave():
        return (await others.asave(request.files["file"])).key

    return files


@pytest.fixture(params=["wsgi", "asgi"])
def client(app, scanned, wait, request):
    with app.test_client(gateway=request.param) as client:
        yield client


@pytest.fixture(params=["sync", "async", "awaited", "save", "asave"])
def scan_way(scanned, request):
    return f"/scan/{request.param}"


def send(client, path, data, name="file.txt"):
    return client.post(path, data={"file": (io.BytesIO(data), name)})


def test_what_is_harmless_is_kept(client, scan_way, scanner, kept):
    key = send(client, scan_way, b"harmless").text
    assert scanner.seen == [b"harmless"]
    (path,) = (each for each in kept() if each.endswith(key))
    assert path.split("/")[0] in ("scanned", "others")
    with client.get(f"/_uploads/{path}") as response:
        assert response.data == b"harmless"


@pytest.mark.parametrize("quarantine", [False, True])
def test_what_is_harmful_is_refused_and_never_shown(client, scan_way, uploads, kept, quarantine):
    for each in ("scanned", "others"):
        uploads.sets[each].quarantine = quarantine
    response = send(client, scan_way, EICAR)
    assert response.status_code == 422
    assert "harmful" in response.text
    files = [each for each in kept() if each.endswith(".txt")]
    assert len(files) == quarantine
    for each in files:
        assert each.startswith("_quarantine/")
        assert client.get(f"/_uploads/{each}").status_code == 404
        assert client.get(f"/_uploads/{each.removeprefix('_quarantine/')}").status_code == 404


def test_nobody_sees_a_file_while_it_is_scanned(client, scan_way, scanner, scanned, app):
    def look():
        with app.app_context():
            public = scanned.storage.keys("scanned/") + scanned.storage.keys("others/")
            assert public == []

    scanner.look = look
    assert send(client, scan_way, b"harmless").status_code == 200


def test_a_scan_that_fails_lets_nothing_through(client, scan_way, scanner, kept):
    def look():
        raise ConnectionRefusedError("the scanner is away")

    scanner.look = look
    assert send(client, scan_way, b"harmless").status_code == 500
    assert kept() == []


def test_an_async_scan_has_no_place_in_plain_code(app, scanned, uploads, kept):
    with app.app_context(), pytest.raises(TypeError, match="asave"):
        uploads.sets["others"].save(io.BytesIO(b"text"), name="a.txt")
    assert kept() == []


# -- files that wait ------------------------------------------------------------------------------


@pytest.fixture
def wait(app, photos):
    """Receive a photo that waits, and promote it, in both kinds of views."""

    @app.post("/wait/sync", stream=True)
    def wait_sync():
        return photos.receive(temporary=True).key

    @app.post("/wait/async", stream=True)
    async def wait_async():
        return (await photos.areceive(temporary=True)).key

    @app.post("/promote/sync/<path:key>")
    def promote(key):
        photos.promote(key)
        return "promoted"

    @app.post("/promote/async/<path:key>")
    async def promote_async(key):
        await photos.apromote(key)
        return "promoted"


@pytest.mark.parametrize("how", ["sync", "async"])
def test_a_temporary_file_is_seen_once_it_is_promoted(client, wait, make, how):
    key = send(client, f"/wait/{how}", make["png"](), "a.png").text
    assert client.get(f"/_uploads/photos/{key}").status_code == 404
    assert client.get(f"/_uploads/_temporary/photos/{key}").status_code == 404
    assert client.post(f"/promote/{how}/{key}").text == "promoted"
    with client.get(f"/_uploads/photos/{key}") as response:
        assert response.data == make["png"]()
        assert "a.png" in response.headers["Content-Disposition"]


def test_only_what_is_temporary_can_be_promoted(app, photos, make):
    with app.app_context():
        stored = photos.save(io.BytesIO(make["png"]()), name="a.png", temporary=True)
        photos.promote(stored.key)
        for key in (stored.key, "none.png", "../photos/none.png"):
            with pytest.raises(ObjectNotFoundError):
                photos.promote(key)


def test_a_temporary_file_is_found_by_who_knows_of_it(app, photos, make):
    with app.app_context():
        stored = photos.save(io.BytesIO(make["png"]()), name="a.png", temporary=True)
        with pytest.raises(ObjectNotFoundError):
            photos.get(stored.key)
        assert photos.get(stored.key, temporary=True) == stored
        photos.promote(stored.key)
        with pytest.raises(ObjectNotFoundError):
            photos.get(stored.key, temporary=True)


def test_a_temporary_file_keeps_the_rules(app, photos):
    with app.app_context(), pytest.raises(UploadNotAllowed):
        photos.save(io.BytesIO(b"MZ"), name="a.png", temporary=True)
