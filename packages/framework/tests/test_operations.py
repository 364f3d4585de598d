"""What settings switch on for the people who run an application."""

import json
import logging
import threading
import time
from collections import namedtuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from cruse import Cruse, Extension, abort, redirect, render_template_string, request
from cruse.logging import add_request_id
from cruse.operations.accesslog import mask_query


@pytest.fixture
def app():
    app = Cruse(__name__, static_folder=None)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.add_url_rule("/", "index", lambda: "hello")
    yield app
    app.logger.removeFilter(add_request_id)
    app.logger.disabled = False


@pytest.fixture(autouse=True)
def _access_log_as_it_was():
    logger = logging.getLogger("cruse.access")
    level, handlers = logger.level, logger.handlers[:]
    yield
    logger.setLevel(level)
    logger.handlers[:] = handlers


@pytest.fixture(params=["wsgi", "asgi"])
def client(app, request):
    client = app.test_client(gateway=request.param)
    yield client
    client.close()


def test_nothing_is_on_unless_a_setting_says_so(app):
    app.start()
    assert app.operations == ()
    assert not app.observers


# -- health ------------------------------------------------------------------------------------


class Well(Extension):
    name = "well"

    def health(self, state):
        return {"password": "hunter2"}


class AsyncWell(Extension):
    name = "async_well"

    async def health(self, state):
        return {}


class Ill(Extension):
    name = "ill"

    def health(self, state):
        raise ConnectionError("postgres://me:hunter2@db is gone")


class Without(Extension):
    name = "without"


@pytest.fixture
def health(app, client):
    app.config.update(HEALTH_LIVE_PATH="/livez", HEALTH_READY_PATH="/readyz", HEALTH_TIMEOUT=60)
    app.logger.disabled = True
    return client


def test_there_are_no_health_addresses_by_default(client):
    assert client.get("/livez").status_code == 404
    assert client.get("/readyz").status_code == 404


def test_a_process_that_answers_is_alive(health):
    response = health.get("/livez")
    assert (response.status_code, response.json) == (200, {"status": "ok"})
    assert response.headers["Cache-Control"] == "no-store"
    assert health.head("/livez").status_code == 200
    assert health.post("/livez").status_code == 405


def test_an_application_without_checks_is_ready(health):
    assert health.get("/readyz").json == {"status": "ok", "checks": {}}


def test_it_is_ready_when_all_extensions_are_well(app, health):
    app.use(Well(), AsyncWell(), Without())
    response = health.get("/readyz")
    assert response.status_code == 200
    assert response.json == {"status": "ok", "checks": {"well": "ok", "async_well": "ok"}}
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("debug", [False, True])
def test_an_extension_that_is_ill_is_named_and_nothing_else_told(app, health, debug):
    app.debug = debug
    app.use(Well(), Ill())
    response = health.get("/readyz")
    assert response.status_code == 503
    assert response.json["status"] == "unavailable"
    assert response.json["checks"] == {"well": "ok", "ill": "failed"}
    assert "hunter2" not in response.text
    assert health.get("/livez").status_code == 200


def test_why_an_extension_is_ill_is_in_the_log(app, health, caplog):
    app.logger.disabled = False
    app.use(Ill())
    health.get("/readyz")
    assert "'ill' failed" in caplog.text
    assert "ConnectionError" in caplog.text


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_check_that_hangs_is_late_and_not_asked_again_meanwhile(app, health, kind):
    asked = []
    begun, release = threading.Event(), threading.Event()

    class Hanging(Extension):
        name = "hanging"

        if kind == "sync":

            def health(self, state):
                asked.append(1)
                begun.set()
                release.wait(60)
        else:

            async def health(self, state):
                asked.append(1)
                begun.set()
                while not release.is_set():
                    await __import__("asyncio").sleep(0.01)

    app.use(Hanging(), Well())
    app.config["HEALTH_TIMEOUT"] = 0.1
    deadline = time.monotonic() + 60
    for _ in range(2):
        # Both may take so long on a machine with other work, but only one of them always does.
        while (response := health.get("/readyz")).json["checks"]["well"] == "late":
            assert time.monotonic() < deadline
        assert response.status_code == 503
        assert response.json["checks"] == {"hanging": "late", "well": "ok"}
    assert begun.wait(60)
    release.set()
    assert asked == [1]
    app.config["HEALTH_TIMEOUT"] = 60
    assert health.get("/readyz").json["checks"]["hanging"] == "ok"


