"""Transactions on a real PostgreSQL: what they cost, and what happens when they meet."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import MetaData, text
from sqlalchemy.exc import DBAPIError

from cruse import Cruse
from cruse_db import Database, Mapped, Model, column, func, insert, select
from cruse_db.models import NAMING_CONVENTION


class Base(Model):
    __abstract__ = True
    metadata = MetaData(naming_convention=NAMING_CONVENTION)


class Item(Base):
    id: Mapped[int] = column(primary_key=True)
    count: Mapped[int] = column(default=0)


db = Database(metadata=Base.metadata)
DRIVERS = ("psycopg", "asyncpg")


class Proxy:
    """Passes bytes on to a server, and counts how often a client waited for an answer."""

    def __init__(self, path):
        self.path = path
        self.trips = 0
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.open = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listening.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(self.path)
            self.open += [client, server]
            state = {"asked": False}
            for source, target, asks in ((client, server, True), (server, client, False)):
                threading.Thread(
                    target=self._pump, args=(source, target, asks, state), daemon=True
                ).start()

    def _pump(self, source, target, asks, state):
        while True:
            try:
                data = source.recv(65536)
                if not data:
                    break
                if asks and not state["asked"]:
                    self.trips += 1
                state["asked"] = asks
                target.sendall(data)
            except OSError:
                break
        _hang_up(target)

    def close(self):
        self.listening.close()
        for each in self.open:
            _hang_up(each)


def _hang_up(connection):
    """End a connection; closing alone tells the other side nothing while a thread reads it."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


@pytest.fixture
def proxy(postgres_server):
    proxy = Proxy(str(Path(postgres_server) / ".s.PGSQL.5432"))
    yield proxy
    proxy.close()


def make_app(url, **config):
    app = Cruse(__name__)
    app.secret_key = "of these tests"
    app.config.update(DB_URL=url, PROPAGATE_EXCEPTIONS=False, **config)
    app.use(db)
    add_views(app)
    return app


def add_views(app):
    @app.get("/sync")
    def read():
        return str(db.get(Item, 1).count)

    @app.get("/async")
    async def read_async():
        return str((await db.aio.get(Item, 1)).count)

    @app.post("/sync")
    @db.transaction
    def write():
        item = db.get(Item, 1)
        item.count += 1
        db.session.flush()
        return str(item.count)

    @app.post("/async")
    @db.transaction
    async def write_async():
        item = await db.aio.get(Item, 1)
        item.count += 1
        await db.aio.session.flush()
        return str(item.count)


@pytest.fixture
def url(postgres_url):
    app = make_app(postgres_url)
    with app.app_context():
        db.create_all()
        with db.begin() as session:
            session.add(Item())
    app.stop()
    return postgres_url


@pytest.fixture
def app(url):
    app = make_app(url)
    yield app
    app.stop()


@pytest.fixture
def server(url):
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        yield connection


# -- what it costs ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("colour", "driver"), [("sync", "psycopg"), ("async", "psycopg"), ("async", "asyncpg")]
)
def test_a_read_is_one_round_trip_and_a_write_at_most_four(url, proxy, colour, driver):
    database = url.split("@/")[1].split("?")[0]
    app = make_app(f"postgresql+{driver}://cruse@127.0.0.1:{proxy.port}/{database}")
    client = app.test_client(gateway="asgi")

    def trips(method):
        before = proxy.trips
        assert client.open(f"/{colour}", method=method).status_code == 200
        return proxy.trips - before

    for _ in range(3):  # connecting, and preparing statements
        trips("GET"), trips("POST")
    assert trips("GET") == 1
    assert trips("POST") <= 4
    assert trips("GET") == 1
    client.close()
    app.stop()


# -- what needs a transaction gets one -------------------------------------------------------


def test_what_is_not_committed_is_undone_however_it_was_written(app, server):
    inserted = insert(Item).values(count=5).returning(Item.id).cte()
    writes = (
        lambda session: session.add(Item()),
        lambda session: session.execute(insert(Item).values(count=1)),
        lambda session: session.execute(text("INSERT INTO item (count) VALUES (2)")),
        lambda session: session.execute(select(inserted.c.id)),
        lambda session: session.connection().exec_driver_sql("DELETE FROM item"),
    )
    with app.app_context():
        for write in writes:
            db.get(Item, 1)  # a read before, in autocommit
            write(db.session)
            db.session.flush()
            db.session.rollback()
    assert server.execute("SELECT count(*), sum(count) FROM item").fetchone() == (1, 0)


def test_functions_that_may_change_something_run_in_a_transaction(app, server):
    held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
    with app.app_context():
        db.session.execute(select(func.pg_advisory_xact_lock(7)))
        assert server.execute(held).fetchone() == (1,)
        db.session.rollback()
        assert server.execute(held).fetchone() == (0,)


