"""What a commit costs on a disk that takes its time, beside SQLAlchemy as it comes.

How long a disk needs until it has really stored something differs from 0.1 ms to 50 ms, and in
virtual machines nobody knows; and how long a process has to wait for a core depends on what else
the machine does. So the time of a row is taken to be that of the processor, and 10 ms for each
time that the disk is waited for, which strace counts.
"""

import json
import os
import shutil
import subprocess
import sys
import time

from sqlalchemy import MetaData, create_engine
from sqlalchemy.orm import Session

from cruse import Cruse
from cruse_db import Database, IntegerKey, Mapped, Model

TIMES = 200
WAIT = 0.01  # seconds


class Base(Model):
    __abstract__ = True
    metadata = MetaData()


class Drop(IntegerKey, Base):
    words: Mapped[str]


def least(store):
    """Store rows, one for each commit; return the least processor time of one, in seconds."""
    times = []
    for _ in range(TIMES):
        start = time.process_time()
        store()
        times.append(time.process_time() - start)
    return min(times)


def ours(folder):
    db = Database(metadata=Base.metadata)
    app = Cruse(__name__, instance_path=folder)
    app.use(db)

    def store():
        with db.begin() as session:
            session.add(Drop(words="drop"))

    with app.app_context():
        db.create_all()
        return least(store)


def theirs(folder):
    engine = create_engine(f"sqlite:///{folder}/app.db")
    Base.metadata.create_all(engine)

    def store():
        with Session(engine) as session:
            session.add(Drop(words="drop"))
            session.commit()

    return least(store)


def on_a_slow_disk(name, folder):
    """Return the time of a row, in seconds, and how often the disk was waited for."""
    folder.mkdir()
    program = shutil.which("strace")
    assert program, "strace is missing (Debian: apt install strace)"
    traced = (program, "-f", "--seccomp-bpf", "-o", folder / "calls", "-e", "fsync,fdatasync")
    done = subprocess.run(
        [*traced, sys.executable, __file__, name, folder],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        check=True,
    )
    waits = (folder / "calls").read_text().count("sync(")
    return json.loads(done.stdout) + waits * WAIT / TIMES, waits


def test_a_row_is_stored_in_a_tenth_of_the_time(tmp_path):
    mine, my_waits = on_a_slow_disk("ours", tmp_path / "ours")
    other, other_waits = on_a_slow_disk("theirs", tmp_path / "theirs")
    assert other > 10 * mine
    assert my_waits < TIMES < other_waits  # not once for each commit; there more than once


if __name__ == "__main__":
    json.dump({"ours": ours, "theirs": theirs}[sys.argv[1]](sys.argv[2]), sys.stdout)
