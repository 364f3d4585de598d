import pytest
from flask import Flask, render_template_string
from flask.views import View
from flask_injector import FlaskInjector, request
from injector import inject


class Settings:
    colour = "blue"


class Basket:
    def __init__(self):
        self.items = []


class Page(View):
    @inject
    def __init__(self, settings: Settings):
        self.settings = settings

    def dispatch_request(self):
        return self.settings.colour


@pytest.fixture
def app():
    app = Flask(__name__)

    @app.before_request
    def put(basket: Basket):
        basket.items.append("apple")

    @app.get("/")
    def index(settings: Settings, basket: Basket):
        return f"{settings.colour} {basket.items}"

    @app.context_processor
    def colours(settings: Settings):
        return {"colour": settings.colour}

    @app.get("/rendered")
    def rendered():
        return render_template_string("{{ colour }}")

    app.add_url_rule("/page", view_func=Page.as_view("page"))

    def configure(binder):
        binder.bind(Basket, to=Basket, scope=request)

    FlaskInjector(app, modules=[configure])
    return app


def test_views_hooks_and_classes_get_what_they_name(app, client_of):
    client = client_of(app)
    for _ in range(2):  # each request has a basket of its own
        assert client.get("/").text == "blue ['apple']"
    assert client.get("/rendered").text == "blue"
    assert client.get("/page").text == "blue"
