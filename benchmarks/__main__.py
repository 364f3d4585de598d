"""Cruse beside its peers, in one run: ``python dev.py bench``."""

from __future__ import annotations

import argparse
import datetime
import json
import platform
import sys
from pathlib import Path
from typing import Any

from benchmarks import calls, servers, startup, turns
from benchmarks.aims import aims
from benchmarks.charts import chart
from benchmarks.measured import PATIENCE
from benchmarks.peers.registry import PEERS, versions
from benchmarks.tables import OURS, Costs, markdown, table, title_of, together
from benchmarks.workloads import WORKLOADS, workload_of

#: What is measured, and under which protocols. RSGI has the imports and the routes of ASGI.
LEVELS = {
    **dict.fromkeys(("process", "calls", "servers"), tuple(PEERS)),
    **dict.fromkeys(("startup", "growth"), ("wsgi", "asgi")),
}
#: What the servers are asked for, unless somebody wants something else.
SERVED = ("hello", "json", "parameter", "template", "session")
#: Who shows nothing there that is not seen already.
NOT_GROWING = {"bare", "falcon_pure"}
GROWTH = (
    *(f"routes-{count}" for count in (2, 10, 100, 1_000, 10_000)),
    *(f"nested-{depth}-0" for depth in range(5)),
    *(f"nested-1-{hooks}" for hooks in (1, 3, 10)),
)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__.partition(":")[0]
    )
    parser.add_argument(
        "--levels", nargs="+", choices=list(LEVELS), default=["process"], metavar="LEVEL",
        help=f"what is measured: {', '.join(LEVELS)} (process)",
    )  # fmt: skip
    parser.add_argument("--faces", nargs="+", choices=list(PEERS), default=list(PEERS))
    parser.add_argument("--peers", nargs="+", metavar="PEER", help="only these, and Cruse")
    parser.add_argument(
        "--workloads", nargs="+", choices=list(WORKLOADS), metavar="WORKLOAD",
        help=f"only these of {', '.join(WORKLOADS)}",
    )  # fmt: skip
    parser.add_argument("--rounds", type=int, default=15, help="batches of each (15)")
    parser.add_argument("--seconds", type=float, default=0.05, help="CPU time of a batch (0.05)")
    parser.add_argument("--quick", action="store_true", help="a few rounds of a few workloads")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--charts", type=Path, help="write the charts into this folder")
    parser.add_argument("--markdown", action="store_true", help="print the tables for a page")
    options = parser.parse_args(arguments)
    if options.quick:
        options.rounds, options.seconds = min(options.rounds, 5), min(options.seconds, 0.02)
        options.workloads = options.workloads or ["hello", "json", "template", "async_view"]
    return options


