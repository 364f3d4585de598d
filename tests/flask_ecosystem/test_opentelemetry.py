import pytest
from flask import Flask
from opentelemetry import trace
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter


@pytest.fixture
def traced():
    """A provider and what it was given."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider, exporter.get_finished_spans


def make(app_class):
    app = app_class(__name__)

    @app.get("/memos/<int:id>")
    def memo(id):
        trace.get_current_span().set_attribute("memo", id)
        return "jar"

    @app.get("/async")
    async def slow():
        trace.get_current_span().set_attribute("memo", 9)
        return "jar"

    @app.get("/broken")
    def broken():
        raise ValueError("broken")

    return app


@pytest.fixture
def app(traced):
    app = make(Flask)
    FlaskInstrumentor().instrument_app(app, tracer_provider=traced[0])
    yield app
    FlaskInstrumentor().uninstrument_app(app)


def test_a_request_is_a_span(app, client_of, traced):
    headers = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
    assert client_of(app).get("/memos/3", headers=headers).text == "jar"
    (span,) = traced[1]()
    assert span.name == "GET /memos/<int:id>"
    assert span.attributes["http.status_code"] == 200
    assert span.attributes["http.route"] == "/memos/<int:id>"
    assert span.attributes["memo"] == 3
    assert f"{span.context.trace_id:x}" == "a" * 32


def test_an_async_view_sees_its_span(app, client_of, traced):
    assert client_of(app).get("/async").text == "jar"
    (span,) = traced[1]()
    assert span.attributes["memo"] == 9


def test_an_error_is_in_the_span(app, client_of, traced):
    assert client_of(app).get("/broken").status_code == 500
    (span,) = traced[1]()
    assert not span.status.is_ok
    assert span.events[0].name == "exception"


def test_it_takes_the_place_of_the_class(client_of, traced):
    import flask

    original = flask.Flask
    FlaskInstrumentor().instrument(tracer_provider=traced[0])
    try:
        app = make(flask.Flask)
        assert isinstance(app, original)
        assert client_of(app).get("/memos/3").text == "jar"
    finally:
        FlaskInstrumentor().uninstrument()
    assert len(traced[1]()) == 1
