"""ASGI 3: http and lifespan scopes (https://asgi.readthedocs.io, HTTP spec version 2.5)."""

from __future__ import annotations

from asyncio import Event, _get_running_loop, run_coroutine_threadsafe
from contextlib import suppress
from types import BuiltinMethodType
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from werkzeug.exceptions import BadRequest, ClientDisconnected, SecurityError

from cruse.body import PIECES
from cruse.environ import PENDING
from cruse.gateway.asgi_environ import (
    ScopeEnviron,
    comes_from_program,
    environ_of,
    path_below_root,
    takes_anything,
)
from cruse.gateway.conversation import converse
from cruse.gateway.onloop import ANNOUNCING, WITHOUT_BODY, serve
from cruse.gateway.streams import Left
from cruse.hosts import SEEN_HOSTS, refusal
from cruse.plans import make_entrance
from cruse.responses import BODILESS
from cruse.websockets import WebSocketDisconnect

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import AsyncIterator, Awaitable, Coroutine

    from cruse.app import Cruse
    from cruse.context import Context
    from cruse.gateway.fileparts import FilePart
    from cruse.headerfields import Fields
    from cruse.plans import Entrance
    from cruse.proxies import TrustedProxies
    from cruse.responses import Response
    from cruse.typing import Message, Receive, Scope, Send

__all__ = ["serve_asgi"]

#: The header fields that each request is looked through for.
_LOOKED_AT = frozenset({b"host", b"content-length", b"transfer-encoding"})
# Of what is sent, that which is the same each time is encoded once. The number is bounded.
_FIELDS_LIMIT = 1_000
_OF_ONE_RESPONSE = {"set-cookie", "location", "etag", "last-modified"}
_known_fields: dict[tuple[str, str], tuple[bytes, bytes]] = {}
_known_lengths: dict[int, tuple[bytes, bytes]] = {}


def serve_asgi(
    app: Cruse, scope: Scope, receive: Receive, send: Send, asked: bool = False
) -> Coroutine[Any, Any, None]:
    """Serve one connection; ``asked`` when the application was asked to start for it.

    Raises:
        ValueError: When awaited, for a type of scope that is not known, as the specification asks.
    """
    # A plain function: the usual case has one coroutine, which both gateways of loops share.
    if scope["type"] != "http" or not (app.lifecycle.started or asked):
        return _other(app, scope, receive, send, asked)
    entrance = app.entrance
    if entrance is None:
        entrance = make_entrance(app)
    refused = None
    if entrance.fronted:
        mounts, proxies = entrance.mounts, entrance.proxies
        mounted = None if mounts is None else mounts.asgi(app, scope, receive, send)
        if mounted is not None:
            return mounted
        if proxies is not None:
            scope, refused = _behind(proxies, scope)
    transport = _Transport(scope, receive, send)
    ctx = _context_of(app, entrance, scope, transport, refused)
    return serve(app, entrance, ctx, transport)


def _other(
    app: Cruse, scope: Scope, receive: Receive, send: Send, asked: bool
) -> Coroutine[Any, Any, None]:
    """Serve what is no request, or comes before the application has started."""
    if scope["type"] != "websocket" or not (asked or app.lifecycle.started):
        return _connection(app, scope, receive, send)
    mounted = None if app.mounts is None else app.mounts.asgi(app, scope, receive, send)
    return mounted or _websocket(app, scope, receive, send)


async def _connection(app: Cruse, scope: Scope, receive: Receive, send: Send) -> None:
    kind = scope["type"]
    if kind == "lifespan":
        await _lifespan(app, receive, send)
        return
    if kind not in ("http", "websocket"):
        raise ValueError(f"The ASGI scope type {kind!r} is not supported.")
    if not app.lifecycle.started:
        await app.start_on_loop()
    await serve_asgi(app, scope, receive, send, asked=True)


