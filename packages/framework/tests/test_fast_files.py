"""Files that servers send by themselves where they can: ``pathsend`` of ASGI, RSGI's files."""

import asyncio
import io
import os
import tempfile
from types import SimpleNamespace

import pytest

from cruse import Cruse, Response, after_this_request, send_file
from cruse.staticfiles import MAX_WHOLE
from cruse.testing.asgi import scope_from_environ

LARGE = os.urandom(1024) * (MAX_WHOLE // 1024 + 1)


@pytest.fixture
def root(tmp_path):
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "film.bin").write_bytes(LARGE)
    (tmp_path / "static" / "small.txt").write_text("small")
    (tmp_path / "report.pdf").write_bytes(b"%PDF-1.7 ...")
    (tmp_path / "empty").write_bytes(b"")
    return tmp_path


@pytest.fixture
def app(root):
    app = Cruse(__name__, root_path=str(root))
    app.events = []

    @app.get("/plain/<name>")
    def plain(name):
        return send_file(name)

    @app.get("/async/<name>")
    async def from_async(name):
        return send_file(name)

    @app.teardown_request
    def teardown(error):
        app.events.append("torn down")

    return app


class Answer(SimpleNamespace):
    """What a server was told: status, headers, and either a body or a part of a file."""


class AsgiServer:
    """Takes answers as granian's ASGI side does: a file is opened after it was named."""

    ranges = False

    def __init__(self, app, extensions=("http.response.pathsend",)):
        self.app = app
        self.extensions = {name: {} for name in extensions}

    def get(self, path, method="GET", **headers):
        return asyncio.run(self._get(path, method, headers))

    async def _get(self, path, method, headers):
        scope = scope_from_environ(environ(path, method, headers)) | {
            "extensions": self.extensions
        }
        answer = Answer(body=b"", path=None)

        messages = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive():
            return messages.pop() if messages else await asyncio.Event().wait()

        async def send(message):
            match message["type"]:
                case "http.response.start":
                    answer.status = message["status"]
                    answer.headers = {n.decode(): v.decode() for n, v in message["headers"]}
                case "http.response.body":
                    answer.body += message.get("body", b"")
                case "http.response.pathsend":
                    answer.path = message["path"]

        await self.app(scope, receive, send)
        await self.app.stop_on_loop()
        return answer


class RsgiServer:
    """The part of granian's RSGI that answers."""

    ranges = True

    def __init__(self, app):
        self.app = app

    def get(self, path, method="GET", **headers):
        return asyncio.run(self._get(path, method, headers))

    async def _get(self, path, method, headers):
        fields = {name.lower().replace("_", "-"): value for name, value in headers.items()}
        fields["host"] = "localhost"
        scope = SimpleNamespace(
            **{"proto": "http", "http_version": "1.1", "method": method, "path": path},
            **{"query_string": "", "scheme": "http", "authority": None, "rsgi_version": "1.5"},
            **{"server": "127.0.0.1:80", "client": "127.0.0.1:5000", "headers": Fields(fields)},
        )
        protocol = RsgiProtocol()
        await self.app.__rsgi__(scope, protocol)
        await self.app.stop_on_loop()
        return protocol.answer


class Fields(dict):
    def get_all(self, name):
        return [self[name]]


class RsgiProtocol:
    def __init__(self):
        self.answer = Answer(body=b"", path=None)

    def _start(self, status, headers):
        self.answer.status = status
        self.answer.headers = {name.lower(): value for name, value in headers}

    def response_empty(self, status, headers):
        self._start(status, headers)

    def response_bytes(self, status, headers, body):
        self._start(status, headers)
        self.answer.body = body

    def response_file(self, status, headers, path):
        self._start(status, headers)
        self.answer.path = path

    def response_file_range(self, status, headers, path, start, end):
        self._start(status, headers)
        self.answer.path, self.answer.part = path, (start, end)

    def response_stream(self, status, headers):
        self._start(status, headers)
        return self

    async def send_bytes(self, data):
        self.answer.body += data

    async def client_disconnect(self):
        await asyncio.Event().wait()


def environ(path, method, headers):
    return {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "HTTP_HOST": "localhost",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        **{f"HTTP_{name.upper()}": value for name, value in headers.items()},
    }


@pytest.fixture(params=[AsgiServer, RsgiServer])
def server(app, request):
    return request.param(app)


FILES = ["/static/film.bin", "/plain/report.pdf", "/async/report.pdf", "/plain/empty"]


@pytest.mark.parametrize("url", FILES)
def test_the_server_sends_the_file(app, server, root, url):
    name = url.rpartition("/")[2]
    (file,) = root.rglob(name)
    answer = server.get(url)
    assert (answer.status, answer.path, answer.body) == (200, str(file), b"")
    assert answer.headers["content-length"] == str(file.stat().st_size)
    assert answer.headers["etag"]
    assert app.events == ["torn down"]


@pytest.mark.parametrize("url", FILES)
def test_a_server_that_cannot_gets_the_content(app, root, url):
    name = url.rpartition("/")[2]
    (file,) = root.rglob(name)
    answer = AsgiServer(app, extensions=()).get(url)
    assert (answer.status, answer.path, answer.body) == (200, None, file.read_bytes())
    assert app.events == ["torn down"]


def test_small_static_files_come_from_memory(server):
    answer = server.get("/static/small.txt")
    assert (answer.path, answer.body) == (None, b"small")


