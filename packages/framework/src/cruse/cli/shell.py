"""``cruse shell``: a Python prompt inside the application's context."""

from __future__ import annotations

import code
import os
import sys
from pathlib import Path
from typing import Any

import click

from cruse.cli.script import with_appcontext
from cruse.globals import current_app

__all__ = ["shell_command"]


@click.command("shell", short_help="Run a shell in the app context.")
@with_appcontext
def shell_command() -> None:
    """Open a Python prompt inside the application's context.

    Its names are 'app', 'g', and what shell context processors and extensions add.
    """
    names: dict[str, Any] = {}
    _run_startup_file(names)
    names.update(current_app.make_shell_context())
    _complete_from(names)
    banner = (
        f"Python {sys.version} on {sys.platform}\n"
        f"App: {current_app.import_name}\n"
        f"Instance: {current_app.instance_path}"
    )
    code.interact(banner=banner, local=names)


def _run_startup_file(names: dict[str, Any]) -> None:
    """Run the file of ``PYTHONSTARTUP``, as Python's own prompt does."""
    startup = os.environ.get("PYTHONSTARTUP")
    if startup and os.path.isfile(startup):
        source = Path(startup).read_text(encoding="utf-8")
        # The user's own file, named in their own environment.
        exec(compile(source, startup, "exec"), names)  # noqa: S102


def _complete_from(names: dict[str, Any]) -> None:
    """Let the Tab key complete the names of the prompt instead of those of ``__main__``."""
    hook = getattr(sys, "__interactivehook__", None)
    if hook is None:
        return
    try:
        import readline
        from rlcompleter import Completer
    except ImportError:  # Windows has no readline
        pass
    else:
        readline.set_completer(Completer(names).complete)
    hook()
