"""What is wrong with a submission in the eyes of a form, before any validator runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wtforms import FieldList, FormField

from cruse_forms.binding import BAD_TEXT
from cruse_forms.json_types import apply_types
from cruse_forms.trees import FieldError, containers, gettext_of, walk

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from wtforms.form import BaseForm

    from cruse_forms.binding import FormData
    from cruse_forms.form import Form

__all__ = ["belongs_to", "findings", "forms_within"]


def findings(form: BaseForm, submission: FormData) -> Iterator[FieldError]:
    """Yield what is wrong with a submission: errors of the form and of its fields."""
    for message in submission.errors:
        yield FieldError(None, gettext_of(form)(message))
    if submission.json is not None:
        yield from apply_types(form, submission.json)
    for field in walk(form) if submission.bad_texts else ():
        # The texts of a JSON list go under the names of the list and of its entries.
        if field.name in submission.bad_texts and not isinstance(field, FieldList):
            yield FieldError(field, field.gettext(BAD_TEXT))


def belongs_to(form: BaseForm, names: Collection[str], error: FieldError) -> bool:
    """Whether an error is of the form as a whole, or of one of some fields and what is in them."""
    if error.field is None or len(names) == len(form._fields):
        return True
    return any(error.field is field for field in walk([form._fields[name] for name in names]))


def forms_within(form: BaseForm) -> Iterator[Form[Any]]:
    """Yield the forms in a form that validate asynchronously as it does."""
    for field in containers(form):
        if isinstance(field, FormField) and hasattr(field.form, "avalidate"):
            yield field.form
