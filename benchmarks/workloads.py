"""What is asked of every framework, and which answer is right."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from benchmarks.peers.common import (
    ANSWER,
    CHUNK,
    CHUNKS,
    DYNAMIC_RULE,
    EVENTS,
    ROWS,
    STATIC_RULE,
    WEBSOCKET_MESSAGES,
)

ROUTES = 1_000
UPLOAD = b"0123456789abcdef" * 65_536  # 1 MiB
BOUNDARY = "----------------------------benchmark"
#: What browsers and load balancers send along.
HEADERS = {
    "host": "localhost",
    "accept": "*/*",
    "accept-encoding": "gzip, deflate, br",
    "user-agent": "benchmark",
}
#: So many different requests are made in turns where the path has a number in it: more than any
#: cache of matched paths holds.
VARIANTS = 2_000


class Sent(NamedTuple):
    """A request."""

    path: str
    method: str = "GET"
    query: str = ""
    headers: dict[str, str] = {}  # noqa: RUF012 - never changed
    body: bytes = b""
    websocket: bool = False


class Answer(NamedTuple):
    """What came back: of a websocket the messages, in ``body``."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((v for n, v in self.headers if n.lower() == name), None)


class Workload(NamedTuple):
    """One kind of request.

    ``build`` is the function of the peer's module that makes the application, ``make`` gives the
    n-th request, ``check`` asserts that its answer is right. ``learn`` returns header fields to
    send from then on, taken from the answer to the very first request.
    """

    title: str
    build: str
    make: Callable[[int], Sent]
    check: Callable[[Sent, Answer], None]
    learn: Callable[[Answer], dict[str, str]] | None = None
    variants: int = 1
    arguments: tuple[Any, ...] = ()


def _ok(answer: Answer) -> None:
    assert answer.status == 200, (answer.status, answer.body[:300])


def _text(expected: str) -> Callable[[Sent, Answer], None]:
    def check(sent: Sent, answer: Answer) -> None:
        _ok(answer)
        assert answer.body == expected.encode(), answer.body[:300]

    return check


def _json(expected: Any) -> Callable[[Sent, Answer], None]:
    def check(sent: Sent, answer: Answer) -> None:
        _ok(answer)
        assert answer.header("content-type").startswith("application/json"), answer.headers
        assert json.loads(answer.body) == expected, answer.body[:300]

    return check


def _number(sent: Sent, answer: Answer) -> None:
    _ok(answer)
    number = sent.path.rpartition("/")[2]
    assert answer.body.decode() == (f"{number} tea 3" if sent.query else number), answer.body[:300]


def _page(sent: Sent, answer: Answer) -> None:
    _ok(answer)
    assert answer.body.count(b"<tr>") == len(ROWS), answer.body[:300]
    assert b"Row &lt;19&gt;" in answer.body
    assert answer.body.rstrip().endswith(b"</html>")


def _missing(sent: Sent, answer: Answer) -> None:
    assert answer.status == 404, (answer.status, answer.body[:300])


def _not_modified(sent: Sent, answer: Answer) -> None:
    assert answer.status == 304, (answer.status, answer.body[:300])
    assert not answer.body


def _hooked(sent: Sent, answer: Answer) -> None:
    _text("3")(sent, answer)
    assert [answer.header(f"x-after-{n}") for n in range(3)] == ["1"] * 3, answer.headers


def _visited(sent: Sent, answer: Answer) -> None:
    _text("2")(sent, answer)
    assert answer.header("set-cookie"), answer.headers


def _events(sent: Sent, answer: Answer) -> None:
    _ok(answer)
    assert answer.header("content-type").startswith("text/event-stream"), answer.headers
    lines = [line for line in answer.body.decode().splitlines() if line.startswith("data:")]
    assert [line[5:].strip() for line in lines] == [str(n) for n in range(EVENTS)], answer.body


def _cookie(answer: Answer) -> dict[str, str]:
    return {"cookie": answer.header("set-cookie").partition(";")[0]}


def _validators(answer: Answer) -> dict[str, str]:
    _ok(answer)
    fields = {"if-none-match": "etag", "if-modified-since": "last-modified"}
    return {sent: answer.header(got) for sent, got in fields.items() if answer.header(got)}


