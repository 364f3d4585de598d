"""Building URLs: ``url_for`` in all its forms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from werkzeug.routing import BuildError

from cruse.globals import _cv, current_app

if TYPE_CHECKING:
    from collections.abc import Iterator

    from werkzeug.routing import Map, MapAdapter

    from cruse.application import Application
    from cruse.requests import Request

__all__ = ["build_url", "make_adapter", "scopes_of", "url_for"]

_ANCHOR_SAFE = "%!#$&'()*+,/:;=?@"  # the fragment state of the URL standard keeps these


def url_for(
    endpoint: str,
    *,
    _anchor: str | None = None,
    _method: str | None = None,
    _scheme: str | None = None,
    _external: bool | None = None,
    **values: Any,
) -> str:
    """Return the URL of an endpoint.

    Args:
        endpoint: The endpoint; a leading dot stands for the current blueprint.
        _anchor: The fragment.
        _method: Prefer the rule for this HTTP method.
        _scheme: The scheme; makes the URL external.
        _external: Whether scheme and host are part of it; so it is outside of requests.
        values: The variable parts of the rule; others become the query string.

    Raises:
        BuildError: When no rule of the endpoint takes these values.
        RuntimeError: Outside of a request, when neither ``BASE_URL`` nor ``SERVER_NAME`` is set.
    """
    return current_app.url_for(
        endpoint,
        _anchor=_anchor,
        _method=_method,
        _scheme=_scheme,
        _external=_external,
        **values,
    )


def build_url(
    app: Application,
    endpoint: str,
    anchor: str | None,
    method: str | None,
    scheme: str | None,
    external: bool | None,
    values: dict[str, Any],
) -> str:
    """Build a URL for an application; what ``app.url_for`` does."""
    context = _cv.get(None)
    if context is not None and context.app is not app:
        context = None
    in_request = context is not None and context.has_request
    if in_request and endpoint.startswith("."):
        blueprint = context.request.blueprint if context is not None else None
        endpoint = endpoint[1:] if blueprint is None else f"{blueprint}{endpoint}"
    adapter = context.url_adapter if context is not None else app.create_url_adapter(None)
    if adapter is None:
        raise RuntimeError(
            "Outside of a request it is not known what host a URL is for. Set 'BASE_URL', such as "
            "'https://example.com', or 'SERVER_NAME' with 'APPLICATION_ROOT' and "
            "'PREFERRED_URL_SCHEME'."
        )
    if external is None:
        external = scheme is not None if in_request else True
    if scheme is not None and not external:
        raise ValueError(
            "A URL with a '_scheme' is external: it goes together with _external=True only."
        )
    app.inject_url_defaults(endpoint, values)
    if endpoint in app.static_endpoints:
        app.add_static_hash(endpoint, values)
    try:
        url = adapter.build(
            endpoint, values, method=method, url_scheme=scheme, force_external=external
        )
    except BuildError as error:
        values.update(_anchor=anchor, _method=method, _scheme=scheme, _external=external)
        return app.handle_url_build_error(error, endpoint, values)
    except (TypeError, ValueError) as error:  # of a converter
        given = ", ".join(map(repr, values))
        error.add_note(f"Raised while the URL of {endpoint!r} was built with values for {given}.")
        raise
    if anchor is not None:
        url = f"{url}#{quote(str(anchor), safe=_ANCHOR_SAFE)}"
    return url


def _bind_to_base(url_map: Map, base_url: str) -> MapAdapter:
    """Return what builds the URLs of a map below a URL such as ``"https://example.com/shop"``.

    Raises:
        ValueError: When it has no scheme or no host.
    """
    base = urlsplit(base_url)
    if base.scheme not in {"http", "https"} or not base.netloc:
        raise ValueError(
            f"The setting 'BASE_URL' is {base_url!r}. It begins with 'https://' and a host."
        )
    return url_map.bind(base.netloc, script_name=base.path or "/", url_scheme=base.scheme)


def make_adapter(app: Application, request: Request | None) -> MapAdapter | None:
    """Return what builds and matches an application's URLs; what ``create_url_adapter`` does."""
    config = app.config
    server_name = config["SERVER_NAME"]
    if request is not None:
        trusted = config["TRUSTED_HOSTS"]
        if trusted is not None:
            request.trusted_hosts = trusted
        # Reading the host checks it against the trusted ones.
        request.host  # noqa: B018
        subdomain = None
        if app.url_map.host_matching:
            server_name = None
        elif not app.subdomain_matching:
            subdomain = app.url_map.default_subdomain or ""
        elif server_name is not None:
            subdomain = _subdomain(request, server_name)
        return app.url_map.bind_to_environ(
            request.environ, server_name=server_name, subdomain=subdomain
        )
    if config["BASE_URL"] is not None:
        return _bind_to_base(app.url_map, config["BASE_URL"])
    if server_name is None:
        return None
    return app.url_map.bind(
        server_name,
        script_name=config["APPLICATION_ROOT"],
        url_scheme=config["PREFERRED_URL_SCHEME"],
    )


def _subdomain(request: Request, server_name: str) -> str:
    """Return what a request's host has in front of the server's name.

    For another host it is what werkzeug makes it. That also warns each time, and Python remembers
    every text it has warned of: hosts come from clients.
    """
    usual_port = ":443" if request.scheme in {"https", "wss"} else ":80"
    name = server_name.lower().removesuffix(usual_port)
    below, _, _ = f".{request.host.lower()}".rpartition(f".{name}")
    if f"{below}.{name}" != f".{request.host.lower()}":
        return "<invalid>"
    return ".".join(filter(None, below.split(".")))


def scopes_of(endpoint: str | None) -> Iterator[str | None]:
    """Yield the scopes of an endpoint from the outside in: the app, then its blueprints."""
    yield None
    if endpoint is not None and "." in endpoint:
        parts = endpoint.split(".")
        for end in range(1, len(parts)):
            yield ".".join(parts[:end])
