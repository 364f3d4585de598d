"""The set-up side of an application: configuration, folders, registration, templates, URLs.

Nothing here handles a request; :class:`cruse.app.Cruse` adds that.
"""

from __future__ import annotations

import os
import sys
import weakref
from functools import partial
from inspect import isasyncgenfunction, isgeneratorfunction
from typing import TYPE_CHECKING, Any, TypeVar, cast

from werkzeug.routing import BuildError
from werkzeug.wrappers.response import Response as WerkzeugResponse

from cruse.bridge import OffLoop, OnLoop
from cruse.colors import inline, is_async
from cruse.config import Config, ConfigAttribute, lifetime
from cruse.context import Globals
from cruse.errors import Aborter
from cruse.instance import find_instance_path
from cruse.json.provider import DefaultJSONProvider
from cruse.lazy import imported, lazy
from cruse.lifecycle import Lifecycle
from cruse.logging import create_logger
from cruse.registry import ScopedHooks
from cruse.responses import Response
from cruse.routing import Map, Router, Rule
from cruse.scaffold import T_teardown, endpoint_of, setupmethod
from cruse.settings import DEFAULTS
from cruse.templated import Templated
from cruse.urls import build_url, make_adapter, scopes_of

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterable, ValuesView
    from datetime import timedelta

    import click
    from werkzeug.exceptions import Aborter as WerkzeugAborter
    from werkzeug.routing import MapAdapter

    from cruse.app import Cruse
    from cruse.blueprints import Blueprint
    from cruse.bridge import Bridge
    from cruse.compression import Compression
    from cruse.cors import CrossOrigin
    from cruse.extension import Extension
    from cruse.gateway.mounts import Mounts
    from cruse.includes import Include
    from cruse.json.provider import JSONProvider
    from cruse.prefixes import PrefixOwner
    from cruse.requests import Request
    from cruse.sessions import SessionInterface
    from cruse.staticfiles import StaticFiles
    from cruse.typing import (
        F,
        LifespanCallable,
        Observer,
        ResponseReturnValue,
        RouteCallable,
        ShellContextProcessorCallable,
    )

__all__ = ["Application"]

T_shell = TypeVar("T_shell", bound="ShellContextProcessorCallable")
T_lifespan = TypeVar("T_lifespan", bound="LifespanCallable")
T_value = TypeVar("T_value")
T_observer = TypeVar("T_observer", bound="Observer")


