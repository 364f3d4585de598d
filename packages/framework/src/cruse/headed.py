"""What a request tells of its client's address, and by header fields that are more than text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from werkzeug.datastructures import IfRange, ImmutableList, MIMEAccept
from werkzeug.http import parse_accept_header, parse_if_range_header

from cruse.dates import client_date, readable_dates
from cruse.lazy import lazy

if TYPE_CHECKING:
    from datetime import datetime

    from werkzeug.datastructures import Headers

    from cruse.typing import WSGIEnvironment

__all__ = ["Headed"]


class Headed:
    """A request, as far as its header fields go."""

    environ: WSGIEnvironment
    headers: Headers

    @lazy
    def remote_addr(self) -> str | None:
        """The address of the client, or of the proxy in front."""
        return self.environ.get("REMOTE_ADDR")

    @lazy
    def access_route(self) -> ImmutableList[str]:
        """The addresses on the request's way here, the client's first.

        More than the one that has connected only with ``TRUSTED_PROXIES``: whatever else
        ``X-Forwarded-For`` says, anybody can have sent.
        """
        route = self.environ.get("cruse.access_route")
        if route is None:
            route = [self.remote_addr] if self.remote_addr else []
        return ImmutableList(route)

    @lazy
    def accept_mimetypes(self) -> MIMEAccept:
        """The media types that the client takes (RFC 9110 section 12.5.1)."""
        # Werkzeug looks for the end of a run of blanks from each of them: seconds for 60 kB.
        field = " ".join(self.environ.get("HTTP_ACCEPT", "").split())
        return parse_accept_header(field, MIMEAccept)

    @lazy
    def date(self) -> datetime | None:
        """When the client made the request."""
        return client_date(self.headers.get("Date"))

    @lazy
    def if_modified_since(self) -> datetime | None:
        """The client has a copy of this date (RFC 9110 section 13.1.3)."""
        return client_date(self.headers.get("If-Modified-Since"))

    @lazy
    def if_unmodified_since(self) -> datetime | None:
        """The client wants to change what it saw at this date (RFC 9110 section 13.1.4)."""
        return client_date(self.headers.get("If-Unmodified-Since"))

    @lazy
    def if_range(self) -> IfRange:
        """Which copy the client has a part of (RFC 9110 section 13.1.5)."""
        copy = parse_if_range_header(readable_dates(self.environ).get("HTTP_IF_RANGE"))
        try:
            copy.to_header()
        except (OverflowError, ValueError):  # half a tag, or a year 10,000 in UTC
            return IfRange()
        return copy
