"""What goes wrong around an application and inside of it, and must not bring it down.

The rest of such things is tested where it belongs: limits and cut bodies in ``test_bodies.py``,
streams and cancellations in ``test_gateways.py``, hooks that fail in ``test_pipeline.py``.
"""

import asyncio
import gzip
import io
import logging
import threading

import pytest

from cruse import Response, abort, redirect, request, send_file, session
from cruse.sessions import SecureCookieSessionInterface


def colored(color, view):
    """Return a view as a plain function or as a coroutine function."""
    if color == "sync":
        return view

    async def from_async(**values):
        return view(**values)

    return from_async


@pytest.fixture(params=["sync", "async"])
def color(request):
    return request.param


# -- clients that leave ------------------------------------------------


@pytest.mark.parametrize("announced", [True, False])
def test_a_client_that_leaves_within_its_body_is_no_error_of_the_server(
    bare, connect, color, announced, caplog
):
    reached, ended = [], []

    def view():
        data = request.get_data()
        reached.append(data)
        return "done"

    bare.add_url_rule("/", "index", colored(color, view), methods=["POST"])
    bare.teardown_request(lambda error: ended.append(error))
    caplog.set_level(logging.DEBUG, "hostile")
    headers = [(b"content-length", b"1000")] if announced else []
    answer = connect(bare)("POST", "/", headers, [b"some"], announced=announced, leaves=True)
    assert answer.status == 400
    assert (reached, ended) == ([], [None])
    lines = [record for record in caplog.records if record.name == "hostile"]
    assert [record.levelname for record in lines] == ["DEBUG"]
    assert "left" in lines[0].getMessage()


def test_a_client_that_leaves_within_a_form_leaves_no_file_behind(bare, connect, color):
    opened = []

    def view():
        return str(len(request.files))

    class Counting(bare.request_class):
        def _get_file_stream(self, *args, **kwargs):
            opened.append(super()._get_file_stream(*args, **kwargs))
            return opened[-1]

    bare.request_class = Counting
    bare.add_url_rule("/", "index", colored(color, view), methods=["POST"])
    head = b'--b\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\n'
    answer = connect(bare)(
        "POST",
        "/",
        [(b"content-type", b"multipart/form-data; boundary=b"), (b"content-length", b"9000000")],
        [head, b"x" * 1_000_000],
        leaves=True,
    )
    assert answer.status == 400
    assert all(file.closed for file in opened)


def test_a_server_s_own_error_while_it_reads_is_the_client_s(bare, color):
    class BadChunkError(OSError):
        """As gunicorn raises it for a chunk whose size is no number."""

    class Broken:
        def read(self, size=-1):
            raise BadChunkError("invalid chunk size")

    bare.add_url_rule("/", "index", colored(color, lambda: request.get_data()), methods=["POST"])
    environ = bare.test_request_context("/", method="POST").environ
    statuses = []
    environ |= {"wsgi.input": Broken(), "wsgi.input_terminated": True}
    bare(environ, lambda status, headers, exc_info=None: statuses.append(status))
    assert statuses == ["400 BAD REQUEST"]


SCOPE = {
    "type": "http", "asgi": {"version": "3.0", "spec_version": "2.5"}, "http_version": "1.1",
    "method": "GET", "scheme": "http", "query_string": b"", "root_path": "",
    "headers": [(b"host", b"localhost")], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
}  # fmt: skip


def run_until_left(app, path, sent_before):
    """Ask for a path under ASGI and leave after so many messages; return what was raised."""
    scope = {**SCOPE, "path": path, "raw_path": path.encode()}

    async def main():
        gone, count = asyncio.Event(), 0
        if not sent_before:
            gone.set()

        async def receive():
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message):
            nonlocal count
            if gone.is_set():
                raise OSError("the client has left")  # ASGI 2.4
            count += 1
            if count >= sent_before:
                gone.set()

        await asyncio.wait_for(app(scope, receive, send), 60)

    asyncio.run(main())


@pytest.mark.parametrize("kind", ["sync", "async", "waiting"])
def test_a_stream_ends_when_its_client_has_left(bare, kind):
    ended = []

    def sync():
        try:
            while True:
                yield "tick"
        finally:
            ended.append("generator")

    async def from_async():
        try:
            while True:
                yield "tick"
                if kind == "waiting":
                    await asyncio.Event().wait()  # for what never comes
                await asyncio.sleep(0)
        finally:
            ended.append("generator")

    bare.add_url_rule("/", "index", sync if kind == "sync" else lambda: from_async())
    bare.teardown_request(lambda error: ended.append("teardown"))
    run_until_left(bare, "/", sent_before=2)
    assert ended == ["generator", "teardown"]


