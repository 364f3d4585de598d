from __future__ import annotations

import asyncio

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates

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


def _app(path, view, methods=("GET",), **options):
    return Starlette(routes=[Route(path, view, methods=list(methods))], **options)


def hello():
    async def view(request):
        return PlainTextResponse("hello")

    return _app("/", view)


not_found = hello


def give_json():
    async def view(request):
        return JSONResponse(ANSWER)

    return _app("/json", view)


def parameter():
    async def view(request):
        query = request.query_params
        number, page = request.path_params["number"], int(query.get("page", 1))
        return PlainTextResponse(f"{number} {query['q']} {page}")

    return _app("/items/{number:int}", view)


def template():
    templates = Jinja2Templates(TEMPLATES)

    async def view(request):
        return templates.TemplateResponse(request, "rows.html", {"title": TITLE, "rows": ROWS})

    return _app("/page", view)


def form():
    async def view(request):
        fields = await request.form()
        return PlainTextResponse(f"{fields['name']} {fields['email']}")

    return _app("/form", view, ["POST"])


def echo():
    async def view(request):
        return JSONResponse(await request.json())

    return _app("/echo", view, ["POST"])


def use_session():
    async def view(request):
        session = request.session
        session["visits"] = session.get("visits", 0) + 1
        return PlainTextResponse(str(session["visits"]))

    return _app("/session", view, middleware=[Middleware(SessionMiddleware, secret_key=SECRET)])


def routes(count):
    async def static(request):
        return PlainTextResponse("static")

    async def dynamic(request):
        return PlainTextResponse(str(request.path_params["number"]))

    rules = []
    for n in range(count // 2):
        rules.append(Route(STATIC_RULE.format(n), static))
        rules.append(Route(f"{DYNAMIC_RULE.format(n)}/{{number:int}}", dynamic))
    return Starlette(routes=rules)


def upload():
    async def view(request):
        async with request.form() as fields:
            return PlainTextResponse(str(len(await fields["file"].read())))

    return _app("/upload", view, ["POST"])


def file():
    return Starlette(routes=[Mount("/static", StaticFiles(directory=STATIC))])


class Hook:
    def __init__(self, app, field):
        self.app = app
        self.field = field

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_field(message):
            if message["type"] == "http.response.start":
                message["headers"].append((self.field, b"1"))
            await send(message)

        state = scope.setdefault("state", {})
        state["before"] = state.get("before", 0) + 1
        await self.app(scope, receive, send_with_field)


def hooks():
    async def view(request):
        return PlainTextResponse(str(request.state.before))

    def hook(n):
        return [Middleware(Hook, field=f"x-after-{n}".encode())]

    inner = Mount("/b1", routes=[Route("/view", view)], middleware=hook(2))
    outer = Mount("/b0", routes=[inner], middleware=hook(1))
    return Starlette(routes=[outer], middleware=hook(0))


def stream():
    async def chunks():
        for _ in range(CHUNKS):
            yield CHUNK

    async def view(request):
        return StreamingResponse(chunks(), media_type="text/plain")

    return _app("/stream", view)


def async_view():
    async def view(request):
        await asyncio.sleep(0)
        return PlainTextResponse("hello")

    return _app("/async", view)


def sync_view():
    def view(request):
        return PlainTextResponse("hello")

    return _app("/sync", view)


def websocket_echo():
    async def view(websocket):
        await websocket.accept()
        async for message in websocket.iter_text():
            await websocket.send_text(message)

    return Starlette(routes=[WebSocketRoute("/ws", view)])


def events():
    async def numbers():
        for n in range(EVENTS):
            yield f"data: {n}\n\n"

    async def view(request):
        return StreamingResponse(numbers(), media_type="text/event-stream")

    return _app("/events", view)
