"""An application with a view for everything a client can say, and a client without manners.

The client writes environs and scopes as servers do, from the bytes on the wire, so that nothing
helpful stands between a hostile request and the application.
"""

import asyncio
import io
import time
from dataclasses import dataclass, field
from urllib.parse import unquote, unquote_to_bytes

import pytest
from werkzeug.datastructures import Headers

from cruse import (
    Cruse,
    current_app,
    redirect,
    request,
    send_file,
    send_from_directory,
    session,
    url_for,
)


@dataclass
class Answer:
    """What came back, and how many seconds of processor time that took."""

    status: int
    headers: Headers
    data: bytes
    seconds: float = 0.0

    @property
    def text(self):
        return self.data.decode()


@dataclass
class Wire:
    """One request as it is on the wire.

    ``pieces`` are the chunks that the body arrives in; ``leaves`` is a client that is gone after
    the last of them.
    """

    method: str = "GET"
    target: bytes = b"/"
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    pieces: list[bytes] = field(default_factory=list)
    announced: bool = True
    leaves: bool = False

    def all_headers(self):
        headers = list(self.headers)
        names = {name.lower() for name, _ in headers}
        if b"host" not in names:
            headers.insert(0, (b"host", b"localhost"))
        if self.pieces and b"content-length" not in names and b"transfer-encoding" not in names:
            if self.announced:
                length = b"%d" % sum(map(len, self.pieces))
                headers.append((b"content-length", length))
            else:
                headers.append((b"transfer-encoding", b"chunked"))
        return headers


class Incoming(io.RawIOBase):
    """A body that comes in pieces, and a client that may leave behind the last."""

    def __init__(self, wire):
        self.pieces = [piece for piece in wire.pieces if piece]
        self.leaves = wire.leaves

    def readable(self):
        return True

    def read(self, size=-1):
        if not self.pieces:
            if self.leaves:
                raise ConnectionResetError("the client has left")
            return b""
        piece = self.pieces.pop(0)
        if 0 <= size < len(piece):
            self.pieces.insert(0, piece[size:])
            piece = piece[:size]
        return piece


def environ_of(wire):
    """Return the environ that a WSGI server makes of a request."""
    path, _, query = wire.target.partition(b"?")
    environ = {
        "REQUEST_METHOD": wire.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query.decode("latin-1"),
        "RAW_URI": wire.target.decode("latin-1"),
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": Incoming(wire),
        "wsgi.input_terminated": True,
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in wire.all_headers():
        key = name.decode("latin-1").upper().replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        joint = "; " if key == "HTTP_COOKIE" else ","
        text = value.decode("latin-1")
        environ[key] = f"{environ[key]}{joint}{text}" if key in environ else text
    return environ


def scope_of(wire):
    """Return the scope that an ASGI server makes of a request."""
    path, _, query = wire.target.partition(b"?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": "1.1",
        "method": wire.method,
        "scheme": "http",
        "path": unquote(path.decode("latin-1")),
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in wire.all_headers()],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 80),
    }


def send_wsgi(app, wire):
    head = []

    def start_response(status, headers, exc_info=None):
        head[:] = int(status[:3]), Headers(headers)

    body = app(environ_of(wire), start_response)
    try:
        data = b"".join(body)
    finally:
        if hasattr(body, "close"):
            body.close()
    return Answer(*head, data)


async def send_asgi(app, wire):
    incoming = Incoming(wire)
    sent, done = [], asyncio.Event()

    async def receive():
        if incoming.pieces or not (wire.leaves or done.is_set()):
            body = incoming.read()
            more = bool(incoming.pieces) or wire.leaves
            if not more:
                done.set()
            return {"type": "http.request", "body": body, "more_body": more}
        if not wire.leaves:
            await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    await app(scope_of(wire), receive, send)
    headers = Headers([(n.decode("latin-1"), v.decode("latin-1")) for n, v in sent[0]["headers"]])
    return Answer(
        sent[0]["status"], headers, b"".join(message.get("body", b"") for message in sent[1:])
    )


class Sender:
    """Sends to one face of one application; its event loop lives as long as the test."""

    def __init__(self, app, face):
        self.app, self.face = app, face
        self.runner = asyncio.Runner() if face == "asgi" else None

    def __call__(self, method="GET", target="/", headers=(), body=(), **how):
        target = target.encode() if isinstance(target, str) else target
        pieces = [body] if isinstance(body, bytes) else list(body)
        wire = Wire(method, target, list(headers), pieces, **how)
        start = time.process_time()
        if self.runner is None:
            answer = send_wsgi(self.app, wire)
        else:
            answer = self.runner.run(send_asgi(self.app, wire))
        answer.seconds = time.process_time() - start
        return answer

    def close(self):
        if self.runner is not None:
            self.runner.run(self.app.stop_on_loop())
            self.runner.close()


