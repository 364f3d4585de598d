import sqlite3

import click
from flask import current_app, g
from flask.cli import with_appcontext


def get_db():
    if "db" not in g:
        g.db = sqlite3.connect(
            current_app.config["DATABASE"], detect_types=sqlite3.PARSE_DECLTYPES
        )
        g.db.row_factory = sqlite3.Row
        g.db.execute("PRAGMA foreign_keys = ON")
    return g.db


def query(sql, *arguments, one=False):
    rows = get_db().execute(sql, arguments).fetchall()
    if one:
        return rows[0] if rows else None
    return rows


def change(sql, *arguments):
    with get_db() as connection:
        return connection.execute(sql, arguments).lastrowid


def close_db(error=None):
    connection = g.pop("db", None)
    if connection is not None:
        connection.close()
        closed = current_app.extensions.setdefault("closed_connections", [0])
        closed[0] += 1


def init_db():
    with current_app.open_resource("schema.sql", "r") as schema:
        get_db().executescript(schema.read())


@click.command("init-db")
@with_appcontext
def init_db_command():
    """Make the tables anew."""
    init_db()
    click.echo("The shelves are empty.")


def init_app(app):
    app.teardown_appcontext(close_db)
    app.cli.add_command(init_db_command)
