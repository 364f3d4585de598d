"""RSGI 1, granian's own interface (https://github.com/emmett-framework/granian, docs/spec)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from werkzeug.exceptions import BadRequest, ClientDisconnected, SecurityError

from cruse.body import PIECES
from cruse.environ import ABSENT, EVERYWHERE, PENDING, LazyEnviron, add_header, field_of
from cruse.gateway.conversation import converse
from cruse.gateway.onloop import ANNOUNCING, WITHOUT_BODY, LoopBody, serve
from cruse.gateway.streams import Left
from cruse.hosts import SEEN_HOSTS, refusal
from cruse.plans import make_entrance
from cruse.websockets import WebSocketDisconnect

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine

    from cruse.app import Cruse
    from cruse.context import Context
    from cruse.gateway.fileparts import FilePart
    from cruse.headerfields import Fields
    from cruse.proxies import TrustedProxies
    from cruse.responses import Response
    from cruse.typing import Send

__all__ = ["serve_rsgi"]

_CLOSE = 0  # the kind of the message that says that the client has closed a websocket


def serve_rsgi(
    app: Cruse, scope: Any, protocol: Any, asked: bool = False
) -> Coroutine[Any, Any, None]:
    """Serve one connection; ``asked`` when the application was asked to start for it."""
    # A plain function: the usual case has one coroutine, which both gateways of loops share.
    if not (asked or app.lifecycle.started):
        return _start_and_serve(app, scope, protocol)
    entrance = app.entrance
    if entrance is None:
        entrance = make_entrance(app)
    if entrance.mounts is not None:
        mounted = entrance.mounts.rsgi(app, scope, protocol)
        if mounted is not None:
            return mounted
    transport = _Transport(protocol, scope)
    environ = PENDING if entrance.puts_off else transport.make_environ()
    ctx = entrance.make_context(app, environ, None, None)
    ctx.bridge = app.loop_bridge
    ctx.transport = transport
    ctx.method = scope.method
    host = scope.authority or scope.headers.get("host") or ""
    if host not in SEEN_HOSTS:
        ctx.routing_exception = refusal(host)
    if scope.scheme == "https":
        ctx.tls_host = host
    if entrance.proxies is not None:
        _rewrite(entrance.proxies, ctx)
    try:
        ctx.path = _decode(scope.path)
    except UnicodeDecodeError:
        ctx.path = scope.path
        ctx.routing_exception = BadRequest("The path is not valid UTF-8.")
    if scope.proto == "http":
        ctx.has_body = _has_body(scope)
        return serve(app, entrance, ctx, transport)
    ctx.method = "GET"  # of a handshake, however it came
    return converse(app, entrance, ctx, transport, _WebSocket(protocol))


async def _start_and_serve(app: Cruse, scope: Any, protocol: Any) -> None:
    await app.start_on_loop()
    await serve_rsgi(app, scope, protocol, asked=True)


def _rewrite(proxies: TrustedProxies, ctx: Context) -> None:
    environ: Any = ctx.environ
    environ.complete()
    try:
        proxies.rewrite_environ(environ)
    except SecurityError as error:
        ctx.routing_exception = error
    secure = environ["wsgi.url_scheme"] == "https"
    ctx.tls_host = environ.get("HTTP_HOST", "") if secure else None


def _has_body(scope: Any) -> bool:
    """Whether the request may have a body; only HTTP/1 has to announce one (RFC 9112 6.3)."""
    return (
        scope.method not in WITHOUT_BODY
        or scope.http_version not in ANNOUNCING
        or "content-length" in scope.headers
        or "transfer-encoding" in scope.headers
    )


def _decode(path: str) -> str:
    """Decode a path, which comes as it is in the request line."""
    return unquote_to_bytes(path).decode() if "%" in path else path


class _Environ(LazyEnviron):
    """The environ of a scope (PEP 3333)."""

    __slots__ = ("scope", "transport")

    def __init__(self, scope: Any, transport: _Transport) -> None:
        self.pending = True
        self.scope = scope
        self.transport = transport

    def make(self, key: str) -> Any:
        if key in _MAKERS:
            return _MAKERS[key](self)
        name = field_of(key)
        if name and name in self.scope.headers:
            return ("; " if name == "cookie" else ",").join(self.scope.headers.get_all(name))
        if name == "host" and self.scope.authority:  # HTTP/2 has it in a pseudo-header
            return self.scope.authority
        return ABSENT

    def make_all(self) -> dict[str, Any]:
        environ = {key: maker(self) for key, maker in _MAKERS.items()}
        for name in self.scope.headers.keys():  # noqa: SIM118 - granian's, no mapping of ours
            for value in self.scope.headers.get_all(name):
                add_header(environ, name, value)
        if self.scope.authority and "HTTP_HOST" not in environ:
            environ["HTTP_HOST"] = self.scope.authority
        return environ


def _path_info(environ: _Environ) -> str:
    raw = environ.scope.path.encode("latin-1", "replace")
    return unquote_to_bytes(raw).decode("latin-1")


def _raw_uri(environ: _Environ) -> str:
    scope = environ.scope
    return f"{scope.path}?{scope.query_string}" if scope.query_string else str(scope.path)


def _body(environ: _Environ) -> LoopBody:
    return LoopBody(_Body(environ.transport), empty=not _has_body(environ.scope))


_MAKERS: dict[str, Callable[[_Environ], Any]] = {
    **EVERYWHERE,
    "REQUEST_METHOD": lambda environ: environ.scope.method,
    "SCRIPT_NAME": lambda environ: "",
    "PATH_INFO": _path_info,
    "QUERY_STRING": lambda environ: environ.scope.query_string,
    "RAW_URI": _raw_uri,
    "REQUEST_URI": _raw_uri,
    "SERVER_NAME": lambda e: e.scope.server.rpartition(":")[0] or e.scope.server,
    "SERVER_PORT": lambda environ: environ.scope.server.rpartition(":")[2],
    "SERVER_PROTOCOL": lambda environ: f"HTTP/{environ.scope.http_version}",
    "REMOTE_ADDR": lambda e: e.scope.client.rpartition(":")[0] or e.scope.client,
    "REMOTE_PORT": lambda environ: environ.scope.client.rpartition(":")[2],
    "wsgi.url_scheme": lambda environ: environ.scope.scheme,
    "wsgi.input": _body,
    "rsgi.scope": lambda environ: environ.scope,
}


class _Body:
    """Takes the body of a request out of the protocol object."""

    disconnected = False
    forgets = True  # granian does, what arrives while a wait is cancelled

    def __init__(self, transport: _Transport) -> None:
        self.transport = transport
        self.chunks: Any = None
        self.ended = False

    @property
    def loop(self) -> AbstractEventLoop:
        """The loop it is received on."""
        return self.transport.loop

    async def next_chunk(self) -> bytes:
        if self.chunks is None:
            self.chunks = aiter(self.transport.protocol)  # once: granian refuses a second time
        while not self.ended:
            try:
                chunk = await anext(self.chunks)
            except StopAsyncIteration:
                self.ended = True
            except Exception as error:  # granian's own, when the client has left
                self.disconnected = True
                raise ClientDisconnected from error
            else:
                if chunk:
                    return bytes(chunk)
        return b""

    async def gather(self, pieces: list[bytes], wanted: int) -> None:
        for _ in range(PIECES):
            if not (piece := await self.next_chunk()):
                return
            pieces.append(piece)
            wanted -= len(piece)
            if wanted <= 0:
                return


def _no_status(status: int) -> ValueError:
    """Say so here: granian's worker would die of it."""
    return ValueError(f"{status} is no status of a response: these are 100 to 999 (RFC 9110).")


