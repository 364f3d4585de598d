"""Equal files keep their bytes once, and each of them is still a file of its own."""

import errno
import io
import os
import threading

import pytest

from cruse import Cruse
from cruse.extension import SettingsError
from cruse_uploads import IMAGES, LocalStorage, Meta, Storage, Uploads
from cruse_uploads.testing import CONTENT, put, read


@pytest.fixture
def shared(uploads, app):
    """A set that keeps equal files once, received at /shared and /shared-async."""
    shared = uploads.set("shared", allow=("txt", *IMAGES), dedupe=True)

    @app.post("/shared", stream=True)
    def add():
        return shared.receive().key

    @app.post("/shared-async", stream=True)
    async def add_async():
        return (await shared.areceive()).key

    return shared


def used(folder):
    """The bytes that contents take on the disk."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file() and not path.name.endswith(".meta"):
            found[path.stat().st_ino] = path.stat().st_size
    return sum(found.values())


@pytest.mark.parametrize("path", ["/shared", "/shared-async"])
def test_the_second_equal_file_takes_no_room(app, client, shared, folder, path):
    data = b"the same" * 10_000
    keys = [
        client.post(path, data={"file": (io.BytesIO(data), f"{name}.txt")}).text for name in "ab"
    ]
    assert used(folder) == len(data)
    with app.app_context():
        assert [shared.get(key).name for key in keys] == ["a.txt", "b.txt"]
        assert len({shared.get(key).digest for key in keys}) == 1
        shared.delete(keys[0])
        assert not shared.exists(keys[0])
    with client.get(f"/_uploads/shared/{keys[1]}") as response:
        assert response.data == data
    with app.app_context():
        shared.delete(keys[1])
    assert used(folder) == 0


def test_other_files_stay_apart(app, shared, folder):
    with app.app_context():
        keys = [shared.save(io.BytesIO(data), name="a.txt").key for data in (b"one", b"two")]
        assert [read(shared.storage, f"shared/{key}") for key in keys] == [b"one", b"two"]
    assert used(folder) == 6


def test_uploads_and_deletions_may_meet(tmp_path):
    storage = LocalStorage(tmp_path, fsync=False)

    def work(name):
        for number in range(30):
            key = f"{name}/{number}.txt"
            put(storage, key, b"the same")
            storage.share(key, CONTENT)
            assert read(storage, key) == b"the same"
            if number % 3:
                storage.delete(key)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = storage.keys()
    assert len(kept) == 40
    assert {read(storage, key) for key in kept} == {b"the same"}
    for key in kept:
        storage.delete(key)
    storage.sweep(0)
    assert used(tmp_path) == 0


def test_a_disk_that_has_no_more_links_keeps_another_copy(tmp_path, monkeypatch):
    storage = LocalStorage(tmp_path, fsync=False)
    for key in ("a.txt", "b.txt"):
        put(storage, key, b"the same")
    storage.share("a.txt", CONTENT)
    link = os.link

    def too_many(source, target, **options):
        if "contents" in source:
            raise OSError(errno.EMLINK, "Too many links")
        link(source, target, **options)

    monkeypatch.setattr(os, "link", too_many)
    storage.share("b.txt", CONTENT)
    assert read(storage, "b.txt") == b"the same"
    assert used(tmp_path) == 16


def test_a_full_disk_while_sharing_leaves_nothing(app, shared, folder, monkeypatch):
    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(LocalStorage, "share", full)
    with app.app_context(), pytest.raises(OSError, match="No space"):
        shared.save(io.BytesIO(b"text"), name="a.txt")
    assert used(folder) == 0


def test_the_age_of_a_file_is_not_that_of_its_bytes(tmp_path):
    storage = LocalStorage(tmp_path, fsync=False)
    for key, modified in (("old.txt", 1_000), ("new.txt", None)):
        put(storage, key, b"the same")
        if modified is not None:
            os.utime(tmp_path / key, (modified, modified))
        storage.share(key, CONTENT)
    assert storage.stat("new.txt").modified > 1_000_000


def test_bytes_that_nobody_shares_any_more_are_swept(tmp_path):
    storage = LocalStorage(tmp_path, fsync=False)
    put(storage, "a.txt", b"text", Meta("a.txt", "text/plain"))
    storage.share("a.txt", CONTENT)
    assert storage.sweep(0) == 0
    (tmp_path / "a.txt").unlink()  # as a process does that is killed right after
    assert storage.sweep(0) == 1


@pytest.mark.parametrize("digest", ["md5", "sha1", "shake_128"])
def test_a_weak_digest_tells_nothing_equal(uploads, digest):
    with pytest.raises(ValueError, match="same digest"):
        uploads.set("weak", dedupe=True, digest=digest)


def test_a_storage_that_can_not_share_is_told_at_start():
    class Plain(Storage):
        writer = open = stat = delete = keys = None

    Plain.__abstractmethods__ = frozenset()
    uploads = Uploads(storage=lambda app: Plain())
    uploads.set("shared", dedupe=True)
    app = Cruse(__name__, extensions=[uploads])
    with pytest.raises(SettingsError, match="dedupe"):
        uploads.startup(app.extensions["uploads"])
    app.stop()
