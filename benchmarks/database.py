"""What a request pays for the database: cruse-db beside plain SQLAlchemy and Flask-SQLAlchemy.

    python benchmarks/database.py [--rounds 40]

All variants run in this process, one small block after another, turn by turn, so that whatever
else the machine does hits them alike. The figure is the median over the blocks, per request, in
microseconds; the ratio is the median of the ratios within each turn. SQLite, a file in WAL mode.
Flask-SQLAlchemy takes part if it is installed.
"""

import argparse
import statistics
import tempfile
import time

from sqlalchemy import String, create_engine
from sqlalchemy.orm import Session

from cruse import Cruse
from cruse_db import Database, Mapped, Model, column, select

BLOCK = 30
ROWS = 2000


class Item(Model):
    id: Mapped[int] = column(primary_key=True)
    name: Mapped[str] = column(String(50))
    a: Mapped[int] = column(default=1)
    b: Mapped[int] = column(default=2)
    c: Mapped[str] = column(default="three")


LIST = select(Item).order_by(Item.id).limit(20)


def cruse_variants(folder):
    app = Cruse("bench")
    app.config["DB_URL"] = f"sqlite:///{folder}/bench.db"
    db = Database(app)
    with app.app_context():
        db.create_all()
        with db.begin() as session:
            session.add_all(Item(id=n, name=str(n)) for n in range(1, ROWS + 1))
    number = iter(range(10**9))

    def context(work):
        def run():
            with app.app_context():
                work()

        return run

    def insert():
        with db.transaction() as session:
            session.add(Item(name=str(next(number))))

    return app, {
        "untouched": context(lambda: None),
        "touched, no SQL": context(lambda: db.session),
        "get by key": context(lambda: db.get(Item, 7)),
        "list of 20": context(lambda: db.session.scalars(LIST).all()),
        "insert and commit": context(insert),
    }


def sqlalchemy_variants(folder):
    engine = create_engine(f"sqlite:///{folder}/bench.db")

    def in_session(work):
        def run():
            with Session(engine) as session:
                work(session)

        return run

    def insert(session):
        session.add(Item(name="x"))
        session.commit()

    return {
        "touched, no SQL": in_session(lambda session: None),
        "get by key": in_session(lambda session: session.get(Item, 7)),
        "list of 20": in_session(lambda session: session.scalars(LIST).all()),
        "insert and commit": in_session(insert),
    }


def flask_variants(folder):
    try:
        from flask import Flask
        from flask_sqlalchemy import SQLAlchemy
    except ImportError:
        return {}
    app = Flask("bench")
    app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{folder}/bench.db"
    db = SQLAlchemy(app)

    def context(work):
        def run():
            with app.app_context():
                work()

        return run

    def insert():
        db.session.add(Item(name="x"))
        db.session.commit()

    return {
        "untouched": context(lambda: None),
        "touched, no SQL": context(lambda: db.session()),
        "get by key": context(lambda: db.session.get(Item, 7)),
        "list of 20": context(lambda: db.session.scalars(LIST).all()),
        "insert and commit": context(insert),
    }


def block(function):
    start = time.perf_counter()
    for _ in range(BLOCK):
        function()
    return (time.perf_counter() - start) / BLOCK * 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        app, ours = cruse_variants(folder)
        others = {
            "SQLAlchemy": sqlalchemy_variants(folder),
            "Flask-SQLAlchemy": flask_variants(folder),
        }
        print(f"{'':20}{'cruse-db':>10}" + "".join(f"{name:>28}" for name in others))
        for row, function in ours.items():
            peers = {name: each[row] for name, each in others.items() if row in each}
            taken = {name: [] for name in ("cruse-db", *peers)}
            for _ in range(rounds):
                taken["cruse-db"].append(block(function))
                for name, peer in peers.items():
                    taken[name].append(block(peer))
            line = f"{row:20}{statistics.median(taken['cruse-db']):>10.1f}"
            for name in others:
                if name not in peers:
                    line += f"{'':>28}"
                    continue
                pairs = zip(taken[name], taken["cruse-db"], strict=True)
                ratio = statistics.median(theirs / mine for theirs, mine in pairs)
                line += f"{statistics.median(taken[name]):>18.1f} ({ratio:>5.2f} x)"
            print(line)
        app.stop()


if __name__ == "__main__":
    main()