def _context_of(
    app: Cruse,
    entrance: Entrance,
    scope: Scope,
    transport: _Transport,
    refused: SecurityError | None,
) -> Context:
    """Make the context of a request, or of a handshake, which is one without a body."""
    if entrance.puts_off:
        ctx = entrance.make_context(app, PENDING, None, None)
    else:
        ctx = entrance.make_context(app, transport.make_environ(), None, None)
        ctx.bridge = app.loop_bridge
    ctx.transport = transport
    ctx.method = transport.method
    ctx.has_body = transport.has_body
    host = transport.host
    if refused is not None:
        ctx.routing_exception = refused
    if host not in SEEN_HOSTS:
        ctx.routing_exception = refusal(host) or refused
    try:
        below, scheme = scope["root_path"], scope["scheme"]
    except KeyError:  # servers may leave them out
        below, scheme = scope.get("root_path"), scope.get("scheme")
    if scheme == transport.secure:
        ctx.tls_host = host.decode("latin-1")
    ctx.path = path = path_below_root(scope) if below else scope["path"]
    if not path.isascii() and "\ufffd" in path and _is_not_utf8(scope):
        ctx.routing_exception = BadRequest("The path is not valid UTF-8.")
    if "cruse.preserve_context" in scope:
        ctx.keep = scope["cruse.preserve_context"]
        ctx.goes_on = ctx.ends = True
    return ctx


async def _websocket(app: Cruse, scope: Scope, receive: Receive, send: Send) -> None:
    message = await receive()
    if message["type"] != "websocket.connect":
        return  # gone before it was there
    entrance = app.entrance
    if entrance is None:
        entrance = make_entrance(app)
    refused = None
    if entrance.proxies is not None:
        scope, refused = _behind(entrance.proxies, scope)
    handshake = _Handshake(scope)
    ctx = _context_of(app, entrance, scope, handshake, refused)
    await converse(app, entrance, ctx, handshake, _WebSocket(scope, receive, send))


def _behind(proxies: TrustedProxies, scope: Scope) -> tuple[Scope, SecurityError | None]:
    """Return the scope as the client sent it, or why the request is refused."""
    try:
        return proxies.rewrite_scope(scope, path_below_root(scope)), None
    except SecurityError as error:
        return scope, error


def _is_not_utf8(scope: Scope) -> bool:
    """Whether the server has replaced undecodable bytes of the path."""
    raw = scope.get("raw_path")
    if raw is None:
        return True
    try:
        unquote_to_bytes(raw.partition(b"?")[0]).decode()
    except UnicodeDecodeError:
        return True
    return False


async def _no_message(*args: Any) -> Any:
    raise ClientDisconnected


