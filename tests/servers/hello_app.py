"""A small application that shows a server's every side: sync and async, streams, start and end."""

import asyncio

from cruse import Blueprint, Cruse, Response, abort, request, send_early_hints, websocket

app = Cruse(__name__)
app.config["COMPRESS_RESPONSES"] = ["gzip"]
log = []


@app.startup
async def start():
    log.append("started")


@app.get("/")
def hello():
    return "Hello, World!"


@app.get("/long")
async def hello_long():
    response = Response("Hello, World! " * 1_000)
    response.set_etag("first")
    return response.make_conditional(request)


@app.get("/async")
async def hello_later():
    await asyncio.sleep(0)
    return {"hello": "world", "log": log}


@app.post("/echo")
async def echo():
    return request.get_data(), {"Content-Type": "application/octet-stream"}


@app.post("/impatient", stream=True)
async def impatient():
    """Give up each wait at once, and begin anew, until a piece is there."""
    chunks, taken = aiter(request.stream), b""
    while True:
        try:
            async with asyncio.timeout(0.001):
                taken += await anext(chunks)
        except TimeoutError:
            continue
        except StopAsyncIteration:
            return taken


@app.get("/count")
async def count():
    async def numbers():
        for number in range(3):
            yield f"{number}\n"
            await asyncio.sleep(0)

    return numbers(), {"Content-Type": "text/plain"}


@app.get("/count/sync")
def count_sync():
    return (f"{number}\n" for number in range(3)), {"Content-Type": "text/plain"}


@app.get("/grüße/<name>")
def greet(name):
    return f"Grüße, {name}!"


shared = Blueprint("shared", __name__, cors={"origins": ["https://shop.example"]})


@shared.get("/shared")
def hinted():
    return {"told": send_early_hints("</app.css>; rel=preload; as=style")}


@shared.put("/shared")
async def hinted_later():
    return {"told": send_early_hints("</app.css>; rel=preload; as=style")}


app.register_blueprint(shared)


@app.websocket("/echo/live")
async def echo_live():
    async for message in websocket:
        await websocket.send(message)


@app.websocket("/leave")
async def leave():
    await websocket.close(4001, "enough")


@app.websocket("/forbidden")
async def forbidden():
    await websocket.accept()
    abort(403)
