"""What Alembic's ``env.py`` does: connect, let nobody else do the same, and run the steps."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from alembic import context

from cruse_db.migrations.enums import PLUGINS
from cruse_db.migrations.folders import JOB
from cruse_db.migrations.locks import held
from cruse_db.migrations.rendering import render_item

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from cruse_db.migrations.folders import Job

__all__ = ["run"]


def run() -> None:
    """Do what a command asked for.

    Raises:
        RuntimeError: When it was not a command of ``cruse db``.
    """
    job: Job | None = context.config.attributes.get(JOB)
    if job is None:
        raise RuntimeError(
            "These migrations are run by 'cruse db ...', which knows the application's database."
        )
    if context.is_offline_mode():
        _write_down(job)
        return
    with job.engines.sync.connect() as connection:
        connection = connection.execution_options(**_options(connection, job))
        _use_schema(connection, job)
        if not job.writes:
            _configure(connection, job)
            context.run_migrations()
            connection.rollback()
            return
        with held(connection, job):
            _configure(connection, job)
            with context.begin_transaction():
                context.run_migrations()


def _options(connection: Connection, job: Job) -> dict[str, Any]:
    # On PostgreSQL, otherwise, connections begin transactions only where one is needed, and
    # Alembic wants to know where it stands.
    return {"isolation_level": "READ COMMITTED"} if connection.dialect.name == "postgresql" else {}


def _use_schema(connection: Connection, job: Job) -> None:
    if job.tenant is None or connection.dialect.name != "postgresql":
        return
    schema = connection.dialect.identifier_preparer.quote(job.tenant)
    if job.writes:
        connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    connection.exec_driver_sql(f"SET search_path TO {schema}")
    connection.commit()


def _configure(connection: Connection, job: Job) -> None:
    context.configure(
        connection=connection,
        target_metadata=job.metadata,
        # SQLite changes a table by making a new one. Elsewhere the same steps are plain ALTERs.
        render_as_batch=True,
        render_item=render_item,
        compare_type=True,
        autogenerate_plugins=PLUGINS,
        # Alembic believes that SQLite can't. It can, where BEGIN is sent as it should.
        transactional_ddl=True,
        process_revision_directives=job.edit,
        on_version_apply=_progress(job),
    )


def _progress(job: Job) -> Any:
    """Return what says which step was done, and how long it took."""
    since = time.monotonic()

    def on_version_apply(*, step: Any, **kwargs: Any) -> None:
        nonlocal since
        now = time.monotonic()
        seconds, since = now - since, now
        if not step.is_stamp:
            sign = "+" if step.is_upgrade else "-"
            job.say(f"{sign} {step.up_revision_id} {step.up_revision.doc} ({seconds:.1f} s)")

    return on_version_apply


def _write_down(job: Job) -> None:
    """Write SQL rather than run it; without a URL, so nothing of it can be in there."""
    dialect = job.dialect or job.engines.url.get_backend_name()
    context.configure(
        dialect_name=dialect,
        target_metadata=job.metadata,
        literal_binds=True,
        dialect_opts={"paramstyle": "named"},
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()
