"""The interactive debugger of the development server, with secrets masked in its page."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from markupsafe import escape
from werkzeug.debug import DebuggedApplication

from cruse.hosts import host_is_trusted, is_host

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from cruse.app import Cruse

__all__ = ["Debugger", "is_loopback", "secrets_of"]

_FAILED = "cruse.debug.failed"
_SHORTEST_SECRET = 4  # characters; masking shorter ones would blot out half of the page


class Debugger(DebuggedApplication):
    """Shows a page with the traceback of an error, and a Python prompt in each of its frames.

    Prompts are for requests to this machine's own names (``localhost``, names below it,
    ``127.0.0.1``, ``[::1]``), the host that is bound, and ``TRUSTED_HOSTS``. The page is sent to
    whoever asks, and a prompt only to who knows the PIN. So the page masks the application's
    secret keys and the request's credentials, wherever an error message or a line of source
    repeats them.

    Args:
        app: What is served, a WSGI application.
        get_app: Returns the application whose secrets are masked; ``None`` before it is loaded.
        hostname: The host that is bound.
        evalex: Whether there are prompts.
    """

    def __init__(
        self,
        app: WSGIApplication,
        get_app: Callable[[], Cruse | None],
        hostname: str,
        evalex: bool = True,
    ) -> None:
        super().__init__(_noting_failure(app), evalex=evalex)
        self.get_app = get_app
        self.trusted_hosts += ["[::1]", f"[{hostname}]" if ":" in hostname else hostname]

    def check_host_trust(self, environ: WSGIEnvironment) -> bool:
        """Whether a request may use the prompt: not one by a name that somebody else gave us.

        A page of theirs, whose name leads to this machine (DNS rebinding), may ask for anything
        here and read it. ``TRUSTED_HOSTS`` are asked, too; werkzeug knows no IPv6 address.
        """
        host = environ.get("HTTP_HOST", "")
        app = self.get_app()
        ours = (app is not None and app.config["TRUSTED_HOSTS"]) or ()
        return is_host(host) and host_is_trusted(
            host, [*self.trusted_hosts, *([ours] if isinstance(ours, str) else ours)]
        )

    def debug_application(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterator[bytes]:
        """Serve a request; when it fails, the page about that."""
        for chunk in super().debug_application(environ, start_response):
            if environ.get(_FAILED):
                yield mask(chunk, secrets_of(self.get_app(), environ))
            else:
                yield chunk


def _noting_failure(app: WSGIApplication) -> WSGIApplication:
    """Wrap ``app`` to leave a mark in the environ when it raises, so the page is recognised."""

    def noting(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        __traceback_hide__ = True  # the debugger leaves such frames out
        try:
            answer = app(environ, start_response)
        except Exception:
            environ[_FAILED] = True
            raise
        return _Noting(answer, environ)

    return noting


class _Noting:
    """Iterates an answer and leaves the mark when that raises."""

    def __init__(self, answer: Iterable[bytes], environ: WSGIEnvironment) -> None:
        self.answer = answer
        self.environ = environ

    def __iter__(self) -> Iterator[bytes]:
        __traceback_hide__ = True
        try:
            yield from self.answer
        except Exception:
            self.environ[_FAILED] = True
            raise

    def close(self) -> None:
        close = getattr(self.answer, "close", None)
        if close is not None:
            close()


def secrets_of(app: Cruse | None, environ: WSGIEnvironment) -> set[str]:
    """Return the values a debugger page must not show: keys, cookies, the Authorization header."""
    found: set[Any] = set()
    if app is not None:
        found.add(app.secret_key)
        found.update(app.config.get("SECRET_KEY_FALLBACKS") or ())
    scheme, _, credentials = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    found.add(credentials or scheme)
    for cookie in environ.get("HTTP_COOKIE", "").split(";"):
        found.add(cookie.partition("=")[2].strip().strip('"'))
    texts = {value.decode("latin-1") if isinstance(value, bytes) else value for value in found}
    return {text for text in texts if isinstance(text, str) and len(text) >= _SHORTEST_SECRET}


def mask(page: bytes, secrets: Iterable[str]) -> bytes:
    """Return ``page`` with every secret blotted out by as many asterisks.

    Of the same length, because the header Content-Length has been sent.
    """
    for secret in sorted(secrets, key=len, reverse=True):  # one may be part of another
        for form in {secret, str(escape(secret)), repr(secret)[1:-1]}:
            encoded = form.encode()
            page = page.replace(encoded, b"*" * len(encoded))
    return page


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server bound to ``host``."""
    if host.startswith("unix://"):
        return True
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
