"""The parts that models are put together from."""

import enum
import time
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

import pytest
from sqlalchemy import MetaData, text
from sqlalchemy.exc import StatementError
from sqlalchemy.orm import DeclarativeBase, MappedAsDataclass, selectinload
from sqlalchemy.orm.exc import StaleDataError

from cruse import Cruse
from cruse_db import (
    Database,
    EncryptedString,
    ForeignKey,
    IntegerKey,
    Mapped,
    Model,
    Password,
    PasswordHash,
    Slugged,
    SoftDelete,
    Timestamps,
    UUIDKey,
    Versioned,
    column,
    relationship,
    select,
    uuid7,
)

KEYS = (
    "7Zt3dT4h0XGdmyxk_pIVHn_xCvpPqrAT2nkZLMmRkH4=",
    "9jpUnZGS1BxWyt8UBXHzj5nhRGQvHLgQl3dFrfQD3sU=",
)


class Base(Model):
    __abstract__ = True
    metadata = MetaData()


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Article(UUIDKey, Slugged, Timestamps, Versioned, Base):
    title: Mapped[str]
    colour: Mapped[Colour] = column(default=Colour.RED)
    state: Mapped[Literal["draft", "out"]] = column(default="draft")
    notes: Mapped[list["Note"]] = relationship(back_populates="article")


class Note(IntegerKey, SoftDelete, Base):
    words: Mapped[str]
    article_id: Mapped[UUID | None] = column(ForeignKey("article.id"))
    article: Mapped[Article | None] = relationship(back_populates="notes")


class Account(IntegerKey, Base):
    password: Mapped[Password | None] = column(PasswordHash)
    token: Mapped[str | None] = column(EncryptedString)


class Point(MappedAsDataclass, Base):
    """A model that is a dataclass as well."""

    x: Mapped[int]
    id: Mapped[int] = column(primary_key=True, init=False)
    y: Mapped[int] = column(default=0)


class Plain(DeclarativeBase):
    """Another base, of plain SQLAlchemy."""


class Old(Plain):
    __tablename__ = "old"

    id: Mapped[int] = column(primary_key=True)


@pytest.fixture
def db(tmp_path):
    app = Cruse(__name__, instance_path=str(tmp_path))
    app.config["DB_ENCRYPTION_KEYS"] = KEYS[:1]
    db = Database(app, metadata=Base.metadata)
    with app.app_context():
        db.create_all()
        yield db
    app.stop()


def add(db, *objects):
    with db.begin() as session:
        session.add_all(objects)


# -- keys and times --------------------------------------------------------------------------


def test_uuids_grow_also_within_a_millisecond():
    made = [uuid7() for _ in range(5000)]
    assert made == sorted(made)
    assert len(set(made)) == 5000
    assert {(one.version, one.variant) for one in made} == {(7, "specified in RFC 4122")}


def test_a_uuid_tells_when_it_was_made():
    milliseconds = uuid7().int >> 80
    assert abs(milliseconds / 1000 - time.time()) < 60


def test_a_uuid_key_is_found(db):
    article = Article(title="One")
    add(db, article)
    assert article.id.version == 7
    assert db.get(Article, article.id).title == "One"


def test_keys_come_first_and_housekeeping_last():
    columns = list(Base.metadata.tables["article"].columns.keys())
    assert columns[0] == "id"
    assert columns[-3:] == ["created_at", "updated_at", "version"]


def test_times_are_kept(db):
    article = Article(title="One")
    add(db, article)
    assert datetime.now(UTC) - article.created_at < timedelta(minutes=1)
    made = article.updated_at
    with db.transaction():
        db.get(Article, article.id).title = "Two"
    stored = db.get(Article, article.id)
    assert stored.updated_at > made
    assert stored.created_at == article.created_at


# -- optimistic locking ----------------------------------------------------------------------


def test_a_change_to_an_outdated_object_is_refused(db):
    article = Article(title="One")
    add(db, article)
    assert article.version == 1
    db.session.add(article)
    with db.begin() as other:
        other.get(Article, article.id).title = "Somebody else's"
    article.title = "Mine"
    with pytest.raises(StaleDataError):
        db.session.commit()
    db.session.rollback()
    assert db.session.scalars(select(Article.title)).all() == ["Somebody else's"]


# -- slugs -----------------------------------------------------------------------------------


