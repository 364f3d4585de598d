"""Which fields are validated together when one of them is checked alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from werkzeug.exceptions import BadRequest

from cruse import request
from cruse_forms.trees import walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wtforms import Field

    from cruse_forms.form import Form

__all__ = ["depends_on", "field_to_check"]

Function = TypeVar("Function", bound="Callable[..., Any]")


def depends_on(*names: str) -> Callable[[Function], Function]:
    """Say which other fields a validator looks at, so that it runs when one of them is checked.

    Args:
        names: The names of the fields.
    """

    def mark(function: Function) -> Function:
        function.__dict__["depends_on"] = names
        return function

    return mark


def field_to_check(form: Form[Any], name: str | None) -> tuple[Field, list[str]]:
    """Return the field to check, and the names of the form's fields to validate for it.

    Args:
        form: The bound form.
        name: The field's name in HTML; ``None`` for the input that htmx names.

    Raises:
        BadRequest: When the form has no such field.
    """
    wanted = name or request.headers.get("HX-Trigger-Name") or request.args.get("field")
    for top, outer in form._fields.items():
        for field in walk([outer]):
            if field.name == wanted:
                sent = form.sent
                others = (each for each in form._fields if each != top and each in sent)
                return field, [top, *(each for each in others if top in _needs(form, each))]
    raise BadRequest(
        f"There is no field {wanted!r} to check. Its name is expected in the header "
        "'HX-Trigger-Name' or in the query as 'field'."
    )


def _needs(form: Form[Any], name: str) -> set[str]:
    """Return the names of the fields that a field's validators look at."""
    inline = getattr(type(form), f"validate_{name}", None)
    return {need for each in (*form._fields[name].validators, inline) for need in _named(each)}


def _named(validator: Any) -> Iterator[str]:
    yield from getattr(validator, "depends_on", ())
    fieldname = getattr(validator, "fieldname", None)  # wtforms.validators.EqualTo
    if fieldname:
        yield fieldname
