"""The groups that commands are registered on, and the group behind ``cruse``."""

from __future__ import annotations

import os
import traceback
from contextlib import ExitStack
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import click

from cruse.cli.check import check_command
from cruse.cli.discovery import NoAppException
from cruse.cli.environment import restored_environment
from cruse.cli.new import new_command
from cruse.cli.options import (
    TakesPluginOptions,
    app_option,
    debug_option,
    env_file_option,
    load_plugins,
    version_option,
)
from cruse.cli.project import find_project
from cruse.cli.routes import routes_command
from cruse.cli.run import run_command
from cruse.cli.script import ScriptInfo, settle, with_appcontext
from cruse.cli.serve import serve_command
from cruse.cli.shell import shell_command
from cruse.cli.static import static_group
from cruse.extension import SettingsError
from cruse.globals import current_context, has_app_context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cruse.app import Cruse

__all__ = ["AppGroup", "CruseGroup", "mount_extension_commands"]


class AppGroup(click.Group):
    """A click group whose commands run inside the application's context.

    Commands may be ``async def``; they run on the application's loop.
    """

    def command(  # type: ignore[override]
        self, *args: Any, **kwargs: Any
    ) -> Callable[[Callable[..., Any]], click.Command]:
        """Register a command, as :meth:`click.Group.command` does.

        Args:
            args: The command's name, if it is not the function's.
            kwargs: Click's, and ``with_appcontext=False`` for a command that needs no application.
        """
        in_context = kwargs.pop("with_appcontext", True)
        register: Callable[[Callable[..., Any]], click.Command]
        # @group.command without parentheses hands over the function itself.
        function = args[0] if args and callable(args[0]) else None
        register = super().command(*(args[1:] if function else args), **kwargs)

        def decorator(f: Callable[..., Any]) -> click.Command:
            return register(with_appcontext(f) if in_context else f)

        return decorator(function) if function else decorator

    def group(  # type: ignore[override]
        self, *args: Any, **kwargs: Any
    ) -> Callable[[Callable[..., Any]], click.Group]:
        """Register a subgroup, an :class:`AppGroup` unless ``cls`` says otherwise."""
        kwargs.setdefault("cls", AppGroup)
        return super().group(*args, **kwargs)  # type: ignore[no-any-return]

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that the arguments name, and wait for it if it is a coroutine."""
        return settle(ctx, super().invoke(ctx))


def mount_extension_commands(app: Cruse) -> None:
    """Put the groups of an application's extensions into ``app.cli``.

    A command that the application registered under the same name itself stays.
    """
    for name, command in app.extension_commands().items():
        if name not in app.cli.commands:
            app.cli.add_command(command, name)


def _load_with_commands(ctx: click.Context) -> Cruse:
    app = ctx.ensure_object(ScriptInfo).load_app()
    mount_extension_commands(app)
    return app


def _show_load_error(error: Exception) -> None:
    """Say why the application's commands are missing from a list."""
    if isinstance(error, NoAppException):
        message = f"Error: {error.format_message()}\n"
    elif isinstance(error, SettingsError):
        message = f"Error: {error}\n"
    else:
        message = "".join(traceback.format_exception(error))
    click.secho(message, err=True, fg="red")


_BUILT_IN = (
    check_command,
    new_command,
    run_command,
    serve_command,
    shell_command,
    routes_command,
    static_group,
)


def _or_what_is(name: str, names: Iterable[str]) -> str:
    """Return the names that a misspelt one may have been meant for, to go on a sentence."""
    close = get_close_matches(name, names)
    return f" (did you mean {' or '.join(map(repr, close))}?)" if close else ""


