"""Writing what a form holds into an object, and telling what was sent and what it changed.

WTForms' ``populate_obj`` writes every field, buttons and read-only ones included. Here only what
the user may change is written; with ``only="sent"`` only what the request had.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from wtforms import FieldList, FileField, FormField

from cruse_forms.trees import is_button

if TYPE_CHECKING:
    from collections.abc import Collection

    from wtforms import Field
    from wtforms.form import BaseForm

    from cruse_forms.binding import FormData

__all__ = ["apply", "changed_names", "is_partial", "is_sent", "sent_names"]


def is_sent(formdata: FormData, field: Field) -> bool:
    """Whether a submission has anything for a field, or for one within it."""
    if field.name in formdata:
        return True
    if not isinstance(field, FormField | FieldList):
        return False
    separator = getattr(field, "separator", None) or getattr(field, "_separator", "-")
    prefix = f"{field.name}{separator}"
    return any(name.startswith(prefix) for name in formdata)


def is_partial(form: BaseForm) -> bool:
    """Whether a form is partial: as it was told, or as the form around it; not rows of lists."""
    if getattr(form.meta, "partial", False):
        return True
    parent = getattr(form.meta, "_parent_form", None)
    if parent is None or not getattr(parent.meta, "partial", False):
        return False
    first = next(iter(form), None)
    prefix = None if first is None else first.name.removesuffix(first.short_name)
    forms = (field for field in parent if isinstance(field, FormField))
    return any(f"{field.name}{field.separator}" == prefix for field in forms)


def sent_names(form: BaseForm) -> frozenset[str]:
    """Return the names of the fields that the submission had anything for."""
    formdata = getattr(form, "_formdata", None)
    if formdata is None:
        return frozenset()
    return frozenset(name for name, field in form._fields.items() if is_sent(formdata, field))


def changed_names(form: BaseForm) -> frozenset[str]:
    """Return the names of the fields whose values are not those that they started with."""
    return frozenset(
        name for name, field in form._fields.items() if _may_write(field) and _is_changed(field)
    )


def _is_changed(field: Field) -> bool:
    if isinstance(field, FormField):
        return any(map(_is_changed, field.form))
    if isinstance(field, FieldList):
        before: Any = field.object_data
        return len(field.entries) != len(list(before or ())) or any(
            map(_is_changed, field.entries)
        )
    return bool(field.data != field.object_data)


def apply(
    form: BaseForm, obj: Any, only: Literal["sent", "changed"] | Collection[str] | None
) -> None:
    """Write the fields of a form into the attributes of an object; see ``Form.apply``."""
    if only is None:
        names: Collection[str] = form._fields
    elif isinstance(only, str):
        names = sent_names(form) if only == "sent" else changed_names(form)
    else:
        names = only
    for name, field in form._fields.items():
        if name in names and _may_write(field):
            _write(field, obj, name, only if isinstance(only, str) else None)


def _may_write(field: Field) -> bool:
    """Whether the user may change what a field stands for; a file not sent again is kept."""
    if is_button(field):
        return False
    if isinstance(field, FileField) and not field.data:
        return False
    return not (field.flags.readonly or field.flags.disabled)


def _write(field: Field, obj: Any, name: str, only: Any) -> None:
    if isinstance(field, FormField):
        inner = getattr(obj, name, None)
        if inner is None:
            inner = _new_object(field)
        setattr(obj, name, _written(field.form, inner, only))
    elif isinstance(field, FieldList):
        before = list(getattr(obj, name, None) or ())
        setattr(obj, name, [_entry(entry, before) for entry in field.entries])
    else:
        field.populate_obj(obj, name)


def _entry(entry: Field, before: list[Any]) -> Any:
    """Return the item for a row: that which the row was made from, or a new one."""
    if not isinstance(entry, FormField):
        return entry.data
    known = any(entry.object_data is item for item in before)
    return _written(entry.form, entry.object_data if known else _new_object(entry), None)


def _written(form: BaseForm, obj: Any, only: Any) -> Any:
    if isinstance(obj, dict):
        fields = form._fields.items()
        return obj | {name: field.data for name, field in fields if _may_write(field)}
    apply(form, obj, only)
    return obj


def _new_object(field: FormField[Any]) -> Any:
    """Return something to write a form in a form into: of its model, else a dict."""
    model = getattr(field.form.meta, "model", None)
    if model is not None:
        return model()
    return {}