class _Transport:
    """Sends a response through the protocol object."""

    loop: AbstractEventLoop
    send: Send  # the protocol knows no messages
    disconnected = False
    stream: Any = None
    has_environ = False

    def __init__(self, protocol: Any, scope: Any) -> None:
        self.protocol = protocol
        self.scope = scope

    def make_environ(self) -> _Environ:
        self.has_environ = True
        return _Environ(self.scope, self)

    def comes_from_program(self) -> bool:
        return not self.has_environ and "origin" not in self.scope.headers

    def query(self) -> str:
        query: str = self.scope.query_string
        return query

    def content_type(self) -> str | None:
        return None

    def announced(self) -> int:
        return 0  # of no piece it is known that it is the last

    async def next_chunk(self) -> bytes:
        raise NotImplementedError  # nothing is announced

    def is_whole(self, ctx: Context, body: bytes, length: int) -> bool:
        return False

    def takes_anything(self) -> bool:
        fields = self.scope.headers
        return (
            not self.has_environ
            and "content-type" not in fields
            and fields.get_all("accept") in ([], ["*/*"])
        )

    def send_whole(
        self, status: int, head: list[tuple[str, str]], body: bytes, behind: Fields | None = None
    ) -> tuple[()]:
        if not 100 <= status <= 999:
            raise _no_status(status)
        if behind is not None:
            head = head + behind
        if body:
            self.protocol.response_bytes(status, head, body)
        else:
            self.protocol.response_empty(status, head)
        return ()

    def send_plain(self, response: Response, fields: Fields) -> tuple[()] | None:
        if not response.plain:
            return None
        status, body = response._status_code, response.whole[0]
        if not 100 <= status <= 999:
            raise _no_status(status)
        added = response._headers is not None
        head = response.plain_head(response.behind_added(fields) if added else fields)
        if body:
            self.protocol.response_bytes(status, head, body)
        else:
            self.protocol.response_empty(status, head)
        return ()

    async def start(self, status: int, head: list[tuple[str, str]]) -> None:
        if not 100 <= status <= 999:
            raise _no_status(status)
        self.stream = self.protocol.response_stream(status, head)

    async def start_plain(self, response: Response, fields: Fields) -> None:
        await self.start(response._status_code, response.plain_head(fields))

    async def send_chunk(self, chunk: bytes) -> None:
        try:
            await self.stream.send_bytes(chunk)
        except RuntimeError as error:  # granian's own, when the client has left
            raise ConnectionError("The client has left.") from error

    async def end(self) -> None:
        """Nothing to say: the stream ends when the application returns."""

    async def send_pieces(self, pieces: AsyncIterator[str | bytes]) -> None:
        # As `send_each`, with one coroutine less for each piece.
        send = self.stream.send_bytes
        async for piece in pieces:
            if piece:
                body = piece.encode() if isinstance(piece, str) else piece
                try:
                    await send(body)
                except RuntimeError as error:  # granian's own
                    raise Left from error

    def takes_file(self, part: FilePart) -> bool:
        return part.whole or hasattr(self.protocol, "response_file_range")

    async def send_file(self, status: int, head: list[tuple[str, str]], part: FilePart) -> None:
        if part.whole:
            self.protocol.response_file(status, head, part.path)
        else:
            self.protocol.response_file_range(status, head, part.path, part.start, part.stop)

    async def wait_disconnect(self) -> None:
        await self.protocol.client_disconnect()


