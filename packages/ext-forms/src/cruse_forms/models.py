"""Forms made from SQLAlchemy's models: a field for each column and relationship, by its type.

Only SQLAlchemy itself is used, and only from here, so it has to be there for this module alone.
Keys, foreign keys and columns that hold bytes get no field.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import wtforms
from sqlalchemy import inspect, select, types
from sqlalchemy.orm import RelationshipDirection
from wtforms import validators
from wtforms.fields import choices

from cruse_forms.column_fields import IntervalField, JSONField, UUIDField
from cruse_forms.column_numbers import Holdable
from cruse_forms.form import Form
from cruse_forms.query_fields import (
    QuerySelectField,
    QuerySelectMultipleField,
    key_column,
    label_column,
)
from cruse_forms.unique import AsyncUnique, Unique, acommit, commit

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from sqlalchemy import Column
    from sqlalchemy.orm import RelationshipProperty
    from wtforms import Field

__all__ = [
    "AsyncUnique",
    "IntervalField",
    "JSONField",
    "QuerySelectField",
    "QuerySelectMultipleField",
    "UUIDField",
    "Unique",
    "acommit",
    "commit",
    "model_form",
]

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


def model_form(
    model: type[Any],
    *,
    only: Collection[str] | None = None,
    exclude: Collection[str] = (),
    field_args: dict[str, dict[str, Any]] | None = None,
    session: Any = None,
    sessions: Any = None,
    base: type[Form[Any]] = Form,
) -> type[Form[Any]]:
    """Return a form with a field for each column of a model, and for its relationships.

    Args:
        model: A mapped class.
        only: The attributes to make fields for. Unless given, that is all that fields can be made
            for, of relationships those to one (many-to-one) and many-to-many.
        exclude: The attributes to leave out.
        field_args: Further arguments of fields, such as ``{"title": {"description": "Short."}}``
            or ``{"author": {"get_label": "name"}}``.
        session: What relationships are looked up with, as for :class:`QuerySelectField`; without
            it they get no fields. :class:`Unique` asks it, too, for columns with a unique
            constraint of their own.
        sessions: What :class:`AsyncUnique` takes for such columns instead, in async code.
        base: The form to derive from; fields in it are kept.

    Raises:
        TypeError: When there is no field for what ``only`` names.
        LookupError: When the model has no column or relationship of a name in ``only``.
    """
    mapper: Any = inspect(model)
    columns = {each.key: each.columns[0] for each in mapper.column_attrs}
    relations = {each.key: each for each in mapper.relationships}
    names = list(only or ())
    if only is None:
        names += [name for name in columns if not _is_left_out(columns[name])]
        if session is not None:
            names += [name for name in relations if _is_offered(relations[name])]
    fields: dict[str, Any] = {}
    for name in names:
        if name in exclude or hasattr(base, name):
            continue
        own = {"validators": [], **(field_args or {}).get(name, {})}
        if name in relations:
            fields[name] = _relation_field(relations[name], session, own)
        elif name not in columns:
            raise LookupError(
                f"{model.__name__} has no column or relationship {name!r}. It has: "
                f"{', '.join([*columns, *relations])}."
            )
        else:
            column = columns[name]
            if column.unique:
                own["validators"] = [
                    *_unique(getattr(model, name), session, sessions),
                    *own["validators"],
                ]
            fields[name] = _column_field(column, own)
    meta = type("Meta", (), {"model": model})
    return type(f"{model.__name__}Form", (base,), {"Meta": meta, **fields})


def _column_field(column: Column[Any], own: dict[str, Any]) -> Any:
    """Return the field for a column.

    Raises:
        TypeError: When there is none for its type.
    """
    make = _field_class(column)
    if make is None:
        raise TypeError(
            f"There is no field for {column} of type {column.type!r}; give a base form that has "
            "one."
        )
    return make(**_arguments(column, own))


def _is_left_out(column: Column[Any]) -> bool:
    """Whether a column gets no field unless it is asked for."""
    made_elsewhere = column.primary_key or column.foreign_keys or column.computed is not None
    return bool(made_elsewhere) or _field_class(column) is None


def _field_class(column: Column[Any]) -> Callable[..., Any] | None:
    kind = column.type
    if isinstance(kind, types.Enum):
        return wtforms.SelectField
    return next((field for base, field in FIELDS if isinstance(kind, base)), None)


def _arguments(column: Column[Any], own: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of the field for a column; the caller's own come last."""
    found: dict[str, Any] = {}
    if isinstance(column.type, types.Enum):
        found |= _choices(column)
    default: Any = column.default
    if default is not None and default.is_scalar:
        found["default"] = default.arg
    if column.nullable and isinstance(column.type, types.String):
        found["filters"] = [_none_if_empty]
    return {**found, **own, "validators": [*_validators(column), *own["validators"]]}


def _validators(column: Column[Any]) -> list[Any]:
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
    if isinstance(kind, types.Integer | types.Numeric | types.Float):
        found.append(Holdable(kind))
    return found


def _unique(attribute: Any, session: Any, sessions: Any) -> list[Any]:
    """Return the validators for an attribute that no two rows may share."""
    if sessions is not None:
        return [AsyncUnique(attribute, sessions)]
    return [] if session is None else [Unique(attribute, session)]


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


# -- relationships -------------------------------------------------------------------------------


def _is_offered(relation: RelationshipProperty[Any]) -> bool:
    """Whether a relationship gets a field without being asked for."""
    if relation.direction is RelationshipDirection.ONETOMANY:
        return False
    try:
        _check_relation(relation)
    except TypeError:
        return False
    return True


def _check_relation(relation: RelationshipProperty[Any]) -> None:
    key_column(relation.mapper.class_)
    if relation.viewonly or relation.lazy in ("write_only", "dynamic", "noload"):
        raise TypeError(f"There is no field for {relation}: it does not take what is chosen.")


def _relation_field(
    relation: RelationshipProperty[Any], session: Any, own: dict[str, Any]
) -> Field:
    """Return the field for a relationship; the caller's own arguments come last.

    Raises:
        TypeError: When there is none for it.
    """
    _check_relation(relation)
    if session is None:
        raise TypeError(f"There is no field for {relation} without a session to ask.")
    target: Any = relation.mapper.class_
    label: Any = own.get("get_label") or label_column(target)
    columns = relation.mapper.column_attrs
    order = getattr(target, label) if label in columns else key_column(target)
    required = not relation.uselist and not _may_be_null(relation)
    needed: Any = validators.InputRequired() if required else validators.Optional()
    found = {"statement": select(target).order_by(order), "session": session, **own}
    found["validators"] = [needed, *own["validators"]]
    if relation.uselist:
        return QuerySelectMultipleField(**found)
    return QuerySelectField(**{"allow_blank": not required, **found})


def _may_be_null(relation: RelationshipProperty[Any]) -> bool:
    """Whether there may be no object: one of the columns that would refer to it takes NULL."""
    if relation.direction is not RelationshipDirection.MANYTOONE:
        return True
    return any(column.nullable for column in relation.local_columns)
