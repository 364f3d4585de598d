"""The response: werkzeug's, whose header machinery is built only when somebody touches it."""

from __future__ import annotations

import re
from functools import lru_cache
from types import AsyncGeneratorType, GeneratorType
from typing import TYPE_CHECKING, Any, cast

from werkzeug.datastructures import Headers
from werkzeug.http import HTTP_STATUS_CODES, dump_cookie, remove_entity_headers
from werkzeug.utils import get_content_type
from werkzeug.wrappers.response import Response as WerkzeugResponse

from cruse.dates import readable_dates
from cruse.globals import _cv
from cruse.headerfields import (
    GOOD_NAMES,
    Fields,
    ResponseHeaders,
    as_uri,
    check_names,
    headers_of,
    is_token,
)
from cruse.lazy import lazy

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Iterable, Mapping
    from datetime import datetime, timedelta
    from http import HTTPStatus
    from typing import Self

    from werkzeug.wrappers import Request as WerkzeugRequest

    from cruse.context import Context
    from cruse.typing import WSGIEnvironment

__all__ = [
    "BODILESS",
    "NO_WHOLE",
    "STATUS_LINES",
    "STREAMS",
    "Response",
    "add_cookie",
    "has_no_body",
    "vary_by",
]

EVENTS = "text/event-stream"

# werkzeug's phrases, which other responses have: those of the standard library change with Python.
STATUS_LINES = {code: f"{code} {phrase.upper()}" for code, phrase in HTTP_STATUS_CODES.items()}
_STATUSES: dict[Any, tuple[int, str]] = {line[0]: line for line in STATUS_LINES.items()}


@lru_cache(64)
def _content_type(mimetype: str) -> tuple[str, str]:
    return "Content-Type", get_content_type(mimetype, "utf-8")


_COOKIE_DOMAIN = r"[^\s;,=\x00-\x1f]*"  # compiled at the first use
_TEXTS = str, bytes, bytearray  # a union would be made at each use
_SEQUENCES = list, tuple
#: Usual bodies that are none of these, for it is quicker to know them; `cruse.sse` adds its own.
STREAMS: set[type] = {AsyncGeneratorType, GeneratorType, map}
#: The statuses of responses that must not have a body (RFC 9110 section 6.4.1).
BODILESS = frozenset({*range(100, 200), 204, 304})
has_no_body = BODILESS.__contains__
# What werkzeug's `remove_entity_headers` removes of a 304 (RFC 2616 section 10.3.5).
_OF_ENTITIES = frozenset(
    {
        *("allow", "content-encoding", "content-language", "content-length", "content-md5"),
        *("content-range", "content-type", "last-modified"),
    }
)
_LOCATIONS = frozenset({"location", "content-location"})


def vary_by(response: WerkzeugResponse, field: str) -> None:
    """Add the name of a field to those that the response depends on."""
    if isinstance(response, Response) and response._headers is None and not response._own_ways:
        response._headers = [("Vary", field)]  # the usual case
        return
    given = response.headers.getlist("Vary")
    if not given:
        response.headers.add("Vary", field)
    elif field not in given:  # else the usual case, at a tenth of the cost
        response.vary.add(field)


def add_cookie(response: WerkzeugResponse, cookie: str) -> None:
    """Add a ``Set-Cookie`` field."""
    added = response._headers if isinstance(response, Response) else None
    if type(added) is list and cookie.isprintable():
        added.append(("Set-Cookie", cookie))
    else:
        response.headers.add("Set-Cookie", cookie)


NO_WHOLE: list[bytes] = []  # stands for "there is none", never changed


