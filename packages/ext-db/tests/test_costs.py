"""What a context pays for the database, in Python calls: exact on any machine."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from sqlalchemy import MetaData, bindparam, create_engine
from sqlalchemy.orm import Session

from cruse import Cruse
from cruse_db import Database, IntegerKey, Mapped, Model, SoftDelete, select
from tests.calls import calls_of

ROOT = Path(__file__).resolve().parents[3]


class Base(Model):
    __abstract__ = True
    metadata = MetaData()


class Cost(IntegerKey, Base):
    name: Mapped[str]


BY_KEY = select(Cost).where(Cost.id == bindparam("key"))
db = Database(metadata=Base.metadata)


def made(folder):
    app = Cruse(__name__, instance_path=folder)
    app.use(db)
    with app.app_context():
        db.create_all()
        with db.begin() as session:
            session.add(Cost(id=1, name="one"))
    return app


@pytest.fixture
def app(tmp_path):
    app = made(str(tmp_path))
    yield app
    app.stop()


def in_context(app, work=lambda: None):
    def run():
        with app.app_context():
            work()

    return calls_of(run)


def test_whoever_does_not_touch_it_pays_nothing(app):
    assert in_context(app) == in_context(Cruse(__name__))


def test_a_session_without_queries_costs_little_more_than_being_made(app):
    def make_and_close():
        with Session() as session:
            session.info  # noqa: B018 - touched

    own = in_context(app, lambda: db.session) - in_context(app)
    assert own <= calls_of(make_and_close) + 10


#: What ours adds at most to SQLAlchemy's own calls, which are those of a bare session on the same
#: engine, with a statement that was built before. Opening and closing the session of a context is
#: in it, and what is saved where a session is closed that has no objects any more.
OURS = {"by key": 9, "list": 6, "insert": 59}


def alone():
    """Run :func:`main` in a process of its own: no other test has a soft-deleted model there."""
    done = subprocess.run(
        [sys.executable, __file__],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_an_object_by_key_takes_less_than_sqlalchemy_needs_alone():
    found = alone()
    assert 0 < found["by key"] <= found["by key, SQLAlchemy"]


@pytest.mark.parametrize("row", OURS)
def test_of_what_a_query_takes_hardly_anything_is_ours(row):
    found = alone()
    assert found[row] - found[f"{row}, bare"] <= OURS[row]


def test_a_model_of_which_rows_are_marked_as_deleted_makes_queries_little_dearer():
    found = alone()
    # Each is asked whether it is about such a model. The table alone belongs to no model.
    assert found["list, one is soft-deleted"] <= 1.2 * found["list"]
    assert found["table, one is soft-deleted"] <= 1.1 * found["table"]


def main():
    """Write what queries take."""
    with tempfile.TemporaryDirectory() as folder:
        app = made(folder)
        with app.app_context():
            engine = create_engine(db.engine.url.set(drivername="sqlite"))

            own_engine = db.engine

        def plain():
            with Session(engine) as session:
                session.get(Cost, 1)

        def note_bare(row, work):
            def run():
                with Session(own_engine, expire_on_commit=False) as session:
                    work(session)

            found[f"{row}, bare"] = calls_of(run)

        def insert():
            with db.transaction() as session:
                session.add(Cost(name="x"))

        def insert_bare(session):
            session.add(Cost(name="x"))
            session.commit()

        def note(name, work):
            found[name] = in_context(app, work) - in_context(app)

        def note_lists(when):
            note(f"list{when}", lambda: db.session.scalars(select(Cost)).all())
            note(f"table{when}", lambda: db.session.execute(select(Cost.__table__)).all())

        found = {"by key, SQLAlchemy": calls_of(plain)}
        note("by key", lambda: db.get(Cost, 1))
        note_bare("by key", lambda session: session.scalar(BY_KEY, {"key": 1}))
        note_bare("list", lambda session: session.scalars(select(Cost)).all())
        note_lists("")

        class Marked(IntegerKey, SoftDelete, Base):
            pass

        note_lists(", one is soft-deleted")
        note("insert", insert)
        note_bare("insert", insert_bare)
        json.dump(found, sys.stdout)
        engine.dispose()
        app.stop()


if __name__ == "__main__":
    main()
