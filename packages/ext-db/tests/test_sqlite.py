"""SQLite used rightly: nothing is lost, nothing is locked without need, the loop goes on."""

import asyncio
import sqlite3
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import MetaData, event, text
from sqlalchemy.exc import IntegrityError, OperationalError

from cruse import Cruse
from cruse_db import Database, ForeignKey, Mapped, Model, column, insert, select, update


class Base(Model):
    __abstract__ = True
    metadata = MetaData()


class Counter(Base):
    id: Mapped[int] = column(primary_key=True)
    value: Mapped[int] = column(default=0)


class Part(Base):
    id: Mapped[int] = column(primary_key=True)
    counter_id: Mapped[int] = column(ForeignKey("counter.id"))


@pytest.fixture
def app(tmp_path):
    app = Cruse(__name__, instance_path=str(tmp_path))
    app.config["DB_BUSY_TIMEOUT"] = 60.0
    return app


@pytest.fixture
def db(app):
    database = Database(app, metadata=Base.metadata)
    with app.app_context():
        database.create_all()
        with database.begin() as session:
            session.add(Counter(id=1))
    return database


@pytest.fixture
def inside(app):
    with app.app_context():
        yield


def stored_value(app, db):
    with app.app_context():
        return db.get(Counter, 1).value


def pragmas(connection):
    names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
    return tuple(connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names)


# -- every connection ------------------------------------------------------------------------


def test_every_connection_of_a_thread_is_set_up(db, inside):
    with db.engine.connect() as first, db.engine.connect() as second:
        assert pragmas(first) == pragmas(second) == ("wal", 1, 1, 60_000)


def test_every_connection_of_a_loop_is_set_up_and_never_waits_inside_sqlite(db, inside):
    async def main():
        async with db.aio.engine.connect() as first, db.aio.engine.connect() as second:
            return [await connection.run_sync(pragmas) for connection in (first, second)]

    assert asyncio.run(main()) == [("wal", 1, 1, 0)] * 2


def test_foreign_keys_are_enforced(db, inside):
    db.session.add(Part(counter_id=999))
    with pytest.raises(IntegrityError):
        db.session.commit()


def test_a_file_that_can_only_be_read_is_read(db, app, tmp_path):
    del db
    reader = Cruse(__name__, instance_path=str(tmp_path))
    reader.config["DB_URL"] = f"sqlite:///file:{tmp_path}/app.db?mode=ro&uri=true"
    database = Database(reader, metadata=Base.metadata)
    with reader.app_context():
        assert database.get(Counter, 1).value == 0
        database.session.add(Counter())
        with pytest.raises(OperationalError, match="readonly"):
            database.session.commit()


def test_processes_that_open_a_new_file_at_once_all_succeed(tmp_path):
    program = textwrap.dedent("""
        import sys
        from cruse import Cruse
        from cruse_db import Database, Mapped, Model, column

        class Thing(Model):
            id: Mapped[int] = column(primary_key=True)

        app = Cruse("shop", instance_path=sys.argv[1])
        app.config["DB_BUSY_TIMEOUT"] = 60.0
        db = Database(app)
        with app.app_context():
            db.create_all()
            with db.begin() as session:
                session.add(Thing())
    """)
    running = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    for process in running:
        _, errors = process.communicate()
        assert (process.returncode, errors) == (0, b"")
    with sqlite3.connect(tmp_path / "app.db") as connection:
        assert connection.execute("SELECT count(*) FROM thing").fetchone() == (4,)
    connection.close()


# -- no update is lost -----------------------------------------------------------------------

THREADS, TIMES = 8, 25


def run_in_threads(function):
    """Call a function in 8 threads at once, 25 times in each."""
    barrier = threading.Barrier(THREADS)

    def repeat():
        barrier.wait()
        for _ in range(TIMES):
            function()

    with ThreadPoolExecutor(THREADS) as pool:
        for future in [pool.submit(repeat) for _ in range(THREADS)]:
            future.result()


def increment_in_a_transaction(app, db):
    with app.app_context(), db.transaction():
        db.get(Counter, 1).value += 1


def increment_in_a_session_of_its_own(app, db):
    with app.app_context(), db.begin() as session:
        session.get(Counter, 1).value += 1


def increment_for_update(app, db):
    with app.app_context():
        db.get(Counter, 1, with_for_update=True).value += 1
        db.session.commit()