class Application(Templated):
    """What users call while they set an application up; see :class:`cruse.app.Cruse`."""

    # -- classes and options to replace on a subclass or an instance --

    aborter_class: type[WerkzeugAborter] = Aborter
    app_ctx_globals_class: type[Any] = Globals
    config_class: type[Config] = Config
    default_config: Any = DEFAULTS
    json_provider_class: type[JSONProvider] = DefaultJSONProvider
    if TYPE_CHECKING:
        request_class: type[Request]
    else:
        request_class = imported("cruse.requests", "Request")
    response_class: type[Response] = Response
    if TYPE_CHECKING:
        session_interface: SessionInterface
    else:

        @lazy
        def session_interface(self) -> SessionInterface:
            """What opens and saves sessions: in cookies, or where ``SESSION_STORE`` says."""
            from cruse.sessions import make_interface

            return make_interface(self)

    test_cli_runner_class: type[Any] | None = None
    test_client_class: type[Any] | None = None
    url_map_class: type[Map] = Map
    url_rule_class: type[Rule] = Rule

    secret_key: ConfigAttribute[str | bytes | None] = ConfigAttribute("SECRET_KEY")
    testing: ConfigAttribute[bool] = ConfigAttribute("TESTING")
    permanent_session_lifetime: ConfigAttribute[timedelta] = ConfigAttribute(
        "PERMANENT_SESSION_LIFETIME", lifetime
    )

    #: What is mounted on the application, if anything is.
    mounts: Mounts | None = None
    _got_first_request = False

    def __init__(
        self,
        import_name: str,
        static_url_path: str | None = None,
        static_folder: str | os.PathLike[str] | None = "static",
        static_host: str | None = None,
        host_matching: bool = False,
        subdomain_matching: bool = False,
        template_folder: str | os.PathLike[str] | None = "templates",
        instance_path: str | None = None,
        instance_relative_config: bool = False,
        root_path: str | None = None,
        extensions: Iterable[Extension[Any]] = (),
    ) -> None:
        super().__init__(import_name, static_folder, static_url_path, template_folder, root_path)
        if instance_path is not None and not os.path.isabs(instance_path):
            raise ValueError(
                f"The instance path {instance_path!r} is relative; give an absolute one."
            )
        self.instance_path = instance_path or self.auto_find_instance_path()
        self.config = self.make_config(instance_relative_config)
        self.aborter = self.make_aborter()
        self.json: JSONProvider = self.json_provider_class(cast("Cruse", self))
        self.url_build_error_handlers: list[
            Callable[[Exception, str, dict[str, Any]], str | None]
        ] = []
        self.teardown_appcontext_funcs: list[Any] = ScopedHooks(self.changes)[None]
        self.shell_context_processors: list[ShellContextProcessorCallable] = []
        self.blueprints: dict[str, Blueprint] = {}
        #: Blueprints that answer for the errors of URLs below their prefix that no rule matched.
        self.prefix_owners: list[PrefixOwner] = []
        self.extensions: dict[str, Any] = {}
        #: Functions that follow requests to the end of their responses; see `observe`.
        self.observers: list[Observer] = []
        #: What views may return beyond what they always may; see `register_response_type`.
        self.response_types: dict[type, Callable[[Any], ResponseReturnValue]] = {}
        self.lifecycle = Lifecycle()
        app = weakref.ref(self)
        #: How sync code, in a worker of a WSGI server or a script, reaches async code.
        self.bridge: Bridge = OffLoop(lambda: cast("Cruse", app()).loop_thread.loop)
        #: How async code on a server's event loop reaches sync code.
        self.loop_bridge: Bridge = OnLoop(lambda: cast("Cruse", app()).pool)
        self._waiting_extensions: list[Extension[Any]] = []
        self._waiting_includes: list[Include] = []
        #: The endpoints of static files, and the blueprints they belong to, if it is not the app.
        self.static_endpoints: dict[str, Blueprint | None] = {}
        self.url_map = self.url_map_class(host_matching=host_matching)
        self.subdomain_matching = subdomain_matching
        self._add_static_route(static_host, host_matching)
        self.use(*extensions)

    def _add_static_route(self, static_host: str | None, host_matching: bool) -> None:
        if not self.has_static_folder:
            return
        if bool(static_host) is not host_matching:
            raise AssertionError("'static_host' and 'host_matching' go together: give both.")
        # A weak reference: the view must not keep the application alive (in a cycle).
        app = weakref.ref(self)

        @inline
        def static(filename: str) -> Any:
            return app()._answer_static(filename)  # type: ignore[union-attr]

        self.static_endpoints["static"] = None
        self.add_url_rule(
            f"{self.static_url_path}/<path:filename>",
            endpoint="static",
            host=static_host,
            view_func=static,
        )

    def _check_setup_finished(self, method: str) -> None:
        if self._got_first_request:
            raise AssertionError(
                f"The setup method '{method}' can no longer be called on the application: it "
                "serves already, and requests would meet the one set-up or the other. Call it "
                "where the application is made, before it starts."
            )

    def __setattr__(self, name: str, value: Any) -> None:
        # A method replaced on the instance changes the plans too.
        object.__setattr__(self, name, value)
        if name == "url_map":
            self.__dict__.pop("router", None)  # it belongs to the map it was made for
        changes = self.__dict__.get("changes")
        if changes is not None:
            changes.note()

    # -- names, folders, configuration --

    @lazy
    def name(self) -> str:
        """The name: the import name, or the file's when it is run as a program."""
        if self.import_name == "__main__":
            file = getattr(sys.modules["__main__"], "__file__", None)
            return "__main__" if file is None else os.path.splitext(os.path.basename(file))[0]
        return self.import_name

    @lazy
    def logger(self) -> logging.Logger:
        """The logger of the application, with its name."""
        return create_logger(cast("Cruse", self))

    @property
    def debug(self) -> bool:
        """Whether debug mode is on: reload, tracebacks in the browser, templates read anew."""
        debug: bool = self.config["DEBUG"]
        return debug

    @debug.setter
    def debug(self, value: bool) -> None:
        self.config["DEBUG"] = value
        if self.config["TEMPLATES_AUTO_RELOAD"] is None and "jinja_env" in self.__dict__:
            self.jinja_env.auto_reload = value

    def make_config(self, instance_relative: bool = False) -> Config:
        """Make the config; files are relative to the instance folder if so asked."""
        root_path = self.instance_path if instance_relative else self.root_path
        defaults = dict(self.default_config)
        if defaults.get("DEBUG") is None:
            flag = os.environ.get("CRUSE_DEBUG", "")
            defaults["DEBUG"] = flag.lower() not in {"", "0", "false", "no", "off"}
        return self.config_class(root_path, defaults)

    def make_aborter(self) -> WerkzeugAborter:
        """Make the object behind ``abort``."""
        return self.aborter_class()

    def auto_find_instance_path(self) -> str:
        """Return the instance folder: beside the package, or in the prefix it is installed in."""
        return find_instance_path(self.import_name, self.name)

    def open_instance_resource(
        self, resource: str, mode: str = "rb", encoding: str | None = "utf-8"
    ) -> Any:
        """Open a file of the instance folder, also for writing."""
        path = os.path.join(self.instance_path, resource)
        return open(path, mode, encoding=None if "b" in mode else encoding)

    # -- extensions, blueprints, lifespan --

    @setupmethod
    def use(self, *extensions: Extension[Any]) -> None:
        """Bind extensions. Those that require one that is not there yet wait for it.

        Raises:
            RuntimeError: When a name is bound twice, or extensions require each other.
        """
        waiting = [*self._waiting_extensions, *extensions]
        if waiting:
            from cruse.extension import bind_in_order

            self._waiting_extensions = bind_in_order(cast("Cruse", self), waiting)

    def check_extensions(self) -> None:
        """Check that every extension has what it requires, and its settings; part of start-up.

        Raises:
            RuntimeError: When an extension waits for one that never came.
            SettingsError: When a setting is unknown, missing, or of a wrong type.
        """
        if self._waiting_extensions:
            from cruse.extension import missing_requirements

            raise RuntimeError(missing_requirements(cast("Cruse", self), self._waiting_extensions))
        for state in self.extensions.values():
            getattr(state, "settings", None)  # read and checked at its first use

    def extension_commands(self) -> dict[str, click.Command]:
        """Return the commands of the extensions, by the extensions' names."""
        commands: dict[str, click.Command] = {}
        for name, state in self.extensions.items():
            extension = getattr(state, "extension", None)
            command = None if extension is None else extension.commands(state)
            if command is not None:
                commands[name] = command
        return commands

    @setupmethod
    def register_blueprint(self, blueprint: Blueprint, **options: Any) -> None:
        """Register a blueprint.

        Args:
            blueprint: The blueprint.
            options: ``name``, ``url_prefix``, ``subdomain``, ``url_defaults``, ``cli_group``,
                ``owns_prefix``; others can be read by functions passed to ``blueprint.record``.

        Raises:
            TypeError: When it is something else, such as the module that the blueprint is in.
            ValueError: When its name is taken.
        """
        if not hasattr(blueprint, "register"):
            raise TypeError(
                f"'register_blueprint' takes a blueprint, not an object of type "
                f"{type(blueprint).__name__!r}. By name, 'include' takes one: "
                "app.include('package.module:blueprint')."
            )
        blueprint.register(cast("Cruse", self), options)

    @setupmethod
    def include(self, target: str, **options: Any) -> None:
        """Name a part of the application, to be imported and registered when it starts.

        So the part may import the application's module, which need not be complete by then.

        Args:
            target: A module, ``"pkg.views"``, whose blueprints are registered; or a name in one,
                ``"pkg.views:bp"``: a blueprint, or a function that is called with the application.
            options: As for :meth:`register_blueprint`; a function gets them as arguments.

        Raises:
            IncludeError: At the start, when it can't be imported or has nothing to register.
        """
        from cruse.includes import Include, caller

        self._waiting_includes.append(Include(target, options, caller()))

    def load_includes(self) -> None:
        """Import and register what :meth:`include` named.

        Start-up, the command line and ``test_request_context`` do it; a script that only enters
        ``app_context`` calls it itself.

        Raises:
            IncludeError: When something can't be imported or has nothing to register.
        """
        if self._waiting_includes:
            from cruse.includes import load_includes

            load_includes(cast("Cruse", self), self._waiting_includes)

    @setupmethod
    def mount(self, prefix: str, app: Any, interface: str | None = None) -> None:
        """Let another application have every URL below a prefix; the longest prefix decides.

        It is a world of its own: hooks, error handlers, limits and headers of this application do
        not reach it. It is started and stopped with this one.

        Args:
            prefix: Where, such as ``"/admin"``; routes of this application below it are hidden.
            app: A Cruse, WSGI or ASGI application, under whatever protocol this one is served.
            interface: ``"wsgi"`` or ``"asgi"``, where the object does not tell.

        Raises:
            ValueError: When the prefix is none, is taken, or is ``"/"``.
            TypeError: When it can't be told which protocol the application speaks.
        """
        from cruse.gateway.mounts import Mounts

        mounts = self.mounts or Mounts()
        mounts.add(cast("Cruse", self), prefix, app, interface)
        self.mounts = mounts

    def iter_blueprints(self) -> ValuesView[Blueprint]:
        """Return the blueprints in the order of their registration."""
        return self.blueprints.values()

    @setupmethod
    def startup(self, f: T_lifespan) -> T_lifespan:
        """Call ``f()`` once per process before the first request. May be async."""
        self.lifecycle.startup.append(f)
        return f

    @setupmethod
    def shutdown(self, f: T_lifespan) -> T_lifespan:
        """Call ``f()`` once when the process stops serving. May be async."""
        self.lifecycle.shutdown.append(f)
        return f

    @setupmethod
    def lifespan(self, make_manager: F) -> F:
        """Enter ``make_manager(app)``, a sync or async context manager, while serving.

        Its part before the ``yield`` runs at start-up, the one behind at shutdown.

        Raises:
            TypeError: When it is a generator function that is no context manager yet.
        """
        if isasyncgenfunction(make_manager) or isgeneratorfunction(make_manager):
            decorator = f"{'async' * isasyncgenfunction(make_manager)}contextmanager"
            raise TypeError(
                f"{make_manager.__qualname__!r} makes no context manager: write '@{decorator}' of "
                "contextlib below '@app.lifespan'."
            )
        self.lifecycle.managers.append(partial(make_manager, self))
        return make_manager

    @setupmethod
    def observe(self, f: T_observer) -> T_observer:
        """Let a generator function follow every request until its response has been sent.

        ``f(observation)`` runs to its ``yield`` when a request has come, and from there when its
        response or the last piece of a stream was sent, or when the client has left. It is called
        on the event loop under ASGI and RSGI, so it must not wait for anything.
        """
        self.observers.append(f)
        return f

    @setupmethod
    def teardown_appcontext(self, f: T_teardown) -> T_teardown:
        """Call ``f(error)`` when a context ends, of a request or not."""
        self.teardown_appcontext_funcs.append(f)
        return f

    @setupmethod
    def shell_context_processor(self, f: T_shell) -> T_shell:
        """Add what ``f()`` returns, a dict, to the names in ``cruse shell``."""
        self.shell_context_processors.append(f)
        return f

    def make_shell_context(self) -> dict[str, Any]:
        """Return the names in ``cruse shell``."""
        from cruse.globals import g

        names: dict[str, Any] = {"app": self, "g": g}
        for processor in self.shell_context_processors:
            names |= processor()
        return names

    # -- return values --

    @setupmethod
    def register_response_type(
        self, cls: type[T_value], function: Callable[[T_value], ResponseReturnValue]
    ) -> None:
        """Let views return objects of a class, alone and within a dict, list or dataclass.

        Args:
            cls: The class; its subclasses count too, and the nearest class decides.
            function: Makes of an object something that a view may return. To be of use within
                JSON, it has to be something that JSON has, such as a dict.

        Raises:
            TypeError: For a class that answers are made of in any case: text, bytes, responses;
                and for an async function.
        """
        if issubclass(cls, str | bytes | WerkzeugResponse) or is_async(function):
            raise TypeError(
                f"There is nothing to register for {cls.__name__} with {function!r}: it takes a "
                "class that is no text, bytes or response, and a plain function."
            )
        self.response_types[cls] = function

    def response_type_of(self, cls: type) -> Callable[[Any], ResponseReturnValue] | None:
        """Return the function registered for a class, or for the nearest one above it."""
        for each in cls.__mro__:
            function = self.response_types.get(each)
            if function is not None:
                return function
        return None

    @lazy
    def cors(self) -> CrossOrigin | None:
        """Which other sites' pages may read the responses, when a setting or a blueprint says."""
        if not (self.config["CORS"] or any(b.cors for b in self.blueprints.values())):
            return None
        from cruse.cors import CrossOrigin

        return CrossOrigin.of(self)

    @lazy
    def compression(self) -> Compression | None:
        """What compresses the responses, when ``COMPRESS_RESPONSES`` is on."""
        if not self.config["COMPRESS_RESPONSES"]:
            return None
        from cruse.compression import Compression

        return Compression(self.config)

    # -- routes and URLs --

    @lazy
    def router(self) -> Router:
        """What finds the route of a request in ``url_map``."""
        return Router(self.url_map)

    @setupmethod
    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: RouteCallable | None = None,
        provide_automatic_options: bool | None = None,
        **options: Any,
    ) -> None:
        """Register a URL rule; see :meth:`cruse.scaffold.Scaffold.add_url_rule`.

        Raises:
            AssertionError: When the endpoint has another view already.
            TypeError: When ``methods`` is a string.
        """
        endpoint = endpoint_of(view_func) if endpoint is None else endpoint
        options["endpoint"] = endpoint
        methods = options.pop("methods", None) or getattr(view_func, "methods", None) or ("GET",)
        if isinstance(methods, str):
            raise TypeError(
                f"methods={methods!r} is one string; give a list of them: methods=[{methods!r}]."
            )
        methods = {method.upper() for method in methods}
        methods |= set(getattr(view_func, "required_methods", ()))
        if provide_automatic_options is None:
            provide_automatic_options = getattr(view_func, "provide_automatic_options", None)
        if provide_automatic_options is None:
            provide_automatic_options = (
                "OPTIONS" not in methods and self.config["PROVIDE_AUTOMATIC_OPTIONS"]
            )
        if provide_automatic_options:
            methods.add("OPTIONS")
        made = self.url_rule_class(rule, methods=methods, **options)
        made.provide_automatic_options = provide_automatic_options
        self.url_map.add(made)
        if view_func is not None:
            known = self.view_functions.get(endpoint)
            if known is not None and known != view_func:
                raise AssertionError(
                    f"Two view functions have the endpoint {endpoint!r}. Rename one, or give it"
                    " another with 'endpoint='. (A decorator without 'functools.wraps' gives"
                    " all its functions the same name.)"
                )
            self.view_functions[endpoint] = view_func

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Return what builds and matches URLs for a request, or outside of one.

        Raises:
            SecurityError: When the request's host is not a trusted one (400).
            ValueError: When the setting ``BASE_URL`` is none.
        """
        return make_adapter(self, request)

    def url_for(
        self,
        /,
        endpoint: str,
        *,
        _anchor: str | None = None,
        _method: str | None = None,
        _scheme: str | None = None,
        _external: bool | None = None,
        **values: Any,
    ) -> str:
        """Return the URL of an endpoint; see :func:`cruse.urls.url_for`."""
        return build_url(self, endpoint, _anchor, _method, _scheme, _external, values)

    @lazy
    def static_files(self) -> StaticFiles:
        """What answers with static files, and knows their hashes."""
        from cruse.staticfiles import StaticFiles

        return StaticFiles(self.config)

    def add_static_hash(self, endpoint: str, values: dict[str, Any]) -> None:
        """Add the hash of a static file to the values of its URL."""
        from cruse.staticfiles import add_hash

        add_hash(self, self.static_endpoints[endpoint] or self, values)

    def inject_url_defaults(self, endpoint: str, values: dict[str, Any]) -> None:
        """Let the ``url_defaults`` functions of the endpoint's scopes add values."""
        for scope in scopes_of(endpoint):
            for function in self.url_default_functions.get(scope, ()):
                function(endpoint, values)

    def handle_url_build_error(
        self, error: BuildError, endpoint: str, values: dict[str, Any]
    ) -> str:
        """Ask the ``url_build_error_handlers`` for a URL; raise the error when none has one."""
        for handler in self.url_build_error_handlers:
            try:
                url = handler(error, endpoint, values)
            except BuildError as other:
                error = other
            else:
                if url is not None:
                    return url
        raise error
