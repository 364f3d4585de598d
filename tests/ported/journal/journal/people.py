import functools
import sqlite3

from flask import Blueprint, flash, g, redirect, render_template, request, session, url_for
from werkzeug.security import check_password_hash, generate_password_hash

from journal.db import get_db

bp = Blueprint("people", __name__, url_prefix="/people")


def signed_in(view):
    @functools.wraps(view)
    def wrapped(**kwargs):
        if g.person is None:
            return redirect(url_for("people.sign_in"))
        return view(**kwargs)

    return wrapped


@bp.before_app_request
def load_person():
    number = session.get("person")
    g.person = (
        None
        if number is None
        else get_db().execute("SELECT * FROM person WHERE id = ?", (number,)).fetchone()
    )


@bp.route("/join", methods=("GET", "POST"))
def join():
    if request.method == "POST":
        name, password = request.form["name"], request.form["password"]
        if not name or not password:
            flash("A name and a password are needed.")
        else:
            db = get_db()
            secret = generate_password_hash(password, "pbkdf2:sha256:1000")
            try:
                db.execute("INSERT INTO person (name, secret) VALUES (?, ?)", (name, secret))
                db.commit()
            except sqlite3.IntegrityError:
                flash(f"Somebody is called {name} already.")
            else:
                return redirect(url_for("people.sign_in"))
    return render_template("form.html", action="Join")


@bp.route("/sign-in", methods=("GET", "POST"))
def sign_in():
    if request.method == "POST":
        found = (
            get_db()
            .execute("SELECT * FROM person WHERE name = ?", (request.form["name"],))
            .fetchone()
        )
        if found and check_password_hash(found["secret"], request.form["password"]):
            session.clear()
            session["person"] = found["id"]
            return redirect(url_for("index"))
        flash("That is not right.")
    return render_template("form.html", action="Sign in")


@bp.route("/sign-out")
def sign_out():
    session.clear()
    return redirect(url_for("index"))
