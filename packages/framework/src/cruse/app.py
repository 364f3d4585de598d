"""The application: one object that is a WSGI, an ASGI and an RSGI application."""

from __future__ import annotations

import sys
import weakref
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import TYPE_CHECKING, Any, NoReturn, cast

from werkzeug.exceptions import BadRequest, BadRequestKeyError, HTTPException
from werkzeug.routing import RequestRedirect
from werkzeug.utils import redirect as make_redirect

from cruse import pipeline
from cruse.answers import response_of, response_of_error
from cruse.application import Application
from cruse.bridge import drive, waiting
from cruse.colors import is_async
from cruse.context import Context
from cruse.ending import run_all, teardown
from cruse.gateway.marks import AsyncLookingCall, mark_as_async
from cruse.gateway.wsgi import serve_wsgi
from cruse.globals import current_context
from cruse.headerfields import without_controls
from cruse.lazy import imported, lazy
from cruse.logging import escape_control
from cruse.making import response_from
from cruse.matching import Matcher
from cruse.plans import STEPS, Entrance, Plan, plan_of, without
from cruse.settings import check_settings
from cruse.signals import appcontext_popped, appcontext_pushed
from cruse.templated import update_template_context

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine
    from types import TracebackType

    from werkzeug.wrappers import Response as WerkzeugResponse

    from cruse.background import BackgroundTasks
    from cruse.headerfields import Fields
    from cruse.loops import LoopThread
    from cruse.proxies import TrustedProxies
    from cruse.requests import Request
    from cruse.responses import Response
    from cruse.security import SecurityHeaders
    from cruse.testing import AsyncCruseClient, CruseClient, CruseCliRunner
    from cruse.typing import (
        Receive,
        ResponseReturnValue,
        Scope,
        Send,
        WSGIEnvironment,
    )
    from cruse.workers import WorkerPool

__all__ = ["Cruse"]


