"""Engines: where the file lies, what processes and loops share, and that all is closed."""

import asyncio
import gc
import logging
import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest
from sqlalchemy import MetaData, event
from sqlalchemy.exc import IntegrityError

from cruse import Cruse
from cruse_db import Database, Mapped, Model, column, select


class Base(Model):
    __abstract__ = True
    metadata = MetaData()


class Thing(Base):
    id: Mapped[int] = column(primary_key=True)
    name: Mapped[str] = column(unique=True)


def make(tmp_path, **config):
    app = Cruse(__name__, instance_path=str(tmp_path / "instance"))
    app.config.update(config)
    return app, Database(app, metadata=Base.metadata)


def add(db, name):
    with db.begin() as session:
        session.add(Thing(name=name))


def names(db):
    with db.begin() as session:
        return session.scalars(select(Thing.name).order_by(Thing.name)).all()


async def aio_names(db):
    async with db.aio.begin() as session:
        return (await session.scalars(select(Thing.name).order_by(Thing.name))).all()


def run(program, *arguments):
    """Run a program in a fresh interpreter, showing every warning, and return what it printed.

    Not in Python's development mode: there asyncio reports whatever takes 100 ms.
    """
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", textwrap.dedent(program), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


# -- where the data is -----------------------------------------------------------------------


def test_without_configuration_it_is_a_file_in_the_instance_folder(tmp_path):
    app, db = make(tmp_path)
    assert not (tmp_path / "instance").exists()
    with app.app_context():
        db.create_all()
        add(db, "lamp")
    assert (tmp_path / "instance" / "app.db").is_file()


def test_nothing_is_opened_until_it_is_used(tmp_path):
    app, _ = make(tmp_path)
    app.start()
    app.stop()
    assert not (tmp_path / "instance").exists()


def test_folders_on_the_way_to_the_file_are_made(tmp_path):
    app, db = make(tmp_path, DB_URL="sqlite:///deep/down/shop.db")
    with app.app_context():
        assert db.create_all() == ["thing"]
    assert (tmp_path / "instance" / "deep" / "down" / "shop.db").is_file()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_database_in_memory_is_one_for_threads_and_loops(tmp_path, url):
    app, db = make(tmp_path, DB_URL=url)
    with app.app_context():
        db.create_all()
        add(db, "lamp")

        def add_in_a_thread():
            with app.app_context():
                add(db, "desk")

        thread = threading.Thread(target=add_in_a_thread)
        thread.start()
        thread.join()
        assert names(db) == ["desk", "lamp"]
        assert asyncio.run(aio_names(db)) == ["desk", "lamp"]
    assert not (tmp_path / "instance").exists()


def test_a_database_in_memory_belongs_to_one_application(tmp_path):
    first, db = make(tmp_path, DB_URL="sqlite://")
    second, other = make(tmp_path, DB_URL="sqlite://")
    with first.app_context():
        db.create_all()
        add(db, "lamp")
    with second.app_context():
        other.create_all()
        assert names(other) == []


@pytest.mark.parametrize("seeing", [{}, {"DB_QUERY_LOG": True}, {"DB_SLOW_MS": 1000}])
def test_a_database_in_memory_outlives_a_restart_but_not_the_application(tmp_path, seeing):
    app, db = make(tmp_path, DB_URL="sqlite://", **seeing)
    app.start()
    with app.app_context():
        db.create_all()
        add(db, "lamp")
        file = Path(db.engine.url.database)
    app.stop()
    with app.app_context():
        assert names(db) == ["lamp"]
    assert file.exists()
    del app
    gc.collect()
    assert not file.exists()
    assert not file.parent.exists()


def test_a_database_in_memory_leaves_no_file_when_the_process_ends():
    (file,) = run("""
        from cruse import Cruse
        from cruse_db import Database

        app = Cruse("shop")
        app.config["DB_URL"] = "sqlite://"
        db = Database(app)
        with app.app_context():
            db.session.connection()
            print(db.engine.url.database)
    """)
    assert not os.path.exists(os.path.dirname(file))


# -- closing ---------------------------------------------------------------------------------


def test_stopping_closes_every_connection_and_using_it_opens_new_ones(tmp_path):
    app, db = make(tmp_path)
    app.start()
    with app.app_context():
        db.create_all()
        pool = db.engine.pool
        assert pool.checkedin() == 1
    app.stop()
    assert pool.checkedin() == 0
    with app.app_context():
        assert names(db) == []


def test_what_async_views_opened_is_closed_as_well(tmp_path):
    app, db = make(tmp_path)

    @app.get("/")
    async def view():
        await db.aio.create_all()
        return await aio_names(db)

    assert app.test_client().get("/").json == []
    (engine,) = db.state_of(app).engines.loop_engines
    pool = engine.pool
    assert pool.checkedin() == 1
    app.stop()
    assert pool.checkedin() == 0


def test_an_async_server_closes_both_kinds(tmp_path):
    app, db = make(tmp_path)

    @app.get("/sync")
    def sync_view():
        db.create_all()
        return names(db)

    @app.get("/async")
    async def async_view():
        return await aio_names(db)

    async def main():
        await app.start_on_loop()
        client = app.async_test_client()
        assert (await client.get("/sync")).json == (await client.get("/async")).json == []
        engines = db.state_of(app).engines
        pools = [engines.sync.pool, *(engine.pool for engine in engines.loop_engines)]
        assert [pool.checkedin() for pool in pools] == [1, 1]
        await app.stop_on_loop()
        assert [pool.checkedin() for pool in pools] == [0, 0]

    asyncio.run(main())


