"""The form: WTForms' own, bound to the request, validated, and answered with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, cast

import wtforms
from markupsafe import Markup
from wtforms.meta import DefaultMeta
from wtforms.widgets import HiddenInput

from cruse import has_request_context, request
from cruse_forms import rendering, responses
from cruse_forms.binding import BAD_TEXT, FormData, read_submission
from cruse_forms.extension import current_state
from cruse_forms.json_types import apply_types
from cruse_forms.policy import SAFE_METHODS
from cruse_forms.protection import CSRFError
from cruse_forms.tokens import TokenInput
from cruse_forms.trees import FieldError, add_errors, walk
from cruse_forms.validation import AsyncChecks, sync_validators, validate_field

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wtforms import Field

    from cruse import Response
    from cruse_forms.validation import ExtraValidators

__all__ = ["Form"]

CONTAINERS = (wtforms.FieldList, wtforms.FormField)
AUTO: Any = object()
"""Stands for: what the request submits."""


class Form(wtforms.Form):
    """A form; subclass it with the fields and validators of WTForms.

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
        #: The folder of the templates that forms are rendered with.
        templates = "forms"

        def build_csrf(self, form: Any) -> Any:
            """Keep WTForms from adding a field for a token; requests are checked, not forms."""
            return _NoFields()

        def render_field(self, field: Field, render_kw: Any) -> Markup:
            """Render a field, marked for assistive technology when it is invalid."""
            if field.errors and not isinstance(field.widget, HiddenInput):
                render_kw = {"aria-invalid": "true", **render_kw}
            return super().render_field(field, render_kw)

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
        #: Why this form's own check refused the request, if it did.
        self.csrf_error: CSRFError | None = None
        self._in_async_pass = False
        submission = None
        if formdata is AUTO:
            formdata = submission = _submitted()
        super().__init__(formdata, obj, prefix, data, meta, **kwargs)
        if submission is not None:
            self._found = list(_findings(self, submission))

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
            files = (field for field in self if isinstance(field, wtforms.FileField))
            formdata.file_names.update(field.name for field in files)
        if extra_filters is not None:  # WTForms adds to the lists that it is given
            extra_filters = {name: list(filters) for name, filters in extra_filters.items()}
        super().process(formdata, obj, data, extra_filters, **kwargs)

    @classmethod
    def bind(cls, obj: object | None = None, **kwargs: Any) -> Self:
        """Return a form bound to the current request, in sync code.

        Args:
            obj: An object whose attributes the fields start with.
            kwargs: As for the class.
        """
        return cls(obj=obj, **kwargs)

    @classmethod
    async def abind(cls, obj: object | None = None, **kwargs: Any) -> Self:
        """Return a form bound to the current request, whose body is read without blocking.

        In async views the body is there already, unless the route has ``stream=True``, so there
        :meth:`bind` does as well; in async ``before_request`` functions it does not.

        Args:
            obj: An object whose attributes the fields start with.
            kwargs: As for the class.
        """
        if request.method not in SAFE_METHODS:
            await request.load_body()
        return cls(obj=obj, **kwargs)

    # -- validation ----------------------------------------------------------------------------

    def is_submitted(self) -> bool:
        """Whether the current request submits something: its method is not GET or the like."""
        return has_request_context() and request.method not in SAFE_METHODS

    def validate(self, extra_validators: ExtraValidators | None = None) -> bool:
        """Run the validators; whether there were no errors.

        Args:
            extra_validators: Further validators by the names of the fields.

        Raises:
            RuntimeError: When the form has asynchronous validators, which would be skipped here.
        """
        extra = extra_validators or {}
        if not self._in_async_pass:
            checks = AsyncChecks(self, extra)
            if checks:
                raise RuntimeError(
                    f"{type(self).__name__} has asynchronous validators, of "
                    f"{', '.join(checks.names)}: use 'await form.avalidate()' or "
                    "'await form.avalidate_on_submit()'."
                )
        found = list(self._found)
        valid = True
        for name, field in self._fields.items():
            errors = validate_field(self, field, sync_validators(self, name, extra))
            if errors is not None:
                valid = False
                found += errors
        for wrong, _ in self._found:  # what validators say of a value of a wrong type is noise
            if wrong is not None and not isinstance(wrong, CONTAINERS):
                wrong.errors = []
        add_errors(self, found)
        return self._check_csrf() and valid and not found

    async def avalidate(self, extra_validators: ExtraValidators | None = None) -> bool:
        """Run the validators, then the asynchronous ones of the fields that passed.

        Those of different fields run at the same time, so they must not share what only one task
        may use, such as an asynchronous database session.

        Args:
            extra_validators: Further validators by the names of the fields.
        """
        extra = extra_validators or {}
        checks = AsyncChecks(self, extra)
        forms = [self, *_forms_within(self)]
        for form in forms:
            form._in_async_pass = True
        try:
            with checks.set_aside():
                valid = self.validate(extra)
        finally:
            for form in forms:
                form._in_async_pass = False
        errors = await checks.run()
        add_errors(self, errors)
        return valid and not errors

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
        """Check the request for a form that asks for it where the application does not."""
        if not self.meta.csrf or not self.is_submitted():
            return True
        state = current_state()
        if state.settings.csrf:
            return True  # checked before the view, or the view is exempt
        try:
            state.extension.protect()
        except CSRFError as error:
            self.csrf_error = error
            add_errors(self, [FieldError(None, str(error.description))])
            return False
        return True

    # -- output --------------------------------------------------------------------------------

    @property
    def csrf_token(self) -> TokenInput:
        """The hidden input with a token; using it in a template asks for a token."""
        return TokenInput(current_state().settings)

    @property
    def enctype(self) -> str:
        """What the attribute ``enctype`` of the HTML form has to be."""
        has_files = any(isinstance(field, wtforms.FileField) for field in walk(self))
        return "multipart/form-data" if has_files else "application/x-www-form-urlencoded"

    def hidden_tag(self, *fields: Field | str) -> Markup:
        """Return the HTML of the hidden fields, with a token if ``FORMS_CSRF_MODE`` is "token".

        In the other modes the headers of requests decide, and a page without a token can be
        cached; write ``{{ form.csrf_token }}`` into it to have one for old browsers.

        Args:
            fields: The fields, or their names; all hidden ones unless given.
        """
        chosen = [self[field] if isinstance(field, str) else field for field in fields or self]
        parts = [field() for field in chosen if isinstance(field.widget, HiddenInput)]
        if has_request_context():
            settings = current_state().settings
            if settings.csrf_mode == "token":
                parts.append(TokenInput(settings)())
        return Markup("\n").join(parts)

    def render(self) -> Markup:
        """Return the HTML of the form's inside: summary of errors, hidden fields, all groups."""
        return rendering.render_form(self)

    def render_group(self, field: Field | str, **attributes: Any) -> Markup:
        """Return the HTML of a field with its label, help and errors.

        Args:
            field: The field, or its name; also one of a form or list within this one.
            attributes: HTML attributes of the input.
        """
        return rendering.render_group(self[field] if isinstance(field, str) else field, attributes)

    def render_summary(self) -> Markup:
        """Return the HTML of the list of errors, with links to the fields; empty without any."""
        return rendering.render_summary(self)

    @property
    def status_code(self) -> int:
        """The status that fits the answer: 422 for an invalid submission, else 200."""
        return responses.status_of(self)

    def respond(self, template: str, **context: Any) -> Response:
        """Answer with the page of the form: 200, or 422 when what was submitted is invalid.

        A client that prefers JSON gets the errors as problem details (RFC 9457) instead.

        Args:
            template: The name of the page's template, which has the form as ``form``.
            context: More variables for it.
        """
        return responses.respond(self, template, context)


class _NoFields:
    """What WTForms asks for the fields of a token; there are none."""

    def setup_form(self, form: Any) -> list[Any]:
        return []


def _submitted() -> FormData | None:
    if not has_request_context() or request.method in SAFE_METHODS:
        return None
    return read_submission(cast("Any", request), current_state().settings)


def _findings(form: Form, submission: FormData) -> Iterator[FieldError]:
    """Yield what is wrong with a submission in the form's eyes, before any validator runs."""
    for message in submission.errors:
        yield FieldError(None, message)
    if submission.json is not None:
        yield from apply_types(form, submission.json)
    for field in walk(form) if submission.bad_texts else ():
        # The texts of a JSON list go under the names of the list and of its entries.
        if field.name in submission.bad_texts and not isinstance(field, wtforms.FieldList):
            yield FieldError(field, field.gettext(BAD_TEXT))


def _forms_within(form: Form) -> Iterator[Form]:
    for field in walk(form):
        if isinstance(field, wtforms.FormField) and isinstance(field.form, Form):
            yield field.form
