"""A database that has no connection left, and errors that mean no such thing.

With a server that goes away and comes back: ``tests/machine/test_db_outage.py``.
"""

import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import text

from cruse import Cruse
from cruse_db import Database


@pytest.fixture
def app(tmp_path):
    app = Cruse(__name__, static_folder=None)
    app.config.update(
        DB_URL=f"sqlite:///{tmp_path}/films.db",
        DB_POOL_SIZE=1,
        DB_POOL_OVERFLOW=0,
        DB_POOL_TIMEOUT=0.01,
        DB_BUSY_TIMEOUT=0.01,
        PROPAGATE_EXCEPTIONS=False,
    )
    db = Database(app)
    ask = text("SELECT 7")

    @app.get("/plain")
    def plain():
        return str(db.session.scalar(ask))

    @app.get("/async")
    async def from_async():
        return str(await db.aio.session.scalar(ask))

    @app.get("/used-up/plain")
    def used_up():
        with db.engine.connect() as connection:
            connection.execute(ask)
            return plain()

    @app.get("/used-up/async")
    async def used_up_async():
        async with db.aio.engine.connect() as connection:
            await connection.execute(ask)
            return await from_async()

    @app.get("/locked")
    def locked():
        with db.transaction():
            db.session.execute(text("CREATE TABLE film (title)"))
        return "made"

    yield app
    app.stop()


@pytest.mark.parametrize("colour", ["plain", "async"])
def test_without_a_free_connection_clients_are_told_to_come_back(client, caplog, colour):
    answer = client.get(f"/used-up/{colour}")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert "No connection to the database is free: QueuePool limit of size 1" in caplog.text
    assert "Traceback" not in caplog.text
    assert client.get(f"/{colour}").text == "7"


def test_a_lock_is_no_outage(app, client, tmp_path, caplog):
    with closing(sqlite3.connect(tmp_path / "films.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        assert client.get("/locked").status_code == 500
    assert "database is locked" in caplog.text
