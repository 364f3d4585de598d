"""Commands for the people behind the desk: ``flask books ...``."""

import json

import click
from flask import Blueprint, current_app, url_for
from flask.cli import AppGroup, with_appcontext
from werkzeug.security import generate_password_hash

from lending.db import change, init_db, query
from lending.display import today

books = AppGroup("books", help="The stock.")
staff = Blueprint("staff", __name__, cli_group="staff")


@books.command("load")
@click.argument("file", type=click.File("rb"))
@click.option("--branch", default="north", show_default=True)
def load_books(file, branch):
    """Take books from a JSON file into the stock, one copy of each."""
    loaded = json.load(file)
    for book in loaded:
        change(
            "INSERT INTO book (isbn, title, author, subject) VALUES (?, ?, ?, ?)",
            book["isbn"],
            book["title"],
            book["author"],
            book.get("subject", "misc"),
        )
        change("INSERT INTO copy (isbn, branch) VALUES (?, ?)", book["isbn"], branch)
    click.echo(f"{len(loaded)} books are in {branch}.")


@books.command("overdue")
def overdue():
    """Name who is late."""
    rows = query(
        "SELECT reader.name, loan.due FROM loan JOIN reader ON reader.id = loan.reader"
        " WHERE loan.due < ?",
        today().isoformat(),
    )
    for row in rows:
        click.echo(f"{row['name']}: {row['due']}")
    if not rows:
        click.secho("Nobody is late.", fg="green")


@staff.cli.command("promote")
@click.argument("name")
def promote(name):
    """Make a reader a librarian."""
    if query("SELECT id FROM reader WHERE name = ?", name, one=True) is None:
        raise click.BadParameter(f"There is no reader {name}.")
    change("UPDATE reader SET librarian = 1 WHERE name = ?", name)
    click.echo(f"{name} is a librarian at {current_app.config.get('TOWN', 'unnamed')}.")


@click.command("demo")
@with_appcontext
def demo():
    """Fill the database with something to look at."""
    init_db()
    change(
        "INSERT INTO reader VALUES (1, 'ada', ?, 1)",
        generate_password_hash("a", "pbkdf2:sha256:1"),
    )
    with current_app.test_request_context():
        click.echo("See " + url_for("catalogue.books"))


def init_app(app):
    app.cli.add_command(books)
    app.cli.add_command(demo)
    app.register_blueprint(staff)
