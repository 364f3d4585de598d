"""The part of an application that its templates are set up with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

from cruse.globals import current_context, session
from cruse.lazy import lazy
from cruse.scaffold import Scaffold, setupmethod

if TYPE_CHECKING:
    from collections.abc import Callable

    from jinja2 import BaseLoader, Environment

    from cruse.app import Cruse
    from cruse.engines import TemplateEngine
    from cruse.typing import EngineFactory

__all__ = ["Templated", "default_context_processor", "update_template_context"]

T_callable = TypeVar("T_callable", bound="Callable[..., Any]")


class Templated(Scaffold):
    """Filters, tests and globals of templates, Jinja's environment, and other engines."""

    jinja_environment: type[Environment] | None = None
    jinja_options: dict[str, Any] = {}  # noqa: RUF012 - replaced, as in Flask, never changed

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._template_additions: list[tuple[str, str, Any]] = []
        #: Engines for files with a suffix, such as ``".mako"``; each is called with the app.
        self.template_engines: dict[str, EngineFactory] = {}
        #: The engines that were made, by what made them.
        self.engines: dict[EngineFactory, TemplateEngine] = {}
        #: Whose folder templates were found in: the blueprint's name, ``""`` for the application.
        self.template_owners: dict[str, str] = {}
        # The application's own functions for every template; a scope that is always there.
        self.template_context_processors[None].append(default_context_processor)

    @lazy
    def jinja_env(self) -> Environment:
        """The Jinja environment, made when it is first touched."""
        environment = self.create_jinja_environment()
        for kind, name, function in self._template_additions:
            getattr(environment, kind)[name] = function
        return environment

    def template_additions(self, kind: str) -> dict[str, Any]:
        """Return the registered ``"filters"``, ``"tests"`` or ``"globals"`` by their names."""
        return {name: f for of, name, f in self._template_additions if of == kind}

    def _add_to_templates(self, kind: str, function: Any, name: str | None) -> None:
        """Add a filter, test or global; before there is an environment, keep it for then.

        So registering one neither imports Jinja nor fixes ``jinja_options``.
        """
        name = name or function.__name__
        self._template_additions.append((kind, name, function))
        if "jinja_env" in self.__dict__:
            getattr(self.jinja_env, kind)[name] = function

    def create_jinja_environment(self) -> Environment:
        """Make the Jinja environment; override it to change it."""
        from cruse.jinja import create_environment

        return create_environment(cast("Cruse", self))

    def create_global_jinja_loader(self) -> BaseLoader:
        """Make what finds templates, in the application's folder and the blueprints'."""
        from cruse.jinja import DispatchingJinjaLoader

        return DispatchingJinjaLoader(cast("Cruse", self))

    def select_jinja_autoescape(self, filename: str | None) -> bool:
        """Whether a template's values are escaped: in HTML, XML and SVG files and strings.

        ``page.html.j2`` is HTML, ``mail.txt.j2`` is not, and ``page.j2`` is taken for it.
        """
        from cruse.jinja import select_autoescape

        return select_autoescape(filename)

    def _jinja_decorator(self, kind: str, name: Any) -> Any:
        add = getattr(self, f"add_template_{kind}")
        if callable(name):  # used without parentheses
            add(name)
            return name

        def decorator(f: T_callable) -> T_callable:
            add(f, name)
            return f

        return decorator

    @overload
    def template_filter(self, name: T_callable) -> T_callable: ...
    @overload
    def template_filter(self, name: str | None = None) -> Callable[[T_callable], T_callable]: ...

    @setupmethod
    def template_filter(self, name: Any = None) -> Any:
        """Register a template filter; with or without parentheses."""
        return self._jinja_decorator("filter", name)

    @setupmethod
    def add_template_filter(self, f: Callable[..., Any], name: str | None = None) -> None:
        """Register a template filter under its own or another name."""
        self._add_to_templates("filters", f, name)

    @overload
    def template_test(self, name: T_callable) -> T_callable: ...
    @overload
    def template_test(self, name: str | None = None) -> Callable[[T_callable], T_callable]: ...

    @setupmethod
    def template_test(self, name: Any = None) -> Any:
        """Register a template test; with or without parentheses."""
        return self._jinja_decorator("test", name)

    @setupmethod
    def add_template_test(self, f: Callable[..., bool], name: str | None = None) -> None:
        """Register a template test under its own or another name."""
        self._add_to_templates("tests", f, name)

    @overload
    def template_global(self, name: T_callable) -> T_callable: ...
    @overload
    def template_global(self, name: str | None = None) -> Callable[[T_callable], T_callable]: ...

    @setupmethod
    def template_global(self, name: Any = None) -> Any:
        """Register a template global; with or without parentheses."""
        return self._jinja_decorator("global", name)

    @setupmethod
    def add_template_global(self, f: Callable[..., Any], name: str | None = None) -> None:
        """Register a template global under its own or another name."""
        self._add_to_templates("globals", f, name)


def default_context_processor() -> dict[str, Any]:
    """Return what every template has: ``g`` and, in a request, ``request`` and ``session``.

    The session is its proxy: a template that does not use it does not open it.
    """
    context = current_context()
    if context.has_request:
        return {"g": context.g, "request": context.request, "session": session}
    return {"g": context.g}


def update_template_context(app: Cruse, context: dict[str, Any]) -> None:
    """Add what the context processors give to a template's variables, which win.

    The processors of the application run first, then those of the request's blueprints from the
    outermost to the innermost, each of which may replace what the ones before gave.
    """
    current = current_context()
    blueprint = current.request.blueprint if current.has_request else None
    given = context.copy()
    for processor in _processors(app, blueprint):
        context.update(processor())
    context.update(given)


def _processors(app: Cruse, blueprint: str | None) -> tuple[Callable[[], dict[str, Any]], ...]:
    """Return the processors for a blueprint's templates, as plain functions in their order.

    They are put together once, and anew when one of the application's registries has changed.
    """
    count, by_blueprint = app.__dict__.get("template_processors", (-1, {}))
    if count != app.changes.count:
        by_blueprint = {}
        # Past the application's __setattr__, for which this would be another change.
        app.__dict__["template_processors"] = (app.changes.count, by_blueprint)
    found: tuple[Callable[[], dict[str, Any]], ...] | None = by_blueprint.get(blueprint)
    if found is None:
        names = blueprint.split(".") if blueprint else []
        scopes = [None, *(".".join(names[: end + 1]) for end in range(len(names)))]
        registered = app.template_context_processors
        found = by_blueprint[blueprint] = tuple(
            app.ensure_sync(processor)
            for scope in scopes
            for processor in registered.get(scope, ())
        )
    return found
