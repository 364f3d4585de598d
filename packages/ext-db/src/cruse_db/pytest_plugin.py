"""Fixtures for tests of applications: ``pytest_plugins = ["cruse_db.pytest_plugin"]``.

They need a fixture ``app`` of yours: the application, with its tables created.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cruse_db.testing import capture_on_commit as capture
from cruse_db.testing import sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cruse import Cruse
    from cruse_db.extension import Database
    from cruse_db.seeing import QueryLog
    from cruse_db.sessions import DatabaseSession

__all__ = ["capture_on_commit", "db_sandbox", "db_session", "query_log"]


@pytest.fixture
def db_sandbox(app: Cruse) -> Iterator[Database]:
    """The database; everything that the test does with it is undone in the end."""
    state = app.extensions["db"]
    with sandbox(state):
        database: Database = state.extension
        yield database


@pytest.fixture
def db_session(app: Cruse, db_sandbox: Database) -> Iterator[DatabaseSession]:
    """A session in the sandbox, for factories of rows and for looking at them."""
    with app.app_context():
        yield db_sandbox.session


@pytest.fixture
def capture_on_commit(app: Cruse) -> Iterator[list[Callable[[], Any]]]:
    """The functions that wait for a commit, which are not called."""
    with capture(app.extensions["db"]) as functions:
        yield functions


@pytest.fixture
def query_log(app: Cruse) -> Iterator[QueryLog]:
    """What is sent to the database during the test: ``assert len(query_log) == 2``."""
    with app.app_context():
        database: Database = app.extensions["db"].extension
        with database.count_queries() as log:
            yield log
