"""Replicas of a real PostgreSQL: databases of their own here, so that it shows which was read."""

import psycopg
import pytest
from sqlalchemy import MetaData
from sqlalchemy.engine import make_url

from cruse import Cruse
from cruse_db import Database, IntegerKey, Mapped, Model, select


class Base(Model):
    __abstract__ = True
    metadata = MetaData()


class Echo(IntegerKey, Base):
    place: Mapped[str]


db = Database(metadata=Base.metadata)
FIRST = select(Echo.place).order_by(Echo.id.desc()).limit(1)


def fill(url, place):
    app = Cruse(__name__)
    app.config["DB_URL"] = url
    app.use(db)
    with app.app_context():
        db.create_all()
        with db.begin() as session:
            session.add(Echo(place=place))
    app.stop()


@pytest.fixture
def replicas(postgres_url):
    """The URLs of two replicas that can be read and not written."""
    url = make_url(postgres_url)
    names = [f"{url.database}_{place}" for place in ("one", "two")]
    plain = postgres_url.replace("+psycopg", "")
    with psycopg.connect(plain, autocommit=True) as server:
        for name in names:
            server.execute(f'CREATE DATABASE "{name}"')
        urls = [str(url.set(database=name)) for name in names]
        for place, each in zip(("one", "two"), urls, strict=True):
            fill(each, place)
        for name in names:
            server.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        yield urls
        for name in names:
            server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture
def app(postgres_url, replicas):
    fill(postgres_url, "primary")
    app = Cruse(__name__)
    app.config.update(DB_URL=postgres_url, DB_REPLICAS=replicas, SECRET_KEY="x" * 32)
    app.use(db)
    add_views(app)
    yield app
    app.stop()


def add_views(app):
    @app.get("/sync")
    def read():
        with db.replica():
            return [db.session.scalar(FIRST) for _ in range(5)]

    @app.get("/async")
    async def read_on_loop():
        with db.replica():
            return [await db.aio.session.scalar(FIRST) for _ in range(5)]

    @app.post("/sync")
    def write():
        with db.replica():
            before = db.session.scalar(FIRST)
            db.session.add(Echo(place="new"))
            db.session.commit()
            return [before, db.session.scalar(FIRST)]

    @app.post("/async")
    async def write_on_loop():
        with db.replica():
            session = db.aio.session
            before = await session.scalar(FIRST)
            session.add(Echo(place="new"))
            await session.commit()
            return [before, await session.scalar(FIRST)]


@pytest.fixture(params=["wsgi", "asgi"])
def client(app, request):
    client = app.test_client(gateway=request.param)
    yield client
    client.close()


@pytest.mark.parametrize("colour", ["sync", "async"])
def test_a_request_reads_from_one_replica_until_it_writes(client, colour):
    answers = [client.get(f"/{colour}").json for _ in range(10)]
    assert all(answer in (["one"] * 5, ["two"] * 5) for answer in answers)
    before, after = client.post(f"/{colour}").json
    assert before in ("one", "two")
    assert after == "new"
    assert client.get(f"/{colour}").json == ["new"] * 5  # replicas lag behind for this client


@pytest.mark.parametrize("colour", ["sync", "async"])
def test_a_replica_that_is_down_is_left_out_and_it_is_said_once(
    client, replicas, postgres_url, caplog, colour
):
    assert client.get(f"/{colour}").json in (["one"] * 5, ["two"] * 5)
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as server:
        for url in replicas:
            server.execute(f'DROP DATABASE "{make_url(url).database}" WITH (FORCE)')
    for _ in range(3):
        assert client.get(f"/{colour}").json == ["primary"] * 5
    said = [record for record in caplog.records if "does not answer" in record.message]
    assert len(said) == 2  # once for each
