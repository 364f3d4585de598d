"""Explanations for mistakes that a developer makes in debug mode."""

import pytest

from cruse.app import Cruse
from cruse.debug import (
    DebugFilesKeyError,
    FormDataRoutingRedirect,
    UnexpectedUnicodeError,
    attach_enctype_error_multidict,
)
from cruse.globals import request


@pytest.fixture
def app():
    app = Cruse(__name__)
    app.config.update(TESTING=True, DEBUG=True)
    return app


@pytest.fixture(params=["wsgi", "asgi"])
def client(app, request):
    return app.test_client(gateway=request.param)


def test_a_file_sent_without_the_encoding_for_files_is_explained(app, client):
    @app.post("/upload")
    def upload():
        return request.files["photo"].filename

    with pytest.raises(DebugFilesKeyError) as caught:
        client.post("/upload", data={"photo": "cat.jpg"})
    message = str(caught.value)
    assert "'photo'" in message
    assert "'application/x-www-form-urlencoded'" in message
    assert 'enctype="multipart/form-data"' in message
    assert "'cat.jpg'" in message


def test_the_explanation_is_given_for_fields_of_the_form_only(app):
    with app.test_request_context("/", method="POST", data={"photo": "cat.jpg"}):
        real = request._get_current_object()
        attach_enctype_error_multidict(real)
        with pytest.raises(DebugFilesKeyError):
            real.files["photo"]
        with pytest.raises(KeyError) as caught:
            real.files["other"]
        assert not isinstance(caught.value, DebugFilesKeyError)


def test_a_redirect_that_would_lose_a_form_is_explained(app, client):
    app.url_map.redirect_defaults = True

    @app.route("/", methods=["GET", "POST"], defaults={"page": 1})
    @app.route("/page/<int:page>", methods=["GET", "POST"])
    def show(page):
        return str(page)

    app.config["PROPAGATE_EXCEPTIONS"] = True
    error = FormDataRoutingRedirect
    with app.test_request_context("/page/1", method="POST") as context:
        redirect = context.request.routing_exception
        redirect.code = 302
        message = str(error(context.request))
    assert "A POST request was sent to 'http://localhost/page/1'" in message
    assert "'http://localhost/'" in message
    assert "slash" not in message


def test_a_missing_slash_is_named(app):
    @app.post("/form/")
    def form():
        return ""

    with app.test_request_context("/form", method="POST") as context:
        message = str(FormDataRoutingRedirect(context.request))
    assert "The rule ends with a slash and the request does not." in message


def test_unexpected_text_is_both_an_assertion_and_a_unicode_error():
    assert issubclass(UnexpectedUnicodeError, AssertionError)
    assert issubclass(UnexpectedUnicodeError, UnicodeError)
