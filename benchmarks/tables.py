"""Results as text."""

from __future__ import annotations

OURS = "cruse"

#: Microseconds by row and framework.
Costs = dict[str, dict[str, float]]


def title_of(name: str) -> str:
    """Return the name of a framework as it is shown."""
    return name.replace("_", " ")


def table(title: str, rows: Costs, columns: list[str], unit: str = "µs") -> str:
    """Return a table: our own cost, and the others' as multiples of it."""
    others = [
        name for name in columns if name != OURS and any(name in row for row in rows.values())
    ]
    lines = [
        title,
        f"{'':28}{OURS + ' ' + unit:>12}" + "".join(f"{title_of(name):>12}" for name in others),
    ]
    for name, row in rows.items():
        ours = row.get(OURS)
        cells = [_ratio(row.get(other), ours) for other in others]
        mine = "-" if ours is None else f"{ours:.1f}"
        lines.append(f"{name:28}{mine:>12}" + "".join(f"{cell:>12}" for cell in cells))
    return "\n".join(lines)


def markdown(rows: Costs, columns: list[str], unit: str = "µs") -> str:
    """Return the same for the handbook."""
    others = [
        name for name in columns if name != OURS and any(name in row for row in rows.values())
    ]
    first = f"{OURS}, {unit}" if unit else OURS
    lines = ["| | " + " | ".join([first, *map(title_of, others)]) + " |"]
    lines.append("|---|" + "---:|" * (len(others) + 1))
    for name, row in rows.items():
        ours = row.get(OURS)
        cells = ["-" if ours is None else f"{ours:.1f}"]
        cells += [_ratio(row.get(other), ours) for other in others]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def together(rows: Costs, columns: list[str], unit: str = "µs") -> str:
    """Return a table of figures as they are, for the handbook."""
    lines = ["| | " + " | ".join(f"{column}, {unit}" for column in columns) + " |"]
    lines.append("|---|" + "---:|" * len(columns))
    for name, row in rows.items():
        cells = [f"{row[column]:.1f}" if column in row else "-" for column in columns]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _ratio(theirs: float | None, ours: float | None) -> str:
    if theirs is None:
        return "-"
    return f"{theirs:.1f}" if ours is None else f"{theirs / ours:.2f}x"
