"""What applications and blueprints have in common: where their files are, and registration."""

from __future__ import annotations

import importlib.util
import os
import sys
from functools import lru_cache, update_wrapper
from inspect import isfunction
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

from cruse.colors import inline, is_async
from cruse.errors import class_and_code, make_handler_spec
from cruse.globals import current_context
from cruse.lazy import lazy
from cruse.registry import Changes, LiveDict, ScopedHooks

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import timedelta

    from jinja2 import BaseLoader
    from werkzeug.exceptions import HTTPException

    from cruse.cli import AppGroup
    from cruse.errors import HandlerSpec
    from cruse.responses import Response
    from cruse.typing import (
        AfterRequestCallable,
        AnswerT,
        BeforeRequestCallable,
        E,
        EngineFactory,
        F,
        ResponseReturnValue,
        RouteCallable,
        TeardownCallable,
        TemplateContextProcessorCallable,
        URLDefaultCallable,
        URLValuePreprocessorCallable,
        WebSocketCallable,
    )

__all__ = ["Scaffold", "setupmethod"]

T_route = TypeVar("T_route", bound="RouteCallable")
T_socket = TypeVar("T_socket", bound="WebSocketCallable")
T_before = TypeVar("T_before", bound="BeforeRequestCallable")
T_after = TypeVar("T_after", bound="AfterRequestCallable")
T_teardown = TypeVar("T_teardown", bound="TeardownCallable")
T_processor = TypeVar("T_processor", bound="TemplateContextProcessorCallable")
T_preprocessor = TypeVar("T_preprocessor", bound="URLValuePreprocessorCallable")
T_url_default = TypeVar("T_url_default", bound="URLDefaultCallable")

_join = lru_cache(256)(os.path.join)  # the same few are asked for with each request of a file


def setupmethod(f: F) -> F:
    """Refuse to call a method once the first request was handled."""
    name = f.__name__

    def guarded(self: Scaffold, *args: Any, **kwargs: Any) -> Any:
        self._check_setup_finished(name)
        return f(self, *args, **kwargs)

    return update_wrapper(guarded, f)  # type: ignore[return-value]


def find_root_path(import_name: str) -> str:
    """Return the folder of a module, without importing it.

    Raises:
        RuntimeError: When it is not known where the module is.
    """
    module = sys.modules.get(import_name)
    file: str | None = getattr(module, "__file__", None)
    if file is None and import_name != "__main__":
        try:
            spec = importlib.util.find_spec(import_name)
        except (ImportError, ValueError):
            spec = None
        if spec is not None and spec.submodule_search_locations and spec.origin is None:
            raise RuntimeError(
                f"{import_name!r} is a namespace package, which may have many folders. "
                "Say which one is meant: pass root_path."
            )
        file = None if spec is None else spec.origin
    if file is None:
        return os.getcwd()  # an interactive session, or a made-up name
    return os.path.dirname(os.path.abspath(file))


