"""The same five things with the database in others: each as its documentation sets it up.

Each function returns ``{row: function}`` for plain code or ``{row: async function}`` for a loop;
``None`` instead of a URL is a fresh SQLite file in the folder.
"""

from contextlib import contextmanager

from sqlalchemy import (
    Column,
    Integer,
    MetaData,
    String,
    Table,
    bindparam,
    create_engine,
    insert,
    select,
)
from sqlalchemy.orm import Session, registry
from werkzeug.test import create_environ

ROWS = 2000
UNTOUCHED, TOUCHED, GET, REQUEST, LIST, INSERT = (
    "untouched",
    "touched, no SQL",
    "get by key",
    "get by key, whole request",
    "list of 20",
    "insert and commit",
)

metadata = MetaData()
table = Table(
    "item",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(50), nullable=False),
    Column("a", Integer, default=1, nullable=False),
    Column("b", Integer, default=2, nullable=False),
    Column("c", String(50), default="three", nullable=False),
)


class Item:
    def __init__(self, **values):
        for name, value in values.items():
            setattr(self, name, value)


registry(metadata=metadata).map_imperatively(Item, table)
TWENTY = select(Item).order_by(table.c.id).limit(20)
SEVENTH = select(Item).where(table.c.id == bindparam("key"))


def filled(url):
    """Make the table with its rows where there is none yet, and return the URL."""
    engine = create_engine(url)
    with engine.begin() as connection:
        if not engine.dialect.has_table(connection, "item"):
            metadata.create_all(connection)
            rows = [{"name": str(n)} for n in range(ROWS)]
            connection.execute(insert(table), rows)
    engine.dispose()
    return url


def whole_request(app, get):
    """Return a function that asks an application for what a view finds by its key, over WSGI."""
    environ = create_environ("/items/7")  # both frameworks have werkzeug
    app.get("/items/<int:key>")(get)

    def run():
        body = app(environ.copy(), lambda status, head: None)
        assert b"".join(body) == b"6"
        if hasattr(body, "close"):
            body.close()

    return run


def asynchronous(url):
    """Return the URL with the driver that most use on a loop."""
    return url.replace("sqlite://", "sqlite+aiosqlite://").replace("+psycopg", "+asyncpg")


def rows_of(enter, get):
    """Return the rows for a library whose session is SQLAlchemy's."""

    def in_context(work):
        def run():
            with enter() as find_session:
                work(find_session)

        return run

    def add(find_session):
        session = find_session()
        session.add(Item(name="x"))
        session.commit()

    return {
        UNTOUCHED: in_context(lambda find_session: None),
        TOUCHED: in_context(lambda find_session: find_session()),
        GET: in_context(lambda find_session: get(find_session())),
        LIST: in_context(lambda find_session: find_session().scalars(TWENTY).all()),
        INSERT: in_context(add),
    }


def async_rows_of(enter, get):
    """Return the rows for a library whose session is SQLAlchemy's ``AsyncSession``."""

    async def touch():
        async with enter():
            pass

    async def get_one():
        async with enter() as session:
            await get(session)

    async def get_list():
        async with enter() as session:
            (await session.scalars(TWENTY)).all()

    async def add():
        async with enter() as session:
            session.add(Item(name="x"))
            await session.commit()

    return {TOUCHED: touch, GET: get_one, LIST: get_list, INSERT: add}


def plain_sqlalchemy(url):
    engine = create_engine(filled(url))

    @contextmanager
    def enter():
        with Session(engine) as session:
            yield lambda: session

    rows = rows_of(enter, lambda session: session.get(Item, 7))
    del rows[UNTOUCHED]  # the session is made where it is asked for
    return rows


def plain_sqlalchemy_on_loop(url):
    from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

    engine = create_async_engine(asynchronous(filled(url)))
    return async_rows_of(lambda: AsyncSession(engine), lambda session: session.get(Item, 7))


def flask_sqlalchemy(url):
    from flask import Flask
    from flask_sqlalchemy import SQLAlchemy

    app = Flask("peer")
    app.config["SQLALCHEMY_DATABASE_URI"] = filled(url)
    db = SQLAlchemy(app)
    return in_flask(app, lambda: db.session())


