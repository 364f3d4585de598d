"""Builds the environ of a test request with the defaults of an application."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import werkzeug.test

if TYPE_CHECKING:
    from cruse.app import Cruse

__all__ = ["EnvironBuilder"]


class EnvironBuilder(werkzeug.test.EnvironBuilder):
    """werkzeug's builder, with the host, root and scheme that the application is configured for.

    Args:
        app: The application.
        path: The path of the request, with its query; or a whole URL.
        base_url: Where the application is, such as ``https://example.com/root/``. Else it is made
            of ``PREFERRED_URL_SCHEME``, ``SERVER_NAME`` and ``APPLICATION_ROOT``.
        subdomain: A subdomain of ``SERVER_NAME``.
        url_scheme: Used instead of ``PREFERRED_URL_SCHEME``.
        args: Further positional arguments of werkzeug's builder.
        kwargs: Further arguments of werkzeug's builder, such as ``json``, ``data``, ``headers``.
    """

    def __init__(
        self,
        app: Cruse,
        path: str = "/",
        base_url: str | None = None,
        subdomain: str | None = None,
        url_scheme: str | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        if base_url is not None and (subdomain or url_scheme):
            # An AssertionError as in Flask, whose users expect just that.
            raise AssertionError("Give either 'base_url', or 'subdomain' and 'url_scheme'.")
        if base_url is None:
            base_url, path = _locate(app, path, subdomain, url_scheme)
        self.app = app
        super().__init__(path, base_url, *args, **kwargs)

    def json_dumps(self, obj: Any, **kwargs: Any) -> str:
        """Serialize ``json=`` the way the application does."""
        return self.app.json.dumps(obj, **kwargs)


def _locate(
    app: Cruse, path: str, subdomain: str | None, url_scheme: str | None
) -> tuple[str, str]:
    """Return the base URL of a request and its path below that."""
    host = app.config.get("SERVER_NAME") or "localhost"
    if subdomain:
        host = f"{subdomain}.{host}"
    root = app.config["APPLICATION_ROOT"].lstrip("/")
    url = urlsplit(path)
    scheme = url.scheme or url_scheme or app.config["PREFERRED_URL_SCHEME"]
    query = f"?{url.query}" if url.query else ""
    return f"{scheme}://{url.netloc or host}/{root}", f"{url.path}{query}"
