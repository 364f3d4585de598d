"""Falcon has no sessions and no templates of its own: itsdangerous and Jinja, by hand."""

from __future__ import annotations

import asyncio

import falcon
import falcon.asgi
import jinja2
from itsdangerous import BadSignature, URLSafeTimedSerializer

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


def _app(path, resource, **options):
    app = falcon.asgi.App(**options)
    app.add_route(path, resource)
    return app


def hello():
    class View:
        async def on_get(self, req, resp):
            resp.content_type = falcon.MEDIA_TEXT
            resp.text = "hello"

    return _app("/", View())


not_found = hello


def give_json():
    class View:
        async def on_get(self, req, resp):
            resp.media = ANSWER

    return _app("/json", View())


def parameter():
    class View:
        async def on_get(self, req, resp, number):
            q, page = req.get_param("q", required=True), req.get_param_as_int("page", default=1)
            resp.text = f"{number} {q} {page}"

    return _app("/items/{number:int}", View())


def template():
    loader = jinja2.FileSystemLoader(TEMPLATES)
    page = jinja2.Environment(loader=loader, autoescape=True).get_template("rows.html")

    class View:
        async def on_get(self, req, resp):
            resp.content_type = falcon.MEDIA_HTML
            resp.text = page.render(title=TITLE, rows=ROWS)

    return _app("/page", View())


def form():
    class View:
        async def on_post(self, req, resp):
            fields = await req.get_media()
            resp.text = f"{fields['name']} {fields['email']}"

    return _app("/form", View())


def echo():
    class View:
        async def on_post(self, req, resp):
            resp.media = await req.get_media()

    return _app("/echo", View())


def use_session():
    serializer = URLSafeTimedSerializer(SECRET)

    class View:
        async def on_get(self, req, resp):
            try:
                session = serializer.loads(req.cookies.get("session", ""))
            except BadSignature:
                session = {}
            session["visits"] = session.get("visits", 0) + 1
            resp.set_cookie("session", serializer.dumps(session), secure=False, same_site="Lax")
            resp.text = str(session["visits"])

    return _app("/session", View())


def routes(count):
    class Static:
        async def on_get(self, req, resp):
            resp.text = "static"

    class Dynamic:
        async def on_get(self, req, resp, number):
            resp.text = str(number)

    app = falcon.asgi.App()
    for n in range(count // 2):
        app.add_route(STATIC_RULE.format(n), Static())
        app.add_route(f"{DYNAMIC_RULE.format(n)}/{{number:int}}", Dynamic())
    return app


def upload():
    class View:
        async def on_post(self, req, resp):
            async for part in await req.get_media():
                if part.name == "file":
                    resp.text = str(len(await part.stream.read()))

    app = _app("/upload", View())
    handler = falcon.media.MultipartFormHandler()
    handler.parse_options.max_body_part_buffer_size = 2 * 1024 * 1024
    app.req_options.media_handlers[falcon.MEDIA_MULTIPART] = handler
    return app


def file():
    app = falcon.asgi.App()
    app.add_static_route("/static", STATIC)
    return app


def hooks():
    class Component:
        def __init__(self, n):
            self.field = f"x-after-{n}"

        async def process_request(self, req, resp):
            req.context.before = getattr(req.context, "before", 0) + 1

        async def process_response(self, req, resp, resource, req_succeeded):
            resp.set_header(self.field, "1")

    class View:
        async def on_get(self, req, resp):
            resp.text = str(req.context.before)

    return _app("/b0/b1/view", View(), middleware=[Component(n) for n in range(3)])


def stream():
    async def chunks():
        for _ in range(CHUNKS):
            yield CHUNK.encode()

    class View:
        async def on_get(self, req, resp):
            resp.content_type = falcon.MEDIA_TEXT
            resp.stream = chunks()

    return _app("/stream", View())


def async_view():
    class View:
        async def on_get(self, req, resp):
            await asyncio.sleep(0)
            resp.text = "hello"

    return _app("/async", View())


def websocket_echo():
    class View:
        async def on_websocket(self, req, ws):
            await ws.accept()
            while True:
                try:
                    await ws.send_text(await ws.receive_text())
                except falcon.WebSocketDisconnected:
                    return

    return _app("/ws", View())


def events():
    async def numbers():
        for n in range(EVENTS):
            yield falcon.asgi.SSEvent(text=str(n))

    class View:
        async def on_get(self, req, resp):
            resp.sse = numbers()

    return _app("/events", View())
