"""What every store of logins keeps to: tests to run against one of your own.

Subclass the contract in a test module, and pytest runs it::

    from cruse_auth.contract import SessionStoreContract

    class TestMyStore(SessionStoreContract):
        def make_store(self, app):
            return MyStore()
"""

# These are tests: they assert, and their names are the documentation.
# ruff: noqa: D102, S101, S106

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from cruse import Cruse
from cruse_auth.stores import SessionRecord
from cruse_auth.tokens import StoredTokens

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SessionStoreContract", "TokenStoreContract"]


class _StoreContract:
    """What the contracts have in common."""

    def make_store(self, app: Cruse) -> Any:
        """Return a new, empty store.

        Args:
            app: An application whose context is current for the tests.
        """
        raise NotImplementedError("The contract needs to know the store: return one here.")

    @contextmanager
    def application(self) -> Iterator[Cruse]:
        """Make the application of a test."""
        app = Cruse(__name__)
        app.config.update(TESTING=True, SECRET_KEY="contract")
        try:
            yield app
        finally:
            app.stop()

    @pytest.fixture
    def app(self) -> Iterator[Cruse]:
        """The application; its context is current."""
        with self.application() as app, app.app_context():
            yield app

    @pytest.fixture
    def store(self, app: Cruse) -> Any:
        """The store, as plain code calls it."""
        return _Called(app, self.make_store(app))


class SessionStoreContract(_StoreContract):
    """Tests that hold for every store of logins; :meth:`make_store` is the one to write.

    Plain and async stores are tested alike.
    """

    def record(self, sid: str = "one", **changes: Any) -> SessionRecord:
        """Return a record that has everything."""
        now = int(time.time())
        record = SessionRecord(
            sid,
            "ada",
            created_at=now - 300,
            at=now - 200,
            seen_at=now - 100,
            expires_at=now + 86400,
            provider="op",
            issuer="https://op.example",
            subject="Ada",
            provider_sid="s1",
            acr="urn:mace:incommon:iap:silver",
            amr=("pwd", "otp"),
            address="2001:db8::1",
            user_agent="Mozilla/5.0 (Straße)",
            remember_until=now + 86400,
            validator="a" * 64,
            previous="b" * 64,
        )
        return replace(record, **changes)

    # -- the tests -----------------------------------------------------------------------------

    def test_a_record_comes_back_as_it_was(self, store: Any) -> None:
        for record in (
            self.record(),
            self.record("two", provider=None, address=None, validator=None, previous=None),
            self.record("three", subject=None, provider_sid=None, acr=None, amr=()),
        ):
            store.add(record)
            assert store.get(record.sid) == record

    def test_what_is_not_there_is_none(self, store: Any) -> None:
        assert store.get("nothing") is None
        assert store.of_user("ada") == []
        assert not store.remove("nothing")
        assert store.remove_user("ada", None) == 0
        assert not store.replace(self.record(), "a" * 64)
        store.touch("nothing", 1)
        assert store.get("nothing") is None

    def test_what_has_expired_is_as_if_it_never_was(self, store: Any) -> None:
        record = self.record(expires_at=int(time.time()) - 1)
        store.add(record)
        assert store.get("one") is None
        assert store.of_user("ada") == []
        assert not store.replace(self.record(), record.validator)
        assert store.remove_user("ada", None) == 0
        assert not store.remove("one")

    def test_it_can_be_replaced_by_who_knows_what_is_there(self, store: Any) -> None:
        store.add(self.record())
        renewed = self.record(validator="c" * 64, previous="a" * 64)
        assert not store.replace(renewed, "d" * 64)
        assert not store.replace(renewed, None)
        assert store.get("one").validator == "a" * 64
        assert store.replace(renewed, "a" * 64)
        assert store.get("one") == renewed
        assert not store.replace(renewed, "a" * 64)

    def test_one_without_validator_can_be_replaced(self, store: Any) -> None:
        store.add(self.record(validator=None))
        assert not store.replace(self.record(at=5), "a" * 64)
        assert store.replace(self.record(at=5, validator=None), None)
        assert store.get("one").at == 5

    def test_of_many_who_replace_at_once_one_does(self, app: Cruse, store: Any) -> None:
        store.add(self.record())

        def rotate(number: int) -> Any:
            with app.app_context():
                return store.replace(self.record(validator=f"{number:064}"), "a" * 64)

        with ThreadPoolExecutor(8) as pool:
            assert sum(map(bool, pool.map(rotate, range(8)))) == 1

    def test_a_touch_notes_the_time_and_no_more(self, store: Any) -> None:
        record = self.record()
        store.add(record)
        store.touch("one", 12345)
        assert store.get("one") == replace(record, seen_at=12345)

    def test_one_is_removed_once_and_alone(self, store: Any) -> None:
        store.add(self.record())
        store.add(self.record("two"))
        assert store.remove("one")
        assert not store.remove("one")
        assert store.get("one") is None
        assert store.get("two") is not None

    def test_those_of_a_user_are_listed_the_last_used_first(self, store: Any) -> None:
        for sid, seen_at in (("old", 10), ("new", 30), ("middle", 20)):
            store.add(self.record(sid, seen_at=seen_at))
        store.add(self.record("other", user_id="bob"))
        assert [record.sid for record in store.of_user("ada")] == ["new", "middle", "old"]

    def test_those_of_a_user_are_removed_together_but_for_one(self, store: Any) -> None:
        for sid in ("one", "two", "three"):
            store.add(self.record(sid))
        store.add(self.record("other", user_id="bob"))
        assert store.remove_user("ada", "two") == 2
        assert [record.sid for record in store.of_user("ada")] == ["two"]
        assert store.remove_user("ada", None) == 1
        assert store.of_user("ada") == []
        assert [record.sid for record in store.of_user("bob")] == ["other"]

    def test_those_of_a_provider_are_found_by_subject_and_session(self, store: Any) -> None:
        records: dict[str, dict[str, Any]] = {
            "one": {},
            "two": {"provider_sid": "s2"},
            "bob": {"subject": "Bob", "provider_sid": "s3", "user_id": "bob"},
            "other": {"provider": "other"},
            "own": {"provider": None, "subject": None, "provider_sid": None},
            "over": {"expires_at": 1},
        }
        for sid, changes in records.items():
            store.add(self.record(sid, **changes))

        def found(subject: str | None, sid: str | None) -> list[str]:
            return sorted(record.sid for record in store.of_provider("op", subject, sid))

        assert found("Ada", None) == ["one", "two"]
        assert found(None, "s2") == ["two"]
        assert found("Ada", "s1") == ["one"]
        assert found("Bob", "s1") == []