class _WebSocket:
    """The connection of a websocket. RSGI knows neither subprotocols nor header fields."""

    gone: type[Exception] = RuntimeError  # granian's own: the client broke off, or the rules
    left: WebSocketDisconnect

    def __init__(self, protocol: Any) -> None:
        self.protocol = protocol
        self.transport: Any = None
        self.subprotocols: list[str] = []

    async def accept(self, subprotocol: str | None, head: list[tuple[str, str]]) -> None:
        self.transport = await self.protocol.accept()

    def next(self) -> Awaitable[Any]:
        said: Awaitable[Any] = self.transport.receive()
        return said

    def read(self, said: Any) -> str | bytes | None:
        if said.kind == _CLOSE:
            self.left = WebSocketDisconnect(1005)
            return None
        message: str | bytes = said.data
        return message

    def send_text(self, message: str) -> Awaitable[None]:
        sending: Awaitable[None] = self.transport.send_str(message)
        return sending

    def send_bytes(self, message: bytes) -> Awaitable[None]:
        sending: Awaitable[None] = self.transport.send_bytes(message)
        return sending

    async def close(self, code: int, reason: str) -> None:
        self.protocol.close(code)

    async def reject(self, status: int, head: list[tuple[str, str]], body: bytes) -> None:
        if not 100 <= status <= 999:
            raise _no_status(status)
        self.protocol.close(status)

    def release(self) -> None:
        # granian ends the connection when nobody has these any more; an error's traceback may.
        self.protocol = self.transport = None
