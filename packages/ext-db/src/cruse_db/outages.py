"""Databases that are away, told from queries that are wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import event, exc

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

__all__ = ["outage", "tell_of_connecting"]

# Shut down by an administrator, by a crash, not up yet, and all connections taken.
_AWAY = frozenset({"57P01", "57P02", "57P03", "53300"})
_CONNECTION = "08"  # the class of SQLSTATEs that are about the connection


def outage(error: BaseException) -> str | None:
    """Return what is wrong with a database that is away or has no connection left.

    In the driver's words, which have neither the statement nor its values. ``None`` for all other
    errors. A file does not go away: those of SQLite are never meant.
    """
    if isinstance(error, exc.TimeoutError):  # of the pool
        return f"No connection to the database is free: {error.args[0]}"
    if isinstance(error, exc.DBAPIError) and _is_away(error):
        return f"The database cannot be reached: {type(error).__name__}: {error.orig}"
    return None


def _is_away(error: exc.DBAPIError) -> bool:
    if error.connection_invalidated:
        return True
    code = getattr(error.orig, "sqlstate", "")
    if code is None:  # the server has not said it: the driver has
        return error.statement is None  # while it tried to connect
    return code[:2] == _CONNECTION or code in _AWAY


def tell_of_connecting(engine: Engine) -> None:
    """Let errors of asyncpg while it connects be what those of psycopg are, without SQLSTATE.

    SQLAlchemy passes an ``OSError`` on as it is, which could be anything's; and of the server's
    refusals only asyncpg has the code.
    """

    def connect(dialect: Any, record: object, args: Any, kwargs: Any) -> Any:
        driver = dialect.loaded_dbapi
        try:
            return dialect.connect(*args, **kwargs)
        except (OSError, driver.Error) as error:
            said = str(error) or type(error).__name__  # a timeout says nothing
            raise driver.OperationalError(said) from error

    event.listen(engine, "do_connect", connect)
