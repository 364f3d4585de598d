"""The command line: ``flask``'s words and variables, and the option of ``cruse`` for it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from cruse.cli import CruseGroup, ScriptInfo
from cruse.cli.options import env_file_option
from cruse_flask.environment import load_flaskenv, mirror_environment
from cruse_flask.finder import install

if TYPE_CHECKING:
    from collections.abc import Callable

    from cruse.app import Cruse

__all__ = ["FlaskGroup", "cli", "flask_option", "main"]

PLUGINS = "flask.commands"


def _read_environment(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if env_file_option.callback is not None:
        value = env_file_option.callback(ctx, param, value)
    if ctx.ensure_object(ScriptInfo).load_dotenv_defaults:
        load_flaskenv()
    mirror_environment()
    return value


class FlaskGroup(CruseGroup):
    """A group of commands with the variables, files and plug-ins of ``flask``.

    Args:
        add_default_commands: Whether ``run``, ``shell`` and the other built-in commands are there.
        create_app: Makes the application; else it is looked for.
        add_version_option: Whether ``--version`` is there.
        load_dotenv: Whether ``.env`` and ``.flaskenv`` are read.
        set_debug_flag: Whether ``app.debug`` follows ``--debug`` and ``FLASK_DEBUG``.
        extra: Arguments of :class:`click.Group`.
    """

    plugin_groups = (*CruseGroup.plugin_groups, PLUGINS)

    def __init__(
        self,
        add_default_commands: bool = True,
        create_app: Callable[..., Cruse] | None = None,
        add_version_option: bool = True,
        load_dotenv: bool = True,
        set_debug_flag: bool = True,
        **extra: Any,
    ) -> None:
        super().__init__(
            add_default_commands,
            create_app,
            add_version_option,
            load_dotenv,
            set_debug_flag,
            **extra,
        )
        option = click.Option(
            ["-e", "--env-file"],
            type=env_file_option.type,
            help="Read environment variables from this file, before '.env' and '.flaskenv'.",
            is_eager=True,
            expose_value=False,
            callback=_read_environment,
        )
        self.params[self.params.index(env_file_option)] = option

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Make the context of a command line."""
        mirror_environment()
        before = os.environ.get("FLASK_RUN_FROM_CLI")
        os.environ["FLASK_RUN_FROM_CLI"] = "true"  # programs look at it
        try:
            ctx = super().make_context(*args, **kwargs)
        except BaseException:
            _restore(before)
            raise
        ctx.call_on_close(lambda: _restore(before))
        return ctx


def _restore(value: str | None) -> None:
    if value is None:
        os.environ.pop("FLASK_RUN_FROM_CLI", None)
    else:
        os.environ["FLASK_RUN_FROM_CLI"] = value


def _switch_on(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if not value or ctx.resilient_parsing:
        return
    try:
        install()
    except RuntimeError as error:
        raise click.UsageError(str(error)) from None
    group = ctx.find_root().command
    if isinstance(group, CruseGroup):
        group.plugin_groups = (*CruseGroup.plugin_groups, PLUGINS)


#: ``cruse --flask ...`` and ``cruse run --flask``, by the entry point ``cruse.options``.
flask_option = click.Option(
    ["--flask"],
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_switch_on,
    help="Let 'import flask' give Cruse, for applications and extensions written for Flask.",
)

#: The command behind ``python -m cruse_flask``.
cli = FlaskGroup(
    name="flask",
    help=(
        "Run, inspect and manage a Flask application on Cruse.\n\n"
        "The application is named with '--app' or the environment variable FLASK_APP, or found in "
        "'wsgi.py' or 'app.py' in the working directory."
    ),
)


def main() -> None:
    """Run the command with the arguments of the process."""
    install()
    cli.main()
