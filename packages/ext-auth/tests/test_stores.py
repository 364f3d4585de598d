"""The stores of logins, by the contract that every one keeps."""

import importlib.util

import pytest

from cruse_auth import MemoryStore, MemoryTokenStore
from cruse_auth.contract import SessionStoreContract, TokenStoreContract
from tests.colours import AsyncMethods

WITH_DB = importlib.util.find_spec("cruse_db") is not None


class TestMemoryStore(SessionStoreContract):
    def make_store(self, app):
        return MemoryStore()

    def test_what_has_expired_goes_with_the_next_login(self, store, app):
        now = [1000.0]
        store = MemoryStore(clock=lambda: now[0])
        for number in range(5):
            store.add(self.record(f"old {number}", expires_at=1010))
        now[0] = 1010
        store.add(self.record("new"))
        assert len(store) == 1


class TestMemoryTokenStore(TokenStoreContract):
    def make_store(self, app):
        return MemoryTokenStore()


class TestAsyncStore(SessionStoreContract):
    def make_store(self, app):
        return AsyncMethods(MemoryStore())


if WITH_DB:
    from sqlalchemy import MetaData, func, select

    from cruse_auth.sql import SQLStore, SQLTokenStore
    from cruse_db import Database

    class TestSQLTokenStore(TokenStoreContract):
        @pytest.fixture(autouse=True)
        def folder(self, tmp_path):
            self.path = tmp_path / "tokens.db"

        def make_store(self, app):
            app.config["DB_URL"] = f"sqlite:///{self.path}"
            db = Database(app, metadata=MetaData())
            store = SQLTokenStore(db)
            assert SQLTokenStore(db).table is store.table, "a second one shares the table"
            db.create_all()
            return store

    class TestSQLStore(SessionStoreContract):
        @pytest.fixture(autouse=True)
        def folder(self, tmp_path):
            self.path = tmp_path / "logins.db"

        def make_store(self, app):
            app.config["DB_URL"] = f"sqlite:///{self.path}"
            db = Database(app, metadata=MetaData())
            store = SQLStore(db)
            assert SQLStore(db).table is store.table, "a second one shares the table"
            db.create_all()
            return store

        def test_what_has_expired_goes_with_the_next_login(self, app):
            store = self.make_store(app)
            store.add(self.record("old", expires_at=1))
            store.add(self.record("new"))
            count = store.db.session.scalar(select(func.count()).select_from(store.table))
            assert count == 1

        def test_the_validator_is_not_shown(self, store):
            store.add(self.record())
            assert "a" * 64 not in repr(store.get("one"))