def test_a_check_runs_in_an_application_context(app, health):
    class Contextual(Extension):
        name = "contextual"

        def health(self, state):
            return {"number": self.state.app.config["HEALTH_TIMEOUT"]}

    app.use(Contextual())
    assert health.get("/readyz").status_code == 200


def test_it_is_not_ready_while_it_stops(app, health):
    class Stopping(Extension):
        name = "stopping"

        async def health(self, state):
            await state.app.lifecycle.stop(state.app.loop_bridge)

    app.use(Stopping())
    assert health.get("/readyz").status_code == 503


def test_health_is_not_behind_the_hooks_of_the_application(app, health):
    called = []

    @app.before_request
    def login_required():
        return redirect("/login")

    @app.after_request
    def after(response):
        called.append("after")
        return response

    @app.teardown_request
    def teardown(error):
        called.append("teardown")

    assert health.get("/livez").status_code == 200
    assert health.get("/readyz").status_code == 200
    assert called == []
    assert health.get("/").status_code == 303
    assert called == ["after", "teardown"]


def test_health_is_there_for_every_host(health, app):
    app.url_map.host_matching = True
    response = health.get("/livez", headers={"Host": "10.1.2.3:8000"})
    assert response.status_code == 200


def test_a_time_limit_that_is_no_number_is_an_error_at_start(app):
    app.config.update(HEALTH_READY_PATH="/readyz", HEALTH_TIMEOUT="5s")
    with pytest.raises(TypeError, match="'HEALTH_TIMEOUT' must be seconds, not '5s'"):
        app.start()


def test_a_health_path_that_is_none_is_named_at_start(app):
    app.config["HEALTH_LIVE_PATH"] = "livez"
    with pytest.raises(ValueError, match="'HEALTH_LIVE_PATH' must begin with '/', not 'livez'"):
        app.start()


# -- request ids -------------------------------------------------------------------------------


def test_a_request_has_an_id_whether_it_is_sent_or_not(app, client):
    app.add_url_rule("/id", "id", lambda: f"{request.id} {request.id}")
    first, second = client.get("/id").text.split(), client.get("/id").text.split()
    assert first[0] == first[1]
    assert first[0] != second[0]
    assert len(first[0]) == 32


