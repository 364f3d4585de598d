"""Litestar sends its static files anew to who has them: nothing is compared there."""

# Annotations are read when the application is made: no postponed evaluation here.
import asyncio
from typing import Annotated, Any

from litestar import Litestar, MediaType, Request, Router, WebSocket, get, post, websocket_listener
from litestar.contrib.jinja import JinjaTemplateEngine
from litestar.datastructures import MutableScopeHeaders, UploadFile
from litestar.enums import RequestEncodingType
from litestar.middleware import ASGIMiddleware
from litestar.middleware.session.client_side import CookieBackendConfig
from litestar.params import Body
from litestar.response import ServerSentEvent, Stream, Template
from litestar.template.config import TemplateConfig

from benchmarks.peers.common import (
    ANSWER,
    CHUNK,
    CHUNKS,
    DYNAMIC_RULE,
    EVENTS,
    ROWS,
    SECRET,
    STATIC_RULE,
    TEMPLATES,
    TITLE,
)


def hello():
    @get("/", media_type=MediaType.TEXT)
    async def view() -> str:
        return "hello"

    return Litestar([view])


not_found = hello


def give_json():
    @get("/json")
    async def view() -> dict[str, Any]:
        return ANSWER

    return Litestar([view])


def parameter():
    @get("/items/{number:int}", media_type=MediaType.TEXT)
    async def view(number: int, q: str, page: int = 1) -> str:
        return f"{number} {q} {page}"

    return Litestar([view])


def template():
    @get("/page")
    async def view() -> Template:
        return Template("rows.html", context={"title": TITLE, "rows": ROWS})

    config = TemplateConfig(directory=TEMPLATES, engine=JinjaTemplateEngine)
    return Litestar([view], template_config=config)


Fields = Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)]


def form():
    @post("/form", media_type=MediaType.TEXT, status_code=200)
    async def view(data: Fields) -> str:
        return f"{data['name']} {data['email']}"

    return Litestar([view])


def echo():
    @post("/echo", status_code=200)
    async def view(data: dict[str, Any]) -> dict[str, Any]:
        return data

    return Litestar([view])


def use_session():
    @get("/session", media_type=MediaType.TEXT)
    async def view(request: Request[Any, Any, Any]) -> str:
        session = request.session
        session["visits"] = session.get("visits", 0) + 1
        return str(session["visits"])

    config = CookieBackendConfig(secret=SECRET[:32].encode())
    return Litestar([view], middleware=[config.middleware])


def routes(count):
    def static(n):
        @get(STATIC_RULE.format(n), media_type=MediaType.TEXT)
        async def view() -> str:
            return "static"

        return view

    def dynamic(n):
        @get(f"{DYNAMIC_RULE.format(n)}/{{number:int}}", media_type=MediaType.TEXT)
        async def view(number: int) -> str:
            return str(number)

        return view

    return Litestar([make(n) for n in range(count // 2) for make in (static, dynamic)])


Multipart = Annotated[dict[str, UploadFile], Body(media_type=RequestEncodingType.MULTI_PART)]


def upload():
    @post("/upload", media_type=MediaType.TEXT, status_code=200)
    async def view(data: Multipart) -> str:
        return str(len(await data["file"].read()))

    return Litestar([view])


class Hook(ASGIMiddleware):
    def __init__(self, field: str) -> None:
        self.field = field

    async def handle(self, scope, receive, send, next_app):
        async def send_with_field(message):
            if message["type"] == "http.response.start":
                MutableScopeHeaders.from_message(message)[self.field] = "1"
            await send(message)

        scope["state"]["before"] = scope["state"].get("before", 0) + 1
        await next_app(scope, receive, send_with_field)


def hooks():
    @get("/view", media_type=MediaType.TEXT)
    async def view(request: Request[Any, Any, Any]) -> str:
        return str(request.state.before)

    inner = Router("/b1", route_handlers=[view], middleware=[Hook("x-after-2")])
    outer = Router("/b0", route_handlers=[inner], middleware=[Hook("x-after-1")])
    return Litestar([outer], middleware=[Hook("x-after-0")])


def stream():
    async def chunks():
        for _ in range(CHUNKS):
            yield CHUNK

    @get("/stream")
    async def view() -> Stream:
        return Stream(chunks(), media_type="text/plain")

    return Litestar([view])


def async_view():
    @get("/async", media_type=MediaType.TEXT)
    async def view() -> str:
        await asyncio.sleep(0)
        return "hello"

    return Litestar([view])


def sync_view():
    @get("/sync", media_type=MediaType.TEXT, sync_to_thread=True)
    def view() -> str:
        return "hello"

    return Litestar([view])


def websocket_echo():
    @websocket_listener("/ws")
    async def view(data: str, socket: WebSocket[Any, Any, Any]) -> str:
        return data

    return Litestar([view])


def events():
    async def numbers():
        for n in range(EVENTS):
            yield str(n)

    @get("/events")
    async def view() -> ServerSentEvent:
        return ServerSentEvent(numbers())

    return Litestar([view])
