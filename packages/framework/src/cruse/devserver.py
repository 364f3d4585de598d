"""The development server: werkzeug's, with reload and the interactive debugger.

It serves the application's WSGI face. It is for one developer on one machine.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from cruse.app import Cruse

__all__ = ["BrokenApp", "load_or_explain", "run", "serve", "show_server_banner"]

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 5000


def run(
    app: Cruse,
    host: str | None = None,
    port: int | None = None,
    debug: bool | None = None,
    load_dotenv: bool = True,
    **options: Any,
) -> None:
    """Serve an application until it is interrupted; what ``app.run()`` does.

    It returns at once when a ``cruse`` command is running, which serves itself or has other
    things to do.

    Args:
        app: The application.
        host: The address to bind; else the host of ``SERVER_NAME``, else this machine only.
        port: The port to bind; else that of ``SERVER_NAME``, else 5000. 0 takes a free one.
        debug: Sets ``app.debug``.
        load_dotenv: Whether to read ``.env`` and ``.cruseenv`` first.
        options: Passed to :func:`werkzeug.serving.run_simple`.
    """
    from cruse.cli.environment import get_debug_flag, get_load_dotenv

    if os.environ.get("CRUSE_RUN_FROM_CLI") == "true":
        _explain_ignored_run()
        return
    if get_load_dotenv(load_dotenv):
        from cruse.dotenv import load_dotenv as load

        load()
        if "CRUSE_DEBUG" in os.environ:
            app.debug = get_debug_flag()
    if debug is not None:
        app.debug = bool(debug)
    host, port = _address(app, host, port)
    options.setdefault("use_reloader", app.debug)
    options.setdefault("threaded", True)
    show_server_banner(app.debug, app.name)
    serve(app, host, port, app.debug, debugger=options.pop("use_debugger", None), **options)


def _address(app: Cruse, host: str | None, port: int | None) -> tuple[str, int]:
    """Complete the address from ``SERVER_NAME``."""
    name, _, name_port = (app.config.get("SERVER_NAME") or "").partition(":")
    if port is None:
        port = int(name_port or DEFAULT_PORT)
    return host or name or DEFAULT_HOST, int(port)


def _explain_ignored_run() -> None:
    from werkzeug.serving import is_running_from_reloader

    if not is_running_from_reloader():
        _say(
            " * Ignoring a call to 'app.run()', because a 'cruse' command is running.\n"
            "   Put the call under 'if __name__ == \"__main__\":'.",
            color="red",
        )


def serve(
    app: WSGIApplication,
    host: str,
    port: int,
    debug: bool,
    *,
    debugger: bool | None = None,
    **options: Any,
) -> None:
    """Serve a WSGI application, normally a Cruse object, with werkzeug.

    Args:
        app: The application.
        host: The address to bind.
        port: The port to bind.
        debug: Whether debug mode is on.
        debugger: Whether errors open the debugger. ``None`` means in debug mode, and only when
            nobody else can reach the server: the debugger runs code for those who use it.
        options: Passed to :func:`werkzeug.serving.run_simple`.
    """
    import werkzeug.serving

    if _allow_debugger(host, debug, debugger):
        app = _with_debugger(app, host, options.pop("use_evalex", True))
    with _terminate_politely():
        # Looked up now and not imported above: tests and tools replace it in werkzeug.serving.
        werkzeug.serving.run_simple(host, port, app, **options)


def _allow_debugger(host: str, debug: bool, debugger: bool | None) -> bool:
    from cruse.debugger import is_loopback

    wanted = debug if debugger is None else debugger
    if not wanted or is_loopback(host):
        return wanted
    if debugger is None:
        _say(
            f" * The debugger is off, because others can reach {host} and it would run their "
            "code. Insist with '--debugger'.",
            color="yellow",
        )
        return False
    _say(
        f" * WARNING: the debugger is on and others can reach {host}. "
        "Whoever knows its PIN can run code on this machine.",
        color="red",
    )
    return True


def _with_debugger(app: WSGIApplication, host: str, evalex: bool) -> WSGIApplication:
    from cruse.app import Cruse
    from cruse.debugger import Debugger

    return Debugger(app, lambda: app if isinstance(app, Cruse) else None, host, evalex)


@contextmanager
def _terminate_politely() -> Iterator[None]:
    """Let SIGTERM end the process the normal way, so that shutdown functions run at its exit."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def load_or_explain(load: Callable[[], Cruse], reloading: bool) -> WSGIApplication:
    """Return the application, started, or when its code fails, one that shows the error.

    With the reloader, a mistake in the code must not end the server: it is shown in the browser,
    and the next change of a file loads the application anew.

    Args:
        load: Loads the application.
        reloading: Whether the reloader is on.

    Raises:
        NoAppException: When the command line names no application.
        Exception: What the code raised, when no reloader would load it again.
    """
    from werkzeug.serving import is_running_from_reloader

    # The process that only watches over the serving one does not start the application.
    serving = not reloading or is_running_from_reloader()
    try:
        app = load()
        if serving:
            app.start()
    except Exception as error:
        if not reloading or (not serving and _is_wrong_name(error)):
            raise
        if serving:
            _show(error)
        return BrokenApp(error)
    return app


def _is_wrong_name(error: Exception) -> bool:
    """Whether the command line has to change rather than the code."""
    from cruse.cli.discovery import BrokenImportException, NoAppException

    return isinstance(error, NoAppException) and not isinstance(error, BrokenImportException)


def _show(error: Exception) -> None:
    """Print a load error where the developer looks first."""
    from click import ClickException

    if isinstance(error, ClickException):
        error.show()
    else:
        traceback.print_exception(error)


class BrokenApp:
    """A WSGI application that raises the error that kept the real one from loading."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self._traceback = error.__traceback__

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Raise the error; the debugger shows it, or the server logs it and answers 500."""
        # With the traceback of the load each time: raising adds to the one the error carries.
        raise self.error.with_traceback(self._traceback)


def show_server_banner(debug: bool, app_import_path: str | None) -> None:
    """Say what is served and whether debug mode is on, once and not at every reload."""
    from werkzeug.serving import is_running_from_reloader

    if is_running_from_reloader():
        return
    if app_import_path is not None:
        _say(f" * Serving Cruse app '{app_import_path}'")
    _say(f" * Debug mode: {'on' if debug else 'off'}")


def _say(message: str, color: str | None = None) -> None:
    import click

    click.secho(message, fg=color, err=color is not None)