def flask_sqlalchemy_lite(url):
    from flask import Flask
    from flask_sqlalchemy_lite import SQLAlchemy

    app = Flask("peer")
    app.config["SQLALCHEMY_ENGINES"] = {"default": filled(url)}
    db = SQLAlchemy(app)
    return in_flask(app, lambda: db.session)


def advanced_alchemy(url):
    from advanced_alchemy.extensions.flask import AdvancedAlchemy, SQLAlchemySyncConfig
    from advanced_alchemy.repository import SQLAlchemySyncRepository
    from flask import Flask

    class Items(SQLAlchemySyncRepository):
        model_type = Item

    app = Flask("peer")
    config = SQLAlchemySyncConfig(connection_string=filled(url))
    alchemy = AdvancedAlchemy(config, app)
    return in_flask(
        app, alchemy.get_sync_session, get=lambda session: Items(session=session).get(7)
    )


def advanced_alchemy_on_loop(url):
    from advanced_alchemy.config import SQLAlchemyAsyncConfig
    from advanced_alchemy.repository import SQLAlchemyAsyncRepository

    class Items(SQLAlchemyAsyncRepository):
        model_type = Item

    config = SQLAlchemyAsyncConfig(connection_string=asynchronous(filled(url)))
    return async_rows_of(config.get_session, lambda session: Items(session=session).get(7))


def in_flask(app, find_session, get=lambda session: session.get(Item, 7)):
    @contextmanager
    def enter():
        with app.app_context():
            yield find_session

    rows = rows_of(enter, get)
    rows[REQUEST] = whole_request(app, lambda key: get(find_session()).name)
    return rows


def django_model(url):
    """Return Django's model of the table; one database for each process."""
    import django
    from django.conf import settings
    from sqlalchemy import make_url

    parts = make_url(filled(url))
    if not settings.configured:
        database = {"ENGINE": "django.db.backends.sqlite3", "NAME": parts.database}
        if parts.get_backend_name() == "postgresql":
            database = {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": parts.database,
                "USER": parts.username,
                "PASSWORD": parts.password or "",
                "HOST": parts.query.get("host", parts.host or ""),
                "PORT": str(parts.port or ""),
            }
        # Connections are kept, as with all others here.
        settings.configure(DATABASES={"default": {**database, "CONN_MAX_AGE": None}})
        django.setup()
    from django.db import models

    class DjangoItem(models.Model):
        name = models.CharField(max_length=50)
        a = models.IntegerField(default=1)
        b = models.IntegerField(default=2)
        c = models.CharField(max_length=50, default="three")

        class Meta:
            app_label = "peer"
            db_table = "item"

    return DjangoItem


def django(url):
    model = django_model(url)
    from django.db import close_old_connections, connection

    def in_request(work):
        def run():
            close_old_connections()  # what Django does around each request
            work()
            close_old_connections()

        return run

    return {
        UNTOUCHED: in_request(lambda: None),
        TOUCHED: in_request(connection.ensure_connection),
        GET: in_request(lambda: model.objects.get(pk=7)),
        LIST: in_request(lambda: list(model.objects.order_by("pk")[:20])),
        INSERT: in_request(lambda: model.objects.create(name="x")),
    }


def django_on_loop(url):
    model = django_model(url)

    async def get_one():
        await model.objects.aget(pk=7)

    async def get_list():
        [item async for item in model.objects.order_by("pk")[:20]]

    async def add():
        await model.objects.acreate(name="x")

    return {GET: get_one, LIST: get_list, INSERT: add}


PEERS = {
    "SQLAlchemy": (plain_sqlalchemy, plain_sqlalchemy_on_loop),
    "Flask-SQLAlchemy": (flask_sqlalchemy, None),
    "Flask-SQLAlchemy-Lite": (flask_sqlalchemy_lite, None),
    "advanced-alchemy": (advanced_alchemy, advanced_alchemy_on_loop),
    "Django": (django, django_on_loop),
}