def test_the_id_is_sent_with_every_response(app, client):
    app.config["REQUEST_ID_HEADER"] = "X-Request-ID"
    app.logger.disabled = True
    app.add_url_rule("/id", "id", lambda: request.id)
    app.add_url_rule("/error", "error", lambda: 1 // 0)
    response = client.get("/id")
    assert response.headers["X-Request-ID"] == response.text
    assert len(client.get("/nowhere").headers["X-Request-ID"]) == 32
    assert len(client.get("/error").headers["X-Request-ID"]) == 32


def test_an_id_of_the_client_is_not_believed_unless_asked_to(app, client):
    app.config["REQUEST_ID_HEADER"] = "X-Request-ID"
    sent = {"X-Request-ID": "abc-123"}
    assert client.get("/", headers=sent).headers["X-Request-ID"] != "abc-123"
    app.config["REQUEST_ID_TRUSTED"] = True
    assert client.get("/", headers=sent).headers["X-Request-ID"] == "abc-123"


@pytest.mark.parametrize("bad", ["", " ", "a b", "a" * 129, "a\x1b[31m", "ä", "<script>", '"'])
def test_an_id_that_is_no_plain_token_is_never_believed(app, client, bad):
    app.config.update(REQUEST_ID_HEADER="X-Request-ID", REQUEST_ID_TRUSTED=True)
    made = client.get("/", headers={"X-Request-ID": bad}).headers["X-Request-ID"]
    assert made != bad
    assert len(made) == 32


def test_log_records_of_a_request_have_its_id(app, client, caplog):
    app.config["REQUEST_ID_HEADER"] = "X-Request-ID"

    @app.get("/log")
    def log():
        app.logger.warning("something")
        return request.id

    request_id = client.get("/log").text
    app.logger.warning("outside")
    assert [record.request_id for record in caplog.records] == [request_id, "-"]


def test_a_header_that_is_none_is_an_error_at_start(app):
    app.config["REQUEST_ID_HEADER"] = "X-Id\r\nX-Evil"
    with pytest.raises(ValueError, match="no name of a header field"):
        app.start()


# -- the access log ----------------------------------------------------------------------------


@pytest.fixture
def access(app, client, caplog):
    """Set the access log to JSON; return what was logged as ``access()`` does."""
    app.config["ACCESS_LOG"] = "json"
    caplog.set_level(logging.INFO, "cruse.access")

    def lines():
        return [r.getMessage() for r in caplog.records if r.name == "cruse.access"]

    return lines


def test_a_request_is_a_line_of_json(app, client, access):
    app.config["REQUEST_ID_HEADER"] = "X-Request-ID"
    response = client.get("/?page=2", headers={"User-Agent": "test/1"})
    response.close()
    entry = json.loads(access()[0])
    assert entry.pop("time").endswith("+00:00")
    assert 0 < entry.pop("duration_ms") < 60_000
    assert entry == {
        "method": "GET",
        "path": "/",
        "query": "page=2",
        "status": 200,
        "bytes": 5,
        "complete": True,
        "client": "127.0.0.1",
        "request_id": response.headers["X-Request-ID"],
        "endpoint": "index",
        "user_agent": "test/1",
    }


def test_a_request_is_a_line_of_text(app, client, access):
    app.config["ACCESS_LOG"] = "text"
    client.get("/?page=2", headers={"User-Agent": 'te"st'}).close()
    (line,) = access()
    _, client_address, rest = line.split(" ", 2)
    assert client_address == "127.0.0.1"
    assert rest.startswith('"GET /?page=2" 200 5B ')
    assert rest.endswith('ms endpoint="index" user_agent="te\\"st"')


def test_the_line_is_written_when_a_stream_has_ended(app, client, access):
    app.add_url_rule("/stream", "stream", lambda: iter(["ab", "c"]))
    response = client.get("/stream", buffered=False)
    assert access() == []
    assert response.data == b"abc"
    response.close()
    assert json.loads(access()[0])["bytes"] == 3


def test_errors_and_clients_that_left_have_their_lines_too(app, client, access):
    def endless():
        while True:
            yield "x"

    app.logger.disabled = True
    app.add_url_rule("/error", "error", lambda: 1 // 0)
    app.add_url_rule("/stream", "stream", endless)
    client.get("/error").close()
    client.get("/nowhere").close()
    response = client.get("/stream", buffered=False)
    next(response.iter_encoded())
    response.close()
    entries = [json.loads(line) for line in access()]
    assert [entry["status"] for entry in entries] == [500, 404, 200]
    assert [entry["complete"] for entry in entries] == [True, True, False]
    app.config["PROPAGATE_EXCEPTIONS"] = True
    with pytest.raises(ZeroDivisionError):
        client.get("/error")
    last = json.loads(access()[-1])
    assert (last["error"], "status" in last) == ("ZeroDivisionError", False)


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_line_stays_one_line_whatever_the_client_sends(app, client, access, form):
    app.config["ACCESS_LOG"] = form
    evil = "\x1b[31mä"
    path = "/a%0d%0a127.0.0.1%20%22GET%20/fake%22%7f%c2%85%e2%80%a8"
    client.get(path, headers={"User-Agent": evil}).close()
    (line,) = access()
    assert line.isprintable()
    assert line.isascii()
    if form == "json":
        assert json.loads(line)["path"] == '/a\r\n127.0.0.1 "GET /fake"\x7f\x85\u2028'


def test_what_a_server_takes_for_an_address_forges_no_entry(app, client, access):
    """Servers behind a proxy hand on what X-Forwarded-For says, which anybody can have sent."""
    app.config["ACCESS_LOG"] = "text"
    address = '1.2.3.4 "GET /fake" 200\x1b'
    client.get("/", environ_overrides={"REMOTE_ADDR": address}).close()
    (line,) = access()
    assert line.isprintable()
    _, rest = line.split(" ", 1)
    assert rest.startswith('"1.2.3.4 \\"GET /fake\\" 200\\u001b" "GET /" 200 ')


def test_without_handlers_the_log_goes_to_standard_error(app, client, capsys, monkeypatch):
    app.config["ACCESS_LOG"] = "text"
    monkeypatch.setattr(logging.getLogger("cruse.access"), "propagate", False)
    client.get("/").close()
    assert '"GET /" 200 5B' in capsys.readouterr().err


@pytest.mark.parametrize(
    ("query", "masked"),
    [
        ("page=2&token=abc", "page=2&token=***"),
        ("api_key=a&Password=b&x=c", "api_key=***&Password=***&x=c"),
        ("code=a&state=b&country_code=de", "code=***&state=***&country_code=de"),
        ("to%6ben=abc", "to%6ben=***"),
        ("signature=a=b&sig=c&signed=d", "signature=***&sig=***&signed=d"),
        ("token", "token"),
        ("", ""),
    ],
)
def test_secrets_in_a_query_are_masked_by_their_names(query, masked):
    assert mask_query(query) == masked


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["token", "x", "session_id"]),
            st.text().map(lambda v: v.replace("&", "")),
        )
    )
)
def test_no_secret_value_is_left_in_a_query(parameters):
    masked = mask_query("&".join(f"{name}={value}" for name, value in parameters))
    assert masked == "&".join(f"{n}={v}" if n == "x" else f"{n}=***" for n, v in parameters)


