"""Blueprints: names, prefixes, nesting, registration."""

import pytest

from cruse import Blueprint, Cruse, render_template_string, request, url_for


@pytest.fixture
def app():
    return Cruse(__name__, static_folder=None)


def page(text="page"):
    blueprint = Blueprint(text, __name__)
    blueprint.add_url_rule("/", "index", lambda: f"{request.endpoint} {request.blueprints}")
    return blueprint


def test_a_prefix_and_a_name_are_put_before_its_rules(app):
    app.register_blueprint(page("blog"), url_prefix="/blog/")
    assert app.test_client().get("/blog/").text == "blog.index ['blog']"


def test_nested_blueprints_have_dotted_names_and_joined_prefixes(app):
    parent, child, grandchild = page("parent"), page("child"), page("grandchild")
    child.register_blueprint(grandchild, url_prefix="/grandchild")
    parent.register_blueprint(child, url_prefix="/child")
    app.register_blueprint(parent, url_prefix="/parent")
    text = app.test_client().get("/parent/child/grandchild/").text
    assert text == (
        "parent.child.grandchild.index ['parent.child.grandchild', 'parent.child', 'parent']"
    )


def test_one_blueprint_may_be_registered_under_two_names(app):
    blueprint = page("blog")
    app.register_blueprint(blueprint, url_prefix="/a")
    app.register_blueprint(blueprint, url_prefix="/b", name="other")
    with pytest.raises(ValueError, match="this blueprint under the name"):
        app.register_blueprint(blueprint, url_prefix="/c")
    with pytest.raises(ValueError, match="another blueprint under the name"):
        app.register_blueprint(page("blog"))
    client = app.test_client()
    assert client.get("/a/").text.startswith("blog.index")
    assert client.get("/b/").text.startswith("other.index")


@pytest.mark.parametrize("name", ["", "a.b"])
def test_a_name_is_not_empty_and_has_no_dot(name):
    with pytest.raises(ValueError, match="name"):
        Blueprint(name, __name__)


def test_a_blueprint_does_not_nest_itself():
    blueprint = page()
    with pytest.raises(ValueError, match="itself"):
        blueprint.register_blueprint(blueprint)


def test_an_endpoint_has_no_dot():
    blueprint = page()
    with pytest.raises(ValueError, match="dot"):
        blueprint.add_url_rule("/x", "a.b", lambda: "")


def test_setup_after_registration_is_refused(app):
    blueprint = page()
    app.register_blueprint(blueprint)
    with pytest.raises(AssertionError, match="can no longer be called on the blueprint"):
        blueprint.get("/late")


def test_record_runs_at_every_registration_and_record_once_at_the_first(app):
    blueprint = page()
    log = []
    blueprint.record(lambda state: log.append(("record", state.options.get("extra"))))
    blueprint.record_once(lambda state: log.append(("once", state.first_registration)))
    app.register_blueprint(blueprint, extra=1)
    app.register_blueprint(blueprint, name="again", url_prefix="/again")
    assert log == [("record", 1), ("once", True), ("record", None)]


def test_hooks_for_the_whole_application_come_once(app):
    blueprint = page("blog")
    log = []
    blueprint.before_app_request(lambda: log.append("before"))

    @blueprint.after_app_request
    def after(response):
        log.append("after")
        return response

    blueprint.teardown_app_request(lambda error: log.append("teardown"))
    blueprint.app_errorhandler(404)(lambda error: ("gone", 404))
    blueprint.app_context_processor(lambda: {"word": "hello"})
    blueprint.app_template_filter()(shout)
    blueprint.app_template_test("loud")(lambda text: text.isupper())
    blueprint.app_template_global(twice)
    app.register_blueprint(blueprint, url_prefix="/one")
    app.register_blueprint(blueprint, url_prefix="/two", name="two")
    app.add_url_rule("/", "index", lambda: render_template_string(TEMPLATE))
    client = app.test_client()
    assert client.get("/").text == "HELLO True 4"
    assert client.get("/nowhere").text == "gone"
    assert log == ["before", "after", "teardown"] * 2


TEMPLATE = "{{ word | shout }} {{ 'A' is loud }} {{ twice(2) }}"


def shout(text):
    return text.upper()


def twice(number):
    return number * 2


def test_defaults_and_url_functions_apply_to_the_blueprint_s_urls(app):
    blueprint = Blueprint("lang", __name__, url_defaults={"lang": "en"})

    @blueprint.url_defaults
    def add_language(endpoint, values):
        values.setdefault("code", "de")

    @blueprint.url_value_preprocessor
    def take_language(endpoint, values):
        values.pop("code", None)

    blueprint.add_url_rule("/<code>/", "index", lambda lang: f"{lang} {url_for('.index')}")
    app.register_blueprint(blueprint)
    assert app.test_client().get("/fr/").text == "en /de/"


def test_subdomains_nest(app):
    app = Cruse(__name__, subdomain_matching=True, static_folder=None)
    app.config["SERVER_NAME"] = "example.com"
    parent = Blueprint("parent", __name__, subdomain="api")
    parent.register_blueprint(page("child"), subdomain="v1")
    app.register_blueprint(parent)
    text = app.test_client().get("/", base_url="http://v1.api.example.com").text
    assert text.startswith("parent.child.index")


def test_a_blueprint_may_have_the_view_of_an_endpoint_of_the_application_or_its_own(app):
    blueprint = Blueprint("shop", __name__)
    app.add_url_rule("/app", endpoint="late")
    blueprint.add_url_rule("/own", endpoint="late")
    blueprint.endpoint("late")(lambda: request.endpoint)
    app.register_blueprint(blueprint)
    client = app.test_client()
    assert client.get("/app").text == "late"
    assert client.get("/own").text == "shop.late"
