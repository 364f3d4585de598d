"""Local disk and memory keep the storage contract, and so does a storage of a user's own."""

import io
import os
import signal
import subprocess
import sys
import time

import pytest

from cruse_uploads import (
    LocalStorage,
    MemoryStorage,
    Meta,
    ObjectExistsError,
    ObjectNotFoundError,
    ObjectStat,
    Storage,
    StorageFull,
    Writer,
)
from cruse_uploads.names import is_key
from cruse_uploads.storage import local
from cruse_uploads.testing import StorageContract, put, read

META = Meta("name.png", "image/png")


class TestMemoryStorage(StorageContract):
    @pytest.fixture
    def storage(self):
        return MemoryStorage()


class TestLocalStorage(StorageContract):
    @pytest.fixture(params=["as the system likes it", "without unnamed files", "without fsync"])
    def storage(self, request, tmp_path, monkeypatch):
        if request.param == "without unnamed files":
            monkeypatch.setattr(local, "_TMPFILE", 0)
        return LocalStorage(tmp_path / "files", fsync=request.param != "without fsync")


class DictStorage(Storage):
    """What somebody writes in an evening: six methods."""

    def __init__(self):
        self.objects = {}

    def writer(self, key, meta):
        if not is_key(key):
            raise ValueError(f"{key!r} is no key")
        return DictWriter(self.objects, key, meta)

    def open(self, key):
        return io.BytesIO(self._get(key)[0])

    def stat(self, key):
        data, meta, modified = self._get(key)
        return ObjectStat(len(data), modified, meta)

    def delete(self, key):
        self.objects.pop(key, None)

    def keys(self, prefix=""):
        return sorted(key for key in self.objects if key.startswith(prefix))

    def _get(self, key):
        if key not in self.objects:
            raise ObjectNotFoundError(key)
        return self.objects[key]


class DictWriter(Writer):
    def __init__(self, objects, key, meta):
        self.objects, self.key, self.meta, self.data = objects, key, meta, b""

    def write(self, data):
        self.data += data

    def commit(self):
        entry = (self.data, self.meta, time.time())
        if self.objects.setdefault(self.key, entry) is not entry:
            raise ObjectExistsError(self.key)

    def abort(self):
        self.data = b""


class TestAStorageOfOnesOwn(StorageContract):
    @pytest.fixture
    def storage(self):
        return DictStorage()


# -- what only a disk does ------------------------------------------------------------------------


def files_in(folder):
    return sorted(os.path.join(root, name) for root, _, names in os.walk(folder) for name in names)


@pytest.fixture(params=[True, False], ids=["unnamed files", "hidden files"])
def unnamed(request, monkeypatch):
    if not request.param:
        monkeypatch.setattr(local, "_TMPFILE", 0)
    return request.param


def test_nothing_is_left_of_a_file_that_is_given_up(tmp_path, unnamed):
    storage = LocalStorage(tmp_path)
    writer = storage.writer("photos/a.png", META)
    writer.write(b"x" * 100_000)
    writer.abort()
    assert files_in(tmp_path) == []


def test_nothing_is_left_of_a_file_that_lost_its_race(tmp_path, unnamed):
    storage = LocalStorage(tmp_path)
    put(storage, "photos/a.png", b"first")
    before = files_in(tmp_path)
    with pytest.raises(ObjectExistsError):
        put(storage, "photos/a.png", b"second")
    assert files_in(tmp_path) == before


def test_files_are_never_executable(tmp_path, unnamed):
    storage = LocalStorage(tmp_path)
    put(storage, "photos/a.sh", b"#!/bin/sh")
    assert os.stat(storage.path("photos/a.sh")).st_mode & 0o111 == 0


def test_a_file_system_without_unnamed_files_is_found_out(tmp_path, monkeypatch):
    ask = os.open

    def refusing(path, flags, *args, **kwargs):
        if local._TMPFILE and flags & local._TMPFILE == local._TMPFILE:
            raise OSError(95, "Operation not supported")
        return ask(path, flags, *args, **kwargs)

    monkeypatch.setattr(os, "open", refusing)
    storage = LocalStorage(tmp_path)
    put(storage, "photos/a.png", b"data")
    assert read(storage, "photos/a.png") == b"data"
    assert not [path for path in files_in(tmp_path) if path.endswith(".part")]


