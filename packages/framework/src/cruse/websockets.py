"""Websockets (RFC 6455): a conversation that begins with a request.

The opening handshake is an HTTP request like any other, so ``request``, ``session`` and ``g`` are
there in a websocket view; :data:`cruse.websocket` is the conversation itself.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from contextvars import Context as Variables
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, NoReturn, Protocol
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary, ref

from werkzeug.exceptions import HTTPException

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

    from cruse.lifecycle import Lifecycle
    from cruse.requests import Request
    from cruse.responses import Response

__all__ = [
    "Connection",
    "UpgradeRequired",
    "WebSocket",
    "WebSocketDisconnect",
    "next_of",
    "origin_is_trusted",
]

GOING_AWAY = 1001  # RFC 6455 section 7.4.1
TICK = 1.0  # seconds between two looks for a client that left while the view waits elsewhere
_MESSAGES = str, bytes  # a union would be made at each use
MAX_REASON = 123  # bytes of a reason in a close frame (RFC 6455 section 5.5)


class WebSocketDisconnect(Exception):  # noqa: N818 - it is an end, no error
    """The conversation is over: the client has closed it or has gone.

    A view need not catch it: to let it pass is to end quietly.

    Args:
        code: The close code (RFC 6455 section 7.4); 1006 when the client is gone without one.
        reason: The reason that the client gave.
    """

    def __init__(self, code: int = 1006, reason: str = "") -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason

    def __str__(self) -> str:
        return f"The websocket is closed: {self.code} {self.reason}".rstrip()


class UpgradeRequired(HTTPException):
    """Answers a plain HTTP request to the URL of a websocket (RFC 9110 section 15.5.22)."""

    code = 426
    name = "Upgrade Required"

    def __init__(self, request: Request) -> None:
        # Under WSGI the server alone may send this field (PEP 3333, "Other HTTP Features").
        self.names_protocol = not {"asgi.scope", "rsgi.scope"}.isdisjoint(request.environ)
        asked = "websocket" in request.headers.get("Upgrade", "").lower()
        super().__init__(
            "This URL is a websocket, and the server here serves the application as WSGI, which "
            "has none. Serve it as ASGI or RSGI: with uvicorn, hypercorn, daphne or granian."
            if asked
            else "This URL is a websocket (RFC 6455): open it with 'new WebSocket(url)' or another"
            " websocket client."
        )

    def get_headers(self, *args: Any, **kwargs: Any) -> list[tuple[str, str]]:
        """Return the header fields of the answer, among them the protocol to change to."""
        fields = super().get_headers(*args, **kwargs)
        return [*fields, ("Upgrade", "websocket")] if self.names_protocol else list(fields)


class Connection(Protocol):
    """A websocket as a gateway has it.

    All raise :exc:`WebSocketDisconnect` at its end, but for those that run most often: ``next``,
    ``send_text`` and ``send_bytes``.
    """

    #: What these raise when the client has left.
    gone: type[Exception]
    #: How the client has ended it all, once :meth:`read` has found that it did.
    left: WebSocketDisconnect

    @property
    def subprotocols(self) -> list[str]:
        """What the client offers to speak, best first."""

    def accept(self, subprotocol: str | None, head: list[tuple[str, str]]) -> Awaitable[None]:
        """Answer the handshake with 101."""

    def next(self) -> Awaitable[Any]:
        """Wait for what the server says next; may be cancelled without losing a message."""

    def read(self, said: Any) -> str | bytes | None:
        """Return the message that the server has said, ``None`` when the client has ended it."""

    def send_text(self, message: str) -> Awaitable[None]:
        """Send a text message."""

    def send_bytes(self, message: bytes) -> Awaitable[None]:
        """Send a binary message."""

    def close(self, code: int, reason: str) -> Awaitable[None]:
        """Close an accepted connection."""

    async def reject(self, status: int, head: list[tuple[str, str]], body: bytes) -> None:
        """Answer the handshake with something else than 101."""

    def release(self) -> None:
        """Let go of what the server gave, when all is over."""


async def next_of(connection: Connection) -> str | bytes | None:
    """Return the next message of a connection; ``None`` at its end, which ``left`` tells."""
    try:
        return connection.read(await connection.next())
    except connection.gone as error:
        connection.left = WebSocketDisconnect()
        connection.left.__cause__ = error
        return None


def _over(*_: object) -> NoReturn:
    raise RuntimeError("This conversation has ended: it can't be accepted any more.")


class WebSocket:
    """One conversation.

    Attributes of the handshake's request (``headers``, ``args``, ``cookies``, ``path``...) can be
    read here as well.

    Args:
        connection: The gateway's end.
        request: Returns the handshake's request.
        max_size: The size of a message above which the conversation is closed, in bytes.
        given: What ``request`` is called with.
    """

    # What few conversations come to have is an attribute of the class.
    #: What was agreed to be spoken.
    subprotocol: str | None = None
    _answered: asyncio.Event | None = None  # for who accepts while another one does
    _cancelled = False
    _has_a_tick = False  # to hear that the client has closed, too
    _goes_away = False
    _closing: asyncio.Task[None] | None = None

    def __init__(
        self,
        connection: Connection,
        request: Callable[..., Request],
        max_size: int | None,
        given: tuple[Any, ...] = (),
    ) -> None:
        self._connection = connection
        # What each message takes is looked up once.
        self._hear, self._read = connection.next, connection.read
        self._say, self._say_bytes = connection.send_text, connection.send_bytes
        self._get_request = request
        self._given = given
        self._max_size = sys.maxsize if max_size is None else max_size
        self._surely_short = self._max_size // 4
        self._accepting = False
        self._receiving = False
        self._open = False  # it was accepted, and goes on
        self._ahead: asyncio.Task[str | bytes | None] | None = None
        #: Whether the handshake was answered with 101.
        self.accepted = False
        #: How the conversation ended; ``None`` while it goes on.
        self.closed: WebSocketDisconnect | None = None
        #: A function and its first two arguments, not bound together: that took longer than to
        #: call it. Given the view's fields, too, it returns the head of the response to the
        #: handshake, or what is to be awaited for it.
        self.handshake: Any

    @property
    def request(self) -> Request:
        """The handshake's request."""
        return self._get_request(*self._given)

    @property
    def requested_subprotocols(self) -> list[str]:
        """The subprotocols that the client offers, best first."""
        return self._connection.subprotocols

    def __getattr__(self, name: str) -> Any:
        return getattr(self.request, name)

    def __repr__(self) -> str:
        state = "closed" if self.closed else "open" if self.accepted else "not accepted yet"
        return f"<WebSocket {self.request.path!r}, {state}>"

    # -- opening and closing --

    async def accept(
        self, subprotocol: str | None = None, headers: Iterable[tuple[str, str]] = ()
    ) -> None:
        """Accept the handshake. Sending or receiving does it, too, when it is not done yet.

        The ``after_request`` functions see the response to the handshake, status 101, and what is
        in the session until here is saved with it.

        Args:
            subprotocol: One of :attr:`requested_subprotocols`.
            headers: Header fields to send.

        Raises:
            ValueError: When the client did not offer the subprotocol (RFC 6455 section 4.2.2).
        """
        await self._opens(subprotocol, headers)

    async def _opens(
        self, subprotocol: str | None = None, headers: Iterable[tuple[str, str]] = ()
    ) -> bool:
        """Accept the handshake, unless that is done; return whether the conversation goes on."""
        while self._accepting:
            if self._answered is None:
                self._answered = asyncio.Event()
            await self._answered.wait()
        if self.accepted:
            return self._open
        if subprotocol is not None and subprotocol not in self.requested_subprotocols:
            raise ValueError(
                f"The client did not offer the subprotocol {subprotocol!r}, so it cannot be "
                f"agreed on; it offered {self.requested_subprotocols!r}."
            )
        self._accepting = True
        try:
            function, ctx, plan = self.handshake
            head = function(ctx, plan, headers)
            if type(head) is not list:
                head = await head
            self.accepted = True
            self._open = self.closed is None
            if subprotocol is not None:
                self.subprotocol = subprotocol
            await self._connection.accept(subprotocol, head)
        finally:
            self._accepting = False
            if self._answered is not None:
                self._answered.set()
                self._answered = None
        if self._goes_away:  # it was told so meanwhile
            self.go_away()
        return self._open

    def _ended(self, how: WebSocketDisconnect) -> WebSocketDisconnect:
        """Note how the conversation has ended."""
        self._open = False
        self.closed = how
        return how

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the conversation. A second time, nothing happens.

        Args:
            code: The close code: 1000 to 1014, or one of your own from 3000 to 4999.
            reason: Why, at most 123 bytes in UTF-8; what is longer is cut.
        """
        if self.closed is not None:
            return
        with suppress(WebSocketDisconnect):  # gone already
            await self._opens()
            self._ended(WebSocketDisconnect(code, reason))
            short = reason.encode()[:MAX_REASON].decode(errors="ignore")
            await self._connection.close(code, short)

    async def reject(self, response: Response, head: list[tuple[str, str]]) -> None:
        """Answer the handshake with a response; the pipeline does it, for what a view returns."""
        self._ended(WebSocketDisconnect(1006, response.status))
        await self._connection.reject(response.status_code, head, response.get_data())

    # -- messages --

    async def receive(self) -> str | bytes:
        """Wait for the next message: ``str`` for a text message, ``bytes`` for a binary one.

        Raises:
            WebSocketDisconnect: When the conversation is over.
        """
        return await self._next(iterates=False)

    async def _next(self, iterates: bool = True) -> str | bytes:
        """Wait for the next message. At the end an iteration stops, and others are told of it."""
        try:
            if self._open or await self._opens():
                self._receiving = True
                try:
                    if self._ahead is None:
                        message: Any = self._read(await self._hear())
                    else:
                        # Shielded: a view that waits with a time limit must not lose the message.
                        message = await asyncio.shield(self._ahead)
                        self._ahead = None
                except self._connection.gone as error:
                    raise self._ended(WebSocketDisconnect()) from error
                finally:
                    self._receiving = False
                if message is not None:
                    # A character has four bytes in UTF-8 at most: short texts need not be encoded.
                    if len(message) > self._surely_short and _is_longer(message, self._max_size):
                        await self._refuse_size()
                    return message  # type: ignore[no-any-return]
                self._ended(self._connection.left)
            if not iterates:
                raise self.closed  # type: ignore[misc]
        except WebSocketDisconnect:
            if not iterates:
                raise
        raise StopAsyncIteration

    async def _refuse_size(self) -> None:
        await self.close(1009, f"Messages may have {self._max_size} bytes at most.")
        raise WebSocketDisconnect(1009, "A message was too big.")

    async def receive_json(self) -> Any:
        """Wait for the next message and parse it with ``app.json``.

        Raises:
            WebSocketDisconnect: When the conversation is over. A message that is not JSON ends it,
                with code 1007.
        """
        message = await self.receive()
        try:
            return self.request.json_module.loads(message)
        except (ValueError, RecursionError):
            await self.close(1007, "The message is not valid JSON.")
            raise WebSocketDisconnect(1007, "A message was not JSON.") from None

    async def send(self, message: str | bytes) -> None:
        """Send a message: a text message for ``str``, a binary one for ``bytes``.

        Raises:
            WebSocketDisconnect: When the conversation is over.
            TypeError: For anything else.
        """
        say: Any = self._say
        if type(message) is not str:
            if not isinstance(message, _MESSAGES):
                raise TypeError(
                    f"A websocket sends str or bytes, not {type(message).__name__!r}; "
                    "'send_json' sends what JSON can say."
                )
            if not isinstance(message, str):
                say = self._say_bytes
        if not (self._open or await self._opens()):
            raise self.closed  # type: ignore[misc]
        try:
            await say(message)
        except self._connection.gone as error:
            raise self._ended(WebSocketDisconnect()) from error

    async def send_json(self, *args: Any, **kwargs: Any) -> None:
        """Send a text message with JSON of the arguments, as ``jsonify`` makes it.

        Raises:
            WebSocketDisconnect: When the conversation is over.
        """
        await self.send(self.request.json_module.dumps(args[0] if args else kwargs))

    def __aiter__(self) -> AsyncIterator[str | bytes]:
        """Iterate over the messages until the client closes the conversation."""
        return self

    __anext__ = _next  # a function around it would be one more call for each message

    # -- a client that leaves while the view waits for something else --

    def look_after(self, loop: asyncio.AbstractEventLoop, lifecycle: Lifecycle) -> None:
        """Look after the client from here to :meth:`release`: while the view runs.

        Args:
            loop: The one that runs.
            lifecycle: Of the application, which tells when the server goes away.
        """
        self._loop = loop
        self._live = lifecycle.live
        self._task = asyncio.current_task(loop)
        self._variables: Variables | None = copy_context()
        lookout = _latest
        if lookout.loop() is not loop:
            lookout = _lookout_of(loop)
        self._lookout = lookout
        lookout.conversations.add(self)
        if not lookout.ticks:
            lookout.begin()
        self._live[self] = loop
        if lifecycle.stopping:
            self.go_away()

    def look(self) -> None:
        """Look for a client that has left, one message ahead, while nobody receives.

        The view gets one more tick to come to an end before it is cancelled: it may be at work on
        the last message. When the server goes away and the view receives, that is a whole one: it
        ends by itself as soon as the client's answer has come.
        """
        if not self.accepted or (self._receiving and not self._goes_away):
            return
        if self.closed is not None:
            if self._receiving and not self._has_a_tick:
                self._has_a_tick = True
            else:
                self._cancel_view()
        elif self._ahead is None:
            ahead = self._look_ahead()
            self._ahead = self._loop.create_task(ahead, context=self._variables)

    async def _look_ahead(self) -> str | bytes | None:
        """Return the next message; ``None`` at the end, which is noted then."""
        message = await next_of(self._connection)
        if message is None:
            self._ended(self._connection.left)
        return message

    def _cancel_view(self) -> None:
        if self._task is not None and not self._cancelled:
            self._cancelled = True
            self._task.cancel()

    @property
    def gave_up(self) -> bool:
        """Whether a cancellation that arrived is the one for a client that has left."""
        return self._cancelled and self._task is not None and self._task.cancelling() == 1

    def go_away(self) -> None:
        """Close the conversation, for the server is told to stop; on its loop.

        Whoever sends or receives is told so. A view that goes on is cancelled, as when the client
        has left: also one that receives, if its server does not tell it of the end.
        """
        self._goes_away = True
        if self.accepted and self.closed is None and self._closing is None:
            closing = self.close(GOING_AWAY)
            self._closing = self._loop.create_task(closing, context=self._variables)

    def end(self, request: Callable[..., Request], *given: Any) -> None:
        """Let go of what leads back to the context: else the collector alone could free both.

        Args:
            request: Returns the handshake's request from now on.
            given: What it is called with.
        """
        self._get_request = request
        self._given = given
        self.handshake = _over, None, None
        if self.closed is not None:
            self.closed.__traceback__ = None

    def release(self) -> bool:
        """Stop looking after the client; at the end of the view.

        Returns:
            Whether :meth:`settle` has something to do.
        """
        self._live.pop(self, None)
        self._lookout.conversations.discard(self)
        if self._goes_away:
            self._goes_away = False
        self._variables = None  # they lead back here
        return self._cancelled or self._ahead is not None or self._closing is not None

    async def settle(self) -> None:
        """Bring what was begun for the client to its end, behind :meth:`release`."""
        if self._cancelled and self._task is not None:
            self._task.uncancel()
        if self._ahead is not None:
            self._ahead.cancel()
            await asyncio.wait({self._ahead})
            if not self._ahead.cancelled():
                self._ahead.exception()  # seen
        if self._closing is not None:
            await asyncio.wait({self._closing}, timeout=TICK)
            self._closing.cancel()  # the client does not answer


class _Lookout:
    """Looks after the conversations of one loop, with one timer for all of them."""

    def __init__(self, loop: Callable[[], asyncio.AbstractEventLoop | None]) -> None:
        self.loop = loop
        self.conversations: set[WebSocket] = set()
        self.ticks = False

    def begin(self) -> None:
        """Look after them from now on, until there are none."""
        self.ticks = True
        self._wait()

    def _wait(self) -> None:
        # With no context variables: it would keep those of one request for all that follow.
        asyncio.get_running_loop().call_later(TICK, self._tick, context=Variables())

    def _tick(self) -> None:
        self.ticks = bool(self.conversations)
        if self.ticks:
            self._wait()
        for conversation in list(self.conversations):
            conversation.look()


_lookouts: WeakKeyDictionary[asyncio.AbstractEventLoop, _Lookout] = WeakKeyDictionary()
#: That of the loop that had the latest conversation: most processes have one alone.
_latest = _Lookout(lambda: None)


def _lookout_of(loop: asyncio.AbstractEventLoop) -> _Lookout:
    global _latest
    lookout = _lookouts.get(loop)
    if lookout is None:
        lookout = _lookouts[loop] = _Lookout(ref(loop))
    _latest = lookout
    return lookout


def _is_longer(message: str | bytes, size: int) -> bool:
    """Whether a message has more than ``size`` bytes on the wire."""
    if isinstance(message, str) and len(message) <= size:
        message = message.encode(errors="surrogatepass")
    return len(message) > size


def origin_is_trusted(request: Request, trusted: Iterable[str] | str | None) -> bool:
    """Whether a handshake comes from a page of this host, or of one that is trusted.

    Browsers open websockets to any host, with its cookies, for a page of any other; only the
    ``Origin`` header tells (RFC 6455 section 10.2). Programs send none.

    Args:
        request: The handshake's request.
        trusted: Further origins, or one, such as ``"https://app.example.org"``; ``"*"`` is any.
    """
    origin: str | None = request.environ.get("HTTP_ORIGIN")
    if origin is None:
        return True
    if isinstance(trusted, str):  # whose beginning is another host's: "https://app.example"
        trusted = [trusted]
    if trusted is not None and ("*" in trusted or origin in trusted):
        return True
    try:
        scheme, host = urlsplit(origin)[:2]
    except ValueError:  # a bracket too few
        return False
    # Not the scheme: behind a proxy that ends TLS the application may not know its own.
    usual = {"http": ":80", "https": ":443"}.get(scheme)
    return usual is not None and host.removesuffix(usual) == request.host