def test_the_record_has_the_values_for_handlers_of_structured_logs(app, client, access, caplog):
    client.get("/").close()
    assert caplog.records[-1].access["status"] == 200


def test_an_access_log_of_another_kind_is_an_error_at_start(app):
    app.config["ACCESS_LOG"] = "xml"
    with pytest.raises(ValueError, match="'ACCESS_LOG' is 'xml'"):
        app.start()


# -- Server-Timing -----------------------------------------------------------------------------


def test_browsers_are_told_in_debug_mode_how_long_it_took(app, client):
    app.debug = True
    app.add_url_rule("/page", "page", lambda: render_template_string("{{ 1 }}"))
    assert client.get("/").headers["Server-Timing"].startswith("total;dur=")
    total, templates = client.get("/page").headers["Server-Timing"].split(", ")
    assert float(total.partition("=")[2]) >= 0
    assert templates.startswith("templates;dur=")


@pytest.mark.parametrize(("debug", "setting", "sent"), [(0, None, 0), (1, False, 0), (0, True, 1)])
def test_the_setting_goes_before_debug_mode(app, client, debug, setting, sent):
    app.debug = bool(debug)
    app.config["SERVER_TIMING"] = setting
    assert ("Server-Timing" in client.get("/").headers) is bool(sent)


def test_a_template_that_failed_is_not_counted(app, client):
    app.config["SERVER_TIMING"] = True
    app.logger.disabled = True
    app.add_url_rule("/bad", "bad", lambda: render_template_string("{{ 1 // 0 }}"))
    assert "templates" not in client.get("/bad").headers["Server-Timing"]


# -- OpenTelemetry -----------------------------------------------------------------------------


