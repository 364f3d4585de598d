"""Whether JSON values are of the types that fields are for, and the types kept.

An HTML form has texts only, so WTForms makes a number of ``"5"`` and of nothing else. JSON has
types of its own: ``0`` for a text is a mistake of the client, ``false`` for a box is an answer,
and ``null`` empties a field.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wtforms import (
    BooleanField,
    DateTimeField,
    DecimalField,
    Field,
    FieldList,
    FileField,
    FloatField,
    FormField,
    IntegerField,
    SelectField,
    SelectMultipleField,
    StringField,
)

from cruse_forms.trees import FieldError, walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["apply_types"]

#: Fields that hold one value.
SINGLE = (
    BooleanField,
    DateTimeField,  # the base of all fields for dates and times
    DecimalField,
    FloatField,
    IntegerField,
    SelectField,
    StringField,
)


def apply_types(fields: Iterable[Field], values: Mapping[str, Any]) -> Iterator[FieldError]:
    """Give fields the values of a JSON body that have no text, and yield what is of a wrong type.

    Args:
        fields: The fields of a form, processed.
        values: The body's values by the fields' names.
    """
    for field in walk(fields):
        if field.name not in values:
            continue
        value = values[field.name]
        message = _mismatch(field, value)
        if message is not None:
            yield FieldError(field, field.gettext(message))
        elif not isinstance(field, FormField | FieldList):
            _keep_type(field, value)


def _keep_type(field: Field, value: Any) -> None:
    if value is None:
        field.data = None
        field.raw_data = []
        field.process_errors = []
    elif isinstance(field, BooleanField) or _takes_anything(field):
        field.data = value


def _takes_anything(field: Field) -> bool:
    """Whether a field of the user's own leaves what it is sent as it is."""
    return type(field).process_formdata is Field.process_formdata


def _mismatch(field: Field, value: Any) -> str | None:
    """Return what is wrong with the type of a value, ``None`` when nothing is."""
    if value is None:
        return None
    if isinstance(field, FormField):
        return None if isinstance(value, dict) else "Must be an object."
    if isinstance(field, FieldList):
        return None if isinstance(value, list) else "Must be a list."
    if isinstance(field, FileField):
        return "A file cannot be sent as JSON."
    if _takes_anything(field):
        return None
    if isinstance(value, dict | list):
        return _mismatch_of_many(field, value)
    return _mismatch_of_one(field, value)


def _mismatch_of_many(field: Field, value: dict[str, Any] | list[Any]) -> str | None:
    if isinstance(value, dict):
        return "Must not be an object."
    if isinstance(field, SINGLE) and not isinstance(field, SelectMultipleField):
        return "Must not be a list."
    nested = any(isinstance(item, dict | list) for item in value)
    return "Must be a list of single values." if nested else None


def _mismatch_of_one(field: Field, value: bool | float | str) -> str | None:
    if isinstance(field, BooleanField):
        return None if isinstance(value, bool) else "Must be true or false."
    if isinstance(field, StringField):
        return None if isinstance(value, str) else "Must be text."
    if isinstance(value, bool) and isinstance(field, SINGLE):
        return "Must not be true or false."
    return None
