"""``flask.testing.FlaskClient``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cruse.testing import CruseClient
from cruse_flask.aliases import Alias

if TYPE_CHECKING:
    from werkzeug.wrappers import Request

__all__ = ["FlaskClient"]


class FlaskClient(CruseClient, metaclass=Alias):
    """Makes requests to an application without a server."""

    stands_for = CruseClient

    def _request_from_builder_args(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Request:
        # The test client of Flask-SocketIO calls it by this name, as a socket's first request.
        return self.build_request(args, kwargs)
