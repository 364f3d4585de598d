"""The Jinja environment of an application, imported with its first template.

Kept apart from :mod:`cruse.templating` because its classes derive from Jinja's, so that importing
it imports Jinja.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jinja2 import BaseLoader, TemplateNotFound
from jinja2 import Environment as JinjaEnvironment

from cruse.flashing import get_flashed_messages
from cruse.globals import _cv, g, request, session
from cruse.security import csp_nonce

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cruse.app import Cruse
    from cruse.scaffold import Scaffold

__all__ = ["DispatchingJinjaLoader", "Environment", "create_environment", "select_autoescape"]

_ESCAPED = (".html", ".htm", ".xml", ".xhtml", ".svg")

_Source = tuple[str, str | None, "Callable[[], bool] | None"]


class Environment(JinjaEnvironment):
    """Jinja's environment, with the templates of an application and of its blueprints.

    Args:
        app: The application.
        options: Arguments of :class:`jinja2.Environment`.
    """

    def __init__(self, app: Cruse, **options: Any) -> None:
        if "loader" not in options:
            options["loader"] = app.create_global_jinja_loader()
        super().__init__(**options)
        self.app = app


class DispatchingJinjaLoader(BaseLoader):
    """Looks for a template in the application's folder, then in those of its blueprints.

    The blueprints are asked in the order of their registration.

    Args:
        app: The application.
    """

    def __init__(self, app: Cruse) -> None:
        self.app = app

    def get_source(self, environment: JinjaEnvironment, template: str) -> _Source:
        """Return the source of the first template of that name."""
        if self.app.config["EXPLAIN_TEMPLATE_LOADING"]:
            return self._explained(environment, template)
        for _, loader in self._loaders():
            try:
                return loader.get_source(environment, template)
            except TemplateNotFound:
                continue
        raise TemplateNotFound(template)

    def _loaders(self) -> Iterator[tuple[Scaffold, BaseLoader]]:
        for owner in (self.app, *self.app.iter_blueprints()):
            if owner.jinja_loader is not None:
                yield owner, owner.jinja_loader

    def _explained(self, environment: JinjaEnvironment, template: str) -> _Source:
        """Look everywhere, log what was found where, and return the first."""
        found: list[_Source] = []
        lines = [f"Looking for the template {template!r}:"]
        for owner, loader in self._loaders():
            try:
                found.append(loader.get_source(environment, template))
            except TemplateNotFound:
                answer = "not found"
            else:
                answer = f"found, {found[-1][1]}" + (" (hidden)" if len(found) > 1 else "")
            kind = "application" if owner is self.app else "blueprint"
            lines.append(f"  {kind} {owner.name!r}, {_places(loader)}: {answer}")
        if not found:
            lines.append(f"No folder has it.{_blueprint_hint()}")
        elif len(found) > 1:
            lines.append("Several folders have it; only the first is ever used.")
        self.app.logger.info("\n".join(lines))
        if not found:
            raise TemplateNotFound(template)
        return found[0]

    def list_templates(self) -> list[str]:
        """Return the names of all templates, sorted."""
        return sorted({name for _, loader in self._loaders() for name in loader.list_templates()})


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
    """Whether the variables of a template are escaped: in HTML, XML, SVG and strings."""
    return filename is None or filename.lower().endswith(_ESCAPED)


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
    environment.globals.update(
        url_for=app.url_for,
        get_flashed_messages=get_flashed_messages,
        csp_nonce=csp_nonce,
        config=app.config,
        # The proxies, because imported templates (macros) have the globals and no context.
        request=request,
        session=session,
        g=g,
    )
    # Looked up at each use: the application's provider may be set later.
    environment.policies["json.dumps_function"] = lambda *args, **kw: app.json.dumps(*args, **kw)
    environment.policies["json.dumps_kwargs"] = {}  # and it decides whether keys are sorted
    return environment
