"""The context: everything that belongs to one request, or to one stay in an application.

There is one class and one object per request. What a request may not need (its request object,
its session, ``g``, the URL adapter) is made when it is first touched.
"""

from __future__ import annotations

from functools import wraps
from inspect import iscoroutinefunction
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import BadRequest, SecurityError

from cruse.body import CHUNK
from cruse.bridge import drive
from cruse.environ import PENDING
from cruse.globals import _cv, current_context
from cruse.lazy import lazy

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from contextvars import Token
    from types import TracebackType
    from typing import Self

    from werkzeug.exceptions import HTTPException
    from werkzeug.routing import MapAdapter, Rule

    from cruse.app import Cruse
    from cruse.bridge import Bridge
    from cruse.gateway.onloop import Transport
    from cruse.observers import Observation
    from cruse.requests import Request
    from cruse.responses import Response
    from cruse.routing import Route
    from cruse.sessions import SessionMixin
    from cruse.typing import AfterRequestCallable, F, WSGIEnvironment
    from cruse.websockets import WebSocket

__all__ = ["Context", "Globals", "after_this_request", "copy_current_request_context"]

_UNSET: Any = object()


class Globals:
    """The namespace behind ``g``: attributes of your choice that live as long as the context."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"'g' has no {name!r}: nothing has set it in this context.")

    if TYPE_CHECKING:

        def __setattr__(self, name: str, value: Any) -> None: ...

    def get(self, name: str, default: Any = None) -> Any:
        """Return an attribute, or ``default`` when there is none."""
        return self.__dict__.get(name, default)

    def pop(self, name: str, default: Any = _UNSET) -> Any:
        """Remove an attribute and return it.

        Raises:
            KeyError: When it is missing and no default is given.
        """
        if default is _UNSET:
            return self.__dict__.pop(name)
        return self.__dict__.pop(name, default)

    def setdefault(self, name: str, default: Any = None) -> Any:
        """Return an attribute, which becomes ``default`` when there is none."""
        return self.__dict__.setdefault(name, default)

    def __contains__(self, name: object) -> bool:
        return name in self.__dict__

    def __iter__(self) -> Iterator[str]:
        return iter(self.__dict__)

    def __repr__(self) -> str:
        context = _cv.get(None)
        return object.__repr__(self) if context is None else f"<cruse.g of {context.app.name!r}>"


class Matched:
    """An application and a route of it: what a request asks its context for."""

    #: Whether the context has ended: this is what a request that is kept has in its place.
    is_over = True
    app: Cruse
    route: Route | None
    view_args: dict[str, Any] | None
    routing_exception: HTTPException | None
    #: What a request on a loop came by, and makes its environ.
    transport: Transport
    #: The environ, ``PENDING`` until somebody asks for one that is to be made.
    made_environ: WSGIEnvironment | None

    @property
    def url_rule(self) -> Rule | None:
        """The rule that matched."""
        return None if self.route is None else self.route.rule

    @url_rule.setter
    def url_rule(self, rule: Rule | None) -> None:
        self.route = None if rule is None else self.app.router.route(rule)

    @property
    def endpoint(self) -> str | None:
        """The endpoint that matched."""
        return None if self.route is None else self.route.endpoint


class Context(Matched):
    """One request's state, or an application's outside of requests.

    Args:
        app: The application.
        environ: The WSGI environment of the request (under ASGI and RSGI made from the scope);
            ``None`` for an application context.
        request: The request, when it is made already.
        session: The session, when it is opened already.
    """

    is_over = False
    # Python makes an object of a class without slots, by a constructor whose arguments are all
    # given, at half of the cost. What most requests never have is an attribute of the class.
    #: The conversation, when the request is the handshake of one.
    websocket: WebSocket | None = None
    #: Functions for the response of this request alone.
    after_functions: tuple[AfterRequestCallable, ...] = ()
    #: What begins when the response was sent; ``None`` once there is a response.
    behind: tuple[Callable[[], object], ...] | None = ()
    #: Functions for the end of this context alone.
    teardown_functions: tuple[Callable[[BaseException | None], Any], ...] = ()
    #: Whether this context has something of its own to be done, or told of, at the end. What sets
    #: it before there is a response sets ``goes_on`` as well.
    ends = False
    torn_down = False
    #: What the request failed with, although it got an answer; for the teardown functions.
    error: BaseException | None = None
    #: What the observers of this request follow, if the application has any.
    observation: Observation | None = None
    #: Why the session could not be opened ahead of the view.
    session_error: Exception | None = None
    #: Whether the session is not to be saved (again).
    session_failed = False
    #: The body of a request, when all of it was there before anybody asked for the request.
    body: bytes | None = None
    #: Takes the context over at its end, for a test client that looks into it.
    keep: Callable[[Context], None] | None = None
    _tokens: tuple[Token[Context], ...] = ()

    #: The HTTP method of a request, in upper case.
    method: str
    #: The path of a request, decoded, below the application's root.
    path: str
    #: The pipeline's answer.
    response: Response

    def __init__(
        self,
        app: Cruse,
        environ: WSGIEnvironment | None = None,
        request: Request | None = None,
        session: SessionMixin | None = None,
    ) -> None:
        self.app = app
        if request is not None:
            environ = request.environ
            request.context = request.context or self
        #: How functions of the other colour are called; a request that is pending is on a loop.
        self.bridge: Bridge = app.loop_bridge if environ is PENDING else app.bridge
        self.made_environ = environ
        self.has_request = environ is not None
        self.route = None
        self.view_args = None
        self.routing_exception = None
        #: What was made of ``request``, ``session`` and ``g``: ``None`` until they are touched.
        self.made_request = request
        self.made_session = session
        self.made_g: Any = None
        #: Whether this request has anything of its own that comes behind the view.
        self.goes_on = session is not None
        #: The raw Host field, of a request over HTTPS; the gateways set it.
        self.tls_host: str | None = None
        #: Whether the request may have a body that nobody has read; ``None`` until that is known.
        self.has_body: bool | None = None

    # -- what is made on first touch --

    @property
    def environ(self) -> WSGIEnvironment | None:
        """The environ of the request, on a loop made when it is first asked for."""
        environ = self.made_environ
        if environ is PENDING:
            request = self.made_request  # of which it is the environ, too
            environ = self.transport.make_environ() if request is None else request.environ
            self.made_environ = environ
        return environ

    @environ.setter
    def environ(self, environ: WSGIEnvironment | None) -> None:
        self.made_environ = environ

    @property
    def request(self) -> Request:
        """The request; it does not exist on an application context."""
        request = self.made_request
        if request is None:
            environ: Any = self.made_environ
            cls = self.app.request_class
            if environ is None:
                raise RuntimeError("There is no request in this context, only an application.")
            if getattr(cls, "builtin_constructor", None) is cls.__init__ and not cls.own_environ:
                request = cls(environ, True, False)  # all arguments: Python's short way
            else:
                request = cls(self.environ)  # type: ignore[arg-type]
            self.made_request = request
            request.context = self
            if (body := self.body) is not None:
                request.take_loaded(body)
        return request

    @request.setter
    def request(self, request: Request) -> None:
        self.made_request = request

    @property
    def session(self) -> SessionMixin:
        """The session, opened by ``app.session_interface`` when it is first touched."""
        session = self.made_session
        if session is None:
            if self.session_error is not None:
                raise self.session_error
            # On a loop the session was opened ahead if there is anything to wait for.
            bridge = self.app.bridge if self.bridge.on_loop else self.bridge
            interface = self.app.session_interface
            session = interface.open(self.app, self.request, bridge)
            if type(session) is CoroutineType:
                session = drive(session)
            if session is None:
                session = interface.make_null_session(self.app)
            self.made_session = session
            self.goes_on = True
        return session

    @session.setter
    def session(self, session: SessionMixin) -> None:
        self.made_session = session
        self.goes_on = True

    @property
    def g(self) -> Any:
        """A namespace for the application's own use."""
        g = self.made_g
        if g is None:
            g = self.made_g = self.app.app_ctx_globals_class()
        return g

    @g.setter
    def g(self, g: Any) -> None:
        self.made_g = g

    @lazy
    def url_adapter(self) -> MapAdapter | None:
        """What builds and matches URLs here; ``None`` where no host is known."""
        if not isinstance(self.routing_exception, SecurityError):
            return self.app.create_url_adapter(self.request if self.has_request else None)
        # Refused for its host. The error page has URLs all the same, of where the server is.
        host = (self.request.server or ("localhost", None))[0]
        return self.app.url_map.bind(host, script_name=self.request.root_path)

    @lazy
    def csp_nonce(self) -> str:
        """The nonce of this response's content security policy: 128 random bits."""
        from secrets import token_urlsafe

        return token_urlsafe(16)

    @lazy
    def extras(self) -> dict[Any, Any]:
        """A place for extensions to keep what belongs to this context."""
        return {}

    @property
    def session_opened(self) -> bool:
        """Whether anybody touched the session."""
        return self.made_session is not None

    @property
    def request_made(self) -> bool:
        """Whether anybody touched the request."""
        return self.made_request is not None

    def part(self, request: Request) -> None:
        """Let the request of an ended context go on without it, and tell the same as before.

        While each holds the other, only the collector could free them, with all that the request
        was asked for, and that costs up to a tenth of a small request. One that belongs to another
        context stays there.
        """
        if request.context is not self:
            return
        request.context = known = Matched()
        known.app = self.app
        known.route = self.route
        known.view_args = self.view_args
        known.routing_exception = self.routing_exception
        made: Any = self.made_environ
        known.made_environ = made
        if made is PENDING:
            known.transport = self.transport
        else:
            made["werkzeug.request"] = None

    @property
    def answered(self) -> bool:
        """Whether there is a response already, so that nothing can be added to it."""
        return self.behind is None or hasattr(self, "response")

    def add_behind(self, begin: Callable[[], object]) -> None:
        """Let something begin when the response was sent; there must not be one yet."""
        self.behind = (*(self.behind or ()), begin)
        self.goes_on = True

    def look_for_body(self) -> bool:
        """Whether the request may have a body that nobody has read, as the environ tells."""
        if self.has_body is None:
            environ = self.environ or {}
            announced = environ.get("CONTENT_LENGTH") not in (None, "", "0")
            self.has_body = announced or bool(environ.get("wsgi.input_terminated"))
        return self.has_body

    def length_at_once(self) -> int:
        """Return how many bytes the body has, if that is known while nobody can have looked at it.

        0 if not, and for a body that is too long, or that is loaded in a way of somebody's own.
        """
        app, cls = self.app, self.app.request_class
        if (
            self.made_request is not None
            or self.made_environ is not PENDING
            or cls.own_loading
            or cls.load_body is not cls.builtin_loading
            or cls.max_content_length is not None
            or type(self).request is not _request
        ):
            return 0
        length, limit = self.transport.announced(), app.config["MAX_CONTENT_LENGTH"]
        return length if length <= CHUNK and (limit is None or length <= limit) else 0

    # -- functions that belong to this one context --

    def after_this_request(self, function: F) -> F:
        """Call ``function(response)`` after the view of this request; it returns the response."""
        self.after_functions = (*self.after_functions, function)
        self.goes_on = True
        return function

    def call_on_teardown(
        self, function: Callable[[BaseException | None], Awaitable[None] | None]
    ) -> None:
        """Call ``function(exc)`` once when this context is torn down, the latest first.

        For resources that are opened at their first use: whoever does not use them never pays,
        as they would for a ``teardown_appcontext`` function.
        """
        self.teardown_functions = (*self.teardown_functions, function)
        self.goes_on = self.ends = True

    # -- entering and leaving --

    def match_request(self) -> None:
        """Find the route of this request, or keep the HTTP error that routing raised."""
        self.app.match_request(self)

    def _look_into_environ(self) -> None:
        """Find out what the gateways tell of the requests they have."""
        environ: Any = self.environ
        if not hasattr(self, "method"):
            self.method = environ.get("REQUEST_METHOD", "GET").upper()
        if not hasattr(self, "path"):
            self.take_path(environ.get("PATH_INFO") or "")

    def take_path(self, path: str) -> None:
        """Decode the path, which an environ holds as Latin-1; an undecodable one is refused."""
        self.path = path
        try:
            self.path = decode_path(path)
        except BadRequest as error:
            self.routing_exception = error

    def push(self) -> None:
        """Make this the current context. May be nested; each push needs its pop."""
        # A context that a test client keeps was pushed by the gateway, which has said so.
        first = not self._tokens and self.keep is None
        if first and self.has_request:
            self._look_into_environ()
        self._tokens = (*self._tokens, _cv.set(self))
        if first:
            self.app.context_pushed(self)

    def pop(self, exc: BaseException | None = None) -> None:
        """Undo one push; the last one tears the context down.

        Raises:
            RuntimeError: When another context, or none, is current.
            BaseExceptionGroup: With the errors of all teardown functions that raised.
        """
        if self._is_last_push():
            try:
                self.app.teardown_context(self, exc)
            finally:
                self._leave()
        else:
            self._leave()

    async def apop(self, exc: BaseException | None = None) -> None:
        """Undo one push from async code; async teardown functions are awaited."""
        if self._is_last_push():
            try:
                await self.app.teardown_context_on_loop(self, exc)
            finally:
                self._leave()
        else:
            self._leave()

    def _is_last_push(self) -> bool:
        current = _cv.get(None)
        if current is not self or not self._tokens:
            raise RuntimeError(f"Cannot pop {self!r}: {current!r} is the current context.")
        return len(self._tokens) == 1

    def _leave(self) -> None:
        *rest, token = self._tokens
        self._tokens = tuple(rest)
        _cv.reset(token)
        if not rest:
            self.app.context_popped(self)

    def __enter__(self) -> Self:
        self.push()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.pop(exc)

    async def __aenter__(self) -> Self:
        self.push()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.apop(exc)

    def copy(self) -> Context:
        """Return a context with the same application, request and session, not entered yet."""
        request = self.made_request if self.body is None else self.request
        copied = type(self)(self.app, self.environ, request, self.made_session)
        if self.has_request:
            self._look_into_environ()  # it may not be entered either
            copied.method, copied.path, copied.has_body = self.method, self.path, self.has_body
        copied.route, copied.view_args = self.route, self.view_args
        copied.routing_exception = self.routing_exception
        copied.behind = None  # it has no response of its own
        return copied

    def __repr__(self) -> str:
        if not self.has_request:
            return f"<Context of {self.app.name!r}>"
        return f"<Context {self.request.method} {self.request.path!r} of {self.app.name!r}>"


