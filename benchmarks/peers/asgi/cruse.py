from __future__ import annotations

import asyncio
from itertools import pairwise

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
from cruse import Blueprint, Cruse, EventStream, g, render_template, request, session, websocket


def _app() -> Cruse:
    app = Cruse("benchmark", template_folder=TEMPLATES, static_folder=STATIC)
    app.config["SECRET_KEY"] = SECRET
    return app


def hello():
    app = _app()

    @app.get("/")
    async def view():
        return "hello"

    return app


not_found = hello


def give_json():
    app = _app()

    @app.get("/json")
    async def view():
        return ANSWER

    return app


def parameter():
    app = _app()

    @app.get("/items/<int:number>")
    async def view(number):
        return f"{number} {request.args['q']} {request.args.get('page', 1, type=int)}"

    return app


def template():
    app = _app()

    @app.get("/page")
    async def view():
        return render_template("rows.html", title=TITLE, rows=ROWS)

    return app


def form():
    app = _app()

    @app.post("/form")
    async def view():
        return f"{request.form['name']} {request.form['email']}"

    return app


def echo():
    app = _app()

    @app.post("/echo")
    async def view():
        return request.get_json()

    return app


def use_session():
    app = _app()

    @app.get("/session")
    async def view():
        session["visits"] = session.get("visits", 0) + 1
        return str(session["visits"])

    return app


def routes(count):
    app = _app()

    async def static():
        return "static"

    async def dynamic(number):
        return str(number)

    for n in range(count // 2):
        app.add_url_rule(STATIC_RULE.format(n), f"static{n}", static)
        app.add_url_rule(f"{DYNAMIC_RULE.format(n)}/<int:number>", f"dynamic{n}", dynamic)
    return app


def upload():
    app = _app()

    @app.post("/upload")
    async def view():
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
    async def view():
        return str(g.get("before", 0))

    def add(scope, n):
        @scope.before_request
        async def before():
            g.before = g.get("before", 0) + 1

        @scope.after_request
        async def after(response):
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
    async def view():
        async def chunks():
            for _ in range(CHUNKS):
                yield CHUNK

        return chunks()

    return app


def async_view():
    app = _app()

    @app.get("/async")
    async def view():
        await asyncio.sleep(0)
        return "hello"

    return app


def sync_view():
    app = _app()

    @app.get("/sync")
    def view():
        return "hello"

    return app


def inline_view():
    app = _app()

    @app.get("/sync", inline=True)
    def view():
        return "hello"

    return app


def websocket_echo():
    app = _app()

    @app.websocket("/ws")
    async def view():
        async for message in websocket:
            await websocket.send(message)

    return app


def events():
    app = _app()

    @app.get("/events")
    async def view():
        async def numbers():
            for n in range(EVENTS):
                yield str(n)

        return EventStream(numbers())

    return app
