"""The fields of a new form, copied from those of the first form of its class.

WTForms runs the constructor of each field for each form: most of what a form costs. A field that
was just constructed differs from form to form in what it is told of the form only, where the field
is of a class of WTForms or of ours, and holds nothing that its constructor may have looked up.
Other fields are constructed as ever.
"""

from __future__ import annotations

from enum import Enum
from types import BuiltinFunctionType, FunctionType
from typing import TYPE_CHECKING, Any

from wtforms.fields.choices import SelectFieldBase
from wtforms.fields.core import Field, Flags, Label, UnboundField

from cruse_forms.inputs import QuickLabel

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FieldPlans", "plain_defaults"]

TRUSTED = ("wtforms", "cruse_forms")  # packages whose constructors only keep what they are given
PLAIN = (str, int, float, bytes, tuple, type, Enum, FunctionType, BuiltinFunctionType)
#: What a field is told of its form, which is not to be kept.
OF_THE_FORM = ("_form", "meta", "_translations")
#: How many options WTForms gives for the field of a form; those of an entry are more.
OPTIONS = 3


class _Plan:
    """A constructed field, to be copied for other forms.

    Args:
        unbound: What the field was constructed from.
        field: The field, before it had any data.
    """

    def __init__(self, unbound: UnboundField[Any], field: Field) -> None:
        self.unbound = unbound
        self.kwargs = dict(unbound.kwargs)
        self.validators = tuple(field.validators)
        self.cls = type(field)
        own = dict(field.__dict__)
        for name in OF_THE_FORM:
            own.pop(name, None)
        self.flags = vars(own.pop("flags"))
        label = own.pop("label").text
        # Unless it was given, WTForms makes it of the name, in the language of the request.
        self.label = label if any(label is each for each in _given(unbound)) else None
        self.has_id = bool(self.kwargs.get("id"))
        self.lists = {name: value for name, value in own.items() if type(value) is list}
        self.lists.pop("validators", None)  # which WTForms shares, too
        self.own = own

    def fits(self, unbound: UnboundField[Any]) -> bool:
        """Whether nobody has changed in the meantime how the field is to be constructed."""
        return (
            self.unbound is unbound
            and self.kwargs == unbound.kwargs
            and self.validators == tuple(self.own.get("validators", ()))
        )

    def copy(self, form: Any, prefix: str, translations: Any) -> Any:
        """Return the field for another form."""
        field: Any = object.__new__(self.cls)
        own = field.__dict__
        own.update(self.own)
        own["_form"] = form
        own["meta"] = form.meta
        own["name"] = name = prefix + own["short_name"]
        if not self.has_id:
            own["id"] = name
        if translations is not None:
            own["_translations"] = translations
        text = self.label
        if text is None:
            text = field.gettext(own["short_name"].replace("_", " ").title())
        own["label"] = QuickLabel(own["id"], text)
        own["flags"] = flags = Flags()
        flags.__dict__.update(self.flags)
        if own["render_kw"] is not None:
            own["render_kw"] = dict(own["render_kw"])
        for name, value in self.lists.items():
            own[name] = list(value)
        return field


class FieldPlans:
    """How to make the fields of one class of forms."""

    def __init__(self) -> None:
        self._plans: dict[str, _Plan] = {}

    def bind(self, form: Any, unbound: UnboundField[Any], options: Mapping[str, Any]) -> Any:
        """Return a field for a form, as ``unbound.bind(form, **options)`` does.

        Args:
            form: The form that is being made.
            unbound: The field as it was declared.
            options: What WTForms gives: ``name``, ``prefix`` and ``translations``.
        """
        if len(options) != OPTIONS:  # the entry of a list, whose name has the client's number
            return _with_label(unbound.bind(form=form, **options))
        name = options["name"]
        plan = self._plans.get(name)
        if plan is not None and plan.fits(unbound):
            return plan.copy(form, options["prefix"], options["translations"])
        field = unbound.bind(form=form, **options)
        if _can_be_copied(unbound, field):
            self._plans[name] = _Plan(unbound, field)
        return _with_label(field)


def _with_label(field: Any) -> Any:
    if type(field.label) is Label:
        field.label = QuickLabel(field.label.field_id, field.label.text)
    return field


def plain_defaults(fields: Mapping[str, Field]) -> dict[str, Any]:
    """Return the values that fields start with, where they are no functions to be called.

    WTForms calls them all, and takes the error for an answer, which costs more than the rest.
    """
    return {
        name: field.default
        for name, field in fields.items()
        if type(field).process is Field.process and not callable(field.default)
    }


def _given(unbound: UnboundField[Any]) -> list[Any]:
    return [*unbound.args, *unbound.kwargs.values()]


def _can_be_copied(unbound: UnboundField[Any], field: Field) -> bool:
    cls = type(field)
    if type(unbound) is not UnboundField or not all(map(_is_trusted, cls.__mro__[:-1])):
        return False
    if isinstance(field, SelectFieldBase) and getattr(field, "choices", None) is not None:
        return False  # a list that the application may add to
    given = _given(unbound)
    apart = {*OF_THE_FORM, "flags", "label", "render_kw"}
    return all(
        name in apart or _is_plain(value) or any(value is each for each in given)
        for name, value in vars(field).items()
    )


def _is_trusted(cls: type[Any]) -> bool:
    own = vars(cls)
    if not own.keys() & {"__init__", "__new__", "__setattr__"}:
        return True
    return cls.__module__.partition(".")[0] in TRUSTED


def _is_plain(value: object) -> bool:
    if type(value) is list:
        return all(type(item) is str for item in value)
    return value is None or isinstance(value, PLAIN)
