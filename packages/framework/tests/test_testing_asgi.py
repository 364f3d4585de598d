"""The test client as a server: what the ASGI specification lets an application rely on."""

import asyncio

import pytest
from werkzeug.test import create_environ

from cruse.testing.asgi import Exchange, Lifespan, scope_from_environ


def converse(app, read=None, **request):
    """Run one exchange and return its status, headers and the pieces of its body."""

    async def run():
        exchange = Exchange(app, create_environ(**request))
        await exchange.start()
        pieces = []
        while (piece := await exchange.read()) is not None:
            pieces.append(piece)
            if read is not None and len(pieces) == read:
                break
        await exchange.close()
        return exchange.status, exchange.headers, pieces

    return asyncio.run(run())


def start(status=200, headers=()):
    return {"type": "http.response.start", "status": status, "headers": headers}


def body(data, more=False):
    return {"type": "http.response.body", "body": data, "more_body": more}


async def drain(receive):
    data = b""
    while True:
        message = await receive()
        data += message["body"]
        if not message["more_body"]:
            return data


async def echo(scope, receive, send):
    data = await drain(receive)
    await send(start(201, [(b"content-length", str(len(data)).encode())]))
    await send(body(data))


def test_a_body_comes_in_pieces_and_goes_back():
    sent = bytes(range(256)) * 1024
    status, headers, pieces = converse(echo, method="POST", data=sent)
    assert status == "201 CREATED"
    assert headers["Content-Length"] == str(len(sent))
    assert b"".join(pieces) == sent


def test_a_request_without_a_body_has_one_empty_piece():
    assert converse(echo)[2] == []


def test_an_unknown_status_code_is_passed_on():
    async def app(scope, receive, send):
        await send(start(799))
        await send(body(b""))

    assert converse(app)[0] == "799 UNKNOWN"


def test_pieces_are_taken_as_they_are_read():
    made = []

    async def endless(scope, receive, send):
        await send(start())
        for number in range(1_000_000):
            made.append(number)
            await send(body(b"%d;" % number, more=True))

    assert converse(endless, read=3)[2] == [b"0;", b"1;", b"2;"]
    assert len(made) < 10


def test_leaving_early_is_a_disconnect():
    seen = []

    async def app(scope, receive, send):
        await drain(receive)
        await send(start())
        await send(body(b"first", more=True))
        seen.append(await receive())

    assert converse(app, read=1)[2] == [b"first"]
    assert seen == [{"type": "http.disconnect"}]


def test_sending_after_the_client_left_is_an_os_error():
    seen = []

    async def app(scope, receive, send):
        await send(start())
        try:
            while True:
                await send(body(b"again", more=True))
        except OSError as error:
            seen.append(error)
            raise

    converse(app, read=1)
    assert len(seen) == 1


def test_the_client_is_gone_once_it_has_everything():
    seen = []

    async def app(scope, receive, send):
        await drain(receive)
        await send(start())
        await send(body(b"all"))
        seen.append(await receive())

    assert converse(app)[2] == [b"all"]
    assert seen == [{"type": "http.disconnect"}]


@pytest.mark.parametrize("answered", [[], [start()], [start(), body(b"some", more=True)]])
def test_errors_reach_the_test(answered):
    async def app(scope, receive, send):
        for message in answered:
            await send(message)
        raise ArithmeticError("inside")

    with pytest.raises(ArithmeticError, match="inside"):
        converse(app)


@pytest.mark.parametrize(
    ("messages", "complaint"),
    [
        ([], "without sending a response"),
        ([body(b"early")], "began its response with 'http.response.body'"),
        ([start(), start()], "'http.response.start' amid its response"),
        ([start(), body(b"all"), body(b"more")], "after the end"),
    ],
)
def test_breaches_of_the_protocol_are_errors(messages, complaint):
    async def app(scope, receive, send):
        for message in messages:
            await send(message)

    with pytest.raises(RuntimeError, match=complaint):
        converse(app)


def test_the_scope_describes_the_request():
    environ = create_environ(
        "/caf%C3%A9?q=%C3%BC",
        "https://example.com:8443/root",
        method="PUT",
        headers=[("X-One", "1"), ("Cookie", "a=b")],
        content_type="text/plain",
        environ_base={"REMOTE_ADDR": "10.0.0.7", "cruse.test": "handed over"},
    )
    scope = scope_from_environ(environ, {"pool": 1})
    assert scope["method"] == "PUT"
    assert scope["scheme"] == "https"
    assert scope["path"] == "/root/café"
    assert scope["root_path"] == "/root"
    assert scope["raw_path"] == b"/root/caf%C3%A9"
    assert scope["query_string"] == b"q=%C3%BC"
    assert scope["server"] == ("example.com", 8443)
    assert scope["client"] == ("10.0.0.7", 0)
    assert dict(scope["headers"]) == {
        b"host": b"example.com:8443",
        b"x-one": b"1",
        b"cookie": b"a=b",
        b"content-type": b"text/plain",
    }
    assert scope["state"] == {"pool": 1}
    assert scope["cruse.test"] == "handed over"
    assert not [key for key in scope if key.startswith(("wsgi.", "werkzeug."))]


def test_lifespan_runs_startup_and_shutdown():
    seen = []

    async def app(scope, receive, send):
        for step in ("startup", "shutdown"):
            seen.append((await receive())["type"])
            scope["state"][step] = True
            await send({"type": f"lifespan.{step}.complete"})

    async def run():
        lifespan = Lifespan(app)
        await lifespan.startup()
        assert lifespan.state == {"startup": True}
        await lifespan.shutdown()

    asyncio.run(run())
    assert seen == ["lifespan.startup", "lifespan.shutdown"]


@pytest.mark.parametrize("failing", ["startup", "shutdown"])
def test_a_lifespan_that_fails_says_why(failing):
    async def app(scope, receive, send):
        for step in ("startup", "shutdown"):
            await receive()
            if step == failing:
                await send({"type": f"lifespan.{step}.failed", "message": "no database"})
                raise ArithmeticError
            await send({"type": f"lifespan.{step}.complete"})

    async def run():
        lifespan = Lifespan(app)
        await lifespan.startup()
        await lifespan.shutdown()

    with pytest.raises(RuntimeError, match=f"{failing} failed: no database"):
        asyncio.run(run())


def test_an_application_without_lifespan_is_left_alone():
    async def app(scope, receive, send):
        raise ValueError("what is a lifespan?")

    async def run():
        lifespan = Lifespan(app)
        await lifespan.startup()
        await lifespan.shutdown()

    asyncio.run(run())


def test_an_application_that_does_not_notice_is_cancelled(monkeypatch):
    monkeypatch.setattr("cruse.gateway.exchange.PATIENCE", 0.01)
    seen = []

    async def deaf(scope, receive, send):
        await send(start())
        await send(body(b"first", more=True))
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    assert converse(deaf, read=1)[2] == [b"first"]
    assert seen == ["cancelled"]


def test_a_path_that_was_not_encoded_is_encoded_for_the_wire():
    environ = create_environ("/x")
    environ |= {"REQUEST_URI": "*", "PATH_INFO": "/caf\xc3\xa9 au lait"}
    assert scope_from_environ(environ)["raw_path"] == b"/caf%C3%A9%20au%20lait"


def test_closing_before_the_start_does_nothing():
    async def run():
        await Exchange(echo, create_environ()).close()

    asyncio.run(run())
