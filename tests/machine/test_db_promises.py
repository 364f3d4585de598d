"""What a real PostgreSQL shows of promises: no secret, no open transaction, no slow page."""

import io
import json
import socket
import threading

import psycopg
import pytest
from sqlalchemy import MetaData, event, text
from sqlalchemy.exc import DBAPIError
from werkzeug.test import EnvironBuilder, run_wsgi_app

from cruse import Cruse, request
from cruse.debugger import Debugger
from cruse_db import Database, IntegerKey, Mapped, Model, StoredFile, column, func, select
from cruse_uploads import MemoryStorage, Stored, Uploads


class Base(Model):
    __abstract__ = True
    metadata = MetaData()


uploads = Uploads(storage=lambda app: MemoryStorage())
scans = uploads.set("scans", allow=("txt",))


class Parcel(IntegerKey, Base):
    label: Mapped[str]
    scan: Mapped[Stored | None] = column(StoredFile(scans, owned=True))


db = Database(metadata=Base.metadata)


@pytest.fixture
def make_app(postgres_url):
    made = []

    def make(url=postgres_url, **config):
        app = Cruse(__name__)
        app.secret_key = "of these tests"
        app.config.update({"DB_URL": url, **config})
        app.use(db)
        made.append(app)
        return app

    yield make
    for app in made:
        app.stop()


@pytest.fixture
def app(make_app):
    app = make_app()
    with app.app_context():
        db.create_all()
    return app


@pytest.fixture
def server(postgres_url):
    """A connection to the database that is not the application's."""
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize("gateway", ["wsgi", "asgi"])
@pytest.mark.parametrize("colour", ["sync", "async"])
def test_a_body_that_is_streamed_leaves_no_transaction_open_between_its_reads(
    app, server, gateway, colour
):
    states = []

    def note():
        found = server.execute(
            "SELECT DISTINCT state FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        states.extend(state for (state,) in found)

    @app.get("/sync")
    def read():
        def parts():
            for _ in range(3):
                yield f"{db.session.scalar(select(func.count(Parcel.id)))}"
                note()

        return parts()

    @app.get("/async")
    async def read_async():
        async def parts():
            for _ in range(3):
                yield f"{await db.aio.session.scalar(select(func.count(Parcel.id)))}"
                note()

        return parts()

    client = app.test_client(gateway=gateway)
    assert client.get(f"/{colour}").text == "000"
    assert set(states) == {"idle"}
    client.close()


@pytest.mark.parametrize("place", ["cruse:s3cr3t@{server}", "cruse@{server}&password=s3cr3t"])
@pytest.mark.parametrize("driver", ["postgresql", "postgresql+asyncpg"])
def test_a_password_is_shown_nowhere(make_app, postgres_url, place, driver):
    server = postgres_url.partition("@")[2]
    app = make_app(f"{driver}://{place.format(server=server)}", PROPAGATE_EXCEPTIONS=True)

    @app.get("/")
    def fail():
        return str(db.session.execute(text("SELECT nonsense")))

    shown = [
        app.test_cli_runner().invoke(args=["db", name]).output for name in ("status", "health")
    ]
    assert '"database": "postgresql"' in shown[0]
    with app.app_context():
        shown += [str(db.engine.url), repr(db.engine), repr(db.state.engines.url)]
        with pytest.raises(DBAPIError) as caught:
            db.session.execute(text("SELECT nonsense"))
        shown.append(repr(caught.value))
    page = Debugger(app.wsgi_app, lambda: app, "localhost")
    environ = EnvironBuilder("/").get_environ()
    body, _, _ = run_wsgi_app(page, environ, buffered=True)
    shown.append(b"".join(body).decode())
    assert "nonsense" in shown[-1]
    assert [found for found in shown if "s3cr3t" in found] == []


def test_page_fifty_thousand_costs_what_the_first_does(app):
    asked = []

    def note(connection, cursor, statement, parameters, context, many):
        asked.append((statement, parameters))

    with app.app_context():
        db.session.execute(
            text("INSERT INTO parcel (label) SELECT 'x' || n FROM generate_series(1, 1000000) n")
        )
        db.session.commit()
        db.session.execute(text("ANALYZE parcel"))
        db.session.commit()
        event.listen(db.engine, "after_cursor_execute", note)
        try:
            first = db.paginate_by_key(select(Parcel), Parcel.id, per_page=19)
            deep = db.paginate_by_key(
                select(Parcel), Parcel.id, per_page=19, cursor=cursor_at(950_000)
            )
        finally:
            event.remove(db.engine, "after_cursor_execute", note)
        assert (first.items[0].id, deep.items[0].id) == (1, 950_001)
        blocks = [blocks_read(*each) for each in asked]
    assert blocks[-1] <= 2 * blocks[0]


def cursor_at(number):
    """Return the cursor behind a row, as the page that ends there has it."""
    return db.paginate_by_key(
        select(Parcel).where(Parcel.id >= number), Parcel.id, per_page=1
    ).next


def blocks_read(statement, parameters):
    explain = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}"
    raw = db.session.connection().exec_driver_sql(explain, parameters).scalar()
    found = raw if isinstance(raw, list) else json.loads(raw)
    plan = found[0]["Plan"]
    return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


def test_a_server_that_says_nothing_makes_the_process_unready_in_time(make_app):
    silent = socket.create_server(("127.0.0.1", 0))
    app = make_app(
        f"postgresql://cruse@127.0.0.1:{silent.getsockname()[1]}/shop",
        HEALTH_READY_PATH="/ready",
        HEALTH_TIMEOUT=0.2,
    )
    answer = app.test_client().get("/ready")
    assert (answer.status_code, answer.json["checks"]) == (503, {"db": "late"})
    hang_up = threading.Thread(target=lambda: silent.accept()[0].close())
    hang_up.start()
    hang_up.join()
    silent.close()


def test_a_server_that_is_there_makes_it_ready(make_app, postgres_url):
    app = make_app(HEALTH_READY_PATH="/ready", HEALTH_TIMEOUT=30)
    answer = app.test_client().get("/ready")
    assert (answer.status_code, answer.json["checks"]) == (200, {"db": "ok"})


@pytest.mark.parametrize("gateway", ["wsgi", "asgi"])
@pytest.mark.parametrize("colour", ["sync", "async"])
def test_a_file_is_seen_with_its_row_and_goes_with_it(app, gateway, colour):
    app.use(uploads)

    def found():
        return select(Parcel).where(StoredFile.key_of(Parcel.scan) == request.args["key"])

    @app.post("/sync")
    @db.transaction
    def add():
        scan = scans.save(request.files["scan"], temporary=True)
        db.session.add(Parcel(label="scanned", scan=scan))
        return scan.key

    @app.post("/async")
    @db.transaction
    async def add_on_loop():
        scan = await scans.asave(request.files["scan"], temporary=True)
        db.aio.session.add(Parcel(label="scanned", scan=scan))
        return scan.key

    @app.delete("/sync")
    @db.transaction
    def remove():
        db.session.delete(db.one_or_404(found()))
        return ""

    @app.delete("/async")
    @db.transaction
    async def remove_on_loop():
        await db.aio.session.delete(await db.aio.one_or_404(found()))
        return ""

    client = app.test_client(gateway=gateway)
    key = client.post(f"/{colour}", data={"scan": (io.BytesIO(b"paper"), "a.txt")}).text
    with app.app_context():
        assert scans.exists(key)
    assert client.delete(f"/{colour}?key={key}").status_code == 200
    with app.app_context():
        assert not scans.exists(key)
    client.close()
