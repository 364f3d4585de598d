"""An RSGI connection as an ASGI one, for applications that know no other protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from cruse.gateway.rsgi import _Body, _Transport
from cruse.gateway.rsgi import _WebSocket as _Connection
from cruse.kept import Kept
from cruse.websockets import next_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cruse.typing import Message, Receive, Scope, Send

__all__ = ["connection_of"]


def connection_of(scope: Any, protocol: Any) -> tuple[Scope, Receive, Send]:
    """Return the three arguments of an ASGI application for an RSGI connection."""
    is_http = scope.proto == "http"
    connection: _Http | _WebSocket = _Http(protocol) if is_http else _WebSocket(protocol)
    return _scope(scope, is_http), connection.receive, connection.send


def _scope(scope: Any, is_http: bool) -> Scope:
    headers = [
        (name.lower().encode("latin-1"), value.encode("latin-1"))
        for name in scope.headers.keys()  # noqa: SIM118 - granian's headers are no mapping of ours
        for value in scope.headers.get_all(name)
    ]
    if scope.authority and not any(name == b"host" for name, _ in headers):
        headers.insert(0, (b"host", scope.authority.encode("latin-1")))
    scheme: str = scope.scheme
    return {
        "type": "http" if is_http else "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": scope.http_version,
        "scheme": scheme if is_http else {"https": "wss", "http": "ws"}.get(scheme, scheme),
        "path": unquote_to_bytes(scope.path).decode(errors="replace"),
        "raw_path": scope.path.encode("latin-1", "replace"),
        "query_string": scope.query_string.encode("latin-1"),
        "root_path": "",
        "headers": headers,
        "client": _address(scope.client),
        "server": _address(scope.server),
        "extensions": {},
        **({"method": scope.method} if is_http else {"subprotocols": []}),
    }


def _address(text: str) -> tuple[str, int] | None:
    host, _, port = text.rpartition(":")
    return (host, int(port)) if port.isdigit() else None


class _Http:
    """A request and its answer."""

    def __init__(self, protocol: Any) -> None:
        self._transport = _Transport(protocol, None)
        self._body = _Body(self._transport)
        self._kept = Kept()
        self._head: tuple[int, list[tuple[str, str]]] | None = None
        self._streams = False

    async def receive(self) -> Message:
        if self._body.ended and not self._kept.waiting:
            await self._transport.wait_disconnect()
            return {"type": "http.disconnect"}
        try:
            chunk = await self._kept.read(self._body.next_chunk)
        except OSError:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": chunk, "more_body": not self._body.ended}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            fields = message.get("headers", ())
            head = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in fields]
            self._head = (message["status"], head)
            return
        body = bytes(message.get("body", b""))
        head_to_send, self._head = self._head, None
        if head_to_send is not None and not message.get("more_body", False):
            self._transport.send_whole(*head_to_send, body)
            return
        if head_to_send is not None:
            await self._transport.start(*head_to_send)
        if body:
            await self._transport.send_chunk(body)


class _WebSocket:
    """A websocket."""

    def __init__(self, protocol: Any) -> None:
        self._transport = _Connection(protocol)
        self._connected = self._accepted = False

    async def receive(self) -> Message:
        if not self._connected:
            self._connected = True
            return {"type": "websocket.connect"}
        data = await next_of(self._transport)
        if data is None:
            return {"type": "websocket.disconnect", "code": self._transport.left.code}
        kind = "text" if isinstance(data, str) else "bytes"
        return {"type": "websocket.receive", kind: data}

    async def send(self, message: Message) -> None:
        act: dict[str, Callable[[Message], Awaitable[None]]] = {
            "websocket.accept": self._accept,
            "websocket.send": self._send,
            "websocket.close": self._close,
        }
        await act[message["type"]](message)

    async def _accept(self, message: Message) -> None:
        await self._transport.accept(message.get("subprotocol"), [])
        self._accepted = True

    async def _send(self, message: Message) -> None:
        text = message.get("text")
        try:
            if text is None:
                await self._transport.send_bytes(message["bytes"])
            else:
                await self._transport.send_text(text)
        except self._transport.gone as error:
            raise OSError("The client has left.") from error

    async def _close(self, message: Message) -> None:
        if not self._accepted:  # this is a status; granian's worker dies of one that is none
            await self._transport.reject(403, [], b"")
            return
        await self._transport.close(message.get("code", 1000), message.get("reason") or "")
