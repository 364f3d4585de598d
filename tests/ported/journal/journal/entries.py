from flask import Blueprint, abort, flash, g, jsonify, redirect, render_template, request, url_for

from journal.db import get_db
from journal.people import signed_in

bp = Blueprint("entries", __name__)


@bp.route("/")
def index():
    rows = get_db().execute(
        "SELECT entry.*, name FROM entry JOIN person ON person.id = person_id"
        " ORDER BY entry.id DESC"
    )
    return render_template("index.html", entries=rows.fetchall())


@bp.route("/entries.json")
def listed():
    rows = get_db().execute("SELECT id, heading FROM entry ORDER BY id")
    return jsonify([dict(row) for row in rows])


def own_entry(number):
    entry = get_db().execute("SELECT * FROM entry WHERE id = ?", (number,)).fetchone()
    if entry is None:
        abort(404, f"There is no entry {number}.")
    if entry["person_id"] != g.person["id"]:
        abort(403)
    return entry


@bp.route("/write", methods=("GET", "POST"))
@signed_in
def write():
    if request.method == "POST":
        if request.form["heading"]:
            db = get_db()
            db.execute(
                "INSERT INTO entry (person_id, heading, text) VALUES (?, ?, ?)",
                (g.person["id"], request.form["heading"], request.form["text"]),
            )
            db.commit()
            return redirect(url_for("index"))
        flash("A heading is needed.")
    return render_template("write.html", entry={})


@bp.route("/<int:number>/change", methods=("GET", "POST"))
@signed_in
def change(number):
    entry = own_entry(number)
    if request.method == "POST":
        db = get_db()
        db.execute(
            "UPDATE entry SET heading = ?, text = ? WHERE id = ?",
            (request.form["heading"], request.form["text"], number),
        )
        db.commit()
        return redirect(url_for("index"))
    return render_template("write.html", entry=entry)


@bp.route("/<int:number>/delete", methods=("POST",))
@signed_in
def delete(number):
    own_entry(number)
    db = get_db()
    db.execute("DELETE FROM entry WHERE id = ?", (number,))
    db.commit()
    return redirect(url_for("index"))
