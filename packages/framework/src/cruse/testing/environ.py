"""Builds the environ of a test request with the defaults of an application."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import werkzeug.test

from cruse.testing.multipart import encode_form

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

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

    def get_environ(self) -> WSGIEnvironment:
        """Return the environ; a multipart form is encoded as a browser does it."""
        if self.mimetype != "multipart/form-data" or self.input_stream is not None:
            return super().get_environ()
        body, boundary = encode_form(self.form, self.files)
        environ = super().get_environ()
        environ["wsgi.input"].close()
        environ["wsgi.input"] = body
        environ["CONTENT_LENGTH"] = str(len(body.getbuffer()))
        environ["CONTENT_TYPE"] = f'multipart/form-data; boundary="{boundary}"'
        for key, header in (
            ("HTTP_CONTENT_TYPE", "CONTENT_TYPE"),
            ("HTTP_CONTENT_LENGTH", "CONTENT_LENGTH"),
        ):
            if key in environ:
                environ[key] = environ[header]
        return environ

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
