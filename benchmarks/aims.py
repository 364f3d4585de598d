"""What was set out to be reached, and what a run has measured of it, as the handbook's table."""

from __future__ import annotations

from benchmarks.peers.registry import PEERS
from benchmarks.tables import OURS, Costs, title_of

#: By row, how many times Flask's cost is to be ours under WSGI.
TIMES_FLASK = {
    "text": 8,
    "JSON": 8,
    "path parameter and query": 8,
    "404": 8,
    "static among 1000 routes": 8,
    "dynamic among 1000 routes": 8,
    "template, 20 rows": 3,
    "urlencoded form": 3,
    "signed session": 3,
    "upload of 1 MiB": 3,
    "async view": 5,
}


def aims(process: dict[str, Costs]) -> str:
    """Return the table of a run's first level, by protocol."""
    lines = ["| path | aim | measured | |", "|---|---|---|---|"]
    for face, rows in process.items():
        ahead, all_ahead = _ahead(face, rows)
        if not ahead:  # under RSGI there are no others
            continue
        lines.append(
            _line(f"every row under {face.upper()}", "faster than every other", ahead, all_ahead)
        )
    for name, times in TIMES_FLASK.items():
        row = process.get("wsgi", {}).get(name, {})
        if "flask" in row:
            ratio = row["flask"] / row[OURS]
            lines.append(
                _line(f"{name}, WSGI", f"{times}x Flask", f"{ratio:.1f}x", ratio >= times)
            )
    rows = process.get("asgi", {})
    ratios = {name: row["quart"] / row[OURS] for name, row in rows.items() if "quart" in row}
    over = [f"{name} {ratio:.1f}x" for name, ratio in ratios.items() if ratio >= 10]
    if ratios:
        measured = f"{len(over)} of {len(ratios)}: {', '.join(over) or 'none'}"
        lines.append(
            _line("every row under ASGI", "10x Quart", measured, len(over) == len(ratios))
        )
    return "\n".join(lines)


def _ahead(face: str, rows: Costs) -> tuple[str, bool]:
    """Say of each other how many rows cost less here, and whether all do."""
    parts, every = [], True
    for peer in PEERS[face]:
        ratios = [row[peer] / row[OURS] for row in rows.values() if peer in row and OURS in row]
        if peer not in (OURS, "bare") and ratios:
            won = sum(ratio > 1 for ratio in ratios)
            every = every and won == len(ratios)
            parts.append(f"{title_of(peer).capitalize()} in {won} of {len(ratios)}")
    return f"faster than {', '.join(parts)}" if parts else "", every


def _line(path: str, aim: str, measured: str, reached: bool) -> str:
    return f"| {path} | {aim} | {measured} | {'reached' if reached else '**not reached**'} |"
