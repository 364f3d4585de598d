"""The sandbox on a real PostgreSQL: what it undoes, and what it costs beside new tables."""

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, event, text

from cruse import Cruse
from cruse_db import Database, IntegerKey, Mapped, Model, func, select
from cruse_db.testing import sandbox


class Base(Model):
    __abstract__ = True
    metadata = MetaData()


class Toy(IntegerKey, Base):
    name: Mapped[str]


for number in range(19):
    Table(f"toy_{number}", Base.metadata, Column("id", Integer, primary_key=True))
db = Database(metadata=Base.metadata)


@pytest.fixture
def app(postgres_url):
    app = Cruse(__name__)
    app.config["DB_URL"] = postgres_url
    app.use(db)
    with app.app_context():
        db.create_all()
    yield app
    app.stop()


def add_views(app):
    @app.post("/sync")
    @db.transaction(isolation="SERIALIZABLE")
    def add():
        db.session.add(Toy(name="sync"))
        return ""

    @app.post("/async")
    @db.transaction
    async def add_on_loop():
        db.aio.session.add(Toy(name="async"))
        return ""

    @app.get("/sync")
    def names():
        return db.session.scalars(select(Toy.name).order_by(Toy.id)).all()

    @app.get("/async")
    async def names_on_loop():
        return (await db.aio.session.scalars(select(Toy.name).order_by(Toy.id))).all()


@pytest.mark.parametrize("gateway", ["wsgi", "asgi"])
def test_test_and_requests_see_each_other_and_nobody_sees_them_later(app, gateway):
    add_views(app)
    client = app.test_client(gateway=gateway)
    for _ in range(2):
        with sandbox(db.state_of(app)), app.app_context():
            with db.transaction() as session:
                session.add(Toy(name="test"))
            for colour in ("sync", "async"):
                assert client.post(f"/{colour}").status_code == 200
            for colour in ("sync", "async"):
                assert client.get(f"/{colour}").json == ["test", "sync", "async"]
    client.close()
    with app.app_context():
        assert db.session.scalar(select(func.count(Toy.id))) == 0


def test_it_costs_a_fraction_of_what_twenty_tables_do(app):
    asked = []

    def use():
        db.session.add(Toy(name="toy"))
        db.session.commit()
        assert db.session.scalar(text("SELECT count(*) FROM toy")) == 1

    def undone():
        with sandbox(db.state_of(app)), app.app_context():
            use()

    def anew():
        with app.app_context():
            db.drop_all()
            db.create_all()
            use()

    def statements(work):
        asked.clear()
        work()
        return len(asked)

    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    assert 0 < statements(undone) < statements(anew) / 5, asked
