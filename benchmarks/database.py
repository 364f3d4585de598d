"""What a request pays for the database: cruse-db beside what else is used.

    python benchmarks/database.py [--rounds 200] [--postgres postgresql+psycopg://user@/name]

SQLite is measured always, PostgreSQL where its URL is given (an empty database), each for plain
code and for an event loop. Each library has a process of its own, as where it is used: in one for
all, CPython would fit SQLAlchemy's code to one library's classes and be slow with the others'.
The processes run one small block each, turn by turn, so that whatever else the machine does hits
them alike. The figure is that of the best tenth of the blocks (the others were interrupted), per
request, in microseconds; behind it is how many times as long the other takes, and the Python
functions that one request enters, which are the same on every machine.

"SQLAlchemy, warm" is the least that is possible with it: nothing around a session on an engine of
cruse-db, and the statement built before. The rows are an application's context and what is done in
it; "whole request" is a view that an application calls for a request over WSGI. Each of the others
is set up as its documentation does, with a file of its own on SQLite. Those that are not installed
are left out:

    pip install flask-sqlalchemy flask-sqlalchemy-lite advanced-alchemy django aiosqlite asyncpg
"""

import argparse
import asyncio
import gc
import json
import os
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack, asynccontextmanager, contextmanager, nullcontext

from database_peers import (
    GET,
    INSERT,
    LIST,
    PEERS,
    REQUEST,
    SEVENTH,
    TOUCHED,
    TWENTY,
    UNTOUCHED,
    Item,
    async_rows_of,
    filled,
    rows_of,
    whole_request,
)
from sqlalchemy.orm import Session
from turns import Measured

from cruse import Cruse
from cruse_db import Database

BLOCK = 4  # short, so that some are never interrupted


def cruse_app(url):
    app = Cruse("bench")
    app.config["DB_URL"] = url
    return app, Database(app)


def cruse_rows(url):
    app, db = cruse_app(filled(url))

    def in_context(work):
        def run():
            with app.app_context():
                work()

        return run

    def insert():
        with db.transaction() as session:
            session.add(Item(name="x"))

    return {
        UNTOUCHED: in_context(lambda: None),
        TOUCHED: in_context(lambda: db.session),
        GET: in_context(lambda: db.get(Item, 7)),
        REQUEST: whole_request(app, lambda key: db.get(Item, key).name),
        LIST: in_context(lambda: db.session.scalars(TWENTY).all()),
        INSERT: in_context(insert),
    }


def cruse_rows_on_loop(url):
    app, db = cruse_app(filled(url).replace("+psycopg", "+asyncpg"))

    def in_context(work):
        async def run():
            async with app.app_context():
                await work()

        return run

    async def nothing():
        pass

    async def touch():
        db.aio.session  # noqa: B018 - opened by being read

    async def list_twenty():
        (await db.aio.session.scalars(TWENTY)).all()

    async def insert():
        async with db.transaction() as session:
            session.add(Item(name="x"))

    return {
        UNTOUCHED: in_context(nothing),
        TOUCHED: in_context(touch),
        GET: in_context(lambda: db.aio.get(Item, 7)),
        LIST: in_context(list_twenty),
        INSERT: in_context(insert),
    }


def least_rows(url):
    """Return the rows for SQLAlchemy alone, at its best: what is left is what ours costs."""
    app, db = cruse_app(filled(url))
    with app.app_context():
        engine = db.engine

    @contextmanager
    def enter():
        with Session(engine, expire_on_commit=False) as session:
            yield lambda: session

    rows = rows_of(enter, lambda session: session.scalar(SEVENTH, {"key": 7}))
    del rows[UNTOUCHED]
    return rows


def least_rows_on_loop(url):
    from sqlalchemy.ext.asyncio import AsyncSession

    app, db = cruse_app(filled(url).replace("+psycopg", "+asyncpg"))

    @asynccontextmanager
    async def enter():
        with app.app_context():
            engine = db.aio.engine  # of the loop that runs
        async with AsyncSession(engine, expire_on_commit=False) as session:
            yield session

    return async_rows_of(enter, lambda session: session.scalar(SEVENTH, {"key": 7}))


LIBRARIES = {
    "cruse-db": (cruse_rows, cruse_rows_on_loop),
    "SQLAlchemy, warm": (least_rows, least_rows_on_loop),
    **PEERS,
}


