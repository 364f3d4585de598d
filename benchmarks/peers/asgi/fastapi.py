from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Form, Request, UploadFile, WebSocket, WebSocketDisconnect
from fastapi.responses import PlainTextResponse, StreamingResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates
from starlette.middleware.sessions import SessionMiddleware

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
    app = FastAPI()

    @app.get("/", response_class=PlainTextResponse)
    async def view():
        return "hello"

    return app


not_found = hello


def give_json():
    app = FastAPI()

    @app.get("/json")
    async def view():
        return ANSWER

    return app


def parameter():
    app = FastAPI()

    @app.get("/items/{number}", response_class=PlainTextResponse)
    async def view(number: int, q: str, page: int = 1):
        return f"{number} {q} {page}"

    return app


def template():
    app = FastAPI()
    templates = Jinja2Templates(TEMPLATES)

    @app.get("/page")
    async def view(request: Request):
        return templates.TemplateResponse(request, "rows.html", {"title": TITLE, "rows": ROWS})

    return app


def form():
    app = FastAPI()

    @app.post("/form", response_class=PlainTextResponse)
    async def view(name: Annotated[str, Form()], email: Annotated[str, Form()]):
        return f"{name} {email}"

    return app


def echo():
    app = FastAPI()

    @app.post("/echo")
    async def view(value: dict[str, Any]):
        return value

    return app


def use_session():
    app = FastAPI()
    app.add_middleware(SessionMiddleware, secret_key=SECRET)

    @app.get("/session", response_class=PlainTextResponse)
    async def view(request: Request):
        session = request.session
        session["visits"] = session.get("visits", 0) + 1
        return str(session["visits"])

    return app


def routes(count):
    app = FastAPI()

    async def static():
        return "static"

    async def dynamic(number: int):
        return str(number)

    for n in range(count // 2):
        app.get(STATIC_RULE.format(n), response_class=PlainTextResponse)(static)
        app.get(f"{DYNAMIC_RULE.format(n)}/{{number}}", response_class=PlainTextResponse)(dynamic)
    return app


def upload():
    app = FastAPI()

    @app.post("/upload", response_class=PlainTextResponse)
    async def view(file: UploadFile):
        return str(len(await file.read()))

    return app


def file():
    app = FastAPI()
    app.mount("/static", StaticFiles(directory=STATIC))
    return app


def hooks():
    app, outer, inner = FastAPI(), APIRouter(prefix="/b0"), APIRouter(prefix="/b1")

    @inner.get("/view", response_class=PlainTextResponse)
    async def view(request: Request):
        return str(request.state.before)

    def add(n):
        @app.middleware("http")
        async def hook(request, call_next):
            request.state.before = getattr(request.state, "before", 0) + 1
            response = await call_next(request)
            response.headers[f"X-After-{n}"] = "1"
            return response

    for n in range(3):
        add(n)
    outer.include_router(inner)
    app.include_router(outer)
    return app


def stream():
    app = FastAPI()

    async def chunks():
        for _ in range(CHUNKS):
            yield CHUNK

    @app.get("/stream")
    async def view():
        return StreamingResponse(chunks(), media_type="text/plain")

    return app


def async_view():
    app = FastAPI()

    @app.get("/async", response_class=PlainTextResponse)
    async def view():
        await asyncio.sleep(0)
        return "hello"

    return app


def sync_view():
    app = FastAPI()

    @app.get("/sync", response_class=PlainTextResponse)
    def view():
        return "hello"

    return app


def websocket_echo():
    app = FastAPI()

    @app.websocket("/ws")
    async def view(websocket: WebSocket):
        await websocket.accept()
        try:
            while True:
                await websocket.send_text(await websocket.receive_text())
        except WebSocketDisconnect:
            pass

    return app


def events():
    app = FastAPI()

    @app.get("/events", response_class=EventSourceResponse)
    async def view() -> AsyncIterable[ServerSentEvent]:
        for n in range(EVENTS):
            yield ServerSentEvent(raw_data=str(n))

    return app
