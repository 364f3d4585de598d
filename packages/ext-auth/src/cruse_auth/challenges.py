"""What a ``WWW-Authenticate`` field says (RFC 9110 section 11.6.1, RFC 6750 section 3)."""

from __future__ import annotations

__all__ = ["challenge"]


def challenge(scheme: str, **parameters: str) -> str:
    """Return a challenge, its parameters as quoted strings (RFC 9110 section 5.6.4)."""
    fields = ", ".join(f"{name}={_quoted(value)}" for name, value in parameters.items())
    return f"{scheme} {fields}"


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
