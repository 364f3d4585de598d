"""The stores of the authorization server, by the contract that every one keeps."""

import importlib.util

import pytest

from cruse_auth.server import MemoryServerStore
from cruse_auth.server.contract import ServerStoreContract
from tests.colours import AsyncMethods

WITH_DB = importlib.util.find_spec("cruse_db") is not None


class TestMemoryServerStore(ServerStoreContract):
    def make_store(self, app):
        return MemoryServerStore()

    def test_what_has_expired_goes_with_the_next_record(self):
        now = [1000.0]
        store = MemoryServerStore(clock=lambda: now[0])
        for number in range(5):
            store.add(self.record(f"old {number}", expires_at=1010))
        now[0] = 1010
        store.add(self.record("new"))
        assert len(store) == 1


class TestAsyncServerStore(ServerStoreContract):
    def make_store(self, app):
        return AsyncMethods(MemoryServerStore())


if WITH_DB:
    from sqlalchemy import MetaData, func, select

    from cruse_auth.sql import SQLServerStore
    from cruse_db import Database

    class TestSQLServerStore(ServerStoreContract):
        @pytest.fixture(autouse=True)
        def folder(self, tmp_path):
            self.path = tmp_path / "server.db"

        def make_store(self, app):
            app.config["DB_URL"] = f"sqlite:///{self.path}"
            db = Database(app, metadata=MetaData())
            store = SQLServerStore(db)
            assert SQLServerStore(db).table is store.table, "a second one shares the table"
            db.create_all()
            return store

        def test_what_has_expired_goes_with_the_next_record(self, app):
            store = self.make_store(app)
            store.add(self.record("old", expires_at=1))
            store.add(self.record("new"))
            count = store.db.session.scalar(select(func.count()).select_from(store.table))
            assert count == 1


def test_what_a_record_holds_is_not_shown():
    assert "x" * 4000 not in repr(ServerStoreContract().record())
