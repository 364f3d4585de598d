"""What there is before the first request: imports, memory, and the first answer of many routes.

Each figure comes from fresh processes that take turns; the smallest one was disturbed least.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROUTES = 5_000
#: What users import of each framework, where it is not the package.
IMPORTS = {
    "cruse": "from cruse import Cruse",  # the package alone loads nothing
    "falcon": "import falcon.asgi",
    "django": "import django.core.wsgi, django.http, django.urls",
    "pyramid": "import pyramid.config, pyramid.response",
    "starlette": "import starlette.applications, starlette.routing, starlette.responses",
}
# Before anything else is imported: what the measuring needs, the framework may need too.
IMPORT = """
import sys, time
before = time.process_time()
{statement}
print((time.process_time() - before) * 1000)
"""


def _kib() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def one(face: str, peer: str, routes: int) -> None:
    """Make an application of so many routes, ask it once, and print what that took."""
    import gc
    import time

    from benchmarks.measured import GATEWAYS, PATIENCE, end_after, make_app
    from benchmarks.workloads import workload_of

    workload = workload_of(f"routes-{routes}")
    make_app(face, peer, "hello")  # the modules that an application needs
    gc.collect()
    end_after(PATIENCE)
    idle, started = _kib(), time.process_time()
    app = make_app(face, peer, "routes", routes)
    made = time.process_time()
    gateway = GATEWAYS[face](app)
    sent = workload.make(0)
    answer = gateway.ask(gateway.prepare(sent))
    first = time.process_time() - made
    workload.check(sent, answer)
    end_after(0)
    gc.collect()
    costs = {"idle KiB": idle, "made ms": (made - started) * 1000, "first ms": first * 1000}
    print(json.dumps({**costs, "KiB for 1000 routes": (_kib() - idle) * 1000 / routes}))
    gateway.close()


def measure(
    face: str, peers: list[str], rounds: int
) -> tuple[dict[str, dict[str, float]], list[str]]:
    """Return each figure's name with its smallest value, by framework, and who took too long."""
    late: list[str] = []
    costs: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as cache:
        # What is installed came compiled, a checkout need not be: here all share one cache.
        environment = {
            **os.environ, "PYTHONPYCACHEPREFIX": cache, "PYTHONDONTWRITEBYTECODE": "",
        }  # fmt: skip

        def run(*arguments: str) -> str:
            command = [sys.executable, "-W", "ignore", *arguments]
            done = subprocess.run(
                command, cwd=ROOT, env=environment, check=False, text=True, capture_output=True
            )
            if done.returncode == -signal.SIGPROF:  # see benchmarks/measured.py
                return "{}"
            done.check_returncode()
            return done.stdout.splitlines()[-1]

        for turn in range(rounds + 1):  # the first one only fills the cache
            for peer in peers:
                if peer in {"bare", "falcon_pure"}:  # what is compiled makes no difference there
                    continue
                code = IMPORT.format(statement=IMPORTS.get(peer, f"import {peer}"))
                found = {"import ms": float(run("-c", code))}
                if turn <= 2 and peer not in late:  # memory is the same each time
                    routes = str(ROUTES if turn else 2)
                    more = json.loads(run("-m", "benchmarks.startup", face, peer, routes))
                    late += [] if more else [peer]
                    found |= more
                for name, value in found.items() if turn else ():
                    row = costs.setdefault(name, {})
                    row[peer] = min(row.get(peer, value), value)
    return costs, late


if __name__ == "__main__":
    one(sys.argv[1], sys.argv[2], int(sys.argv[3]))
