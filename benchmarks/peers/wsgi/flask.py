from __future__ import annotations

import asyncio
from itertools import pairwise

from flask import Blueprint, Flask, Response, g, render_template, request, session

from benchmarks.peers.common import (
    ANSWER,
    CHUNK,
    CHUNKS,
    DYNAMIC_RULE,
    EVENTS,
    ROWS,
    SECRET,
    STATIC,
    STATIC_RULE,
    TEMPLATES,
    TITLE,
)


def _app() -> Flask:
    app = Flask("benchmark", template_folder=TEMPLATES, static_folder=STATIC)
    app.config["SECRET_KEY"] = SECRET
    return app


def hello():
    app = _app()

    @app.get("/")
    def view():
        return "hello"

    return app


not_found = hello


def give_json():
    app = _app()

    @app.get("/json")
    def view():
        return ANSWER

    return app


def parameter():
    app = _app()

    @app.get("/items/<int:number>")
    def view(number):
        return f"{number} {request.args['q']} {request.args.get('page', 1, type=int)}"

    return app


def template():
    app = _app()

    @app.get("/page")
    def view():
        return render_template("rows.html", title=TITLE, rows=ROWS)

    return app


def form():
    app = _app()

    @app.post("/form")
    def view():
        return f"{request.form['name']} {request.form['email']}"

    return app


def echo():
    app = _app()

    @app.post("/echo")
    def view():
        return request.get_json()

    return app


def use_session():
    app = _app()

    @app.get("/session")
    def view():
        session["visits"] = session.get("visits", 0) + 1
        return str(session["visits"])

    return app


def routes(count):
    app = _app()
    for n in range(count // 2):
        app.add_url_rule(STATIC_RULE.format(n), f"static{n}", lambda: "static")
        app.add_url_rule(
            f"{DYNAMIC_RULE.format(n)}/<int:number>", f"dynamic{n}", lambda number: str(number)
        )
    return app


def upload():
    app = _app()

    @app.post("/upload")
    def view():
        return str(len(request.files["file"].read()))

    return app


file = _app


def hooks():
    return deep(2, 3)


def deep(depth, count):
    """Nest blueprints, and spread hooks over the application and them."""
    app = _app()
    scopes = [app, *(Blueprint(f"b{n}", __name__, url_prefix=f"/b{n}") for n in range(depth))]

    @scopes[-1].get("/view")
    def view():
        return str(g.get("before", 0))

    def add(scope, n):
        @scope.before_request
        def before():
            g.before = g.get("before", 0) + 1

        @scope.after_request
        def after(response):
            response.headers[f"X-After-{n}"] = "1"
            return response

    for n in range(count):
        add(scopes[n % len(scopes)], n)
    for outer, inner in reversed(list(pairwise(scopes))):
        outer.register_blueprint(inner)
    return app


def stream():
    app = _app()

    @app.get("/stream")
    def view():
        return Response((CHUNK for _ in range(CHUNKS)), mimetype="text/plain")

    return app


def async_view():
    app = _app()

    @app.get("/async")
    async def view():
        await asyncio.sleep(0)
        return "hello"

    return app


def events():
    app = _app()

    @app.get("/events")
    def view():
        return Response((f"data: {n}\n\n" for n in range(EVENTS)), mimetype="text/event-stream")

    return app
