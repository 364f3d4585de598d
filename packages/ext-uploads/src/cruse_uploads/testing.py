"""What every storage keeps to: tests to run against one of your own.

Subclass the contract in a test module, and pytest runs it::

    from cruse_uploads.testing import StorageContract

    class TestShelfStorage(StorageContract):
        @pytest.fixture
        def storage(self):
            return ShelfStorage()
"""

# These are tests: they assert, and their names are the documentation.
# ruff: noqa: D102, S101

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from cruse_uploads.errors import ObjectExistsError, ObjectNotFoundError
from cruse_uploads.storage import Meta

if TYPE_CHECKING:
    from cruse_uploads.storage import Storage

__all__ = ["StorageContract"]

KEY = "photos/2026/11/6f1c.png"
META = Meta(name="图片 «1».png", type="image/png")
CONTENT = "sha256-0967115f2813a3541eaef77de9d9d5773f1c0c04314b0bbfe4ff3b3b1c55b5d5"
BAD_KEYS = (
    "",
    "/etc/passwd",
    "../outside.png",
    "photos/../../outside.png",
    "photos//a.png",
    "photos/./a.png",
    "photos/.hidden",
    "photos/a\0.png",
    "photos\\a.png",
    "photos/nul.png",
    "photos/a.png.",
    "c:a.png",
    "photos/ä.png",
    "photos/" + "a" * 300,
    "photos/" + "a/" * 600 + "a",
)


def put(storage: Storage, key: str, data: bytes, meta: Meta = META) -> None:
    """Store an object in one go."""
    writer = storage.writer(key, meta)
    try:
        writer.write(data)
        writer.commit()
    except BaseException:
        writer.abort()
        raise


def read(storage: Storage, key: str) -> bytes:
    """Return the bytes of an object."""
    with storage.open(key) as file:
        return file.read()


