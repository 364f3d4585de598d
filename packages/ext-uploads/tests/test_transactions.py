"""Files that follow the transaction of cruse-db."""

import io
import json

import pytest

from cruse import Cruse
from cruse_db import Database
from cruse_uploads import IMAGES, Uploads


@pytest.fixture
def site(tmp_path, make):
    """Replaces a picture at /sync and /async; ``?fail`` fails before the end."""
    db, uploads = Database(), Uploads()
    photos = uploads.set("photos", allow=IMAGES)
    app = Cruse(__name__, extensions=[db, uploads])
    app.config.update(
        DB_URL=f"sqlite:///{tmp_path}/site.db", UPLOADS_FOLDER=tmp_path / "files",
        UPLOADS_FSYNC=False, PROPAGATE_EXCEPTIONS=False,
    )  # fmt: skip
    app.photos = photos

    @app.post("/sync/<path:old>/<int:fails>", stream=True)
    def replace(old, fails):
        with db.transaction():
            new = photos.receive(temporary=True)
            photos.promote(new.key, on_commit=db.on_commit)
            photos.delete(old, on_commit=db.on_commit)
            assert photos.exists(old)
            if fails:
                raise RuntimeError("it went wrong")
        return new.key

    @app.post("/async/<path:old>/<int:fails>", stream=True)
    async def replace_async(old, fails):
        async with db.transaction():
            new = await photos.areceive(temporary=True)
            await photos.apromote(new.key, on_commit=db.on_commit)
            await photos.adelete(old, on_commit=db.on_commit)
            assert await photos.aexists(old)
            if fails:
                raise RuntimeError("it went wrong")
        return new.key

    with app.app_context():
        app.old = photos.save(io.BytesIO(make["png"]()), name="old.png").key
    return app


@pytest.fixture(params=["wsgi", "asgi"])
def visitor(site, request):
    with site.test_client(gateway=request.param) as client:
        yield client
    site.stop()


@pytest.fixture(params=["sync", "async"])
def how(request):
    return request.param


def post(visitor, site, how, make, fails):
    data = {"file": (io.BytesIO(make["png"](9, 9)), "new.png")}
    return visitor.post(f"/{how}/{site.old}/{fails}", data=data)


def keys(site):
    with site.app_context():
        return site.photos.storage.keys()


def test_a_commit_keeps_the_new_file_and_deletes_the_old(site, visitor, how, make):
    response = post(visitor, site, how, make, 0)
    assert response.status_code == 200
    assert keys(site) == [f"photos/{response.text}"]


def test_a_rollback_keeps_the_old_file_and_shows_no_new_one(site, visitor, how, make):
    assert post(visitor, site, how, make, 1).status_code == 500
    new, old = keys(site)
    assert old == f"photos/{site.old}"
    assert new.startswith("_temporary/photos/")
    with site.app_context():
        site.photos.uploads.sweep(older=-60)
    assert keys(site) == [old]


def test_what_is_kept_of_a_file_as_json_gives_it_back_without_its_storage(site, make):
    with site.app_context():
        stored = site.photos.get(site.old)
        kept = json.dumps(stored.facts())
        site.photos.delete(site.old)
        assert site.photos.restore(json.loads(kept)) == stored
    site.stop()
