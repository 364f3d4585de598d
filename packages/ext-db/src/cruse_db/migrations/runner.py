"""What the commands do with the migrations of one database, for commands and for code."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from alembic import command
from alembic.autogenerate import produce_migrations
from alembic.runtime.migration import MigrationContext
from alembic.script.revision import RevisionError
from alembic.util import CommandError

from cruse_db.discovery import import_models
from cruse_db.migrations.autogenerate import Editor, describe_all
from cruse_db.migrations.enums import PLUGINS
from cruse_db.migrations.folders import Job, MigrationFolder
from cruse_db.migrations.lost import lost

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

    from alembic.config import Config
    from alembic.script import Script

    from cruse_db.extension import Database

__all__ = ["CommandError", "Migrations"]


class Migrations:
    """The migrations of one database of an application; needs its context.

    Args:
        database: The extension.
        bind: The name of a database in ``DB_BINDS``; the first unless given.
        tenant: The tenant whose tables are meant.
        say: Where progress goes, line by line.
    """

    def __init__(
        self,
        database: Database,
        *,
        bind: str | None = None,
        tenant: str | None = None,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        state = database.state
        self.say = say
        self.bind = bind
        self.discovered = import_models(state.app.import_name)
        self.metadata = database.metadata_of(bind)
        self.folder = MigrationFolder(state.migrations_folder(bind))
        self.engines = state.bind(bind)
        self.tenant = self.asked_tenant = tenant
        if tenant is not None:
            state.tenant_options(tenant)
            if state.settings.tenant_url is not None:
                self.engines, self.tenant = state.tenant(tenant), None

    # -- for all ---------------------------------------------------------------------------------

    def job(self, **options: Any) -> Job:
        """Return a job for this database."""
        return Job(self.engines, self.metadata, self.say, tenant=self.tenant, **options)

    def config(self, output: TextIO | None = None, **options: Any) -> Config:
        """Return the configuration of one of Alembic's commands.

        Raises:
            CommandError: When the folder was not begun, or a file in it is missing.
        """
        if not self.folder.exists:
            self.require_known()  # or the folder was there, and is not any more
            raise CommandError(
                f"There are no migrations in {self.folder.path}. 'cruse db init' begins them."
            )
        self.folder.script()  # says so if one is missing
        return self.folder.config(self.job(**options), output or io.StringIO())

    def require_models(self) -> None:
        """Make sure that there are models to compare with.

        Raises:
            CommandError: When there are none; it tells where they were looked for.
        """
        if not self.metadata.tables:
            raise CommandError(
                f"No models were found. Looked at what the application imports, and at "
                f"{self.discovered}. Import their module where the application is made."
            )

    def require_one_head(self) -> None:
        """Make sure that the revisions are one line.

        Raises:
            CommandError: When they are not, or the head file says something else.
        """
        problem = self.folder.head_problem()
        if problem is not None:
            raise CommandError(problem)

    def require_known(self) -> None:
        """Make sure that there are files of the revisions that the database is at.

        Raises:
            CommandError: When there are not; it tells which there are, and what to do.
        """
        problem = lost(self)
        if problem is not None:
            raise CommandError(problem)

    # -- what is there ---------------------------------------------------------------------------

    def current(self) -> tuple[str, ...]:
        """Return the revisions that the database is at."""
        with self.engines.sync.connect() as connection:
            options = {}
            if self.tenant is not None:
                options["version_table_schema"] = self.tenant
            return MigrationContext.configure(connection, opts=options).get_current_heads()

    def pending(self) -> list[Script]:
        """Return the revisions that the database does not have yet, the oldest first.

        Raises:
            CommandError: When there is no file of the revision that it is at.
        """
        self.require_known()
        script = self.folder.script()
        done: set[str] = set()
        for head in self.current():
            done.update(each.revision for each in script.iterate_revisions(head, "base"))
        every = list(script.walk_revisions())
        return [each for each in reversed(every) if each.revision not in done]

    def leads(self, upper: Any, lower: Any, **how: bool) -> bool:
        """Whether there are steps between two revisions; not where there is no such revision.

        Args:
            upper: The later one, or several.
            lower: The earlier one, or several.
            how: What Alembic's ``iterate_revisions`` is told beside.
        """
        try:
            return any(True for _ in self.folder.script().iterate_revisions(upper, lower, **how))
        except RevisionError:
            return False  # what is wrong with it, the command says

    def differences(self) -> list[str]:
        """Return in words how the models and the tables differ."""
        with self.engines.sync.connect() as connection:
            options = {
                "compare_type": True,
                "target_metadata": self.metadata,
                "autogenerate_plugins": PLUGINS,
            }
            context = MigrationContext.configure(connection, opts=options)
            return describe_all(produce_migrations(context, self.metadata).upgrade_ops)

    # -- what is done ----------------------------------------------------------------------------

    def init(self) -> None:
        """Begin the folder."""
        self.folder.begin()
        self.folder.write_head()

    def revision(self, message: str, editor: Editor | None = None) -> list[Script]:
        """Write a new migration: an empty one, or one with the steps that an editor lets through.

        Raises:
            CommandError: When the database lacks migrations, or steps are not allowed.
        """
        if editor is None:
            config = self.config()
            made = command.revision(config, message)
        else:
            self.require_models()
            self.require_known()
            if not self.folder.exists:
                self.init()
            self.require_one_head()
            config = self.config(edit=editor)
            made = command.revision(config, message, autogenerate=True)
        self.folder.write_head()
        scripts = made if isinstance(made, list) else [made]
        return [script for script in scripts if script is not None]

    def upgrade(self, target: str = "head", **options: Any) -> None:
        """Run the steps up to a revision, the newest unless said.

        Raises:
            CommandError: When there are several newest ones.
        """
        self.require_known()
        config = self.config(writes=True, **options)
        if target in {"head", "heads"}:
            if len(self.folder.heads()) > 1:
                self.require_one_head()
            target = "heads"
        command.upgrade(config, target)

    def downgrade(self, target: str, *, backup: bool = False, **options: Any) -> None:
        """Take steps back.

        Args:
            target: The revision.
            backup: Whether an SQLite file is copied first, if there are steps to take back.
            options: Those of :class:`Job`.

        Raises:
            CommandError: When there is no such revision, or no file of the one it is at.
        """
        self.require_known()
        backup = backup and self.leads(self.current(), target, select_for_downgrade=True)
        command.downgrade(self.config(writes=True, backup=backup, **options), target)

    def stamp(self, target: str, *, purge: bool = False) -> None:
        """Note that the database is at a revision without running anything.

        Args:
            target: The revision.
            purge: Whether what is noted is forgotten first, also when there are no files of it.

        Raises:
            CommandError: When there is no such revision, or no file of the one it is at.
        """
        if not purge:
            self.require_known()
        command.stamp(self.config(writes=True), target, purge=purge)

    def merge(self, message: str) -> Any:
        """Write a migration that joins several heads."""
        made = command.merge(self.config(), "heads", message)
        self.folder.write_head()
        return made

    def sql(self, span: str, dialect: str | None = None) -> str:
        """Return the SQL of some steps: ``"from:to"``, or up to a revision from none."""
        output = io.StringIO()
        command.upgrade(self.config(output, dialect=dialect), span, sql=True)
        return output.getvalue()
