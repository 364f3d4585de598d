"""The options that every ``cruse`` command line takes before the command's name."""

from __future__ import annotations

import os
import platform
from functools import cache
from importlib.metadata import entry_points, version
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from cruse.cli.script import ScriptInfo
from cruse.dotenv import load_dotenv

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "TakesPluginOptions",
    "app_option",
    "debug_option",
    "env_file_option",
    "load_dotenv",
    "load_plugins",
    "version_option",
]


def _load_env_file(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    info = ctx.ensure_object(ScriptInfo)
    if value is not None or info.load_dotenv_defaults:
        try:
            load_dotenv(value, load_defaults=info.load_dotenv_defaults)
        except (OSError, ValueError) as error:  # a file that can't be read, or a line in it
            raise click.UsageError(str(error)) from None
    return value


def _set_app(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if value is not None:
        ctx.ensure_object(ScriptInfo).app_import_path = value
    return value


def _set_debug(ctx: click.Context, param: click.Parameter, value: bool) -> bool | None:
    given = ctx.get_parameter_source(param.name or "")
    if given in (None, ParameterSource.DEFAULT):
        return None
    if given is ParameterSource.DEFAULT_MAP and "CRUSE_DEBUG" in os.environ:
        return None  # from pyproject.toml, which the environment goes before
    # In the environment, so that an application factory and the reloader's process see it too.
    os.environ["CRUSE_DEBUG"] = "1" if value else "0"
    return value


def _show_version(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    if value and not ctx.resilient_parsing:
        click.echo(
            f"Python {platform.python_version()}\n"
            f"Cruse {version('cruse')}\n"
            f"Werkzeug {version('werkzeug')}"
        )
        ctx.exit()


# These are eager, in the order a group lists them: the file may hold CRUSE_APP, and both must
# have been seen when --help asks the application for its commands.
env_file_option = click.Option(
    ["-e", "--env-file"],
    type=click.Path(exists=True, dir_okay=False),
    help=(
        "Set environment variables from this file; it goes before '.env' and '.cruseenv'. "
        "Variables that are set already stay as they are."
    ),
    is_eager=True,
    expose_value=False,
    callback=_load_env_file,
)

app_option = click.Option(
    ["-A", "--app"],
    metavar="IMPORT",
    help=(
        "The application or its factory, as 'module:name' or 'module:factory(args)'. The module "
        "is a dotted name or a file. The name may be left out when it is 'app', 'application', "
        "'create_app' or 'make_app'."
    ),
    is_eager=True,
    expose_value=False,
    callback=_set_app,
)

debug_option = click.Option(
    ["--debug/--no-debug"],
    help="Turn debug mode on or off.",
    expose_value=False,
    callback=_set_debug,
)

version_option = click.Option(
    ["--version"],
    help="Show the versions of Python, Cruse and Werkzeug.",
    expose_value=False,
    callback=_show_version,
    is_flag=True,
    is_eager=True,
)


def load_plugins(group: str, kind: str) -> Iterator[tuple[str, Any]]:
    """Load the entry points of a group; a broken one must not take the others along.

    Args:
        group: The group of entry points.
        kind: What they are, for the message: ``"command"``.
    """
    for entry_point in entry_points(group=group):
        try:
            yield entry_point.name, entry_point.load()
        except Exception as error:  # a stranger's code: any error at all
            click.secho(
                f"Warning: the {kind} {entry_point.name!r} is left out, because "
                f"{entry_point.value!r} failed to load: {type(error).__name__}: {error}",
                err=True,
                fg="yellow",
            )


@cache
def plugin_options() -> list[click.Option]:
    """Return the options that installed distributions add, by entry points ``cruse.options``."""
    return [option for _, option in load_plugins("cruse.options", "option")]


class TakesPluginOptions(click.Command):
    """A command that has the options of :func:`plugin_options` besides its own."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return all options."""
        return [*plugin_options(), *super().get_params(ctx)]
