"""Websockets: conversations that begin with a request."""

import asyncio

import pytest
from werkzeug.exceptions import Forbidden

import cruse
from cruse import Blueprint, Cruse, WebSocketDisconnect, g, request, session, websocket
from cruse.context import Context
from cruse.testing import WebSocketRejected
from tests.faces import client_of


@pytest.fixture
def app():
    app = Cruse(__name__)
    app.testing = True
    app.secret_key = "for tests"

    @app.websocket("/echo")
    async def echo():
        async for message in websocket:
            await websocket.send(message)

    return app


@pytest.fixture(params=["asgi", "rsgi"])
def face(request):
    return request.param


@pytest.fixture
def client(app):
    client = app.test_client(gateway="asgi")
    yield client
    client.close()


# -- messages --


@pytest.mark.parametrize("message", ["Grüße", b"\x00\xff", "", b""])
def test_text_stays_text_and_bytes_stay_bytes(client, message):
    with client.websocket("/echo") as socket:
        socket.send(message)
        answer = socket.receive()
    assert (type(answer), answer) == (type(message), message)


def test_json_goes_both_ways_through_the_json_of_the_application(app, client):
    @app.websocket("/double")
    async def double():
        numbers = await websocket.receive_json()
        await websocket.send_json([2 * number for number in numbers])

    with client.websocket("/double") as socket:
        socket.send_json([1, 2])
        assert socket.receive_json() == [2, 4]


def test_a_message_that_is_no_json_ends_the_conversation(app, client):
    @app.websocket("/json")
    async def read():
        await websocket.receive_json()

    with client.websocket("/json") as socket:
        socket.send("[" * 100_000)
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive()
    assert closed.value.code == 1007


def test_a_message_over_the_limit_ends_the_conversation(app, client):
    app.config["WEBSOCKET_MAX_MESSAGE_SIZE"] = 10
    with client.websocket("/echo") as socket:
        socket.send("0123456789")
        assert socket.receive() == "0123456789"
        socket.send("0123456789a")
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive()
    assert closed.value.code == 1009


@pytest.mark.parametrize("message", ["ü" * 5, "€€€", "🏺🏺", "a" * 10, "\ud800€€", "ab€"])
def test_the_limit_counts_the_bytes_of_a_text_not_its_characters(app, client, message):
    app.config["WEBSOCKET_MAX_MESSAGE_SIZE"] = 10
    with client.websocket("/echo") as socket:
        socket.send(message)
        assert socket.receive() == message
        socket.send(message + "ü" * 5)
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive()
    assert closed.value.code == 1009


def test_only_text_and_bytes_can_be_sent(app, client):
    @app.websocket("/number")
    async def number():
        await websocket.send(5)

    with pytest.raises(TypeError, match="send_json"), client.websocket("/number") as socket:
        socket.receive()


# -- the handshake is a request --


def test_the_handshake_is_there_as_the_request(app, client):
    @app.websocket("/rooms/<int:room>")
    async def enter(room):
        await websocket.send_json(
            [room, request.args["name"], websocket.headers["X-Colour"], request.endpoint]
        )

    with client.websocket("/rooms/7?name=Ada", headers={"X-Colour": "red"}) as socket:
        assert socket.receive_json() == [7, "Ada", "red", "enter"]


def test_the_session_is_read_and_what_is_in_it_before_accepting_is_saved(app, client):
    @app.websocket("/count")
    async def count():
        session["count"] = session.get("count", 0) + 1
        await websocket.send(str(session["count"]))

    for expected in "123":
        with client.websocket("/count") as socket:
            assert socket.receive() == expected


def test_after_request_functions_see_the_answer_to_the_handshake(app, client):
    @app.after_request
    def mark(response):
        response.headers["X-Status"] = str(response.status_code)
        return response

    with client.websocket("/echo") as socket:
        assert socket.headers["X-Status"] == "101"


def test_a_subprotocol_that_the_client_offers_is_agreed_on(app, client):
    @app.websocket("/chat")
    async def chat():
        await websocket.accept(subprotocol=websocket.requested_subprotocols[-1])

    with client.websocket("/chat", subprotocols=["v2", "v1"]) as socket:
        assert socket.subprotocol == "v1"


