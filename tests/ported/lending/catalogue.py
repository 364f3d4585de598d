"""The catalogue: finding books, their covers, lists to download."""

import csv
import io

from flask import (
    Blueprint,
    Response,
    after_this_request,
    flash,
    g,
    get_flashed_messages,
    get_template_attribute,
    make_response,
    redirect,
    render_template,
    render_template_string,
    request,
    send_file,
    session,
    stream_template,
    stream_with_context,
    url_for,
)
from flask.views import View

from lending.accounts import librarians_only, login_required
from lending.db import change, get_db, query
from lending.display import greeting

bp = Blueprint("catalogue", __name__, url_prefix="/books")


def index():
    return render_template("index.html", greeting=greeting())


@bp.route("/")
def books():
    return render_template(
        [
            "catalogue/books-{}.html".format(request.args.get("style", "plain")),
            "catalogue/books.html",
        ],
        books=query("SELECT * FROM book ORDER BY title"),
    )


@bp.route("/subjects/<list:subjects>/")
def by_subject(subjects):
    marks = ", ".join("?" * len(subjects))
    found = query(f"SELECT * FROM book WHERE subject IN ({marks}) ORDER BY title", *subjects)  # noqa: S608
    return render_template("catalogue/books.html", books=found, subjects=subjects)


@bp.route("/<isbn:isbn>")
def book(isbn):
    found = query("SELECT * FROM book WHERE isbn = ?", isbn, one=True)
    if found is None:
        return render_template("error.html", error="No such book."), 404, {"X-Missing": isbn}
    response = make_response(render_template("catalogue/book.html", book=found))
    response.set_cookie("last_book", isbn, max_age=3600)
    return response


class EditBook(View):
    methods = ["GET", "POST"]
    decorators = [librarians_only]
    init_every_request = False

    def __init__(self, template):
        self.template = template

    def dispatch_request(self, isbn):
        if request.method == "POST":
            change("UPDATE book SET title = ? WHERE isbn = ?", request.form["title"], isbn)
            flash("Saved.")
            return redirect(url_for(".book", isbn=isbn))
        found = query("SELECT * FROM book WHERE isbn = ?", isbn, one=True)
        return render_template(self.template, book=found)


bp.add_url_rule(
    "/<isbn:isbn>/edit", view_func=EditBook.as_view("edit", template="catalogue/edit.html")
)


@bp.route("/<isbn:isbn>/cover", methods=["PUT", "POST"])
@librarians_only
def upload_cover(isbn):
    image = request.files["image"].read() if request.files else request.get_data()
    change("REPLACE INTO cover VALUES (?, ?)", isbn, image)
    return "", 201, {"Location": url_for(".cover", isbn=isbn)}


@bp.route("/<isbn:isbn>/cover")
def cover(isbn):
    found = query("SELECT image FROM cover WHERE isbn = ?", isbn, one=True)
    if found is None:
        return "", 404
    return send_file(
        io.BytesIO(found["image"]),
        mimetype="image/png",
        download_name=f"{isbn}.png",
        etag=isbn,
        conditional=True,
        max_age=60,
    )


@bp.route("/export.csv")
def export():
    def lines():
        out = io.StringIO()
        writer = csv.writer(out)
        for row in get_db().execute("SELECT isbn, title, author FROM book ORDER BY isbn"):
            writer.writerow([*row, request.args.get("mark", "")])
            yield out.getvalue()
            out.seek(0)
            out.truncate()

    return Response(
        stream_with_context(lines()),
        mimetype="text/csv",
        headers={"Content-Disposition": "attachment; filename=books.csv"},
    )


@bp.route("/all")
def long_list():
    rows = query("SELECT * FROM book ORDER BY title")
    return stream_template("catalogue/books.html", books=rows, subjects=None)


@bp.route("/basket", methods=["GET", "POST", "DELETE"])
def basket():
    if request.method == "POST":
        session.setdefault("basket", [])
        session["basket"] = session["basket"] + request.form.getlist("isbn")
    elif request.method == "DELETE":
        session.pop("basket", None)

    @after_this_request
    def count(response):
        response.headers["X-Basket"] = str(len(session.get("basket", [])))
        return response

    return {"basket": session.get("basket", [])}


@bp.route("/label/<isbn:isbn>")
@login_required
def label(isbn):
    make = get_template_attribute("_macros.html", "spine_label")
    return make(query("SELECT * FROM book WHERE isbn = ?", isbn, one=True))


@bp.route("/motto")
def motto():
    return render_template_string(
        "{{ reader.name if reader else 'nobody' }} <{{ text }}>", text=request.args["text"]
    )


@bp.route("/messages")
def messages():
    return {"messages": get_flashed_messages(with_categories=True), "steps": g.steps}
