"""Validators that are coroutine functions, and numbers that validators cannot calculate with.

WTForms calls a validator and looks at nothing but what it raises: one that is ``async def``
returns a coroutine that nobody awaits, and its check is skipped. So they are taken out while
WTForms runs the others. Those of one field then run in their order, those of different fields side
by side, and those of a field that has an error already, or whose other validators ended the chain,
do not run.
"""

from __future__ import annotations

import asyncio
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from functools import lru_cache, partial
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any, TypeAlias

import wtforms
from wtforms import FieldList, FormField
from wtforms.validators import StopValidation, ValidationError

from cruse_forms.applying import sent_names
from cruse_forms.trees import CONTAINERS, FieldError, walk

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from wtforms import Field
    from wtforms.form import BaseForm

__all__ = [
    "AsyncChecks",
    "ExtraValidators",
    "Validator",
    "chosen_names",
    "further_validators",
    "sync_only",
    "validate_field",
]

FUNCTIONS = (FunctionType, MethodType, partial)
WTFORMS_OWN = frozenset(each for each in vars(wtforms.validators).values() if type(each) is type)

#: ``validator(form, field)``, which raises ``ValidationError`` or ``StopValidation``.
Validator: TypeAlias = Callable[[Any, Any], Any]
#: Further validators by the names of the fields.
ExtraValidators: TypeAlias = Mapping[str, Sequence[Validator]]
Further: TypeAlias = dict[str, list[Validator]]


def chosen_names(form: BaseForm, only: Collection[str] | None = None) -> Collection[str]:
    """Return the names of the fields to validate, in the order of the form.

    Args:
        form: The form; of a partial one those that were sent.
        only: The names that the caller wants.

    Raises:
        LookupError: When the form has no field of such a name.
    """
    names: Collection[str] = form._fields
    if getattr(form.meta, "partial", False):
        sent = sent_names(form)
        names = [name for name in names if name in sent]
    if only is None:
        return names
    for name in only:
        if name not in form._fields:
            raise LookupError(f"{type(form).__name__} has no field {name!r} to validate.")
    return [name for name in names if name in only]


@lru_cache(256)
def _has_async_call(cls: type[Any]) -> bool:
    return inspect.iscoroutinefunction(inspect.getattr_static(cls, "__call__", None))


def _is_async(validator: Any) -> bool:
    if isinstance(validator, FUNCTIONS):
        return inspect.iscoroutinefunction(validator)
    # An object, as WTForms' own are: looked at once per class.
    return _has_async_call(type(validator))  # type: ignore[arg-type]


def further_validators(
    form: BaseForm, names: Collection[str], extra: ExtraValidators | None = None
) -> Further:
    """Return the validators of fields that do not come with them, for the fields that have any.

    Args:
        form: The form, whose ``validate_...`` methods come last.
        names: The names of the fields.
        extra: The caller's validators.
    """
    found: Further = {name: list(extra[name]) for name in names if name in extra} if extra else {}
    cls = type(form)
    for name in names:
        inline = getattr(cls, f"validate_{name}", None)
        if inline is not None:
            found.setdefault(name, []).append(inline)
    return found


def sync_only(validators: Sequence[Validator]) -> list[Validator]:
    """Return those validators that are plain functions."""
    return [each for each in validators if not _is_async(each)]


# -- asynchronous validators -------------------------------------------------------------------


class _Check:
    """The asynchronous validators of one field."""

    def __init__(self, form: BaseForm, field: Field, validators: list[Validator]) -> None:
        self.form = form
        self.field = field
        self.validators = validators
        self.reached = False

    def note_reached(self, form: BaseForm, field: Field) -> None:
        """Stand at the end of the chain, as a validator that has no objections."""
        self.reached = True

    async def run(self) -> list[FieldError]:
        """Run the validators in their order and return the errors."""
        errors: list[FieldError] = []
        for validator in self.validators:
            try:
                await validator(self.form, self.field)
            except StopValidation as stop:
                if stop.args and stop.args[0]:
                    errors.append(FieldError(self.field, stop.args[0]))
                break
            except ValidationError as error:
                errors.append(FieldError(self.field, error.args[0]))
        return errors


