import pytest
import sentry_sdk
from flask import Flask, request
from sentry_sdk.integrations.flask import FlaskIntegration
from sentry_sdk.transport import Transport


class Box(Transport):
    def __init__(self, options=None):
        super().__init__(options)
        self.events = []

    def capture_envelope(self, envelope):
        self.events += [item.payload.json for item in envelope.items]


@pytest.fixture
def sent():
    box = Box()
    sentry_sdk.init(
        "https://key@sentry.example/1",
        transport=box,
        integrations=[FlaskIntegration()],
        traces_sample_rate=1.0,
        send_default_pii=True,
    )
    return box.events


@pytest.fixture
def app(sent):
    app = Flask(__name__)

    @app.post("/broken/<int:id>")
    def broken(id):
        sentry_sdk.set_tag("id", id)
        return {"share": 1 / request.get_json()["parts"]}

    @app.get("/broken-async")
    async def broken_async():
        raise LookupError("in a coroutine")

    @app.get("/")
    def index():
        return "here"

    return app


def errors(sent):
    return [event for event in sent if event and "exception" in event]


def transactions(sent):
    return [event for event in sent if event and event.get("type") == "transaction"]


def test_an_error_is_reported_with_its_request(app, client_of, sent):
    assert client_of(app).post("/broken/7", json={"parts": 0}).status_code == 500
    (event,) = errors(sent)
    assert event["exception"]["values"][-1]["type"] == "ZeroDivisionError"
    assert event["transaction"] == "broken"
    assert event["request"]["url"] == "http://localhost/broken/7"
    assert event["request"]["method"] == "POST"
    assert event["request"]["data"] == {"parts": 0}
    assert event["tags"]["id"] in (7, "7")


def test_an_error_of_a_coroutine_function_is_reported(app, client_of, sent):
    assert client_of(app).get("/broken-async").status_code == 500
    (event,) = errors(sent)
    assert event["transaction"] == "broken_async"


def test_requests_are_traced(app, client_of, sent):
    with client_of(app).get("/") as answer:
        assert answer.text == "here"
    (event,) = transactions(sent)
    assert event["transaction"] == "index"
    assert event["contexts"]["trace"]["op"] == "http.server"
