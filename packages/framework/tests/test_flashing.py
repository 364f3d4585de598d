"""Messages for the next page."""

import pytest
from markupsafe import Markup

from cruse import Cruse, flash, get_flashed_messages, render_template_string, session
from cruse.signals import message_flashed


@pytest.fixture
def app():
    app = Cruse(__name__)
    app.config.update(TESTING=True, SECRET_KEY="key")

    @app.get("/flash")
    def flash_all():
        flash("Hello World")
        flash("Hello World", "error")
        flash(Markup("<em>Testing</em>"), "warning")
        return ""

    @app.get("/plain")
    def plain():
        return [str(message) for message in get_flashed_messages()]

    @app.get("/unused")
    def unused():
        return ""

    return app


@pytest.fixture(params=["wsgi", "asgi"])
def client(app, request):
    return app.test_client(gateway=request.param)


def test_messages_are_there_for_the_next_page_and_then_gone(client):
    client.get("/flash")
    assert client.get("/plain").json == ["Hello World", "Hello World", "<em>Testing</em>"]
    assert client.get("/plain").json == []


def test_messages_wait_for_a_page_that_shows_them(client):
    client.get("/flash")
    client.get("/unused")
    assert len(client.get("/plain").json) == 3


def test_messages_of_two_pages_add_up(client):
    client.get("/flash")
    client.get("/flash")
    assert len(client.get("/plain").json) == 6


def test_categories_and_filters(app, client):
    @app.get("/show")
    def show():
        return {
            "pairs": get_flashed_messages(with_categories=True),
            "errors": get_flashed_messages(category_filter=["error"]),
            "both": get_flashed_messages(
                with_categories=True, category_filter=("message", "warning")
            ),
            "none": get_flashed_messages(category_filter=["unknown"]),
        }

    client.get("/flash")
    shown = client.get("/show").json
    assert shown["pairs"] == [
        ["message", "Hello World"],
        ["error", "Hello World"],
        ["warning", "<em>Testing</em>"],
    ]
    assert shown["errors"] == ["Hello World"]
    assert shown["both"] == [["message", "Hello World"], ["warning", "<em>Testing</em>"]]
    assert shown["none"] == []


def test_a_message_may_be_shown_by_the_same_request(app, client):
    @app.get("/same")
    def same():
        flash("now")
        return [get_flashed_messages(), get_flashed_messages()]

    assert client.get("/same").json == [["now"], ["now"]]
    assert client.get("/plain").json == []


def test_markup_is_shown_as_markup_and_text_is_escaped(app, client):
    @app.get("/page")
    def page():
        flash("<b>")
        return render_template_string("{% for m in get_flashed_messages() %}{{ m }} {% endfor %}")

    client.get("/flash")
    assert client.get("/page").text == "Hello World Hello World <em>Testing</em> &lt;b&gt; "


def test_a_message_is_stored_by_assigning_anew(app):
    with app.test_request_context():
        before = session["_flashes"] = []
        flash("a")
        assert before == []
        assert session["_flashes"] == [("message", "a")]


def test_looking_when_there_is_nothing_changes_nothing(client):
    response = client.get("/plain")
    assert "Set-Cookie" not in response.headers
    assert "Cookie" in response.vary


def test_a_signal_tells_of_each_message(app, client):
    told = []

    def receiver(sender, message, category):
        told.append((sender, str(message), category))

    async def async_receiver(sender, message, category):
        told.append("async")

    with message_flashed.connected_to(receiver, app):
        client.get("/flash")
    assert told[0] == (app, "Hello World", "message")
    assert len(told) == 3
    told.clear()
    with message_flashed.connected_to(async_receiver, app):
        client.get("/flash")
    assert told == ["async"] * 3


def test_outside_of_a_request_there_is_nobody_to_tell():
    with pytest.raises(RuntimeError, match="outside of application context"):
        flash("hello")