class CruseGroup(TakesPluginOptions, AppGroup):
    """The group behind ``cruse``: built-in commands, plug-ins, and the application's own.

    A project can make one for a script of its own:
    ``cli = CruseGroup(create_app=create_app)``.

    Args:
        add_default_commands: Whether ``run``, ``serve`` and the other built-in commands are there.
        create_app: Makes the application; else it is looked for.
        add_version_option: Whether ``--version`` is there.
        load_dotenv: Whether ``.env`` and ``.cruseenv`` are read.
        set_debug_flag: Whether ``app.debug`` follows ``--debug`` and ``CRUSE_DEBUG``.
        extra: Arguments of :class:`click.Group`.
    """

    #: Groups of entry points of installed distributions that add commands.
    plugin_groups: tuple[str, ...] = ("cruse.commands",)

    def __init__(
        self,
        add_default_commands: bool = True,
        create_app: Callable[[], Cruse] | None = None,
        add_version_option: bool = True,
        load_dotenv: bool = True,
        set_debug_flag: bool = True,
        **extra: Any,
    ) -> None:
        params: list[click.Parameter] = [*(extra.pop("params", None) or ())]
        params += [env_file_option, app_option, debug_option]
        if add_version_option:
            params.append(version_option)
        settings = {"auto_envvar_prefix": "CRUSE", **(extra.pop("context_settings", None) or {})}
        super().__init__(params=params, context_settings=settings, **extra)
        self.create_app = create_app
        self.load_dotenv = load_dotenv
        self.set_debug_flag = set_debug_flag
        if add_default_commands:
            for command in _BUILT_IN:
                self.add_command(command)
        self._plugins_loaded = False

    def _load_plugin_commands(self) -> None:
        """Add the commands of installed plug-ins; a broken one must not take the others along."""
        if self._plugins_loaded:
            return
        self._plugins_loaded = True
        for group in self.plugin_groups:
            for name, command in load_plugins(group, "command"):
                self.add_command(command, name)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Return a command by name; the application is loaded only for one of its own."""
        self._load_plugin_commands()
        command = super().get_command(ctx, name)
        if command is not None:
            return command
        try:
            return _load_with_commands(ctx).cli.get_command(ctx, name)
        except Exception as error:  # the application's code: any error at all
            if ctx.resilient_parsing:  # the Tab key was pressed: no place for errors
                return None
            if isinstance(error, NoAppException):
                raise NoAppException(
                    f"{name!r} is not a built-in command{_or_what_is(name, self.commands)}, and "
                    f"there is no application to ask for it. {error.format_message()}"
                ) from None
            if isinstance(error, SettingsError):
                raise click.ClickException(str(error)) from None
            raise

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command to run, and enter the application's context for one of its own.

        So parameter callbacks of the command have the context as well.
        """
        if not ctx.resilient_parsing and self.get_command(ctx, args[0]) is None:
            names = self.list_commands(ctx)
            ctx.fail(f"No such command {args[0]!r}{_or_what_is(args[0], names)}.")
        name, command, rest = super().resolve_command(ctx, args)
        if name is not None and name not in self.commands and not ctx.resilient_parsing:
            app = ctx.ensure_object(ScriptInfo).load_app()
            if not has_app_context() or current_context().app is not app:
                ctx.with_resource(app.app_context())
        return name, command, rest

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, even when the application can't be loaded."""
        self._load_plugin_commands()
        names = set(super().list_commands(ctx))
        try:
            names.update(_load_with_commands(ctx).cli.list_commands(ctx))
        except Exception as error:  # the application's code: any error at all
            if not ctx.resilient_parsing:
                _show_load_error(error)
        return sorted(names)

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Make the context of a command line, with its :class:`ScriptInfo`."""
        if "obj" not in extra and "obj" not in self.context_settings:
            extra["obj"] = ScriptInfo(
                create_app=self.create_app,
                set_debug_flag=self.set_debug_flag,
                load_dotenv_defaults=self.load_dotenv,
            )
        if "default_map" not in extra and "default_map" not in self.context_settings:
            extra["default_map"] = find_project().default_map()
        with ExitStack() as stack:
            stack.enter_context(restored_environment())
            # An app.run() at module level would serve instead of letting the command go on.
            os.environ["CRUSE_RUN_FROM_CLI"] = "true"
            ctx = super().make_context(info_name, args, parent=parent, **extra)
            ctx.call_on_close(stack.pop_all().close)
            return ctx

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the options in front of the command's name."""
        asks_for_help = (not args and self.no_args_is_help) or (
            len(args) == 1 and args[0] in self.get_help_option_names(ctx)
        )
        if asks_for_help:
            # Click shows the help before it looks at other options, but the list of commands
            # depends on the application, which the environment or a dotenv file may name.
            env_file_option.handle_parse_result(ctx, {}, [])
            app_option.handle_parse_result(ctx, {}, [])
        return super().parse_args(ctx, args)