def increment_what_was_read_before(app, db):
    with app.app_context():
        counter = db.get(Counter, 1)
        with db.transaction():
            counter.value += 1


@pytest.mark.parametrize(
    "increment",
    [
        increment_in_a_transaction,
        increment_in_a_session_of_its_own,
        increment_for_update,
        increment_what_was_read_before,
    ],
)
def test_threads_that_read_and_write_back_lose_no_update(app, db, increment):
    run_in_threads(lambda: increment(app, db))
    assert stored_value(app, db) == THREADS * TIMES


async def aio_increment_in_a_transaction(db):
    async with db.transaction():
        counter = await db.aio.get(Counter, 1)
        await asyncio.sleep(0)
        counter.value += 1


async def aio_increment_in_a_session_of_its_own(db):
    async with db.aio.begin() as session:
        counter = await session.get(Counter, 1)
        await asyncio.sleep(0)
        counter.value += 1


async def aio_increment_for_update(db):
    counter = await db.aio.get(Counter, 1, with_for_update=True)
    await asyncio.sleep(0)
    counter.value += 1
    await db.aio.session.commit()


async def aio_increment_what_was_read_before(db):
    counter = await db.aio.get(Counter, 1)
    await asyncio.sleep(0)
    async with db.transaction():
        counter.value += 1


@pytest.mark.parametrize(
    "increment",
    [
        aio_increment_in_a_transaction,
        aio_increment_in_a_session_of_its_own,
        aio_increment_for_update,
        aio_increment_what_was_read_before,
    ],
)
def test_tasks_that_read_and_write_back_lose_no_update(app, db, increment):
    @app.post("/increment")
    async def view():
        await increment(db)
        return "done"

    async def main():
        client = app.async_test_client()

        async def repeat():
            for _ in range(TIMES):
                assert (await client.post("/increment")).status_code == 200

        await asyncio.gather(*(repeat() for _ in range(THREADS)))

    asyncio.run(main())
    assert stored_value(app, db) == THREADS * TIMES


def test_threads_and_tasks_together_lose_no_update(app, db):
    async def on_loop():
        with app.app_context():
            for _ in range(TIMES):
                await aio_increment_in_a_session_of_its_own(db)

    with ThreadPoolExecutor(1) as pool:
        loop = pool.submit(asyncio.run, on_loop())
        run_in_threads(lambda: increment_in_a_transaction(app, db))
        loop.result()
    assert stored_value(app, db) == (THREADS + 1) * TIMES


# -- who takes the write lock ----------------------------------------------------------------


@pytest.fixture
def other(db, tmp_path):
    """Another user of the file, who does not wait."""
    connection = sqlite3.connect(tmp_path / "app.db", timeout=0, isolation_level=None)
    yield connection
    connection.close()


def is_locked(other):
    try:
        other.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        return True
    other.execute("ROLLBACK")
    return False


READS = {
    "select": select(Counter),
    "cte": select(select(Counter).cte("c")),
    "text": text("SELECT * FROM counter"),
    "text in lines": text("\n  select value\n  from counter"),
    "explain": text("EXPLAIN SELECT * FROM counter"),
}
WRITES = {
    "insert": insert(Counter).values(value=5),
    "update": update(Counter).values(value=5),
    "text": text("UPDATE counter SET value = 5"),
    "text with": text("WITH c AS (SELECT 5 AS n) UPDATE counter SET value = (SELECT n FROM c)"),
    "for update": select(Counter).with_for_update(),
}


@pytest.mark.parametrize("statement", READS.values(), ids=READS)
def test_reading_takes_no_lock(db, inside, other, statement):
    db.session.execute(statement).all()
    assert not is_locked(other)


@pytest.mark.parametrize("statement", WRITES.values(), ids=WRITES)
def test_writing_takes_the_lock_until_the_commit(db, inside, other, statement):
    db.session.execute(statement)
    assert is_locked(other)
    db.session.commit()
    assert not is_locked(other)


def test_a_transaction_takes_the_lock_at_its_beginning(db, inside, other):
    with db.transaction():
        assert is_locked(other)
    assert not is_locked(other)


