"""Who is compared, under which protocol."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

#: The frameworks under each protocol: ours, then a function without one, then the others.
PEERS = {
    "wsgi": ["cruse", "bare", "falcon", "falcon_pure", "bottle", "pyramid", "flask", "django"],
    "asgi": [
        "cruse",
        "bare",
        "falcon",
        "falcon_pure",
        "blacksheep",
        "starlette",
        "litestar",
        "sanic",
        "fastapi",
        "quart",
    ],
    "rsgi": ["cruse", "bare"],
}

#: Whose distribution has another name.
DISTRIBUTIONS = {"falcon_pure": "falcon"}


def versions() -> dict[str, str | None]:
    """Return the version of each framework, ``None`` for those that are not installed."""
    found: dict[str, str | None] = {}
    for name in sorted({name for peers in PEERS.values() for name in peers} - {"bare"}):
        try:
            found[name] = version(DISTRIBUTIONS.get(name, name))
        except PackageNotFoundError:
            found[name] = None
    return found