def test_a_transaction_that_was_kept_serves_threads_that_meet(app, server):
    kept = db.transaction()
    entered, committed = threading.Barrier(2), threading.Event()

    def succeed():
        with app.app_context():
            with kept:
                db.session.add(Item(count=1))
                entered.wait()
            committed.set()

    def fail():
        with app.app_context(), suppress(ArithmeticError), kept:
            db.session.add(Item(count=2))
            entered.wait()
            committed.wait()
            raise ArithmeticError

    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(succeed), pool.submit(fail)]:
            future.result()
    stored = server.execute("SELECT count FROM item WHERE count > 0").fetchall()
    assert stored == [(1,)]


def test_rows_that_are_locked_stay_locked(app, server):
    with app.app_context():
        db.get(Item, 1, with_for_update=True)
        with pytest.raises(psycopg.errors.LockNotAvailable):
            server.execute("SELECT * FROM item FOR UPDATE NOWAIT")


def test_a_connection_reads_in_autocommit_again_after_it_wrote(app, server):
    states = "SELECT DISTINCT state FROM pg_stat_activity WHERE application_name = 'cruse test'"
    app.config["DB_ENGINE_OPTIONS"] = {"connect_args": {"application_name": "cruse test"}}
    with app.app_context():
        with db.transaction():
            db.session.add(Item())
        db.get(Item, 1)
        assert server.execute(states).fetchall() == [("idle",)]


# -- conflicts -------------------------------------------------------------------------------


def test_a_serialization_failure_is_tried_again(url, request):
    for driver in DRIVERS:
        app = make_app(url.replace("psycopg", driver))

        @app.post("/increase")
        @db.transaction(retry=50, isolation="SERIALIZABLE")
        async def increase():
            (await db.aio.get(Item, 1)).count += 1
            return ""

        @app.post("/increase/sync")
        @db.transaction(retry=50, isolation="SERIALIZABLE")
        def increase_sync():
            db.get(Item, 1).count += 1
            return ""

        paths = ["/increase", "/increase/sync"] if driver == "psycopg" else ["/increase"]
        for path in paths:
            before = stored(url)

            def repeat(app, path):
                client = app.test_client(gateway="wsgi")
                return [client.post(path).status_code for _ in range(10)]

            with ThreadPoolExecutor(4) as pool:
                statuses = [pool.submit(repeat, app, path) for _ in range(4)]
                assert {code for each in statuses for code in each.result()} == {200}
            assert stored(url) - before == 40
        app.stop()


def stored(url):
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        return connection.execute("SELECT count FROM item WHERE id = 1").fetchone()[0]


def test_who_can_never_run_beside_others_is_told_to_come_back(app, server):
    tries = []

    @app.post("/never")
    @db.transaction(retry=2, isolation="REPEATABLE READ")
    def never():
        tries.append(db.session.scalar(select(Item.count)))
        server.execute("UPDATE item SET count = count + 1")
        db.get(Item, 1).count = 100
        return ""

    response = app.test_client().post("/never")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
    assert tries == [0, 1, 2]


def test_a_row_that_is_refused_shows_no_value(app):
    with app.app_context(), pytest.raises(DBAPIError) as caught:
        db.session.execute(insert(Item).values(id=1, count=12345678))
    shown = str(caught.value) + str(caught.value.orig)
    assert "12345678" not in shown
    assert "(1)" not in shown  # PostgreSQL itself tells which key it was
    assert "pk_item" in shown


# -- queries that are written differently for it ---------------------------------------------


def test_an_upsert_tells_what_is_new(app):
    rows = [{"id": n, "count": n} for n in range(1, 1500)]
    with app.app_context():
        assert db.upsert(Item, rows) == (1498, 1)
        assert db.upsert(Item, [{"id": 1, "count": 7}, {"id": 5000, "count": 1}]) == (1, 1)
        assert db.upsert(Item, [{"id": 1, "count": 9}], update=[]) == (0, 0)
        assert db.upsert(Item, [{"id": 6000}]) == (1, 0)
        db.session.commit()
        assert db.get(Item, 1).count == 7


def test_pages_by_key_and_exports(app):
    with app.app_context():
        db.insert_many(Item, ({"count": n // 3} for n in range(50)))
        db.session.commit()
        seen, page = [], db.paginate_by_key(select(Item), Item.count.desc(), per_page=20)
        while True:
            seen += [(item.count, item.id) for item in page]
            if page.next is None:
                break
            page = db.paginate_by_key(
                select(Item), Item.count.desc(), per_page=20, cursor=page.next
            )
        assert len(seen) == 51
        assert seen == sorted(seen, reverse=True)
        body = db.stream(select(Item.id), lambda number: f"{number}\n", chunk=10)
        assert next(body).count("\n") == 10
        assert "".join(body).count("\n") == 41
        db.session.close()
        assert db.engine.pool.checkedout() == 0
