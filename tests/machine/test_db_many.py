"""Many writers at once, servers that die and disks that fill up: nothing is lost or broken."""

import asyncio
import os
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from sqlalchemy import MetaData, event, literal, text
from sqlalchemy.exc import OperationalError

from cruse import Cruse
from cruse_db import Database, IntegerKey, Mapped, Model, column, func, insert, select


class Base(Model):
    __abstract__ = True
    metadata = MetaData()


class Tally(IntegerKey, Base):
    value: Mapped[int] = column(default=0)


class Entry(IntegerKey, Base):
    content: Mapped[str]


db = Database(metadata=Base.metadata)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/many.db"
    return request.getfixturevalue("postgres_url")


@pytest.fixture
def make_app():
    made = []

    def make(url, **config):
        app = Cruse(__name__)
        app.config.update({"DB_URL": url, "PROPAGATE_EXCEPTIONS": False, **config})
        app.use(db)
        made.append(app)
        with app.app_context():
            db.create_all()
            with db.begin() as session:
                session.add(Tally(id=1, value=0))
        return app

    yield make
    for app in made:
        app.stop()


def stored(app):
    with app.app_context():
        return db.session.scalar(select(Tally.value))


PROCESS = """
    import sys
    from concurrent.futures import ThreadPoolExecutor
    from sqlalchemy import MetaData
    from cruse import Cruse
    from cruse_db import Database, IntegerKey, Mapped, Model

    class Base(Model):
        __abstract__ = True
        metadata = MetaData()

    class Tally(IntegerKey, Base):
        value: Mapped[int]

    app = Cruse("shop")
    app.config["DB_URL"] = sys.argv[1]
    db = Database(app, metadata=Base.metadata)

    def add_one(number):
        with app.app_context(), db.begin() as session:
            session.get(Tally, 1, with_for_update=True).value += 1

    print("ready", flush=True)
    sys.stdin.readline()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(add_one, range(50)))
    app.stop()
"""


def test_processes_that_read_and_write_back_lose_no_update(make_app, url):
    app = make_app(url)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(PROCESS), url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=120)
    assert [process.returncode for process in processes] == [0, 0, 0, 0]
    assert stored(app) == 200


@pytest.mark.parametrize("colour", ["sync", "async"])
def test_connections_that_are_cut_under_load_cost_requests_but_no_data(
    make_app, postgres_url, colour
):
    app = make_app(postgres_url, DB_POOL_SIZE=4)

    @app.post("/sync")
    @db.transaction
    def add_one():
        db.get(Tally, 1, with_for_update=True).value += 1
        return ""

    @app.post("/async")
    @db.transaction
    async def add_one_async():
        (await db.aio.get(Tally, 1, with_for_update=True)).value += 1
        return ""

    over = threading.Event()

    def post_until_over(_):
        statuses = []
        with app.test_client() as client:
            while not over.is_set():
                statuses.append(client.post(f"/{colour}").status_code)
        return statuses

    with (
        ThreadPoolExecutor(4) as pool,
        psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as server,
    ):
        work = [pool.submit(post_until_over, number) for number in range(4)]
        try:
            for _ in range(10):
                reached = stored_by(server) + 10
                deadline = time.monotonic() + 60
                while stored_by(server) < reached:  # they go on after each cut
                    assert time.monotonic() < deadline
                    time.sleep(0.01)
                server.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
        finally:
            over.set()
        statuses = [status for each in work for status in each.result()]
        assert set(statuses) <= {200, 500, 503}
        # A connection may be cut between the commit and its answer: stored, and yet an error.
        assert statuses.count(200) <= stored_by(server) <= len(statuses)
    client = app.test_client()
    assert client.post(f"/{colour}").status_code == 200
    client.close()
    with app.app_context():
        assert db.engine.pool.checkedout() == 0


def stored_by(server):
    return server.execute("SELECT value FROM tally").fetchone()[0]


@pytest.mark.parametrize("gateway", ["wsgi", "asgi"])
@pytest.mark.parametrize("driver", ["psycopg", "asyncpg"])
def test_tasks_that_share_the_session_of_a_request_take_turns(
    make_app, postgres_url, driver, gateway
):
    app = make_app(postgres_url.replace("psycopg", driver))

    async def ask(session, number):
        await session.execute(text("SELECT pg_sleep(0.01)"))
        return await session.scalar(select(literal(number)))

    @app.get("/")
    async def together():
        return await asyncio.gather(*[ask(db.aio.session, number) for number in range(5)])

    @app.get("/apart")
    async def apart():
        async def ask_alone(number):
            async with db.aio.begin() as session:
                return await ask(session, number)

        return await asyncio.gather(*map(ask_alone, range(5)))

    client = app.test_client(gateway=gateway)
    for path in ("/", "/", "/apart", "/"):
        assert client.get(path).json == [0, 1, 2, 3, 4]
    client.close()


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a disk of its own, with little room, where that can be made."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["/usr/bin/mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder]
    mounted = os.geteuid() == 0 and subprocess.run(mount, check=False).returncode == 0
    yield folder, mounted
    if mounted:
        subprocess.run(["/usr/bin/umount", "--lazy", folder], check=True)


def test_a_disk_that_is_full_is_a_clear_error_and_breaks_nothing(make_app, small_disk):
    folder, mounted = small_disk
    ballast = folder / "ballast"
    ballast.write_bytes(bytes(3_000_000))
    app = make_app(f"sqlite:///{folder}/full.db")
    with app.app_context():
        engine = db.engine

    @event.listens_for(engine, "connect")
    def limit(connection, record):
        if not mounted and ballast.exists():  # SQLite's own limit stands for the disk's
            connection.execute("PRAGMA max_page_count = 100")

    engine.dispose()
    client = app.test_client()
    stored = fill_up(app, client)
    with app.app_context():
        with pytest.raises(OperationalError, match="database or disk is full"):
            add_much()
        assert db.session.scalar(text("PRAGMA integrity_check")) == "ok"
        assert db.session.scalar(select(func.count(Entry.id))) == stored
    ballast.unlink()
    engine.dispose()
    assert client.post("/").status_code == 201  # there is room again
    client.close()
    app.stop()


def add_much():
    with db.begin() as session:
        session.execute(insert(Entry), [{"content": "x" * 2_000_000}])


def fill_up(app, client):
    """Add rows until one is refused, and return how many were not."""

    @app.post("/")
    @db.transaction
    def add():
        db.session.add(Entry(content="x" * 20_000))
        return "", 201

    stored = 0
    while (answer := client.post("/")).status_code == 201:
        stored += 1
        assert stored < 1000
    assert answer.status_code == 500
    return stored
