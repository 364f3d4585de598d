"""One session per context: opened at first touch, closed at the end, nobody else's."""

import asyncio

import pytest
from sqlalchemy import MetaData, event
from sqlalchemy.exc import IntegrityError

from cruse import Cruse, g, websocket
from cruse_db import Database, Mapped, Model, column, func, select


class Base(Model):
    __abstract__ = True
    metadata = MetaData()


class Item(Base):
    id: Mapped[int] = column(primary_key=True)
    name: Mapped[str] = column(unique=True)


db = Database(metadata=Base.metadata)
COLOURS = ("sync", "async")


@pytest.fixture
def app(tmp_path):
    app = Cruse(__name__, instance_path=str(tmp_path))
    app.config.update(PROPAGATE_EXCEPTIONS=False)
    app.use(db)
    add_views(app)
    with app.app_context():
        db.create_all()
    yield app
    app.stop()


def add_views(app):
    add_writing_views(app)
    add_reading_views(app)


def add_writing_views(app):
    @app.post("/sync/add/<name>")
    def add(name):
        db.session.add(Item(name=name))
        db.session.flush()
        if name.startswith("bad"):
            raise ArithmeticError(name)
        if not name.startswith("forgotten"):
            db.session.commit()
        return name

    @app.post("/async/add/<name>")
    async def add_async(name):
        db.aio.session.add(Item(name=name))
        await db.aio.session.flush()
        if name.startswith("bad"):
            raise ArithmeticError(name)
        if not name.startswith("forgotten"):
            await db.aio.session.commit()
        return name


def add_reading_views(app):
    @app.get("/sync/names")
    def names():
        return db.session.scalars(select(Item.name).order_by(Item.name)).all()

    @app.get("/async/names")
    async def names_async():
        return (await db.aio.session.scalars(select(Item.name).order_by(Item.name))).all()

    @app.get("/sync/same")
    def same():
        return {"same": db.session is db.session}

    @app.get("/async/same")
    async def same_async():
        return {"same": db.aio.session is db.aio.session}

    @app.get("/untouched")
    def untouched():
        return "ok"


def stored(app):
    with app.app_context():
        return db.session.scalars(select(Item.name).order_by(Item.name)).all()


@pytest.mark.parametrize("colour", COLOURS)
def test_what_is_committed_is_there_for_the_next_request(client, colour):
    assert client.post(f"/{colour}/add/lamp").status_code == 200
    assert client.get("/sync/names").json == ["lamp"]
    assert client.get("/async/names").json == ["lamp"]


@pytest.mark.parametrize("colour", COLOURS)
def test_a_request_has_one_session(client, colour):
    assert client.get(f"/{colour}/same").json == {"same": True}


@pytest.mark.parametrize("colour", COLOURS)
def test_what_is_not_committed_is_rolled_back(app, client, colour):
    assert client.post(f"/{colour}/add/forgotten").status_code == 200
    assert stored(app) == []


@pytest.mark.parametrize("colour", COLOURS)
def test_a_view_that_fails_leaves_nothing(app, client, colour):
    assert client.post(f"/{colour}/add/bad").status_code == 500
    assert stored(app) == []


@pytest.mark.parametrize("colour", COLOURS)
def test_a_failed_request_does_not_disturb_the_next(client, colour):
    client.post(f"/{colour}/add/lamp")
    assert client.post(f"/{colour}/add/lamp").status_code == 500  # its name is taken
    assert client.post(f"/{colour}/add/desk").status_code == 200
    assert client.get(f"/{colour}/names").json == ["desk", "lamp"]


@pytest.mark.parametrize("colour", COLOURS)
def test_no_connection_stays_out_of_the_pool(app, client, colour):
    for name in ("one", "forgotten", "bad", "one"):
        client.post(f"/{colour}/add/{name}")
        client.get(f"/{colour}/names")
    with app.app_context():
        assert db.engine.pool.checkedout() == 0
    loops = db.state_of(app).engines.loop_engines
    assert [engine.pool.checkedout() for engine in loops] == [0] * len(loops)
    assert bool(loops) is (colour == "async")


