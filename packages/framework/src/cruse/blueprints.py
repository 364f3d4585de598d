"""Blueprints: parts of an application that are registered, maybe several times, under a name."""

from __future__ import annotations

from functools import update_wrapper
from typing import TYPE_CHECKING, Any, TypeVar, overload

from cruse.prefixes import owner_of
from cruse.scaffold import (
    Scaffold,
    T_after,
    T_before,
    T_preprocessor,
    T_processor,
    T_teardown,
    T_url_default,
    endpoint_of,
    setupmethod,
)
from cruse.settings import ERROR_FORMATS, check_choice

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping
    from typing import Literal

    from werkzeug.exceptions import HTTPException

    from cruse.app import Cruse
    from cruse.cors import CORSPolicy
    from cruse.typing import AnswerT, E, RouteCallable

__all__ = ["Blueprint", "BlueprintSetupState"]

T_name = TypeVar("T_name", bound="Callable[..., Any]")
_INHERIT: Any = object()


class BlueprintSetupState:
    """One registration of a blueprint on an application.

    Args:
        blueprint: What is registered.
        app: Where.
        options: The arguments of ``register_blueprint``.
        first_registration: Whether this name is registered for the first time.
    """

    def __init__(
        self, blueprint: Blueprint, app: Cruse, options: Any, first_registration: bool
    ) -> None:
        self.app = app
        self.blueprint = blueprint
        self.options = options
        self.first_registration = first_registration
        self.subdomain = options.get("subdomain") or blueprint.subdomain
        prefix = options.get("url_prefix")
        self.url_prefix: str | None = blueprint.url_prefix if prefix is None else prefix
        self.name: str = options.get("name", blueprint.name)
        self.name_prefix: str = options.get("name_prefix", "")
        self.url_defaults = {**blueprint.url_values_defaults, **options.get("url_defaults", {})}
        self.owns_prefix: bool = options.get("owns_prefix", blueprint.owns_prefix)

    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: RouteCallable | None = None,
        **options: Any,
    ) -> None:
        """Add a rule to the application, with the blueprint's name, prefix and defaults."""
        if self.url_prefix is not None:
            prefix = self.url_prefix.rstrip("/")
            rule = f"{prefix}/{rule.lstrip('/')}" if rule else self.url_prefix
        options.setdefault("subdomain", self.subdomain)
        endpoint = endpoint_of(view_func) if endpoint is None else endpoint
        defaults = {**self.url_defaults, **(options.pop("defaults", None) or {})}
        name = f"{self.name_prefix}.{self.name}.{endpoint}".lstrip(".")
        self.app.add_url_rule(rule, name, view_func, defaults=defaults, **options)


