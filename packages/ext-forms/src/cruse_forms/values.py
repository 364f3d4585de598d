"""The typed result of a form: an object of the class that the form was declared with.

``class Signup(Form[Account])`` gives ``form.value`` the type ``Account``: a dataclass, a Struct of
msgspec or a model of pydantic. What such a class objects to is an error of the form.
"""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING, Any, get_args, get_origin

from wtforms import FieldList, FormField

from cruse_forms.trees import FieldError, gettext_of, is_button

if TYPE_CHECKING:
    from wtforms import Field
    from wtforms.form import BaseForm

__all__ = ["declared_class", "make_value", "value_errors"]


def declared_class(form_class: type[Any], generic: type[Any]) -> type[Any] | None:
    """Return what stands in the brackets of ``Form[...]`` where a class was declared."""
    for base in form_class.__dict__.get("__orig_bases__", ()):
        origin, arguments = get_origin(base), get_args(base)
        if isinstance(origin, type) and issubclass(origin, generic):
            return arguments[0] if isinstance(arguments[0], type) else None
    return None


def make_value(form: BaseForm) -> Any:
    """Return a validated form's data, as an object of its class, else as a dict.

    Raises:
        ValueError: When the class does not take the data.
    """
    data = {name: _value_of(field) for name, field in form._fields.items() if not is_button(field)}
    cls: Any = getattr(form, "_value_class", None)
    if cls is None or cls is dict:
        return data
    if dataclasses.is_dataclass(cls):
        names = {field.name for field in dataclasses.fields(cls) if field.init}
        make: Any = cls
        return make(**{name: value for name, value in data.items() if name in names})
    if hasattr(cls, "model_validate"):  # pydantic
        known = {name: value for name, value in data.items() if name in cls.model_fields}
        return cls.model_validate(known)
    if hasattr(cls, "__struct_fields__"):
        msgspec = sys.modules["msgspec"]  # which made the class
        known = {name: value for name, value in data.items() if name in cls.__struct_fields__}
        return msgspec.convert(known, cls)
    return cls(**data)


def value_errors(form: BaseForm, error: ValueError) -> list[FieldError]:
    """Return the objections of a form's class as errors of its fields, or of the form."""
    details = getattr(error, "errors", None)
    if not callable(details):
        sentence = str(error).partition(" - at `$")[0]  # without msgspec's notice of the place
        message = sentence or gettext_of(form)("What was sent is not valid.")
        return [FieldError(_by_path(form, str(error).rpartition("`$.")[2]), message)]
    return [
        FieldError(form._fields.get(str(next(iter(each["loc"]), ""))), str(each["msg"]))
        for each in details()
    ]


def _by_path(form: BaseForm, path: str) -> Field | None:
    name = path.rstrip("`").partition(".")[0].partition("[")[0]
    return form._fields.get(name)


def _value_of(field: Field) -> Any:
    if isinstance(field, FormField):
        return make_value(field.form)
    if isinstance(field, FieldList):
        return [_value_of(entry) for entry in field.entries]
    return field.data
