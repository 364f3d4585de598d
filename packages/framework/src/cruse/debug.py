"""Errors that exist in debug mode only, because they explain.

They tell a developer what went wrong in places where the plain outcome, a missing key or an empty
form, would not. Whoever raises them imports this module at that moment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from werkzeug.routing import RequestRedirect

    from cruse.requests import Request

__all__ = [
    "DebugFilesKeyError",
    "FormDataRoutingRedirect",
    "UnexpectedUnicodeError",
    "attach_enctype_error_multidict",
]


class UnexpectedUnicodeError(AssertionError, UnicodeError):
    """Text came where bytes were expected, or the other way round."""


class DebugFilesKeyError(KeyError, AssertionError):
    """A file was asked for that the form sent as a field, because its encoding is wrong.

    Args:
        request: The request that has no such file.
        key: The name of the form's field.
    """

    def __init__(self, request: Request, key: str) -> None:
        sent = ", ".join(repr(value) for value in request.form.getlist(key))
        self.message = (
            f"There is no file {key!r} in 'request.files', because the form was sent as "
            f"{request.mimetype!r}, which carries no files. "
            'Add enctype="multipart/form-data" to the <form> element. '
            f"The browser sent only the file's name: {sent}."
        )
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message  # KeyError would show its repr()


class FormDataRoutingRedirect(AssertionError):  # noqa: N818 - Flask's name
    """Routing redirects a request whose body the browser would not send again.

    Args:
        request: The request; its ``routing_exception`` is the redirect.
    """

    def __init__(self, request: Request) -> None:
        redirect: RequestRedirect = request.routing_exception  # type: ignore[assignment]
        message = (
            f"A {request.method} request was sent to '{request.url}', but the canonical URL is "
            f"'{redirect.new_url}', and a browser drops the form data when it is redirected."
        )
        if redirect.new_url.partition("?")[0] == f"{request.base_url}/":
            message += " The rule ends with a slash and the request does not."
        super().__init__(
            f"{message} Send the request to the canonical URL (build it with 'url_for').\n\n"
            "This error exists in debug mode only; otherwise the redirect is sent."
        )


def attach_enctype_error_multidict(request: Request) -> None:
    """Let a missing key of ``request.files`` raise :class:`DebugFilesKeyError` where it fits."""
    original = type(request.files)

    def explain(files: Any, key: str) -> Any:
        try:
            return original.__getitem__(files, key)
        except KeyError as error:
            _raise_for_files(request, key, error)

    namespace = {"__getitem__": explain, "__module__": original.__module__}
    # An instance can change its class only to one with the same layout: a bare subclass.
    request.files.__class__ = type(original.__name__, (original,), namespace)


def _raise_for_files(request: Request, key: str, error: KeyError) -> NoReturn:
    if key not in request.form:
        raise error
    raise DebugFilesKeyError(request, key).with_traceback(error.__traceback__) from None