def test_what_is_cached_is_told_apart_from_the_same_for_update(db, inside, other):
    for _ in range(3):
        db.session.scalars(select(Counter)).all()
        assert not is_locked(other)
        db.session.scalars(select(Counter).with_for_update()).all()
        assert is_locked(other)
        db.session.rollback()


def test_reading_does_not_wait_for_a_writer(db, inside, other):
    other.execute("BEGIN IMMEDIATE")
    other.execute("UPDATE counter SET value = 7")
    assert db.get(Counter, 1).value == 0
    other.execute("ROLLBACK")


def test_a_statement_in_autocommit_is_stored_at_once(db, inside, other):
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(update(Counter).values(value=3))
        assert other.execute("SELECT value FROM counter").fetchall() == [(3,)]
    # The connection goes back to the pool as it was.
    db.session.execute(update(Counter).values(value=4))
    assert other.execute("SELECT value FROM counter").fetchall() == [(3,)]


def test_another_isolation_level_can_be_chosen(db, inside):
    level = "READ UNCOMMITTED"
    with db.engine.connect().execution_options(isolation_level=level) as connection:
        assert connection.get_isolation_level() == level
        assert not connection.in_transaction()
    with db.engine.connect() as connection:
        assert connection.get_isolation_level() == "SERIALIZABLE"


def test_a_statement_without_parameters_is_sent_as_it_is(db, inside, other):
    with db.engine.connect().execution_options(no_parameters=True) as connection:
        connection.exec_driver_sql("UPDATE counter SET value = 5 % 3")
        assert is_locked(other)
        connection.commit()
    assert db.get(Counter, 1).value == 2


def test_tables_are_created_together_or_not_at_all(db, inside):
    with pytest.raises(RuntimeError), db.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE half (id INTEGER)")
        raise RuntimeError("and then it failed")
    with db.engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT name FROM sqlite_master").scalars().all()
    assert "half" not in found


def test_many_rows_are_stored_in_one_transaction(db, inside, other):
    db.session.execute(insert(Counter), [{"value": n} for n in range(10)])
    assert other.execute("SELECT count(*) FROM counter").fetchone() == (1,)
    db.session.commit()
    assert other.execute("SELECT count(*) FROM counter").fetchone() == (11,)


# -- waiting for another writer --------------------------------------------------------------


def test_a_lock_that_is_not_given_back_is_an_error_after_the_time_set(tmp_path, db, other):
    del db
    app = Cruse(__name__, instance_path=str(tmp_path))
    app.config["DB_BUSY_TIMEOUT"] = 0.05
    impatient = Database(app, metadata=Base.metadata)

    async def write_on_loop():
        with app.app_context():
            async with impatient.aio.begin() as session:
                (await session.get(Counter, 1)).value += 1

    def write():
        with app.app_context(), impatient.begin() as session:
            session.get(Counter, 1).value += 1

    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(OperationalError, match="database is locked"):
        write()
    with pytest.raises(OperationalError, match="database is locked"):
        asyncio.run(write_on_loop())
    other.execute("ROLLBACK")
    write()
    asyncio.run(write_on_loop())
    assert stored_value(app, impatient) == 2


def test_a_task_that_waits_for_the_lock_lets_others_go_on(app, db, other):
    ticks = []

    async def write():
        with app.app_context():
            async with db.aio.begin() as session:
                (await session.get(Counter, 1)).value = 9

    async def main():
        other.execute("BEGIN IMMEDIATE")
        writing = asyncio.create_task(write())
        for number in range(20):
            ticks.append((number, writing.done()))
            await asyncio.sleep(0.001)
        other.execute("ROLLBACK")
        await writing

    asyncio.run(main())
    assert ticks == [(number, False) for number in range(20)]
    assert stored_value(app, db) == 9


def test_tasks_that_only_read_take_turns(app, db):
    order = []

    async def read(name):
        with app.app_context():
            for _ in range(5):
                await db.aio.session.scalars(select(Counter))
                order.append(name)

    async def main():
        await asyncio.gather(read("a"), read("b"))

    asyncio.run(main())
    assert order[:6] != ["a"] * 5 + ["b"]


@pytest.fixture
def new_file(tmp_path):
    """A file that is not in WAL mode yet, and that somebody writes to."""
    connection = sqlite3.connect(tmp_path / "new.db", timeout=0, isolation_level=None)
    connection.execute("CREATE TABLE counter (id INTEGER PRIMARY KEY, value INTEGER)")
    connection.execute("BEGIN IMMEDIATE")
    yield connection
    connection.close()


