"""Alembic runs this file for `cruse db ...`; what it does is in the package."""

from cruse_db.migrations.environment import run

run()
