"""``cruse routes``: every rule of the application, as a table or as JSON."""

from __future__ import annotations

import inspect
import json
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from cruse.cli.script import with_appcontext
from cruse.globals import current_app

if TYPE_CHECKING:
    from collections.abc import Callable

    from werkzeug.routing import Rule

    from cruse.app import Cruse

__all__ = ["routes_command"]

_AUTOMATIC = {"HEAD", "OPTIONS"}


class _Route(NamedTuple):
    """One line of the answer; the field names are those of ``--sort`` and of the JSON."""

    endpoint: str
    methods: list[str]
    domain: str
    rule: str
    blueprint: str | None
    view: str | None
    is_async: bool


@click.command("routes", short_help="Show the routes for the app.")
@click.option(
    "--sort",
    "-s",
    type=click.Choice(("endpoint", "methods", "domain", "rule", "match")),
    default="endpoint",
    help="What to sort by; 'match' is the order in which rules are tried for a request.",
)
@click.option("--all-methods", is_flag=True, help="Show HEAD and OPTIONS too.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON, with view and blueprint.")
@with_appcontext
def routes_command(sort: str, all_methods: bool, as_json: bool) -> None:
    """Show every registered route with its endpoint and methods."""
    app = current_app
    hidden = set() if all_methods else _AUTOMATIC
    routes = [_describe(app, rule, hidden) for rule in app.url_map.iter_rules()]
    has_domain = any(route.domain for route in routes)
    if sort != "match" and (sort != "domain" or has_domain):
        routes.sort(key=lambda route: getattr(route, sort))
    domain_title = "Host" if app.url_map.host_matching else "Subdomain"
    if as_json:
        click.echo(
            json.dumps([_as_dict(route, domain_title.lower()) for route in routes], indent=2)
        )
    elif routes:
        _print_table(routes, domain_title if has_domain else None)
    else:
        click.echo("No routes were registered.")


def _describe(app: Cruse, rule: Rule, hidden: set[str]) -> _Route:
    view = app.view_functions.get(rule.endpoint)
    return _Route(
        endpoint=rule.endpoint,
        methods=sorted((rule.methods or set()) - hidden),
        domain=(rule.host if app.url_map.host_matching else rule.subdomain) or "",
        rule=rule.rule,
        blueprint=rule.endpoint.rpartition(".")[0] or None,
        view=_name_of(view) if view is not None else None,
        is_async=inspect.iscoroutinefunction(view),
    )


def _name_of(view: Callable[..., Any]) -> str:
    name = getattr(view, "__qualname__", type(view).__qualname__)
    return f"{view.__module__}:{name}"


def _as_dict(route: _Route, domain_title: str) -> dict[str, Any]:
    return {
        "endpoint": route.endpoint,
        "methods": route.methods,
        domain_title: route.domain,
        "rule": route.rule,
        "blueprint": route.blueprint,
        "view": route.view,
        "async": route.is_async,
    }


def _print_table(routes: list[_Route], domain_title: str | None) -> None:
    rows = [["Endpoint", "Methods", domain_title or "", "Rule"]]
    rows += [[r.endpoint, ", ".join(r.methods), r.domain, r.rule] for r in routes]
    if domain_title is None:
        rows = [[*row[:2], row[3]] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows.insert(1, ["-" * width for width in widths])
    for row in rows:
        click.echo("  ".join(map(str.ljust, row, widths)).rstrip())
