"""The process of one framework and one workload (``... -m benchmarks.measured wsgi flask json``).

It says that it is ready, then answers each line on its standard input with the CPU time of one
more batch, in microseconds for one request. What a framework prints goes to standard error.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import sys
from typing import Any

from benchmarks.gateways import ASGI, WSGI
from benchmarks.rsgi import RSGI
from benchmarks.workloads import Sent, workload_of

BATCH = 0.03  # seconds of CPU time
#: Seconds of CPU time until an application has to have given its first answers.
PATIENCE = 6
GATEWAYS = {"wsgi": WSGI, "asgi": ASGI, "rsgi": RSGI}


def end_after(seconds: float) -> None:
    """Let the signal ``SIGPROF`` end this process after so much CPU time; 0 calls that off."""
    signal.setitimer(signal.ITIMER_PROF, seconds)


def make_app(face: str, peer: str, build: str, *arguments: Any) -> Any:
    """Return a peer's application; raise ``LookupError`` when it has none for this."""
    module = importlib.import_module(f"benchmarks.peers.{face}.{peer}")
    builder = getattr(module, build, None)
    if builder is None:
        raise LookupError(f"{peer} has no {build!r} under {face}")
    return builder(*arguments)


def checked(face: str, peer: str, name: str) -> tuple[Any, list[Any]]:
    """Return a gateway and its requests, each kind of answer seen to be right."""
    workload = workload_of(name)
    app = make_app(face, peer, workload.build, *workload.arguments)
    gateway = GATEWAYS[face](app)
    learnt: dict[str, str] = {}
    if workload.learn is not None:
        learnt = workload.learn(gateway.ask(gateway.prepare(workload.make(0))))

    def make(n: int) -> Sent:
        sent = workload.make(n)
        return sent._replace(headers={**sent.headers, **learnt})

    sample = {0, workload.variants // 2, workload.variants - 1}
    for sent in map(make, sorted(sample)):
        workload.check(sent, gateway.ask(gateway.prepare(sent)))
    return gateway, [gateway.prepare(make(n)) for n in range(workload.variants)]


def calibrated(gateway: Any, requests: list[Any], seconds: float) -> int:
    """Return how many requests take so long."""
    count = 1
    while (spent := gateway.batch(requests, count)) < seconds / 4:
        count *= 2
    return max(1, round(count * seconds / spent))


def main(face: str, peer: str, name: str, seconds: float = BATCH) -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def say(value: Any) -> None:
        print(json.dumps(value), file=answers, flush=True)

    end_after(PATIENCE)
    try:
        gateway, requests = checked(face, peer, name)
    except LookupError as error:
        say({"lacks": str(error)})
        return
    count = calibrated(gateway, requests, seconds)
    end_after(0)
    say({"count": count})
    for _ in sys.stdin:
        gc.collect()
        say(gateway.batch(requests, count) / count * 1e6)
    gateway.close()


if __name__ == "__main__":
    main(*sys.argv[1:4], *map(float, sys.argv[4:]))