def test_the_switch_to_the_write_ahead_log_waits_as_well(tmp_path, new_file):
    app = Cruse(__name__, instance_path=str(tmp_path))
    app.config.update(DB_URL="sqlite:///new.db", DB_BUSY_TIMEOUT=0.05)
    db = Database(app, metadata=Base.metadata)

    async def read_on_loop():
        return (await db.aio.session.scalars(select(Counter))).all()

    async def main():
        with app.app_context():
            return await read_on_loop()

    with app.app_context():
        with pytest.raises(OperationalError, match="database is locked"):
            db.get(Counter, 1)
        with pytest.raises(OperationalError, match="database is locked"):
            asyncio.run(main())
        new_file.execute("ROLLBACK")
        assert db.get(Counter, 1) is None
        assert asyncio.run(main()) == []
        with db.engine.connect() as connection:
            assert pragmas(connection)[0] == "wal"


# -- on a loop -------------------------------------------------------------------------------


def test_rows_can_be_streamed_on_a_loop(app, db):
    async def main():
        with app.app_context():
            async with db.aio.begin() as session:
                session.add_all([Counter(value=n) for n in range(2, 50)])
            rows = await db.aio.session.stream_scalars(select(Counter.value).order_by("value"))
            return [value async for value in rows]

    assert asyncio.run(main()) == [0, *range(2, 50)]


def test_reading_a_relationship_without_await_is_the_same_error_as_on_a_server(app, db):
    # So that it is found in development, and not on PostgreSQL.
    from sqlalchemy.exc import MissingGreenlet

    async def main():
        with app.app_context():
            session = db.aio.session
            counter = await session.get(Counter, 1)
            session.expire(counter)
            with pytest.raises(MissingGreenlet):
                _ = counter.value

    asyncio.run(main())


def test_an_error_in_a_statement_is_raised_at_once(app, db):
    async def main():
        with app.app_context():
            await db.aio.session.execute(text("SELECT nonsense FROM nowhere"))

    with pytest.raises(OperationalError, match="no such table: nowhere"):
        asyncio.run(main())


def test_a_loop_uses_no_thread(app, db):
    new = set()

    async def main():
        with app.app_context():
            async with db.aio.begin() as session:
                await session.get(Counter, 1)
                new.update(threading.enumerate())

    before = set(threading.enumerate())
    asyncio.run(main())
    assert not new - before  # threads of other tests may end meanwhile


def test_statements_are_seen_by_listeners_as_usual(db, inside):
    seen = []
    event.listen(db.engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
    db.session.execute(update(Counter).values(value=1))
    assert seen == ["UPDATE counter SET value=?"]


# -- a disk that is full -------------------------------------------------------------------------


@pytest.mark.parametrize("gateway", ["wsgi", "asgi"])
@pytest.mark.parametrize("color", ["sync", "async"])
def test_a_full_disk_is_a_clear_error_and_costs_what_did_not_fit(app, db, caplog, gateway, color):
    disk = {"pages": 20}

    def fill(session):
        # What SQLite says then is what it says when the disk has no more pages.
        session.execute(text(f"PRAGMA max_page_count = {disk['pages']}"))
        session.execute(insert(Counter), [{"value": 0}] * 2_000)

    @app.post("/sync")
    def add():
        with db.transaction() as session:
            fill(session)
        return "added"

    @app.post("/async")
    async def add_async():
        async with db.aio.begin() as session:
            await session.run_sync(fill)
        return "added"

    @app.get("/")
    def intact():
        found = db.session.execute(text("PRAGMA integrity_check")).scalar_one()
        return f"{found} {len(db.session.execute(select(Counter)).all())}"

    with app.test_client(gateway=gateway) as client:
        answers = [client.post(f"/{color}").status_code for _ in range(5)]
        stored = answers.count(200)
        assert answers == [200] * stored + [500] * (5 - stored)
        assert 0 < stored < 5
        assert "database or disk is full" in caplog.text
        assert client.get("/").text == f"ok {1 + 2_000 * stored}"
        disk["pages"] = 2_000
        assert client.post(f"/{color}").text == "added"
        assert client.get("/").text == f"ok {1 + 2_000 * (stored + 1)}"
