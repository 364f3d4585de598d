"""Columns for files of cruse-uploads, which are seen, and go, with the rows they belong to."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import event, inspect, select, type_coerce
from sqlalchemy.types import TypeDecorator

from cruse_db.columns import Json
from cruse_db.sessions import DatabaseSession

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import ColumnElement
    from sqlalchemy.engine import Dialect
    from sqlalchemy.orm import AttributeState, InstrumentedAttribute

    from cruse_uploads import Stored, UploadSet

__all__ = ["StoredFile"]


class StoredFile(TypeDecorator["Stored"]):
    """A column of a :class:`cruse_uploads.Stored`: what is known of a file, not its bytes.

    Reading a row asks no storage. A file that was received with ``temporary=True`` is promoted
    once the row is committed; if it is rolled back, nobody ever sees the file, and the sweep of
    cruse-uploads removes it. That holds for objects of a session; an ``insert()``, ``update()`` or
    ``delete()`` that is executed as a statement says nothing of the files it is about.

    Args:
        upload_set: The set that the files are in.
        owned: Delete a file, after the commit, when its row is deleted or has got another one.
            Not for files that several rows share.
    """

    impl = Json
    cache_ok = True

    def __init__(self, upload_set: UploadSet, *, owned: bool = False) -> None:
        super().__init__()
        self.upload_set = upload_set
        self.owned = owned
        # At the first use: who has no such column has no listener.
        if not event.contains(DatabaseSession, "before_flush", _follow):
            event.listen(DatabaseSession, "before_flush", _follow)

    @staticmethod
    def key_of(attribute: InstrumentedAttribute[Any]) -> ColumnElement[str]:
        """Return the key of a column's files, for queries.

        Args:
            attribute: The column, as ``Photo.picture``.
        """
        key = type_coerce(attribute, Json)["key"].as_string()
        return cast("ColumnElement[str]", key)

    def process_bind_param(self, value: Stored | None, dialect: Dialect) -> dict[str, Any] | None:
        """Return what is kept of a file.

        Raises:
            ValueError: When it is in another set.
        """
        if value is None:
            return None
        if value.upload_set is not self.upload_set:
            raise ValueError(f"A column of {self.upload_set!r} can't have {value!r}.")
        return value.facts()

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Stored | None:
        """Return the file."""
        return None if value is None else self.upload_set.restore(value)

    def promote(self, session: DatabaseSession, file: Stored) -> None:
        """Let a file be seen after the commit, if it is a temporary one."""
        from cruse_uploads import ObjectNotFoundError

        upload_set, key = self.upload_set, file.key

        def promote() -> None:
            with suppress(ObjectNotFoundError):  # it was not temporary
                upload_set.promote(key)

        async def promote_on_loop() -> None:
            with suppress(ObjectNotFoundError):
                await upload_set.apromote(key)

        session.on_commit(promote_on_loop if session.on_loop else promote)

    def delete(self, session: DatabaseSession, file: Stored) -> None:
        """Delete a file after the commit."""
        session.on_commit(file.adelete if session.on_loop else file.delete)


def _follow(session: DatabaseSession, context: object, instances: object) -> None:
    """Let files go the way of the rows that are about to be written."""
    for instance in (*session.new, *session.dirty):
        for kind, attribute in _attributes(instance):
            history = attribute.history
            for file in filter(None, history.added):
                kind.promote(session, file)
            if kind.owned and history.added:
                before = history.deleted or [_stored(session, attribute)]
                for file in filter(None, before):
                    kind.delete(session, file)
    for instance in session.deleted:
        for kind, attribute in _attributes(instance):
            if kind.owned and attribute.value is not None:
                kind.delete(session, attribute.value)


def _attributes(instance: Any) -> Iterator[tuple[StoredFile, AttributeState]]:
    """Yield the types of an object's files, and how its attributes are."""
    state = inspect(instance)
    for attribute in state.mapper.column_attrs:
        kind = attribute.columns[0].type
        if isinstance(kind, StoredFile):
            yield kind, state.attrs[attribute.key]


def _stored(session: DatabaseSession, attribute: AttributeState) -> Stored | None:
    """Return the file that a row has, for an object that was not loaded when it got another."""
    state = attribute.state
    if state.identity is None:
        return None  # it is new
    mapper = state.mapper
    key = zip(mapper.primary_key, state.identity, strict=True)
    column = getattr(mapper.class_, attribute.key)
    statement = select(column).where(*(each == value for each, value in key))
    file: Stored | None = session.scalar(statement, execution_options={"include_deleted": True})
    return file