@pytest.fixture
def spans(app):
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    app.config["OPENTELEMETRY"] = provider
    app.logger.disabled = True
    return exporter.get_finished_spans


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_request_is_a_span_with_the_attributes_of_http(app, client, spans, kind):
    def view(number):
        assert trace.get_current_span().is_recording()
        return "hello"

    async def async_view(number):
        return view(number)

    app.add_url_rule("/items/<int:number>", "item", async_view if kind == "async" else view)
    client.get("/items/7?page=2&token=abc", headers={"User-Agent": "test/1"}).close()
    (span,) = spans()
    assert (span.name, span.kind) == ("GET /items/<int:number>", trace.SpanKind.SERVER)
    assert dict(span.attributes) == {
        "http.request.method": "GET",
        "http.route": "/items/<int:number>",
        "http.response.status_code": 200,
        "url.scheme": "http",
        "url.path": "/items/7",
        "url.query": "page=2&token=***",
        "server.address": "localhost",
        "network.protocol.version": "1.1",
        "client.address": "127.0.0.1",
        "user_agent.original": "test/1",
    }
    assert span.status.status_code is trace.StatusCode.UNSET
    assert span.parent is None


def test_the_span_is_a_child_of_the_one_in_the_headers(client, spans):
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    client.get("/", headers={"traceparent": parent}).close()
    (span,) = spans()
    assert format(span.context.trace_id, "032x") == "0af7651916cd43dd8448eb211c80319c"
    assert format(span.parent.span_id, "016x") == "b7ad6b7169203331"


def test_requests_one_after_another_are_no_children_of_each_other(client, spans):
    client.get("/").close()
    client.get("/").close()
    first, second = spans()
    assert (first.parent, second.parent) == (None, None)
    assert not trace.get_current_span().is_recording()


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_spans_of_the_view_are_its_children(app, client, spans, kind):
    def view():
        with trace.get_tracer("t", tracer_provider=app.config["OPENTELEMETRY"]).start_span("in"):
            return "x"

    async def async_view():
        return view()

    app.add_url_rule("/view", "view", async_view if kind == "async" else view)
    client.get("/view").close()
    inside, around = spans()
    assert inside.parent.span_id == around.context.span_id


def test_an_error_is_recorded_with_the_span(app, client, spans):
    app.add_url_rule("/error", "error", lambda: 1 // 0)
    app.add_url_rule("/404", "missing", lambda: abort(404))
    client.get("/error").close()
    client.get("/404").close()
    client.get("/nowhere").close()
    failed, missing, unmatched = spans()
    assert failed.status.status_code is trace.StatusCode.ERROR
    assert failed.attributes["error.type"] == "500"
    assert failed.events[0].attributes["exception.type"] == "ZeroDivisionError"
    assert missing.status.status_code is trace.StatusCode.UNSET
    assert (unmatched.name, unmatched.attributes["http.response.status_code"]) == ("GET", 404)


def test_a_span_ends_with_its_stream(app, client, spans):
    app.add_url_rule("/stream", "stream", lambda: iter(["a", "b"]))
    response = client.get("/stream", buffered=False)
    assert spans() == ()
    assert response.data == b"ab"
    response.close()
    assert len(spans()) == 1


def test_a_method_nobody_knows_makes_no_new_name(client, spans):
    client.open("/", method="BREW").close()
    (span,) = spans()
    assert span.name.startswith("HTTP")
    assert span.attributes["http.request.method"] == "_OTHER"
    assert span.attributes["http.request.method_original"] == "BREW"


def test_without_opentelemetry_the_start_says_what_is_missing(app, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "opentelemetry", None)
    app.config["OPENTELEMETRY"] = True
    with pytest.raises(RuntimeError, match="'opentelemetry-api' is not installed"):
        app.start()


Setting = namedtuple("Setting", "key value")


@pytest.mark.parametrize(
    "setting",
    [
        Setting("ACCESS_LOG", "json"),
        Setting("HEALTH_LIVE_PATH", "/livez"),
        Setting("REQUEST_ID_HEADER", "X-Request-ID"),
        Setting("SERVER_TIMING", True),
    ],
    ids=lambda setting: setting.key,
)
def test_a_part_is_set_up_once_however_often_the_application_starts(app, setting):
    app.config[setting.key] = setting.value
    app.start()
    before = (len(app.observers), len(list(app.url_map.iter_rules())))
    app.stop()
    app.start()
    assert (len(app.observers), len(list(app.url_map.iter_rules()))) == before
    app.stop()
