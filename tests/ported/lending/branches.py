"""Branches of the library; each has a desk, and each desk a back office."""

import datetime

from flask import Blueprint, abort, current_app, flash, g, redirect, request, url_for
from flask import render_template as render

from lending.accounts import librarians_only, login_required
from lending.db import change, query
from lending.display import today

BRANCHES = {"north": "North Street", "harbour": "Old Harbour"}

bp = Blueprint("branch", __name__, url_prefix="/branches/<branch>", static_folder="static")
desk = Blueprint("desk", __name__, url_prefix="/desk")
office = Blueprint("office", __name__)


@bp.url_value_preprocessor
def pull_branch(endpoint, values):
    g.branch = values.pop("branch", None)


@bp.url_defaults
def add_branch(endpoint, values):
    if "branch" not in values and g.get("branch"):
        values["branch"] = g.branch


@bp.before_request
def known_branch():
    g.steps.append("branch before")
    if g.branch not in BRANCHES:
        abort(404, "There is no such branch.")


@bp.context_processor
def branch_name():
    return {"branch_name": BRANCHES.get(g.branch), "place": "branch"}


@desk.context_processor
def place():
    return {"place": "desk"}


@desk.before_request
def open_desk():
    g.steps.append("desk before")


@bp.after_request
def mark_branch(response):
    response.headers["X-Steps"] = ", ".join([*g.steps, "branch after"])
    return response


@desk.after_request
def mark_desk(response):
    g.steps.append("desk after")
    return response


class NotLendableError(Exception):
    pass


@bp.errorhandler(NotLendableError)
def not_lendable(error):
    return f"{BRANCHES[g.branch]}: {error}", 409


@bp.route("/")
def home():
    return render("branches/home.html", desk=url_for(".desk.loans"))


@desk.route("/")
@login_required
def loans():
    rows = query(
        "SELECT loan.id, loan.due, book.title FROM loan JOIN copy ON copy.id = loan.copy"
        " JOIN book ON book.isbn = copy.isbn WHERE loan.reader = ? ORDER BY loan.due",
        g.reader["id"],
    )
    return render("branches/loans.html", loans=rows)


@desk.route("/borrow", methods=["POST"])
@login_required
def borrow():
    count = query("SELECT count(*) AS n FROM loan WHERE reader = ?", g.reader["id"], one=True)
    if count["n"] >= current_app.config["MAX_LOANS"]:
        raise NotLendableError("you have all you may")
    free = query(
        "SELECT id FROM copy WHERE isbn = ? AND branch = ? AND id NOT IN (SELECT copy FROM loan)",
        request.form["isbn"],
        g.branch,
        one=True,
    )
    if free is None:
        raise NotLendableError("no copy is here")
    due = today() + datetime.timedelta(days=current_app.config["LOAN_DAYS"])
    change(
        "INSERT INTO loan (copy, reader, due) VALUES (?, ?, ?)",
        free["id"],
        g.reader["id"],
        due.isoformat(),
    )
    flash(f"Back by {due:%d.%m.%Y}.", "loan")
    return redirect(url_for(".loans"))


@desk.route("/return/<int:loan>", methods=["POST"])
@login_required
def give_back(loan):
    change("DELETE FROM loan WHERE id = ? AND reader = ?", loan, g.reader["id"])
    return redirect(url_for(".loans"))


@office.route("/copies", methods=["POST"], endpoint="add_copies")
@librarians_only
def copies():
    for _ in range(request.form.get("count", 1, type=int)):
        change("INSERT INTO copy (isbn, branch) VALUES (?, ?)", request.form["isbn"], g.branch)
    return f"{request.blueprint} {' < '.join(request.blueprints)}", 201


@office.app_errorhandler(413)
def too_large(error):
    return "That is more than our shelves hold.", 413


desk.register_blueprint(office, url_prefix="/office")
bp.register_blueprint(desk)
