"""Where the migrations of a database are: a folder as Alembic knows it, and one file more."""

from __future__ import annotations

import os
import sys
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TextIO

    from alembic.script import Script
    from sqlalchemy import MetaData

    from cruse_db.engines import Engines

__all__ = ["JOB", "Job", "MigrationFolder"]

#: The key in the attributes of Alembic's configuration.
JOB = "cruse_db"

_ENVIRONMENT = '''"""Alembic runs this file for `cruse db ...`; what it does is in the package."""

from cruse_db.migrations.environment import run

run()
'''
_TEMPLATE = '''"""${message}"""

import sqlalchemy as sa
from alembic import op
${imports + "\\n" if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
'''


@dataclass
class Job:
    """What the environment has to know of a command.

    Args:
        engines: The engines of the database.
        metadata: The tables of its models.
        say: Where progress goes, line by line.
        writes: Whether the database is changed, which only one process may do at a time.
        tenant: The schema to work in, for tenants that are schemas.
        lock_timeout: Seconds that a step waits for a table that others use (PostgreSQL).
        backup: Whether an SQLite file is copied first.
        dialect: For SQL that is only written down: of which database.
        edit: What is done to the steps that were found by comparing; Alembic's
            ``process_revision_directives``.
    """

    engines: Engines
    metadata: MetaData
    say: Callable[[str], None]
    writes: bool = False
    tenant: str | None = None
    lock_timeout: float = 10.0
    backup: bool = False
    dialect: str | None = None
    edit: Any = field(default=None, repr=False)


class MigrationFolder:
    """The migrations of one database.

    Args:
        path: The folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def exists(self) -> bool:
        """Whether it was begun."""
        return (self.path / "env.py").is_file()

    @property
    def head_file(self) -> Path:
        """The file with the newest revision.

        When two branches of a repository add a migration each, their merge is a conflict in this
        file, which somebody sees, rather than two heads, which nobody does until the upgrade.
        """
        return self.path / "HEAD"

    def begin(self) -> None:
        """Make the folder, as far as it is not there."""
        (self.path / "versions").mkdir(parents=True, exist_ok=True)
        for name, text in (("env.py", _ENVIRONMENT), ("script.py.mako", _TEMPLATE)):
            if not (self.path / name).exists():
                (self.path / name).write_text(text, encoding="utf-8")

    def config(self, job: Job, output: TextIO) -> Config:
        """Return a configuration for Alembic's commands.

        Args:
            job: What is to be done.
            output: Where the commands and SQL are written to.
        """
        config = Config(stdout=output, output_buffer=output)
        # "%" is special in Alembic's configuration.
        config.set_main_option("script_location", os.fspath(self.path).replace("%", "%%"))
        config.set_main_option("path_separator", "os")
        config.set_main_option(
            "file_template", "%%(year)d%%(month).2d%%(day).2d_%%(rev)s_%%(slug)s"
        )
        config.attributes[JOB] = job
        # What it prints itself would go past the output; where it writes that, it has to.
        config.messaging_opts = {"quiet": output is not sys.stdout}
        return config

    def script(self) -> ScriptDirectory:
        """Return the revisions, as Alembic reads them.

        Raises:
            CommandError: When one comes after another whose file is not there, or is no Python.
        """
        script = ScriptDirectory(os.fspath(self.path))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Revision .* is not present")
            try:
                script.get_bases()  # reads them all
            except KeyError as error:
                raise CommandError(
                    f"A migration in {self.path / 'versions'} comes after {error.args[0]!r}, of "
                    "which no file is there. Get the file back: another branch may have it, or "
                    "Git's history."
                ) from error
            except SyntaxError as error:
                raise CommandError(
                    f"Can't be read: {error.filename}, line {error.lineno}: {error.msg}."
                ) from error
        return script

    def scripts(self) -> list[Script]:
        """Return the revisions whose files are there, the newest first."""
        return list(self.script().walk_revisions()) if self.exists else []

    def heads(self) -> list[str]:
        """Return the newest revisions: one, unless branches were not merged."""
        return sorted(self.script().get_heads())

    def write_head(self) -> None:
        """Write down which revision is the newest."""
        self.head_file.write_text("".join(f"{head}\n" for head in self.heads()), encoding="utf-8")

    def _written_heads(self) -> list[str]:
        exists = self.head_file.is_file()
        return self.head_file.read_text(encoding="utf-8").split() if exists else []

    def head_problem(self) -> str | None:
        """Say what is wrong with the newest revision, if something is."""
        heads = self.heads()
        if len(heads) > 1:
            return (
                f"{self.path} has {len(heads)} heads: {', '.join(heads)}. Two branches have added "
                "a migration each. 'cruse db merge' joins them."
            )
        written = self._written_heads() if heads else heads
        if written != heads:
            return (
                f"{self.head_file} says {', '.join(written) or 'nothing'}, but the newest "
                f"revision is {', '.join(heads)}. If a merge is why, write that into it."
            )
        return None
