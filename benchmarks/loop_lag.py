"""How late an event loop is while 200 slow plain views run beside it, under ASGI and RSGI.

    python benchmarks/loop_lag.py

A task asks every millisecond how late it is woken; the views sleep as one that waits for a
database. Ends with 1 when the loop was ever 50 milliseconds late.
"""

import argparse
import asyncio
import sys
import time
from pathlib import Path

from cruse import Cruse

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.faces import through_rsgi

TICK = 0.001  # seconds
ALLOWED = 50.0  # milliseconds


async def latenesses(stop: asyncio.Event) -> list[float]:
    """Return how late each tick was, in milliseconds."""
    late = []
    while not stop.is_set():
        due = time.perf_counter() + TICK
        await asyncio.sleep(TICK)
        late.append((time.perf_counter() - due) * 1000)
    return late


async def measure(app: Cruse, views: int) -> list[float]:
    client, stop = app.async_test_client(), asyncio.Event()
    await client.get("/")  # starts the application
    ticking = asyncio.ensure_future(latenesses(stop))
    visits = []
    for _ in range(views):  # one by one, as a server takes them from its connections
        visits.append(asyncio.ensure_future(client.get("/")))
        await asyncio.sleep(0)
    answers = await asyncio.gather(*visits)
    stop.set()
    assert {answer.text for answer in answers} == {"slow"}
    late = await ticking
    await app.stop_on_loop()
    return sorted(late)


def main() -> int:
    parser = argparse.ArgumentParser(description="How late a loop is beside slow plain views.")
    parser.add_argument("--views", type=int, default=200)
    views = parser.parse_args().views
    worst = 0.0
    for face in ("asgi", "rsgi"):
        app = Cruse("slow", static_folder=None)
        app.get("/")(lambda: time.sleep(0.05) or "slow")
        late = asyncio.run(measure(through_rsgi(app) if face == "rsgi" else app, views))
        worst = max(worst, late[-1])
        middle, most = late[len(late) // 2], late[len(late) * 99 // 100]
        print(
            f"{face}   {views} views, {len(late)} ticks: median {middle:.1f} ms late, "
            f"99th {most:.1f} ms, worst {late[-1]:.1f} ms (allowed {ALLOWED:.0f})"
        )
    return int(worst > ALLOWED)


if __name__ == "__main__":
    sys.exit(main())
