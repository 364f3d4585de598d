"""The stores of factors, by the contract that every one keeps."""

import importlib.util

import pytest

from cruse_auth.factors import MemoryFactors
from cruse_auth.factors.contract import FactorStoreContract
from tests.colours import AsyncMethods

WITH_DB = importlib.util.find_spec("cruse_db") is not None


class TestMemoryFactors(FactorStoreContract):
    def make_store(self, app):
        return MemoryFactors()


class TestAsyncFactors(FactorStoreContract):
    def make_store(self, app):
        return AsyncMethods(MemoryFactors())


if WITH_DB:
    from sqlalchemy import MetaData, func, select

    from cruse_auth.factors.sql import SQLFactors
    from cruse_db import Database

    class TestSQLFactors(FactorStoreContract):
        @pytest.fixture(autouse=True)
        def folder(self, tmp_path):
            self.path = tmp_path / "factors.db"

        def make_store(self, app):
            app.config["DB_URL"] = f"sqlite:///{self.path}"
            db = Database(app, metadata=MetaData())
            store = SQLFactors(db)
            assert SQLFactors(db).table is store.table, "a second one shares the tables"
            db.create_all()
            return store

        def test_what_was_spent_long_ago_goes(self, app):
            store = self.make_store(app)
            store.spend("old", -1)
            store.spend("new", 100)
            assert store.db.session.scalar(select(func.count()).select_from(store.spent)) == 1


def test_what_it_is_checked_with_is_not_shown():
    assert "x" * 2000 not in repr(FactorStoreContract().factor())
