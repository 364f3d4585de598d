"""Many threads at once, at the moments when something is made that all of them share.

With a GIL, threads change places between two steps of a program, here every microsecond. On a
free-threaded Python (``python3.13t``, with ``PYTHON_GIL=0``) the same tests run them truly side by
side, and the rest of this folder shows that sync code needs no GIL.
"""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import MetaData

from cruse import Cruse
from cruse_db import Database, IntegerKey, Mapped, Model, select, uuid7

THREADS, TIMES = 8, 25


class Base(Model):
    __abstract__ = True
    metadata = MetaData()


class Knot(IntegerKey, Base):
    value: Mapped[int]


class Rope(IntegerKey, Base):
    length: Mapped[int]


@pytest.fixture(autouse=True)
def switches():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.fixture
def db():
    return Database(metadata=Base.metadata)


@pytest.fixture
def app(tmp_path, db):
    app = Cruse(__name__, instance_path=str(tmp_path))
    app.config["DB_BUSY_TIMEOUT"] = 60.0
    app.use(db)
    yield app
    app.stop()


def at_once(function):
    """Call a function in all threads at the same moment, and return what it returned."""
    barrier = threading.Barrier(THREADS)

    def wait_and_call(number):
        barrier.wait()
        return function(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(wait_and_call, range(THREADS)))


def test_the_first_use_makes_one_engine_and_the_tables_once(app, db):
    def begin(number):
        with app.app_context():
            return db.engine, db.create_all()

    done = at_once(begin)
    assert len({engine for engine, _ in done}) == 1
    assert sorted(created for _, created in done if created) == [["knot", "rope"]]


@pytest.mark.parametrize("gateway", ["wsgi", "asgi"])
def test_requests_read_and_write_side_by_side(app, db, gateway):
    @app.post("/<int:number>")
    @db.transaction
    def tie(number):
        db.session.add(Knot(value=number))
        return "", 204

    @app.get("/<int:number>")
    def show(number):
        return {"count": len(db.session.scalars(select(Knot).where(Knot.value == number)).all())}

    with app.app_context():
        db.create_all()

    def ask(number):
        with app.test_client(gateway=gateway) as client:
            for done in range(1, TIMES + 1):
                assert client.post(f"/{number}").status_code == 204
                assert client.get(f"/{number}").json == {"count": done}

    at_once(ask)
    with app.app_context():
        assert db.engine.pool.checkedout() == 0


def test_a_model_is_found_by_key_at_its_first_use(app, db):
    with app.app_context():
        db.create_all()
        with db.begin() as session:
            session.add_all([Knot(id=1, value=1), Rope(id=1, length=2)])

    def find(number):
        with app.app_context():
            return db.get(Knot, 1).value, db.get(Rope, 1).length

    assert at_once(find) == [(1, 2)] * THREADS


def test_keys_made_side_by_side_differ_and_grow(app):
    def make(number):
        return [uuid7() for _ in range(1000)]

    made = at_once(make)
    assert len({key for keys in made for key in keys}) == THREADS * 1000
    assert all(keys == sorted(keys) for keys in made)


def test_a_query_is_counted_once_by_whoever_begins_to_count(app, db):
    with app.app_context():
        db.create_all()

    def count(number):
        with app.app_context(), db.count_queries() as log:
            for _ in range(TIMES):
                db.session.scalars(select(Knot)).all()
            return len(log)

    assert at_once(count) == [TIMES] * THREADS