def _post(path: str, kind: str, body: bytes) -> Sent:
    headers = {"content-type": kind, "content-length": str(len(body))}
    return Sent(path, "POST", headers=headers, body=body)


def _always(sent: Sent) -> Callable[[int], Sent]:
    return lambda n: sent


FORM = b"name=Ada+Lovelace&email=ada%40example.org&city=London&subscribe=on"
UPLOADED = (
    (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="data.bin"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    ).encode()
    + UPLOAD
    + f"\r\n--{BOUNDARY}--\r\n".encode()
)


def _late(routes: int) -> int:
    """Return the number of a rule; of its kind, nine in ten come before it."""
    return routes // 2 * 9 // 10


def _dynamic(routes: int) -> Workload:
    return Workload(
        f"dynamic among {routes} routes",
        "routes",
        lambda n: Sent(f"{DYNAMIC_RULE.format(_late(routes))}/{10_000 + n}"),
        _number,
        variants=VARIANTS,
        arguments=(routes,),
    )


def _nested(depth: int, hooks: int) -> Workload:
    path = "".join(f"/b{n}" for n in range(depth))
    return Workload(
        f"{hooks} + {hooks} hooks, {depth} blueprints",
        "deep",
        _always(Sent(f"{path}/view")),
        _text(str(hooks)),
        arguments=(depth, hooks),
    )


WORKLOADS = {
    "hello": Workload("text", "hello", _always(Sent("/")), _text("hello")),
    "json": Workload("JSON", "give_json", _always(Sent("/json")), _json(ANSWER)),
    "parameter": Workload(
        "path parameter and query",
        "parameter",
        lambda n: Sent(f"/items/{10_000 + n}", query="q=tea&page=3"),
        _number,
        variants=VARIANTS,
    ),
    "template": Workload("template, 20 rows", "template", _always(Sent("/page")), _page),
    "form": Workload(
        "urlencoded form",
        "form",
        _always(_post("/form", "application/x-www-form-urlencoded", FORM)),
        _text("Ada Lovelace ada@example.org"),
    ),
    "echo": Workload(
        "JSON echo",
        "echo",
        _always(_post("/echo", "application/json", json.dumps(ANSWER).encode())),
        _json(ANSWER),
    ),
    "session": Workload(
        "signed session", "use_session", _always(Sent("/session")), _visited, learn=_cookie
    ),
    "static_route": Workload(
        "static among 1000 routes",
        "routes",
        _always(Sent(STATIC_RULE.format(_late(ROUTES)))),
        _text("static"),
        arguments=(ROUTES,),
    ),
    "dynamic_route": _dynamic(ROUTES),
    "not_found": Workload("404", "not_found", _always(Sent("/nowhere")), _missing),
    "upload": Workload(
        "upload of 1 MiB",
        "upload",
        _always(_post("/upload", f"multipart/form-data; boundary={BOUNDARY}", UPLOADED)),
        _text(str(len(UPLOAD))),
    ),
    "file": Workload(
        "conditional file",
        "file",
        _always(Sent("/static/style.css")),
        _not_modified,
        learn=_validators,
    ),
    "hooks": Workload("3 + 3 hooks, 2 blueprints", "hooks", _always(Sent("/b0/b1/view")), _hooked),
    "stream": Workload(
        "stream of 10 KiB", "stream", _always(Sent("/stream")), _text(CHUNK * CHUNKS)
    ),
    "async_view": Workload("async view", "async_view", _always(Sent("/async")), _text("hello")),
    "sync_view": Workload("sync view", "sync_view", _always(Sent("/sync")), _text("hello")),
    "inline_view": Workload(
        "sync view, inline", "inline_view", _always(Sent("/sync")), _text("hello")
    ),
    "websocket": Workload(
        "websocket, 10 echoes",
        "websocket_echo",
        _always(Sent("/ws", websocket=True)),
        _text("hello" * WEBSOCKET_MESSAGES),
    ),
    "events": Workload("server-sent events", "events", _always(Sent("/events")), _events),
}


def workload_of(name: str) -> Workload:
    """Return a workload by its name, or one of a size: ``routes-100``, ``nested-2-3``."""
    kind, *sizes = name.split("-")
    if not sizes:
        return WORKLOADS[name]
    return {"routes": _dynamic, "nested": _nested}[kind](*map(int, sizes))
