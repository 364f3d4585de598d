"""What waits for a commit, and transactions that are tried again."""

import sqlite3

import pytest
from sqlalchemy import MetaData
from sqlalchemy.exc import IntegrityError, OperationalError

from cruse import Cruse
from cruse_db import Database, Mapped, Model, column, func, select


class Base(Model):
    __abstract__ = True
    metadata = MetaData()


class Item(Base):
    id: Mapped[int] = column(primary_key=True)
    name: Mapped[str] = column(unique=True)


db = Database(metadata=Base.metadata)


@pytest.fixture
def app(tmp_path):
    app = Cruse(__name__, instance_path=str(tmp_path))
    app.config.update(PROPAGATE_EXCEPTIONS=False)
    app.use(db)
    with app.app_context():
        db.create_all()
    yield app
    app.stop()


@pytest.fixture(params=["sync", "async"])
def colour(request):
    return request.param


@pytest.fixture
def said():
    return []


@pytest.fixture
def inside(app):
    with app.app_context():
        yield


def count(app):
    with app.app_context():
        return db.session.scalar(select(func.count(Item.id)))


# -- on_commit -------------------------------------------------------------------------------


@pytest.fixture
def add_views(app, said):
    @app.post("/sync/<name>")
    @db.transaction
    def add(name):
        db.session.add(Item(name=name))
        db.on_commit(lambda: said.append((name, count(app))))
        if name == "bad":
            raise ArithmeticError
        assert said == []
        return name

    @app.post("/async/<name>")
    @db.transaction
    async def add_async(name):
        async def say():
            rows = select(func.count(Item.id))
            async with db.aio.begin() as session:
                said.append((name, await session.scalar(rows)))

        db.aio.session.add(Item(name=name))
        db.on_commit(say)
        if name == "bad":
            raise ArithmeticError
        assert said == []
        return name


def test_it_is_called_once_the_rows_are_there_for_others(client, add_views, said, colour):
    assert client.post(f"/{colour}/lamp").status_code == 200
    assert said == [("lamp", 1)]


def test_it_is_not_called_when_the_transaction_fails(client, add_views, said, colour):
    client.post(f"/{colour}/bad")
    assert said == []
    client.post(f"/{colour}/lamp")
    assert said == [("lamp", 1)]


def test_what_a_savepoint_undoes_is_not_called(inside, said):
    with db.transaction():
        db.on_commit(lambda: said.append("outer"))
        with pytest.raises(ArithmeticError), db.transaction():
            db.on_commit(lambda: said.append("lost"))
            raise ArithmeticError
        with db.transaction():
            db.on_commit(lambda: said.append("inner"))
        assert said == []
    assert said == ["outer", "inner"]


def test_a_plain_commit_counts_as_well(inside, said):
    db.on_commit(lambda: said.append(1))
    db.session.rollback()
    db.session.commit()
    db.on_commit(lambda: said.append(2))
    db.session.commit()
    db.session.commit()
    assert said == [2]


def test_a_session_of_its_own_has_it_too(inside, said):
    with db.begin() as session:
        session.on_commit(lambda: said.append("own"))
    assert said == ["own"]


def test_one_that_fails_is_logged_and_keeps_the_others_from_nothing(app, inside, said, caplog):
    with db.transaction():
        db.session.add(Item(name="lamp"))
        db.on_commit(lambda: 1 / 0)
        db.on_commit(lambda: said.append("after"))
    assert said == ["after"]
    assert "ZeroDivisionError" in caplog.text
    assert count(app) == 1


def test_async_functions_are_for_async_code(inside):
    async def later():
        pass

    with pytest.raises(TypeError, match="plain functions"):
        db.on_commit(later)


# -- retry -----------------------------------------------------------------------------------


def conflict():
    error = sqlite3.OperationalError("database is locked")
    error.sqlite_errorcode = sqlite3.SQLITE_BUSY
    return OperationalError("UPDATE item", {}, error)


@pytest.fixture
def failures():
    """How often the views still fail."""
    return [0]


@pytest.fixture
def add_retried(app, said, failures):
    def maybe_fail(name):
        said.append(name)
        if failures[0]:
            failures[0] -= 1
            raise conflict()

    @app.post("/sync/<name>")
    @db.transaction(retry=2)
    def add(name):
        db.session.add(Item(name=name))
        db.session.flush()
        db.on_commit(lambda: said.append("committed"))
        maybe_fail(name)
        return name

    @app.post("/async/<name>")
    @db.transaction(retry=2)
    async def add_async(name):
        db.aio.session.add(Item(name=name))
        await db.aio.session.flush()
        db.on_commit(lambda: said.append("committed"))
        maybe_fail(name)
        return name


def test_a_conflict_is_tried_again(app, client, add_retried, failures, said, colour):
    failures[0] = 2
    assert client.post(f"/{colour}/lamp").status_code == 200
    assert said == ["lamp", "lamp", "lamp", "committed"]
    assert count(app) == 1


def test_after_the_last_try_the_client_is_told_to_come_back(
    app, client, add_retried, failures, said, colour
):
    failures[0] = 3
    response = client.post(f"/{colour}/lamp")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
    assert said == ["lamp"] * 3
    assert count(app) == 0


def test_other_errors_are_not_tried_again(app, client, add_retried, said, colour):
    client.post(f"/{colour}/lamp")
    said.clear()
    assert client.post(f"/{colour}/lamp").status_code == 500  # the name is taken
    assert said == []


def test_outside_of_requests_the_error_itself_comes_out(inside, said):
    @db.transaction(retry=1)
    def always():
        said.append(1)
        raise conflict()

    with pytest.raises(OperationalError, match="locked"):
        always()
    assert said == [1, 1]


def test_only_the_whole_is_tried_again_and_not_a_part(inside, said):
    @db.transaction(retry=5)
    def part():
        said.append(1)
        raise conflict()

    with pytest.raises(OperationalError), db.transaction():
        part()
    assert said == [1]


def test_a_block_cannot_be_tried_again(inside):
    with pytest.raises(TypeError, match="retry"), db.transaction(retry=2):
        pass


def test_an_integrity_error_shows_no_value(inside):
    with db.begin() as session:
        session.add(Item(name="hush"))
    with pytest.raises(IntegrityError) as caught, db.begin() as session:
        session.add(Item(name="hush"))
    assert "hush" not in str(caught.value)