def test_a_subprotocol_that_was_not_offered_cannot_be_agreed_on(app, client):
    @app.websocket("/chat")
    async def chat():
        await websocket.accept(subprotocol="v3")

    with pytest.raises(ValueError, match="did not offer"), client.websocket("/chat"):
        pass


def test_a_url_for_a_websocket_has_its_scheme(app):
    with app.test_request_context(base_url="https://example.org"):
        assert cruse.url_for("echo", _external=True) == "wss://example.org/echo"


# -- hooks --


def test_hooks_run_in_their_order_and_teardown_at_the_end(app, client):
    calls = []
    app.before_request(lambda: calls.append("before request"))
    app.before_websocket(lambda: calls.append("before websocket"))
    app.teardown_request(lambda error: calls.append(("teardown", error)))

    @app.websocket("/talk")
    async def talk():
        calls.append("view")
        await websocket.receive()

    with client.websocket("/talk") as socket:
        socket.send("bye")
    assert calls == ["before request", "before websocket", "view", ("teardown", None)]


def test_websocket_hooks_are_not_for_requests_and_those_of_a_blueprint_are_its_own(app, client):
    calls = []
    blueprint = Blueprint("chat", __name__, url_prefix="/chat")

    @blueprint.before_websocket
    async def note():
        calls.append(request.path)

    @blueprint.websocket("/room")
    async def room():
        await websocket.accept()

    @blueprint.get("/page")
    def page():
        return "page"

    app.register_blueprint(blueprint)
    client.get("/chat/page")
    for path in ("/echo", "/chat/room"):
        with client.websocket(path):
            pass
    assert calls == ["/chat/room"]


@pytest.mark.parametrize("colour", ["sync", "async"])
def test_what_a_hook_answers_rejects_the_handshake(app, client, colour):
    def refuse():
        return {"error": "sign in first"}, 401

    async def refuse_later():
        return refuse()

    app.before_request(refuse if colour == "sync" else refuse_later)
    with pytest.raises(WebSocketRejected) as rejected, client.websocket("/echo"):
        pass
    response = rejected.value.response
    assert (response.status_code, response.json) == (401, {"error": "sign in first"})


def test_g_is_the_conversations_own(app, client):
    @app.websocket("/own")
    async def own():
        g.count = g.get("count", 0) + 1
        await websocket.send(str(g.count))

    for _ in range(2):
        with client.websocket("/own") as socket:
            assert socket.receive() == "1"


# -- ends --


def test_a_view_that_ends_closes_the_conversation(app, client):
    @app.websocket("/once")
    async def once():
        await websocket.send("only this")

    with client.websocket("/once") as socket:
        assert list(socket) == ["only this"]
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive()
    assert closed.value.code == 1000


def test_a_view_closes_with_a_code_and_a_reason(app, client):
    @app.websocket("/leave")
    async def leave():
        await websocket.close(4001, "ü" * 100)
        await websocket.close(4002, "a second time is too late")

    with client.websocket("/leave") as socket, pytest.raises(WebSocketDisconnect) as closed:
        socket.receive()
    assert (closed.value.code, closed.value.reason) == (4001, "ü" * 61)


def test_a_client_that_leaves_is_an_exception_that_may_be_caught(app, client):
    seen = []

    @app.websocket("/wait")
    async def wait():
        try:
            await websocket.receive()
        except WebSocketDisconnect as left:
            seen.append((left.code, left.reason))
            with pytest.raises(WebSocketDisconnect):
                await websocket.send("too late")

    with client.websocket("/wait") as socket:
        socket.close(3000, "enough")
    assert seen == [(3000, "enough")]


def test_a_client_that_leaves_is_no_error(app, client):
    ends = []
    app.teardown_request(ends.append)

    @app.websocket("/wait")
    async def wait():
        await websocket.receive()
        raise AssertionError("not reached")

    with client.websocket("/wait"):
        pass
    assert ends == [None]


