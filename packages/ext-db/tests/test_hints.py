"""Errors say what to do about them, wherever they are seen: a request, the shell, the log."""

import asyncio

import pytest
from sqlalchemy import MetaData, text
from sqlalchemy.exc import MissingGreenlet, OperationalError

from cruse import Cruse
from cruse_db import Database, ForeignKey, IntegerKey, Mapped, Model, column, relationship, select


class HintBase(Model):
    __abstract__ = True
    metadata = MetaData()


class Nest(IntegerKey, HintBase):
    eggs: Mapped[list["Egg"]] = relationship()


class Egg(IntegerKey, HintBase):
    nest_id: Mapped[int] = column(ForeignKey("nest.id"))


db = Database(metadata=HintBase.metadata)


@pytest.fixture
def app(tmp_path):
    app = Cruse(__name__, root_path=str(tmp_path), instance_path=str(tmp_path))
    app.use(db)

    @app.get("/sync")
    def nests():
        return [nest.id for nest in db.session.scalars(select(Nest))]

    @app.get("/async")
    async def nests_on_loop():
        return [nest.id for nest in await db.aio.session.scalars(select(Nest))]

    yield app
    app.stop()


@pytest.mark.parametrize("gateway", ["wsgi", "asgi"])
@pytest.mark.parametrize("colour", ["sync", "async"])
def test_a_table_that_is_missing_names_the_command(app, caplog, gateway, colour):
    with app.test_client(gateway=gateway) as client:
        assert client.get(f"/{colour}").status_code == 500
    assert "no such table: nest" in caplog.text
    assert "'cruse db create' makes the tables that are missing" in caplog.text


def test_with_migrations_it_names_the_upgrade(app, tmp_path):
    (tmp_path / "migrations").mkdir()
    with app.app_context(), pytest.raises(OperationalError) as caught:
        db.session.scalars(select(Nest))
    (note,) = caught.value.__notes__
    assert "'cruse db upgrade' runs the migrations that the database lacks" in note


@pytest.mark.parametrize(
    "statement", ["SELECT nest_id FROM nest", "INSERT INTO nest (nest_id) VALUES (1)"]
)
def test_a_column_that_is_missing_names_the_upgrade(app, tmp_path, statement):
    (tmp_path / "migrations").mkdir()
    with app.app_context():
        db.create_all()
        with pytest.raises(OperationalError) as caught:
            db.session.execute(text(statement))
    assert "cruse db upgrade" in caught.value.__notes__[0]


def test_a_slip_of_the_pen_gets_no_hint(app):
    with app.app_context(), pytest.raises(OperationalError) as caught:
        db.session.execute(text("SELECT 1 FROM nets"))
    assert not hasattr(caught.value, "__notes__")


def note_of(app, read):
    """Return what the error says when async code reads what was not loaded."""

    async def main():
        with app.app_context():
            await db.aio.create_all()
            async with db.aio.begin() as session:
                session.add(Nest(id=1))
            nest = await db.aio.session.get(Nest, 1)
            with pytest.raises(MissingGreenlet) as caught:
                read(nest)
            return caught.value.__notes__[0]

    return asyncio.run(main())


def test_what_async_code_did_not_load_is_named_with_ways_to_do_it(app):
    note = note_of(app, lambda nest: nest.eggs)
    assert note.startswith("Nest.eggs was not loaded")
    assert ".options(selectinload(Nest.eggs))" in note
    assert "awaitable_attrs.eggs" in note


def test_what_has_expired_is_named(app):
    def read(nest):
        db.aio.session.expire(nest, ["id"])
        return nest.id

    assert "'id' of Nest were not loaded, or expired" in note_of(app, read)
