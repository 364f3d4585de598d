"""Columns for files of cruse-uploads."""

import io

import pytest
from sqlalchemy import MetaData
from sqlalchemy.exc import StatementError

from cruse import Cruse
from cruse_db import Database, IntegerKey, Mapped, Model, StoredFile, column, select
from cruse_uploads import MemoryStorage, ObjectNotFoundError, Stored, Uploads

uploads = Uploads(storage=lambda app: MemoryStorage())
notes = uploads.set("dbnotes", allow=("txt",))
others = uploads.set("dbothers", allow=("txt",))


class Base(Model):
    __abstract__ = True
    metadata = MetaData()


class Letter(IntegerKey, Base):
    text: Mapped[Stored | None] = column(StoredFile(notes))
    draft: Mapped[Stored | None] = column(StoredFile(notes, owned=True))


db = Database(metadata=Base.metadata)


@pytest.fixture
def app(tmp_path):
    app = Cruse(__name__, instance_path=str(tmp_path))
    app.use(uploads)
    app.use(db)
    with app.app_context():
        db.create_all()
    yield app
    app.stop()


@pytest.fixture
def inside(app):
    with app.app_context():
        yield


def saved(text="Dear Ada", temporary=False):
    return notes.save(io.BytesIO(text.encode()), name="letter.txt", temporary=temporary)


def add(**files):
    with db.begin() as session:
        session.add(Letter(**files))


def stored():
    with db.new_session() as session:
        return session.scalars(select(Letter)).one()


def test_a_row_gives_back_all_that_is_known_without_asking_the_storage(inside):
    file = saved()
    add(text=file)
    notes.delete(file.key)
    assert stored().text == file
    assert stored().draft is None


def test_what_a_row_gives_back_can_be_opened_and_has_an_address(app, inside):
    add(text=saved("Dear Bob"))
    with stored().text.open() as opened:
        assert opened.read() == b"Dear Bob"
    with app.test_request_context():
        assert stored().text.url() == f"/_uploads/dbnotes/{stored().text.key}"


def test_a_file_of_another_set_is_refused(inside):
    wrong = others.save(io.BytesIO(b"x"), name="x.txt")
    with pytest.raises(StatementError, match="dbnotes"):
        add(text=wrong)


@pytest.mark.parametrize("gateway", ["wsgi", "asgi"])
@pytest.mark.parametrize("colour", ["sync", "async"])
def test_a_temporary_file_is_seen_once_its_row_is_committed(app, gateway, colour):
    @app.post("/sync", stream=True)
    @db.transaction
    def receive():
        letter = Letter(text=notes.receive(temporary=True))
        db.session.add(letter)
        db.session.flush()
        return str(notes.exists(letter.text.key))

    @app.post("/async", stream=True)
    @db.transaction
    async def receive_on_loop():
        letter = Letter(text=await notes.areceive(temporary=True))
        db.aio.session.add(letter)
        await db.aio.session.flush()
        return str(await notes.aexists(letter.text.key))

    client = app.test_client(gateway=gateway)
    answer = client.post(f"/{colour}", data={"file": (io.BytesIO(b"Dear Ada"), "a.txt")})
    assert answer.text == "False"  # not yet
    with app.app_context():
        assert notes.exists(stored().text.key)
    client.close()


def test_a_temporary_file_whose_row_is_rolled_back_is_never_seen(inside):
    file = saved(temporary=True)
    with pytest.raises(ArithmeticError), db.transaction() as session:
        session.add(Letter(text=file))
        session.flush()
        raise ArithmeticError
    assert not notes.exists(file.key)
    assert notes.get(file.key, temporary=True) == file


def test_a_file_that_a_row_owns_goes_with_it_or_with_its_place(inside):
    first, second = saved("1"), saved("2", temporary=True)
    add(draft=first, text=first)
    with db.transaction() as session:
        letter = session.scalars(select(Letter)).one()
        session.expire(letter)
        letter.draft = second
        session.flush()
        assert notes.exists(first.key)  # until the commit
    assert not notes.exists(first.key)
    assert notes.exists(second.key)
    with db.transaction() as session:
        session.delete(session.scalars(select(Letter)).one())
    assert not notes.exists(second.key)


def test_a_file_that_a_row_only_refers_to_stays(inside):
    file = saved()
    add(text=file)
    with db.transaction() as session:
        session.scalars(select(Letter)).one().text = None
    assert stored().text is None
    assert notes.exists(file.key)


def test_an_owned_file_stays_when_the_change_is_rolled_back(inside):
    file = saved()
    add(draft=file)
    with pytest.raises(ArithmeticError), db.transaction() as session:
        session.delete(session.scalars(select(Letter)).one())
        session.flush()
        raise ArithmeticError
    assert notes.exists(stored().draft.key)


def test_rows_are_found_by_the_key_of_their_file(inside):
    file = saved()
    add(text=file)
    found = select(Letter.id).where(StoredFile.key_of(Letter.text) == file.key)
    assert db.session.scalar(found) == 1
    missing = select(Letter.id).where(StoredFile.key_of(Letter.text) == "other.txt")
    assert db.session.scalar(missing) is None


def test_a_key_tells_of_a_file_that_is_gone_when_it_is_used(inside):
    file = saved()
    add(text=file)
    notes.delete(file.key)
    with pytest.raises(ObjectNotFoundError):
        stored().text.open()
