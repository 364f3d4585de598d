"""Other applications below a prefix of one: WSGI, ASGI, or Cruse applications.

The gateways look here before they answer themselves, if anything is mounted at all. What is
mounted sees its own root (``SCRIPT_NAME``, ``root_path``) and the path behind it, is started and
stopped with the application, and gets each connection under the protocol it speaks:

- the protocol that was called: as it is
- WSGI under ASGI and RSGI: in a thread of the application's pool (:mod:`cruse.gateway.inworker`)
- ASGI under WSGI: on the application's loop, while the server's thread reads the body for it
"""

from __future__ import annotations

import asyncio
import inspect
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, unquote_to_bytes

from werkzeug.exceptions import ClientDisconnected, SecurityError
from werkzeug.wsgi import get_content_length

from cruse.application import Application
from cruse.body import CHUNK, BodyStream
from cruse.gateway.asgi_environ import path_below_root
from cruse.gateway.exchange import Body, Exchange, Lifespan
from cruse.gateway.inworker import run_wsgi
from cruse.hosts import host_is_trusted, refusal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator

    from cruse.app import Cruse
    from cruse.typing import Receive, Scope, Send, StartResponse, WSGIEnvironment

__all__ = ["Mount", "Mounts"]

T = TypeVar("T")
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
INTERFACES = ("wsgi", "asgi")


class Mount:
    """An application below a prefix.

    Args:
        prefix: Where, such as ``"/admin"``.
        app: The application.
        interface: ``"wsgi"`` or ``"asgi"``; ``None`` for a Cruse application, which is both.
    """

    def __init__(self, prefix: str, app: Any, interface: str | None) -> None:
        self.prefix = prefix
        self.raw_prefix = prefix.encode().decode("latin-1")  # as in an environ (PEP 3333)
        self.app = app
        self.interface = interface
        #: What an ASGI application's start-up left for its requests.
        self.state: dict[str, Any] = {}

    def lifespan(self) -> Any:
        """Return the context manager that starts and stops it, for the side that asks."""
        if self.interface is None and asyncio._get_running_loop() is None:
            return self._while_started()
        return self._while_started_on_loop()

    @contextmanager
    def _while_started(self) -> Iterator[None]:
        self.app.start()
        try:
            yield
        finally:
            self.app.stop()

    @asynccontextmanager
    async def _while_started_on_loop(self) -> AsyncIterator[None]:
        lifespan = Lifespan(self.app)
        await lifespan.startup()
        self.state = lifespan.state
        try:
            yield
        finally:
            await lifespan.shutdown()


class Mounts:
    """What is mounted on one application."""

    def __init__(self) -> None:
        self._mounts: list[Mount] = []

    def __iter__(self) -> Iterator[Mount]:
        """Iterate over the mounts, the longest prefix first."""
        return iter(self._mounts)

    def add(self, parent: Cruse, prefix: str, app: Any, interface: str | None) -> None:
        """Mount an application; see :meth:`cruse.app.Cruse.mount`."""
        prefix = _checked(prefix)
        if any(mount.prefix == prefix for mount in self._mounts):
            raise ValueError(f"Something is mounted at {prefix!r} already.")
        if app is parent:
            raise ValueError("An application cannot be mounted on itself.")
        mount = Mount(prefix, app, _interface_of(app, interface))
        self._mounts = sorted([*self._mounts, mount], key=lambda m: len(m.prefix), reverse=True)
        if mount.interface != "wsgi":
            parent.lifecycle.managers.append(mount.lifespan)

    def find(self, path: str) -> Mount | None:
        """Return the mount with the longest prefix of a path."""
        for mount in self._mounts:
            if path.startswith(mount.prefix) and path[len(mount.prefix) :][:1] in ("", "/"):
                return mount
        return None

    # -- the three faces: each answers with None when the path is the application's own --

    def wsgi(
        self, app: Cruse, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes] | None:
        """Let what is mounted at a request's path answer it."""
        raw = environ.get("PATH_INFO", "")
        mount = self.find(raw.encode("latin-1", "replace").decode(errors="replace"))
        if mount is None:
            return None
        environ = dict(environ)
        try:
            if app.proxies is not None:
                app.proxies.rewrite_environ(environ)
            _check_host(app, environ.get("HTTP_HOST", ""))
        except SecurityError:
            return None  # the application refuses it
        root = environ.get("SCRIPT_NAME", "").rstrip("/") + mount.raw_prefix
        path = raw[len(mount.raw_prefix) :]
        environ |= {"SCRIPT_NAME": root, "PATH_INFO": path}
        if mount.interface != "asgi":
            body: Iterable[bytes] = mount.app(environ, start_response)
            return body
        # The driver puts the root in front of the part of the URL below it.
        uri = environ.get("REQUEST_URI", "")
        environ["REQUEST_URI"] = uri.removeprefix(quote(root, encoding="latin-1"))
        worker = _Worker(app.loop_thread.loop, environ)
        exchange = Exchange(mount.app, environ, mount.state, worker.read_body)
        answer = Body.of(exchange, worker.wait, start_response)
        if environ["REQUEST_METHOD"] != "HEAD":
            return answer
        answer.close()  # ASGI servers drop what is sent for HEAD, WSGI servers send it
        return []

    def asgi(
        self, app: Cruse, scope: Scope, receive: Receive, send: Send
    ) -> Coroutine[Any, Any, None] | None:
        """Let what is mounted at a connection's path have it."""
        path = path_below_root(scope)
        mount = self.find(path)
        if mount is None or (mount.interface == "wsgi" and scope["type"] != "http"):
            return None
        try:
            if app.proxies is not None:
                scope = app.proxies.rewrite_scope(scope, path)
            hosts = [
                value.decode("latin-1") for name, value in scope["headers"] if name == b"host"
            ]
            _check_host(app, ",".join(hosts))
        except SecurityError:
            return None  # the application refuses it
        root = scope.get("root_path", "").rstrip("/")
        inner = {**scope, "root_path": f"{root}{mount.prefix}", "path": f"{root}{path}"}
        if mount.interface == "wsgi":
            return run_wsgi(app.pool, mount.app, inner, receive, send)
        inner["state"] = mount.state.copy()
        connection: Coroutine[Any, Any, None] = mount.app(inner, receive, send)
        return connection

    def rsgi(self, app: Cruse, scope: Any, protocol: Any) -> Coroutine[Any, Any, None] | None:
        """Let what is mounted at a connection's path have it, as an ASGI connection."""
        from cruse.gateway.rsgi_as_asgi import connection_of

        if self.find(unquote_to_bytes(scope.path).decode(errors="replace")) is None:
            return None
        return self.asgi(app, *connection_of(scope, protocol))


