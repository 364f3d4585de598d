"""A PostgreSQL server that goes away and comes back, under an application that stays."""

import asyncio
import logging

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from cruse import Cruse
from cruse_db import Database

FACES = ("wsgi", "asgi")
DRIVERS = ("psycopg", "asyncpg")
ASKS_BOTH = pytest.mark.parametrize("path", ["/plain", "/async"])


@pytest.fixture(scope="module")
def server(postgres_of_its_own):
    """A server that is away until it is started."""
    return postgres_of_its_own


@pytest.fixture(params=DRIVERS)
def app(server, request):
    app = Cruse(__name__, static_folder=None)
    where = f"cruse:s3cr3t@/postgres?host={server.folder}"
    app.config.update(
        DB_URL=f"postgresql+{request.param}://{where}",
        DB_POOL_SIZE=1,
        DB_POOL_OVERFLOW=0,
        DB_POOL_TIMEOUT=0.2,
        PROPAGATE_EXCEPTIONS=False,
    )
    db = Database(app)

    @app.get("/plain")
    def plain():
        return str(db.session.scalar(text("SELECT 7")))

    @app.get("/async")
    async def from_async():
        return str(await db.aio.session.scalar(text("SELECT 7")))

    @app.get("/cut")
    async def cut():
        await db.aio.session.scalar(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        return "unreachable"

    @app.get("/wrong")
    def wrong():
        return str(db.session.scalar(text("SELECT it FROM nowhere WHERE it = 'not for logs'")))

    @app.get("/late")
    def late():
        db.session.execute(text("SET statement_timeout = 10"))
        return str(db.session.scalar(text("SELECT pg_sleep(9)")))

    yield app
    app.stop()


@pytest.fixture(params=FACES)
def client(app, request):
    client = app.test_client(gateway=request.param)
    yield client
    client.close()


@ASKS_BOTH
def test_while_it_is_away_clients_are_told_to_come_back(client, caplog, path):
    answer = client.get(path, headers={"Accept": "application/json"})
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert answer.mimetype == "application/problem+json"
    (record,) = (record for record in caplog.records if record.levelno >= logging.ERROR)
    assert record.getMessage().startswith("The database cannot be reached: OperationalError: ")
    assert "\n" not in record.getMessage()
    assert record.exc_info is None
    assert "s3cr3t" not in caplog.text


@ASKS_BOTH
def test_it_is_used_again_as_soon_as_it_is_back(client, server, path):
    assert client.get(path).status_code == 503
    server.start()
    try:
        assert client.get(path).text == "7"
    finally:
        server.stop()
    assert client.get(path).status_code == 503
    server.start()
    try:
        assert client.get(path).text == "7"
    finally:
        server.stop()


@pytest.fixture
def running(server):
    server.start()
    yield
    server.stop()


@pytest.mark.usefixtures("running")
def test_a_connection_that_ends_within_a_query_is_no_fault_of_the_query(client, caplog):
    assert client.get("/cut").status_code == 503
    assert "The database cannot be reached" in caplog.text
    assert "Traceback" not in caplog.text
    assert client.get("/async").text == "7"


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize("path", ["/wrong", "/late"])
def test_a_query_that_fails_is_still_an_error_of_the_code(client, caplog, path):
    assert client.get(path).status_code == 500
    assert "Traceback" in caplog.text


@ASKS_BOTH
@pytest.mark.usefixtures("running")
def test_a_server_that_lets_nobody_in_is_away_with_every_driver(app, client, caplog, path):
    app.config["DB_URL"] = app.config["DB_URL"].replace("/postgres?", "/nowhere?")
    assert client.get(path).status_code == 503
    assert 'database "nowhere" does not exist' in caplog.text
    assert "Traceback" not in caplog.text


@pytest.mark.usefixtures("running")
def test_a_pool_that_is_used_up_is_told_likewise(app, caplog):
    db = app.extensions["db"].extension

    async def main():
        async with app.app_context():
            await db.aio.session.scalar(text("SELECT 1"))  # has the only connection
            answer = await app.async_test_client().get("/async")
        await app.stop_on_loop()
        return answer

    answer = asyncio.run(main())
    assert answer.status_code == 503
    assert "No connection to the database is free: QueuePool limit of size 1" in caplog.text


@ASKS_BOTH
def test_handlers_for_the_errors_of_the_database_go_first(app, client, path):
    app.register_error_handler(OperationalError, lambda error: ("Gone fishing.", 418))
    assert client.get(path).status_code == 418


@ASKS_BOTH
def test_in_debug_mode_the_debugger_has_the_error(app, client, path):
    app.config.update(DEBUG=True, PROPAGATE_EXCEPTIONS=None)
    with pytest.raises(OperationalError):
        client.get(path)