class StorageContract:
    """Tests that hold for every storage; the fixture :meth:`storage` is the one to write."""

    @pytest.fixture
    def storage(self) -> Storage:
        """An empty storage."""
        raise NotImplementedError("The contract needs a storage: return an empty one here.")

    # -- writing ---------------------------------------------------------------------------------

    @pytest.mark.parametrize("data", [b"", b"x", bytes(range(256)) * 5000], ids=len)
    def test_what_is_written_can_be_read(self, storage: Storage, data: bytes) -> None:
        put(storage, KEY, data)
        assert read(storage, KEY) == data

    def test_an_object_is_written_in_pieces(self, storage: Storage) -> None:
        writer = storage.writer(KEY, META)
        for piece in (b"one ", bytearray(b"two "), b"", b"three"):
            writer.write(piece)
        writer.commit()
        assert read(storage, KEY) == b"one two three"

    def test_a_piece_may_be_reused_once_it_is_written(self, storage: Storage) -> None:
        writer = storage.writer(KEY, META)
        piece = bytearray(b"first")
        writer.write(piece)
        piece[:] = b"other"
        writer.commit()
        assert read(storage, KEY) == b"first"

    def test_nothing_is_there_before_commit(self, storage: Storage) -> None:
        writer = storage.writer(KEY, META)
        writer.write(b"half")
        assert storage.keys() == []
        with pytest.raises(ObjectNotFoundError):
            storage.open(KEY)
        writer.abort()

    def test_an_aborted_object_never_was(self, storage: Storage) -> None:
        writer = storage.writer(KEY, META)
        writer.write(b"half")
        writer.abort()
        writer.abort()  # the second time does no harm
        assert storage.keys() == []
        put(storage, KEY, b"whole")
        assert read(storage, KEY) == b"whole"

    def test_an_object_is_never_overwritten(self, storage: Storage) -> None:
        put(storage, KEY, b"first")
        with pytest.raises(ObjectExistsError):
            put(storage, KEY, b"second", Meta("other.png", "image/gif"))
        assert read(storage, KEY) == b"first"
        assert storage.stat(KEY).meta == META

    def test_of_writers_at_the_same_time_one_wins(self, storage: Storage) -> None:
        barrier = threading.Barrier(4)
        outcomes: list[bytes | None] = []

        def race(data: bytes) -> None:
            writer = storage.writer(KEY, META)
            writer.write(data)
            barrier.wait()
            try:
                writer.commit()
            except ObjectExistsError:
                writer.abort()
                outcomes.append(None)
            else:
                outcomes.append(data)

        threads = [threading.Thread(target=race, args=(bytes([n]) * 1000,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        winners = [data for data in outcomes if data is not None]
        assert len(outcomes) == 4
        assert winners == [read(storage, KEY)]
        assert storage.keys() == [KEY]

    @pytest.mark.parametrize("key", BAD_KEYS)
    def test_a_key_that_leads_elsewhere_is_refused(self, storage: Storage, key: str) -> None:
        with pytest.raises(ValueError, match="key"):
            storage.writer(key, META)
        with pytest.raises(ObjectNotFoundError):
            storage.open(key)
        with pytest.raises(ObjectNotFoundError):
            storage.stat(key)
        storage.delete(key)

    # -- finding ---------------------------------------------------------------------------------

    def test_facts_are_told(self, storage: Storage) -> None:
        before = time.time()
        put(storage, KEY, b"12345")
        facts = storage.stat(KEY)
        assert facts.size == 5
        # Clocks of file systems are coarse, and those of servers are others.
        assert before - 60 < facts.modified < time.time() + 60
        assert facts.meta in (META, None)

    def test_an_opened_object_can_be_sought_in(self, storage: Storage) -> None:
        put(storage, KEY, b"0123456789")
        with storage.open(KEY) as file:
            assert file.seek(4) == 4
            assert file.read(3) == b"456"
            assert file.seek(-2, 2) == 8
            assert file.read() == b"89"

    def test_what_is_not_there_is_not_found(self, storage: Storage) -> None:
        for look in (storage.open, storage.stat):
            with pytest.raises(ObjectNotFoundError):
                look("photos/none.png")
        put(storage, KEY, b"")
        with pytest.raises(ObjectNotFoundError):
            storage.stat("photos/2026")  # a folder, at most

    def test_keys_are_listed_by_prefix_and_in_order(self, storage: Storage) -> None:
        keys = ["a/1.png", "a/1.png.old", "a/10.png", "a/b/2.png", "ab/3.png", "z.png"]
        for key in reversed(keys):
            put(storage, key, b"")
        assert storage.keys() == keys
        assert storage.keys("a") == keys[:5]
        assert storage.keys("a/") == keys[:4]
        assert storage.keys("a/1.") == keys[:2]
        assert storage.keys("a/b/2.png") == ["a/b/2.png"]
        assert storage.keys("none/") == storage.keys("../") == []

    def test_a_path_leads_to_the_same_bytes(self, storage: Storage) -> None:
        put(storage, KEY, b"bytes")
        path = storage.path(KEY)
        if path is not None:
            with open(path, "rb") as file:
                assert file.read() == b"bytes"
            with pytest.raises(ObjectNotFoundError):
                storage.path("photos/none.png")

    # -- deleting --------------------------------------------------------------------------------

    def test_a_deleted_object_is_gone(self, storage: Storage) -> None:
        put(storage, KEY, b"old")
        put(storage, "photos/other.png", b"other")
        storage.delete(KEY)
        with pytest.raises(ObjectNotFoundError):
            storage.stat(KEY)
        assert storage.keys() == ["photos/other.png"]
        put(storage, KEY, b"new")
        assert read(storage, KEY) == b"new"

    def test_deleting_what_is_not_there_is_no_error(self, storage: Storage) -> None:
        storage.delete("photos/none.png")
        put(storage, KEY, b"")
        storage.delete(f"{KEY}/deeper.png")
        storage.delete("photos")
        assert storage.keys() == [KEY]

    # -- moving ----------------------------------------------------------------------------------

    def test_a_moved_object_is_the_same_under_another_key(self, storage: Storage) -> None:
        put(storage, KEY, b"bytes")
        before = storage.stat(KEY).meta
        storage.move(KEY, "other/place/b.png")
        assert storage.keys() == ["other/place/b.png"]
        assert read(storage, "other/place/b.png") == b"bytes"
        assert storage.stat("other/place/b.png").meta == before
        put(storage, KEY, b"another")
        assert read(storage, "other/place/b.png") == b"bytes"

    def test_a_move_overwrites_nothing(self, storage: Storage) -> None:
        put(storage, KEY, b"one")
        put(storage, "photos/b.png", b"two")
        with pytest.raises(ObjectExistsError):
            storage.move(KEY, "photos/b.png")
        assert [read(storage, key) for key in (KEY, "photos/b.png")] == [b"one", b"two"]

    def test_only_what_is_there_is_moved_and_only_to_a_key(self, storage: Storage) -> None:
        with pytest.raises(ObjectNotFoundError):
            storage.move("photos/none.png", "photos/b.png")
        put(storage, KEY, b"bytes")
        with pytest.raises(ValueError, match="key"):
            storage.move(KEY, "../outside.png")
        assert storage.keys() == [KEY]

    def test_equal_objects_can_share_their_bytes(self, storage: Storage) -> None:
        put(storage, KEY, b"same")
        if not storage.shares:
            with pytest.raises(NotImplementedError):
                storage.share(KEY, CONTENT)
            return
        put(storage, "photos/b.gif", b"same", Meta("b.gif", "image/gif"))
        for key in (KEY, "photos/b.gif", "photos/b.gif"):
            storage.share(key, CONTENT)
        assert storage.keys() == sorted([KEY, "photos/b.gif"])
        assert storage.stat(KEY).meta == replace(META, content=CONTENT)
        storage.delete(KEY)
        storage.move("photos/b.gif", "photos/c.gif")
        storage.sweep(time.time() + 3600)
        assert storage.stat("photos/c.gif").meta == Meta("b.gif", "image/gif", CONTENT)
        assert read(storage, "photos/c.gif") == b"same"
        with pytest.raises(ObjectNotFoundError):
            storage.share(KEY, CONTENT)

    def test_sweeping_takes_no_object_and_nothing_that_is_on_its_way(
        self, storage: Storage
    ) -> None:
        put(storage, KEY, b"bytes")
        writer = storage.writer("photos/b.png", META)
        writer.write(b"half")
        assert storage.sweep(time.time() - 3600) == 0
        writer.commit()
        storage.sweep(time.time() + 3600)
        assert storage.keys() == [KEY, "photos/b.png"]
        assert storage.stat(KEY).meta in (META, None)

    # -- the asynchronous twins ------------------------------------------------------------------

    def test_the_twins_do_the_same(self, storage: Storage) -> None:
        async def use() -> None:
            writer = await storage.awriter(KEY, META)
            await writer.awrite(b"one ")
            await writer.awrite(bytearray(b"two"))
            assert await storage.akeys() == []
            await writer.acommit()
            lost = await storage.awriter("photos/lost.png", META)
            await lost.awrite(b"lost")
            await lost.aabort()
            assert await storage.akeys("photos/") == [KEY]
            assert (await storage.astat(KEY)).size == 7
            with await storage.aopen(KEY) as file:
                assert file.read() == b"one two"
            await storage.amove(KEY, "photos/moved.png")
            await storage.adelete("photos/moved.png")
            with pytest.raises(ObjectNotFoundError):
                await storage.astat(KEY)

        asyncio.run(use())

    def test_writers_of_many_tasks_keep_apart(self, storage: Storage) -> None:
        async def store(number: int) -> None:
            writer = await storage.awriter(f"photos/{number}.png", META)
            for _ in range(5):
                await writer.awrite(bytes([number]) * 1000)
            await writer.acommit()

        async def store_all() -> None:
            await asyncio.gather(*map(store, range(20)))

        asyncio.run(store_all())
        for number in range(20):
            assert read(storage, f"photos/{number}.png") == bytes([number]) * 5000
