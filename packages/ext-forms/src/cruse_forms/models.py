"""Forms made from SQLAlchemy's models: a field for each column, by its type.

Only SQLAlchemy itself is used, and only here, so it has to be there for this module alone. Keys,
foreign keys and columns that hold bytes get no field; relationships have to be added by hand.
"""

from __future__ import annotations

import json
import re
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import wtforms
from sqlalchemy import inspect, select, types
from sqlalchemy.exc import IntegrityError
from wtforms import validators
from wtforms.fields import choices
from wtforms.validators import ValidationError

from cruse_forms.form import Form

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from sqlalchemy import Column
    from wtforms import Field

__all__ = [
    "AsyncUnique",
    "IntervalField",
    "JSONField",
    "UUIDField",
    "Unique",
    "acommit",
    "commit",
    "model_form",
]


class IntervalField(wtforms.StringField):
    """A text input for a time span, ``1:30:00`` or ``2 days 0:15``; a ``datetime.timedelta``."""

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Take the text; an empty one is no time span."""
        text = str(valuelist[0]).strip() if valuelist else ""
        self.data: Any = None
        if not text:
            return
        found = _INTERVAL.fullmatch(text)
        if found is None:
            raise ValueError(self.gettext("Not a valid time span, such as 1:30:00."))
        days, hours, minutes, seconds = (int(each or 0) for each in found.groups())
        self.data = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)

    def _value(self) -> str:
        if self.process_errors and self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else str(self.data)


class UUIDField(wtforms.StringField):
    """A text input for a UUID; its data is a ``uuid.UUID``."""

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Take the text; an empty one is no UUID."""
        text = str(valuelist[0]).strip() if valuelist else ""
        self.data: Any = None
        if text:
            try:
                self.data = uuid.UUID(text)
            except ValueError:
                self.data = text
                raise ValueError(self.gettext("Invalid UUID.")) from None

    def _value(self) -> str:
        return "" if self.data is None else str(self.data)


class JSONField(wtforms.TextAreaField):
    """A text area for JSON; its data is what the JSON says."""

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Take the text; an empty one is null."""
        if not valuelist:
            return
        text = str(valuelist[0])
        try:
            self.data: Any = json.loads(text) if text.strip() else None
        except (ValueError, RecursionError):
            self.data = None
            raise ValueError(self.gettext("Not valid JSON.")) from None

    def _value(self) -> str:
        if self.process_errors and self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else json.dumps(self.data, ensure_ascii=False)


#: As ``str()`` writes a timedelta, seconds and days left out at will.
_INTERVAL = re.compile(r"(?:(\d{1,6}) ?d(?:ays?)?,? )?(\d{1,6}):([0-5]?\d)(?::([0-5]?\d))?", re.A)

#: The fields for types of columns; the first that fits is taken, so a type is before its base.
FIELDS: tuple[tuple[type[Any], type[Field]], ...] = (
    (types.Boolean, wtforms.BooleanField),
    (types.Float, wtforms.FloatField),
    (types.Numeric, wtforms.DecimalField),
    (types.Integer, wtforms.IntegerField),
    (types.DateTime, wtforms.DateTimeLocalField),
    (types.Date, wtforms.DateField),
    (types.Time, wtforms.TimeField),
    (types.Interval, IntervalField),
    (types.Uuid, UUIDField),
    (types.JSON, JSONField),
    (types.Text, wtforms.TextAreaField),
    (types.String, wtforms.StringField),
)


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


def model_form(
    model: type[Any],
    *,
    only: Collection[str] | None = None,
    exclude: Collection[str] = (),
    field_args: dict[str, dict[str, Any]] | None = None,
    session: Any = None,
    base: type[Form[Any]] = Form,
) -> type[Form[Any]]:
    """Return a form with a field for each column of a model.

    Args:
        model: A mapped class.
        only: The attributes to make fields for; all that fields can be made for unless given.
        exclude: The attributes to leave out.
        field_args: Further arguments of fields, such as ``{"title": {"description": "Short."}}``.
        session: What :class:`Unique` asks, for columns with a unique constraint of their own.
        base: The form to derive from; fields in it are kept.

    Raises:
        TypeError: When there is no field for the type of a column that ``only`` names.
        LookupError: When the model has no column of a name in ``only``.
    """
    columns = {each.key: each.columns[0] for each in inspect(model).column_attrs}
    names = [name for name in columns if name not in exclude] if only is None else list(only)
    fields: dict[str, Any] = {}
    for name in names:
        if name not in columns:
            raise LookupError(
                f"{model.__name__} has no column {name!r}. It has: {', '.join(columns)}."
            )
        column = columns[name]
        if hasattr(base, name) or (only is None and _is_left_out(column)):
            continue
        make = _field_for(column)
        if make is not None:
            fields[name] = make(**_arguments(model, name, column, session, field_args or {}))
        elif only is not None:
            raise TypeError(
                f"There is no field for {model.__name__}.{name} of type {column.type!r}; give a "
                "base form that has one."
            )
    meta = type("Meta", (), {"model": model})
    return type(f"{model.__name__}Form", (base,), {"Meta": meta, **fields})


def _is_left_out(column: Column[Any]) -> bool:
    return bool(column.primary_key or column.foreign_keys or column.computed is not None)


def _field_for(column: Column[Any]) -> Callable[..., Any] | None:
    kind = column.type
    if isinstance(kind, types.Enum):
        return wtforms.SelectField
    return next((field for base, field in FIELDS if isinstance(kind, base)), None)


def _arguments(
    model: type[Any], name: str, column: Column[Any], session: Any, field_args: dict[str, Any]
) -> dict[str, Any]:
    """Return the arguments of the field for a column; the caller's come last."""
    found: dict[str, Any] = {"validators": _validators(model, name, column, session)}
    if isinstance(column.type, types.Enum):
        found |= _choices(column)
    default: Any = column.default
    if default is not None and default.is_scalar:
        found["default"] = default.arg
    if column.nullable and isinstance(column.type, types.String):
        found["filters"] = [_none_if_empty]
    own = dict(field_args.get(name, {}))
    found["validators"] += own.pop("validators", [])
    return found | own


def _validators(model: type[Any], name: str, column: Column[Any], session: Any) -> list[Any]:
    kind = column.type
    found: list[Any] = []
    if column.nullable:
        found.append(validators.Optional())
    elif not isinstance(kind, types.Boolean) and not _has_default(column):
        found.append(validators.InputRequired())  # an unchecked box is an answer
    elif not isinstance(kind, types.Boolean):
        found.append(validators.Optional())
    if isinstance(kind, types.String) and not isinstance(kind, types.Enum) and kind.length:
        found.append(validators.Length(max=kind.length))
    if column.unique and session is not None:
        found.append(Unique(getattr(model, name), session))
    return found


def _has_default(column: Column[Any]) -> bool:
    return column.default is not None or column.server_default is not None


def _choices(column: Column[Any]) -> dict[str, Any]:
    """Return the choices of an enum: the names of its members, which SQLAlchemy stores."""
    kind: Any = column.type
    cls = kind.enum_class

    def coerce(value: Any) -> Any:
        if value is None or value == "":
            return None
        if cls is None or isinstance(value, cls):
            return value
        if value not in cls.__members__:
            raise ValueError(value)
        return cls[value]

    choice: Any = choices.SelectChoice  # type: ignore[attr-defined]
    empty = [choice("", "")] if column.nullable else []
    named = [choice(name, name.replace("_", " ").capitalize()) for name in kind.enums]
    return {"choices": [*empty, *named], "coerce": coerce}


def _none_if_empty(value: Any) -> Any:
    return None if value == "" else value
