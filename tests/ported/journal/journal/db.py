import os
import sqlite3

import click
from flask import current_app, g

SCHEMA = """
DROP TABLE IF EXISTS entry;
DROP TABLE IF EXISTS person;
CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL, secret TEXT NOT NULL);
CREATE TABLE entry (
    id INTEGER PRIMARY KEY,
    person_id INTEGER NOT NULL REFERENCES person (id),
    written TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    heading TEXT NOT NULL,
    text TEXT NOT NULL
);
"""


def get_db():
    if "db" not in g:
        g.db = sqlite3.connect(current_app.config["DATABASE"])
        g.db.row_factory = sqlite3.Row
    return g.db


def close_db(error=None):
    db = g.pop("db", None)
    if db is not None:
        db.close()


def init_db():
    os.makedirs(os.path.dirname(current_app.config["DATABASE"]), exist_ok=True)
    get_db().executescript(SCHEMA)


@click.command("init-db")
def init_db_command():
    """Throw away what there is and make the tables."""
    init_db()
    click.echo("The tables are made.")


def init_app(app):
    app.teardown_appcontext(close_db)
    app.cli.add_command(init_db_command)
