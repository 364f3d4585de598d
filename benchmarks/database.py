"""What a request pays for the database: cruse-db beside what else is used.

    python benchmarks/database.py [--rounds 200] [--postgres postgresql+psycopg://user@/name]

SQLite is measured always, PostgreSQL where its URL is given (an empty database), each for plain
code and for an event loop. All variants of a row run in one process, one small block after
another, turn by turn, so that whatever else the machine does hits them alike. The figure is that
of the best tenth of the blocks (the others were interrupted), per request, in microseconds; behind
it is how many times as long the other takes. Each is set up as its documentation does, with a file
of its own on SQLite. Those that are not installed are left out:

    pip install flask-sqlalchemy flask-sqlalchemy-lite advanced-alchemy django aiosqlite asyncpg
"""

import argparse
import asyncio
import statistics
import subprocess
import sys
import tempfile
import time

from database_peers import GET, INSERT, LIST, PEERS, TOUCHED, TWENTY, UNTOUCHED, Item, filled

from cruse import Cruse
from cruse_db import Database

BLOCK = 10


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


def variants(folder, postgres, on_loop):
    """Return ``{library: {row: function}}`` of all that are installed."""

    def url_for(name):
        return postgres or f"sqlite:///{folder}/{name}.db"

    ours = cruse_rows_on_loop if on_loop else cruse_rows
    found = {"cruse-db": ours(url_for("cruse"))}
    for name, (plain, loop) in PEERS.items():
        make = loop if on_loop else plain
        if make is None:
            continue
        try:
            found[name] = make(url_for(name))
        except ImportError as error:
            print(f"{name}: {error}")
    return found


def take(function):
    function()  # the others have filled the processor's caches with theirs
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


async def measure(found, rounds, on_loop):
    """Return ``{row: {library: the figures of each round}}``."""
    taken = {}
    for row in found["cruse-db"]:
        functions = {name: rows[row] for name, rows in found.items() if row in rows}
        figures = taken[row] = {name: [] for name in functions}
        for number in range(rounds + 2):
            for name, function in functions.items():
                figure = await take_on_loop(function) if on_loop else take(function)
                if number >= 2:  # the first ones fill caches and open connections
                    figures[name].append(figure)
    return taken


def best(figures):
    """Return the figure that one block in ten is as fast as."""
    return statistics.quantiles(figures, n=10)[0]


def show(title, names, taken):
    print(f"\n{title:20}" + "".join(f"{name:>24}" for name in names))
    for row, figures in taken.items():
        line = f"{row:20}"
        for name in names:
            cell = ""
            if name in figures:
                mine, theirs = best(figures["cruse-db"]), best(figures[name])
                cell = f"{theirs:.1f}"
                cell += "" if name == "cruse-db" else f" ({theirs / mine:.2f} x)"
            line += f"{cell:>24}"
        print(line)


def run(postgres, on_loop, rounds):
    with tempfile.TemporaryDirectory() as folder:
        found = variants(folder, postgres, on_loop)
        if on_loop:
            taken = asyncio.run(measure(found, rounds, on_loop))
        else:
            taken = drive(measure(found, rounds, on_loop))
        where = "PostgreSQL" if postgres else "SQLite"
        show(f"{where}, {'async' if on_loop else 'sync'}", list(found), taken)


def drive(coroutine):
    """Run a coroutine that waits for nothing; here no loop may be running."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise RuntimeError("It waited.")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--postgres", help="the URL of an empty database, with +psycopg")
    parser.add_argument("--only", choices=["sync", "async"], help="one colour, in this process")
    options = parser.parse_args()
    if options.only:
        run(options.postgres, options.only == "async", options.rounds)
        return
    # Each in a process of its own: Django has one configuration for each.
    for postgres in dict.fromkeys((None, options.postgres)):
        for colour in ("sync", "async"):
            command = [sys.executable, __file__, "--rounds", str(options.rounds)]
            command += ["--only", colour]
            if postgres:
                command += ["--postgres", postgres]
            subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
