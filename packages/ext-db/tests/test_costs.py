"""What a context pays for the database, in Python calls: exact on any machine."""

import sys

import pytest
from sqlalchemy import MetaData, create_engine
from sqlalchemy.orm import Session

from cruse import Cruse
from cruse_db import Database, IntegerKey, Mapped, Model


class Base(Model):
    __abstract__ = True
    metadata = MetaData()


class Cost(IntegerKey, Base):
    name: Mapped[str]


db = Database(metadata=Base.metadata)


def calls_of(work):
    """Count the Python functions that are entered, when everything is warm."""
    work()
    work()
    count = 0

    def note(frame, event, argument):
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


@pytest.fixture
def app(tmp_path):
    app = Cruse(__name__, instance_path=str(tmp_path))
    app.use(db)
    with app.app_context():
        db.create_all()
        with db.begin() as session:
            session.add(Cost(id=1, name="one"))
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


def test_an_object_by_key_takes_less_than_sqlalchemy_needs_alone(app):
    with app.app_context():
        engine = create_engine(db.engine.url.set(drivername="sqlite"))

    def plain():
        with Session(engine) as session:
            session.get(Cost, 1)

    assert in_context(app, lambda: db.get(Cost, 1)) - in_context(app) <= calls_of(plain)
    engine.dispose()
