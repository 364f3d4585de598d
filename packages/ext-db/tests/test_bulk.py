"""Many rows at once, and exports."""

from datetime import datetime

import pytest
from sqlalchemy import MetaData, UniqueConstraint, event
from sqlalchemy.exc import IntegrityError

from cruse import Cruse
from cruse_db import (
    Database,
    IntegerKey,
    Mapped,
    Model,
    Timestamps,
    Upserted,
    column,
    func,
    select,
)


class Base(Model):
    __abstract__ = True
    metadata = MetaData()


class Word(IntegerKey, Timestamps, Base):
    __table_args__ = (UniqueConstraint("language", "text"),)

    language: Mapped[str] = column(default="en")
    text: Mapped[str]
    uses: Mapped[int] = column(default=1)


db = Database(metadata=Base.metadata)


@pytest.fixture
def app(tmp_path):
    app = Cruse(__name__, instance_path=str(tmp_path))
    app.use(db)
    with app.app_context():
        db.create_all()
    yield app
    app.stop()


@pytest.fixture
def inside(app):
    with app.app_context():
        yield


def words():
    rows = db.session.execute(select(Word.text, Word.uses).order_by(Word.id))
    return [tuple(row) for row in rows]


def given(*texts, uses=1):
    return ({"language": "en", "text": text, "uses": uses} for text in texts)


def test_rows_are_inserted_from_any_iterable(inside):
    assert db.insert_many(Word, ({"text": str(n)} for n in range(2500))) == 2500
    db.session.commit()
    assert db.session.scalar(select(func.count(Word.id))) == 2500
    assert isinstance(db.get(Word, 1).created_at, datetime)


def test_an_upsert_tells_what_is_new(inside):
    key = ("language", "text")
    assert db.upsert(Word, given("a", "b"), on=key) == Upserted(created=2, updated=0)
    assert db.upsert(Word, given("b", "c", uses=5), on=key) == Upserted(created=1, updated=1)
    db.session.commit()
    assert words() == [("a", 1), ("b", 5), ("c", 5)]


def test_an_upsert_may_change_a_part_or_nothing(inside):
    key = ("language", "text")
    db.upsert(Word, given("a"), on=key)
    assert db.upsert(Word, given("a", "b", uses=9), on=key, update=[]) == Upserted(1, 0)
    assert words() == [("a", 1), ("b", 9)]


def test_times_of_changes_are_kept(inside):
    key = ("language", "text")
    db.upsert(Word, given("a"), on=key)
    before = db.session.execute(select(Word.created_at, Word.updated_at)).one()
    db.upsert(Word, given("a", uses=2), on=key)
    after = db.session.execute(select(Word.created_at, Word.updated_at)).one()
    assert after.created_at == before.created_at
    assert after.updated_at > before.updated_at


def test_of_two_with_one_key_the_last_counts(inside):
    rows = [*given("a", uses=1), *given("a", uses=2)]
    assert db.upsert(Word, rows, on=("language", "text")) == Upserted(1, 0)
    assert words() == [("a", 2)]


def test_many_rows_are_sent_in_parts(inside):
    rows = [{"id": n, "text": str(n), "language": "en"} for n in range(1, 3001)]
    assert db.upsert(Word, rows) == Upserted(3000, 0)
    assert db.upsert(Word, [*rows, {"id": 4000, "text": "x", "language": "en"}]) == (1, 3000)


def test_an_upsert_is_undone_with_its_transaction(inside):
    with pytest.raises(IntegrityError), db.transaction():
        db.upsert(Word, given("a"), on=("language", "text"))
        db.insert_many(Word, given("a"))
    assert words() == []


def test_async_code_has_both(app, client):
    @app.post("/words")
    @db.transaction
    async def add():
        await db.aio.insert_many(Word, given("a", "b"))
        return list(await db.aio.upsert(Word, given("b", "c"), on=("language", "text")))

    assert client.post("/words").json == [1, 1]


# -- exports ---------------------------------------------------------------------------------


@pytest.fixture
def export(app, inside):
    db.insert_many(Word, ({"text": f"word {n}"} for n in range(1200)))
    db.session.commit()

    @app.get("/sync")
    def sync():
        return db.stream(select(Word).order_by(Word.id), lambda word: f"{word.text}\n")

    @app.get("/async")
    async def on_loop():
        return db.aio.stream(
            select(Word.id, Word.text).order_by(Word.id), lambda row: f"{row.text}\n".encode()
        )


@pytest.mark.parametrize("colour", ["sync", "async"])
def test_an_export_has_every_row(client, export, colour):
    lines = client.get(f"/{colour}").text.splitlines()
    assert lines == [f"word {n}" for n in range(1200)]


@pytest.mark.parametrize("colour", ["sync", "async"])
def test_an_export_gives_its_connection_back(app, client, export, colour):
    db.session.close()
    client.get(f"/{colour}").close()
    assert client.get(f"/{colour}").text.count("\n") == 1200
    engines = [db.engine, *db.state.engines.loop_engines]
    assert [engine.pool.checkedout() for engine in engines] == [0] * len(engines)


def test_an_export_holds_a_part_only(inside, export):
    read = []

    def note(target, context):
        read.append(target.id)

    event.listen(Word, "load", note)
    try:
        body = db.stream(select(Word), lambda word: word.text, chunk=100)
        next(body)
        assert len(read) == 100
        body.close()
    finally:
        event.remove(Word, "load", note)
