"""What ``cruse check --deploy`` tells of a database before it surprises somebody."""

import pytest
from sqlalchemy import MetaData

from cruse import Cruse
from cruse.checks import find_all
from cruse_db import Database, IntegerKey, Model


class CheckBase(Model):
    __abstract__ = True
    metadata = MetaData()


class Ladder(IntegerKey, CheckBase):
    pass


db = Database(metadata=CheckBase.metadata)


@pytest.fixture
def find(tmp_path):
    """Returns what is found, by subject."""

    def find(deploy=True, **config):
        app = Cruse(__name__, root_path=str(tmp_path), instance_path=str(tmp_path))
        app.config.update(config)
        app.use(db)
        with app.app_context():
            found = find_all(app, deploy)
        app.stop()
        return {each.subject: each for each in found if each.subject.startswith("DB_")}

    return find


@pytest.fixture
def run(tmp_path):
    def run(*arguments):
        app = Cruse(__name__, root_path=str(tmp_path), instance_path=str(tmp_path))
        app.config["DB_URL"] = "sqlite:///app.db"
        app.use(db)
        result = app.test_cli_runner().invoke(args=["db", *arguments])
        app.stop()
        assert result.exit_code == 0, result.output

    return run


def test_rows_that_nobody_keeps_are_told(find, tmp_path):
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations/env.py").write_text("")
    (tmp_path / "migrations/versions").mkdir()
    assert f"the rows are in sqlite:///{tmp_path}/app.db" in find()["DB_URL"].message


def test_a_database_in_memory_is_an_error(find):
    found = find(DB_URL="sqlite:///:memory:")["DB_URL"]
    assert (found.level, "in memory" in found.message) == ("error", True)


def test_models_without_migrations_are_told(find):
    found = find(DB_URL="sqlite:///app.db")["DB_URL"]
    assert (found.level, "no migrations" in found.message) == ("warning", True)


def test_migrations_that_wait_are_an_error(find, run):
    run("migrate", "-m", "ladders")
    found = find(DB_URL="sqlite:///app.db")["DB_URL"]
    assert (found.level, "lacks 1 of the migrations" in found.message) == ("error", True)
    assert find(deploy=False, DB_URL="sqlite:///app.db") == {}
    run("upgrade")
    assert find(DB_URL="sqlite:///app.db") == {}


def test_a_revision_without_a_file_is_an_error(find, run, tmp_path):
    run("migrate", "-m", "ladders")
    run("upgrade")
    for path in (tmp_path / "migrations/versions").glob("*.py"):
        path.unlink()
    (tmp_path / "migrations/HEAD").unlink()
    assert "of which there is no file" in find(DB_URL="sqlite:///app.db")["DB_URL"].message


def test_a_server_that_is_away_is_an_error_without_the_password(find, run):
    run("migrate", "-m", "ladders")
    found = find(DB_URL="postgresql://ada:s3cr3t@127.0.0.1:9/shop")["DB_URL"]
    assert "gives no answer (OperationalError)" in found.message
    assert "s3cr3t" not in found.message


def test_every_statement_in_the_log_is_a_warning(find):
    assert find(DB_URL="sqlite:///app.db", DB_ECHO=True)["DB_ECHO"].level == "warning"