class TokenStoreContract(_StoreContract):
    """Tests that hold for every store of tokens; :meth:`make_store` is the one to write."""

    def tokens(self, version: str = "1", **changes: Any) -> StoredTokens:
        """Return tokens of somebody."""
        return replace(StoredTokens("ada", "op", version, "sealed", 12345), **changes)

    def test_what_is_kept_comes_back_as_it_was(self, store: Any) -> None:
        for tokens in (self.tokens(), self.tokens(version="2", sealed="x" * 9000, busy_until=0)):
            store.put(tokens)
            assert store.get("ada", "op") == tokens

    def test_what_is_not_there_is_none(self, store: Any) -> None:
        assert store.get("ada", "op") is None
        assert not store.replace(self.tokens("2"), "1")
        assert store.get("ada", "op") is None
        assert store.remove("ada", None, None) == 0

    def test_it_is_replaced_by_who_knows_the_version(self, store: Any) -> None:
        store.put(self.tokens())
        assert not store.replace(self.tokens("3"), "2")
        assert store.replace(self.tokens("2"), "1")
        assert store.get("ada", "op") == self.tokens("2")

    def test_of_many_who_replace_at_once_one_does(self, app: Cruse, store: Any) -> None:
        store.put(self.tokens())

        def take(number: int) -> Any:
            with app.app_context():
                return store.replace(self.tokens(f"mine {number}"), "1")

        with ThreadPoolExecutor(8) as pool:
            assert sum(map(bool, pool.map(take, range(8)))) == 1

    def test_those_of_many_logins_at_once_are_kept(self, app: Cruse, store: Any) -> None:
        def put(number: int) -> None:
            with app.app_context():
                store.put(self.tokens(f"mine {number}"))

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(put, range(4)))
        assert store.get("ada", "op").version.startswith("mine ")

    def test_they_are_removed_by_user_provider_and_version(self, store: Any) -> None:
        for user_id, provider in (("ada", "op"), ("ada", "github"), ("bob", "op")):
            store.put(self.tokens(user_id=user_id, provider=provider))
        assert store.remove("ada", "op", "2") == 0
        assert store.remove("ada", "op", "1") == 1
        assert store.get("ada", "op") is None
        store.put(self.tokens())
        assert store.remove("ada", None, None) == 2
        assert store.get("ada", "github") is None
        assert store.get("bob", "op") is not None


class _Called:
    """A store whose methods are plain functions, whatever they are in it."""

    def __init__(self, app: Cruse, store: Any) -> None:
        self._app = app
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return self._app.ensure_sync(getattr(self._store, name))