class Response(WerkzeugResponse):
    """What goes back to the client.

    Args:
        response: The body: text, bytes, or a sync or async iterable of either.
        status: A number, or a line such as ``"404 NOT FOUND"``.
        headers: Header fields, a mapping or pairs.
        mimetype: The media type; ``charset=utf-8`` is added to text types.
        content_type: The whole ``Content-Type``, instead of ``mimetype``.
        direct_passthrough: Pass the iterable to the server as it is (files).
    """

    default_mimetype: str | None = "text/html"
    autocorrect_location_header = False
    direct_passthrough = False
    #: Whether it is compressed where ``COMPRESS_RESPONSES`` is on. Set False to send it as it is.
    compress = True

    def __init__(
        self,
        response: Iterable[bytes] | Iterable[str] | AsyncIterable[Any] | bytes | str | None = None,
        status: int | str | HTTPStatus | None = None,
        headers: Mapping[str, Any] | Iterable[tuple[str, str]] | None = None,
        mimetype: str | None = None,
        content_type: str | None = None,
        direct_passthrough: bool = False,
    ) -> None:
        self._headers = self._closing = None  # they are made when they are touched
        known = _STATUSES.get(self.default_status if status is None else status)
        if (
            known is not None
            and headers is None
            and content_type is None
            and (mimetype is None or mimetype.isprintable())  # no line breaks: a header of its own
        ):
            # The usual case costs nothing but these.
            self._status_code, self._status = known
            if mimetype is not None:
                self._mimetype = mimetype
            kind = type(response)
            if kind is str:
                self.response = self.whole = [response.encode()]  # type: ignore[union-attr]
                return
            if kind is bytes:
                self.response = self.whole = [response]  # type: ignore[list-item]
                return
            if kind in STREAMS or not isinstance(response, _TEXTS):
                self.whole = NO_WHOLE
                self.response = [] if response is None else response  # type: ignore[assignment]
                if direct_passthrough:
                    self.direct_passthrough = direct_passthrough
                return
        self.whole = NO_WHOLE
        super().__init__(
            cast("Any", response), status, headers, mimetype, content_type, direct_passthrough
        )

    def _clean_status(self, value: str | int | HTTPStatus) -> tuple[str, int]:
        status, code = super()._clean_status(value)
        if not status.isprintable():  # a line break would begin a header field
            raise ValueError(f"The status {status!r} has a line break or a control character.")
        return status, code

    # Each response has these of its own: where the class has them, too, Python looks twice.
    #: The header fields: ``None`` until somebody touches them, and a list as long as the framework
    #: alone has added some to those that follow from the body: what it varies by, then cookies.
    _headers: Headers | list[tuple[str, str]] | None
    _closing: list[Callable[[], Any]] | None
    #: The body in one piece, for a response that was made of text or bytes and nothing else.
    whole: list[bytes]
    _status_code: int
    _status: str
    _mimetype: str | None = None
    #: Whether the constructor has the arguments of this class's, in their order.
    takes_in_order = True
    #: Whether a subclass has a say in the headers of every response, or in its end.
    _own_ways = False
    #: What a class has beside its ``plain_head`` that makes the same of the same kind each time.
    _head_kind: object = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.takes_in_order = cls.__init__ is Response.__init__ and cls.__new__ is Response.__new__
        cls._own_ways = (
            cls.get_wsgi_headers is not Response.get_wsgi_headers
            or cls.close is not Response.close
            or cls.headers is not Response.headers
            or "_head_kind" not in next(c for c in cls.__mro__ if "plain_head" in vars(c)).__dict__
        )
        if not (cls._own_ways or cls._head_kind is None or "_head_kind" in cls.__dict__):
            cls._head_kind = cls  # it may have another media type

    if TYPE_CHECKING:
        headers: Headers
        _on_close: list[Callable[[], Any]]
    else:

        @property
        def headers(self) -> Headers:
            """The header fields."""
            headers = self._headers
            if headers is None or type(headers) is list:
                headers = self._headers = headers_of(self.plain_head(headers or []))
            return headers

        @headers.setter
        def headers(self, headers: Headers) -> None:
            self._headers = headers

        @property
        def _on_close(self) -> list[Callable[[], Any]]:
            if self._closing is None:
                self._closing = []
            return self._closing

        @_on_close.setter
        def _on_close(self, functions: list[Callable[[], Any]]) -> None:
            self._closing = functions

    def close(self) -> None:
        """Close the body, and call what waits for the end of the response."""
        if hasattr(self.response, "close"):
            self.response.close()
        for function in self._closing or ():
            function()

    def set_cookie(
        self,
        key: str,
        value: str = "",
        max_age: timedelta | int | None = None,
        expires: str | datetime | int | float | None = None,
        path: str | None = "/",
        domain: str | None = None,
        secure: bool = False,
        httponly: bool = False,
        samesite: str | None = None,
        partitioned: bool = False,
    ) -> None:
        """Set a cookie (RFC 6265).

        A name that starts with ``__Host-`` or ``__Secure-`` makes it secure: browsers drop the
        cookie otherwise (RFC 6265bis section 4.1.3).

        Args:
            key: The name.
            value: What the browser keeps and sends back.
            max_age: For how many seconds; until the browser is closed unless given.
            expires: Until when, instead of ``max_age``.
            path: For which paths.
            domain: For all hosts of this domain; for the very host unless given.
            secure: Send it over HTTPS only.
            httponly: Keep it from scripts.
            samesite: ``"Lax"``, ``"Strict"`` or ``"None"``: who has it of other sites' requests.
            partitioned: One cookie per embedding site; implies ``secure``.

        Raises:
            ValueError: When browsers would not keep it: the name is none, it is longer than
                ``MAX_COOKIE_SIZE``, or it is not what its name promises.
        """
        prefix = key[:7].lower()
        if not is_token(key):
            raise ValueError(f"{key!r} is no name of a cookie: letters, digits and hyphens are.")
        if prefix == "__host-" and (domain is not None or path != "/"):
            raise ValueError(
                f"The cookie {key!r} is for the very host that sets it and for all its paths: its "
                "name promises that. Leave 'domain' and 'path' out."
            )
        if domain is not None and re.fullmatch(_COOKIE_DOMAIN, domain) is None:
            raise ValueError(f"{domain!r} is no domain for the cookie {key!r}.")
        cookie = dump_cookie(
            key,
            value,
            max_age=max_age,
            expires=expires,
            path=path,
            domain=domain,
            secure=secure or prefix == "__host-" or key[:9].lower() == "__secure-",
            httponly=httponly,
            max_size=0,
            samesite=samesite,
            partitioned=partitioned,
        )
        if not cookie.isprintable():  # werkzeug escapes the controls, but for the last of them
            cookie = re.sub(r"[\x1a-\x1f]", lambda found: f"\\{ord(found[0]):03o}", cookie)
        limit = self.max_cookie_size
        if limit and len(cookie) > limit:
            raise ValueError(
                f"The cookie {key!r} would have {len(cookie)} bytes, but browsers drop one of more"
                f" than {limit} (MAX_COOKIE_SIZE). Keep the value elsewhere and its key here."
            )
        self.headers.add("Set-Cookie", cookie)

    @classmethod
    def force_type(
        cls, response: WerkzeugResponse, environ: WSGIEnvironment | None = None
    ) -> Self:
        """Make a response, or what a WSGI application answers, one of this class."""
        if isinstance(response, Response):
            response.headers  # noqa: B018 - made from its own class's defaults before that goes
        forced = cast("Self", super().force_type(response, environ))
        kept = forced.__dict__
        if "_headers" not in kept:  # werkzeug's own has these where our properties hide them
            forced._headers, forced._closing = kept["headers"], kept["_on_close"]
            forced.whole = NO_WHOLE
        return forced

    @property
    def max_cookie_size(self) -> int:  # type: ignore[override]
        """The size in bytes above which a cookie is refused, from ``MAX_COOKIE_SIZE``."""
        context = _cv.get(None)
        if context is None:
            return WerkzeugResponse.max_cookie_size
        return cast("int", context.app.config["MAX_COOKIE_SIZE"])

    @lazy
    def json_module(self) -> Any:
        """What parses the body in ``get_json()``: the application's provider."""
        context = _cv.get(None)
        return WerkzeugResponse.json_module if context is None else context.app.json

    def plain_head(self, defaults: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return the header fields that follow from the body alone, and the given ones."""
        mimetype = self._mimetype or self.default_mimetype
        whole = self.whole
        if self.response is not whole:
            return [*([_content_type(mimetype)] if mimetype else ()), *defaults]
        length = ("Content-Length", str(len(whole[0])))
        if mimetype is None:
            return [length, *defaults]
        return [_content_type(mimetype), length, *defaults]

    def known_head(self, defaults: list[tuple[str, str]]) -> list[tuple[str, str]] | None:
        """Return the header fields of a :attr:`plain` response or stream, ``None`` for another."""
        body, whole = self.response, self.whole
        if (
            ((added := self._headers) is not None and not (type(added) is list and self._asks_us))
            or self._own_ways
            or self._status_code in BODILESS
        ):
            return None
        if body is not whole:
            if (
                whole  # what it was before: nothing is known of one that takes its place
                or added is not None
                or type(body) not in STREAMS
                or type(defaults) is not Fields
                or self.direct_passthrough
            ):
                return None
            kind = self._head_kind or self._mimetype or self.default_mimetype
            known = defaults.heads.get(kind)
            return known.copy() if known else defaults.add_head(kind, self.plain_head(defaults))
        if self._closing:
            return None
        if added is not None:
            defaults = self.behind_added(defaults)
        mimetype = self._mimetype or self.default_mimetype
        length = ("Content-Length", str(len(whole[0])))
        if mimetype is None:
            return [length, *defaults]
        return [_content_type(mimetype), length, *defaults]

    @property
    def _asks_us(self) -> bool:
        """Whether ``get_wsgi_headers`` is the usual.

        That of a response alone is not looked for in its ``__dict__``, which Python would make.
        """
        return getattr(self.get_wsgi_headers, "__func__", None) is _get_wsgi_headers

    def behind_added(self, defaults: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return what was added to a plain response, and the defaults that it does not replace."""
        added: Any = self._headers or ()
        if isinstance(defaults, Fields) and defaults.apart:
            return [*added, *defaults]
        given = {name.lower() for name, _ in added}
        return [*added, *(field for field in defaults if field[0].lower() not in given)]

    @property
    def to_close(self) -> bool:
        """Whether anything is to be called when it was sent."""
        return bool(self._closing) or type(self).close is not Response.close

    @property
    def has_end(self) -> bool:
        """Whether :meth:`close` has anything to do."""
        return bool(self._closing) or self._own_ways or hasattr(self.response, "close")

    @property
    def plain_stream(self) -> bool:
        """Whether nobody touched more than body and status of a stream: no length, no headers."""
        if self._headers is not None or self._own_ways or self._status_code in BODILESS:
            return False
        return type(self.response) in STREAMS and not self.direct_passthrough

    @property
    def only_whole(self) -> bool:
        """Whether the body is sent in one piece and then nothing is to be done."""
        return (
            self.response is self.whole
            and not self._closing
            and self._status_code not in BODILESS
            and type(self).close is Response.close
        )

    @property
    def plain(self) -> bool:
        """Whether nobody touched more than body and status: one piece, headers as they follow.

        The framework may have added some; see :meth:`behind_added`. What is asked here is asked
        by :meth:`known_head` and the ASGI gateway's ``send_plain``, too, a call being too much.
        """
        if (
            ((added := self._headers) is not None and not (type(added) is list and self._asks_us))
            or self.response is not self.whole
            or self._closing is not None
            or self._own_ways
        ):
            return False
        return self._status_code not in BODILESS

    def make_conditional(
        self,
        request_or_environ: WSGIEnvironment | WerkzeugRequest,
        accept_ranges: bool | str = False,
        complete_length: int | None = None,
    ) -> Self:
        """Answer the conditions of a request (RFC 9110, sections 13 and 14).

        Args:
            request_or_environ: The request, or its environ.
            accept_ranges: Whether to answer range requests, or the unit of ranges.
            complete_length: How many bytes the body has, for ranges.

        Raises:
            RequestedRangeNotSatisfiable: When the client asks for a part behind the end (416).
        """
        environ: Any = getattr(request_or_environ, "environ", request_or_environ)
        if "HTTP_RANGE" in environ and (
            environ["REQUEST_METHOD"] != "GET"  # for which alone ranges are (RFC 9110 14.2)
            # Parts of one form do not go with parts of another (RFC 9110 section 13.1.5), and
            # werkzeug takes a weak tag for a strong one.
            or environ.get("HTTP_IF_RANGE", "").startswith("W/")
        ):
            environ = environ.copy()
            del environ["HTTP_RANGE"]
        super().make_conditional(readable_dates(environ), accept_ranges, complete_length)
        if self.status_code == 412:  # it is this client's: for others no cache may keep it
            self.headers["Cache-Control"] = "no-store"
            self.headers.remove("Expires")
        return self

    @property
    def is_sequence(self) -> bool:
        """Whether all of the body is there: a list or a tuple of its pieces."""
        body = self.response
        return type(body) not in STREAMS and isinstance(body, _SEQUENCES)

    @property
    def is_streamed(self) -> bool:
        """Whether the body's length is not known: an iterator, sync or async."""
        return hasattr(self.response, "__anext__") or super().is_streamed

    def set_data(self, value: bytes | str) -> None:
        """Replace the body, and the ``Content-Length`` with it."""
        self.headers  # noqa: B018 - made from the old body's type before that goes
        super().set_data(value)

    def get_wsgi_headers(self, environ: WSGIEnvironment | None) -> Headers:
        """Return a copy of the headers as they are sent, whatever the protocol.

        Locations are encoded, entity headers go where the status forbids them, and the length
        is added where it is known.
        """
        given = self.headers
        plain = type(given) is ResponseHeaders or type(given) is Headers
        headers = headers_of(given._list.copy()) if plain else Headers(given)
        names = {name.lower() for name, _ in headers._list}
        for name in ("Location", "Content-Location"):
            if name.lower() in names:
                headers[name] = as_uri(headers[name])
        status = self.status_code
        if status == 304:
            remove_entity_headers(headers)
        elif status in BODILESS:
            headers.remove("Content-Length")
        elif (
            "content-length" not in names
            and self.is_sequence
            and self.automatically_set_content_length
        ):
            headers["Content-Length"] = str(sum(map(len, self.iter_encoded())))
        return headers

    def head(self, ctx: Context | None, defaults: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return the header fields to send.

        Args:
            ctx: The request's context, for overridden ``get_wsgi_headers`` methods.
            defaults: Fields added unless the response has them. One that it has empty is left out.

        Raises:
            ValueError: When a field's name is none, such as one with a line break: what follows it
                would be a field of its own. Of values, werkzeug's headers take care.
        """
        return self.known_head(defaults) or self.own_head(ctx, defaults)

    def _headers_for(self, ctx: Context | None) -> list[tuple[str, str]]:
        return self.get_wsgi_headers((ctx and ctx.environ) or {})._list

    def _is_as_made(self, defaults: list[tuple[str, str]]) -> bool:
        """Whether the head follows from the body, and from what was added to that."""
        if self._own_ways or self._status_code in BODILESS:
            return False
        if self._headers is None:
            return not self.is_sequence  # a stream
        return (
            self.response is self.whole
            and isinstance(defaults, Fields)
            and defaults.apart
            and getattr(self.get_wsgi_headers, "__func__", None) is _get_wsgi_headers
        )

    def own_head(
        self, ctx: Context | None, defaults: list[tuple[str, str]]
    ) -> list[tuple[str, str]]:
        """Return the header fields to send, of a response that is not :attr:`plain`."""
        head, behind = self.own_parts(ctx, defaults)
        return head if behind is None else head + behind

    def own_parts(
        self, ctx: Context | None, defaults: list[tuple[str, str]]
    ) -> tuple[list[tuple[str, str]], Fields | None]:
        """Return these fields in two parts: its own, and those of many responses behind them."""
        made = self._headers
        untouched = made is None or type(made) is list
        if untouched and self._is_as_made(defaults):
            return self.plain_head(defaults if made is None else [*made, *defaults]), None
        headers: Any = self.headers if untouched or self._own_ways else made
        usual = (type(headers) is ResponseHeaders or type(headers) is Headers) and (
            getattr(self.get_wsgi_headers, "__func__", None) is _get_wsgi_headers  # see above
        )
        fields = headers._list if usual else self._headers_for(ctx)
        whole = usual and self._status_code not in BODILESS
        if whole and isinstance(defaults, Fields):
            names = tuple([name for name, value in fields if value])
            if names in defaults.fine and len(names) == len(fields):  # as they were before
                return fields, defaults
        given = {name.lower(): value for name, value in fields}
        if usual and (
            (self._status_code in BODILESS and not _OF_ENTITIES.isdisjoint(given))
            or not _LOCATIONS.isdisjoint(given)
            or (
                "content-length" not in given
                and self._status_code not in BODILESS
                and self.is_sequence
            )
        ):  # else it would copy them and change nothing
            fields = self._headers_for(ctx)
            given = {name.lower(): value for name, value in fields}
        if not GOOD_NAMES.issuperset(given):
            check_names(given)
        if "" in given.values():  # how a view says that it does not want a default
            unwanted = {name.lower() for name, _ in defaults}
            fields = [(n, value) for n, value in fields if value or n.lower() not in unwanted]
        if isinstance(defaults, Fields) and defaults.names.isdisjoint(given):
            if whole and "content-length" in given and _LOCATIONS.isdisjoint(given):
                defaults.add_fine(fields)
            return fields, defaults
        return fields + [field for field in defaults if field[0].lower() not in given], None


_get_wsgi_headers = Response.get_wsgi_headers
