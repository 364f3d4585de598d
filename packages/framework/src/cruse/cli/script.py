"""What a command knows of the application it runs for."""

from __future__ import annotations

import asyncio
import inspect
from functools import update_wrapper
from traceback import format_exception
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from cruse.cli.discovery import BrokenImportException, find_app
from cruse.cli.environment import get_debug_flag, get_load_dotenv
from cruse.globals import current_app, has_app_context
from cruse.includes import IncludeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cruse.app import Cruse

__all__ = ["ScriptInfo", "pass_script_info", "settle", "with_appcontext"]

F = TypeVar("F", bound="Callable[..., Any]")


class ScriptInfo:
    """Finds and keeps the application of one command line; the ``obj`` of its click contexts.

    Args:
        app_import_path: Where the application is; see :func:`cruse.cli.discovery.find_app`.
        create_app: Makes the application instead of looking for it.
        set_debug_flag: Whether ``app.debug`` follows ``--debug`` and ``CRUSE_DEBUG``.
        load_dotenv_defaults: Whether the default dotenv files are to be read. They are read
            elsewhere; ``CRUSE_SKIP_DOTENV`` turns it off.
    """

    def __init__(
        self,
        app_import_path: str | None = None,
        create_app: Callable[[], Cruse] | None = None,
        set_debug_flag: bool = True,
        load_dotenv_defaults: bool = True,
    ) -> None:
        self.app_import_path = app_import_path
        self.create_app = create_app
        self.set_debug_flag = set_debug_flag
        self.load_dotenv_defaults = get_load_dotenv(load_dotenv_defaults)
        #: Anything that commands want to share.
        self.data: dict[Any, Any] = {}
        self._loaded_app: Cruse | None = None

    def load_app(self) -> Cruse:
        """Return the application, loading it the first time.

        Raises:
            NoAppException: When it can't be found. What its code raises comes through.
        """
        if self._loaded_app is None:
            if self.create_app is not None:
                app = self.create_app()
            else:
                app = find_app(self.app_import_path)
            if self.set_debug_flag:
                app.debug = get_debug_flag()
            load_parts(app)
            self._loaded_app = app
        return self._loaded_app


def load_parts(app: Cruse) -> None:
    """Let an application import what it includes.

    Raises:
        BrokenImportException: When that fails; the message has the traceback of the import.
    """
    try:
        app.load_includes()
    except IncludeError as error:
        cause = error.__cause__
        inner = "" if cause is None else "\n\n" + "".join(format_exception(cause))
        raise BrokenImportException(f"{error}{inner}") from None


#: Passes the :class:`ScriptInfo` to a command as its first argument.
pass_script_info = click.make_pass_decorator(ScriptInfo, ensure=True)


def with_appcontext(f: F) -> F:
    """Run a command, ``def`` or ``async def``, inside the application's context.

    Commands made with ``app.cli.command()`` and ``bp.cli.command()`` have that already.
    """

    @click.pass_context
    def in_context(ctx: click.Context, /, *args: Any, **kwargs: Any) -> Any:
        if not has_app_context():
            app = ctx.ensure_object(ScriptInfo).load_app()
            ctx.with_resource(app.app_context())
        return settle(ctx, ctx.invoke(f, *args, **kwargs))

    return cast("F", update_wrapper(in_context, f))


def settle(ctx: click.Context, result: Any) -> Any:
    """Return the result of a command, running it on the application's loop if it is a coroutine.

    The same long-lived loop serves the async views, so connection pools made there can be used.
    """
    if not inspect.iscoroutine(result):
        return result

    async def in_click_context() -> Any:
        # Click keeps its contexts per thread, and the loop has another one.
        with ctx.scope(cleanup=False):
            return await result

    if has_app_context():
        return current_app.async_to_sync(in_click_context)()
    return asyncio.run(in_click_context())
