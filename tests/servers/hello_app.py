"""A small application that shows a server's every side: sync and async, streams, start and end."""

import asyncio
import time

from cruse import Cruse, request

app = Cruse(__name__)
log = []


@app.startup
async def start():
    log.append("started")


@app.get("/")
def hello():
    return "Hello, World!"


@app.get("/async")
async def hello_later():
    await asyncio.sleep(0)
    return {"hello": "world", "log": log}


@app.post("/echo")
async def echo():
    return request.get_data(), {"Content-Type": "application/octet-stream"}


@app.get("/slow/<name>")
def slow(name):
    time.sleep(0.2)
    return name


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


@app.get("/teardown")
def torn_down():
    @app.teardown_request
    def never(exc):
        """Not reached: the application is set up already."""


@app.get("/grüße/<name>")
def greet(name):
    return f"Grüße, {name}!"