@pytest.mark.parametrize("answer", ["text", "stream", "head"])
def test_an_answer_that_nobody_is_there_for_is_no_error(bare, color, answer, tmp_path, caplog):
    ended = []
    (tmp_path / "file").write_text("content")
    answers = {
        "text": lambda: "text",
        "stream": lambda: iter(["a", "b"]),
        "head": lambda: send_file(tmp_path / "file"),
    }
    bare.add_url_rule("/", "index", colored(color, answers[answer]))
    bare.teardown_request(lambda error: ended.append(error))
    run_until_left(bare, "/", sent_before=0)
    assert ended == [None]
    assert caplog.records == []


def test_a_response_that_the_server_never_iterates_is_torn_down_when_closed(bare):
    ended = []

    def stream():
        yield "never"

    bare.add_url_rule("/", "index", stream)
    bare.teardown_request(lambda error: ended.append("teardown"))
    environ = bare.test_request_context("/").environ
    body = bare(environ, lambda status, headers, exc_info=None: None)
    assert ended == []
    body.close()
    assert ended == ["teardown"]


# -- code that fails ------------------------------------------------


@pytest.mark.parametrize("place", ["before", "view", "after", "handler", "teardown", "session"])
def test_wherever_it_fails_the_client_learns_nothing_and_the_rest_runs(
    bare, connect, color, place, caplog
):
    ended = []

    def fail(*args):
        raise RuntimeError(f"secret of the {place}")

    bare.teardown_request(lambda error: ended.append("first"))
    if place == "before":
        bare.before_request(colored(color, fail))
    elif place == "after":
        bare.after_request(fail)
    elif place == "teardown":
        bare.teardown_request(fail)
    elif place == "handler":
        bare.register_error_handler(404, lambda error: fail())
    elif place == "session":
        bare.session_interface = SecureCookieSessionInterface()  # not the one of all others
        bare.session_interface.save_session = fail
        bare.secret_key = "key"
    views = {"view": fail, "handler": lambda: abort(404), "session": lambda: touch_session()}
    bare.add_url_rule("/", "index", colored(color, views.get(place, lambda: "fine")))
    bare.teardown_request(lambda error: ended.append("last"))
    send = connect(bare)
    for _ in range(2):
        answer = send()
        assert answer.status == 500
        assert b"secret" not in answer.data
        assert "secret" not in str(answer.headers)
    assert ended == ["last", "first"] * 2
    assert f"secret of the {place}" in caplog.text


def touch_session():
    session["a"] = 1
    return "fine"


def test_a_stream_that_fails_leaves_the_worker_alive(bare, connect, color):
    ended = []

    def sync():
        yield "a"
        raise RuntimeError("amid the stream")

    async def from_async():
        yield "a"
        raise RuntimeError("amid the stream")

    bare.add_url_rule("/fails", "fails", sync if color == "sync" else lambda: from_async())
    bare.add_url_rule("/", "index", lambda: "fine")
    bare.teardown_request(lambda error: ended.append(type(error)))
    send = connect(bare)
    with pytest.raises(RuntimeError, match="amid the stream"):
        send(target="/fails")  # the server ends the connection, so that nobody takes it for whole
    assert send().text == "fine"
    assert ended == [RuntimeError, type(None)]


# -- what is not undone, and not believed ------------------------------------------------


def test_compressed_bodies_are_handed_on_as_they_are(bare, connect, color):
    bomb = gzip.compress(bytes(10_000_000))
    view = colored(color, lambda: str(len(request.get_data())))
    bare.add_url_rule("/", "index", view, methods=["POST"])
    answer = connect(bare)("POST", "/", [(b"content-encoding", b"gzip")], bomb)
    assert answer.text == str(len(bomb))