def test_a_folder_that_may_not_be_written_to_is_told(tmp_path, monkeypatch, unnamed):
    def forbid(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", forbid)
    with pytest.raises(PermissionError):
        LocalStorage(tmp_path).writer("photos/a.png", META)


@pytest.mark.parametrize("error", [28, 122], ids=["disk full", "quota"])
def test_a_full_disk_is_told_and_leaves_nothing(tmp_path, monkeypatch, unnamed, error):
    class Full(io.FileIO):
        def write(self, data):
            if self.tell():
                raise OSError(error, "no room")
            return super().write(data[:1000])

    monkeypatch.setattr(local, "FileIO", Full)
    storage = LocalStorage(tmp_path)
    with pytest.raises(StorageFull):
        put(storage, "photos/a.png", bytes(2000))
    assert files_in(tmp_path) == []


@pytest.mark.skipif(os.name == "nt", reason="no such limits there")
def test_a_file_larger_than_the_system_permits_is_told_and_leaves_nothing(tmp_path):
    script = (
        "import resource, sys\n"
        "from cruse_uploads import LocalStorage, StorageFull\n"
        "from cruse_uploads.testing import put\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "try:\n"
        "    put(LocalStorage(sys.argv[1]), 'photos/a.png', bytes(1_000_000))\n"
        "except StorageFull as error:\n"
        "    print(error.code)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE)
    assert done.stdout == b"507\n"
    assert files_in(tmp_path) == []


@pytest.mark.parametrize("step", ["fsync", "replace", "link"])
def test_a_disk_that_is_full_at_the_last_moment_keeps_no_half_of_it(
    tmp_path, monkeypatch, unnamed, step
):
    storage = LocalStorage(tmp_path)
    writer = storage.writer("photos/a.png", META)
    writer.write(b"data")

    def full(*args, **kwargs):
        raise OSError(28, "no room")

    monkeypatch.setattr(os, step, full)
    with pytest.raises(StorageFull):
        writer.commit()
    assert files_in(tmp_path) == []


def test_a_folder_that_can_not_be_synced_keeps_no_half_of_it(tmp_path, monkeypatch, unnamed):
    def broken(folder):
        raise OSError(5, "input/output error")

    monkeypatch.setattr(local, "_sync_folder", broken)
    with pytest.raises(OSError, match="input/output"):
        put(LocalStorage(tmp_path), "photos/a.png", b"data")
    assert files_in(tmp_path) == []


def test_other_errors_of_the_disk_are_not_dressed_up(tmp_path):
    (tmp_path / "photos").write_text("a file where a folder should be")
    with pytest.raises(FileExistsError):
        put(LocalStorage(tmp_path), "photos/a.png", b"")


def test_a_system_that_takes_less_than_it_is_given_gets_the_rest(tmp_path, monkeypatch):
    class Short(io.FileIO):
        def write(self, data):
            return super().write(data[:7])

    monkeypatch.setattr(local, "FileIO", Short)
    storage = LocalStorage(tmp_path)
    put(storage, "a.bin", bytes(range(100)))
    assert read(storage, "a.bin") == bytes(range(100))


def test_a_killed_process_leaves_no_object(tmp_path):
    script = (
        "import os, signal, sys\n"
        "from cruse_uploads import LocalStorage, Meta\n"
        "writer = LocalStorage(sys.argv[1]).writer('photos/a.png', Meta('a', 'b'))\n"
        "writer.write(bytes(1_000_000))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)])
    assert done.returncode == -signal.SIGKILL
    assert LocalStorage(tmp_path).keys() == []
    assert [
        path for path in files_in(tmp_path) if not os.path.basename(path).startswith(".")
    ] == []


def test_what_a_killed_process_left_is_swept(tmp_path):
    storage = LocalStorage(tmp_path, fsync=False)
    put(storage, "photos/a.png", b"bytes")
    script = (
        "import os, signal, sys\n"
        "from cruse_uploads import LocalStorage, Meta\n"
        "from cruse_uploads.storage import local\n"
        "local._TMPFILE = 0\n"  # where a file needs a name from its beginning
        "local._publish = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "writer = LocalStorage(sys.argv[1]).writer('photos/b.png', Meta('a', 'b'))\n"
        "writer.write(bytes(1000))\n"
        "writer.commit()\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)])
    assert done.returncode == -signal.SIGKILL
    assert len(files_in(tmp_path)) == 4  # a file, what is known of it, and the same in vain
    assert storage.sweep(time.time() - 3600) == 0
    assert storage.sweep(time.time() + 3600) == 2
    assert storage.keys() == ["photos/a.png"]
    assert storage.stat("photos/a.png").meta is not None


@pytest.mark.parametrize("kept", ["", "{", "[]", '{"name": "a"}', None])
def test_a_lost_name_costs_only_the_name(tmp_path, kept):
    storage = LocalStorage(tmp_path)
    put(storage, "photos/a.png", b"data")
    meta = tmp_path / "photos" / ".a.png.meta"
    if kept is None:
        meta.unlink()
    else:
        meta.write_text(kept)
    assert storage.stat("photos/a.png").meta is None
    assert read(storage, "photos/a.png") == b"data"


def test_our_own_files_are_neither_listed_nor_readable(tmp_path):
    storage = LocalStorage(tmp_path)
    put(storage, "photos/a.png", b"data")
    (tmp_path / "photos" / ".upload.part").write_text("left by a crash")
    (tmp_path / "photos" / "strange name.png").write_text("put there by hand")
    assert storage.keys() == ["photos/a.png"]
    for key in ("photos/.a.png.meta", "photos/.upload.part", "photos/strange name.png"):
        with pytest.raises(ObjectNotFoundError):
            storage.open(key)


def test_a_file_that_vanishes_while_it_is_looked_at_is_not_found(tmp_path, monkeypatch):
    storage = LocalStorage(tmp_path)
    gone = str(tmp_path / "gone.png")
    monkeypatch.setattr(storage, "_existing", lambda key: gone)
    for look in (storage.stat, storage.open):
        with pytest.raises(ObjectNotFoundError):
            look("gone.png")


def test_the_disk_says_where_it_is(tmp_path):
    assert repr(LocalStorage(tmp_path)) == f"LocalStorage({str(tmp_path)!r})"
