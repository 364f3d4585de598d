"""``cruse run``: the options of the development server."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click
from werkzeug.utils import import_string

from cruse.cli.environment import get_debug_flag
from cruse.cli.options import TakesPluginOptions, debug_option
from cruse.cli.project import find_project
from cruse.cli.script import ScriptInfo, pass_script_info
from cruse.devserver import DEFAULT_HOST, DEFAULT_PORT, load_or_explain, serve, show_server_banner
from cruse.extension import SettingsError

if TYPE_CHECKING:
    import ssl

if TYPE_CHECKING:
    _ParamType = click.ParamType[Any]
else:
    _ParamType = click.ParamType  # generic from click 8.4 on only

__all__ = ["CertParamType", "SeparatedPathType", "configured", "run_command"]


class CertParamType(_ParamType):
    """The value of ``--cert``: a file, ``adhoc``, or the import name of an ``SSLContext``."""

    name = "path"
    _path = click.Path(exists=True, dir_okay=False, resolve_path=True)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> ssl.SSLContext | str:
        """Return the file's path, ``"adhoc"`` or the context."""
        if not _has_ssl():
            self.fail("This Python was built without SSL: HTTPS is not possible.", param, ctx)
        if str(value).lower() == "adhoc" and not os.path.exists(value):
            _require_cryptography(param, ctx)
            return "adhoc"
        try:
            return str(self._path(value, param, ctx))
        except click.BadParameter:
            imported = import_string(str(value), silent=True)
            if _is_ssl_context(imported):
                return imported  # type: ignore[no-any-return]
            raise


def _has_ssl() -> bool:
    try:
        import ssl  # noqa: F401
    except ImportError:
        return False
    return True


def _is_ssl_context(value: object) -> bool:
    import ssl

    return isinstance(value, ssl.SSLContext)


def _require_cryptography(param: click.Parameter | None, ctx: click.Context | None) -> None:
    try:
        import cryptography  # type: ignore[import-not-found,unused-ignore] # noqa: F401
    except ImportError:
        raise click.BadParameter(
            "'adhoc' makes a certificate with the library cryptography, which is not installed: "
            "pip install cryptography.",
            ctx,
            param,
        ) from None


def _pair_with_cert(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Check ``--key`` against ``--cert``, and join both in the parameter ``cert``."""
    cert = ctx.params.get("cert")
    needs_key = isinstance(cert, str) and cert != "adhoc"
    if value is None:
        if needs_key:
            raise click.BadParameter('Required when "--cert" is a file.', ctx, param)
        return None
    if cert is None:
        raise click.BadParameter('"--cert" must be given too.', ctx, param)
    if not needs_key:
        kind = '"adhoc"' if cert == "adhoc" else "an SSLContext object"
        raise click.BadParameter(f'Not used when "--cert" is {kind}.', ctx, param)
    ctx.params["cert"] = cert, value
    return value


class SeparatedPathType(click.Path):
    """Several paths in one value, separated as in ``PATH``."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the list of paths, each checked as :class:`click.Path` does."""
        convert = super().convert
        return [convert(item, param, ctx) for item in self.split_envvar_value(value)]


# --cert is eager so that it has been read when --key is checked, in whatever order they come.
@click.command("run", cls=TakesPluginOptions, short_help="Run a development server.")
@click.option("--host", "-h", help=f"The interface to bind to.  [default: {DEFAULT_HOST}]")
@click.option(
    "--port",
    "-p",
    type=click.IntRange(0, 65535),
    help=f"The port to bind to; 0 is any free one.  [default: {DEFAULT_PORT}]",
)
@click.option(
    "--cert",
    type=CertParamType(),
    is_eager=True,
    help="Serve HTTPS with this certificate: a file, 'adhoc', or an SSLContext's import name.",
)
@click.option(
    "--key",
    type=click.Path(exists=True, dir_okay=False, resolve_path=True),
    callback=_pair_with_cert,
    expose_value=False,
    help="The file with the key of the certificate.",
)
@click.option(
    "--reload/--no-reload",
    default=None,
    help="Restart when a file changes. On in debug mode.",
)
@click.option(
    "--debugger/--no-debugger",
    default=None,
    help="Show errors in the interactive debugger. On in debug mode, for this machine only.",
)
@click.option(
    "--with-threads/--without-threads",
    default=True,
    help="Handle requests in parallel, each in a thread.",
)
@click.option(
    "--extra-files",
    type=SeparatedPathType(),
    help=f"Further files to restart for, separated by {os.path.pathsep!r}.",
)
@click.option(
    "--exclude-patterns",
    type=SeparatedPathType(),
    help=f"Files not to restart for, as fnmatch patterns separated by {os.path.pathsep!r}.",
)
@pass_script_info
def run_command(info: ScriptInfo, /, **given: Any) -> None:
    """Run a server for development.

    It is not made for production: it is neither fast nor safe enough, 'cruse serve' is. The
    reloader and the debugger are on in debug mode.
    """
    debug = get_debug_flag()
    options = {"host": DEFAULT_HOST, "port": DEFAULT_PORT, **_server_options(given)}
    try:
        app = load_or_explain(info.load_app, options.get("use_reloader", debug))
    except SettingsError as error:
        raise click.ClickException(str(error)) from None
    show_server_banner(debug, info.app_import_path)
    serve(app, debug=debug, **options)


#: The parameters of the command that werkzeug knows under another name.
_NAMES = {
    "cert": "ssl_context",
    "debugger": "use_debugger",
    "reload": "use_reloader",
    "with_threads": "threaded",
}


def _server_options(given: dict[str, Any]) -> dict[str, Any]:
    """Return what was said, without what was not, as :func:`cruse.devserver.serve` takes it."""
    return {_NAMES.get(name, name): value for name, value in given.items() if value is not None}


def configured() -> dict[str, Any]:
    """Return what the environment and ``pyproject.toml`` say about ``cruse run``.

    For ``app.run()``, which so follows the same rules.

    Raises:
        click.UsageError: When one of them says something that is not possible.
    """
    defaults: dict[str, Any] = {
        "auto_envvar_prefix": "CRUSE_RUN",
        "default_map": find_project().run,
    }
    with run_command.make_context("run", [], **defaults) as ctx:
        return _server_options(ctx.params)


# Here too, because "cruse run --debug" is what one types.
run_command.params.insert(0, debug_option)
