"""The Jinja environment of an application, imported with its first template.

Kept apart from :mod:`cruse.templating` because its classes derive from Jinja's, so that importing
it imports Jinja.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from jinja2 import BaseLoader, TemplateNotFound
from jinja2 import Environment as JinjaEnvironment

from cruse.engines import join_name, template_globals
from cruse.fragments import Template
from cruse.globals import _cv

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from cruse.app import Cruse
    from cruse.scaffold import Scaffold

__all__ = ["DispatchingJinjaLoader", "Environment", "create_environment", "select_autoescape"]

_ESCAPED = (".html", ".htm", ".xml", ".xhtml", ".svg")
_JINJA = (".jinja", ".jinja2", ".j2")  # how editors know a template

_Source = tuple[str, str | None, "Callable[[], bool] | None"]


class Environment(JinjaEnvironment):
    """Jinja's environment, with the templates of an application and of its blueprints.

    Args:
        app: The application.
        options: Arguments of :class:`jinja2.Environment`.
    """

    template_class = Template

    def __init__(self, app: Cruse, **options: Any) -> None:
        if "loader" not in options:
            options["loader"] = app.create_global_jinja_loader()
        super().__init__(**options)
        self.app = app

    def get_template(self, name: Any, parent: str | None = None, globals: Any = None) -> Any:  # noqa: A002 - Jinja's name
        """Return a template; ``"./name"`` is one of the current blueprint's own."""
        if parent is None and isinstance(name, str):
            name = join_name(self.app, name)
        return super().get_template(name, parent, globals)

    def select_template(self, names: Any, parent: str | None = None, globals: Any = None) -> Any:  # noqa: A002 - Jinja's name
        """Return the first of several templates that exists."""
        if parent is None and not isinstance(names, str):
            names = [
                join_name(self.app, name) if isinstance(name, str) else name for name in names
            ]
        return super().select_template(names, parent, globals)

    def join_path(self, template: str, parent: str) -> str:
        """Return the full name of a template that another includes, imports or extends."""
        return join_name(self.app, template, parent)


class DispatchingJinjaLoader(BaseLoader):
    """Looks for a template in the application's folder, then in those of its blueprints.

    The blueprints are asked in the order of their registration. A name that begins with an owner,
    ``"shop:index.html"`` of a blueprint or ``":index.html"`` of the application, is looked for in
    that one's folder only.

    Args:
        app: The application.
    """

    def __init__(self, app: Cruse) -> None:
        self.app = app

    def get_source(self, environment: JinjaEnvironment, template: str) -> _Source:
        """Return the source of the first template of that name."""
        if self.app.config["EXPLAIN_TEMPLATE_LOADING"]:
            return self._explained(environment, template)
        owners, name = self._places_of(template)
        for owner, loader in self._loaders(owners):
            try:
                source = loader.get_source(environment, name)
            except TemplateNotFound:
                continue
            self.app.template_owners[template] = owner
            return source
        error = TemplateNotFound(template)
        places = [_places(loader) for _, loader in self._loaders(owners)]
        error.add_note(f"Looked for in {', '.join(places) or 'no folder: there is none'}.")
        raise error

    def _places_of(self, template: str) -> tuple[list[tuple[str, Scaffold]], str]:
        """Return the owners whose folders may have a template, by name, and its name there."""
        app = self.app
        owner, colon, name = template.partition(":")
        if colon and not owner:
            return [("", app)], name
        if colon and owner in app.blueprints:
            return [(owner, app.blueprints[owner])], name
        return [("", app), *app.blueprints.items()], template

    def _loaders(self, owners: Iterable[tuple[str, Scaffold]]) -> Iterator[tuple[str, BaseLoader]]:
        for name, owner in owners:
            if owner.jinja_loader is not None:
                yield name, owner.jinja_loader

    def _explained(self, environment: JinjaEnvironment, template: str) -> _Source:
        """Look everywhere, log what was found where, and return the first."""
        found: list[_Source] = []
        lines = [f"Looking for the template {template!r}:"]
        owners, name = self._places_of(template)
        for owner, loader in self._loaders(owners):
            try:
                found.append(loader.get_source(environment, name))
            except TemplateNotFound:
                answer = "not found"
            else:
                answer = f"found, {found[-1][1]}" + (" (hidden)" if len(found) > 1 else "")
                if len(found) == 1:
                    self.app.template_owners[template] = owner
            who = f"blueprint {owner!r}" if owner else f"application {self.app.name!r}"
            lines.append(f"  {who}, {_places(loader)}: {answer}")
        if not found:
            lines.append(f"No folder has it.{_blueprint_hint()}")
        elif len(found) > 1:
            lines.append("Several folders have it; only the first is ever used.")
        self.app.logger.info("\n".join(lines))
        if not found:
            raise TemplateNotFound(template)
        return found[0]

    def list_templates(self) -> list[str]:
        """Return the names of all templates that the loaders can list, sorted."""
        owners, _ = self._places_of("")
        names: set[str] = set()
        for _, loader in self._loaders(owners):
            # Some loaders only find what has a name already; Jinja's say so with a TypeError.
            with suppress(TypeError):
                names.update(loader.list_templates())
        return sorted(names)


def _places(loader: BaseLoader) -> str:
    paths = getattr(loader, "searchpath", None)
    return ", ".join(map(str, paths)) if paths else type(loader).__name__


def _blueprint_hint() -> str:
    context = _cv.get(None)
    blueprint = context.request.blueprint if context is not None and context.has_request else None
    if blueprint is None:
        return ""
    return f" It was asked for in blueprint {blueprint!r}: is its 'template_folder' the right one?"


def select_autoescape(filename: str | None) -> bool:
    """Whether the variables of a template are escaped: in HTML, XML, SVG and strings.

    An ending that only says that it is a template is left out: ``page.html.j2`` is HTML. What is
    nothing but a template, such as ``page.j2``, becomes a page most likely.
    """
    if filename is None:
        return True
    name = filename.lower()
    for ending in _JINJA:
        if name.endswith(ending):
            name = name.removesuffix(ending)
            return name.endswith(_ESCAPED) or "." not in name.rpartition("/")[2]
    return name.endswith(_ESCAPED)


def create_environment(app: Cruse) -> Environment:
    """Return a new environment with the framework's settings and globals for an application."""
    options = dict(app.jinja_options)
    options.setdefault("autoescape", app.select_jinja_autoescape)
    if "auto_reload" not in options:
        auto_reload = app.config["TEMPLATES_AUTO_RELOAD"]
        options["auto_reload"] = app.debug if auto_reload is None else auto_reload
    # Whatever class is put in its place takes the application, too.
    environment_class: Any = app.jinja_environment or Environment
    environment: Environment = environment_class(app, **options)
    environment.globals.update(template_globals(app))
    # Looked up at each use: the application's provider may be set later.
    environment.policies["json.dumps_function"] = lambda *args, **kw: app.json.dumps(*args, **kw)
    environment.policies["json.dumps_kwargs"] = {}  # and it decides whether keys are sorted
    return environment
