"""Falcon has no sessions and no templates of its own: itsdangerous and Jinja, by hand."""

from __future__ import annotations

import falcon
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
    app = falcon.App(**options)
    app.add_route(path, resource)
    return app


def hello():
    class View:
        def on_get(self, req, resp):
            resp.content_type = falcon.MEDIA_TEXT
            resp.text = "hello"

    return _app("/", View())


not_found = hello


def give_json():
    class View:
        def on_get(self, req, resp):
            resp.media = ANSWER

    return _app("/json", View())


def parameter():
    class View:
        def on_get(self, req, resp, number):
            q, page = req.get_param("q", required=True), req.get_param_as_int("page", default=1)
            resp.text = f"{number} {q} {page}"

    return _app("/items/{number:int}", View())


def template():
    loader = jinja2.FileSystemLoader(TEMPLATES)
    page = jinja2.Environment(loader=loader, autoescape=True).get_template("rows.html")

    class View:
        def on_get(self, req, resp):
            resp.content_type = falcon.MEDIA_HTML
            resp.text = page.render(title=TITLE, rows=ROWS)

    return _app("/page", View())


def form():
    class View:
        def on_post(self, req, resp):
            fields = req.get_media()
            resp.text = f"{fields['name']} {fields['email']}"

    return _app("/form", View())


def echo():
    class View:
        def on_post(self, req, resp):
            resp.media = req.get_media()

    return _app("/echo", View())


def use_session():
    serializer = URLSafeTimedSerializer(SECRET)

    class View:
        def on_get(self, req, resp):
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
        def on_get(self, req, resp):
            resp.text = "static"

    class Dynamic:
        def on_get(self, req, resp, number):
            resp.text = str(number)

    app = falcon.App()
    for n in range(count // 2):
        app.add_route(STATIC_RULE.format(n), Static())
        app.add_route(f"{DYNAMIC_RULE.format(n)}/{{number:int}}", Dynamic())
    return app


def upload():
    class View:
        def on_post(self, req, resp):
            for part in req.get_media():
                if part.name == "file":
                    resp.text = str(len(part.stream.read()))

    app = _app("/upload", View())
    handler = falcon.media.MultipartFormHandler()
    handler.parse_options.max_body_part_buffer_size = 2 * 1024 * 1024
    app.req_options.media_handlers[falcon.MEDIA_MULTIPART] = handler
    return app


def file():
    app = falcon.App()
    app.add_static_route("/static", STATIC)
    return app


def hooks():
    class Component:
        def __init__(self, n):
            self.field = f"x-after-{n}"

        def process_request(self, req, resp):
            req.context.before = getattr(req.context, "before", 0) + 1

        def process_response(self, req, resp, resource, req_succeeded):
            resp.set_header(self.field, "1")

    class View:
        def on_get(self, req, resp):
            resp.text = str(req.context.before)

    return _app("/b0/b1/view", View(), middleware=[Component(n) for n in range(3)])


def stream():
    class View:
        def on_get(self, req, resp):
            resp.content_type = falcon.MEDIA_TEXT
            resp.stream = (CHUNK.encode() for _ in range(CHUNKS))

    return _app("/stream", View())


def events():
    class View:
        def on_get(self, req, resp):
            resp.content_type = "text/event-stream"
            resp.stream = (f"data: {n}\n\n".encode() for n in range(EVENTS))

    return _app("/events", View())
