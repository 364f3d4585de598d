"""Blueprints that own their URL prefix: they answer for the errors of URLs that no rule matched.

Which blueprint such a URL belongs to does not follow from a rule, as there is none; as in Flask
it belongs to no blueprint, unless one says that all below its prefix is its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from cruse.context import Context

__all__ = ["PrefixOwner", "blueprints_for_errors", "owner_of"]


class PrefixOwner(NamedTuple):
    """A registered blueprint that owns its prefix."""

    #: The prefix in segments; one with a variable part takes any text.
    segments: tuple[str, ...]
    subdomain: str | None
    #: The name it is registered under, with those of the blueprints around it.
    name: str

    def owns(self, path: list[str], subdomain: str | None) -> bool:
        """Whether a path, in segments, is below the prefix."""
        return (
            len(path) >= len(self.segments)
            and all("<" in s or s == p for s, p in zip(self.segments, path, strict=False))
            and (self.subdomain is None or self.subdomain == subdomain)
        )

    @property
    def scopes(self) -> tuple[str, ...]:
        """The names of the blueprint and of those around it, innermost first."""
        parts = self.name.split(".")
        return tuple(".".join(parts[:end]) for end in range(len(parts), 0, -1))


def owner_of(prefix: str | None, subdomain: str | None, name: str) -> PrefixOwner:
    """Describe a blueprint's prefix, such as ``"/shop/<lang>"``."""
    return PrefixOwner(tuple(filter(None, (prefix or "").split("/"))), subdomain, name)


def blueprints_for_errors(ctx: Context, blueprints: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the blueprints whose error handlers are asked, innermost first.

    Args:
        ctx: The context of the request.
        blueprints: Those of the endpoint that matched. When none did, the owner of the longest
            prefix of the path takes their place.
    """
    owners = ctx.app.prefix_owners
    if not owners or ctx.route is not None:
        return blueprints
    # The request's path, not the context's: that one raises for bytes that are not UTF-8, and
    # this is where such errors are answered.
    path = [segment for segment in ctx.request.path.split("/") if segment]
    adapter = ctx.url_adapter if any(owner.subdomain is not None for owner in owners) else None
    subdomain = None if adapter is None else adapter.subdomain
    owning = [owner for owner in owners if owner.owns(path, subdomain)]
    return max(owning, key=lambda owner: len(owner.segments)).scopes if owning else ()
