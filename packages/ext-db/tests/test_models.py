"""Models: their tables, their names, and what their columns hold."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import Index, MetaData, UniqueConstraint
from sqlalchemy.exc import StatementError

from cruse import Cruse
from cruse_db import Database, ForeignKey, Mapped, Model, column, relationship, select
from cruse_db.models import NAMING_CONVENTION, table_name


class Base(Model):
    __abstract__ = True
    metadata = MetaData(naming_convention=NAMING_CONVENTION)


class BlogPost(Base):
    id: Mapped[int] = column(primary_key=True)
    title: Mapped[str] = column(unique=True)
    secret: Mapped[str] = column(default="hush")
    written: Mapped[datetime | None]
    extra: Mapped[dict[str, Any] | None]
    comments: Mapped[list["Comment"]] = relationship(back_populates="post")


class Comment(Base):
    __table_args__ = (UniqueConstraint("post_id", "text"), Index(None, "post_id", "text"))

    id: Mapped[int] = column(primary_key=True)
    post_id: Mapped[int] = column(ForeignKey("blog_post.id"))
    text: Mapped[str]
    post: Mapped[BlogPost] = relationship(back_populates="comments")


class Person(Base):
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "person"}

    id: Mapped[int] = column(primary_key=True)
    kind: Mapped[str]


class Guest(Person):
    __mapper_args__ = {"polymorphic_identity": "guest"}


class Member(Person):
    __mapper_args__ = {"polymorphic_identity": "member"}

    id: Mapped[int] = column(ForeignKey("person.id"), primary_key=True)


class Named(Base):
    __tablename__ = "quite_another"

    id: Mapped[int] = column(primary_key=True)


class TablesOfThePast:
    __tablename__ = "past"


class FromMixin(TablesOfThePast, Base):
    id: Mapped[int] = column(primary_key=True)


@pytest.fixture
def db(tmp_path):
    app = Cruse(__name__, instance_path=str(tmp_path))
    database = Database(app, metadata=Base.metadata)
    with app.app_context():
        database.create_all()
        yield database


@pytest.mark.parametrize(
    ("class_name", "expected"),
    [
        ("User", "user"),
        ("BlogPost", "blog_post"),
        ("HTTPRoute", "http_route"),
        ("OAuth2Token", "o_auth2_token"),
        ("already_snake", "already_snake"),
    ],
)
def test_a_table_is_named_after_its_class_in_snake_case(class_name, expected):
    assert table_name(class_name) == expected


def test_a_name_given_on_the_class_or_a_mixin_is_kept():
    assert Named.__tablename__ == "quite_another"
    assert FromMixin.__tablename__ == "past"


def test_a_subclass_shares_the_table_unless_it_has_a_key_of_its_own():
    assert Guest.__table__ is Person.__table__
    assert Member.__table__.name == "member"


def test_every_constraint_has_a_name():
    comment = Base.metadata.tables["comment"]
    names = {constraint.name for constraint in comment.constraints}
    assert names == {
        "pk_comment",
        "fk_comment_post_id_blog_post",
        "uq_comment_post_id_text",
    }
    assert {index.name for index in comment.indexes} == {"ix_comment_post_id_text"}


def test_repr_shows_the_key_and_nothing_else(db):
    post = BlogPost(title="a secret title")
    assert repr(post) == "<BlogPost (not stored)>"
    db.session.add(post)
    db.session.commit()
    assert repr(post) == "<BlogPost 1>"


def test_a_moment_comes_back_in_utc_whatever_zone_it_went_in_with(db):
    written = datetime(2026, 11, 22, 18, 30, tzinfo=timezone(timedelta(hours=2)))
    with db.begin() as session:
        session.add(BlogPost(title="late", written=written))
    stored = db.session.scalars(select(BlogPost)).one().written
    assert stored == written
    assert stored.tzinfo is UTC
    assert stored.hour == 16


def test_moments_can_be_compared_in_queries(db):
    noon = datetime(2026, 11, 22, 12, tzinfo=UTC)
    with db.begin() as session:
        for hours in (-1, 1):
            session.add(BlogPost(title=str(hours), written=noon + timedelta(hours=hours)))
    ahead = noon.astimezone(timezone(timedelta(hours=9)))
    found = db.session.scalars(select(BlogPost.title).where(BlogPost.written > ahead)).all()
    assert found == ["1"]


def test_a_moment_without_a_zone_is_refused_with_what_to_write_instead(db):
    db.session.add(BlogPost(title="naive", written=datetime(2026, 11, 22)))
    with pytest.raises(StatementError, match=r"datetime\.now\(UTC\)"):
        db.session.flush()


def test_a_dictionary_is_stored_as_json(db):
    with db.begin() as session:
        session.add(BlogPost(title="rich", extra={"tags": ["a", "b"], "depth": {"n": 1}}))
    assert db.session.scalars(select(BlogPost.extra)).one() == {
        "tags": ["a", "b"],
        "depth": {"n": 1},
    }


def test_relationships_are_loaded_when_they_are_touched(db):
    with db.begin() as session:
        session.add(BlogPost(title="discussed", comments=[Comment(text="first")]))
    post = db.session.scalars(select(BlogPost)).one()
    assert [comment.text for comment in post.comments] == ["first"]
    assert post.comments[0].post is post


class Album(Base):
    id: Mapped[int] = column(primary_key=True)
    tracks: Mapped[list["Track"]] = relationship(lazy="joined")


class Track(Base):
    album_id: Mapped[int] = column(ForeignKey("album.id"), primary_key=True)
    number: Mapped[int] = column(primary_key=True)


def test_an_object_is_found_by_key_whatever_its_key_and_its_collections(db):
    with db.begin() as session:
        session.add(Album(id=1, tracks=[Track(number=1), Track(number=2)]))
    assert db.get(Track, (1, 2)).number == 2
    assert db.get(Track, {"album_id": 1, "number": 1}).number == 1
    assert [track.number for track in db.get(Album, 1).tracks] == [1, 2]
    assert db.get(Album, 1) is db.get(Album, 1)
    assert db.get(Guest, 1) is None


def test_an_object_that_was_changed_or_deleted_meanwhile_is_not_taken_from_memory(db):
    with db.begin() as session:
        session.add(Album(id=1))
    album = db.get(Album, 1)
    db.session.expire(album)
    with db.begin() as session:
        session.delete(session.get(Album, 1))
    assert db.get(Album, 1) is None