def test_slugs_are_made_once_and_are_unique(db):
    first, second = Article(title="Hello, Wörld!"), Article(title="Hello World")
    add(db, first, second)
    third = Article(title="hello world")
    add(db, third, Article(title="!!!"), Article(title="Mine", slug="own"))
    assert [first.slug, second.slug, third.slug] == [
        "hello-world",
        "hello-world-2",
        "hello-world-3",
    ]
    assert db.session.scalar(select(Article.slug).where(Article.title == "!!!")) == "n-a"
    assert db.session.scalar(select(Article.slug).where(Article.title == "Mine")) == "own"


# -- soft deletion ---------------------------------------------------------------------------


@pytest.fixture
def notes(db):
    article = Article(title="One", notes=[Note(words="kept"), Note(words="gone")])
    add(db, article)
    with db.begin() as session:
        session.scalars(select(Note).where(Note.words == "gone")).one().soft_delete()
    return article.id


def test_queries_leave_out_what_is_deleted(db, notes):
    assert db.session.scalars(select(Note.words)).all() == ["kept"]
    assert db.get(Note, 2) is None
    hidden = select(Note).execution_options(include_deleted=True).order_by(Note.id)
    assert [note.is_deleted for note in db.session.scalars(hidden)] == [False, True]


@pytest.mark.parametrize("options", [(), (selectinload(Article.notes),)])
def test_relationships_leave_it_out_too(db, notes, options):
    article = db.session.scalars(select(Article).options(*options)).one()
    assert [note.words for note in article.notes] == ["kept"]


def test_it_can_be_restored(db, notes):
    with db.transaction():
        db.get(Note, 2, execution_options={"include_deleted": True}).restore()
    assert len(db.session.scalars(select(Note)).all()) == 2


# -- enums -----------------------------------------------------------------------------------


def test_enums_and_literals_are_stored_as_text(db):
    add(db, Article(title="One", colour=Colour.BLUE, state="out"))
    assert db.session.execute(text("SELECT colour, state FROM article")).one() == ("BLUE", "out")
    article = db.session.scalars(select(Article)).one()
    assert (article.colour, article.state) == (Colour.BLUE, "out")


def test_a_value_that_is_no_member_is_refused(db):
    db.session.add(Article(title="One", state="lost"))
    with pytest.raises(StatementError, match="lost"):
        db.session.flush()


# -- secrets ---------------------------------------------------------------------------------


def test_of_a_password_only_the_hash_is_stored(db):
    add(db, Account(password=Password.of("correct horse")))
    assert "horse" not in db.session.execute(text("SELECT password FROM account")).scalar_one()
    password = db.session.scalars(select(Account)).one().password
    assert password.matches("correct horse")
    assert not password.matches("battery")
    assert "scrypt" not in repr(password)


def test_a_password_in_plain_text_is_refused(db):
    db.session.add(Account(password="correct horse"))
    with pytest.raises(StatementError, match=r"Password\.of"):
        db.session.flush()


def test_encrypted_text_is_not_readable_in_the_database(db):
    pytest.importorskip("cryptography")
    add(db, Account(token="t0ken"), Account())
    stored = db.session.scalars(text("SELECT token FROM account")).all()
    assert "t0ken" not in str(stored)
    assert [account.token for account in db.session.scalars(select(Account))] == ["t0ken", None]


def test_keys_can_be_changed_and_lost(db):
    pytest.importorskip("cryptography")
    add(db, Account(token="t0ken"))
    config = db.state.app.config
    config["DB_ENCRYPTION_KEYS"] = KEYS[::-1]
    assert db.session.scalars(select(Account.token)).one() == "t0ken"
    config["DB_ENCRYPTION_KEYS"] = KEYS[1:]
    with pytest.raises(ValueError, match="none of the keys"):
        db.session.scalars(select(Account.token)).one()
    config["DB_ENCRYPTION_KEYS"] = ()
    with pytest.raises(RuntimeError, match="generate_key"):
        db.session.scalars(select(Account.token)).one()


# -- other kinds of models -------------------------------------------------------------------


def test_models_may_be_dataclasses(db):
    add(db, Point(3))
    point = db.session.scalars(select(Point)).one()
    assert (point.x, point.y, point.id) == (3, 0, 1)
    assert Point(1, y=2) == Point(1, y=2)


def test_models_may_have_a_base_of_plain_sqlalchemy(tmp_path):
    app = Cruse(__name__, instance_path=str(tmp_path))
    db = Database(app, metadata=Plain.metadata)
    with app.app_context():
        assert db.create_all() == ["old"]
        with db.begin() as session:
            session.add(Old(id=7))
        assert db.get_or_404(Old, 7).id == 7
    app.stop()