def test_a_view_that_waits_for_something_else_ends_when_its_client_has_left(app, monkeypatch):
    monkeypatch.setattr("cruse.websockets.TICK", 0.001)
    ends = []
    app.teardown_request(ends.append)

    @app.websocket("/feed")
    async def feed():
        await websocket.send("first")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ends.append("cancelled")
            raise

    async def look_in():
        async with app.async_test_client().websocket("/feed") as socket:
            await socket.receive()

    asyncio.run(look_in())
    assert ends == ["cancelled", None]


@pytest.mark.parametrize("accepted_by", ["the end of the view", "a hook that refuses"])
def test_nobody_looks_for_clients_that_left_behind_the_view(app, client, monkeypatch, accepted_by):
    monkeypatch.setattr("cruse.websockets.TICK", 0)
    ends = []

    @app.before_websocket
    async def refuse():
        if accepted_by == "a hook that refuses":
            await websocket.accept()
            raise Forbidden

    @app.teardown_request
    async def take_some_time(error):
        for _ in range(9):
            await asyncio.sleep(0)
        ends.append("whole")

    @app.websocket("/silent")
    async def silent():
        pass

    with client.websocket("/silent") as socket, pytest.raises(WebSocketDisconnect):
        socket.receive()
    assert ends == ["whole"]


def test_a_view_that_waits_with_a_time_limit_loses_no_message(app, monkeypatch):
    monkeypatch.setattr("cruse.websockets.TICK", 0.001)  # how often clients that left are noticed
    waiting, tried = asyncio.Event(), asyncio.Event()
    sent = []

    @app.websocket("/late")
    async def late():
        await websocket.accept()
        await waiting.wait()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await websocket.receive()
        tried.set()
        await websocket.send(await websocket.receive() + await websocket.receive())

    async def converse():
        messages = asyncio.Queue()
        messages.put_nowait({"type": "websocket.connect"})

        async def receive():
            if messages.empty():
                waiting.set()
            return await messages.get()

        async def send(message):
            sent.append(message)

        scope = {"type": "websocket", "path": "/late", "headers": [(b"host", b"localhost")]}
        task = asyncio.ensure_future(app(scope, receive, send))
        await tried.wait()
        for text in ("one ", "two"):
            messages.put_nowait({"type": "websocket.receive", "text": text})
        await task

    asyncio.run(converse())
    assert sent[1]["text"] == "one two"


# -- errors --


def test_an_error_before_accepting_is_answered_as_that_of_a_request(app, client):
    @app.websocket("/private")
    async def private():
        cruse.abort(403)

    with pytest.raises(WebSocketRejected) as rejected, client.websocket("/private"):
        pass
    assert rejected.value.response.status_code == 403


def test_no_websocket_at_that_url(client):
    with pytest.raises(WebSocketRejected) as rejected, client.websocket("/nothing"):
        pass
    assert rejected.value.response.status_code == 404


def test_requests_and_conversations_have_rules_of_their_own(app, face):
    @app.get("/<int:number>")
    def page(number):
        return f"page {number}"

    @app.websocket("/<int:number>")
    async def talk(number):
        await websocket.send(f"talk {number}")

    @app.websocket("/only/<name>")
    async def only(name):
        await websocket.send(name)

    client = client_of(app, face)
    assert client.get("/7").text == "page 7"
    with client.websocket("/7") as socket:
        assert socket.receive() == "talk 7"
    with client.websocket("/only/ada") as socket:
        assert socket.receive() == "ada"
    assert client.get("/only/ada").status_code == 426
    with pytest.raises(WebSocketRejected), client.websocket("/only/ada/more"):
        pass
    client.close()


def test_a_handshake_for_what_is_no_host_is_refused(app, face):
    client = client_of(app, face)
    with (
        pytest.raises(WebSocketRejected) as rejected,
        client.websocket("/echo", headers={"Host": "a/b"}),
    ):
        pass
    # RSGI's end of a test client has one status for all.
    assert rejected.value.response.status_code == (400 if face == "asgi" else 403)
    client.close()


def test_an_http_error_after_accepting_is_a_close_code_of_its_own(app, client):
    @app.websocket("/private")
    async def private():
        await websocket.accept()
        cruse.abort(403)

    with client.websocket("/private") as socket, pytest.raises(WebSocketDisconnect) as closed:
        socket.receive()
    assert (closed.value.code, closed.value.reason) == (4403, "Forbidden")


