"""What can be seen of the queries: logs, slow ones, and those that are too many."""

import pytest
from sqlalchemy import MetaData, text
from sqlalchemy.orm import selectinload
from werkzeug.test import Client

from cruse import Cruse
from cruse.debugger import Debugger
from cruse_db import Database, ForeignKey, IntegerKey, Mapped, Model, column, relationship, select
from cruse_db.loads import NPlusOneError


class Base(Model):
    __abstract__ = True
    metadata = MetaData()


class Writer(IntegerKey, Base):
    name: Mapped[str]
    posts: Mapped[list["Post"]] = relationship()


class Post(IntegerKey, Base):
    writer_id: Mapped[int] = column(ForeignKey("writer.id"))


db = Database(metadata=Base.metadata)


@pytest.fixture
def make_app(tmp_path):
    made = []

    def make_app(**config):
        app = Cruse(__name__, instance_path=str(tmp_path))
        app.config.update(config)
        app.use(db)
        made.append(app)
        with app.app_context():
            db.create_all()
            if not db.session.scalars(select(Writer)).all():
                with db.begin() as session:
                    session.add_all(Writer(name="hush", posts=[Post()]) for _ in range(5))
        add_views(app)
        return app

    yield make_app
    for app in made:
        app.stop()


def add_views(app):
    @app.get("/posts")
    def posts():
        writers = db.session.scalars(select(Writer))
        return [len(writer.posts) for writer in writers]

    @app.get("/posts/at-once")
    def at_once():
        writers = db.session.scalars(select(Writer).options(selectinload(Writer.posts)))
        return [len(writer.posts) for writer in writers]

    @app.get("/sync")
    def sync():
        db.session.scalars(select(Writer).where(Writer.name == "hush")).all()
        return str(len(db.queries))

    @app.get("/async")
    async def on_loop():
        (await db.aio.session.scalars(select(Writer).where(Writer.name == "hush"))).all()
        return str(len(db.queries))


@pytest.fixture(params=["wsgi", "asgi"])
def gateway(request):
    return request.param


@pytest.fixture
def get(gateway):
    clients = []

    def get(app, url):
        client = app.test_client(gateway=gateway)
        clients.append(client)
        return client.get(url)

    yield get
    for client in clients:
        client.close()


@pytest.mark.parametrize("colour", ["sync", "async"])
def test_each_request_has_a_log_of_its_own(make_app, get, colour):
    app = make_app(DB_QUERY_LOG=True)
    assert get(app, f"/{colour}").text == "1"
    assert get(app, f"/{colour}").text == "1"


def test_the_log_tells_statement_time_and_place_but_no_value(make_app):
    app = make_app(DB_QUERY_LOG=True)
    with app.app_context():
        db.session.scalars(select(Writer).where(Writer.name == "hush")).all()
        (query,) = db.queries
        assert query.statement.startswith("SELECT")
        assert query.seconds > 0
        assert "test_seeing.py:" in query.where
        assert "hush" not in repr(query)
        assert repr(db.queries).startswith("<QueryLog 1 queries")


@pytest.mark.parametrize("colour", ["sync", "async"])
def test_slow_queries_are_logged_without_their_values(make_app, get, caplog, colour):
    app = make_app(DB_SLOW_MS=0, REQUEST_ID_HEADER="X-Request-ID")
    caplog.clear()
    get(app, f"/{colour}")
    (record,) = [record for record in caplog.records if "Slow query" in record.message]
    assert " ms at " in record.message
    assert "test_seeing.py:" in record.message
    assert "[" in record.message.partition(":")[0]  # the id of the request
    assert "hush" not in record.message
    assert record.levelname == "WARNING"


def test_in_debug_mode_the_values_are_shown(make_app, caplog):
    app = make_app(DB_SLOW_MS=0, DEBUG=True)
    with app.app_context():
        db.session.scalars(select(Writer).where(Writer.name == "hush")).all()
    assert "hush" in caplog.text


@pytest.mark.parametrize("colour", ["sync", "async"])
def test_in_debug_mode_an_error_tells_the_queries_before_it(make_app, get, colour):
    app = make_app(DEBUG=True, TESTING=True)

    @app.get("/sync/fail")
    def fail():
        db.session.scalars(select(Writer).where(Writer.name == "hush")).all()
        raise ArithmeticError

    @app.get("/async/fail")
    async def fail_on_loop():
        (await db.aio.session.scalars(select(Writer).where(Writer.name == "hush"))).all()
        raise ArithmeticError

    with pytest.raises(ArithmeticError) as caught:
        get(app, f"/{colour}/fail")
    (note,) = caught.value.__notes__
    assert note.startswith("Queries so far: 1, in ")
    assert "test_seeing.py:" in note
    assert "FROM writer WHERE" in note
    assert "hush" not in note


def test_the_page_of_the_debugger_shows_them(make_app):
    app = make_app(DEBUG=True)

    @app.get("/fail")
    def fail():
        db.session.scalars(select(Writer.name)).all()
        raise ArithmeticError

    page = Client(Debugger(app, lambda: app, "localhost")).get("/fail").text
    assert "Queries so far: 1, in " in page
    assert "SELECT writer.name FROM writer" in page


def test_outside_of_debug_mode_an_error_tells_nothing(make_app, get):
    app = make_app(TESTING=True, DB_QUERY_LOG=True)

    @app.get("/fail")
    def fail():
        db.session.scalars(select(Writer.name)).all()
        raise ArithmeticError

    with pytest.raises(ArithmeticError) as caught:
        get(app, "/fail")
    assert not hasattr(caught.value, "__notes__")


def test_fast_queries_are_not_logged(make_app, caplog):
    app = make_app(DB_SLOW_MS=3_600_000)
    with app.app_context():
        db.session.execute(text("SELECT 1"))
    assert caplog.text == ""


def test_loading_one_by_one_is_logged_with_name_place_and_count(make_app, get, caplog):
    app = make_app(DB_N_PLUS_ONE="log")
    assert get(app, "/posts").json == [1] * 5
    assert "Writer.posts was loaded 5 times at" in caplog.text
    assert "test_seeing.py:" in caplog.text
    assert "selectinload(Writer.posts)" in caplog.text
    caplog.clear()
    get(app, "/posts/at-once")
    assert caplog.text == ""


def test_loading_one_by_one_can_be_an_error(make_app, get):
    app = make_app(DB_N_PLUS_ONE="raise", TESTING=True)
    with pytest.raises(NPlusOneError, match=r"Writer\.posts was loaded 3 times"):
        get(app, "/posts")
    assert get(app, "/posts/at-once").status_code == 200


def test_who_asks_for_nothing_has_no_listener(make_app):
    app = make_app()
    with app.app_context():
        for name in ("before_cursor_execute", "after_cursor_execute"):
            assert not getattr(db.engine.dispatch, name)
        assert type(db.session).__name__ == "DatabaseSession"


def test_queries_of_a_block_can_be_counted(make_app, get):
    app = make_app()
    with app.app_context(), db.count_queries() as log:
        get(app, "/posts/at-once")
        assert len(log) == 2
        assert "FROM post" in log[-1].statement