@pytest.mark.parametrize("colour", COLOURS)
def test_a_teardown_that_fails_does_not_pass_a_session_on(app, client, colour):
    # Registered after the extension, so it runs before its teardown would.
    @app.teardown_appcontext
    def fail(error):
        raise ArithmeticError("a teardown of the application's own")

    for number in range(250):
        try:
            client.post(f"/{colour}/add/forgotten{number}")
        except* ArithmeticError:
            pass
        try:
            client.post(f"/{colour}/add/kept{number:03}")
        except* ArithmeticError:
            pass
    app.teardown_appcontext_funcs.remove(fail)
    assert stored(app) == [f"kept{number:03}" for number in range(250)]


def test_a_request_that_does_not_touch_it_opens_nothing(app, client):
    connects = []
    with app.app_context():
        db.engine.dispose()
        event.listen(db.engine, "connect", lambda *args: connects.append(args))
    assert client.get("/untouched").text == "ok"
    assert connects == []
    assert db.state_of(app).engines.loop_engines == []


def test_a_context_inside_of_another_has_its_own_session(app):
    with app.app_context():
        outer = db.session
        item = Item(name="outer")
        outer.add(item)
        with app.app_context():
            assert db.session is not outer
            db.session.add(Item(name="inner"))
            db.session.commit()
        assert db.session is outer
        assert item in outer
        outer.commit()
    assert stored(app) == ["inner", "outer"]


def test_what_was_added_and_not_stored_may_go_into_another_session(app):
    item = Item(name="new")
    with app.app_context():
        db.session.add(item)
        db.session.close()
        with db.begin() as other:
            other.add(item)
    assert stored(app) == ["new"]


def test_a_session_that_is_closed_within_a_savepoint_can_be_used_again(app):
    with app.app_context():
        session = db.session
        session.begin_nested()
        assert session.scalar(select(func.count()).select_from(Item)) == 0
        session.close()
        assert not session.in_nested_transaction()
        session.add(Item(name="after"))
        session.commit()
        assert db.engine.pool.checkedout() == 0
    assert stored(app) == ["after"]


def test_two_applications_have_their_own_databases(app, tmp_path):
    other = Cruse("other", instance_path=str(tmp_path / "other"))
    other.use(db)
    with other.app_context():
        db.create_all()
        db.session.add(Item(name="elsewhere"))
        db.session.commit()
        with app.app_context():
            assert db.session.scalar(select(func.count()).select_from(Item)) == 0
    assert (stored(app), stored(other)) == ([], ["elsewhere"])


def test_outside_of_a_context_it_says_how_to_enter_one():
    with pytest.raises(RuntimeError, match=r"app\.app_context\(\)"):
        _ = db.session


def test_attributes_can_be_read_after_the_commit(app):
    async def main():
        with app.app_context():
            item = Item(name="lamp")
            db.aio.session.add(item)
            await db.aio.session.commit()
            return item.name

    assert asyncio.run(main()) == "lamp"


def test_a_hook_and_a_view_share_the_session_of_their_colour(app, client):
    @app.before_request
    def open_session():
        g.early = db.session

    @app.before_request
    async def open_session_on_loop():
        g.early_on_loop = db.aio.session

    @app.get("/shared/sync")
    def shared():
        return {"shared": g.early is db.session}

    @app.get("/shared/async")
    async def shared_async():
        return {"shared": g.early_on_loop is db.aio.session}

    assert client.get("/shared/sync").json == {"shared": True}
    assert client.get("/shared/async").json == {"shared": True}


def test_an_error_handler_can_roll_back_and_go_on(app, client):
    @app.errorhandler(IntegrityError)
    def taken(error):
        db.session.rollback()
        return {"names": db.session.scalars(select(Item.name)).all()}, 409

    client.post("/sync/add/lamp")
    response = client.post("/sync/add/lamp")
    assert (response.status_code, response.json) == (409, {"names": ["lamp"]})


# -- sync sessions and event loops -----------------------------------------------------------


