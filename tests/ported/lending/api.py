"""The JSON interface, version 1."""

import datetime
import decimal

from flask import Blueprint, abort, current_app, jsonify, request, url_for
from flask.json.provider import DefaultJSONProvider
from flask.views import MethodView
from werkzeug.exceptions import HTTPException

from lending.db import change, query
from lending.display import today


class LendingJSON(DefaultJSONProvider):
    sort_keys = False

    @staticmethod
    def default(o):
        if isinstance(o, datetime.date):
            return o.strftime("%d.%m.%Y")
        return DefaultJSONProvider.default(o)


bp = Blueprint("api", __name__)
v1 = Blueprint("v1", __name__, url_prefix="/v1")


@bp.errorhandler(HTTPException)
def as_json(error):
    response = error.get_response()
    response.data = current_app.json.dumps({"code": error.code, "name": error.name})
    response.content_type = "application/json"
    return response


# The application's own handler for 404 is nearer to that than ours for all errors.
bp.register_error_handler(404, as_json)


def shown(row):
    return {"isbn": row["isbn"], "title": row["title"], "author": row["author"]}


class BookList(MethodView):
    def get(self):
        rows = query("SELECT * FROM book ORDER BY isbn")
        return [shown(row) for row in rows]

    def post(self):
        data = request.get_json()
        try:
            book = (data["isbn"], data["title"], data["author"])
        except (KeyError, TypeError):
            abort(400)
        change("INSERT INTO book (isbn, title, author) VALUES (?, ?, ?)", *book)
        where = url_for(".book", isbn=book[0], _external=True)
        return {"url": where}, 201, [("Location", where)]


class BookItem(MethodView):
    init_every_request = False

    def __init__(self, late_fee):
        self.late_fee = late_fee

    def get(self, isbn):
        row = query("SELECT * FROM book WHERE isbn = ?", isbn, one=True)
        if row is None:
            abort(404)
        return jsonify(shown(row), {"late_fee": self.late_fee, "asked": today()})

    def delete(self, isbn):
        change("DELETE FROM book WHERE isbn = ?", isbn)
        return "", 204


v1.add_url_rule("/books", view_func=BookList.as_view("books"))
v1.add_url_rule(
    "/books/<isbn:isbn>", view_func=BookItem.as_view("book", late_fee=decimal.Decimal("0.50"))
)


@v1.route("/search", defaults={"page": 1})
@v1.route("/search/page/<int(min=1):page>")
def search(page):
    words = f"%{request.args.get('q', '')}%"
    rows = query(
        "SELECT * FROM book WHERE title LIKE ? ORDER BY title LIMIT 2 OFFSET ?",
        words,
        2 * (page - 1),
    )
    following = url_for(".search", page=page + 1, q=request.args.get("q"))
    return {"books": [row["title"] for row in rows], "page": page, "next": following}


bp.register_blueprint(v1)
