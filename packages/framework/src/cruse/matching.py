"""How a request finds its route, and what becomes of one that finds none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import RequestRedirect, RoutingException, WebsocketMismatch

from cruse.headerfields import without_controls
from cruse.routing import HANDSHAKE, NOWHERE

if TYPE_CHECKING:
    from cruse.app import Cruse
    from cruse.context import Context
    from cruse.plans import Plan

__all__ = ["Matcher", "refuse"]

# What is raised by itself when no rule matches.
_UNMATCHED = frozenset({NotFound, MethodNotAllowed})


class Matcher:
    """Finds the routes of an application's requests.

    Args:
        app: The application.
        own_adapter: Whether it has its own way to make URL adapters.
    """

    __slots__ = ("alone", "config", "router")

    def __init__(self, app: Cruse, own_adapter: bool) -> None:
        self.router = app.router
        self.config = app.config
        #: Whether the path and the method decide, and not the host.
        self.alone = not (own_adapter or app.subdomain_matching)

    def match(self, ctx: Context) -> None:
        """Find the route of a request; what routing raises is kept for after the hooks."""
        try:
            if self.alone and self.config["TRUSTED_HOSTS"] is None:
                router, path = self.router, ctx.path
                method = ctx.method if ctx.websocket is None else HANDSHAKE
                table = router.table
                if table.version != router.map.version:
                    table = router.current()
                known = table.static.get(path)
                if known is not None and (route := known.get(method)) is not None:
                    ctx.route = route
                    ctx.view_args = {} if route.defaults is None else route.defaults.copy()
                    return
                found = router.match(path, method)
                if found is NOWHERE:
                    ctx.routing_exception = NotFound()
                    return
                if found is not None:
                    ctx.route, ctx.view_args = found
                    return
            self._ask_adapter(ctx)
        except WebsocketMismatch as error:
            from cruse.websockets import UpgradeRequired

            ctx.routing_exception = error if ctx.websocket else UpgradeRequired(ctx.request)
        except HTTPException as error:
            if isinstance(error, RequestRedirect):  # it keeps the query, whatever is in that
                error.new_url = without_controls(error.new_url)
            ctx.routing_exception = error
        except Exception as error:  # a converter's: answered as a view's would be
            ctx.routing_exception = cast("HTTPException", error)

    def _ask_adapter(self, ctx: Context) -> None:
        adapter = ctx.url_adapter
        if adapter is not None:
            rule, ctx.view_args = adapter.match(  # type: ignore[assignment]
                ctx.path, ctx.method, return_rule=True, websocket=ctx.websocket is not None
            )
            ctx.route = self.router.route(rule)


def refuse(ctx: Context, plan: Plan, error: Any) -> Any:
    """Raise what routing raised; return it where nobody handles errors, for it is an answer."""
    app = ctx.app
    if (
        type(error) in _UNMATCHED
        and ctx.websocket is None  # it may be accepted, and is closed then
        and not (plan.handles or app.error_handler_spec or app.trap_http_exception(error))
    ):
        return error  # to raise it takes as long as all else that is done with it
    if error is None or plan.handles or isinstance(error, RoutingException):
        app.raise_routing_exception(ctx.request)
    raise error  # that would do nothing else, and the request need not be made for it
