"""cruse-db on a real PostgreSQL server: the same as on SQLite, and what only a server has."""

import asyncio
import gc
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import psycopg
import pytest
from sqlalchemy import MetaData, create_engine, text, update
from sqlalchemy.exc import DBAPIError
from werkzeug.datastructures import MultiDict
from wtforms import Form

from cruse import Cruse
from cruse.checks import find_all
from cruse_db import Database, ForeignKey, Mapped, Model, UTCDateTime, column, func, select
from cruse_forms.models import QuerySelectField
from tests.calls import calls_of


class Base(Model):
    __abstract__ = True
    metadata = MetaData()


class Account(Base):
    id: Mapped[int] = column(primary_key=True)
    owner: Mapped[str] = column(unique=True)
    balance: Mapped[int] = column(default=0)
    opened: Mapped[datetime | None]
    # Checked at the commit only, so that a test can make a commit fail.
    sponsor_id: Mapped[int | None] = column(
        ForeignKey("account.id", deferrable=True, initially="DEFERRED")
    )


db = Database(metadata=Base.metadata)
THREADS, TIMES = 8, 25


@pytest.fixture
def url(postgres_url):
    """The URL as people write it, with a password that must never be seen."""
    return postgres_url.replace("postgresql+psycopg://cruse@", "postgresql://cruse:s3cr3t@")


@pytest.fixture
def app(url):
    app = Cruse(__name__)
    app.config.update(DB_URL=url, PROPAGATE_EXCEPTIONS=False)
    app.use(db)
    add_views(app)
    with app.app_context():
        db.create_all()
    app.start()
    yield app
    app.stop()


@pytest.fixture(params=["wsgi", "asgi"])
def client(app, request):
    client = app.test_client(gateway=request.param)
    yield client
    client.close()


@pytest.fixture
def server(postgres_url, app):
    """A connection to the database that is not the application's."""
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as connection:
        yield connection


def add_views(app):
    def new(owner):
        return Account(owner=owner, sponsor_id=999 if owner == "sponsored" else None)

    @app.post("/sync/<owner>")
    @db.transaction
    def add(owner):
        db.session.add(new(owner))
        return owner, 201

    @app.post("/async/<owner>")
    @db.transaction
    async def add_async(owner):
        db.aio.session.add(new(owner))
        return owner, 201

    @app.get("/sync")
    def names():
        return db.paginate(select(Account.owner).order_by(Account.owner)).items

    @app.get("/async")
    async def names_async():
        return (await db.aio.paginate(select(Account.owner).order_by(Account.owner))).items

    @app.get("/sync/<int:id>")
    def name(id):
        return db.get_or_404(Account, id).owner

    @app.get("/async/<int:id>")
    async def name_async(id):
        return (await db.aio.get_or_404(Account, id)).owner


OTHERS = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


def connections(server):
    """How many connections the database has beside the server fixture's."""
    return server.execute(f"SELECT count(*) {OTHERS}").fetchone()[0]


def are_left(server, expected):
    """Whether so many connections are left, once the server has seen the others close."""
    for _ in range(3000):
        if connections(server) == expected:
            return True
        server.execute("SELECT pg_sleep(0.01)")
    return False


def cut_off(server):
    """Cut all connections beside the server fixture's, as a restart does."""
    server.execute(f"SELECT pg_terminate_backend(pid, 60000) {OTHERS}")


@pytest.fixture(params=["sync", "async"])
def colour(request):
    return request.param


# -- the same as on SQLite -------------------------------------------------------------------


def test_views_read_and_write(client, colour):
    for owner in ("ada", "bob"):
        assert client.post(f"/{colour}/{owner}").status_code == 201
    assert client.get(f"/{colour}").json == ["ada", "bob"]
    assert client.get(f"/{colour}/2").text == "bob"
    assert client.get(f"/{colour}/3").status_code == 404


def test_a_commit_that_fails_is_a_500_and_leaves_nothing(client, colour):
    assert client.post(f"/{colour}/sponsored").status_code == 500
    assert client.get(f"/{colour}").json == []


def test_a_row_that_is_refused_leaves_the_connection_usable(client, colour):
    client.post(f"/{colour}/ada")
    assert client.post(f"/{colour}/ada").status_code == 500
    assert client.post(f"/{colour}/bob").status_code == 201


def test_threads_that_lock_what_they_change_lose_no_update(app):
    with app.app_context(), db.begin() as session:
        session.add(Account(id=1, owner="ada"))
    barrier = threading.Barrier(THREADS)

    def repeat():
        barrier.wait()
        for _ in range(TIMES):
            with app.app_context(), db.transaction():
                db.get(Account, 1, with_for_update=True).balance += 1

    with ThreadPoolExecutor(THREADS) as pool:
        for future in [pool.submit(repeat) for _ in range(THREADS)]:
            future.result()
    with app.app_context():
        assert db.get(Account, 1).balance == THREADS * TIMES


