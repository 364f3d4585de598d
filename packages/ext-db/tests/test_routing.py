"""Several databases, replicas and tenants: which one a statement goes to."""

import pytest
from sqlalchemy import MetaData, text

from cruse import Cruse
from cruse_db import Database, IntegerKey, Mapped, Model, func, select
from cruse_db.models import bind_metadata


class Base(Model):
    __abstract__ = True
    metadata = MetaData()


class Item(IntegerKey, Base):
    name: Mapped[str]


class Visit(IntegerKey, Model):
    __bind_key__ = "routed"
    __tablename__ = "routed_visit"

    page: Mapped[str]


db = Database(metadata=Base.metadata)


@pytest.fixture
def make_app(tmp_path):
    made = []

    def make(**config):
        app = Cruse(__name__, instance_path=str(tmp_path))
        app.config.update(DB_URL="sqlite:///first.db", SECRET_KEY="tests", **config)
        app.use(db)
        made.append(app)
        with app.app_context():
            db.create_all()
        return app

    yield make
    for app in made:
        app.stop()


# -- several databases -----------------------------------------------------------------------


def test_a_model_says_which_database_it_is_in(make_app, tmp_path):
    app = make_app(DB_BINDS={"routed": "sqlite:///second.db"})
    with app.app_context():
        with db.transaction() as session:
            session.add_all([Item(name="a"), Visit(page="/")])
        assert db.session.scalar(select(func.count(Visit.id))) == 1
        assert db.get(Visit, 1).page == "/"
        first = db.session.execute(text("SELECT name FROM sqlite_master")).scalars().all()
    assert "item" in first
    assert "routed_visit" not in first
    assert (tmp_path / "second.db").exists()
    assert set(bind_metadata("routed").tables) == {"routed_visit"}


def test_a_database_that_is_not_in_the_settings_is_named(make_app):
    app = make_app(DB_BINDS={"other": "sqlite:///second.db"})
    with app.app_context(), pytest.raises(LookupError, match=r"'routed'.*other"):
        db.get(Visit, 1)


# -- replicas --------------------------------------------------------------------------------


@pytest.fixture
def replicated(make_app, tmp_path):
    """Two "replicas" that are files of their own, so that it shows which one was read."""
    for name in ("one", "two"):
        app = Cruse(name, instance_path=str(tmp_path))
        app.config["DB_URL"] = f"sqlite:///{name}.db"
        app.use(db)
        with app.app_context():
            db.create_all()
            with db.begin() as session:
                session.add(Item(name=name))
        app.stop()
    app = make_app(DB_REPLICAS=("sqlite:///one.db", "sqlite:///two.db"))
    add_views(app)
    with app.app_context(), db.begin() as session:
        session.add(Item(name="primary"))
    return app


def add_views(app):
    names = select(Item.name).order_by(Item.id).limit(1)

    @app.get("/sync")
    def read():
        with db.replica():
            return [db.session.scalar(names) for _ in range(5)]

    @app.get("/async")
    async def read_async():
        with db.replica():
            return [await db.aio.session.scalar(names) for _ in range(5)]

    @app.get("/primary")
    def primary():
        return [db.session.scalar(names)]

    @app.post("/written")
    def written():
        with db.replica():
            before = db.session.scalar(names)
            db.session.add(Item(id=0, name="new"))
            db.session.commit()
            return [before, db.session.scalar(names)]


@pytest.fixture(params=["wsgi", "asgi"])
def client(replicated, request):
    client = replicated.test_client(gateway=request.param)
    yield client
    client.close()


@pytest.mark.parametrize("colour", ["sync", "async"])
def test_all_of_a_request_is_read_from_one_replica(client, colour):
    answers = [client.get(f"/{colour}").json for _ in range(12)]
    assert all(len(set(answer)) == 1 for answer in answers)
    assert {answer[0] for answer in answers} <= {"one", "two"}
    assert client.get("/primary").json == ["primary"]


def test_who_has_written_reads_what_was_written(client):
    before, after = client.post("/written").json
    assert before in {"one", "two"}
    assert after == "new"
    assert client.get("/sync").json == ["new"] * 5  # for a while: replicas lag behind


def test_when_no_replica_answers_the_primary_does_and_it_is_said_once(
    replicated, client, tmp_path, caplog
):
    for name in ("one", "two"):
        state = db.state_of(replicated)
        for engines in state.replicas():
            engines.close()
        for path in tmp_path.glob(f"{name}.db*"):
            path.unlink()
        (tmp_path / f"{name}.db").mkdir()
    for _ in range(3):
        assert client.get("/sync").json == ["primary"] * 5
    said = [record for record in caplog.records if "does not answer" in record.message]
    assert len(said) == 2  # once for each


# -- tenants ---------------------------------------------------------------------------------


def test_each_tenant_may_have_a_database_of_its_own(make_app, tmp_path):
    app = make_app(DB_TENANT_URL="sqlite:///tenants/{tenant}.db")
    with app.app_context():
        for name in ("acme", "beta"):
            with db.tenant(name):
                Base.metadata.create_all(db.session.get_bind())
                with db.transaction() as session:
                    session.add(Item(name=name))
        for name in ("acme", "beta"):
            with db.tenant(name):
                assert db.session.scalars(select(Item.name)).all() == [name]
        assert db.session.scalars(select(Item.name)).all() == []
    assert (tmp_path / "tenants/acme.db").exists()


def test_otherwise_a_tenant_is_a_schema(make_app):
    app = make_app()
    with app.app_context(), db.tenant("acme"):
        statement = str(
            select(Item).compile(db.engine, schema_translate_map={None: "acme"}, compile_kwargs={})
        )
        assert "item" in statement
        options = db.session.connection().get_execution_options()
        assert options["schema_translate_map"] == {None: "acme"}


@pytest.mark.parametrize("name", ["", "../etc", "a b", "a;DROP", "1st", "x" * 64, "ü"])
def test_a_name_that_no_tenant_has_is_refused(make_app, name):
    app = make_app(DB_TENANT_URL="sqlite:///tenants/{tenant}.db")
    with app.app_context(), pytest.raises(ValueError, match="tenant"), db.tenant(name):
        pass
