"""Errors that tell what happened, and not to whom: no values of rows in their text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import event

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine, ExceptionContext

__all__ = ["hide_values"]


def hide_values(engine: Engine) -> None:
    """Leave the details out of the errors of an engine's database.

    SQLAlchemy's ``hide_parameters`` hides what was sent. PostgreSQL's answer repeats it: after the
    message, which names table and constraint, it says ``DETAIL: Key (email)=(ada@example.org)
    already exists.`` Errors end in logs, so only the message stays. (psycopg has the rest in
    ``error.orig.diag``.)
    """
    event.listen(engine, "handle_error", _shorten)


def _shorten(context: ExceptionContext) -> None:
    for error in (context.original_exception, context.sqlalchemy_exception):
        if error is not None and error.args and isinstance(error.args[0], str):
            error.args = (error.args[0].partition("\nDETAIL:")[0].rstrip(), *error.args[1:])