class Blueprint(Scaffold):
    """Routes, hooks, templates and static files that become part of an application later.

    Args:
        name: The name, the first part of its endpoints. Without dots.
        import_name: The module, usually ``__name__``.
        static_folder: The folder of static files, relative to the module's.
        static_url_path: Their URL prefix, below ``url_prefix``.
        template_folder: The folder of templates, behind the application's own.
        url_prefix: What all its rules start with.
        subdomain: The subdomain that its rules match on.
        url_defaults: Values that its rules get unless they say otherwise.
        root_path: The folder, when it does not follow from ``import_name``.
        cli_group: The name of the group of its commands; ``None`` puts them at the top level.
        owns_prefix: Let its error handlers also answer for URLs below its prefix that no rule
            matched (404) or not with this method (405). Of several the longest prefix decides.
        error_format: How errors of its views are answered that no handler answers: ``"html"``,
            ``"problem"`` (RFC 9457), or ``"auto"``, as the client prefers. ``None`` leaves it to
            the blueprint around this one, then to the setting ``ERROR_FORMAT``.
        cors: Which other sites' pages may read its answers: a :class:`cruse.CORSPolicy`, a
            dictionary of its arguments, or ``False`` for none. ``None`` leaves it to the
            blueprint around this one, then to the setting ``CORS``.
    """

    _got_registered_once = False

    def __init__(
        self,
        name: str,
        import_name: str,
        static_folder: str | os.PathLike[str] | None = None,
        static_url_path: str | None = None,
        template_folder: str | os.PathLike[str] | None = None,
        url_prefix: str | None = None,
        subdomain: str | None = None,
        url_defaults: dict[str, Any] | None = None,
        root_path: str | None = None,
        cli_group: str | None = _INHERIT,
        owns_prefix: bool = False,
        error_format: str | None = None,
        cors: CORSPolicy | Mapping[str, Any] | Literal[False] | None = None,
    ) -> None:
        super().__init__(import_name, static_folder, static_url_path, template_folder, root_path)
        if error_format is not None:
            check_choice("error_format", error_format, ERROR_FORMATS)
        if not name:
            raise ValueError("A blueprint needs a name that is not empty.")
        if "." in name:
            raise ValueError(f"A blueprint's name may not contain a dot: {name!r}.")
        self.name = name
        self.url_prefix = url_prefix
        self.subdomain = subdomain
        self.url_values_defaults = url_defaults or {}
        self.cli_group = cli_group
        self.owns_prefix = owns_prefix
        self.error_format = error_format
        self.cors = cors
        self.deferred_functions: list[Callable[[BlueprintSetupState], None]] = []
        self._blueprints: list[tuple[Blueprint, dict[str, Any]]] = []

    def _check_setup_finished(self, method: str) -> None:
        if self._got_registered_once:
            raise AssertionError(
                f"The setup method '{method}' can no longer be called on the blueprint "
                f"'{self.name}': an application has it already, without what would come now. "
                "Register the blueprint when everything is in it."
            )

    @setupmethod
    def record(self, func: Callable[[BlueprintSetupState], Any]) -> None:
        """Call ``func(state)`` at each registration on an application."""
        self.deferred_functions.append(func)

    @setupmethod
    def record_once(self, func: Callable[[BlueprintSetupState], Any]) -> None:
        """Call ``func(state)`` at the first registration only."""

        def once(state: BlueprintSetupState) -> None:
            if state.first_registration:
                func(state)

        self.record(update_wrapper(once, func))

    def make_setup_state(
        self, app: Cruse, options: dict[str, Any], first_registration: bool = False
    ) -> BlueprintSetupState:
        """Make the state of one registration; override it to use a class of your own."""
        return BlueprintSetupState(self, app, options, first_registration)

    @setupmethod
    def register_blueprint(self, blueprint: Blueprint, **options: Any) -> None:
        """Nest a blueprint: its name, prefix and subdomain go below this one's.

        Raises:
            ValueError: When it is this blueprint itself.
        """
        if blueprint is self:
            raise ValueError(f"The blueprint {self.name!r} cannot be nested in itself.")
        self._blueprints.append((blueprint, options))

    def register(self, app: Cruse, options: dict[str, Any]) -> None:
        """Add everything to an application; ``app.register_blueprint`` calls it.

        Raises:
            ValueError: When the name is taken.
        """
        prefix: str = options.get("name_prefix", "")
        name = f"{prefix}.{options.get('name', self.name)}".lstrip(".")
        if name in app.blueprints:
            same = app.blueprints[name] is self
            which = "this blueprint" if same else "another blueprint"
            raise ValueError(
                f"The application has {which} under the name '{name}' already. Register it with "
                "another one: register_blueprint(blueprint, name=...)."
            )
        first_of_object = self not in app.blueprints.values()
        app.blueprints[name] = self
        self._got_registered_once = True
        state = self.make_setup_state(app, options, first_of_object)
        if state.owns_prefix:
            app.prefix_owners.append(owner_of(state.url_prefix, state.subdomain, name))
        if self.has_static_folder:
            app.static_endpoints[f"{name}.static"] = self
            state.add_url_rule(
                f"{self.static_url_path}/<path:filename>",
                view_func=self._answer_static,
                endpoint="static",
            )
        self._merge_into(app, name)
        for deferred in self.deferred_functions:
            deferred(state)
        self._register_commands(app, options, name)
        self._register_nested(app, state, name)

    def _merge_into(self, app: Cruse, name: str) -> None:
        """Put hooks, views and handlers into the application's registries, under its name."""

        def extend(source: Any, target: Any) -> None:
            for scope, functions in source.items():
                key = name if scope is None else f"{name}.{scope}"
                target[key].extend(functions)

        for scope, by_code in self.error_handler_spec.items():
            key = name if scope is None else f"{name}.{scope}"
            merged = app.error_handler_spec[key]
            for code, handlers in by_code.items():
                merged[code].update(handlers)
        for endpoint, function in self.view_functions.items():
            # As in Flask an endpoint of the application; a rule of ours may mean it as well.
            app.view_functions[endpoint] = function
            app.view_functions.setdefault(f"{name}.{endpoint}", function)
        extend(self.before_request_funcs, app.before_request_funcs)
        extend(self.before_websocket_funcs, app.before_websocket_funcs)
        extend(self.after_request_funcs, app.after_request_funcs)
        extend(self.teardown_request_funcs, app.teardown_request_funcs)
        extend(self.url_default_functions, app.url_default_functions)
        extend(self.url_value_preprocessors, app.url_value_preprocessors)
        extend(self.template_context_processors, app.template_context_processors)

    def _register_commands(self, app: Cruse, options: dict[str, Any], name: str) -> None:
        if "cli" not in self.__dict__ or not self.cli.commands:
            return
        group = options.get("cli_group", self.cli_group)
        if group is None:
            app.cli.commands.update(self.cli.commands)
        else:
            self.cli.name = name if group is _INHERIT else group
            app.cli.add_command(self.cli)

    def _register_nested(self, app: Cruse, state: BlueprintSetupState, name: str) -> None:
        for blueprint, nested in self._blueprints:
            options = nested.copy()
            subdomain = options.get("subdomain") or blueprint.subdomain
            if state.subdomain is not None:
                subdomain = f"{subdomain}.{state.subdomain}" if subdomain else state.subdomain
            if subdomain is not None:
                options["subdomain"] = subdomain
            prefix = options.get("url_prefix")
            prefix = blueprint.url_prefix if prefix is None else prefix
            if state.url_prefix is not None and prefix is not None:
                prefix = f"{state.url_prefix.rstrip('/')}/{prefix.lstrip('/')}"
            elif state.url_prefix is not None:
                prefix = state.url_prefix
            if prefix is not None:
                options["url_prefix"] = prefix
            options["name_prefix"] = name
            blueprint.register(app, options)

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
            ValueError: When the endpoint or the view's name contains a dot.
        """
        for what, name in (("endpoint", endpoint), ("view_func", _name(view_func))):
            if name and "." in name:
                raise ValueError(
                    f"'{what}' name {name!r} has a dot, which is what separates blueprints' names."
                )
        self.record(
            lambda state: state.add_url_rule(
                rule,
                endpoint,
                view_func,
                provide_automatic_options=provide_automatic_options,
                **options,
            )
        )

    # -- registration for the whole application --

    def _for_app(self, registry: str, f: Any) -> None:
        self.record_once(lambda state: getattr(state.app, registry)[None].append(f))

    @setupmethod
    def before_app_request(self, f: T_before) -> T_before:
        """Like ``before_request``, for every request of the application."""
        self._for_app("before_request_funcs", f)
        return f

    @setupmethod
    def after_app_request(self, f: T_after) -> T_after:
        """Like ``after_request``, for every request of the application."""
        self._for_app("after_request_funcs", f)
        return f

    @setupmethod
    def teardown_app_request(self, f: T_teardown) -> T_teardown:
        """Like ``teardown_request``, for every request of the application."""
        self._for_app("teardown_request_funcs", f)
        return f

    @setupmethod
    def app_context_processor(self, f: T_processor) -> T_processor:
        """Like ``context_processor``, for every template of the application."""
        self._for_app("template_context_processors", f)
        return f

    @setupmethod
    def app_url_value_preprocessor(self, f: T_preprocessor) -> T_preprocessor:
        """Like ``url_value_preprocessor``, for every request of the application."""
        self._for_app("url_value_preprocessors", f)
        return f

    @setupmethod
    def app_url_defaults(self, f: T_url_default) -> T_url_default:
        """Like ``url_defaults``, for every URL of the application."""
        self._for_app("url_default_functions", f)
        return f

    @overload
    def app_errorhandler(
        self, code: type[E]
    ) -> Callable[[Callable[[E], AnswerT]], Callable[[Any], AnswerT]]: ...
    @overload
    def app_errorhandler(
        self, code: int
    ) -> Callable[[Callable[[HTTPException], AnswerT]], Callable[[Any], AnswerT]]: ...

    @setupmethod
    def app_errorhandler(self, code: type[Exception] | int) -> Callable[[Any], Any]:
        """Like ``errorhandler``, for every request of the application."""

        def decorator(f: Any) -> Any:
            self.record_once(lambda state: state.app.register_error_handler(code, f))
            return f

        return decorator

    # -- templates' filters, tests and globals --

    def _add_to_jinja(self, kind: str, f: Any, name: str | None) -> None:
        self.record_once(lambda state: getattr(state.app, f"add_template_{kind}")(f, name))

    def _jinja_decorator(self, kind: str, name: Any) -> Any:
        if callable(name):  # used without parentheses
            self._add_to_jinja(kind, name, None)
            return name

        def decorator(f: T_name) -> T_name:
            self._add_to_jinja(kind, f, name)
            return f

        return decorator

    @overload
    def app_template_filter(self, name: T_name) -> T_name: ...
    @overload
    def app_template_filter(self, name: str | None = None) -> Callable[[T_name], T_name]: ...

    @setupmethod
    def app_template_filter(self, name: Any = None) -> Any:
        """Register a template filter; with or without parentheses."""
        return self._jinja_decorator("filter", name)

    @setupmethod
    def add_app_template_filter(self, f: Callable[..., Any], name: str | None = None) -> None:
        """Register a template filter; what ``app_template_filter`` does, as a function."""
        self._add_to_jinja("filter", f, name)

    @overload
    def app_template_test(self, name: T_name) -> T_name: ...
    @overload
    def app_template_test(self, name: str | None = None) -> Callable[[T_name], T_name]: ...

    @setupmethod
    def app_template_test(self, name: Any = None) -> Any:
        """Register a template test; with or without parentheses."""
        return self._jinja_decorator("test", name)

    @setupmethod
    def add_app_template_test(self, f: Callable[..., bool], name: str | None = None) -> None:
        """Register a template test; what ``app_template_test`` does, as a function."""
        self._add_to_jinja("test", f, name)

    @overload
    def app_template_global(self, name: T_name) -> T_name: ...
    @overload
    def app_template_global(self, name: str | None = None) -> Callable[[T_name], T_name]: ...

    @setupmethod
    def app_template_global(self, name: Any = None) -> Any:
        """Register a template global; with or without parentheses."""
        return self._jinja_decorator("global", name)

    @setupmethod
    def add_app_template_global(self, f: Callable[..., Any], name: str | None = None) -> None:
        """Register a template global; what ``app_template_global`` does, as a function."""
        self._add_to_jinja("global", f, name)


def _name(view_func: Any) -> str | None:
    return getattr(view_func, "__name__", None)