def test_in_an_async_view_the_sync_session_is_refused_with_what_to_write(app, client):
    app.testing = True
    app.config["PROPAGATE_EXCEPTIONS"] = True

    @app.get("/wrong")
    async def wrong():
        return str(db.session)

    with pytest.raises(RuntimeError, match=r"await db\.aio\.session"):
        client.get("/wrong")


def test_it_is_refused_as_well_when_a_hook_has_opened_it(app, client):
    app.before_request(lambda: db.session and None)

    @app.get("/wrong")
    async def wrong():
        return str(db.session)

    assert client.get("/wrong").status_code == 500


@pytest.mark.parametrize("gateway", ["wsgi", "asgi"])
def test_a_setting_allows_it(tmp_path, gateway):
    app = Cruse(__name__, instance_path=str(tmp_path))
    app.config["DB_SYNC_ON_LOOP"] = True
    app.use(db)

    @app.get("/allowed")
    async def allowed():
        db.create_all()
        return db.session.scalars(select(Item.name)).all()

    client = app.test_client(gateway=gateway)
    assert client.get("/allowed").json == []
    client.close()
    app.stop()


def test_a_sync_view_finds_no_loop_for_the_async_session(app, client):
    app.config["PROPAGATE_EXCEPTIONS"] = True

    @app.get("/wrong")
    def wrong():
        return str(db.aio.session)

    with pytest.raises(RuntimeError, match=r"In sync code use 'db\.session'"):
        client.get("/wrong")


# -- streams, tasks, cancellation ------------------------------------------------------------


@pytest.mark.parametrize("colour", COLOURS)
def test_a_streamed_body_reads_with_the_session_of_its_request(app, client, colour):
    @app.get("/sync/stream")
    def stream():
        def lines():
            for name in db.session.scalars(select(Item.name).order_by(Item.name)):
                yield name + "\n"

        return lines()

    @app.get("/async/stream")
    async def stream_async():
        async def lines():
            statement = select(Item.name).order_by(Item.name)
            async for name in await db.aio.session.stream_scalars(statement):
                yield name + "\n"

        return lines()

    for name in ("a", "b", "c"):
        client.post(f"/sync/add/{name}")
    with client.get(f"/{colour}/stream") as response:
        assert response.text == "a\nb\nc\n"
    with app.app_context():
        assert db.engine.pool.checkedout() == 0


def test_a_cancelled_request_is_rolled_back_and_gives_its_connection_back(app):
    running = asyncio.Queue()

    @app.post("/slow")
    async def slow():
        db.aio.session.add(Item(name="never"))
        await db.aio.session.flush()
        running.put_nowait(asyncio.current_task())
        await asyncio.Event().wait()

    async def main():
        client = app.async_test_client()
        for _ in range(5):
            request = asyncio.create_task(client.post("/slow"))
            (await running.get()).cancel()  # as a server does whose client has left
            await asyncio.wait([request])
            assert request.cancelled() or request.exception()
        (engine,) = db.state_of(app).engines.loop_engines
        assert engine.pool.checkedout() == 0
        return (await client.get("/async/names")).json

    assert asyncio.run(main()) == []


def test_a_websocket_has_a_session_and_may_open_more(app):
    @app.websocket("/items")
    async def items():
        async for name in websocket:
            async with db.aio.begin() as session:
                session.add(Item(name=name))
            await websocket.send(str(len((await db.aio.session.scalars(select(Item))).all())))
            await db.aio.session.close()  # it waits for the client, without a connection

    client = app.test_client(gateway="asgi")
    with client.websocket("/items") as socket:
        for number, name in enumerate(("one", "two"), 1):
            socket.send(name)
            assert socket.receive() == str(number)
    loops = db.state_of(app).engines.loop_engines
    assert [engine.pool.checkedout() for engine in loops] == [0] * len(loops)
    client.close()
    assert stored(app) == ["one", "two"]


def test_tasks_outside_of_requests_have_sessions_of_their_own(app):
    async def work(name):
        async with db.aio.begin() as session:
            session.add(Item(name=name))

    async def main():
        with app.app_context():
            await asyncio.gather(*(work(name) for name in "abc"))

    asyncio.run(main())
    assert stored(app) == ["a", "b", "c"]