@pytest.mark.parametrize("url", ["/static/film.bin", "/plain/report.pdf"])
def test_a_part_is_sent_by_servers_that_know_parts(server, root, url):
    (file,) = root.rglob(url.rpartition("/")[2])
    content = file.read_bytes()
    answer = server.get(url, Range="bytes=2-5")
    assert answer.status == 206
    assert answer.headers["content-range"] == f"bytes 2-5/{len(content)}"
    assert answer.headers["content-length"] == "4"
    if server.ranges:
        assert (answer.path, answer.part, answer.body) == (str(file), (2, 6), b"")
    else:
        assert (answer.path, answer.body) == (None, content[2:6])


def test_head_not_modified_and_a_part_behind_the_end_have_no_file(server):
    url = "/static/film.bin"
    etag = server.get(url).headers["etag"]
    head = server.get(url, "HEAD")
    assert (head.status, head.path, head.headers["content-length"]) == (200, None, str(len(LARGE)))
    unchanged = server.get(url, If_None_Match=etag)
    assert (unchanged.status, unchanged.path, unchanged.body) == (304, None, b"")
    behind = server.get(url, Range=f"bytes={len(LARGE)}-")
    assert (behind.status, behind.path) == (416, None)


def test_no_file_stays_open(app, server, monkeypatch):
    opened = []

    @app.after_request
    def look(response):
        opened.append(response.response.file)
        return response

    assert server.get("/plain/report.pdf").path
    assert server.get("/static/film.bin").path
    assert [file.closed for file in opened] == [True, True]


def test_a_file_that_is_removed_meanwhile_is_still_sent(app, server, root):
    @app.get("/once")
    def once():
        after_this_request(lambda response: (root / "report.pdf").unlink() or response)
        return send_file("report.pdf")

    answer = server.get("/once")
    assert (answer.status, answer.path, answer.body) == (200, None, b"%PDF-1.7 ...")


def test_a_file_that_is_replaced_meanwhile_is_sent_as_it_was_checked(app, server, root):
    @app.get("/changing")
    def changing():
        response = send_file("report.pdf")
        (root / "new").write_bytes(b"another one..")
        (root / "new").replace(root / "report.pdf")
        return response

    answer = server.get("/changing")
    assert (answer.path, answer.body) == (None, b"%PDF-1.7 ...")


def test_a_link_that_turns_outwards_meanwhile_is_not_followed(app, server, root):
    (root / "secret").write_bytes(b"secret......")
    link = root / "link"
    link.symlink_to(root / "report.pdf")

    @app.get("/turning")
    def turning():
        response = send_file("link", mimetype="application/pdf")
        link.unlink()
        link.symlink_to(root / "secret")
        return response

    answer = server.get("/turning")
    assert (answer.path, answer.body) == (None, b"%PDF-1.7 ...")


def test_what_happens_after_the_response_may_remove_the_file(app, server, root):
    @app.get("/closing")
    def closing():
        response = send_file("report.pdf")
        response.call_on_close((root / "report.pdf").unlink)
        return response

    answer = server.get("/closing")
    assert (answer.path, answer.body) == (None, b"%PDF-1.7 ...")
    assert not (root / "report.pdf").exists()


def test_a_background_task_may_remove_the_file(app, server, root):
    @app.get("/cleaning")
    def cleaning():
        app.add_background_task((root / "report.pdf").unlink)
        return send_file("report.pdf")

    answer = server.get("/cleaning")
    assert (answer.path, answer.body) == (None, b"%PDF-1.7 ...")
    assert not (root / "report.pdf").exists()


def test_files_without_a_name_or_from_the_middle_are_read(app, server, root):
    @app.get("/memory")
    def memory():
        return send_file(io.BytesIO(b"content"), "text/plain")

    @app.get("/temporary")
    def temporary():
        file = tempfile.TemporaryFile()  # noqa: SIM115 - closed when it was sent
        file.write(b"content")
        file.seek(0)
        return send_file(file, "text/plain")

    @app.get("/middle")
    def middle():
        file = open(root / "report.pdf", "rb")  # noqa: SIM115 - closed when it was sent
        file.seek(5)
        return send_file(file, "text/plain")

    for path, content in {
        "/memory": b"content",
        "/temporary": b"content",
        "/middle": b"1.7 ...",
    }.items():
        answer = server.get(path)
        assert (answer.path, answer.body) == (None, content)


def test_an_after_hook_may_send_something_else(app, server):
    @app.after_request
    def change(response):
        response.close()
        return Response(b"something else")

    answer = server.get("/plain/report.pdf")
    assert (answer.path, answer.body) == (None, b"something else")


def test_observers_learn_of_the_file(app, server):
    seen = []

    @app.observe
    def watch(observation):
        yield
        seen.append((observation.status, observation.size, observation.complete))

    assert server.get("/plain/report.pdf").path
    assert seen == [(200, 12, True)]


def test_the_server_s_file_wrapper_is_used_under_wsgi(app):
    class Wrapper:
        def __init__(self, file, size):
            self.file = file
            self.close = file.close

    for url in ("/static/film.bin", "/plain/report.pdf", "/async/report.pdf"):
        calls = environ(url, "GET", {}) | {"wsgi.file_wrapper": Wrapper}
        body = app(calls, lambda *args: None)
        assert type(body) is Wrapper
        assert body.file.name.endswith(url.rpartition("/")[2])
        body.close()