# -- the process of a library --------------------------------------------------------------------


def take(function):
    function()  # what was done meanwhile has filled the processor's caches
    start = time.perf_counter()
    for _ in range(BLOCK):
        function()
    return (time.perf_counter() - start) / BLOCK * 1e6


async def take_on_loop(function):
    await function()
    start = time.perf_counter()
    for _ in range(BLOCK):
        await function()
    return (time.perf_counter() - start) / BLOCK * 1e6


def count(function):
    """Return how many Python functions are entered, where nothing of before is cleaned up."""
    counts = []
    for _ in range(5):
        with counted() as found:
            function()
        counts.append(len(found))
    return min(counts)


async def count_on_loop(function):
    counts = []
    for _ in range(5):
        with counted() as found:
            await function()
        counts.append(len(found))
    return min(counts)


@contextmanager
def counted():
    found = []
    gc.collect()
    gc.disable()
    sys.setprofile(lambda frame, event, argument: event == "call" and found.append(None))
    try:
        yield found
    finally:
        sys.setprofile(None)
        gc.enable()
    del found[-1]  # our own end


def serve(library, on_loop, url):
    """Tell the rows that there are, then answer each line with the figure of a block."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def say(value):
        print(json.dumps(value), file=answers, flush=True)

    make = LIBRARIES[library][on_loop]
    try:
        rows = {} if make is None else make(url)
    except ImportError as error:
        print(f"{library}: {error}", file=sys.stderr)
        rows = {}
    say(list(rows))
    # One loop for all: the connections belong to it.
    with asyncio.Runner() if on_loop else nullcontext() as runner:
        for line in sys.stdin:
            what, _, row = line.strip().partition(" ")
            if on_loop:
                measure = {"take": take_on_loop, "count": count_on_loop}[what]
                say(runner.run(measure(rows[row])))
            else:
                say({"take": take, "count": count}[what](rows[row]))


# -- all of them ---------------------------------------------------------------------------------


def compare(postgres, colour, rounds, only):
    """Return ``{row: {library: (microseconds of each round, calls)}}``."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as running:
        rows, processes = {}, {}
        for name in LIBRARIES:
            url = postgres or f"sqlite:///{folder}/{name}.db"
            process = Measured(name, __file__, "--serve", name, "--colour", colour, "--url", url)
            running.callback(process.close)
            processes[name] = process
            rows[name] = process.hear()
        taken = {}
        for row in only or rows["cruse-db"]:
            having = [name for name in LIBRARIES if row in rows[name]]
            figures = {name: [] for name in having}
            for number in range(rounds + 4):
                for name in having:
                    figure = processes[name].batch(f"take {row}")
                    if number >= 4:  # the first ones fill caches and open connections
                        figures[name].append(figure)
            taken[row] = {
                name: (found, processes[name].batch(f"count {row}"))
                for name, found in figures.items()
            }
        return taken


def best(figures):
    """Return the figure that one block in ten is as fast as."""
    return statistics.quantiles(figures, n=10)[0]


def show(title, taken):
    names = [name for name in LIBRARIES if any(name in found for found in taken.values())]
    print(f"\n| {title} | " + " | ".join(names) + " |\n|---" + "|---" * len(names) + "|")
    for row, found in taken.items():
        mine = best(found["cruse-db"][0])
        cells = []
        for name in names:
            if name not in found:
                cells.append("")
                continue
            figures, calls = found[name]
            theirs = best(figures)
            text = f"{theirs:.0f}" if name == "cruse-db" else f"{theirs / mine:.2f}x"
            cells.append(f"{text} ({calls})")
        print(f"| {row} | " + " | ".join(cells) + " |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--postgres", help="the URL of an empty database, with +psycopg")
    parser.add_argument("--rows", nargs="+", help="only these")
    parser.add_argument("--serve", choices=LIBRARIES, help=argparse.SUPPRESS)
    parser.add_argument("--colour", choices=["sync", "async"], help="only this one")
    parser.add_argument("--url", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.colour == "async", options.url)
        return
    for postgres in dict.fromkeys((None, options.postgres)):
        for colour in [options.colour] if options.colour else ["sync", "async"]:
            title = f"{'PostgreSQL' if postgres else 'SQLite'}, {colour}, µs (calls)"
            show(title, compare(postgres, colour, options.rounds, options.rows))


if __name__ == "__main__":
    main()