def test_tasks_that_lock_what_they_change_lose_no_update(app):
    async def repeat():
        for _ in range(TIMES):
            async with db.aio.begin() as session:
                (await session.get(Account, 1, with_for_update=True)).balance += 1

    async def main():
        with app.app_context():
            async with db.aio.begin() as session:
                session.add(Account(id=1, owner="ada"))
            await asyncio.gather(*(repeat() for _ in range(THREADS)))
            return (await db.aio.get(Account, 1)).balance

    assert asyncio.run(main()) == THREADS * TIMES


def test_moments_are_kept_with_their_zone(app):
    moment = datetime(2026, 11, 22, 16, 30, 1, 250, tzinfo=UTC)
    with app.app_context():
        with db.begin() as session:
            session.add(Account(owner="ada", opened=moment))
            session.execute(text("SET LOCAL TIME ZONE 'Asia/Tokyo'"))
            session.flush()
            assert session.scalars(select(Account.opened)).one().tzinfo is UTC
        stored = db.session.scalars(select(Account.opened)).one()
        assert (stored, stored.tzinfo) == (moment, UTC)
        assert isinstance(Account.opened.type, UTCDateTime)


# -- what only a server has ------------------------------------------------------------------


def test_stopping_closes_every_connection(app, server):
    client = app.test_client()
    client.get("/sync")
    client.get("/async")
    assert connections(server) == 2
    app.stop()
    assert are_left(server, 0)


def test_an_async_server_closes_its_connections_when_it_stops(url, server):
    app = Cruse(__name__)
    app.config["DB_URL"] = url
    app.use(db)
    add_views(app)

    async def main():
        await app.start_on_loop()
        client = app.async_test_client()
        await asyncio.gather(*(client.get("/async") for _ in range(4)), client.get("/sync"))
        opened = connections(server)
        await app.stop_on_loop()
        return opened

    fixture_app = 1  # the other application has created the tables and keeps its connection
    assert asyncio.run(main()) > 1 + fixture_app
    assert are_left(server, fixture_app)


def test_no_connection_stays_in_a_transaction_after_a_request(client, server, colour):
    client.get(f"/{colour}")
    assert server.execute(f"SELECT DISTINCT state {OTHERS}").fetchall() == [("idle",)]


@pytest.mark.parametrize("gateway", ["wsgi", "asgi"])
def test_a_connection_that_was_cut_while_idle_is_replaced(url, server, gateway, colour):
    app = Cruse(__name__)
    app.config.update(DB_URL=url, DB_PING_AFTER=0.0)
    app.use(db)
    add_views(app)
    client = app.test_client(gateway=gateway)
    assert client.get(f"/{colour}").json == []
    cut_off(server)
    assert client.get(f"/{colour}").json == []
    client.close()
    app.stop()


def test_a_connection_that_was_cut_a_moment_ago_is_replaced(client, server, colour):
    # It is not asked, which would cost every request a query: the system knows that it was closed.
    assert client.get(f"/{colour}").json == []
    cut_off(server)
    assert client.get(f"/{colour}").json == []
    cut_off(server)
    assert client.post(f"/{colour}/ada").status_code == 201


def test_a_cancelled_query_gives_its_connection_back(app, server):
    sleeping = f"SELECT count(*) {OTHERS} AND state = 'active' AND wait_event = 'PgSleep'"

    async def slow():
        async with db.aio.begin() as session:
            await session.execute(text("SELECT pg_sleep(60)"))

    async def main():
        with app.app_context():
            for _ in range(5):
                task = asyncio.create_task(slow())
                while server.execute(sleeping).fetchone() != (1,):  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            assert db.aio.engine.pool.checkedout() == 0
            return await db.aio.session.scalar(select(func.count()).select_from(Account))

    assert asyncio.run(main()) == 0
    app.stop()
    assert are_left(server, 0)


def test_an_application_that_is_never_stopped_leaves_nothing_open(url, server):
    app = Cruse(__name__)
    app.config["DB_URL"] = url
    app.use(db)

    async def read(app):
        with app.app_context():
            await db.aio.session.scalars(select(Account))

    before = connections(server)
    asyncio.run(read(app))
    with app.app_context():
        db.session.scalars(select(Account)).all()
    assert are_left(server, before + 1)  # that of the loop was closed with it
    del app
    gc.collect()
    assert are_left(server, before)


