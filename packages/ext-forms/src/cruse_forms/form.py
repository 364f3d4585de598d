"""The form: WTForms' own, bound to the request, validated, and answered with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, cast

import wtforms
from wtforms.meta import DefaultMeta
from wtforms.widgets import HiddenInput

from cruse_forms.applying import apply, changed_names, is_partial, is_sent, sent_names
from cruse_forms.binding import FormData
from cruse_forms.extension import current_state, refusal_to_show, translations
from cruse_forms.fields import FieldPlans, plain_defaults
from cruse_forms.findings import belongs_to, findings, forms_within
from cruse_forms.inputs import render_input
from cruse_forms.intake import Intake, read_request
from cruse_forms.lookups import look_up
from cruse_forms.output import Output
from cruse_forms.protection import CSRFError
from cruse_forms.translations import with_own_messages
from cruse_forms.trees import CONTAINERS, FieldError, add_errors, gettext_of
from cruse_forms.validation import (
    AsyncChecks,
    chosen_names,
    further_validators,
    sync_only,
    validate_field,
)
from cruse_forms.values import declared_class, make_value, value_errors

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from markupsafe import Markup
    from typing_extensions import TypeVar
    from wtforms import Field

    from cruse_forms.validation import ExtraValidators

    T = TypeVar("T", default=dict[str, Any])
else:
    from typing import TypeVar

    T = TypeVar("T")

__all__ = ["Form"]

AUTO: Any = object()
"""Stands for: what the request submits."""


class Form(Intake, Output, wtforms.Form, Generic[T]):
    """A form; subclass it with the fields and validators of WTForms.

    ``Form[Account]`` gives :attr:`value` the type ``Account``: a dataclass, or a class of msgspec
    or pydantic.

    Made within a request that changes something (POST, PUT, PATCH, DELETE), it is bound to what
    that request submits: a form, files, or a JSON object. ``formdata=None`` leaves it unbound.

    Args:
        formdata: What was submitted, when it is not the request's.
        obj: An object whose attributes the fields start with.
        prefix: What the names of the fields start with in HTML.
        data: Values that the fields start with.
        meta: Options for this one form; see :class:`Form.Meta`.
        kwargs: More values that fields start with.

    Raises:
        BadRequest: When the request's body is malformed.
        RequestEntityTooLarge: When it is over a limit.
    """

    class Meta(DefaultMeta):
        """The options of a form."""

        #: ``None``: requests are protected by the application. ``True``: this form is, even where
        #: ``FORMS_CSRF`` is off for the application.
        csrf = cast("bool", None)
        #: The folder of the templates to render with; ``None`` is that of ``FORMS_TEMPLATES``.
        templates: str | None = None
        #: Whether fields that were not sent keep their values and are not validated (PATCH).
        partial = False

        def build_csrf(self, form: Any) -> Any:
            """Keep WTForms from adding a field for a token; requests are checked, not forms."""
            return _NoFields()

        def get_translations(self, form: Any) -> Any:
            """Return the messages in the request's language, unless ``locales`` says which."""
            if self.locales is False:
                return translations()
            first = next(iter(self.locales or ()), "")
            return with_own_messages(super().get_translations(form), first)

        def bind_field(self, form: Any, unbound_field: Any, options: Any) -> Any:
            """Make a field of a form, from the plan of its class where there is one."""
            return form._field_plans.bind(form, unbound_field, options)

        def render_field(self, field: Field, render_kw: Any) -> Markup:
            """Render a field, marked for assistive technology when it is invalid."""
            if field.errors and not isinstance(field.widget, HiddenInput):
                render_kw = {"aria-invalid": "true", **render_kw}
            html = render_input(field, render_kw)
            return super().render_field(field, render_kw) if html is None else html

    _value_class: ClassVar[type[Any] | None] = None
    _field_plans: ClassVar[FieldPlans] = FieldPlans()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._value_class = declared_class(cls, Form) or cls._value_class
        cls._field_plans = FieldPlans()

    def __init__(
        self,
        formdata: Any = AUTO,
        obj: object | None = None,
        prefix: str = "",
        data: Mapping[str, Any] | None = None,
        meta: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self._found: list[FieldError] = []
        self._formdata: FormData | None = None
        self._value: T | None = None
        self._valid = False
        #: Why this form's own check refused the request, if it did.
        self.csrf_error: CSRFError | None = None
        self._in_async_pass = False
        submission = None
        if formdata is AUTO:
            formdata = submission = read_request()
        super().__init__(formdata, obj, prefix, data, meta, **kwargs)
        if submission is not None:
            self._found = list(findings(self, submission))

    def process(
        self,
        formdata: Any = None,
        obj: object | None = None,
        data: Mapping[str, Any] | None = None,
        extra_filters: Mapping[str, Sequence[Any]] | None = None,
        **kwargs: Any,
    ) -> None:
        """Give the fields their values; called when the form is made."""
        if isinstance(formdata, FormData):
            self._formdata = formdata
            for field in self:
                if isinstance(field, wtforms.FileField):
                    formdata.file_names.add(field.name)
        if extra_filters is not None:  # WTForms adds to the lists that it is given
            extra_filters = {name: list(filters) for name, filters in extra_filters.items()}
        data = {**plain_defaults(self._fields), **(data or {}), **kwargs}
        partial = is_partial(self)
        if partial:
            self.meta.update_values({"partial": True})
        if formdata is None or not partial:
            super().process(formdata, obj, data, extra_filters)
            return
        super().process(None, obj, data, extra_filters)
        for name, field in self._fields.items():
            if is_sent(formdata, field):
                filters = [*(extra_filters or {}).get(name, ())]
                filters += filter(None, [getattr(self, f"filter_{name}", None)])
                field.process(formdata, field.object_data, extra_filters=filters)

    # -- validation ----------------------------------------------------------------------------

    def validate(
        self,
        extra_validators: ExtraValidators | None = None,
        *,
        only: Collection[str] | None = None,
    ) -> bool:
        """Run the validators; whether there were no errors.

        Args:
            extra_validators: Further validators by the names of the fields.
            only: The names of the fields to validate; all unless given.

        Raises:
            RuntimeError: When the form has asynchronous validators, which would be skipped here.
        """
        names = chosen_names(self, only)
        further = further_validators(self, names, extra_validators)
        if not self._in_async_pass:
            checks = AsyncChecks(self, names, further)
            if checks:
                raise RuntimeError(
                    f"{type(self).__name__} has asynchronous validators, of "
                    f"{', '.join(checks.names)}: use 'await form.avalidate()' or "
                    "'await form.avalidate_on_submit()'."
                )
        mistakes = [each for each in self._found if belongs_to(self, names, each)]
        found = list(mistakes)
        valid = True
        for name in names:
            own = sync_only(further[name]) if name in further else []
            errors = validate_field(self, self._fields[name], own)
            if errors is not None:
                valid = False
                found += errors
        for wrong, _ in mistakes:  # what validators say of a value of a wrong type is noise
            if wrong is not None and not isinstance(wrong, CONTAINERS):
                wrong.errors = []
        add_errors(self, found)
        valid = self._check_csrf() and valid and not found
        self._valid = valid and (only is not None or self._make_value())
        return self._valid

    def _make_value(self) -> bool:
        """Make the typed result where a class may object to it; whether it has not."""
        if self._value_class is None:
            return True
        try:
            self._value = make_value(self)
        except ValueError as error:
            add_errors(self, value_errors(self, error))
            return False
        return True

    async def avalidate(
        self,
        extra_validators: ExtraValidators | None = None,
        *,
        only: Collection[str] | None = None,
    ) -> bool:
        """Run the validators, then the asynchronous ones of the fields that passed.

        Those of different fields run at the same time, so they must not share what only one task
        may use, such as an asynchronous database session.

        Args:
            extra_validators: Further validators by the names of the fields.
            only: The names of the fields to validate; all unless given.
        """
        await look_up(self)
        extra = extra_validators or {}
        names = chosen_names(self, only)
        checks = AsyncChecks(self, names, further_validators(self, names, extra))
        forms = [self, *forms_within(self)]
        for form in forms:
            form._in_async_pass = True
        try:
            with checks.set_aside():
                valid = (
                    self.validate(extra, only=only) if only is not None else self.validate(extra)
                )
        finally:
            for form in forms:
                form._in_async_pass = False
        errors = await checks.run()
        add_errors(self, errors)
        self._valid = valid and not errors
        if not self._valid:
            await look_up(self, choices=True)  # which is going to be shown
        return self._valid

    def validate_on_submit(self, extra_validators: ExtraValidators | None = None) -> bool:
        """Whether the form was submitted and is valid.

        Args:
            extra_validators: Further validators by the names of the fields.
        """
        return self.is_submitted() and self.validate(extra_validators)

    async def avalidate_on_submit(self, extra_validators: ExtraValidators | None = None) -> bool:
        """Whether the form was submitted and is valid, for asynchronous validators too.

        Args:
            extra_validators: Further validators by the names of the fields.
        """
        return self.is_submitted() and await self.avalidate(extra_validators)

    def _check_csrf(self) -> bool:
        """Tell of a refusal that was left to this form, or check the request if it asks for it."""
        error = refusal_to_show()
        if error is None and not self.meta.csrf:
            return True
        if self._from_query or not self.is_submitted():
            return True
        if error is None and not current_state().settings.csrf:
            try:
                current_state().extension.protect()
            except CSRFError as refused:
                error = refused
        if error is None:
            return True
        self.csrf_error = error
        add_errors(self, [FieldError(None, gettext_of(self)(str(error.description)))])
        return False

    # -- the result ----------------------------------------------------------------------------

    @property
    def value(self) -> T:
        """The validated data: an object of the class in ``Form[...]``, else a dict.

        Raises:
            RuntimeError: When the form was not validated, or is not valid.
        """
        if not self._valid:
            raise RuntimeError(
                f"{type(self).__name__} has no value: it was not validated, or is not valid."
            )
        if self._value is None:
            self._value = make_value(self)
        return cast("T", self._value)

    @property
    def sent(self) -> frozenset[str]:
        """The names of the fields that the submission had anything for."""
        return sent_names(self)

    @property
    def changed(self) -> frozenset[str]:
        """The names of the fields whose values are not those that they started with."""
        return changed_names(self)

    def apply(
        self, obj: Any, only: Literal["sent", "changed"] | Collection[str] | None = None
    ) -> None:
        """Write the data into the attributes of an object.

        Unlike WTForms' ``populate_obj`` it leaves alone what users may not change: buttons, fields
        that are read-only or disabled, and files that were not sent again.

        Args:
            obj: The object.
            only: ``"sent"``: what the request had; ``"changed"``: what differs from the values
                that the fields started with; or the names of fields. All unless given.
        """
        apply(self, obj, only)


class _NoFields:
    """What WTForms asks for the fields of a token; there are none."""

    def setup_form(self, form: Any) -> list[Any]:
        return []
