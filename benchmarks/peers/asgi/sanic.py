"""Sanic has no sessions and no templates of its own: itsdangerous and Jinja, by hand."""

from __future__ import annotations

import asyncio
from itertools import count

import jinja2
from itsdangerous import BadSignature, URLSafeTimedSerializer
from sanic import Blueprint, Sanic
from sanic import json as json_response
from sanic.response import html, text

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

_numbers = count()


def _app():
    return Sanic(f"benchmark-{next(_numbers)}")  # no two may have one name


def hello():
    app = _app()

    @app.get("/")
    async def view(request):
        return text("hello")

    return app


not_found = hello


def give_json():
    app = _app()

    @app.get("/json")
    async def view(request):
        return json_response(ANSWER)

    return app


def parameter():
    app = _app()

    @app.get("/items/<number:int>")
    async def view(request, number: int):
        return text(f"{number} {request.args['q'][0]} {int(request.args.get('page', 1))}")

    return app


def template():
    app = _app()
    loader = jinja2.FileSystemLoader(TEMPLATES)
    page = jinja2.Environment(loader=loader, autoescape=True).get_template("rows.html")

    @app.get("/page")
    async def view(request):
        return html(page.render(title=TITLE, rows=ROWS))

    return app


def form():
    app = _app()

    @app.post("/form")
    async def view(request):
        return text(f"{request.form.get('name')} {request.form.get('email')}")

    return app


def echo():
    app = _app()

    @app.post("/echo")
    async def view(request):
        return json_response(request.json)

    return app


def use_session():
    app = _app()
    serializer = URLSafeTimedSerializer(SECRET)

    @app.get("/session")
    async def view(request):
        try:
            session = serializer.loads(request.cookies.get("session", ""))
        except BadSignature:
            session = {}
        session["visits"] = session.get("visits", 0) + 1
        response = text(str(session["visits"]))
        value = serializer.dumps(session)
        response.add_cookie("session", value, secure=False, httponly=True, samesite="Lax")
        return response

    return app


def routes(count):
    app = _app()

    async def static(request):
        return text("static")

    async def dynamic(request, number: int):
        return text(str(number))

    for n in range(count // 2):
        app.add_route(static, STATIC_RULE.format(n), name=f"static{n}")
        app.add_route(dynamic, f"{DYNAMIC_RULE.format(n)}/<number:int>", name=f"dynamic{n}")
    return app


def upload():
    app = _app()

    @app.post("/upload")
    async def view(request):
        return text(str(len(request.files.get("file").body)))

    return app


def file():
    app = _app()
    app.static("/static", STATIC)
    return app


def hooks():
    app, outer, inner = _app(), Blueprint("outer"), Blueprint("inner", url_prefix="/b1")
    group = Blueprint.group(outer, inner, url_prefix="/b0")

    @inner.get("/view")
    async def view(request):
        return text(str(request.ctx.before))

    def add(scope, n):
        @scope.on_request
        async def before(request):
            request.ctx.before = getattr(request.ctx, "before", 0) + 1

        @scope.on_response
        async def after(request, response):
            response.headers[f"X-After-{n}"] = "1"

    for n, scope in enumerate((app, app, inner)):
        add(scope, n)
    app.blueprint(group)
    return app


def stream():
    app = _app()

    @app.get("/stream")
    async def view(request):
        response = await request.respond(content_type="text/plain")
        for _ in range(CHUNKS):
            await response.send(CHUNK)
        await response.eof()

    return app


def async_view():
    app = _app()

    @app.get("/async")
    async def view(request):
        await asyncio.sleep(0)
        return text("hello")

    return app


def websocket_echo():
    app = _app()

    @app.websocket("/ws")
    async def view(request, ws):
        while (message := await ws.recv()) is not None:
            await ws.send(message)

    return app


def events():
    app = _app()

    @app.get("/events")
    async def view(request):
        response = await request.respond(content_type="text/event-stream")
        for n in range(EVENTS):
            await response.send(f"data: {n}\n\n")
        await response.eof()

    return app


def inline_view():
    app = _app()

    @app.get("/sync")
    def view(request):  # it runs on the loop
        return text("hello")

    return app
