import os

os.environ["DD_TRACE_STARTUP_LOGS"] = "false"
os.environ["DD_INSTRUMENTATION_TELEMETRY_ENABLED"] = "false"
os.environ["DD_REMOTE_CONFIGURATION_ENABLED"] = "false"

import flask
import pytest
from ddtrace import patch
from ddtrace.trace import TraceFilter, tracer

FINISHED = []


class Kept(TraceFilter):
    """Keeps what would be sent to the agent."""

    def process_trace(self, trace):
        FINISHED.extend(trace)


tracer.configure(trace_processors=[Kept()])
patch(flask=True)


@pytest.fixture
def spans():
    FINISHED.clear()
    return FINISHED


@pytest.fixture
def app():
    app = flask.Flask(__name__)

    @app.get("/pets/<name>")
    def pet(name):
        return flask.render_template_string("{{ name }}", name=name)

    @app.get("/fails")
    def fails():
        raise ValueError("broken")

    return app


def test_a_request_is_traced_with_its_route(app, client_of, spans):
    assert client_of(app).get("/pets/rex").text == "rex"
    (request,) = [span for span in spans if span.name == "flask.request"]
    assert request.resource == "GET /pets/<name>"
    assert request.get_tag("http.status_code") == "200"
    assert "flask.render_template_string" in {span.name for span in spans}


def test_an_error_is_in_the_trace(app, client_of, spans):
    with client_of(app).get("/fails") as response:  # the trace ends where the body does
        assert response.status_code == 500
    (request,) = [span for span in spans if span.name == "flask.request"]
    assert request.error
    assert any(span.get_tag("error.message") == "broken" for span in spans)