@pytest.fixture(params=["wsgi", "asgi"])
def face(request):
    return request.param


@pytest.fixture
def connect(face):
    """Return a function that gives a client to an application, on either face."""
    senders = []

    def connect(app):
        senders.append(Sender(app, face))
        return senders[-1]

    yield connect
    for sender in senders:
        sender.close()


@pytest.fixture
def bare():
    """An application without any view yet."""
    return Cruse("hostile", static_folder=None)


def everything_in_headers():
    return {
        "auth": str(request.authorization and request.authorization.username),
        "accept": [
            str(request.accept_mimetypes), str(request.accept_charsets),
            str(request.accept_encodings), str(request.accept_languages),
            str(request.accept_mimetypes.best), request.accept_mimetypes.accept_html,
        ],
        "cache": str(request.cache_control),
        "conditions": [
            str(request.if_match), str(request.if_none_match), str(request.if_range),
            str(request.if_modified_since), str(request.if_unmodified_since),
        ],
        "content": [
            request.content_length, request.content_encoding, request.content_md5,
            request.mimetype, request.mimetype_params, request.is_json,
        ],
        "date": str(request.date),
        "forwards": request.max_forwards,
        "other": [
            request.origin, request.referrer, request.user_agent.string,
            str(request.access_control_request_headers), str(request.pragma),
            request.access_control_request_method, list(request.access_route),
        ],
        "range": str(request.range),
        "all": [len(name) + len(value) for name, value in request.headers],
    }  # fmt: skip


def everything_in_the_url():
    return {
        "url": request.url, "base": request.base_url, "root": request.root_url,
        "full": request.full_path, "host": request.host, "host_url": request.host_url,
        "external": url_for("index", _external=True), "secure": request.is_secure,
    }  # fmt: skip


def the_form():
    files = {name: [file.filename, len(file.read())] for name, file in request.files.items()}
    return {"form": request.form.to_dict(flat=False), "files": files}


def the_session():
    session["visits"] = session.get("visits", 0) + 1
    return {"visits": session["visits"]}


def log_the_path():
    current_app.logger.warning("asked for %r", request.path)
    return request.path


VIEWS = {
    "/args": lambda: request.args.to_dict(flat=False),
    "/cookies": lambda: request.cookies.to_dict(flat=False),
    "/data": lambda: {"size": len(request.get_data())},
    "/form": the_form,
    "/headers": everything_in_headers,
    "/json": lambda: {"json": request.get_json()},
    "/log": log_the_path,
    "/session": the_session,
    "/url": everything_in_the_url,
    "/values": lambda: request.values.to_dict(flat=False),
    "/text/<name>": lambda name: name,
    "/int/<int:value>": lambda value: str(value),
    "/float/<float:value>": lambda value: str(value),
    "/uuid/<uuid:value>": lambda value: str(value),
    "/any/<any(left,right):value>": lambda value: value,
    "/path/<path:value>": lambda value: value,
    "/folder/": lambda: "folder",
    "/go": lambda: redirect(request.args.get("to", "/")),
    "/file": lambda: send_file("static/page.html"),
    "/files/<path:name>": lambda name: send_from_directory("static", name),
    "/named": lambda: send_file(
        "static/page.html", as_attachment=True, download_name=request.args.get("as", "page.html")
    ),
}


def add_all(app):
    """Add every view twice: plain, and as a coroutine function below ``/async``."""
    for rule, view in VIEWS.items():

        async def from_async(view=view, **values):
            return view(**values)

        app.add_url_rule(rule, rule, view, methods=["GET", "POST"])
        app.add_url_rule(f"/async{rule}", f"async{rule}", from_async, methods=["GET", "POST"])


@pytest.fixture(scope="session")
def everything(tmp_path_factory):
    """The application with a view for everything."""
    root = tmp_path_factory.mktemp("everything")
    (root / "static").mkdir()
    (root / "static" / "page.html").write_text("<p>static</p>")
    (root / "secret.txt").write_text("secret")
    app = Cruse("everything", root_path=str(root))
    app.secret_key = "k" * 32
    app.add_url_rule("/", "index", lambda: "hello")
    add_all(app)
    return app
