"""The extension as an application has it: settings, commands, shell, health."""

import asyncio

import pytest
from sqlalchemy import MetaData, create_engine, inspect
from sqlalchemy.exc import OperationalError

from cruse import Cruse
from cruse.extension import SettingsError
from cruse.testing.contract import ExtensionContract
from cruse_db import Database, Mapped, Model, column


class Base(Model):
    __abstract__ = True
    metadata = MetaData()


class Plant(Base):
    id: Mapped[int] = column(primary_key=True)


class Animal(Base):
    id: Mapped[int] = column(primary_key=True)


class TestContract(ExtensionContract):
    config = {"DB_URL": "sqlite:///:memory:"}

    def make_extension(self):
        return Database()


@pytest.fixture
def app(tmp_path):
    return Cruse("zoo", instance_path=str(tmp_path))


@pytest.fixture
def db(app):
    return Database(app, metadata=Base.metadata)


@pytest.fixture
def runner(app, db):
    return app.test_cli_runner()


def tables(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path}/app.db")
    try:
        return inspect(engine).get_table_names()
    finally:
        engine.dispose()


# -- settings --------------------------------------------------------------------------------


def test_a_url_that_is_none_stops_the_start_without_being_shown(app, db):
    app.config["DB_URL"] = "postgres:/ada:s3cr3t@db.example/shop"
    with pytest.raises(SettingsError, match="DB_") as caught:
        app.start()
    assert "could not be read" in str(caught.value)
    assert "s3cr3t" not in str(caught.value)


def test_a_misspelt_setting_stops_the_start_and_says_what_there_is(app, db):
    app.config["DB_URI"] = "sqlite:///shop.db"
    with pytest.raises(SettingsError, match=r"Unknown setting 'DB_URI'.*DB_URL"):
        app.start()


def test_settings_show_no_secret(app, db):
    app.config["DB_URL"] = "postgresql://ada:s3cr3t@db.example/shop?sslmode=require"
    state = db.state_of(app)
    for text in (repr(state.settings), repr(state.engines.url), str(state.engines.url)):
        assert "s3cr3t" not in text


def test_settings_come_from_the_environment_as_well(app, db, tmp_path, monkeypatch):
    monkeypatch.setenv("CRUSE_DB_URL", "sqlite:///other.db")
    monkeypatch.setenv("CRUSE_DB_POOL_SIZE", "3")
    app.config.from_prefixed_env()
    assert db.state_of(app).settings.pool_size == 3
    assert db.state_of(app).engines.url.database == str(tmp_path / "other.db")


# -- tables ----------------------------------------------------------------------------------


def test_create_makes_what_is_missing_and_says_what(runner, tmp_path):
    result = runner.invoke(args=["db", "create"])
    assert result.exit_code == 0, result.output
    assert "created animal, plant." in result.output
    assert tables(tmp_path) == ["animal", "plant"]
    again = runner.invoke(args=["db", "create"])
    assert (again.exit_code, "nothing to create" in again.output) == (0, True)


def test_a_password_is_not_shown(app, runner):
    app.config["DB_URL"] = "postgresql://ada:s3cr3t@127.0.0.1:1/shop?connect_timeout=1"
    result = runner.invoke(args=["db", "drop"], input="n\n")
    assert result.exit_code == 1
    assert "ada:***@127.0.0.1" in result.output
    assert "s3cr3t" not in result.output


def test_drop_asks_first(runner, tmp_path):
    runner.invoke(args=["db", "create"])
    refused = runner.invoke(args=["db", "drop"], input="n\n")
    assert refused.exit_code == 1
    assert "drop animal, plant?" in refused.output
    assert tables(tmp_path) == ["animal", "plant"]
    agreed = runner.invoke(args=["db", "drop"], input="y\n")
    assert (agreed.exit_code, "dropped animal, plant." in agreed.output) == (0, True)
    assert tables(tmp_path) == []


def test_drop_does_not_ask_when_told_so(runner, tmp_path):
    runner.invoke(args=["db", "create"])
    assert runner.invoke(args=["db", "drop", "--yes"]).exit_code == 0
    assert tables(tmp_path) == []
    again = runner.invoke(args=["db", "drop", "--yes"])
    assert (again.exit_code, "nothing to drop" in again.output) == (0, True)


@pytest.mark.parametrize("command", ["create", "drop"])
def test_without_models_it_says_how_they_become_known(app, command):
    Database(app, metadata=MetaData())
    result = app.test_cli_runner().invoke(args=["db", command])
    assert result.exit_code == 1
    assert "'zoo' has no models" in result.output
    assert "import" in result.output


def test_tables_can_be_created_and_dropped_by_the_application(app, db, tmp_path):
    with app.app_context():
        assert db.create_all() == ["animal", "plant"]
        assert db.create_all() == []
        assert db.drop_all() == ["animal", "plant"]
        assert db.drop_all() == []


def test_tables_can_be_created_and_dropped_on_a_loop(app, db):
    async def main():
        with app.app_context():
            created = [await db.aio.create_all(), await db.aio.create_all()]
            return created, [await db.aio.drop_all(), await db.aio.drop_all()]

    assert asyncio.run(main()) == ([["animal", "plant"], []], [["animal", "plant"], []])


# -- shell and health ------------------------------------------------------------------------


def test_the_shell_has_the_database_and_the_models(app, db):
    with app.app_context():
        names = app.make_shell_context()
    assert names["db"] is db
    assert names["Plant"] is Plant
    assert "select" in names


def test_a_database_that_answers_is_healthy(app, db):
    assert db.health(db.state_of(app)) == {
        "database": "sqlite",
        "pool": {"in_use": 0, "size": 40},
    }


def test_a_database_that_does_not_answer_is_not(app, db, tmp_path):
    (tmp_path / "app.db").mkdir()
    with pytest.raises(OperationalError):
        db.health(db.state_of(app))
