# Annotations are read when the application starts: no postponed evaluation here.
import asyncio
import os

os.environ["APP_JINJA_EXTENSION"] = ".html"  # read when it is imported

from blacksheep import (
    Application,
    FromJSON,
    Request,
    Response,
    StreamedContent,
    WebSocket,
    json,
    text,
)
from blacksheep.server.rendering.jinja2 import JinjaRenderer
from blacksheep.server.responses import view_async
from blacksheep.server.routing import Router
from blacksheep.server.sse import ServerSentEventsResponse, TextServerSentEvent
from blacksheep.server.websocket import WebSocketDisconnectError
from blacksheep.settings.html import html_settings
from jinja2 import FileSystemLoader

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


def _app():
    return Application(router=Router())  # the default one belongs to the process


def hello():
    app = _app()

    @app.router.get("/")
    async def view():
        return text("hello")

    return app


not_found = hello


def give_json():
    app = _app()

    @app.router.get("/json")
    async def view():
        return json(ANSWER)

    return app


def parameter():
    app = _app()

    @app.router.get("/items/{int:number}")
    async def view(number: int, q: str, page: int = 1):
        return text(f"{number} {q} {page}")

    return app


def template():
    html_settings.use(JinjaRenderer(loader=FileSystemLoader(TEMPLATES), enable_async=True))
    app = _app()

    @app.router.get("/page")
    async def view():
        return await view_async("rows", {"title": TITLE, "rows": ROWS})

    return app


def form():
    app = _app()

    @app.router.post("/form")
    async def view(request: Request):
        fields = await request.form()
        return text(f"{fields['name']} {fields['email']}")

    return app


def echo():
    app = _app()

    @app.router.post("/echo")
    async def view(data: FromJSON[dict]):
        return json(data.value)

    return app


def use_session():
    app = _app()
    app.use_sessions(SECRET)

    @app.router.get("/session")
    async def view(request: Request):
        session = request.session
        session["visits"] = session.get("visits", 0) + 1
        return text(str(session["visits"]))

    return app


def routes(count):
    app = _app()

    async def static():
        return text("static")

    async def dynamic(number: int):
        return text(str(number))

    for n in range(count // 2):
        app.router.add_get(STATIC_RULE.format(n), static)
        app.router.add_get(f"{DYNAMIC_RULE.format(n)}/{{int:number}}", dynamic)
    return app


def upload():
    app = _app()

    @app.router.post("/upload")
    async def view(request: Request):
        (file,) = await request.files("file")
        data = file.data if isinstance(file.data, bytes) else file.file.read()
        return text(str(len(data)))

    return app


def file():
    app = _app()
    app.serve_files(STATIC, root_path="static")
    return app


def hooks():
    inner = Router(prefix="/b0/b1")
    app = Application(router=Router(sub_routers=[inner]))

    @inner.get("/view")
    async def view(request: Request):
        return text(str(request.scope["before"]))

    def add(n):
        field = f"X-After-{n}".encode()

        async def middleware(request, handler):
            request.scope["before"] = request.scope.get("before", 0) + 1
            response = await handler(request)
            response.add_header(field, b"1")
            return response

        app.middlewares.append(middleware)

    for n in range(3):
        add(n)
    return app


def stream():
    app = _app()

    async def chunks():
        for _ in range(CHUNKS):
            yield CHUNK.encode()

    @app.router.get("/stream")
    async def view():
        return Response(200, content=StreamedContent(b"text/plain", chunks))

    return app


def async_view():
    app = _app()

    @app.router.get("/async")
    async def view():
        await asyncio.sleep(0)
        return text("hello")

    return app


def websocket_echo():
    app = _app()

    @app.router.ws("/ws")
    async def view(websocket: WebSocket):
        await websocket.accept()
        try:
            while True:
                await websocket.send_text(await websocket.receive_text())
        except WebSocketDisconnectError:
            pass

    return app


def events():
    app = _app()

    async def numbers():
        for n in range(EVENTS):
            yield TextServerSentEvent(str(n))

    @app.router.get("/events")
    async def view():
        return ServerSentEventsResponse(numbers)

    return app


def inline_view():
    app = _app()

    @app.router.get("/sync")
    def view():  # it runs on the loop
        return text("hello")

    return app
