"""Readers sign up, in and out; who it is stands in the session."""

import functools

from flask import (
    Blueprint,
    abort,
    current_app,
    flash,
    g,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.signals import Namespace
from werkzeug.security import check_password_hash, generate_password_hash

from lending.db import change, query

bp = Blueprint("accounts", __name__, url_prefix="/accounts")

signals = Namespace()
reader_signed_in = signals.signal("reader-signed-in")


@bp.before_app_request
def load_reader():
    g.steps.append("accounts before")
    reader_id = session.get("reader")
    g.reader = None
    if reader_id is not None:
        g.reader = query("SELECT * FROM reader WHERE id = ?", reader_id, one=True)


@bp.app_context_processor
def who():
    return {"reader": g.get("reader")}


def login_required(view):
    @functools.wraps(view)
    def guarded(*args, **kwargs):
        if g.reader is None:
            return redirect(url_for("accounts.sign_in", next=request.full_path))
        return view(*args, **kwargs)

    return guarded


def librarians_only(view):
    @login_required
    @functools.wraps(view)
    def guarded(*args, **kwargs):
        if not g.reader["librarian"]:
            abort(403, "This desk is for librarians.")
        return view(*args, **kwargs)

    return guarded


@bp.route("/register", methods=["GET", "POST"])
def register():
    if request.method == "POST":
        name, password = request.form["name"].strip(), request.form["password"]
        if not name or not password:
            flash("A name and a password, please.", "error")
        elif query("SELECT id FROM reader WHERE name = ?", name, one=True):
            flash(f"{name} is taken.", "error")
        else:
            change(
                "INSERT INTO reader (name, password) VALUES (?, ?)",
                name,
                generate_password_hash(password, "pbkdf2:sha256:1"),
            )
            flash("Welcome! Now sign in.")
            return redirect(url_for(".sign_in"))
    return render_template("accounts/form.html", title="Register")


@bp.route("/sign-in", methods=("GET", "POST"))
def sign_in():
    if request.method == "POST":
        name, password = request.form["name"], request.form["password"]
        found = query("SELECT * FROM reader WHERE name = ?", name, one=True)
        if found is None or not check_password_hash(found["password"], password):
            flash("Name or password is wrong.", "error")
        else:
            session.clear()
            session["reader"] = found["id"]
            session.permanent = "remember" in request.form
            reader_signed_in.send(current_app._get_current_object(), name=found["name"])
            return redirect(url_for("index"))
    page = render_template("accounts/form.html", title="Sign in")
    return page, 200 if request.method == "GET" else 422


@bp.route("/sign-out")
def sign_out():
    session.clear()
    return redirect(url_for("index"))


@bp.errorhandler(403)
def forbidden(error):
    return "accounts: " + error.description, 403