class Run:
    """One run: what it has found so far, printed as it comes."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.found: dict[str, Any] = {
            "date": datetime.date.today().isoformat(),
            "python": platform.python_version(),
            "machine": f"{platform.system()} {platform.machine()}",
            "versions": versions(),
            "rounds": options.rounds,
        }

    def peers(self, face: str) -> list[str]:
        """Return who is installed and asked for; Cruse always."""
        missing = {name for name, version in self.found["versions"].items() if version is None}
        wanted = {"cruse", *(self.options.peers or PEERS[face])} - missing
        return [name for name in PEERS[face] if name in wanted]

    def show(self, title: str, rows: Costs, face: str, unit: str = "µs") -> None:
        if self.options.markdown:
            print(f"\n{title}\n\n{markdown(rows, PEERS[face], unit)}\n", flush=True)
        else:
            print(f"\n{table(title, rows, PEERS[face], unit)}", flush=True)

    def _turns(self, face: str, peers: list[str], names: list[str], rounds: int) -> Costs:
        rows: Costs = {}
        for name, costs in turns.measure(face, peers, names, rounds, self.options.seconds):
            title = workload_of(name).title
            rows[title] = {peer: min(each) for peer, each in costs.items() if each}
            self._tell_late(title, [peer for peer, each in costs.items() if not each])
            print(".", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
        return rows

    def _tell_late(self, title: str, late: list[str]) -> None:
        if late:
            names = ", ".join(map(title_of, late))
            print(f"\n{title}: left out, after {PATIENCE} s of CPU without an answer: {names}")

    def process(self, face: str) -> None:
        names = self.options.workloads or list(WORKLOADS)
        rows = self._turns(face, self.peers(face), names, self.options.rounds)
        self.found.setdefault("process", {})[face] = rows
        title = f"{face.upper()}, in process: CPU time of a request"
        self.show(title, rows, face)
        if self.options.charts:
            picture = chart(title, rows, self.peers(face))
            (self.options.charts / f"performance-{face}.svg").write_text(picture)

    def faces(self) -> None:
        """Show what a request costs under each protocol, side by side."""
        rows: Costs = {}
        for face, costs in self.found["process"].items():
            for title, row in costs.items():
                if OURS in row:
                    rows.setdefault(title, {})[face.upper()] = row[OURS]
        columns = [face.upper() for face in self.found["process"]]
        print(f"\nCruse under each protocol\n\n{together(rows, columns)}\n", flush=True)

    def calls(self, face: str) -> None:
        found = calls.measure(face, self.peers(face), self.options.workloads or list(WORKLOADS))
        rows = {workload_of(name).title: row for name, row in found.items()}
        self.found.setdefault("calls", {})[face] = rows
        self.show(f"{face.upper()}, in process: Python calls of a request", rows, face, "")

    def servers(self, face: str) -> None:
        options = self.options
        names = options.workloads or list(SERVED)
        rounds, seconds = min(options.rounds, 3), 1.0 if options.quick else 2.0
        for server in servers.SERVERS[face]:
            found = dict(servers.measure(face, server, self.peers(face), names, rounds, seconds))
            self.found.setdefault("servers", {})[f"{server} {face}"] = found
            rows = {
                workload_of(name).title: {peer: cost["us"] for peer, cost in row.items()}
                for name, row in found.items()
            }
            self.show(f"{face.upper()} with {server}: CPU time of a request", rows, face)
            rates = {
                workload_of(name).title: {peer: cost["rate"] for peer, cost in row.items()}
                for name, row in found.items()
            }
            self.show(f"{face.upper()} with {server}: requests a second", rates, face, "1/s")

    def startup(self, face: str) -> None:
        title = f"{face.upper()}, before the first request ({startup.ROUTES} routes)"
        rows, late = startup.measure(face, self.peers(face), min(self.options.rounds, 4))
        self.found.setdefault("startup", {})[face] = rows
        self._tell_late(title, late)
        self.show(title, rows, face, "")

    def growth(self, face: str) -> None:
        peers = [peer for peer in self.peers(face) if peer not in NOT_GROWING]
        rows = self._turns(face, peers, list(GROWTH), min(self.options.rounds, 4))
        self.found.setdefault("growth", {})[face] = rows
        self.show(f"{face.upper()}, in process: how the cost grows", rows, face)


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    run = Run(options)
    head = {name: run.found[name] for name in ("date", "python", "machine", "versions")}
    print("  ".join(f"{k} {v}" for k, v in head.items() if k != "versions"))
    print("  ".join(f"{k} {v or '(missing)'}" for k, v in head["versions"].items()))
    if options.charts:
        options.charts.mkdir(parents=True, exist_ok=True)
    for level in options.levels:
        for face in options.faces:
            if face in LEVELS[level]:
                getattr(run, level)(face)
    if "process" in run.found and len(run.found["process"]) > 1:
        run.faces()
    if options.markdown and "process" in run.found:
        print(f"\nWhat was set out to be reached\n\n{aims(run.found['process'])}\n", flush=True)
    if options.json:
        options.json.write_text(json.dumps(run.found, indent=1, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