class AsyncChecks:
    """The asynchronous validators of a form, and of the forms and lists in it.

    Args:
        form: The form.
        names: The fields that are validated.
        further: The validators that do not come with the fields.
    """

    def __init__(self, form: BaseForm, names: Collection[str], further: Further) -> None:
        self._checks = list(_of_form(form, names, further))

    def __bool__(self) -> bool:
        return bool(self._checks)

    @property
    def names(self) -> list[str]:
        """The names of the fields that have one."""
        return [check.field.name for check in self._checks]

    @contextmanager
    def set_aside(self) -> Iterator[None]:
        """Leave the fields with their other validators for a while."""
        kept = [(check.field, check.field.validators) for check in self._checks]
        for check in self._checks:
            others = [each for each in check.field.validators if not _is_async(each)]
            check.field.validators = [*others, check.note_reached]
        try:
            yield
        finally:
            for field, validators in kept:
                field.validators = validators

    async def run(self) -> list[FieldError]:
        """Run those whose fields have passed so far, and return the errors.

        Whatever else a validator raises is raised when all of them have ended, so that none of
        them goes on behind the back of a request that failed.
        """
        ready = [check.run() for check in self._checks if check.reached and not check.field.errors]
        if len(ready) == 1:
            return await ready[0]
        errors: list[FieldError] = []
        for result in await asyncio.gather(*ready, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result
            errors += result
        return errors


def _of_form(form: BaseForm, names: Collection[str], further: Further) -> Iterator[_Check]:
    for name in names:
        field = form._fields[name]
        own = [each for each in further[name] if _is_async(each)] if name in further else []
        if own and isinstance(field, FormField):
            raise TypeError(
                f"The field {field.name!r} is a form of its own and takes no validators; "
                "give them to the fields in it."
            )
        if own and not hasattr(form, "avalidate"):
            raise TypeError(
                f"{type(form).__name__} has an asynchronous validator for {name!r}, which only "
                "forms derived from cruse_forms.Form can have."
            )
        # A look at all at once: objects of WTForms' own classes are not asynchronous.
        plain = WTFORMS_OWN.issuperset(map(type, field.validators))
        if own or not plain or isinstance(field, CONTAINERS):
            yield from _of_field(form, field, own)


def _of_field(form: BaseForm, field: Field, further: Sequence[Validator]) -> Iterator[_Check]:
    validators = [each for each in field.validators if _is_async(each)]
    validators += further
    if validators:
        yield _Check(form, field, validators)
    if isinstance(field, FormField):
        names = chosen_names(field.form)
        yield from _of_form(field.form, names, further_validators(field.form, names))
    elif isinstance(field, FieldList):
        for entry in field.entries:
            yield from _of_field(form, entry, ())


# -- numbers -------------------------------------------------------------------------------------


def validate_field(
    form: BaseForm, field: Field, validators: list[Validator]
) -> Iterable[FieldError] | None:
    """Validate a field with all in it, and return errors to add; ``None`` when it is valid.

    WTForms' validators compare numbers, and some that a client can send cannot be compared:
    10**400 is no float, and ``Decimal("sNaN")`` raises wherever it is touched.
    """
    try:
        return None if field.validate(form, validators) else ()
    except (ArithmeticError, ValueError):
        strange = [each for each in walk([field]) if _is_strange(each.data)]
        if not strange:
            raise  # not the client's number
        return [FieldError(each, each.gettext("Number is out of range.")) for each in strange]


def _is_strange(data: object) -> bool:
    if not isinstance(data, int | float | Decimal):
        return False
    try:
        return not math.isfinite(data)
    except (ArithmeticError, ValueError):
        return True