def test_each_loop_has_its_engine_which_ends_with_it(tmp_path):
    app, db = make(tmp_path)
    with app.app_context():
        db.create_all()
        pools = []

        async def read():
            assert await aio_names(db) == []
            pools.append(db.aio.engine.pool)

        for _ in range(3):
            asyncio.run(read())
        assert len(set(pools)) == 3
        assert [pool.checkedin() for pool in pools] == [0, 0, 0]


def test_an_application_may_be_stopped_while_a_loop_closes_its_engine(tmp_path):
    """As when the collector finds the engines just then."""
    app, db = make(tmp_path)
    stopped = []

    def stop(connection, record):
        db.state_of(app).engines.close()
        stopped.append(record)

    async def read():
        assert await aio_names(db) == []
        event.listen(db.aio.engine.sync_engine, "close", stop)

    with app.app_context():
        db.create_all()
        asyncio.run(read())
    assert len(stopped) == 1


def test_an_application_that_is_never_stopped_warns_of_nothing(tmp_path):
    app, db = make(tmp_path)
    with app.app_context():
        db.create_all()
        asyncio.run(aio_names(db))
    del app, db
    gc.collect()


def test_a_process_that_ends_without_stopping_warns_of_nothing(tmp_path):
    run(
        """
        import asyncio, sys
        from cruse import Cruse
        from cruse_db import Database, select, func

        app = Cruse("shop", instance_path=sys.argv[1])
        db = Database(app)

        async def use():
            await db.aio.session.scalar(select(func.now()))

        with app.app_context():
            db.session.scalar(select(func.now()))
            asyncio.run(use())
        """,
        tmp_path,
    )


# -- processes -------------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["sqlite:///app.db", "sqlite://"])
def test_a_forked_child_opens_its_own_connections(tmp_path, url):
    printed = run(
        """
        import asyncio, os, sys
        from cruse import Cruse
        from cruse_db import Database, Mapped, Model, column, select

        class Thing(Model):
            id: Mapped[int] = column(primary_key=True)

        app = Cruse("shop", instance_path=sys.argv[1])
        app.config["DB_URL"] = sys.argv[2]
        db = Database(app)

        async def add():
            async with db.aio.begin() as session:
                session.add(Thing())

        with app.app_context():
            db.create_all()
            asyncio.run(add())
            before = db.engine
            child = os.fork()
            if child == 0:
                assert db.engine is not before
                with db.begin() as session:
                    session.add(Thing())
                asyncio.run(add())
                sys.exit()
            _, status = os.waitpid(child, 0)
            assert db.engine is before
            with db.begin() as session:
                print(status, len(session.scalars(select(Thing)).all()))
            print(os.path.exists(db.engine.url.database))
        """,
        tmp_path,
        url,
    )
    assert printed == ["0", "3", "True"]


def test_a_sync_application_runs_without_greenlet(tmp_path):
    printed = run(
        """
        import sys
        sys.modules["greenlet"] = None  # as if it were not installed

        from cruse import Cruse
        from cruse_db import Database, Mapped, Model, column, select

        class Thing(Model):
            id: Mapped[int] = column(primary_key=True)

        app = Cruse("shop", instance_path=sys.argv[1])
        db = Database(app)

        @app.get("/")
        def view():
            with db.transaction():
                db.session.add(Thing())
            return [thing.id for thing in db.paginate(select(Thing))]

        with app.app_context():
            db.create_all()
        print(app.test_client().get("/").text)
        app.stop()
        """,
        tmp_path,
    )
    assert printed == ["[1]"]


# -- drivers, options and what is shown ------------------------------------------------------


def test_a_missing_driver_is_named(tmp_path):
    app, db = make(tmp_path, DB_URL="mysql+asyncmy://db.example/shop")
    with app.app_context(), pytest.raises(ModuleNotFoundError, match="'asyncmy'"):
        _ = db.engine


def test_for_postgresql_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    app, db = make(tmp_path, DB_URL="postgresql://db.example/shop")
    with app.app_context(), pytest.raises(ModuleNotFoundError, match=r"cruse-db\[postgres\]"):
        _ = db.engine


def test_the_pool_is_as_the_settings_say(tmp_path):
    app, db = make(
        tmp_path, DB_POOL_SIZE=3, DB_POOL_OVERFLOW=0, DB_ENGINE_OPTIONS={"pool_recycle": 60}
    )
    with app.app_context():
        assert db.engine.pool.size() == 3
        assert db.engine.pool.timeout() == 30.0


def test_every_statement_is_logged_when_asked(tmp_path, caplog):
    app, db = make(tmp_path, DB_ECHO=True)
    with app.app_context():
        db.create_all()
        with caplog.at_level(logging.INFO, "sqlalchemy.engine"):
            names(db)
    assert any("SELECT thing.name" in record.message for record in caplog.records)


@pytest.mark.parametrize(("debug", "shown"), [(False, False), (True, True)])
def test_values_are_in_the_text_of_errors_in_debug_only(tmp_path, debug, shown):
    app, db = make(tmp_path, DEBUG=debug)
    with app.app_context():
        db.create_all()
        add(db, "a private matter")
        with pytest.raises(IntegrityError) as caught:
            add(db, "a private matter")
    assert ("a private matter" in str(caught.value)) is shown
