"""What a form gives out: its HTML, whole or in pieces, and the answer to a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import wtforms
from markupsafe import Markup
from wtforms.widgets import HiddenInput

from cruse import has_request_context, request
from cruse_forms import rendering, responses
from cruse_forms.extension import current_state
from cruse_forms.tokens import TokenInput
from cruse_forms.trees import is_button, walk

if TYPE_CHECKING:
    from wtforms import Field

    from cruse import Response

__all__ = ["Output"]


class Output:
    """The part of a form that is seen."""

    @property
    def csrf_token(self) -> TokenInput:
        """The hidden input with a token; using it in a template asks for a token."""
        return TokenInput(current_state().settings)

    @property
    def enctype(self: Any) -> str:
        """What the attribute ``enctype`` of the HTML form has to be."""
        has_files = any(isinstance(field, wtforms.FileField) for field in walk(self))
        return "multipart/form-data" if has_files else "application/x-www-form-urlencoded"

    def hidden_tag(self: Any, *fields: Field | str) -> Markup:
        """Return the HTML of the hidden fields, with a token if ``FORMS_CSRF_MODE`` is "token".

        In the other modes the headers of requests decide, and a page without a token can be
        cached; write ``{{ form.csrf_token }}`` into it to have one for old browsers.

        Args:
            fields: The fields, or their names; all hidden ones unless given.
        """
        chosen = [self[field] if isinstance(field, str) else field for field in fields or self]
        parts = [field() for field in chosen if isinstance(field.widget, HiddenInput)]
        # A form that is sent as a query would have its token in the URL.
        if has_request_context() and not self._from_query:
            settings = current_state().settings
            # Whoever was refused for want of a token gets one with the form.
            if settings.csrf_mode == "token" or self.csrf_error is not None:
                parts.append(TokenInput(settings)())
        return Markup("\n").join(parts)

    def render(self: Any) -> Markup:
        """Return the HTML of the form's inside: summary of errors, hidden fields, all groups."""
        return rendering.render_form(self)

    def render_group(self: Any, field: Field | str, **attributes: Any) -> Markup:
        """Return the HTML of a field with its label, help and errors.

        Args:
            field: The field, or its name; also one of a form or list within this one.
            attributes: HTML attributes of the input.
        """
        return rendering.render_group(self[field] if isinstance(field, str) else field, attributes)

    def render_summary(self: Any) -> Markup:
        """Return the HTML of the list of errors, with links to the fields; empty without any."""
        return rendering.render_summary(self)

    def query_url(self: Any, **changes: Any) -> str:
        """Return the address of this page with what a search has asked, and some changes.

        That is for links: to other pages of what was found (``form.query_url(page=2)``), to
        another order, without one of the filters. What is not of the form is left out, be it the
        number of the page, unless it is among the changes; so are buttons and what is empty.

        Args:
            changes: Values by the names of fields, or of other arguments of the view. ``None``
                leaves one out, a list is sent as several.
        """
        asked: dict[str, list[Any]] = {}
        for field in walk(self) if self._formdata is not None else ():
            if not is_button(field):
                asked[field.name] = [text for text in self._formdata.getlist(field.name) if text]
        for name, value in changes.items():
            key = self[name].name if name in self else name
            asked[key] = list(value) if isinstance(value, list | tuple) else [value]
            asked[key] = [each for each in asked[key] if each is not None]
        query = urlencode(asked, doseq=True)
        path = quote(request.path.lstrip("/"))  # two slashes would be another host
        return f"{request.script_root}/{path}{'?' if query else ''}{query}"

    @property
    def status_code(self: Any) -> int:
        """The status that fits the answer: 422 for an invalid submission, else 200."""
        return responses.status_of(self)

    def respond(self: Any, template: str, *, block: str | None = None, **context: Any) -> Response:
        """Answer with the page of the form: 200, or 422 when what was submitted is invalid.

        A client that prefers JSON gets the errors as problem details (RFC 9457) instead, and htmx
        gets the form without the page around it.

        Args:
            template: The name of the page's template, which has the form as ``form``.
            block: The block of the template that htmx gets, unless it is the inside of the form.
            context: More variables for it.
        """
        return responses.respond(self, template, block, context)
