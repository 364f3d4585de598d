"""What to do about an error, as a note at it (PEP 678): tracebacks, logs and the debugger show it.

Nothing is asked of a database here, and nothing happens unless there is an error.
"""

from __future__ import annotations

import re
import sys
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from sqlalchemy.exc import MissingGreenlet
from sqlalchemy.orm import RelationshipProperty
from sqlalchemy.orm.interfaces import LoaderStrategy

if TYPE_CHECKING:
    from types import FrameType

    from sqlalchemy.engine import Engine, ExceptionContext

    from cruse_db.state import DatabaseState

__all__ = ["give_hints"]

# SQLite's and PostgreSQL's words for a table or a column that is not there.
_MISSING = re.compile(
    r"no such (?:table|column): (\S+)"
    r"|has no column named (\S+)"
    r'|relation "([^"]+)" does not exist'
    r'|column "?([^" ]+)"?(?: of relation "[^"]+")? does not exist'
)


def give_hints(engine: Engine, state: DatabaseState) -> None:
    """Let the errors of an engine say what to do.

    Args:
        engine: The engine.
        state: The extension's state in its application.
    """
    # An engine may be closed only after its application has gone, and must not keep it.
    reference = weakref.ref(state)

    def on_error(context: ExceptionContext) -> None:
        state = reference()
        hint = None if state is None else _hint(context.original_exception, state)
        if hint is not None:
            (context.sqlalchemy_exception or context.original_exception).add_note(hint)

    event.listen(engine, "handle_error", on_error)


def _hint(error: BaseException, state: DatabaseState) -> str | None:
    if isinstance(error, MissingGreenlet):
        return _about_loading(sys._getframe(1))
    return _about_tables(str(error), state)


# -- tables that are not there ---------------------------------------------------------------


def _about_tables(text: str, state: DatabaseState) -> str | None:
    match = _MISSING.search(text)
    if match is None:
        return None
    name = next(filter(None, match.groups())).rpartition(".")[2]
    for bind in (None, *state.settings.binds):
        for table in state.extension.metadata_of(bind).tables.values():
            if name == table.name or name in table.columns:
                return _what_makes_it(state, bind)
    return None  # it is of no model, so a slip of the pen


def _what_makes_it(state: DatabaseState, bind: str | None) -> str:
    if not state.migrations_folder(bind).is_dir():
        return (
            "A model says that it is there. 'cruse db create' makes the tables that are missing, "
            "or 'cruse db migrate' writes the first migration."
        )
    option = "" if bind is None else f" --bind {bind}"
    return (
        "A model says that it is there. 'cruse db upgrade' runs the migrations that the database "
        f"lacks. If 'cruse db plan{option}' lists none, 'cruse db migrate{option}' writes one."
    )


# -- what async code can't load by reading it ------------------------------------------------


def _about_loading(frame: FrameType | None) -> str | None:
    """Say how to load what is being read; that is known by the loader up the stack."""
    while frame is not None:
        loader: Any = frame.f_locals.get("self")
        if isinstance(loader, LoaderStrategy) and isinstance(
            loader.parent_property, RelationshipProperty
        ):
            model, name = loader.parent.class_.__name__, loader.key
            return (
                f"{model}.{name} was not loaded, and async code can't load it by reading it. Load "
                f"it with the query: .options(selectinload({model}.{name})); or later: await "
                f"session.refresh(object, ['{name}']), or, when {model} has SQLAlchemy's "
                f"AsyncAttrs as a base, await object.awaitable_attrs.{name}."
            )
        if frame.f_code.co_name == "_load_scalar_attributes":
            with suppress(KeyError, AttributeError):
                model = frame.f_locals["mapper"].class_.__name__
                names = ", ".join(map(repr, sorted(frame.f_locals["attribute_names"])))
                return (
                    f"The attributes {names} of {model} were not loaded, or expired, and async "
                    "code can't load them by reading them: await session.refresh(object) first."
                )
        frame = frame.f_back
    return None
