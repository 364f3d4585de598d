"""Many at once on a real PostgreSQL: slow views, streams that wait, tasks that are cancelled."""

import asyncio
import gc
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import MetaData, text

from cruse import Cruse, EventStream
from cruse_db import Database, IntegerKey, Mapped, Model, func, select


class Base(Model):
    __abstract__ = True
    metadata = MetaData()


class Item(IntegerKey, Base):
    name: Mapped[str]


db = Database(metadata=Base.metadata)


@pytest.fixture
def make_app(postgres_url):
    made = []

    def make(**config):
        app = Cruse(__name__)
        app.config.update({"DB_URL": postgres_url, **config})
        app.use(db)
        made.append(app)
        with app.app_context():
            db.create_all()
        return app

    yield make
    for app in made:
        app.stop()


def test_forty_slow_views_find_forty_connections(make_app):
    app = make_app(DB_POOL_TIMEOUT=1.0)

    @app.get("/")
    def slow():
        count = db.session.scalar(select(func.count(Item.id)))
        time.sleep(0.2)
        return str(count)

    with ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(lambda _: app.test_client().get("/").status_code, range(120)))
    assert answers == [200] * 120


def test_streams_that_wait_hold_no_connection(make_app):
    app = make_app()
    waiting = threading.Semaphore(0)
    go_on = asyncio.Event()

    @app.get("/events")
    async def events():
        async def changes():
            async with db.aio.begin() as session:
                yield {"count": await session.scalar(select(func.count(Item.id)))}
            waiting.release()
            await go_on.wait()
            async with db.aio.begin() as session:
                yield {"count": await session.scalar(select(func.count(Item.id)))}

        return EventStream(changes())

    async def main():
        client = app.async_test_client()
        tasks = [asyncio.ensure_future(client.get("/events")) for _ in range(100)]
        for _ in tasks:
            while not waiting.acquire(blocking=False):  # noqa: ASYNC110 - a hundred streams
                await asyncio.sleep(0.01)
        with app.app_context():
            held = db.aio.engine.pool.checkedout()
        go_on.set()
        answers = await asyncio.gather(*tasks)
        return held, {answer.status_code for answer in answers}

    assert asyncio.run(main()) == (0, {200})


def test_tasks_that_are_cancelled_amid_a_query_leak_nothing(make_app, postgres_url):
    app = make_app(DB_URL=postgres_url.replace("psycopg", "asyncpg"), DB_POOL_SIZE=5)

    async def sleep():
        async with db.aio.begin() as session:
            await session.execute(text("SELECT pg_sleep(60)"))

    async def main():
        with app.app_context():
            for _ in range(200):
                task = asyncio.ensure_future(sleep())
                await asyncio.sleep(0.005)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            held = db.aio.engine.pool.checkedout()
            deadline = time.monotonic() + 60
            while await idle() > 5:  # the server sees a moment later that a client has gone
                assert time.monotonic() < deadline
            return held

    async def idle():
        others = text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND state = 'idle'"
        )
        async with db.aio.begin() as session:
            return await session.scalar(others)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert asyncio.run(main()) == 0
        gc.collect()


@pytest.mark.parametrize("driver", ["asyncpg", "psycopg"])
def test_connections_are_closed_with_the_loop_they_belong_to(make_app, postgres_url, driver):
    app = make_app(DB_URL=postgres_url.replace("psycopg", driver))

    async def read():
        async with db.aio.begin() as session:
            await session.scalar(select(func.count(Item.id)))
        assert db.aio.engine.pool.checkedin() == 1

    with app.app_context(), warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for _ in range(3):
            asyncio.run(read())
        gc.collect()
        others = text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND application_name = '' AND pid <> pg_backend_pid() AND backend_type = "
            "'client backend'"
        )
        deadline = time.monotonic() + 30
        while db.session.scalar(others) > 1:  # the fixture's own
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert said == []