def test_no_websocket_at_a_url_is_told_to_who_was_accepted_by_a_hook(app, client, caplog):
    @app.before_request
    async def accept():
        await websocket.accept()

    with client.websocket("/nowhere") as socket, pytest.raises(WebSocketDisconnect) as closed:
        socket.receive()
    assert closed.value.code == 4404
    assert caplog.records == []


def test_error_handlers_answer_for_websockets_too(app, client):
    @app.errorhandler(LookupError)
    def missing(error):
        return "no such room", 404

    @app.websocket("/room/<accepts>")
    async def room(accepts):
        if accepts == "yes":
            await websocket.accept()
        raise LookupError

    with pytest.raises(WebSocketRejected) as rejected, client.websocket("/room/no"):
        pass
    assert rejected.value.response.text == "no such room"
    with client.websocket("/room/yes") as socket, pytest.raises(WebSocketDisconnect) as closed:
        socket.receive()
    assert closed.value.code == 4404


def test_an_error_that_nothing_handles_is_logged_and_closes_with_1011(app, client, caplog):
    app.config["PROPAGATE_EXCEPTIONS"] = False

    @app.websocket("/broken")
    async def broken():
        await websocket.accept()
        raise ValueError("broken")

    with client.websocket("/broken") as socket, pytest.raises(WebSocketDisconnect) as closed:
        socket.receive()
    assert closed.value.code == 1011
    assert [record.getMessage() for record in caplog.records] == ["Exception on /broken [GET]"]


def test_a_value_that_comes_too_late_is_an_error(app, client):
    @app.websocket("/late")
    async def late():
        await websocket.accept()
        return "too late"

    with pytest.raises(TypeError, match="accepted"), client.websocket("/late") as socket:
        socket.receive()


# -- other pages' scripts --


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (None, True),
        ("http://localhost", True),
        ("https://localhost", True),  # behind a proxy that ends TLS
        ("https://localhost:443", True),
        ("http://evil.example", False),
        ("http://localhost.evil.example", False),
        ("http://localhost:8080", False),
        ("null", False),
        ("http://[", False),
    ],
)
def test_pages_of_another_origin_may_not_converse(client, origin, allowed):
    headers = {} if origin is None else {"Origin": origin}
    try:
        with client.websocket("/echo", headers=headers):
            answer = True
    except WebSocketRejected as rejected:
        answer = rejected.response.status_code != Forbidden.code
    assert answer is allowed


def test_a_trusted_origin_given_as_text_is_that_one_alone(app, client):
    app.config["WEBSOCKET_ORIGINS"] = "https://app.example.org"
    with (
        pytest.raises(WebSocketRejected, match="403"),
        client.websocket("/echo", headers={"Origin": "https://app.example"}),
    ):
        pass


@pytest.mark.parametrize("trusted", ["*", "https://app.example.org", ["https://app.example.org"]])
def test_an_origin_may_be_trusted(app, client, trusted):
    app.config["WEBSOCKET_ORIGINS"] = trusted
    with client.websocket("/echo", headers={"Origin": "https://app.example.org"}) as socket:
        socket.send("hello")
        assert socket.receive() == "hello"


@pytest.mark.parametrize("has_hook", [False, True])
def test_the_origin_is_what_the_environ_tells_where_a_hook_asks_for_it(app, face, has_hook):
    if has_hook:

        @app.before_websocket
        def put_origin():
            request.environ["HTTP_ORIGIN"] = "http://evil.example"

    client = client_of(app, face)
    allowed = True
    try:
        with client.websocket("/echo") as socket:
            socket.send("hello")
            assert socket.receive() == "hello"
    except WebSocketRejected:
        allowed = False
    client.close()
    assert allowed is not has_hook


@pytest.mark.parametrize("name", [b"origin", b"Origin"])
def test_an_origin_is_seen_however_a_server_writes_its_name(app, name):
    sent = []
    messages = [{"type": "websocket.connect"}]

    async def receive():
        return messages.pop()

    async def send(message):
        sent.append(message["type"])

    headers = [(b"host", b"localhost"), (name, b"http://evil.example")]
    asyncio.run(app({"type": "websocket", "path": "/echo", "headers": headers}, receive, send))
    assert sent == ["websocket.close"]


