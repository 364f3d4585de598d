"""The chart of the handbook, as SVG: each framework a dot on the line of its workload."""

from __future__ import annotations

from html import escape
from math import ceil, floor, log10

from benchmarks.tables import OURS, Costs, title_of

WIDTH, LEFT, RIGHT, STEP, TOP = 860, 220, 30, 26, 64
COLORS = (
    "#d62728", "#1f77b4", "#2ca02c", "#ff7f0e", "#9467bd", "#8c564b", "#17becf", "#bcbd22",
    "#e377c2", "#7f7f7f",
)  # fmt: skip


def chart(title: str, rows: Costs, columns: list[str]) -> str:
    """Return a chart of what a request costs beside ours, on a logarithmic scale."""
    others = [name for name in columns if name not in (OURS, "bare")]
    ratios = {
        name: {peer: row[peer] / row[OURS] for peer in others if peer in row}
        for name, row in rows.items()
        if OURS in row
    }
    every = [ratio for row in ratios.values() for ratio in row.values()] or [1.0]
    low, high = min(-0.1, log10(min(every)) - 0.1), log10(max(every)) + 0.1
    height = TOP + STEP * len(ratios) + 44

    def x(ratio: float) -> float:
        return LEFT + (log10(ratio) - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img"'
        f' aria-label="{escape(title)}" font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="10" y="20" font-size="15" font-weight="bold">{escape(title)}</text>',
    ]
    bottom = TOP + STEP * len(ratios)
    for power in range(floor(low), ceil(high) + 1):
        for digit in (1, 2, 5):
            mark = digit * 10.0**power
            if low <= log10(mark) <= high:
                stroke = "#333" if mark == 1 else "#ddd"
                parts.append(
                    f'<path d="M{x(mark):.1f} {TOP - 8}V{bottom}" stroke="{stroke}"/>'
                    f'<text x="{x(mark):.1f}" y="{bottom + 18}" text-anchor="middle">'
                    f"{mark:g}x</text>"
                )
    for place, peer in enumerate(others):
        at = 16 + place * (WIDTH - RIGHT) / max(1, len(others))  # the names need all the width
        parts.append(
            f'<circle cx="{at:.1f}" cy="38" r="5" fill="{COLORS[place % len(COLORS)]}"/>'
            f'<text x="{at + 9:.1f}" y="42">{escape(title_of(peer))}</text>'
        )
    for line, (name, row) in enumerate(ratios.items()):
        y = TOP + STEP * line + 10
        parts.append(f'<text x="{LEFT - 12}" y="{y + 4}" text-anchor="end">{escape(name)}</text>')
        parts += [
            f'<circle cx="{x(ratio):.1f}" cy="{y}" r="5" fill-opacity="0.85"'
            f' fill="{COLORS[others.index(peer) % len(COLORS)]}"><title>{escape(peer)}:'
            f" {ratio:.2f}</title></circle>"
            for peer, ratio in row.items()
        ]
    parts.append(
        f'<text x="{LEFT}" y="{bottom + 36}" fill="#555">CPU time of one request; 1x is Cruse,'
        " to the right is slower</text></svg>"
    )
    return "\n".join(parts) + "\n"
