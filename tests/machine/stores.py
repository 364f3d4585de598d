"""The contracts of cruse-auth's stores, on PostgreSQL."""

import pytest
from sqlalchemy import MetaData

from cruse_db import Database


class OnPostgres:
    """Goes in front of a contract: its stores are in an empty database of the server's."""

    #: The class of the store.
    store_class = None

    @pytest.fixture(autouse=True)
    def server(self, postgres_url):
        self.url = postgres_url

    def make_store(self, app):
        app.config["DB_URL"] = self.url
        db = Database(app, metadata=MetaData())
        store = self.store_class(db)
        db.create_all()
        return store