@pytest.mark.parametrize("looks", [False, True])
def test_nobody_waits_for_the_body_of_a_handshake_whatever_it_says(app, looks):
    class Looking(Context):
        def __init__(self, app, environ):
            super().__init__(app, environ)

    if looks:  # its environ is there from the beginning
        app.context_class = Looking
    sent = []
    messages = iter([{"type": "websocket.connect"}, {"type": "websocket.disconnect"}])

    async def receive():
        return next(messages)

    async def send(message):
        sent.append(message["type"])

    headers = [
        (b"host", b"localhost"),
        (b"content-type", b"text/plain"),
        (b"content-length", b"5"),
    ]
    asyncio.run(app({"type": "websocket", "path": "/echo", "headers": headers}, receive, send))
    assert sent == ["websocket.accept"]


@pytest.mark.parametrize("asks", [False, True])
def test_a_conversation_tells_of_its_request_after_its_end(app, face, asks):
    kept = []

    @app.websocket("/kept")
    async def keep():
        kept.append(websocket._get_current_object())
        if asks:
            assert websocket.path == "/kept"
        await websocket.send("kept")

    client = client_of(app, face)
    with client.websocket("/kept?n=7") as socket:
        assert socket.receive() == "kept"
    client.close()
    assert (kept[0].path, kept[0].args["n"]) == ("/kept", "7")


# -- where there is no websocket --


@pytest.mark.parametrize("gateway", ["wsgi", "asgi"])
def test_a_plain_request_to_a_websocket_is_told_to_upgrade(app, gateway):
    client = app.test_client(gateway=gateway)
    response = client.get("/echo")
    client.close()
    assert response.status_code == 426
    # PEP 3333 keeps this field for the server.
    assert response.headers.get("Upgrade") == ("websocket" if gateway == "asgi" else None)
    assert "new WebSocket" in response.text


def test_a_handshake_under_wsgi_is_told_which_servers_have_websockets(app):
    headers = {"Upgrade": "websocket", "Connection": "Upgrade"}
    response = app.test_client().get("/echo", headers=headers)
    assert response.status_code == 426
    assert "uvicorn" in response.text


def test_a_test_client_for_wsgi_says_how_to_test_websockets(app):
    with pytest.raises(RuntimeError, match='gateway="asgi"'):
        app.test_client().websocket("/echo")


def test_a_sync_function_cannot_be_a_websocket_view(app):
    with pytest.raises(TypeError, match=r"async def': '\w+' is not"):

        @app.websocket("/sync")
        def sync():
            pass


def test_the_websocket_of_a_request_that_is_none_says_so(app, client):
    @app.get("/page")
    def page():
        with pytest.raises(RuntimeError, match="needs a websocket"):
            websocket.subprotocol  # noqa: B018
        return "page"

    assert client.get("/page").text == "page"


def test_a_server_that_cannot_answer_otherwise_refuses(app):
    sent = []
    messages = iter([{"type": "websocket.connect"}])

    async def receive():
        return next(messages)

    async def send(message):
        sent.append(message)

    scope = {
        "type": "websocket",
        "asgi": {"version": "3.0"},
        "path": "/nothing",
        "headers": [(b"host", b"localhost")],
    }
    asyncio.run(app(scope, receive, send))
    assert sent == [{"type": "websocket.close", "code": 1000}]


def test_a_conversation_that_the_server_cancels_is_told_that_it_goes_away(app):
    sent = []
    conversing = asyncio.Event()
    messages = [{"type": "websocket.connect"}]

    async def receive():
        if messages:
            return messages.pop()
        conversing.set()
        return await asyncio.Event().wait()

    async def send(message):
        sent.append(message)

    async def serve_and_stop():
        scope = {"type": "websocket", "path": "/echo", "headers": [(b"host", b"localhost")]}
        task = asyncio.ensure_future(app(scope, receive, send))
        await conversing.wait()
        task.cancel()
        await asyncio.wait({task})
        return task.cancelled()

    assert asyncio.run(serve_and_stop())
    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.close"]
    assert sent[-1]["code"] == 1001
