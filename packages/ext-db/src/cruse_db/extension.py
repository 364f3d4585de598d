"""The extension: a database for an application."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import literal, select

from cruse import Blueprint, Extension
from cruse_db.aio import AsyncDatabase
from cruse_db.keyset import KeysetPage
from cruse_db.models import Model
from cruse_db.pages import Page
from cruse_db.settings import DatabaseSettings
from cruse_db.state import DatabaseState
from cruse_db.sync import SyncDatabase

if TYPE_CHECKING:
    import click
    from sqlalchemy import MetaData

    from cruse import Cruse

__all__ = ["Database"]


class Database(Extension[DatabaseState], SyncDatabase):
    """A database, for sync code here and for async code in :attr:`aio`.

    Args:
        app: Bind it to this application at once.
        metadata: The tables that it creates and drops; those of :class:`Model` unless given.
    """

    name = "db"
    settings = DatabaseSettings
    prefix = "DB_"
    state_class = DatabaseState

    def __init__(self, app: Cruse | None = None, *, metadata: MetaData | None = None) -> None:
        self.metadata = Model.metadata if metadata is None else metadata
        #: The same for async code.
        self.aio = AsyncDatabase(self)
        super().__init__(app)

    # -- what an application has of it -----------------------------------------------------------

    def setup(self, state: DatabaseState) -> None:
        """Let views return pages."""
        state.app.register_response_type(Page, Page.as_dict)
        state.app.register_response_type(KeysetPage, KeysetPage.as_dict)

    def make_blueprint(self, state: DatabaseState) -> Blueprint:
        """Return a blueprint with the templates of this package and no views."""
        return Blueprint("cruse_db", __name__, template_folder="templates")

    def shutdown(self, state: DatabaseState) -> None:
        """Close all connections."""
        for engines in state.all():
            engines.close()

    def shell_context(self, state: DatabaseState) -> dict[str, Any]:
        """Return ``db``, ``select`` and the models."""
        models = {mapper.class_.__name__: mapper.class_ for mapper in Model.registry.mappers}
        return {**models, "db": self, "select": select}

    def commands(self, state: DatabaseState) -> click.Group:
        """Return ``cruse db``."""
        from cruse_db.commands import make_group

        return make_group(self)

    def health(self, state: DatabaseState) -> dict[str, object]:
        """Ask the database for an answer.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: When it gives none.
        """
        with state.engines.sync.connect() as connection:
            connection.execute(select(literal(1)))
            return {"database": connection.dialect.name}
