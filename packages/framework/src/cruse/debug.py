"""Errors and explanations that exist in debug mode only.

They tell a developer what went wrong in places where the plain outcome, a missing key or an empty
form, would not. Whoever raises them imports this module at that moment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from jinja2 import BaseLoader
    from werkzeug.routing import RequestRedirect

    from cruse.app import Cruse
    from cruse.request import Request

    # What a loader's get_source() returns: the source, its file, whether it is up to date.
    Found = tuple[str, str | None, Callable[[], bool] | None]
    Attempt = tuple[BaseLoader, Any, Found | None]

__all__ = [
    "DebugFilesKeyError",
    "FormDataRoutingRedirect",
    "UnexpectedUnicodeError",
    "attach_enctype_error_multidict",
    "explain_template_loading_attempts",
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
            'Add enctype="multipart/form-data" to the <form> element.'
        )
        if sent:
            self.message += f" The browser sent the file's name instead: {sent}."
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


def explain_template_loading_attempts(
    app: Cruse, template: str, attempts: Sequence[Attempt], blueprint: str | None = None
) -> None:
    """Log where a template was looked for, at the level INFO.

    Args:
        app: The application whose logger is used.
        template: The name that was asked for.
        attempts: For each loader in turn: the loader, the application or blueprint it belongs
            to, and what it found.
        blueprint: The blueprint of the current request's endpoint.
    """
    lines = [f"Locating template {template!r}:"]
    for number, (loader, source, found) in enumerate(attempts, 1):
        lines.append(f"{number:5}: trying loader of {_name_source(source)}")
        lines += [f"       {line}" for line in _describe_loader(loader)]
        place = "no match" if found is None else f"found ({found[1] or '<string>'!r})"
        lines.append(f"       -> {place}")
    lines += _conclude([found for _, _, found in attempts if found is not None], blueprint)
    app.logger.info("\n".join(lines))


def _name_source(source: Any) -> str:
    name, import_name = getattr(source, "name", None), getattr(source, "import_name", None)
    if name is None or import_name is None:
        return repr(source)
    if hasattr(source, "url_map"):
        return f"application {import_name!r}"
    return f"blueprint {name!r} ({import_name})"


def _describe_loader(loader: BaseLoader) -> Iterator[str]:
    """Yield the loader's class and those of its settings that say where it looks."""
    yield f"class: {type(loader).__module__}.{type(loader).__name__}"
    for name, value in sorted(vars(loader).items()):
        if name.startswith("_"):
            continue
        if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
            yield f"{name}:"
            yield from (f"  - {item}" for item in value)
        elif isinstance(value, str | int | float | bool):
            yield f"{name}: {value!r}"


def _conclude(found: Sequence[Found], blueprint: str | None) -> Iterator[str]:
    if len(found) == 1:
        return
    if found:
        yield "Warning: several loaders have this template; the first one is used."
    else:
        yield "Error: the template could not be found."
    if blueprint is not None:
        yield f"  It was asked for by an endpoint of the blueprint {blueprint!r}."
        yield "  Is the template in the folder of another blueprint, or of the application?"
