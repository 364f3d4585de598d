import pytest
from flask import Flask
from flask_migrate import Migrate
from flask_migrate.cli import db as db_commands
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import inspect


@pytest.fixture
def app(tmp_path):
    app = Flask(__name__, root_path=str(tmp_path))
    app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{tmp_path}/app.db"
    db = SQLAlchemy(app)
    Migrate(app, db, directory=str(tmp_path / "migrations"))

    class Memo(db.Model):
        id = db.Column(db.Integer, primary_key=True)

    @app.get("/")
    def tables():
        return sorted(inspect(db.engine).get_table_names())

    yield app
    with app.app_context():
        db.engine.dispose()


def test_a_migration_is_written_and_applied(app, client_of):
    assert client_of(app).get("/").json == []
    runner = app.test_cli_runner()
    for args in (["init"], ["migrate", "-m", "first"], ["upgrade"]):
        done = runner.invoke(db_commands, args)
        assert done.exit_code == 0, done.output
    assert client_of(app).get("/").json == ["alembic_version", "memo"]


def test_its_commands_are_plugged_in(app):
    from flask.cli import FlaskGroup

    done = app.test_cli_runner().invoke(FlaskGroup(create_app=lambda: app), ["db", "--help"])
    assert "upgrade" in done.output