class Scaffold:
    """Routes, hooks, error handlers, templates and static files.

    Args:
        import_name: The module that this belongs to; its folder is where files are looked for.
        static_folder: The folder of static files, relative to ``root_path``.
        static_url_path: The URL prefix of the static files.
        template_folder: The folder of templates, relative to ``root_path``.
        root_path: The folder, when it does not follow from ``import_name``.
    """

    name: str
    _static_folder: str | None = None
    _static_url_path: str | None = None
    #: Makes the engine of the templates here, when called with the application; Jinja unless set.
    template_engine: EngineFactory | None = None

    def __init__(
        self,
        import_name: str,
        static_folder: str | os.PathLike[str] | None = None,
        static_url_path: str | None = None,
        template_folder: str | os.PathLike[str] | None = None,
        root_path: str | None = None,
    ) -> None:
        self.import_name = import_name
        self.static_folder = static_folder
        self.static_url_path = static_url_path
        self.template_folder = template_folder
        self.root_path = find_root_path(import_name) if root_path is None else root_path
        self.changes = Changes()
        self.view_functions: dict[str, RouteCallable] = LiveDict(self.changes)
        self.error_handler_spec: HandlerSpec = make_handler_spec()
        hooks: list[ScopedHooks[Any]] = [ScopedHooks(self.changes) for _ in range(7)]
        self.before_request_funcs: ScopedHooks[BeforeRequestCallable] = hooks[0]
        self.after_request_funcs: ScopedHooks[AfterRequestCallable] = hooks[1]
        self.teardown_request_funcs: ScopedHooks[TeardownCallable] = hooks[2]
        self.template_context_processors: ScopedHooks[TemplateContextProcessorCallable] = hooks[3]
        self.url_value_preprocessors: ScopedHooks[URLValuePreprocessorCallable] = hooks[4]
        self.url_default_functions: ScopedHooks[URLDefaultCallable] = hooks[5]
        self.before_websocket_funcs: ScopedHooks[BeforeRequestCallable] = hooks[6]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"

    def _check_setup_finished(self, method: str) -> None:
        raise NotImplementedError

    @lazy
    def cli(self) -> AppGroup:
        """The click group of the commands registered here."""
        from cruse.cli import AppGroup

        group = AppGroup()
        group.name = self.name
        return group

    # -- folders --

    @property
    def static_folder(self) -> str | None:
        """The folder of static files, absolute; ``None`` when there is none."""
        if self._static_folder is None:
            return None
        return _join(self.root_path, self._static_folder)

    @static_folder.setter
    def static_folder(self, value: str | os.PathLike[str] | None) -> None:
        self._static_folder = None if value is None else os.fspath(value).rstrip(r"\/")

    @property
    def has_static_folder(self) -> bool:
        """Whether static files are served."""
        return self.static_folder is not None

    @property
    def static_url_path(self) -> str | None:
        """The URL prefix of the static files; the folder's name unless set."""
        if self._static_url_path is not None:
            return self._static_url_path
        if self.static_folder is None:
            return None
        return f"/{os.path.basename(self.static_folder)}"

    @static_url_path.setter
    def static_url_path(self, value: str | None) -> None:
        self._static_url_path = None if value is None else value.rstrip("/")

    @lazy
    def jinja_loader(self) -> BaseLoader | None:
        """Where templates are loaded from."""
        if self.template_folder is None:
            return None
        from jinja2 import FileSystemLoader

        return FileSystemLoader(os.path.join(self.root_path, self.template_folder))

    def get_send_file_max_age(self, filename: str | None) -> int | None:
        """Return how many seconds a browser may keep a file; ``None`` for "ask every time"."""
        value: timedelta | int | None = current_context().app.config["SEND_FILE_MAX_AGE_DEFAULT"]
        if value is None or isinstance(value, int):
            return value
        return int(value.total_seconds())

    def send_static_file(self, filename: str) -> Response:
        """Answer with a file of the static folder; the view behind its URLs.

        Raises:
            NotFound: When there is no such file.
        """
        folder = self.static_folder
        if folder is None:
            raise RuntimeError("'static_folder' must be set to serve static files.")
        max_age = self.get_send_file_max_age(filename)
        return current_context().app.static_files.answer(folder, filename, max_age)

    @inline
    def _answer_static(self, filename: str) -> Any:
        """Call :meth:`send_static_file`: off the event loop, unless it is quick."""
        ctx = current_context()
        send = self.send_static_file
        ours = getattr(send, "__func__", None) is Scaffold.send_static_file
        if ctx.bridge.on_loop and not (
            ours and ctx.app.static_files.is_quick(ctx.environ, filename)
        ):
            return ctx.bridge.cross(send, filename)
        return send(filename)

    def open_resource(
        self, resource: str, mode: str = "rb", encoding: str | None = "utf-8"
    ) -> Any:
        """Open a file beside the code, for reading.

        Raises:
            ValueError: For any mode but ``r``, ``rt`` and ``rb``.
        """
        if mode not in {"r", "rt", "rb"}:
            raise ValueError(
                f"Resources are opened for reading: mode {mode!r} is not one of 'r', 'rt', 'rb'."
            )
        path = os.path.join(self.root_path, resource)
        return open(path, mode, encoding=None if mode == "rb" else encoding)

    # -- routes --

    def _method_route(
        self, method: str, rule: str, options: dict[str, Any]
    ) -> Callable[[T_route], T_route]:
        if "methods" in options:
            raise TypeError(f"'{method.lower()}' is for one method; with 'methods' it is 'route'.")
        return self.route(rule, methods=[method], **options)

    @setupmethod
    def get(self, rule: str, **options: Any) -> Callable[[T_route], T_route]:
        """Register a view for GET (and HEAD)."""
        return self._method_route("GET", rule, options)

    @setupmethod
    def post(self, rule: str, **options: Any) -> Callable[[T_route], T_route]:
        """Register a view for POST."""
        return self._method_route("POST", rule, options)

    @setupmethod
    def put(self, rule: str, **options: Any) -> Callable[[T_route], T_route]:
        """Register a view for PUT."""
        return self._method_route("PUT", rule, options)

    @setupmethod
    def patch(self, rule: str, **options: Any) -> Callable[[T_route], T_route]:
        """Register a view for PATCH."""
        return self._method_route("PATCH", rule, options)

    @setupmethod
    def delete(self, rule: str, **options: Any) -> Callable[[T_route], T_route]:
        """Register a view for DELETE."""
        return self._method_route("DELETE", rule, options)

    @setupmethod
    def route(self, rule: str, **options: Any) -> Callable[[T_route], T_route]:
        """Register a view for a URL rule.

        Args:
            rule: The rule, such as ``"/users/<int:id>"``.
            options: ``methods``, ``endpoint``, ``defaults``; ``inline=True`` for a quick plain
                view that may run on the event loop; ``stream=True`` for one that reads the body
                itself; ``hooks=False`` for one that the functions registered to run before and
                after requests leave alone; ``compress=False`` for one whose responses are never
                compressed; and what ``werkzeug.routing.Rule`` takes.

        Raises:
            TypeError: When the rule was forgotten, as in ``@app.get`` without parentheses.
        """
        if callable(rule):  # else the view would be registered nowhere, and nobody told
            raise TypeError('A route needs a rule: write @app.get("/path"), not @app.get.')

        def decorator(function: T_route) -> T_route:
            self.add_url_rule(rule, options.pop("endpoint", None), function, **options)
            return function

        return decorator

    @setupmethod
    def websocket(self, rule: str, **options: Any) -> Callable[[T_socket], T_socket]:
        """Register a websocket view, which converses through :data:`cruse.websocket`.

        Args:
            rule: The rule, such as ``"/rooms/<name>"``.
            options: As for :meth:`route`, without ``methods``.

        Raises:
            TypeError: When the view is not ``async def``: it would block every conversation.
        """

        def decorator(function: T_socket) -> T_socket:
            if not is_async(function):
                name = endpoint_of(function)
                raise TypeError(f"A websocket view has to be 'async def': {name!r} is not.")
            endpoint = options.pop("endpoint", None)
            view = cast("RouteCallable", function)
            self.add_url_rule(rule, endpoint, view, websocket=True, **options)
            return function

        return decorator

    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: RouteCallable | None = None,
        provide_automatic_options: bool | None = None,
        **options: Any,
    ) -> None:
        """Register a URL rule; what ``route`` does, as a function.

        Args:
            rule: The rule, such as ``"/users/<int:id>"``.
            endpoint: The name for ``url_for``; the function's name unless given.
            view_func: The view.
            provide_automatic_options: Whether OPTIONS is answered for the view.
            options: As for :meth:`route`.
        """
        raise NotImplementedError

    @setupmethod
    def endpoint(self, endpoint: str) -> Callable[[F], F]:
        """Register a view for an endpoint whose rule was added elsewhere."""

        def decorator(function: F) -> F:
            self.view_functions[endpoint] = function
            return function

        return decorator

    # -- hooks --

    @setupmethod
    def before_request(self, f: T_before) -> T_before:
        """Call ``f()`` before each view; what it returns, if anything, is the answer."""
        self.before_request_funcs[None].append(f)
        return f

    @setupmethod
    def before_websocket(self, f: T_before) -> T_before:
        """Call ``f()`` before each websocket view, after the ``before_request`` functions.

        What it returns, if anything, is the answer that the handshake is rejected with.
        """
        self.before_websocket_funcs[None].append(f)
        return f

    @setupmethod
    def after_request(self, f: T_after) -> T_after:
        """Call ``f(response)`` after each view; it returns the response to send."""
        self.after_request_funcs[None].append(f)
        return f

    @setupmethod
    def teardown_request(self, f: T_teardown) -> T_teardown:
        """Call ``f(error)`` at the very end of each request; ``None`` when all went well."""
        self.teardown_request_funcs[None].append(f)
        return f

    @setupmethod
    def context_processor(self, f: T_processor) -> T_processor:
        """Add what ``f()`` returns, a dict, to the variables of every template."""
        self.template_context_processors[None].append(f)
        return f

    @setupmethod
    def url_value_preprocessor(self, f: T_preprocessor) -> T_preprocessor:
        """Call ``f(endpoint, values)`` before the hooks; it may change the URL's values."""
        self.url_value_preprocessors[None].append(f)
        return f

    @setupmethod
    def url_defaults(self, f: T_url_default) -> T_url_default:
        """Call ``f(endpoint, values)`` in ``url_for``; it may add values."""
        self.url_default_functions[None].append(f)
        return f

    # A checker compares the handler's argument with the class it is registered for. What comes
    # back takes any error: the same function may be registered for other classes too.
    @overload
    def errorhandler(
        self, code_or_exception: type[E]
    ) -> Callable[[Callable[[E], AnswerT]], Callable[[Any], AnswerT]]: ...
    @overload
    def errorhandler(
        self, code_or_exception: int
    ) -> Callable[[Callable[[HTTPException], AnswerT]], Callable[[Any], AnswerT]]: ...

    @setupmethod
    def errorhandler(self, code_or_exception: type[Exception] | int) -> Callable[[Any], Any]:
        """Register a handler, called with the error, for an exception class or HTTP status.

        Raises:
            TypeError: When it was forgotten for what, as in ``@app.errorhandler``.
        """
        if isfunction(code_or_exception):  # else it would be registered nowhere, and nobody told
            raise TypeError(
                "An error handler is for a status or an exception class: write "
                "@app.errorhandler(404), not @app.errorhandler."
            )

        def decorator(function: F) -> F:
            self.register_error_handler(code_or_exception, function)
            return function

        return decorator

    @overload
    def register_error_handler(
        self,
        code_or_exception: type[E],
        f: Callable[[E], ResponseReturnValue | Awaitable[ResponseReturnValue]],
    ) -> None: ...
    @overload
    def register_error_handler(
        self,
        code_or_exception: int,
        f: Callable[[HTTPException], ResponseReturnValue | Awaitable[ResponseReturnValue]],
    ) -> None: ...

    @setupmethod
    def register_error_handler(
        self, code_or_exception: type[Exception] | int, f: Callable[[Any], Any]
    ) -> None:
        """Register a handler for errors; what ``errorhandler`` does, as a function."""
        exception_class, code = class_and_code(code_or_exception)
        self.error_handler_spec[None][code][exception_class] = f


def endpoint_of(view_func: Callable[..., Any] | None) -> str:
    """Return the endpoint that a view has unless one is given: its name."""
    if view_func is None:
        raise AssertionError("Give an endpoint, or a view function to name it after.")
    return view_func.__name__
