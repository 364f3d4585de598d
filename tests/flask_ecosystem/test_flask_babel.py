from datetime import date

import pytest
from flask import Flask, render_template_string, request
from flask_babel import Babel, format_date, format_decimal, get_locale, gettext


@pytest.fixture
def app():
    app = Flask(__name__)
    Babel(app, locale_selector=lambda: request.args.get("lang", "en"))

    @app.get("/")
    def index():
        return render_template_string(
            "{{ day | dateformat }} {{ 1234.5 | decimalformat }} {{ _('jar') }}",
            day=date(2026, 2, 3),
        )

    @app.get("/async")
    async def slow():
        return f"{get_locale()} {format_date(date(2026, 2, 3))} {format_decimal(1.5)}"

    @app.get("/text")
    def text():
        return gettext("Hello %(name)s", name="Ada")

    return app


def test_dates_and_numbers_follow_the_request(app, client_of):
    client = client_of(app)
    assert client.get("/").text == "Feb 3, 2026 1,234.5 jar"
    assert client.get("/?lang=de").text == "03.02.2026 1.234,5 jar"
    assert client.get("/async?lang=de").text == "de 03.02.2026 1,5"
    assert client.get("/text").text == "Hello Ada"
