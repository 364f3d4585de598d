"""Tests of applications: undone in the end, whatever they do."""

import pytest
from sqlalchemy import MetaData

from cruse import Cruse, request
from cruse_db import Database, IntegerKey, Mapped, Model, column, func, select
from cruse_db.testing import sandbox

pytest_plugins = ["cruse_db.pytest_plugin"]


class Base(Model):
    __abstract__ = True
    metadata = MetaData()


class Item(IntegerKey, Base):
    name: Mapped[str] = column(unique=True)


db = Database(metadata=Base.metadata)


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    app = Cruse(__name__, instance_path=str(tmp_path_factory.mktemp("instance")))
    app.config.update(PROPAGATE_EXCEPTIONS=False)
    app.use(db)
    add_views(app)
    with app.app_context():
        db.create_all()
    yield app
    app.stop()


def add_views(app):
    @app.post("/sync")
    @db.transaction
    def add():
        db.session.add(Item(name=request.args["name"]))
        db.on_commit(lambda: None)
        return ""

    @app.post("/async")
    @db.transaction(isolation="SERIALIZABLE")
    async def add_async():
        db.aio.session.add(Item(name=request.args["name"]))
        return ""

    @app.get("/sync")
    def names():
        return db.session.scalars(select(Item.name).order_by(Item.id)).all()

    @app.get("/async")
    async def names_async():
        return (await db.aio.session.scalars(select(Item.name).order_by(Item.id))).all()


@pytest.fixture(autouse=True)
def undone(app):
    yield
    with app.app_context():
        assert db.session.scalar(select(func.count(Item.id))) == 0


def test_test_and_requests_sync_and_async_see_each_other(db_session, client):
    db_session.add(Item(name="test"))
    db_session.commit()
    for colour in ("sync", "async"):
        assert client.post(f"/{colour}?name={colour}").status_code == 200
        assert colour in client.get("/sync").json
        assert client.get("/async").json == client.get("/sync").json
    assert db_session.scalars(select(Item.name)).all() == ["test", "sync", "async"]


def test_what_a_request_rolls_back_is_gone_and_the_rest_stays(db_sandbox, client):
    for colour in ("sync", "async"):
        client.post(f"/{colour}?name=one")
        assert client.post(f"/{colour}?name=one").status_code == 500
        assert client.get(f"/{colour}").json == ["one"]


def test_a_session_that_only_read_undoes_nothing_of_others(app, db_sandbox, client):
    with app.app_context():
        assert db.session.scalars(select(Item)).all() == []
        client.post("/sync?name=one")
    assert client.get("/sync").json == ["one"]


def test_what_is_not_committed_is_undone(app, db_sandbox, client):
    with app.app_context():
        db.session.add(Item(name="forgotten"))
        db.session.flush()
    assert client.get("/sync").json == []


def test_what_waits_for_a_commit_can_be_looked_at(db_sandbox, capture_on_commit, client):
    client.post("/sync?name=one")
    (function,) = capture_on_commit
    assert callable(function)


def test_queries_are_counted(db_sandbox, query_log, client):
    client.get("/sync")
    assert [query.statement.split()[0] for query in query_log if "FROM item" in query.statement]


def test_it_is_a_block_as_well(app, client):
    with sandbox(db.state_of(app)):
        client.post("/async?name=one")
        assert client.get("/async").json == ["one"]
    assert client.get("/async").json == []
