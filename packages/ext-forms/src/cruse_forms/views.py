"""Views that are made of a form and of a function for what is valid."""

from __future__ import annotations

import inspect
from functools import wraps
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from cruse_forms.form import Form

__all__ = ["make_form_view"]


def make_form_view(
    function: Callable[..., Any],
    form_class: type[Form[Any]],
    template: str,
    context: dict[str, Any],
) -> Callable[..., Any]:
    """Return a view that binds and validates a form; see ``Forms.form``."""
    if inspect.iscoroutinefunction(function):

        @wraps(function)
        async def view(**values: Any) -> Any:
            form = await form_class.abind()
            if await form.avalidate_on_submit():
                return await function(form, **values)
            return form.respond(template, **context)

    else:

        @wraps(function)
        def view(**values: Any) -> Any:
            form = form_class()
            if form.validate_on_submit():
                return function(form, **values)
            return form.respond(template, **context)

    return view
