"""The WSGI environ (PEP 3333) of an ASGI scope."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cruse.environ import ABSENT, EVERYWHERE, LazyEnviron, add_header, field_of
from cruse.gateway.onloop import LoopBody

if TYPE_CHECKING:
    from collections.abc import Callable

    from cruse.gateway.asgi import _Handshake, _Transport
    from cruse.typing import Scope

__all__ = [
    "ScopeEnviron",
    "comes_from_program",
    "environ_of",
    "path_below_root",
    "takes_anything",
]

_new = dict.__new__
_LIMIT = 1_000  # names that were asked for: some applications take them from what clients send
_names: dict[str, bytes] = {}
#: Names of fields that came in lower case, as the protocol wants them.
_lower: set[bytes] = set()
#: Those of them that say neither what a client takes nor what it sends.
_silent: set[bytes] = set()


class ScopeEnviron(LazyEnviron):
    """The environ of a scope.

    :func:`environ_of` makes it.
    """

    __slots__ = ("scope", "transport")

    #: The scope, of a request or of the handshake of a websocket.
    scope: Scope
    #: What receives the body.
    transport: _Transport

    def make(self, key: str) -> Any:
        """Return the value of one key, ``ABSENT`` when there is none."""
        if key in _MAKERS:
            return _MAKERS[key](self)
        name = _names.get(key)
        if name is None and not (name := _learn_name(key)):
            return ABSENT
        head = self.transport.head or self.transport.read_head()
        value = head.get(name)
        if len(head) != len(self.scope["headers"]) or (
            value is None and not (_lower.issuperset(head) or _are_lower(head))
        ):
            self.complete()  # fields came twice, or the server breaks the rules
            return dict.get(self, key, ABSENT)
        return ABSENT if value is None else value.decode("latin-1")

    def fill_body_keys(self) -> None:
        """Make the keys that reading a body asks for, if its type is known, and no field twice."""
        head = self.transport.head or self.transport.read_head()
        if b"content-type" in head and len(head) == len(self.scope["headers"]):
            self["CONTENT_TYPE"] = head[b"content-type"].decode("latin-1")
            if (length := head.get(b"content-length")) is not None:
                self["CONTENT_LENGTH"] = length.decode("latin-1")
            if not self.transport.ended:  # or it was read: nobody asks for more
                self["wsgi.input"] = LoopBody(self.transport)

    def make_all(self) -> dict[str, Any]:
        """Return all keys and values."""
        environ = {}
        for key, maker in _MAKERS.items():
            value = maker(self)
            if value is not ABSENT:
                environ[key] = value
        for name, value in self.scope["headers"]:
            add_header(environ, name, value.decode("latin-1"))
        return environ


def environ_of(transport: _Transport) -> ScopeEnviron:
    """Make the environ of a request, or of the handshake of a websocket.

    It has no constructor, because Python takes a long way to call one of a kind of dictionary.

    Args:
        transport: What has the scope, and receives the body.
    """
    environ = _new(ScopeEnviron)
    environ.pending = True
    environ.transport = transport
    transport.has_environ = True
    environ.scope = scope = transport.scope
    if query := scope.get("query_string"):  # often all that is asked for
        environ["QUERY_STRING"] = query.decode("latin-1")
    if transport.has_body:
        environ.fill_body_keys()
    return environ


def takes_anything(transport: _Transport) -> bool:
    """Whether ``Accept`` says no more than ``*/*``, if anything, and there is no content type.

    False where only the environ tells: it was made, and may have been changed, or the server
    breaks the rules for names, which are in lower case.
    """
    for name, value in transport.scope["headers"]:
        if name in _silent or (name == b"accept" and value == b"*/*"):
            continue
        if name == b"accept" or name == b"content-type" or not name.islower():
            return False
        if len(_silent) >= _LIMIT:
            _silent.clear()
        _silent.add(name)
    return not transport.has_environ


def comes_from_program(transport: _Handshake) -> bool:
    """Whether a handshake has no ``Origin``, which the pages of browsers send.

    False where only the environ tells: it was made, and hooks may have changed it, or the server
    breaks the rules for names.
    """
    head = transport.head or transport.read_head()
    return (
        not transport.has_environ
        and b"origin" not in head
        and (_lower.issuperset(head) or _are_lower(head))
    )


def _learn_name(key: str) -> bytes:
    """Return the name of the header that a key is of, of others an empty one."""
    name = field_of(key).encode()
    if name and len(_names) < _LIMIT:
        _names[key] = name
    return name


def _are_lower(names: dict[bytes, bytes]) -> bool:
    """Whether names of header fields are in lower case."""
    if not b"".join(names).islower():
        return False
    if len(_lower) < _LIMIT:
        _lower.update(names)
    return True


def path_below_root(scope: Scope) -> str:
    """Return the path without the ``root_path`` that servers put in front of it."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    if root:
        root = root.rstrip("/")
        if path == root or path.startswith(f"{root}/"):
            return path[len(root) :]
    return path


def _query(environ: ScopeEnviron) -> str:
    query: bytes = environ.scope.get("query_string", b"")
    return query.decode("latin-1")


def _raw_uri(environ: ScopeEnviron) -> Any:
    raw_path: bytes | None = environ.scope.get("raw_path")
    if raw_path is None:
        return ABSENT
    query = _query(environ)
    path = raw_path.partition(b"?")[0].decode("latin-1")
    return f"{path}?{query}" if query else path


def _server(environ: ScopeEnviron) -> tuple[str, int | None]:
    return environ.scope.get("server") or ("", None)


def _port(environ: ScopeEnviron) -> str:
    port = _server(environ)[1]
    return "" if port is None else str(port)


def _client(environ: ScopeEnviron) -> Any:
    client = environ.scope.get("client")
    return client[0] if client else ABSENT


def _client_port(environ: ScopeEnviron) -> Any:
    client = environ.scope.get("client")
    return str(client[1]) if client else ABSENT


def _early_hints(environ: ScopeEnviron) -> Any:
    if "http.response.early_hint" in (environ.scope.get("extensions") or ()):
        return environ.transport.send_early_hints
    return ABSENT


_MAKERS: dict[str, Callable[[ScopeEnviron], Any]] = {
    **EVERYWHERE,
    "REQUEST_METHOD": lambda environ: environ.scope["method"],
    "SCRIPT_NAME": lambda e: e.scope.get("root_path", "").encode().decode("latin-1"),
    "PATH_INFO": lambda e: path_below_root(e.scope).encode(errors="replace").decode("latin-1"),
    "QUERY_STRING": _query,
    "SERVER_NAME": lambda environ: _server(environ)[0] or "localhost",
    "SERVER_PORT": _port,
    "SERVER_PROTOCOL": lambda environ: f"HTTP/{environ.scope.get('http_version', '1.1')}",
    "RAW_URI": _raw_uri,
    "REQUEST_URI": _raw_uri,
    "REMOTE_ADDR": _client,
    "REMOTE_PORT": _client_port,
    "wsgi.url_scheme": lambda environ: environ.scope.get("scheme", "http"),
    "wsgi.input": lambda e: LoopBody(e.transport, empty=not e.transport.has_body),
    "wsgi.early_hints": _early_hints,
    "asgi.scope": lambda environ: environ.scope,
    "cruse.access_route": lambda environ: environ.scope.get("cruse.access_route", ABSENT),
    "cruse.preserve_context": lambda environ: environ.scope.get("cruse.preserve_context", ABSENT),
}
