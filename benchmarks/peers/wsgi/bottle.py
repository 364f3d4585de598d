"""Bottle signs cookies (it pickles what is in them); that is its session."""

from __future__ import annotations

from bottle import Bottle, HTTPResponse, jinja2_template, request, response, static_file

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


def hello():
    app = Bottle()

    @app.get("/")
    def view():
        return "hello"

    return app


not_found = hello


def give_json():
    app = Bottle()

    @app.get("/json")
    def view():
        return ANSWER

    return app


def parameter():
    app = Bottle()

    @app.get("/items/<number:int>")
    def view(number):
        return f"{number} {request.query['q']} {request.query.get('page', 1, type=int)}"

    return app


def template():
    app = Bottle()

    @app.get("/page")
    def view():
        return jinja2_template(
            "rows.html",
            template_lookup=[TEMPLATES],
            template_settings={"autoescape": True},
            title=TITLE,
            rows=ROWS,
        )

    return app


def form():
    app = Bottle()

    @app.post("/form")
    def view():
        return f"{request.forms['name']} {request.forms['email']}"

    return app


def echo():
    app = Bottle()

    @app.post("/echo")
    def view():
        return request.json

    return app


def use_session():
    app = Bottle()

    @app.get("/session")
    def view():
        session = request.get_cookie("session", secret=SECRET) or {}
        session["visits"] = session.get("visits", 0) + 1
        response.set_cookie("session", session, secret=SECRET, httponly=True, path="/")
        return str(session["visits"])

    return app


def routes(count):
    app = Bottle()
    for n in range(count // 2):
        app.get(STATIC_RULE.format(n), callback=lambda: "static")
        app.get(f"{DYNAMIC_RULE.format(n)}/<number:int>", callback=lambda number: str(number))
    return app


def upload():
    app = Bottle()

    @app.post("/upload")
    def view():
        return str(len(request.files["file"].file.read()))

    return app


def file():
    app = Bottle()

    @app.get("/static/<name:path>")
    def view(name):
        return static_file(name, root=STATIC)

    return app


def hooks():
    inner, app = Bottle(), Bottle()

    @inner.get("/b0/b1/view")
    def view():
        return str(request.environ["before"])

    def add(n):
        @app.hook("before_request")
        def before():
            request.environ["before"] = request.environ.get("before", 0) + 1

        @app.hook("after_request")
        def after():
            response.set_header(f"X-After-{n}", "1")

    for n in range(3):
        add(n)
    app.merge(inner)
    return app


def stream():
    app = Bottle()

    @app.get("/stream")
    def view():
        return HTTPResponse((CHUNK.encode() for _ in range(CHUNKS)), content_type="text/plain")

    return app


def events():
    app = Bottle()

    @app.get("/events")
    def view():
        events = (f"data: {n}\n\n".encode() for n in range(EVENTS))
        return HTTPResponse(events, content_type="text/event-stream")

    return app
