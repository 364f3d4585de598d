"""Runs the commands of an application in a test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from click.testing import CliRunner

from cruse.cli.groups import mount_extension_commands
from cruse.cli.script import ScriptInfo

if TYPE_CHECKING:
    from click.testing import Result

    from cruse.app import Cruse

__all__ = ["CruseCliRunner"]


class CruseCliRunner(CliRunner):
    """click's runner for the commands of one application; made by ``app.test_cli_runner()``.

    Args:
        app: The application.
        kwargs: Arguments of :class:`click.testing.CliRunner`.
    """

    def __init__(self, app: Cruse, **kwargs: Any) -> None:
        self.app = app
        super().__init__(**kwargs)

    def invoke(  # type: ignore[override]
        self, cli: Any = None, args: Any = None, **kwargs: Any
    ) -> Result:
        """Run a command and return its exit code and output.

        Args:
            cli: The command or group; ``app.cli`` if not given, with the extensions' groups.
            args: The command line, a list of words or a string.
            kwargs: Further arguments of :meth:`click.testing.CliRunner.invoke`.
        """
        if cli is None:
            self.app.load_includes()
            mount_extension_commands(self.app)
            cli = self.app.cli
        if "obj" not in kwargs:
            # The application is configured: its debug flag is not the environment's business.
            kwargs["obj"] = ScriptInfo(create_app=lambda: self.app, set_debug_flag=False)
        return super().invoke(cli, args, **kwargs)
