"""How low a row could be: functions by hand that keep its promises, without any structure.

Each has the context that is found from anywhere, the checked host, werkzeug's dictionaries and
header fields, hooks in their order, and the security fields; none has routes, plans, signals,
error handlers, middleware or a second protocol. Streams have a module of their own,
``streamed_floors``. ``python -m benchmarks.floors`` prints what all of them take beside the
frameworks.
"""

from __future__ import annotations

import asyncio
import hashlib
from contextvars import copy_context
from typing import Any

from werkzeug.exceptions import NotFound

from benchmarks import streamed_floors
from benchmarks.gateways import ASGI, WSGI
from benchmarks.measured import make_app
from benchmarks.peers.common import SECRET
from benchmarks.workloads import WORKLOADS
from cruse import Cruse, Response, g, request, session
from cruse.context import Context
from cruse.cookies import parse_cookies
from cruse.environ import PENDING
from cruse.formparser import ImmutableMultiDict
from cruse.gateway.asgi import _Transport
from cruse.globals import _cv
from cruse.hosts import SEEN_HOSTS, refusal
from cruse.json.tag import TaggedJSONSerializer
from cruse.sessions import SecureCookieSession
from cruse.signing import HMAC, SigningSerializer

HTML = "text/html; charset=utf-8"
ROUNDS, BATCH = 25, 2_000
PEERS = {"wsgi": ["cruse", "falcon"], "asgi": ["cruse", "falcon", "blacksheep", "starlette"]}
FIELDS = [
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "SAMEORIGIN"),
    ("Referrer-Policy", "strict-origin-when-cross-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
]
ENCODED = [(name.lower().encode(), value.encode()) for name, value in FIELDS]
APP = Cruse("floor")


def hello() -> str:
    return "hello"


def parameter(number: int) -> str:
    return f"{number} {request.args['q']} {request.args.get('page', 1, type=int)}"


def form() -> str:
    return f"{request.form['name']} {request.form['email']}"


def echo() -> str:
    return APP.json.dumps(request.get_json(), separators=(",", ":")) + "\n"


def before() -> None:
    g.before = g.get("before", 0) + 1


def after(n: int) -> Any:
    def add(response: Response) -> Response:
        response.headers[f"X-After-{n}"] = "1"
        return response

    return add


AFTER = [after(n) for n in range(3)]


def hooks() -> Response:
    for hook in (before, before, before):
        hook()
    response = Response(str(g.before))
    for hook in AFTER:
        response = hook(response)
    return response


PAGE = str(NotFound().get_body()).encode()


def not_found() -> NotFound:
    raise NotFound


def visits() -> str:
    session["visits"] = session.get("visits", 0) + 1
    return str(session["visits"])


def sha1(string: bytes = b"") -> Any:
    return hashlib.sha1(string)


SERIALIZER = SigningSerializer(
    [SECRET],
    salt="cookie-session",
    serializer=TaggedJSONSerializer(),
    signer_kwargs={
        "key_derivation": "hmac",
        "digest_method": sha1,
        "algorithm": HMAC(sha1),
    },
)


def with_session(ctx: Context, cookies: str) -> tuple[list[tuple[str, str]], bytes]:
    """Read the signed cookie, call the view, and sign what it has made of it."""
    values = parse_cookies(cookies, ImmutableMultiDict).getlist("session")
    kept = SERIALIZER.loads(values[0], max_age=2_678_400) if values else None
    ctx.session = kept = SecureCookieSession(kept)
    body = visits().encode()
    fields = [("Content-Type", HTML), ("Content-Length", str(len(body))), ("Vary", "Cookie")]
    if kept.modified:
        signed = SERIALIZER.dumps(dict(kept.items()))
        fields.append(("Set-Cookie", f"session={signed}; HttpOnly; Path=/; SameSite=Lax"))
    return fields, body


def takes_anything(headers: list[tuple[bytes, bytes]]) -> bool:
    for name, value in headers:
        if name == b"content-type" or (name == b"accept" and value != b"*/*"):
            return False
    return True


def with_error(anything: bool) -> tuple[list[tuple[str, str]], bytes]:
    """Raise the error and make a page of it for who does not ask for problem details."""
    code = None
    try:
        not_found()
    except NotFound as error:
        code = error.code
    assert code == 404
    assert anything
    length = ("Content-Length", str(len(PAGE)))
    return [("Content-Type", HTML), length, ("Vary", "Accept")], PAGE


#: The path of each row, its view, and the type of its answer; a slash is followed by a number.
VIEWS = {
    "hello": ("/", hello, HTML),
    "parameter": ("/items/", parameter, HTML),
    "form": ("/form", form, HTML),
    "echo": ("/echo", echo, "application/json"),
    "hooks": ("/b0/b1/view", hooks, HTML),
    "not_found": ("/nowhere", with_error, HTML),
    "session": ("/session", with_session, HTML),
}