def _encode(head: list[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    known = _known_fields
    return [known.get(field) or _encode_field(field) for field in head]


def _encode_field(field: tuple[str, str]) -> tuple[bytes, bytes]:
    name, value = field
    name = name.lower()
    encoded = name.encode("latin-1"), value.encode("latin-1")
    often = len(value) < 4 if name == "content-length" else name not in _OF_ONE_RESPONSE
    if often and len(_known_fields) < _FIELDS_LIMIT and len(value) < 200:
        _known_fields[field] = encoded
    return encoded


def _encode_length(length: int) -> tuple[bytes, bytes]:
    encoded = b"content-length", b"%d" % length
    if length < _FIELDS_LIMIT:
        _known_lengths[length] = encoded
    return encoded


def _encode_around_length(
    response: Response, fields: Fields, kind: object
) -> list[tuple[bytes, bytes]]:
    """Encode the head of a plain response but for its length, once for each kind of them."""
    head = _encode(response.plain_head(fields))
    around = [field for field in head if field[0] != b"content-length"]
    if len(fields.encoded) < _FIELDS_LIMIT:
        fields.encoded[kind] = around
    return around


def _encode_alone(fields: Fields) -> list[tuple[bytes, bytes]]:
    """Encode what each response gets, once, to be put behind the fields of its own."""
    fields.alone = encoded = _encode(fields)
    return encoded


class _Transport:
    """Takes the body of a request out of ASGI messages, and sends a response as such."""

    has_environ = False
    ended = False  # the body
    disconnected = False
    _receiving = False
    _received: Event | None = None  # for who wants a message while the other one receives it
    _ahead: bytes | None = None  # of the body, read while watching for a disconnect
    _taken: Event | None = None
    loop: AbstractEventLoop  # it is served on: a body may be asked for in a thread
    secure = "https"  # the scheme, if it is so

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self.receive = receive
        self.send = send
        self.method: str = scope["method"]
        #: The header fields, when they have been read; of those that came twice the last.
        self.head: dict[bytes, bytes] | None = None
        has_body = scope.get("http_version", "1.1") not in ANNOUNCING
        if self.method in WITHOUT_BODY:
            host, looked_at = b"", _LOOKED_AT
            for name, value in scope["headers"]:  # most are never asked for another field
                if name in looked_at:
                    if name == b"host":
                        host = value
                    elif value != b"0":
                        has_body = True
        else:
            host, has_body = self.read_head().get(b"host", b""), True
        self.host: bytes = host
        #: Whether the request may have a body.
        self.has_body: bool = has_body

    def read_head(self) -> dict[bytes, bytes]:
        """Read the header fields, of those that came twice the last."""
        self.head = head = dict(self.scope["headers"])
        return head

    make_environ = environ_of
    takes_anything = takes_anything

    @property
    def forgets(self) -> bool:
        """Whether a cancelled wait may lose a message: granian's own ``receive`` does."""
        return isinstance(self.receive, BuiltinMethodType)

    def send_early_hints(self, fields: list[tuple[str, str]]) -> None:
        """Send a 103 with these fields, from the loop or from a thread; gunicorn's key has this.

        On the loop it cannot be waited for. Whatever is sent next waits for it.
        """
        links = [value.encode("latin-1") for _, value in fields]
        hint = self._send_hint(self.send, links)
        if _get_running_loop() is not self.loop:
            run_coroutine_threadsafe(hint, self.loop).result()
            return
        send, sending = self.send, self.loop.create_task(hint)

        async def send_behind(message: Message) -> None:
            await sending
            await send(message)

        self.send = send_behind

    @staticmethod
    async def _send_hint(send: Send, links: list[bytes]) -> None:
        with suppress(OSError):  # the client has left
            await send({"type": "http.response.early_hint", "links": links})

    async def next_chunk(self) -> bytes:
        """Return the next bytes of the body, ``b""`` at its end."""
        while self._ahead is None:
            if self.disconnected:
                raise ClientDisconnected
            if self.ended:
                return b""
            if self._receiving:  # the stream and the watcher may both want a message
                if self._received is None:
                    self._received = Event()
                await self._received.wait()
                continue  # the other one has got it, or has given up: look again
            self._receiving = True
            try:
                message = await self.receive()
            finally:
                self._receiving = False
                if self._received is not None:
                    self._let_others_receive(self._received)
            if message["type"] == "http.disconnect":
                self.disconnected = True
                continue
            self.ended = not message.get("more_body", False)
            if body := message.get("body"):
                return body  # type: ignore[no-any-return]
        chunk, self._ahead = self._ahead, None
        if self._taken is not None:
            self._taken.set()
        return chunk

    async def gather(self, pieces: list[bytes], wanted: int) -> None:
        """Add the next pieces of the body, until these are so many bytes; none at its end.

        As :meth:`next_chunk` for each, but who else wants a message waits until all are there.
        """
        if self._ahead is not None or self._receiving or self.disconnected or self.ended:
            if piece := await self.next_chunk():
                pieces.append(piece)
            return
        receive = self.receive
        self._receiving = True
        try:
            while not (pieces or self.ended):
                for _ in range(PIECES):
                    message = await receive()
                    if body := message.get("body"):
                        pieces.append(body)
                        wanted -= len(body)
                    elif message["type"] == "http.disconnect":
                        self.disconnected = True
                        raise ClientDisconnected
                    if not message.get("more_body", False):
                        self.ended = True
                        break
                    if wanted <= 0:
                        break
        finally:
            self._receiving = False
            if self._received is not None:
                self._let_others_receive(self._received)

    def _let_others_receive(self, received: Event) -> None:
        received.set()
        self._received = None

    def query(self) -> str:
        query: bytes = self.scope.get("query_string", b"")
        return query.decode("latin-1")

    def content_type(self) -> str | None:
        head = self.head or self.read_head()
        value = head.get(b"content-type")
        if value is None or len(head) != len(self.scope["headers"]):
            return None
        return value.decode("latin-1")

    def announced(self) -> int:
        head = self.head or self.read_head()
        length = head.get(b"content-length")
        if (
            length is None
            or len(length) > 18
            or not length.isdigit()
            or len(head) != len(self.scope["headers"])
        ):
            return 0
        return int(length)

    def is_whole(self, ctx: Context, body: bytes, length: int) -> bool:
        if len(body) == length and self.ended and ctx.made_request is None:
            return True
        self._ahead = body  # more is to come, or too little has come, or somebody wants it, too
        return False

    def send_whole(
        self, status: int, head: list[tuple[str, str]], body: bytes, behind: Fields | None = None
    ) -> tuple[Message, Message]:
        known = _known_fields
        headers = [known.get(field) or _encode_field(field) for field in head]
        if behind:
            headers += behind.alone or _encode_alone(behind)
        return (
            {"type": "http.response.start", "status": status, "headers": headers},
            {"type": "http.response.body", "body": body},
        )

    def send_plain(self, response: Response, fields: Fields) -> tuple[Message, Message] | None:
        added: Any = response._headers
        whole, status = response.whole, response._status_code
        if (  # as in `Response.plain`: to ask that would take as long as all else here
            response.response is not whole
            or response._closing is not None
            or response._own_ways
            or status in BODILESS
        ):
            return None
        body = whole[0]
        if added is not None:
            if type(added) is not list or not response.plain:
                return None
            if not fields.apart:  # it may replace some of them
                head = response.plain_head(response.behind_added(fields))
                return self.send_whole(status, head, body)
        kind = response._mimetype or response.default_mimetype
        known = fields.encoded.get(kind)
        if known is None:
            known = _encode_around_length(response, fields, kind)
        length = _known_lengths.get(len(body))
        if length is None:
            length = _encode_length(len(body))
        headers = [length, *known]  # a list of its own: middleware changes it
        for name, value in added or ():
            if name == "Set-Cookie":  # which is of this response alone
                headers.append((b"set-cookie", value.encode("latin-1")))
            else:
                field = name, value
                headers.append(_known_fields.get(field) or _encode_field(field))
        return (
            {
                "type": "http.response.start",
                "status": status,
                "headers": headers,
            },
            {"type": "http.response.body", "body": body},
        )

    async def start(self, status: int, head: list[tuple[str, str]]) -> None:
        known = _known_fields
        headers = [known.get(field) or _encode_field(field) for field in head]
        try:
            await self.send({"type": "http.response.start", "status": status, "headers": headers})
        except OSError:  # ASGI 2.4: the client has left, which is no error of the application
            self.disconnected = True

    def start_plain(self, response: Response, fields: Fields) -> Awaitable[None]:
        kind = response._head_kind or response._mimetype or response.default_mimetype
        known = fields.encoded.get(kind) or _encode_around_length(response, fields, kind)
        return self.send(
            {
                "type": "http.response.start",
                "status": response._status_code,
                "headers": known.copy(),  # a list of its own: middleware changes it
            }
        )

    def send_chunk(self, chunk: bytes) -> Awaitable[None]:
        return self.send({"type": "http.response.body", "body": chunk, "more_body": True})

    def end(self) -> Awaitable[None]:
        return self.send({"type": "http.response.body", "body": b""})

    async def send_pieces(self, pieces: AsyncIterator[str | bytes]) -> None:
        # As `send_each`, with one call less for each piece.
        send = self.send
        async for piece in pieces:
            if piece:
                body = piece.encode() if isinstance(piece, str) else piece
                try:
                    await send({"type": "http.response.body", "body": body, "more_body": True})
                except OSError as error:
                    raise Left from error
        try:
            await send({"type": "http.response.body", "body": b""})
        except OSError as error:
            raise Left from error

    def takes_file(self, part: FilePart) -> bool:
        extensions = self.scope.get("extensions") or {}
        return part.whole and "http.response.pathsend" in extensions

    async def send_file(self, status: int, head: list[tuple[str, str]], part: FilePart) -> None:
        await self.start(status, head)
        try:
            await self.send({"type": "http.response.pathsend", "path": part.path})
        except OSError:
            self.disconnected = True

    async def wait_disconnect(self) -> None:
        while not (self.ended or self.disconnected):
            # The stream may still read the body: what is taken here is kept for it, and no more
            # is taken before it wants that.
            with suppress(ClientDisconnected):
                self._ahead = await self.next_chunk() or None
            if self._ahead is not None and not self.ended:
                self._taken = Event()
                await self._taken.wait()
        while not self.disconnected:
            self.disconnected = (await self.receive())["type"] == "http.disconnect"


class _Handshake(_Transport):
    """The handshake of a websocket: a request, from which nothing more comes.

    Few views ask for an environ, and only that wants all of the scope that a request has.
    """

    method = "GET"
    has_body = False
    secure = "wss"

    def __init__(self, scope: Scope) -> None:
        self.scope = self.as_it_came = scope
        self.head = head = dict(scope["headers"])
        self.host = head.get(b"host", b"")

    def make_environ(self) -> ScopeEnviron:
        scope = self.as_it_came
        scheme = "https" if scope.get("scheme") == "wss" else "http"
        handshake = {**scope, "method": "GET", "scheme": scheme, "http_version": "1.1"}
        super().__init__(handshake, _no_message, _no_message)
        return environ_of(self)

    comes_from_program = comes_from_program


class _WebSocket:
    """The connection of a websocket scope."""

    gone: type[Exception] = OSError  # ASGI 2.4
    left: WebSocketDisconnect

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self.next = receive
        self._send = send

    @property
    def subprotocols(self) -> list[str]:
        return list(self._scope.get("subprotocols") or ())

    async def accept(self, subprotocol: str | None, head: list[tuple[str, str]]) -> None:
        headers = _encode(head) if head else []
        message = {"type": "websocket.accept", "subprotocol": subprotocol, "headers": headers}
        try:
            await self._send(message)
        except OSError as error:  # ASGI 2.4: the client has left
            raise WebSocketDisconnect from error

    def read(self, said: Message) -> str | bytes | None:
        text: str | None = said.get("text")
        if text is not None:  # asked first, for it is the usual case
            return text
        if said["type"] == "websocket.disconnect":
            self.left = WebSocketDisconnect(said.get("code") or 1005, said.get("reason") or "")
            return None
        return bytes(said["bytes"])

    def send_text(self, message: str) -> Awaitable[None]:
        return self._send({"type": "websocket.send", "text": message})

    def send_bytes(self, message: bytes) -> Awaitable[None]:
        return self._send({"type": "websocket.send", "bytes": message})

    def close(self, code: int, reason: str) -> Awaitable[None]:
        return self._tell("close", {"code": code, "reason": reason})

    async def reject(self, status: int, head: list[tuple[str, str]], body: bytes) -> None:
        extensions = self._scope.get("extensions") or {}
        if "websocket.http.response" not in extensions:  # the server makes a 403 of it
            await self._tell("close", {"code": 1000})
            return
        await self._tell("http.response.start", {"status": status, "headers": _encode(head)})
        await self._tell("http.response.body", {"body": body})

    def release(self) -> None:
        """Nothing to do: the server keeps its connections by itself."""

    async def _tell(self, kind: str, content: Message) -> None:
        try:
            await self._send({"type": f"websocket.{kind}", **content})
        except OSError as error:  # ASGI 2.4: the client has left
            raise WebSocketDisconnect from error


async def _lifespan(app: Cruse, receive: Receive, send: Send) -> None:
    """Start and stop the application as the server says."""
    while True:
        message = await receive()
        event = message["type"]
        try:
            if event == "lifespan.startup":
                await app.start_on_loop()
            else:
                await app.stop_on_loop()
        except Exception as error:
            app.logger.exception("The application failed at %s", event)
            notes = getattr(error, "__notes__", ())  # which function it was
            reason = "\n".join((f"{type(error).__name__}: {error}", *notes))
            await send({"type": f"{event}.failed", "message": reason})
            return
        await send({"type": f"{event}.complete"})
        if event == "lifespan.shutdown":
            return
