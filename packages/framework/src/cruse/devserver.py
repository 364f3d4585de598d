"""The development server: werkzeug's, with reload and the interactive debugger.

It serves the application's WSGI face. It is for one developer on one machine.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from cruse.app import Cruse

__all__ = ["BrokenApp", "load_or_explain", "run", "serve", "show_server_banner"]

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 5000
PATIENCE = 3.0  # seconds that requests have to be answered in when the server is told to stop
PATIENCE_OF_RELOADER = 0.2


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

    What is not given comes from where ``cruse run`` has it: ``CRUSE_RUN_...`` in the environment,
    then ``[tool.cruse]`` in ``pyproject.toml``.

    Args:
        app: The application.
        host: The address to bind; at last the host of ``SERVER_NAME``, or this machine only.
        port: The port to bind; at last that of ``SERVER_NAME``, or 5000. 0 takes a free one.
        debug: Sets ``app.debug``.
        load_dotenv: Whether to read ``.env`` and ``.cruseenv`` first.
        options: Passed to :func:`werkzeug.serving.run_simple`.
    """
    if os.environ.get("CRUSE_RUN_FROM_CLI") == "true":
        _explain_ignored_run()
        return
    from click import ClickException

    from cruse.cli.environment import restored_environment

    with restored_environment():
        try:
            settings = {**_configured(app, load_dotenv), **options}
            if debug is not None:
                app.debug = bool(debug)
            settings["host"], settings["port"] = _address(
                app, host or settings.get("host"), settings.get("port") if port is None else port
            )
            show_server_banner(app.debug, app.name)
            serve(app, debug=app.debug, **settings)
        except ClickException as error:
            error.show()
            sys.exit(error.exit_code)


def _configured(app: Cruse, load_dotenv: bool) -> dict[str, Any]:
    """Return what the environment and ``pyproject.toml`` say, as for ``cruse run``."""
    from cruse.cli.environment import get_debug_flag, get_load_dotenv
    from cruse.cli.run import configured

    if get_load_dotenv(load_dotenv):
        from cruse.dotenv import load_dotenv as load

        load()
    settings = configured()
    if "CRUSE_DEBUG" in os.environ:
        app.debug = get_debug_flag()
    return settings


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
    use_reloader: bool | None = None,
    use_debugger: bool | None = None,
    **options: Any,
) -> None:
    """Serve a WSGI application, normally a Cruse object, with werkzeug.

    Args:
        app: The application.
        host: The address to bind.
        port: The port to bind.
        debug: Whether debug mode is on.
        use_reloader: Whether a change of the code restarts the server. ``None`` means in debug
            mode.
        use_debugger: Whether errors open the debugger. ``None`` means in debug mode, and only
            when nobody else can reach the server: the debugger runs code for those who use it.
        options: Passed to :func:`werkzeug.serving.run_simple`.

    Raises:
        click.ClickException: When it can't listen there.
    """
    import werkzeug.serving

    # Looked up now and not imported above: tests and tools replace it in werkzeug.serving.
    run_simple = werkzeug.serving.run_simple
    in_flight = _InFlight(app)
    served: WSGIApplication = app
    if run_simple.__module__ == werkzeug.serving.__name__:
        _check(host, port, options.get("ssl_context"))
        served = in_flight
    use_reloader = debug if use_reloader is None else use_reloader
    if use_reloader and "reloader_type" not in options:
        options["reloader_type"] = _our_reloader(app)
    if _allow_debugger(host, debug, use_debugger):
        served = _with_debugger(app, served, host, options.pop("use_evalex", True))
    with _terminate_politely(in_flight):
        run_simple(host, port, served, use_reloader=use_reloader, **{"threaded": True, **options})


def _check(host: str, port: int, ssl_context: Any) -> None:
    """Check what would fail, in the process that nobody has handed a socket."""
    from werkzeug.serving import is_running_from_reloader

    from cruse.listening import check_address, check_certificate

    if not is_running_from_reloader():
        check_address(host, port)
        check_certificate(ssl_context)


def _our_reloader(app: WSGIApplication) -> str:
    """Return the name that our reloader has at werkzeug, told which folders to watch."""
    from cruse.reloader import Reloader, watch_folders_of

    watch_folders_of(app)
    return Reloader.name


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


def _with_debugger(
    app: WSGIApplication, served: WSGIApplication, host: str, evalex: bool
) -> WSGIApplication:
    from cruse.app import Cruse
    from cruse.debugger import Debugger

    return Debugger(served, lambda: app if isinstance(app, Cruse) else None, host, evalex)


class _InFlight:
    """A WSGI application that knows how many of its requests are being answered.

    The threads of werkzeug's server end with the process, wherever they are.
    """

    def __init__(self, app: WSGIApplication) -> None:
        self.app = app
        self._count = 0
        self._changed = threading.Condition()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        from werkzeug.wsgi import ClosingIterator

        __traceback_hide__ = True  # the debugger leaves such frames out
        self._add(1)
        try:
            body = self.app(environ, start_response)
        except BaseException:
            self._add(-1)
            raise
        return ClosingIterator(body, lambda: self._add(-1))

    def _add(self, number: int) -> None:
        with self._changed:
            self._count += number
            self._changed.notify_all()

    def end(self, patience: float) -> None:
        """End what has no end of its own, and wait so many seconds for all that is answered."""
        from cruse.app import Cruse

        if isinstance(self.app, Cruse):
            self.app.lifecycle.end_live()
        with self._changed, suppress(KeyboardInterrupt):  # pressed again: at once, then
            self._changed.wait_for(lambda: not self._count, patience)


@contextmanager
def _terminate_politely(in_flight: _InFlight) -> Iterator[None]:
    """Let SIGTERM end the process the normal way: streams end, shutdown functions run."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    from werkzeug.serving import is_running_from_reloader

    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    patience = PATIENCE
    try:
        yield
    except SystemExit as error:
        if error.code:  # the reloader: the next process is to be there soon
            patience = PATIENCE_OF_RELOADER
        raise
    finally:
        in_flight.end(patience)
        # A process of the reloader ends now: no further signal is to interrupt the shutdown.
        signal.signal(signal.SIGTERM, signal.SIG_IGN if is_running_from_reloader() else before)


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