def test_what_proxies_say_is_not_believed_unasked(bare, connect, color):
    view = colored(color, lambda: [request.url, request.remote_addr, *request.access_route])
    bare.add_url_rule("/", "index", view)
    said = [(b"x-forwarded-for", b"6.6.6.6"), (b"x-forwarded-host", b"evil.example"),
            (b"x-forwarded-proto", b"https"), (b"x-forwarded-prefix", b"/evil"),
            (b"forwarded", b"for=6.6.6.6;host=evil.example;proto=https")]  # fmt: skip
    assert connect(bare)(headers=said).text == ('["http://localhost/","127.0.0.1","127.0.0.1"]\n')


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: b=c", "a\nb", "a\rb"])
@pytest.mark.parametrize("place", ["header", "cookie name", "content type"])
def test_a_line_break_is_refused_where_it_would_make_a_header(bare, connect, place, value):
    def view():
        response = Response("text", content_type=value if place == "content type" else None)
        if place == "header":
            response.headers["X-A"] = value
        elif place == "cookie name":
            response.set_cookie(value, "b")
        return response

    bare.add_url_rule("/", "index", view)
    answer = connect(bare)()
    assert answer.status == 500
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: b=c", "a;b=c", 'a"b', "ä", "\x00"])
def test_a_cookie_s_value_is_encoded_and_comes_back(bare, connect, value):
    def view():
        response = Response(request.cookies.get("name", ""))
        response.set_cookie("name", value)
        return response

    bare.add_url_rule("/", "index", view)
    send = connect(bare)
    (cookie,) = send().headers.getlist("Set-Cookie")
    assert cookie.isprintable()
    pair = cookie.partition("; ")[0].encode("latin-1")
    assert send(headers=[(b"cookie", pair)]).text == value


@pytest.mark.parametrize(
    ("target", "location"),
    [
        ("/\r\nSet-Cookie: b=c", "/%0D%0ASet-Cookie:%20b=c"),
        ("/\t/evil.example", "/%09/evil.example"),
        ("/\x00", "/%00"),
        ("http://[", "http://["),
        ("/ä", "/%C3%A4"),
    ],
)
def test_a_location_is_encoded(bare, connect, target, location):
    bare.add_url_rule("/", "index", lambda: redirect(target))
    answer = connect(bare)()
    assert (answer.status, answer.headers["Location"]) == (303, location)
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    "name", ["a\r\nSet-Cookie: b=c", 'a"; filename="evil.exe', "a\x00b", "ä\n"]
)
def test_the_name_of_a_download_cannot_add_anything(bare, connect, name):
    bare.add_url_rule(
        "/", "index", lambda: send_file(io.BytesIO(b"x"), "text/plain", True, download_name=name)
    )
    answer = connect(bare)()
    assert answer.status == 200
    disposition = answer.headers["Content-Disposition"]
    assert disposition.isprintable()
    unescaped = disposition.replace('\\"', "")
    assert unescaped.count("filename=") - unescaped.count("; filename=\\") <= 2
    assert 'filename="evil.exe"' not in unescaped
    assert "Set-Cookie" not in answer.headers


def test_trace_is_not_answered_with_the_request(bare, connect, color):
    bare.add_url_rule("/", "index", colored(color, lambda: "text"))
    answer = connect(bare)("TRACE", "/", [(b"cookie", b"secret=1")])
    assert answer.status == 405
    assert b"secret" not in answer.data


def test_threads_that_all_wait_keep_async_views_going(bare):
    bare.config["THREAD_POOL_SIZE"] = 2
    gate = threading.Semaphore(0)

    @bare.get("/slow")
    def slow():
        gate.acquire()
        return "slow"

    @bare.get("/quick")
    async def quick():
        return "quick"

    async def main():
        client = bare.async_test_client()
        waiting = [asyncio.ensure_future(client.get("/slow")) for _ in range(20)]
        for _ in range(5):
            assert (await client.get("/quick")).text == "quick"
        gate.release(20)
        assert {response.text for response in await asyncio.gather(*waiting)} == {"slow"}

    asyncio.run(asyncio.wait_for(main(), 60))


def test_an_endless_body_is_refused_when_it_is_too_long(bare, color):
    bare.config["MAX_CONTENT_LENGTH"] = 1_000_000
    bare.add_url_rule("/", "index", colored(color, lambda: request.get_data()), methods=["POST"])
    given = []

    class Endless:
        def read(self, size=-1):
            given.append(size)
            return b"x" * min(size, 65_536)

    environ = bare.test_request_context("/", method="POST").environ
    environ |= {"wsgi.input": Endless(), "wsgi.input_terminated": True}
    statuses = []
    bare(environ, lambda status, headers, exc_info=None: statuses.append(status[:3]))
    assert len(given) * 65_536 < 1_200_000

    async def main():
        async def receive():
            given.append(0)
            return {"type": "http.request", "body": b"x" * 65_536, "more_body": True}

        async def send(message):
            statuses.append(str(message.get("status", "")))

        await bare({**SCOPE, "method": "POST", "path": "/", "raw_path": b"/"}, receive, send)

    given.clear()
    asyncio.run(main())
    assert len(given) * 65_536 < 1_200_000
    assert statuses[:2] == ["413", "413"]