class Cruse(Application):
    """An application.

    It is served as it is by WSGI, ASGI and RSGI servers. Views, hooks and error handlers may be
    plain or async functions under each of them.

    Args:
        import_name: The module, usually ``__name__``: its folder has the templates and files.
        static_url_path: The URL prefix of the static files.
        static_folder: Their folder, relative to the module's.
        static_host: Their host, with ``host_matching``.
        host_matching: Match rules by their ``host``.
        subdomain_matching: Match rules by their ``subdomain``, below ``SERVER_NAME``.
        template_folder: The folder of the templates, relative to the module's.
        instance_path: The folder of this installation's files, absolute.
        instance_relative_config: Configuration files are relative to the instance folder.
        root_path: The module's folder, when it does not follow from ``import_name``.
        extensions: Extensions to bind, as ``app.use(...)`` does.
    """

    context_class: type[Context] = Context
    plan_without_route: Plan | None = None
    entrance: Entrance | None = None
    #: The pipeline's steps as this class has them; see :func:`cruse.plans.own_steps`.
    builtin_steps: dict[str, Callable[..., Any]]
    #: What happens when a context becomes current, as this class and its context have it.
    builtin_pushing: tuple[Callable[..., Any], ...]
    #: What finds the route of a request, as this class has it.
    builtin_matching: Callable[..., Any]
    #: What makes a context, as this class has it.
    builtin_constructor: Callable[..., None]
    #: What raises the errors of routing, as this class has it.
    builtin_raising: Callable[..., Any]
    # asgiref, and through it daphne, asks for this to take the object for an ASGI 3 application.
    _asgi_single_callable = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if sys.version_info < (3, 12):
            self.__dict__["__call__"] = AsyncLookingCall(self)

    # -- the three faces --

    def __call__(self, scope: Any, receive: Any, send: Any = None) -> Any:
        """Serve a request: ``(environ, start_response)`` is WSGI, with ``send`` it is ASGI.

        The names of the arguments are ASGI's, because one server passes them by name.
        """
        if send is None:
            return self.wsgi_app(scope, receive)
        return self.asgi_app(scope, receive, send)

    #: Serves a request as WSGI (PEP 3333). Middleware wraps this attribute.
    wsgi_app = serve_wsgi

    if TYPE_CHECKING:

        def asgi_app(
            self, scope: Scope, receive: Receive, send: Send
        ) -> Coroutine[Any, Any, None]:
            """Serve a connection as ASGI 3. Middleware wraps this attribute."""

        def rsgi_app(self, scope: Any, protocol: Any) -> Coroutine[Any, Any, None]:
            """Serve a connection as RSGI 1. Middleware wraps this attribute."""

    else:  # with the first connection come these gateways, and asyncio with them
        asgi_app = imported("cruse.gateway.asgi", "serve_asgi")
        rsgi_app = imported("cruse.gateway.rsgi", "serve_rsgi")

    def __rsgi__(self, scope: Any, protocol: Any) -> Coroutine[Any, Any, None]:
        return self.rsgi_app(scope, protocol)

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.run_until_complete(self.start_on_loop())

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.run_until_complete(self.stop_on_loop())

    # -- sides and lifespan --

    @lazy
    def loop_thread(self) -> LoopThread:
        """The thread with the loop for async code under WSGI."""
        from cruse.loops import LoopThread

        thread = LoopThread(f"{self.name}-loop")
        weakref.finalize(self, thread.release).atexit = False
        return thread

    @lazy
    def pool(self) -> WorkerPool:
        """The threads for sync code under ASGI and RSGI."""
        from cruse.workers import WorkerPool

        pool = WorkerPool(self.config["THREAD_POOL_SIZE"], f"{self.name}-worker")
        # Tests make many applications and stop few: the threads must not outlive them.
        weakref.finalize(self, pool.release).atexit = False
        return pool

    @property
    def propagates_exceptions(self) -> bool:
        """Whether errors are raised to the server instead of answered with a 500."""
        propagate = self.config["PROPAGATE_EXCEPTIONS"]
        return bool(self.testing or self.debug if propagate is None else propagate)

    @lazy
    def security_headers(self) -> SecurityHeaders:
        """The header fields that responses get unless they have them."""
        from cruse.security import SecurityHeaders

        return SecurityHeaders(self.config)

    @lazy
    def default_headers(self) -> Fields:
        """The header fields that every response gets unless it has them."""
        return self.security_headers.usual

    @lazy
    def headers_vary(self) -> bool:
        """Whether these depend on the response, because a policy has a nonce."""
        return self.security_headers.vary

    @lazy
    def proxies(self) -> TrustedProxies | None:
        """What reads the fields of the proxies in front, when the settings trust any."""
        if not self.config["TRUSTED_PROXIES"]:
            return None
        from cruse.proxies import TrustedProxies

        return TrustedProxies.from_config(self.config)

    def _prepare(self) -> None:
        """The part of start-up that is the framework's own."""
        self.load_includes()
        check_settings(self.config)
        self.security_headers  # noqa: B018 - a setting that is wrong is told now
        self.proxies, self.cors, self.compression  # noqa: B018
        self.session_interface  # noqa: B018 - and so is a wrong SESSION_STORE
        self.request_class  # noqa: B018 - imported now, not in the midst of a request
        self.check_extensions()
        self.operations  # noqa: B018
        if self.debug:
            from cruse.hidden import warn_of_hidden_files

            warn_of_hidden_files(self)

    @lazy
    def operations(self) -> tuple[str, ...]:
        """The parts of :mod:`cruse.operations` that the settings have switched on, at start."""
        from cruse.operations import install

        return install(self)

    def start(self) -> None:
        """Run start-up, once; WSGI's gateway does it before the first request.

        Raises:
            SettingsError: When an extension's setting is wrong.
            Exception: What a start-up function raised.
        """
        if not self.lifecycle.started:
            drive(self.lifecycle.start(self.bridge, self._prepare))
            self._got_first_request = True
            self.lifecycle.stop_at_exit(self.stop)

    async def start_on_loop(self) -> None:
        """Run start-up, once, from the event loop that will serve."""
        if not self.lifecycle.started:
            await self.lifecycle.start(self.loop_bridge, self._prepare)
            self._got_first_request = True

    def stop(self) -> None:
        """Run shutdown and end the loop's thread; WSGI processes do it at their exit."""
        try:
            if "background" in self.__dict__:
                self.async_to_sync(self.background.drain)()
            drive(self.lifecycle.stop(self.bridge))
        finally:
            self._end_threads()

    async def stop_on_loop(self) -> None:
        """Run shutdown from the event loop that serves, and end the workers' threads."""
        try:
            if "background" in self.__dict__:
                await self.background.drain()
            await self.lifecycle.stop(self.loop_bridge)
        finally:
            from asyncio import to_thread

            await to_thread(self._end_threads)

    def _end_threads(self) -> None:
        for name in ("pool", "loop_thread"):
            made = self.__dict__.pop(name, None)
            if made is not None:
                made.stop()

    @lazy
    def background(self) -> BackgroundTasks:
        """The tasks of :meth:`add_background_task`."""
        from cruse.background import BackgroundTasks

        return BackgroundTasks(self)

    def add_background_task(
        self, function: Callable[..., Any], /, *args: Any, **kwargs: Any
    ) -> None:
        """Run ``function(*args, **kwargs)``, plain or async, behind the current response.

        It begins when the response was sent, unless that is a server's error (5xx), and runs in an
        application context of its own, without the request. Outside of requests, in websockets,
        and when there is a response already (in its stream, at teardown), it begins at once. What
        it raises is logged. At shutdown the application waits for it,
        ``BACKGROUND_TASK_SHUTDOWN_TIMEOUT`` seconds at most.

        Work that must not be lost with the process belongs into a queue.

        Raises:
            TypeError: When it was called already, as in ``add_background_task(function())``.
        """
        self.background.add(function, *args, **kwargs)

    # -- contexts --

    def app_context(self) -> Context:
        """Return a context outside of requests, to be entered by ``with``."""
        return self.context_class(self)

    def request_context(self, environ: WSGIEnvironment) -> Context:
        """Return the context of a request, to be entered by ``with``."""
        return self.context_class(self, environ)

    def test_request_context(self, *args: Any, **kwargs: Any) -> Context:
        """Return the context of a made-up request, for tests and shells.

        Args:
            args: As for :class:`werkzeug.test.EnvironBuilder`, a path first.
            kwargs: Its other arguments.
        """
        from cruse.testing import EnvironBuilder

        self.load_includes()
        builder = EnvironBuilder(self, *args, **kwargs)
        try:
            return self.request_context(builder.get_environ())
        finally:
            builder.close()

    def match_request(self, ctx: Context) -> None:
        """Find the route of a request; what routing raises is kept for after the hooks."""
        self.make_matcher().match(ctx)

    def make_matcher(self) -> Matcher:
        """Make what finds the routes of requests."""
        own_adapter = type(self).create_url_adapter is not Application.create_url_adapter
        return Matcher(self, own_adapter)

    def context_pushed(self, ctx: Context) -> None:
        """Complete a context that became current: match its request, send the signal."""
        if appcontext_pushed.receivers:
            appcontext_pushed.send(self, _async_wrapper=self.ensure_sync)
        if ctx.has_request and ctx.route is None and ctx.routing_exception is None:
            ctx.match_request()

    def context_popped(self, ctx: Context) -> None:
        """Send the signal for a context that is no longer current."""
        if appcontext_popped.receivers:
            appcontext_popped.send(self, _async_wrapper=self.ensure_sync)

    def teardown_context(self, ctx: Context, exc: BaseException | None) -> None:
        """Tear a context down from sync code."""
        if ctx.bridge.on_loop:
            ctx.bridge = self.bridge
        drive(teardown(ctx, plan_of(ctx), exc))

    async def teardown_context_on_loop(self, ctx: Context, exc: BaseException | None) -> None:
        """Tear a context down from async code."""
        ctx.bridge = self.loop_bridge
        await teardown(ctx, plan_of(ctx), exc)

    # -- the steps of the pipeline, to override or replace, with Flask 3.1's signatures --

    def _step(self, name: str, step: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Run the built-in version of a step for the current context."""
        ctx = current_context()
        plan = without(plan_of(ctx), name)
        result = step(ctx, plan, *args, **kwargs)
        while type(result) is CoroutineType:
            result = drive(result)
        return result

    def full_dispatch_request(self) -> Response:
        """Run hooks and view and return the finished response."""
        return cast("Response", self._step("full_dispatch_request", pipeline.full_dispatch))

    def preprocess_request(self) -> ResponseReturnValue | None:
        """Run the URL preprocessors and before hooks; return what one of these answered."""
        value: ResponseReturnValue | None = self._step("preprocess_request", pipeline.preprocess)
        return value

    def dispatch_request(self) -> ResponseReturnValue:
        """Call the view and return what it returns."""
        value: ResponseReturnValue = self._step("dispatch_request", pipeline.dispatch)
        return value

    def finalize_request(self, rv: Any, from_error_handler: bool = False) -> Response:
        """Make a response of a view's return value and run the after hooks."""
        response = self._step(
            "finalize_request", pipeline.finalize, rv, from_error_handler=from_error_handler
        )
        return cast("Response", response)

    def process_response(self, response: Response) -> Response:
        """Run the after hooks and save the session."""
        return cast(
            "Response", self._step("process_response", pipeline.process_response, response)
        )

    def handle_http_exception(self, e: HTTPException) -> Any:
        """Return the answer to an HTTP error."""
        return self._step("handle_http_exception", pipeline.handle_http_exception, e)

    def handle_user_exception(self, e: Exception) -> Any:
        """Return the answer to an error of a view or hook, or raise it."""
        return self._step("handle_user_exception", pipeline.handle_user_exception, e)

    def handle_exception(self, e: Exception) -> Response:
        """Answer an error that nothing handled with a 500, or raise it in debug and tests."""
        return cast("Response", self._step("handle_exception", pipeline.handle_exception, e))

    def do_teardown_request(self, exc: BaseException | None = None) -> None:
        """Run the ``teardown_request`` functions of the current request."""
        self._teardown_step("do_teardown_request", "teardown_request", exc)

    def do_teardown_appcontext(self, exc: BaseException | None = None) -> None:
        """Run the ``teardown_appcontext`` functions."""
        self._teardown_step("do_teardown_appcontext", "teardown_appcontext", exc)

    def _teardown_step(self, name: str, calls: str, exc: BaseException | None) -> None:
        ctx = current_context()
        plan = without(plan_of(ctx), name)
        errors = drive(run_all(ctx, plan, name, getattr(plan, calls), exc))
        if errors:
            raise BaseExceptionGroup(f"Errors in {calls} functions", errors)

    # -- answers --

    def make_response(self, rv: ResponseReturnValue) -> Response:
        """Make a response of what a view returned.

        ``str``, ``bytes``, an iterator (sync or async) of either, a ``dict``, ``list`` or
        dataclass (JSON), a response, a WSGI application, an object of a registered type; or a
        tuple of one of these with a status, with headers, or with both.

        Raises:
            TypeError: For anything else; it names the endpoint and the type.
        """
        response_class = self.response_class
        kind = type(rv)
        if (
            kind is str
            or kind is bytes
            or ((kind is GeneratorType or kind is AsyncGeneratorType) and not self.response_types)
        ):
            if response_class.takes_in_order:  # as in `response_from`
                try:
                    return response_class(rv, None, None, None, None, False)  # type: ignore[arg-type]
                except TypeError:
                    pass
            return response_from(response_class, rv)
        if isinstance(rv, response_class):
            return rv
        if not self.response_types:
            if kind is dict or kind is list:
                return self.json.response(rv)
            if isinstance(rv, HTTPException):
                return response_of_error(self, rv)
        return response_of(self, rv)

    def make_default_options_response(self) -> Response:
        """Answer OPTIONS with the methods of the URL (RFC 9110 section 9.3.7)."""
        response = self.response_class()
        if (adapter := current_context().url_adapter) is not None:
            response.allow.update(adapter.allowed_methods())
        return response

    def redirect(self, location: str, code: int = 303) -> WerkzeugResponse:
        """Return a redirect; 303 (See Other) makes the browser GET the location."""
        return make_redirect(without_controls(location), code=code, Response=self.response_class)

    def raise_routing_exception(self, request: Request) -> NoReturn:
        """Raise why no route matched; in debug, explain a redirect that would lose a body."""
        error = request.routing_exception
        if error is None:
            raise RuntimeError("No route matched, and routing did not say why.")
        if (
            isinstance(error, RequestRedirect)
            and self.debug
            and error.code not in {307, 308}
            and request.method not in {"GET", "HEAD", "OPTIONS"}
        ):
            from cruse.debug import FormDataRoutingRedirect

            raise FormDataRoutingRedirect(request)
        raise error

    def trap_http_exception(self, e: Exception) -> bool:
        """Whether an HTTP error goes the way of other errors, to show where it was raised."""
        if self.config["TRAP_HTTP_EXCEPTIONS"]:
            return True
        trap = self.config["TRAP_BAD_REQUEST_ERRORS"]
        if trap is None:
            return isinstance(e, BadRequestKeyError) and self.debug
        return bool(trap) and isinstance(e, BadRequest)

    def log_exception(
        self,
        exc_info: tuple[type, BaseException, TracebackType | None] | tuple[None, None, None],
    ) -> None:
        """Log an error that nothing handled, with its traceback."""
        ctx = current_context()
        self.logger.error(
            "Exception on %s [%s]",
            escape_control(ctx.request.path),
            ctx.method,
            exc_info=exc_info,
        )

    def should_ignore_error(self, error: BaseException | None) -> bool:
        """Whether an error is kept from the teardown functions; never, unless overridden."""
        return False

    def update_template_context(self, context: dict[str, Any]) -> None:
        """Add what the context processors give to a template's variables."""
        update_template_context(self, context)

    # -- colours --

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return a plain function: ``func`` itself, or one that waits for its coroutine."""
        return self.async_to_sync(func) if is_async(func) else func

    def async_to_sync(self, func: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., Any]:
        """Return a plain function that runs ``func`` on a loop and waits for it.

        Under WSGI and in scripts that is the application's own long-lived loop; in a worker's
        thread under ASGI and RSGI it is the server's. On an event loop it is another one, and the
        one that runs here waits: prefer ``await func()`` there.
        """
        return waiting(self, func)

    def loop_here(self) -> asyncio.AbstractEventLoop:
        """Return the loop for async code that plain code waits for: the server's, or our own."""
        pool: WorkerPool | None = self.__dict__.get("pool")
        loop = None if pool is None else pool.loop_here()
        return self.loop_thread.loop if loop is None else loop

    # -- tools --

    def run(
        self,
        host: str | None = None,
        port: int | None = None,
        debug: bool | None = None,
        load_dotenv: bool = True,
        **options: Any,
    ) -> None:
        """Serve with the development server, until interrupted. Not for production.

        Args:
            host: The address to listen on; this machine only, unless set.
            port: The port; 5000, or that of ``SERVER_NAME``.
            debug: Debug mode: reload, and tracebacks in the browser.
            load_dotenv: Read ``.env`` and ``.cruseenv`` first.
            options: Of :func:`werkzeug.serving.run_simple`.
        """
        from cruse.devserver import run

        try:
            run(self, host, port, debug, load_dotenv, **options)
        finally:
            self._got_first_request = False

    def test_client(
        self, use_cookies: bool = True, gateway: str = "wsgi", **kwargs: Any
    ) -> CruseClient:
        """Return a client for tests.

        Args:
            use_cookies: Keep cookies from one request to the next.
            gateway: ``"wsgi"`` or ``"asgi"``, the face that is tested.
            kwargs: Further arguments of the client's class.
        """
        from cruse.testing import make_client

        return make_client(self, use_cookies=use_cookies, gateway=gateway, **kwargs)

    def async_test_client(self, **kwargs: Any) -> AsyncCruseClient:
        """Return a client for async tests; its methods are awaited."""
        from cruse.testing import AsyncCruseClient

        return AsyncCruseClient(self, **kwargs)

    def test_cli_runner(self, **kwargs: Any) -> CruseCliRunner:
        """Return a runner for the tests of commands."""
        from cruse.testing import CruseCliRunner

        make: Callable[..., CruseCliRunner] = self.test_cli_runner_class or CruseCliRunner
        return make(self, **kwargs)


Cruse.builtin_matching = Cruse.match_request
Cruse.builtin_pushing = (Context.match_request, Cruse.context_pushed)
Cruse.builtin_constructor = staticmethod(Context.__init__)
Cruse.builtin_raising = Cruse.raise_routing_exception
Cruse.builtin_steps = {name: getattr(Cruse, name) for name in STEPS}

mark_as_async(Cruse.__call__)
