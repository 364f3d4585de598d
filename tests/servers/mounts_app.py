"""A Flask and a Starlette application, mounted on one of Cruse."""

import flask
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from cruse import Cruse

app = Cruse(__name__, static_folder=None)
app.get("/")(lambda: "cruse")

old = flask.Flask(__name__, static_folder=None)


@old.post("/echo")
def echo():
    return f"{flask.url_for('echo')} {flask.request.get_data(as_text=True)}"


@old.get("/count")
def count():
    return flask.Response(f"{number}\n" for number in range(3))


async def new_echo(request):
    text = (await request.body()).decode()
    return PlainTextResponse(f"{request.url_for('echo').path} {text}")


async def new_count(request):
    async def numbers():
        for number in range(3):
            yield f"{number}\n"

    return StreamingResponse(numbers())


new = Starlette(
    routes=[Route("/echo", new_echo, methods=["POST"], name="echo"), Route("/count", new_count)]
)

app.mount("/flask", old)
app.mount("/starlette", new)
