"""What renders templates: Jinja, unless an application, a blueprint or a file's suffix says else.

An engine is two methods, :class:`TemplateEngine`, and what it returns three. It finds the files
through :func:`find_source`, so that folders, blueprints and local names are the same for every
engine, and has the functions of every template from :func:`template_globals`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Protocol

from cruse.flashing import get_flashed_messages
from cruse.globals import _cv, g, request, session
from cruse.security import csp_nonce

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from cruse.app import Cruse
    from cruse.context import Context

__all__ = [
    "Template",
    "TemplateEngine",
    "block_of",
    "engine_for",
    "find_source",
    "find_template",
    "join_name",
    "template_globals",
]


class Template(Protocol):
    """A template that can be rendered. ``block`` is for engines that have such parts."""

    name: str | None

    def render(self, context: dict[str, Any], /) -> str:
        """Render it with the variables of ``context``."""

    def generate(self, context: dict[str, Any], /) -> Iterator[str]:
        """Render it piece by piece."""


class TemplateEngine(Protocol):
    """Finds and compiles templates. Jinja's environment is one."""

    def get_template(self, name: str, /) -> Any:
        """Return the :class:`Template` of a name.

        Raises:
            LookupError: When there is none.
        """

    def from_string(self, source: str, /) -> Any:
        """Return a :class:`Template` made from its source."""


def find_template(ctx: Context, wanted: Any) -> Any:
    """Return the template of a name, or the first of several that exists."""
    if isinstance(wanted, str):
        return _get(ctx, wanted)
    names = [] if hasattr(wanted, "render") else list(wanted)
    if all(isinstance(name, str) for name in names) and any(
        engine_for(ctx, name) is not ctx.app.jinja_env for name in names
    ):
        for name in names[:-1]:
            try:
                return _get(ctx, name)
            except LookupError:
                continue
        return _get(ctx, names[-1])
    return ctx.app.jinja_env.get_or_select_template(wanted)


def _get(ctx: Context, name: str) -> Any:
    engine = engine_for(ctx, name)
    return engine.get_template(join_name(ctx.app, name))


def engine_for(ctx: Context, name: str) -> TemplateEngine:
    """Return what renders a template: by its suffix, its blueprint, or the application.

    Args:
        ctx: The current context.
        name: The template's name; ``""`` for one that has none.
    """
    app = ctx.app
    factory: Callable[[Cruse], TemplateEngine] | None = None
    if app.template_engines:
        factory = app.template_engines.get(os.path.splitext(name)[1])
    if factory is None:
        owner, colon, _ = name.partition(":")
        if not (colon and (not owner or owner in app.blueprints)):
            owner = (ctx.endpoint or "").rpartition(".")[0]
        while factory is None and owner:
            blueprint = app.blueprints.get(owner)
            factory = None if blueprint is None else blueprint.template_engine
            owner = owner.rpartition(".")[0]
    factory = factory or app.template_engine
    if factory is None:
        return app.jinja_env
    engine = app.engines.get(factory)
    if engine is None:
        engine = app.engines[factory] = factory(app)
    return engine


# -- names and files --


def join_name(app: Cruse, name: str, parent: str | None = None) -> str:
    """Return the full name of a template; ``"./x"`` is short for one in the owner's folder.

    Args:
        app: The application.
        name: The name as it is written.
        parent: The full name of the template that it is written in. Without one, the owner is the
            blueprint of the current request, or the application.
    """
    if not name.startswith("./"):
        return name
    if parent is not None:
        owner, colon, _ = parent.partition(":")
        if not colon or (owner and owner not in app.blueprints):
            owner = app.template_owners.get(parent, "")
    else:
        ctx = _cv.get(None)
        owner = "" if ctx is None else (ctx.endpoint or "").rpartition(".")[0]
    return f"{owner}:{name[2:]}"


def find_source(app: Cruse, name: str) -> tuple[str, str | None, Callable[[], bool] | None]:
    """Return the source of a template, its file, and a function that says if it is still so.

    Raises:
        LookupError: When there is no such template.
    """
    environment: Any = app.jinja_env
    source: tuple[str, str | None, Callable[[], bool] | None] = environment.loader.get_source(
        environment, name
    )
    return source


def template_globals(app: Cruse) -> dict[str, Any]:
    """Return the functions and objects that every template has, registered ones included."""
    return {
        "url_for": app.url_for,
        "get_flashed_messages": get_flashed_messages,
        "config": app.config,
        # The proxies, because imported templates (macros) have the globals and no context.
        "request": request,
        "session": session,
        "g": g,
        "csp_nonce": csp_nonce,
        **app.template_additions("globals"),
    }


# -- parts of templates --


def block_of(template: Any, names: Iterable[str]) -> Any:
    """Return blocks of a template as a template.

    Raises:
        TypeError: When its engine has no blocks.
    """
    make = getattr(template, "block", None)
    if make is None:
        raise TypeError(
            f"The engine of the template {template.name!r}, a {type(template).__name__}, has no "
            "blocks to render alone. Put that part into a file of its own and include it."
        )
    return make(*names)
