"""What every store of the authorization server keeps to: tests to run against one of your own.

Subclass the contract in a test module, and pytest runs it::

    from cruse_auth.server.contract import ServerStoreContract

    class TestMyStore(ServerStoreContract):
        def make_store(self, app):
            return MyStore()
"""

# These are tests: they assert, and their names are the documentation.
# ruff: noqa: D102, S101

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cruse_auth.contract import _StoreContract
from cruse_auth.server.store import Record

if TYPE_CHECKING:
    from cruse import Cruse

__all__ = ["ServerStoreContract"]


class ServerStoreContract(_StoreContract):
    """Tests that hold for every store of the server; ``make_store`` is the one to write."""

    def record(self, name: str = "one", **changes: Any) -> Record:
        """Return a record that has everything."""
        content = {"scope": "openid profile", "groß": [1, {"a": None}], "long": "x" * 4000}
        until = int(time.time()) + 1000
        record = Record("code", name, "family", "shop", "ada", 1000, until, 1500, 3, content)
        return replace(record, **changes)

    def test_a_record_comes_back_as_it_was(self, store: Any) -> None:
        record = self.record()
        assert store.add(record)
        assert store.get("code", "one") == record
        assert store.get("code", "two") is None
        assert store.get("token", "one") is None

    def test_a_name_is_given_once_for_each_kind(self, store: Any) -> None:
        assert store.add(self.record())
        assert not store.add(self.record(user_id="eve"))
        assert store.add(self.record(kind="token", user_id="eve"))
        assert store.get("code", "one").user_id == "ada"

    def test_of_many_who_add_at_once_one_does(self, app: Cruse, store: Any) -> None:
        def add(number: int) -> Any:
            with app.app_context():
                return store.add(self.record(user_id=str(number)))

        with ThreadPoolExecutor(8) as pool:
            assert sum(map(bool, pool.map(add, range(8)))) == 1

    def test_those_of_a_kind_are_listed_the_oldest_first(self, store: Any) -> None:
        for name, created_at in (("new", 30), ("old", 10), ("middle", 20)):
            store.add(self.record(name, created_at=created_at))
        store.add(self.record("bobs", user_id="bob", created_at=40))
        store.add(self.record("other", client_id="till", created_at=50))
        store.add(self.record("token", kind="token"))

        def names(*of: Any) -> list[str]:
            return [record.id for record in store.find("code", *of)]

        assert names(None, None) == ["old", "middle", "new", "bobs", "other"]
        assert names("ada", None) == ["old", "middle", "new", "other"]
        assert names("ada", "shop") == ["old", "middle", "new"]
        assert names(None, "till") == ["other"]
        assert names("eve", None) == []

    def test_it_can_be_replaced_by_who_knows_its_version(self, store: Any) -> None:
        record = self.record(used_at=0)
        store.add(record)
        used = record.changed(used_at=2000, content={})
        assert not store.replace(used, 2)
        assert store.get("code", "one") == record
        assert store.replace(used, 3)
        assert store.get("code", "one") == used
        assert not store.replace(used, 3)
        assert not store.replace(self.record("two"), 0)

    def test_of_many_who_replace_at_once_one_does(self, app: Cruse, store: Any) -> None:
        record = self.record()
        store.add(record)

        def use(number: int) -> Any:
            with app.app_context():
                return store.replace(record.changed(used_at=2000), record.version)

        with ThreadPoolExecutor(8) as pool:
            assert sum(map(bool, pool.map(use, range(8)))) == 1

    def test_of_many_who_remove_at_once_one_does(self, app: Cruse, store: Any) -> None:
        store.add(self.record())
        store.add(self.record("two"))

        def remove(number: int) -> Any:
            with app.app_context():
                return store.remove("code", "one")

        with ThreadPoolExecutor(8) as pool:
            assert sum(map(bool, pool.map(remove, range(8)))) == 1
        assert [record.id for record in store.find("code", None, None)] == ["two"]

    def test_a_family_ends_as_one(self, store: Any) -> None:
        store.add(self.record())
        store.add(self.record(kind="token"))
        store.add(self.record("two", grant="another"))
        assert store.purge("family", None, None) == 2
        assert store.get("code", "one") is None
        assert store.get("code", "two") is not None
        assert store.purge("family", None, None) == 0

    def test_what_is_of_a_user_or_a_client_ends_with_them(self, store: Any) -> None:
        for number, (user_id, client_id) in enumerate(
            [("ada", "shop"), ("ada", "till"), ("bob", "shop"), ("bob", "till")]
        ):
            store.add(self.record(str(number), user_id=user_id, client_id=client_id))
        assert store.purge(None, "ada", "shop") == 1
        assert store.purge(None, None, "shop") == 1
        assert store.purge(None, "ada", None) == 1
        assert [record.id for record in store.find("code", None, None)] == ["3"]

    def test_what_has_expired_is_as_if_it_never_was(self, store: Any) -> None:
        old = self.record("old", expires_at=1)
        store.add(old)
        assert store.get("code", "old") is None
        assert store.find("code", None, None) == []
        assert not store.replace(old.changed(), old.version)
        assert not store.remove("code", "old")
        assert store.purge("family", None, None) == 0
        assert store.add(self.record("old"))

    def test_without_an_end_it_stays(self, store: Any) -> None:
        store.add(self.record(expires_at=0))
        store.add(self.record("two"))
        assert store.get("code", "one") is not None