def answer(ctx: Context, path: str, name: str, host: str | bytes, *told: Any) -> tuple[Any, bytes]:
    """Return the header fields, or the type alone, and the body."""
    expected, view, kind = VIEWS[name]
    assert host in SEEN_HOSTS or refusal(host) is None
    assert path.startswith(expected)
    if name == "not_found":
        return with_error(*told)
    if name == "session":
        return with_session(ctx, *told)
    made = view(int(path[7:])) if name == "parameter" else view()
    if ctx.made_request is not None:
        assert not ctx.made_request.holds
        ctx.part(ctx.made_request)
    if name == "hooks":
        return list(made.headers), made.whole[0]
    return kind, made.encode()


def wsgi(name: str) -> Any:
    """Return a WSGI application for one row."""

    def serve(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        ctx = Context(APP, environ, None, None)
        _cv.set(ctx)
        told = ()
        if name == "session":
            told = (environ.get("HTTP_COOKIE", ""),)
        elif name == "not_found":
            told = (environ["HTTP_ACCEPT"] == "*/*" and not environ.get("CONTENT_TYPE"),)
        fields, body = answer(ctx, environ["PATH_INFO"], name, environ["HTTP_HOST"], *told)
        if type(fields) is str:
            fields = [("Content-Type", fields), ("Content-Length", str(len(body)))]
        start_response("404 NOT FOUND" if body is PAGE else "200 OK", fields + FIELDS)
        return [body]

    return lambda environ, start_response: copy_context().run(serve, environ, start_response)


def asgi(name: str) -> Any:
    """Return an ASGI application for one row."""
    types = {kind: [(b"content-type", kind.encode()), *ENCODED] for _, _, kind in VIEWS.values()}

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        transport = _Transport(scope, receive, send)
        transport.loop = asyncio.get_running_loop()
        ctx = Context(APP, PENDING, None, None)
        ctx.transport = transport
        token = _cv.set(ctx)
        if transport.has_body:
            body = await transport.next_chunk()
            assert transport.is_whole(ctx, body, transport.announced())
            ctx.body = body
        told = ()
        if name == "session":
            told = (transport.read_head().get(b"cookie", b"").decode("latin-1"),)
        elif name == "not_found":
            told = (takes_anything(scope["headers"]),)
        fields, body = answer(ctx, scope["path"], name, transport.host, *told)
        if type(fields) is str:
            head = [(b"content-length", b"%d" % len(body)), *types[fields]]
        else:
            head = [(n.lower().encode("latin-1"), v.encode("latin-1")) for n, v in fields]
            head += ENCODED
        status = 404 if body is PAGE else 200
        await send({"type": "http.response.start", "status": status, "headers": head})
        await send({"type": "http.response.body", "body": body})
        _cv.reset(token)

    def called(scope: Any, receive: Any, send: Any) -> Any:
        return (APP if scope["type"] == "lifespan" else serve)(scope, receive, send)

    return called


def main() -> None:
    """Print what each row takes by hand, and the multiples of it that others take."""
    for face, by_hand, gateway in (("wsgi", wsgi, WSGI), ("asgi", asgi, ASGI)):
        streamed = streamed_floors.ROWS if face == "asgi" else streamed_floors.ROWS[:2]
        for name in (*VIEWS, *streamed):
            work = WORKLOADS[name]
            make = getattr(streamed_floors, face) if name in streamed else by_hand
            apps = {peer: make_app(face, peer, work.build) for peer in PEERS[face]}
            gateways = {k: gateway(app) for k, app in {"hand": make(name), **apps}.items()}
            sent = [work.make(n) for n in range(work.variants)]
            prepared = {}
            for peer, one in gateways.items():
                learnt = work.learn(one.ask(one.prepare(sent[0]))) if work.learn else {}
                asked = [each._replace(headers={**each.headers, **learnt}) for each in sent]
                work.check(asked[0], one.ask(one.prepare(asked[0])))
                prepared[peer] = [one.prepare(each) for each in asked]
            least = dict.fromkeys(gateways, 1e9)
            for _ in range(ROUNDS):
                for peer, one in gateways.items():
                    spent = one.batch(prepared[peer], BATCH) / BATCH * 1e6
                    least[peer] = min(least[peer], spent)
            hand = least.pop("hand")
            ratios = "  ".join(f"{peer} {spent / hand:.2f}x" for peer, spent in least.items())
            print(f"{face}  {work.title:26} {hand:5.1f} µs  {ratios}", flush=True)
            for one in gateways.values():
                one.close()


if __name__ == "__main__":
    main()