def test_a_forked_child_opens_its_own_connections(url, app):
    program = textwrap.dedent("""
        import asyncio, os, sys
        from cruse import Cruse
        from cruse_db import Database, select, func

        app = Cruse("shop")
        app.config["DB_URL"] = sys.argv[1]
        db = Database(app)
        backend = select(func.pg_backend_pid())

        async def ask():
            async with db.aio.begin() as session:
                return await session.scalar(backend)

        def ask_both():
            with db.begin() as session:
                return {session.scalar(backend), asyncio.run(ask())}

        with app.app_context():
            parents = ask_both()
            child = os.fork()
            if child == 0:
                assert not ask_both() & parents
                sys.exit()
            _, status = os.waitpid(child, 0)
            with db.begin() as session:
                assert session.scalar(backend) in parents
            print(status)
    """)
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", program, url], capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("0\n", "")


def test_processes_that_create_the_tables_at_once_all_succeed(url, app):
    with app.app_context():
        db.drop_all()
    program = textwrap.dedent("""
        import sys
        from cruse import Cruse
        from cruse_db import Database, Mapped, Model, column

        class Thing(Model):
            id: Mapped[int] = column(primary_key=True)

        app = Cruse("shop")
        app.config["DB_URL"] = sys.argv[1]
        db = Database(app)
        with app.app_context():
            print(len(db.create_all()))
    """)
    running = [
        subprocess.Popen(
            [sys.executable, "-c", program, url], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(4)
    ]
    results = [process.communicate() for process in running]
    assert [errors for _, errors in results] == [b""] * 4
    assert sorted(output for output, _ in results) == [b"0\n", b"0\n", b"0\n", b"1\n"]


def test_the_password_is_never_shown(app, url):
    with app.app_context():
        shown = [str(db.engine.url), repr(db.engine), repr(db.engine.url)]
        with pytest.raises(DBAPIError) as caught:
            db.session.execute(text("SELECT nonsense"))
        shown.append(str(caught.value))
    shown.append(app.test_cli_runner().invoke(args=["db", "create"]).output)
    other = Cruse(__name__)
    other.config["DB_URL"] = "postgresql://ada:s3cr3t@127.0.0.1:1/shop"
    other.use(db)
    with other.app_context(), pytest.raises(DBAPIError) as refused:
        db.session.connection()
    shown.append(str(refused.value))
    assert "s3cr3t" in url
    assert [text for text in shown if "s3cr3t" in text] == []


def test_the_health_check_names_the_database(app):
    assert db.health(db.state_of(app)) == {
        "database": "postgresql",
        "pool": {"in_use": 0, "size": 40},
        "server": {"connections": 97},
    }


class Label(Base):
    name: Mapped[str] = column(primary_key=True)


@pytest.mark.parametrize(
    ("entity", "key"), [(Account, 2**31), (Account, -(2**31) - 1), (Account, 2**63), (Label, "\0")]
)
def test_a_key_that_no_row_can_have_is_not_found_and_leaves_the_transaction_usable(
    app, entity, key
):
    with app.app_context():
        assert db.get(entity, key) is None
        assert db.session.scalar(text("SELECT 1")) == 1


def test_more_connections_than_the_server_has_are_told(app, url, monkeypatch):
    def said(**config):
        other = Cruse(__name__)
        other.config.update(DB_URL=url, **config)
        other.use(db)
        try:
            with other.app_context():
                found = [each.message for each in find_all(other, True)]
            output = other.test_cli_runner().invoke(args=["db", "status"]).output
        finally:
            other.stop()
        told = [text for text in found if "max_connections" in text]
        assert all(text in output for text in told)
        assert bool(told) is ("max_connections" in output)
        return " ".join(told)

    monkeypatch.delenv("WEB_CONCURRENCY", raising=False)
    assert said() == ""
    assert "100 for 1, and the server has 97. Lower them to 97" in said(DB_POOL_SIZE=70)
    monkeypatch.setenv("WEB_CONCURRENCY", "4")
    assert "160 for 4, and the server has 97. Lower them to 24" in said()
    assert said(DB_POOL_OVERFLOW=14) == ""


def test_a_number_that_is_no_key_is_no_choice(app):
    class Choose(Form):
        account = QuerySelectField(statement=select(Account), session=lambda: db.session)

    for number in (2**31, 10**17):  # no integers of PostgreSQL, where keys are of 4 bytes
        with app.app_context():
            form = Choose(MultiDict({"account": str(number)}))
            assert not form.validate()
            assert form.errors == {"account": ["Not a valid choice."]}


def test_a_read_and_a_write_take_hardly_more_calls_than_with_sqlalchemy_alone(app):
    with app.app_context():
        own = db.engine
    plain = create_engine(own.url)

    def read(engine):
        def run():
            with engine.connect() as connection:
                connection.execute(select(Account.id)).all()

        return calls_of(run)

    def write(engine):
        def run():
            with engine.begin() as connection:
                connection.execute(update(Account).values(balance=1))

        return calls_of(run)

    # A read begins no transaction. For a write the connection leaves autocommit and returns to it.
    assert read(own) <= read(plain)
    assert write(own) <= write(plain) + 35
    plain.dispose()