_request = Context.request


def decode_path(path: str) -> str:
    """Decode a path of an environ, which holds its bytes as Latin-1 (PEP 3333).

    Raises:
        BadRequest: When the bytes are not UTF-8.
    """
    if path.isascii():
        return path
    try:
        return path.encode("latin-1").decode()
    except UnicodeError:
        raise BadRequest("The path is not valid UTF-8.") from None


def after_this_request(f: F) -> F:
    """Call ``f(response)`` after the view of the current request.

    Raises:
        RuntimeError: When no request is being handled.
    """
    context = current_context()
    if not context.has_request:
        raise RuntimeError("'after_this_request' can only be used while a request is handled.")
    return context.after_this_request(f)


def copy_current_request_context(f: F) -> F:
    """Let ``f`` see the current request when it runs later, in a thread or a task.

    Raises:
        RuntimeError: When no request is being handled.
    """
    original = current_context()
    if not original.has_request:
        raise RuntimeError(
            "'copy_current_request_context' can only be used while a request is handled."
        )
    copied = original.copy()

    if iscoroutinefunction(f):

        @wraps(f)
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            async with copied.copy():
                return await f(*args, **kwargs)

    else:

        @wraps(f)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with copied.copy():
                return f(*args, **kwargs)

    return wrapper  # type: ignore[return-value]
