"""``cruse serve``: the application in production, on granian."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from cruse.app import Cruse
from cruse.cli.discovery import find_app
from cruse.cli.options import TakesPluginOptions
from cruse.cli.script import ScriptInfo, pass_script_info
from cruse.colors import is_async
from cruse.listening import check_address, check_certificate
from cruse.operations.health import READY
from cruse.stopping import listen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cruse.gateway.mounts import Mount

__all__ = ["choose_interface", "serve_command"]

_FILE = click.Path(exists=True, dir_okay=False, resolve_path=True)


@click.command("serve", cls=TakesPluginOptions, short_help="Run a server for production.")
@click.option("--host", "-h", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option(
    "--port",
    "-p",
    type=click.IntRange(1, 65535),
    default=8000,
    show_default=True,
    help="Its port.",
)
@click.option(
    "--workers",
    "-w",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Processes; about one for each core.",
)
@click.option(
    "--threads",
    type=click.IntRange(1),
    help="Threads for sync code in each process.  [default: THREAD_POOL_SIZE]",
)
@click.option(
    "--interface",
    type=click.Choice(("auto", "rsgi", "asgi", "wsgi")),
    default="auto",
    show_default=True,
    help="How the server talks to the application; 'auto' looks at what the application does.",
)
@click.option("--access-log/--no-access-log", default=False, help="Log each request.")
@click.option("--cert", type=_FILE, help="Serve HTTPS with the certificate in this file.")
@click.option("--key", type=_FILE, help="The file with the key of the certificate.")
@click.option(
    "--stop-timeout",
    type=click.IntRange(1),
    default=30,
    show_default=True,
    help="Seconds that requests may take to end when the server is told to stop.",
)
@pass_script_info
def serve_command(info: ScriptInfo, /, host: str, port: int, **options: Any) -> None:
    """Run a server for production: granian, from the extra 'cruse[serve]'.

    SIGTERM and Ctrl-C end it when the requests in work are answered.
    """
    granian = _import_granian()
    cert, key = options["cert"], options["key"]
    if (cert is None) is not (key is None):
        raise click.UsageError("HTTPS needs both, '--cert' and '--key'.")
    app = info.load_app()
    _refuse_what_is_for_development(app)
    _check_settings(app)
    check_address(host, port)
    check_certificate((cert, key) if cert else None)
    name = options["interface"]
    interface = choose_interface(app) if name == "auto" else name
    threads = options["threads"] or app.config["THREAD_POOL_SIZE"]
    click.echo(f" * Serving Cruse app '{info.app_import_path or app.name}' as {interface.upper()}")
    server = granian.Granian(
        app.name,
        address=host,
        port=port,
        interface=granian.constants.Interfaces(interface),
        workers=options["workers"],
        # Elsewhere sync code has the application's own threads.
        blocking_threads=threads if interface == "wsgi" else 1,
        log_access=options["access_log"],
        ssl_cert=cert,
        ssl_key=key,
        workers_kill_timeout=options["stop_timeout"],
        # One that was killed, for want of memory say, must not take the others along. granian
        # gives up when its successor ends at once, too.
        respawn_failed_workers=True,
        websockets=interface != "wsgi",
    )
    load = partial(_load, info.create_app, info.app_import_path, interface, threads)
    logger = logging.getLogger("_granian")
    logger.addFilter(_is_of_interest)
    try:
        server.serve(target_loader=load, wrap_loader=False)
    finally:
        logger.removeFilter(_is_of_interest)


def _is_of_interest(record: logging.LogRecord) -> bool:
    # Threads are for waiting, for a database most of all: more than cores are no mistake.
    return "Python threads" not in record.getMessage()


def _import_granian() -> Any:
    try:
        import granian  # type: ignore[import-not-found,unused-ignore]
        import granian.constants  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        raise click.ClickException(
            "'cruse serve' needs granian, which is not installed: pip install 'cruse[serve]'."
        ) from None
    return granian


def _refuse_what_is_for_development(app: Cruse) -> None:
    """Refuse debug mode, whose pages show source code and settings to everybody."""
    if app.debug:
        raise click.ClickException(
            "Debug mode is on, and this is the server for production. Take CRUSE_DEBUG and "
            "'--debug' away, and DEBUG in the configuration; for development there is 'cruse run'."
        )


def _check_settings(app: Cruse) -> None:
    """Check before any worker starts what each of them would fail with."""
    try:
        app._prepare()
    except (TypeError, ValueError, RuntimeError) as error:
        raise click.ClickException(str(error)) from None


#: The settings that make a header field of a proxy count.
_BELIEVING = ("TRUSTED_PROXIES", "REQUEST_ID_TRUSTED")


def choose_interface(app: Cruse) -> str:
    """Return the interface that suits an application.

    ``"wsgi"`` when nothing of it is async: granian's threads then run the views without a loop
    in between. ``"rsgi"``, granian's own, when a view, a hook or a start-up function is async or
    there is a websocket; or when header fields of a proxy are believed: with WSGI granian takes
    ``X_Forwarded_For``, which proxies let pass, for ``X-Forwarded-For``. What middleware was
    wrapped around decides before that, because another interface would go around it.
    """
    if _is_replaced(app, "asgi_app"):
        return "asgi"
    if _is_replaced(app, "rsgi_app"):
        return "rsgi"
    if _is_replaced(app, "wsgi_app"):
        return "wsgi"
    if any(app.config[key] for key in _BELIEVING):
        return "rsgi"
    uses_loop = (
        any(map(is_async, _functions(app)))
        or any(rule.websocket for rule in app.url_map.iter_rules())
        or any(map(_mounted_uses_loop, app.mounts or ()))
    )
    return "rsgi" if uses_loop else "wsgi"


def _is_replaced(app: Cruse, face: str) -> bool:
    return face in vars(app) or getattr(type(app), face) is not getattr(Cruse, face)


def _mounted_uses_loop(mount: Mount) -> bool:
    if mount.interface is None:
        return choose_interface(mount.app) != "wsgi"
    return mount.interface == "asgi"


def _functions(app: Cruse) -> Iterator[Callable[..., Any]]:
    """Views, hooks, error handlers and start-up functions of an application."""
    for endpoint, view in app.view_functions.items():
        if endpoint != READY:  # async, and too rare to decide how all others are served
            yield view
    for hooks in (
        app.before_request_funcs,
        app.after_request_funcs,
        app.teardown_request_funcs,
        app.template_context_processors,
    ):
        for functions in hooks.values():
            yield from functions
    for by_code in app.error_handler_spec.values():
        for handlers in by_code.values():
            yield from handlers.values()
    yield from app.lifecycle.startup


def _load(
    create_app: Callable[[], Cruse] | None, import_path: str | None, interface: str, threads: int
) -> Cruse:
    """Return the application in a worker process."""
    app = create_app() if create_app is not None else find_app(import_path)
    app.config["THREAD_POOL_SIZE"] = threads
    if interface == "wsgi":
        app.start()  # the other interfaces announce it
        listen(app.lifecycle)  # the server's handlers are not there yet
    return app
