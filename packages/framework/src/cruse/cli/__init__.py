"""The ``cruse`` command, and what an application or extension builds commands of its own with."""

from __future__ import annotations

from cruse.cli.discovery import NoAppException
from cruse.cli.groups import AppGroup, CruseGroup
from cruse.cli.options import load_dotenv
from cruse.cli.routes import routes_command
from cruse.cli.run import run_command
from cruse.cli.script import ScriptInfo, pass_script_info, with_appcontext
from cruse.cli.shell import shell_command

__all__ = [
    "AppGroup",
    "CruseGroup",
    "NoAppException",
    "ScriptInfo",
    "cli",
    "load_dotenv",
    "main",
    "pass_script_info",
    "routes_command",
    "run_command",
    "shell_command",
    "with_appcontext",
]

#: The command itself; a project's own script may add to it.
cli = CruseGroup(
    name="cruse",
    help=(
        "Run, inspect and manage a Cruse application.\n\n"
        "The application is named with '--app', the environment variable CRUSE_APP or 'app' in "
        "[tool.cruse] of pyproject.toml, or found in 'wsgi.py' or 'app.py' in the working "
        "directory. 'cruse new' begins one."
    ),
)


def main() -> None:
    """Run the ``cruse`` command with the arguments of the process."""
    cli.main()
