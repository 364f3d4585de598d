"""How a form comes to what a request has for it: the body, the query, or one field of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, cast

from cruse import has_request_context, request
from cruse.globals import current_context
from cruse_forms import responses
from cruse_forms.applying import sent_names
from cruse_forms.binding import FormData, read_query, read_submission
from cruse_forms.dependencies import field_to_check
from cruse_forms.extension import current_state
from cruse_forms.findings import findings
from cruse_forms.lookups import look_up
from cruse_forms.policy import SAFE_METHODS
from cruse_forms.rows import pressed_row_button

if TYPE_CHECKING:
    from cruse import Response

__all__ = ["Intake", "read_request"]


class Intake:
    """The part of a form that takes what was sent."""

    _from_query = False

    @classmethod
    def bind(cls, obj: object | None = None, *, partial: bool = False, **kwargs: Any) -> Self:
        """Return a form bound to the current request, in sync code.

        Args:
            obj: An object whose attributes the fields start with.
            partial: Whether fields that were not sent keep their values and are not validated.
            kwargs: As for the class.
        """
        if partial:
            kwargs["meta"] = {**(kwargs.get("meta") or {}), "partial": True}
        make: Any = cls
        form: Self = make(obj=obj, **kwargs)
        return form

    @classmethod
    def bind_query(cls, obj: object | None = None, **kwargs: Any) -> Self:
        """Return a form bound to the query of the current request's URL: a search, a filter.

        It counts as submitted when the query has anything for one of its fields; else the fields
        have what they start with. Links that keep what was asked are made by :meth:`query_url`.

        Args:
            obj: An object whose attributes the fields start with.
            kwargs: As for the class.
        """
        submission = read_query(cast("Any", request), current_state().settings)
        make: Any = cls
        form: Any = make(submission, obj, **kwargs)
        if submission is not None and not form.sent:
            form = make(None, obj, **kwargs)
        elif submission is not None:
            form._found = list(findings(form, submission))
        form._from_query = True
        return cast("Self", form)

    @classmethod
    async def abind_query(cls, obj: object | None = None, **kwargs: Any) -> Self:
        """Do :meth:`bind_query`, and what fields look up, without blocking the event loop."""
        form = cls.bind_query(obj, **kwargs)
        await look_up(cast("Any", form), choices=True)
        return form

    @classmethod
    def check_field(cls, name: str | None = None, **kwargs: Any) -> Response:
        """Validate one field while the form is filled in, and answer with its group.

        Cross-field validators that name it run too, where their own field was sent:
        :func:`depends_on` says so of functions, and ``EqualTo`` does by itself.

        Args:
            name: The field's name in HTML; for htmx, that of the input that asks.
            kwargs: As for the class.
        """
        form: Any = cls(**kwargs)
        field, only = field_to_check(form, name)
        form.validate(only=only)
        return responses.answer_field(form, field, only)

    @classmethod
    async def acheck_field(cls, name: str | None = None, **kwargs: Any) -> Response:
        """Do :meth:`check_field` with asynchronous validators, too."""
        form: Any = await cls.abind(**kwargs)
        field, only = field_to_check(form, name)
        await form.avalidate(only=only)
        return responses.answer_field(form, field, only)

    @classmethod
    async def abind(
        cls, obj: object | None = None, *, partial: bool = False, **kwargs: Any
    ) -> Self:
        """Return a form bound to the current request, whose body is read without blocking.

        What fields look up, such as rows of a database, is looked up, too; where none does, and
        the body is there already, :meth:`bind` does as well: in async views, unless the route has
        ``stream=True``, but not in async ``before_request`` functions.

        Args:
            obj: An object whose attributes the fields start with.
            partial: Whether fields that were not sent keep their values and are not validated.
            kwargs: As for the class.
        """
        if request.method not in SAFE_METHODS:
            await request.load_body()
        form = cls.bind(obj, partial=partial, **kwargs)
        await look_up(cast("Any", form), choices=not form.is_submitted())
        return form

    def is_submitted(self: Any) -> bool:
        """Whether the current request submits something: its method is not GET or the like.

        A button that adds, removes or moves a row does not submit the form.
        """
        if self._from_query:
            return bool(sent_names(self))
        if not has_request_context() or current_context().method in SAFE_METHODS:
            return False
        return not pressed_row_button(self)


def read_request() -> FormData | None:
    """Return what the current request submits; ``None`` when there is none, or it only asks."""
    ctx = current_context() if has_request_context() else None
    if ctx is None or ctx.method in SAFE_METHODS:
        return None
    return read_submission(ctx.request, current_state().settings)
