"""What an async view costs under WSGI: Cruse and Flask in turns, CPU time of all threads.

python benchmarks/async_views.py
"""

import argparse
import asyncio
import statistics
import time

import flask
from werkzeug.test import create_environ

import cruse

ENVIRON = create_environ()  # both frameworks have werkzeug


def add_view(app):
    @app.get("/")
    async def index():
        await asyncio.sleep(0)
        return "hello"

    return app


def measure(app, requests: int) -> float:
    """Return the CPU time of a request in microseconds."""
    begin = time.process_time()
    for _ in range(requests):
        body = app(ENVIRON.copy(), lambda status, headers, exc_info=None: None)
        assert b"".join(body) == b"hello"
        getattr(body, "close", lambda: None)()
    return (time.process_time() - begin) / requests * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description="What an async view costs under WSGI.")
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    apps = {
        "Flask": add_view(flask.Flask("flask_app", static_folder=None)),
        "Cruse": add_view(cruse.Cruse("cruse_app", static_folder=None)),
    }
    times: dict[str, list[float]] = {name: [] for name in apps}
    for _ in range(options.rounds + 1):
        for name, app in apps.items():
            times[name].append(measure(app, options.requests))
    middles = {}
    for name, (_, *measured) in times.items():  # the first round warms up
        middles[name] = statistics.median(measured)
        low, high = min(measured), max(measured)
        print(f"{name:8}{middles[name]:8.0f} us a request   ({low:.0f} to {high:.0f})")
    print(f"Cruse's costs {middles['Flask'] / middles['Cruse']:.1f} times less.")


if __name__ == "__main__":
    main()
