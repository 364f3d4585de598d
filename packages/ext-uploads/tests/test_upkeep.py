"""``cruse uploads ...``: looking after what is stored."""

import io
import os
import sys
import time
import types

import pytest

from cruse_uploads import ALL, IMAGES, LocalStorage, MemoryStorage, StorageRefused

DAY = 24 * 60 * 60


@pytest.fixture
def run(app):
    def run(*arguments):
        return app.test_cli_runner().invoke(args=["uploads", *arguments])

    return run


@pytest.fixture
def save(app, make):
    """Store a photo; return its key."""

    def save(photos, age=0.0, **options):
        with app.app_context():
            key = photos.save(io.BytesIO(make["png"]()), name="a.png", **options).key
            path = photos.storage.path(
                photos.storage_key(key, temporary=options.get("temporary", False))
            )
            then = time.time() - age
            os.utime(path, (then, then))
            return key

    return save


def test_a_sweep_takes_what_nobody_promoted(run, photos, save, kept):
    permanent = save(photos, age=9 * DAY)
    young, old = (save(photos, age=age, temporary=True) for age in (0.5 * DAY, 2 * DAY))
    result = run("sweep")
    assert "Removed 1 temporary files" in result.output
    assert f"photos/{permanent}" in kept()
    assert f"_temporary/photos/{young}" in kept()
    assert f"_temporary/photos/{old}" not in kept()
    assert "Removed 1 temporary files" in run("sweep", "--older", "6h").output
    assert f"_temporary/photos/{young}" not in kept()


def test_a_sweep_keeps_what_a_database_refers_to(run, uploads, save, kept):
    used = []
    albums = uploads.set("albums", allow=IMAGES, in_use=lambda key: key in used)
    wanted, unwanted = (save(albums, age=2 * DAY, temporary=True) for _ in range(2))
    used.append(wanted)
    assert "promoted 1" in run("sweep").output
    assert f"albums/{wanted}" in kept()
    assert not any(unwanted in path for path in kept())


def test_a_sweep_leaves_quarantine_alone_for_longer(run, app, uploads, folder, kept):
    files = uploads.set("files", allow=ALL, scan=lambda file: False, quarantine=True)
    for _ in range(2):
        with app.app_context(), pytest.raises(Exception, match="harmful"):
            files.save(io.BytesIO(b"harm"), name="a.txt")
    first, second = (folder / path for path in kept() if path.endswith(".txt"))
    for path, age in ((first, 2 * DAY), (second, 31 * DAY)):
        os.utime(path, (time.time() - age,) * 2)
    assert "1 from quarantine" in run("sweep").output
    assert (first.exists(), second.exists()) == (True, False)


def test_a_sweep_takes_pieces_of_broken_uploads(run, photos, save, folder):
    save(photos)
    piece = folder / "photos" / ".0123.part"
    piece.touch()
    os.utime(piece, (0, 0))
    assert "1 pieces" in run("sweep").output
    assert not piece.exists()


def test_a_store_that_refuses_to_be_swept_is_no_traceback(run, photos, save, kept, monkeypatch):
    def refuse(storage, before):
        raise StorageRefused("remove the parts of broken uploads", "AccessDenied", 403)

    monkeypatch.setattr(LocalStorage, "sweep", refuse)
    old = save(photos, age=2 * DAY, temporary=True)
    result = run("sweep")
    assert result.exit_code == 1
    assert result.output == (
        "Error: The object store was asked to remove the parts of broken uploads: 403 "
        "AccessDenied. Look at the keys that it is asked with, and at what they may.\n"
    )
    assert f"_temporary/photos/{old}" not in kept()


@pytest.mark.parametrize("older", ["1", "h", "-1h", "1w"])
def test_what_is_no_duration_is_told(run, older):
    result = run("sweep", "--older", older)
    assert result.exit_code == 2
    assert "24h" in result.output


def test_what_is_wrong_is_named(run, photos, save, folder):
    key = save(photos)
    assert run("verify").output == "All is well.\n"
    (folder / "photos" / "empty.png").touch()
    (folder / "photos" / "false.png").write_bytes(b"MZ")
    (folder / "gone").mkdir()
    (folder / "gone" / "a.png").write_bytes(b"")
    path = folder / "photos" / key
    (path.parent / f".{path.name}.meta").unlink()
    result = run("verify")
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        "gone/a.png is in no upload set",
        f"photos/{key} has lost its name",
        "photos/empty.png is empty",
        "photos/false.png does not look like image/png",
        "4 files are not as they should be.",
    ]


def test_files_are_counted(run, photos, save, make):
    save(photos)
    save(photos)
    save(photos, temporary=True)
    lines = [line.split() for line in run("stats").output.splitlines()]
    size = len(make["png"]())
    assert lines == [
        ["photos", "2", "files", str(2 * size), "bytes"],
        ["_temporary", "1", "files", str(size), "bytes"],
    ]


def test_files_move_to_another_folder_and_what_is_there_is_left(
    run, app, photos, save, tmp_path, make
):
    keys = sorted(f"photos/{save(photos)}" for _ in range(3))
    target = LocalStorage(tmp_path / "new", fsync=False)
    assert "Copied 3 files." in run("migrate", str(tmp_path / "new")).output
    assert target.keys() == keys
    with target.open(keys[0]) as file:
        assert file.read() == make["png"]()
    assert target.stat(keys[0]).meta.name == "a.png"
    target.delete(keys[1])
    assert "Copied 1 files." in run("migrate", str(tmp_path / "new")).output
    assert target.keys() == keys
    with app.app_context():
        assert photos.storage.keys() == keys


def test_files_move_to_any_storage_by_its_name(run, photos, save, monkeypatch):
    module = types.ModuleType("shelves")
    module.shelf = MemoryStorage()
    module.make = lambda: module.shelf
    module.other = 5
    monkeypatch.setitem(sys.modules, "shelves", module)
    key = save(photos)
    for name in ("shelves:shelf", "shelves:make"):
        assert run("migrate", name).exit_code == 0
    assert module.shelf.keys() == [f"photos/{key}"]
    assert "no storage" in run("migrate", "shelves:other").output
    assert "can't be imported" in run("migrate", "shelves:none").output