def _checked(prefix: str) -> str:
    """Return a prefix without the slash at its end.

    Raises:
        ValueError: When nothing can be mounted there.
    """
    stripped = prefix.rstrip("/")
    if not prefix.startswith("/") or "//" in prefix or "<" in prefix:
        raise ValueError(
            f"The prefix {prefix!r} is not one: write it like '/admin', without variable parts."
        )
    if not stripped:
        raise ValueError(
            "What is mounted at '/' would hide every route. Mount the other way round, or wrap "
            "'app.wsgi_app' or 'app.asgi_app' with a middleware."
        )
    return stripped


def _check_host(app: Cruse, host: str) -> None:
    """Hold the application's rules for hosts: links that are mailed are built from them.

    Raises:
        SecurityError: When the host is none, or none of ``TRUSTED_HOSTS``.
    """
    trusted = app.config["TRUSTED_HOSTS"]
    refused = refusal(host) if host else None
    if refused is None and trusted is not None and not host_is_trusted(host, trusted):
        refused = SecurityError("The host is not one of the trusted hosts.")
    if refused is not None:
        raise refused


def _interface_of(app: Any, interface: str | None) -> str | None:
    """Return the protocol that an application speaks; ``None`` for one of Cruse, any.

    Raises:
        TypeError: When it can't be told from the outside.
        ValueError: When there is no such protocol.
    """
    if interface is not None:
        if interface not in INTERFACES:
            raise ValueError(f"The interface is 'wsgi' or 'asgi', not {interface!r}.")
        return interface
    if isinstance(app, Application):
        return None
    if inspect.iscoroutinefunction(app) or inspect.iscoroutinefunction(
        getattr(app, "__call__", None)  # noqa: B004 - its colour is asked for
    ):
        return "asgi"
    try:
        parameters = inspect.signature(app).parameters.values()
    except (TypeError, ValueError):
        count = 0
    else:
        count = sum(p.kind in _POSITIONAL and p.default is p.empty for p in parameters)
    if count not in (2, 3):
        raise TypeError(
            f"{app!r} is neither app(environ, start_response) nor app(scope, receive, send). If "
            "it is an application, say which: mount(..., interface='wsgi') or 'asgi'."
        )
    return INTERFACES[count - 2]


class _Worker:
    """The thread of a WSGI server while an ASGI application answers on a loop.

    It waits, and reads the body when the application asks for it: some servers allow that in this
    thread only.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, environ: WSGIEnvironment) -> None:
        self._loop = loop
        self._todo: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        length = get_content_length(environ)
        if length is None and "wsgi.input_terminated" not in environ:
            length = 0  # the server does not end the input: reading on would wait for ever
        self._body = BodyStream(environ["wsgi.input"], length, None)

    def wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop and return its result."""
        outcome = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        outcome.add_done_callback(lambda _: self._todo.put(None))
        while (job := self._todo.get()) is not None:
            job()
        return outcome.result()

    async def read_body(self) -> tuple[bytes, bool]:
        """Return the next piece of the body, and whether there may be more.

        Raises:
            ClientDisconnected: When it is cut short.
        """
        piece: asyncio.Future[bytes] = self._loop.create_future()
        self._todo.put(partial(self._read_for, piece))
        data = await piece
        return data, bool(data) and self._body.received != self._body.length

    def _read_for(self, piece: asyncio.Future[bytes]) -> None:
        try:
            outcome: Any = self._body.read(CHUNK)
        except Exception:  # for the application it is one and the same: no more is coming
            outcome = ClientDisconnected()
        self._loop.call_soon_threadsafe(_deliver, piece, outcome)


def _deliver(piece: asyncio.Future[bytes], outcome: Any) -> None:
    if piece.done():  # cancelled meanwhile
        return
    if isinstance(outcome, Exception):
        piece.set_exception(outcome)
    else:
        piece.set_result(outcome)
