"""Blueprints that own their prefix answer for its URLs that no rule matched."""

import pytest
from werkzeug.test import create_environ

from cruse import Blueprint, Cruse, abort, request, url_for


def answering(name, **options):
    """Return a blueprint whose handlers say who answered."""
    blueprint = Blueprint(name, __name__, **options)

    @blueprint.errorhandler(404)
    @blueprint.errorhandler(405)
    def failed(error):
        return f"{name} {error.code} {request.blueprint}", error.code

    return blueprint


@pytest.fixture
def app():
    app = Cruse(__name__, static_folder=None)
    app.errorhandler(404)(lambda error: ("app", 404))
    return app


@pytest.fixture(params=["wsgi", "asgi"])
def client(app, request):
    client = app.test_client(gateway=request.param)
    yield client
    client.close()


def test_the_owner_answers_below_its_prefix_and_only_there(app, client):
    app.register_blueprint(answering("shop", url_prefix="/shop", owns_prefix=True))
    assert client.get("/shop/nowhere").text == "shop 404 None"
    assert client.get("/shop").text == "shop 404 None"
    assert client.get("/shopping").text == "app"
    assert client.get("/").text == "app"


def test_without_the_option_it_is_the_application_as_in_flask(app, client):
    app.register_blueprint(answering("shop", url_prefix="/shop"))
    assert client.get("/shop/nowhere").text == "app"


def test_a_method_that_no_rule_has_is_the_owner_s_too(app, client):
    shop = answering("shop", url_prefix="/shop", owns_prefix=True)
    shop.get("/basket")(lambda: "basket")
    app.register_blueprint(shop)
    response = client.post("/shop/basket")
    assert (response.status_code, response.text) == (405, "shop 405 None")


def test_the_longest_prefix_decides_and_the_outer_one_helps_out(app, client):
    api = answering("api", url_prefix="/api", owns_prefix=True)
    v2 = Blueprint("v2", __name__, url_prefix="/v2", owns_prefix=True)
    v2.errorhandler(404)(lambda error: ("v2", 404))
    v2.get("/only-get")(lambda: "")
    api.register_blueprint(v2)
    app.register_blueprint(api)
    assert client.get("/api/v2/nowhere").text == "v2"
    assert client.post("/api/v2/only-get").text == "api 405 None"  # v2 has no handler for it
    assert client.get("/api/nowhere").text == "api 404 None"


def test_registered_twice_it_may_own_one_of_the_prefixes(app, client):
    shop = answering("shop")
    app.register_blueprint(shop, url_prefix="/a", owns_prefix=True)
    app.register_blueprint(shop, url_prefix="/b", name="other")
    assert client.get("/a/nowhere").text == "shop 404 None"
    assert client.get("/b/nowhere").text == "app"


def test_a_prefix_with_a_variable_part(app, client):
    app.register_blueprint(answering("shop", url_prefix="/<lang>/shop", owns_prefix=True))
    assert client.get("/de/shop/nowhere").text == "shop 404 None"
    assert client.get("/de/other").text == "app"


def test_a_subdomain_is_part_of_what_it_owns():
    app = Cruse(__name__, static_folder=None, subdomain_matching=True)
    app.config["SERVER_NAME"] = "example.com"
    app.register_blueprint(answering("api", subdomain="api", owns_prefix=True))
    client = app.test_client()
    assert client.get("/", base_url="http://api.example.com").text == "api 404 None"
    assert "api 404" not in client.get("/", base_url="http://example.com").text


def test_an_error_of_a_view_elsewhere_is_not_the_owner_s(app, client):
    app.register_blueprint(answering("shop", url_prefix="/shop", owns_prefix=True))
    app.get("/shop/of-the-app")(lambda: abort(404))
    assert client.get("/shop/of-the-app").text == "app"


# -- links outside of requests --


def test_outside_of_requests_links_begin_with_the_base_url(app):
    app.config["BASE_URL"] = "https://example.com/shop"
    app.add_url_rule("/items/<int:number>", "item", lambda number: url_for("item", number=2))
    with app.app_context():
        assert url_for("item", number=1) == "https://example.com/shop/items/1"
        assert url_for("item", number=1, _external=False) == "/shop/items/1"
    assert app.test_client().get("/items/1").text == "/items/2"  # a request knows its own


@pytest.mark.parametrize("base", ["example.com", "ftp://example.com", "https://", "/shop"])
def test_a_base_url_that_is_none_is_an_error_that_says_so(app, base):
    app.config["BASE_URL"] = base
    with app.app_context(), pytest.raises(ValueError, match="'BASE_URL'"):
        url_for("anything")


@pytest.mark.parametrize("error_format", ["auto", "problem"])
def test_a_path_that_is_no_text_is_the_client_s_mistake(app, error_format):
    app.config["ERROR_FORMAT"] = error_format
    app.register_blueprint(answering("shop", url_prefix="/shop", owns_prefix=True))
    started = []
    environ = create_environ() | {"PATH_INFO": "/shop/\xff"}
    body = app(environ, lambda status, headers: started.append(status))
    assert started == ["400 BAD REQUEST"]
    assert b"not valid UTF-8" in b"".join(body)
