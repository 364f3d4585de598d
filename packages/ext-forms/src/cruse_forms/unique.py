"""Values that no other row has: told by validators, and by the database when it is too late."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from wtforms.validators import ValidationError

if TYPE_CHECKING:
    from wtforms import Field

    from cruse_forms.form import Form

__all__ = ["AsyncUnique", "Unique", "acommit", "commit"]


class Unique:
    """Demands that no other row has the value of a field.

    Between this check and the commit another request may take the value: only a unique constraint
    of the database prevents that.

    Args:
        attribute: The attribute of the model, such as ``User.email``.
        session: A session, or a function that returns the one to use.
        message: The error's text.
    """

    def __init__(self, attribute: Any, session: Any, message: str | None = None) -> None:
        self.attribute = attribute
        self.session = session
        self.message = message

    def __call__(self, form: Any, field: Field) -> None:
        """Check a field; the object that the form was made with may keep its value.

        Raises:
            ValidationError: When another row has the value.
        """
        if field.data is None or field.data == field.object_data:
            return
        session = self.session() if callable(self.session) else self.session
        with session.no_autoflush:
            found = session.execute(select(self.attribute).where(self.attribute == field.data))
            if inspect.iscoroutine(found):
                found.close()
                raise RuntimeError("For an asynchronous session there is AsyncUnique.")
            if found.first() is not None:
                raise ValidationError(self.message or field.gettext("Already exists."))


class AsyncUnique:
    """Demands that no other row has the value of a field, for forms that are awaited.

    Validators of different fields run at the same time, so each takes a session of its own.

    Args:
        attribute: The attribute of the model, such as ``User.email``.
        sessions: Makes a session to enter with ``async with``: an ``async_sessionmaker``, or the
            ``begin`` of cruse-db's asynchronous side.
        message: The error's text.
    """

    def __init__(self, attribute: Any, sessions: Any, message: str | None = None) -> None:
        self.attribute = attribute
        self.sessions = sessions
        self.message = message

    async def __call__(self, form: Any, field: Field) -> None:
        """Check a field; the object that the form was made with may keep its value.

        Raises:
            ValidationError: When another row has the value.
        """
        if field.data is None or field.data == field.object_data:
            return
        async with self.sessions() as session:
            found = await session.execute(
                select(self.attribute).where(self.attribute == field.data)
            )
            if found.first() is not None:
                raise ValidationError(self.message or field.gettext("Already exists."))


def commit(form: Form[Any], session: Any) -> bool:
    """Commit what a valid form brought; whether that went well.

    When another request was quicker, and the database refuses a value that was free when the form
    was validated, the transaction is rolled back and the form validated again, so that
    :class:`Unique` finds the other row: the error is then that of the field.

    Args:
        form: The form, validated.
        session: The session with the changes.

    Raises:
        IntegrityError: When the database refuses what the form has no objections to.
    """
    try:
        session.commit()
    except IntegrityError:
        session.rollback()
        if form.validate():
            raise
        return False
    return True


async def acommit(form: Form[Any], session: Any) -> bool:
    """Do :func:`commit` with an ``AsyncSession``, for forms with :class:`AsyncUnique`."""
    try:
        await session.commit()
    except IntegrityError:
        await session.rollback()
        if await form.avalidate():
            raise
        return False
    return True
