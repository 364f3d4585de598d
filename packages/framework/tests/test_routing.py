"""Routing: the compiled tree gives what werkzeug's own adapter gives."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.exceptions import NotFound
from werkzeug.routing import Submount

from cruse import Blueprint, Cruse, request, url_for
from cruse.routing import NOWHERE, Map, Router, Rule

SEGMENTS = ["a", "b", "ab", "<?>", "<int:?>", "<path:?>", "v<int:?>.txt", "<string(length=2):?>"]
WORDS = ["a", "b", "ab", "abc", "1", "12", "v7.txt", "", "x y"]
METHODS = ["GET", "POST"]


@st.composite
def rules(draw):
    made = []
    for number in range(draw(st.integers(1, 8))):
        names = iter("pqrs")
        parts = draw(st.lists(st.sampled_from(SEGMENTS), max_size=4))
        text = "/" + "/".join(part.replace("?", next(names)) for part in parts)
        if parts and draw(st.booleans()):
            text += "/"
        options = {
            "methods": draw(st.lists(st.sampled_from(METHODS), min_size=1, unique=True)),
            "strict_slashes": draw(st.booleans()),
        }
        if draw(st.integers(0, 5)) == 0:
            options["defaults"] = {"extra": number}
        made.append((text, f"e{draw(st.integers(0, 3))}", options))
    return made


paths = st.lists(st.sampled_from(WORDS), max_size=4).map(lambda words: "/" + "/".join(words))


@settings(max_examples=400, deadline=None)
@given(rules(), st.lists(paths, min_size=1, max_size=8), st.sampled_from([*METHODS, "HEAD"]))
def test_the_router_agrees_with_werkzeug(specification, requested, method):
    url_map = Map([Rule(text, endpoint=e, **options) for text, e, options in specification])
    router = Router(url_map)
    adapter = url_map.bind("localhost")
    for path in requested * 2:  # the second time it is known
        found = router.match(path, method)
        if found is NOWHERE:
            with pytest.raises(NotFound):
                adapter.match(path, method)
            continue
        if found is None:
            continue  # the application asks the adapter itself
        route, values = found
        rule, expected = adapter.match(path, method, return_rule=True)
        assert (route.rule, values) == (rule, expected)


def test_what_is_known_of_a_folder_is_for_the_paths_in_it_alone():
    def found(path):
        route, values = router.match(path, "GET")
        return route.endpoint, values

    router = Router(
        Map(
            [
                Rule("/<int:n>", endpoint="number", methods=["GET"]),
                Rule("/a/<int:n>", endpoint="number in a", methods=["GET"]),
                Rule("/a/<n>", endpoint="word in a", methods=["GET"]),
                Rule("/a/b", endpoint="b", methods=["GET"]),
            ]
        )
    )
    for _ in range(2):
        assert found("/1") == ("number", {"n": 1})
        assert found("/a/1") == ("number in a", {"n": 1})
        assert found("/a/1e0") == found("/a/1e0") == ("word in a", {"n": "1e0"})
        assert found("/a/b") == ("b", {})
        assert router.match("1", "GET") is router.match("//1", "GET") is None
        assert router.match("/a//1", "GET") is router.match("/a/1/", "GET") is None
        assert router.match("/b/1", "GET") is NOWHERE
        assert router.match("/a/1", "POST") is None
    router.map.add(Rule("/a/7", endpoint="seven", methods=["GET"]))
    assert found("/a/7") == ("seven", {})


@pytest.fixture
def app():
    app = Cruse(__name__)

    @app.route("/users/<int:number>")
    def user(number):
        return f"user {number}"

    @app.route("/users/me")
    def me():
        return "me"

    @app.route("/folder/")
    def folder():
        return "folder"

    @app.route("/files/<path:name>")
    def file(name):
        return name

    @app.route("/pages/", defaults={"page": 1})
    @app.route("/pages/<int:page>")
    def pages(page):
        return f"page {page}"

    @app.post("/users/me")
    def change_me():
        return "changed"

    return app


@pytest.fixture(params=["wsgi", "asgi"])
def client(app, request):
    with app.test_client(gateway=request.param) as client:
        yield client


def test_variable_parts_are_converted(client):
    assert client.get("/users/7").text == "user 7"


def test_a_fixed_path_goes_before_a_variable_one(client):
    assert client.get("/users/me").text == "me"


def test_the_method_chooses_among_views_of_one_path(client):
    assert client.post("/users/me").text == "changed"


def test_digits_of_other_scripts_are_no_integers(client):
    assert client.get("/users/\u0663").status_code == 404


def test_an_integer_of_thousands_of_digits_is_not_found(client):
    assert client.get("/users/" + "9" * 5000).status_code == 404


def test_a_missing_slash_is_added_by_a_redirect_that_keeps_the_query(client):
    response = client.get("/folder?a=1")
    assert response.status_code == 308
    assert response.location == "http://localhost/folder/?a=1"


def test_double_slashes_are_merged_by_a_redirect(client):
    response = client.get("/users//me")
    assert (response.status_code, response.location) == (308, "http://localhost/users/me")


def test_a_path_converter_takes_slashes(client):
    assert client.get("/files/a/b.txt").text == "a/b.txt"


def test_defaults_redirect_to_the_short_url(client):
    assert client.get("/pages/").text == "page 1"
    assert client.get("/pages/2").text == "page 2"
    assert client.get("/pages/1").location == "http://localhost/pages/"


def test_the_wrong_method_is_a_405_that_names_the_right_ones(client):
    response = client.post("/users/7")
    assert response.status_code == 405
    assert sorted(response.allow) == ["GET", "HEAD", "OPTIONS"]


def test_head_is_get_without_a_body(client):
    response = client.head("/users/7")
    assert (response.data, response.content_length) == (b"", len("user 7"))


def test_options_names_the_methods_of_all_rules_of_the_path(client):
    response = client.options("/users/me")
    assert sorted(response.allow) == ["GET", "HEAD", "OPTIONS", "POST"]


def test_a_path_that_is_not_utf8_is_a_400(client):
    overrides = {"PATH_INFO": "/files/\xff", "REQUEST_URI": "/files/%ff"}
    assert client.get("/", environ_overrides=overrides).status_code == 400


def test_rules_added_to_the_map_while_serving_are_found(app, client):
    assert client.get("/late/view").status_code == 404
    app.view_functions["late"] = lambda: "late"
    app.url_map.add(Submount("/late", [Rule("/view", endpoint="late")]))
    assert client.get("/late/view").text == "late"


def test_a_url_is_built_the_second_time_as_the_first(app):
    app.add_url_rule("/named/<rule>/<int:self>", "named", lambda **values: "")
    with app.test_request_context():
        for _ in range(2):
            assert url_for("named", rule="a b", self=1) == "/named/a%20b/1"
            assert url_for("named", rule="c", self=2, q=[3, 4]) == "/named/c/2?q=3&q=4"


@pytest.mark.parametrize("rule", ["/<a>/<a>", "/<None>", "/<True>", "/<__debug__>"])
def test_a_variable_that_no_function_could_take_is_refused_with_its_rule(app, rule):
    with pytest.raises((SyntaxError, ValueError)):
        app.add_url_rule(rule, "mistaken", lambda **values: "")


def test_a_default_that_its_converter_refuses_is_refused_with_its_rule(app):
    with pytest.raises(ValueError, match="none"):
        app.add_url_rule("/<int:page>", "mistaken", lambda page: "", defaults={"page": "none"})


def test_a_converter_may_use_the_request(app):
    from werkzeug.routing import BaseConverter

    class Shout(BaseConverter):
        def to_python(self, value):
            return value.upper() + request.args.get("mark", "")

    app.url_map.converters["shout"] = Shout
    app.add_url_rule("/shout/<shout:word>", "shout", lambda word: word)
    assert app.test_client().get("/shout/hey?mark=!").text == "HEY!"


def test_subdomains_match_when_asked_for():
    app = Cruse(__name__, subdomain_matching=True)
    app.config["SERVER_NAME"] = "example.com"

    @app.route("/", subdomain="<name>")
    def index(name):
        return name

    assert app.test_client().get("/", base_url="http://blog.example.com").text == "blog"


def test_hosts_match_when_asked_for():
    app = Cruse(__name__, host_matching=True, static_host="static.example")
    app.add_url_rule("/", "one", lambda: "one", host="one.example")
    app.add_url_rule("/", "two", lambda: "two", host="two.example")
    client = app.test_client()
    assert client.get("/", base_url="http://one.example").text == "one"
    assert client.get("/", base_url="http://two.example").text == "two"
    assert client.get("/", base_url="http://three.example").status_code == 404


def test_an_untrusted_host_is_a_400(app, client):
    app.config["TRUSTED_HOSTS"] = ["good.example"]
    assert client.get("/users/me", base_url="http://good.example").text == "me"
    assert client.get("/users/me", base_url="http://evil.example").status_code == 400


@pytest.mark.parametrize(
    "host", ["a b", "a/b", "a?b", 'a"b', "[::1", "a:b", "user@host", "\xff", "a:123456"]
)
def test_a_host_that_is_none_is_a_400_where_it_is_used(app, client, host):
    app.add_url_rule("/url", "url", lambda: request.url)
    assert client.get("/url", environ_overrides={"HTTP_HOST": host}).status_code == 400


@pytest.mark.parametrize(
    "host", ["localhost", "my_service:8000", "[::1]:5000", "127.0.0.1", "xn--4ca.example"]
)
def test_every_kind_of_host_is_taken(app, client, host):
    app.add_url_rule("/host", "host", lambda: request.host)
    assert client.get("/host", environ_overrides={"HTTP_HOST": host}).text == host


@pytest.mark.parametrize("name", ["route", "get", "post"])
@pytest.mark.parametrize("make", [Cruse, lambda name: Blueprint("shop", name)])
def test_a_route_without_its_rule_is_an_error(make, name):
    with pytest.raises(TypeError, match="needs a rule"):

        @getattr(make(__name__), name)
        def forgotten():
            return ""


@pytest.mark.parametrize("make", [Cruse, lambda name: Blueprint("shop", name)])
def test_an_error_handler_without_what_it_is_for_is_an_error(make):
    with pytest.raises(TypeError, match=r"write @app.errorhandler\(404\)"):

        @make(__name__).errorhandler
        def forgotten(error):
            return ""


def test_two_views_of_one_endpoint_are_an_error_that_names_it():
    app = Cruse(__name__)
    app.add_url_rule("/a", "page", lambda: "a")
    with pytest.raises(AssertionError, match=r"the endpoint 'page'.*'endpoint='"):
        app.add_url_rule("/b", "page", lambda: "b")


@pytest.mark.parametrize(
    ("host", "subdomain"),
    [
        ("example.com", ""),
        ("Blog.Example.com", "blog"),
        ("a.b.example.com", "a.b"),
        ("other.example", "<invalid>"),
        ("notexample.com", "<invalid>"),
        ("blog.example.com.evil.example", "<invalid>"),
    ],
)
def test_the_subdomain_is_what_is_before_the_server_s_name(host, subdomain, recwarn):
    app = Cruse(__name__, subdomain_matching=True)
    app.config["SERVER_NAME"] = "example.com:80"
    app.add_url_rule("/", "top", lambda: "")
    app.add_url_rule("/", "below", lambda name: name, subdomain="<name>")
    response = app.test_client().get("/", environ_overrides={"HTTP_HOST": host})
    assert response.text == subdomain
    assert [*recwarn] == []  # each would be remembered, and clients choose the hosts
