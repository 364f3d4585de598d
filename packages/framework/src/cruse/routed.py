"""What a request tells of its route."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from werkzeug.exceptions import HTTPException
    from werkzeug.routing import Rule

    from cruse.context import Matched

__all__ = ["Routed"]


class Routed:
    """A request, as far as routing goes."""

    #: What it belongs to: its context, until that has ended.
    context: Matched | None

    @property
    def url_rule(self) -> Rule | None:
        """The rule that matched, ``None`` when none did."""
        return None if self.context is None else self.context.url_rule

    @url_rule.setter
    def url_rule(self, rule: Rule | None) -> None:
        self._own_context().url_rule = rule

    @property
    def view_args(self) -> dict[str, Any] | None:
        """The values of the variable parts of the rule, ``None`` when none matched."""
        return None if self.context is None else self.context.view_args

    @view_args.setter
    def view_args(self, values: dict[str, Any] | None) -> None:
        self._own_context().view_args = values

    @property
    def routing_exception(self) -> HTTPException | None:
        """Why no rule matched: mostly 404, 405 or a redirect."""
        return None if self.context is None else self.context.routing_exception

    @routing_exception.setter
    def routing_exception(self, error: HTTPException | None) -> None:
        self._own_context().routing_exception = error

    def _own_context(self) -> Matched:
        if self.context is None:
            raise RuntimeError(
                "This request belongs to no application, so it can't be told what rule it matched."
                " 'app.test_request_context()' makes one that does."
            )
        return self.context

    @property
    def endpoint(self) -> str | None:
        """The endpoint that matched, such as ``"blog.index"``."""
        return None if self.context is None else self.context.endpoint

    @property
    def blueprint(self) -> str | None:
        """The full dotted name of the blueprint that the endpoint belongs to."""
        endpoint = self.endpoint
        return endpoint.rpartition(".")[0] if endpoint is not None and "." in endpoint else None

    @property
    def blueprints(self) -> list[str]:
        """The names of the blueprint and of those it is nested in, innermost first."""
        name = self.blueprint
        if name is None:
            return []
        parts = name.split(".")
        return [".".join(parts[:end]) for end in range(len(parts), 0, -1)]
