"""The Host field: its form, and the hosts that an application answers for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cruse import Cruse, request, url_for

GOOD = ["good.example", "good.example:8080", "localhost", "127.0.0.1:5000", "[::1]", "[::1]:99"]
GOOD += ["with_underscore", "GOOD.example", "a.b.c.d", "xn--mnchen-3ya.example"]
BAD = ["a/b", "a?b", "a b", 'a"b', "a'b", "user@good.example", "good.example/../x", "a\\b", "a#b"]
BAD += ["a:99999", "a:b", "a:1:2", "[::1", "::1", "ä.example", "a,b", "<script>", "%61", "a:\xb2"]


def make_app(trusted=None):
    app = Cruse(__name__, static_folder=None)
    app.config["TRUSTED_HOSTS"] = trusted
    app.add_url_rule("/", "index", lambda: "hello")
    app.add_url_rule("/url", "url", lambda: url_for("index", _external=True))
    return app


@pytest.fixture(params=["wsgi", "asgi"])
def status(request):
    def ask(app, host, path="/"):
        client = app.test_client(gateway=request.param)
        return client.get(path, headers={"Host": host}).status_code

    return ask


@pytest.mark.parametrize("path", ["/", "/url", "/nowhere"])
@pytest.mark.parametrize("host", BAD)
def test_what_is_no_host_is_refused_wherever_it_is_sent(status, host, path):
    assert status(make_app(), host, path) == 400


@pytest.mark.parametrize("host", GOOD)
def test_a_host_is_not_refused(status, host):
    assert status(make_app(), host) == 200
    assert status(make_app(), host, "/url") == 200


def test_only_trusted_hosts_are_answered_when_there_are_any(status):
    app = make_app(["good.example", ".sub.example", "[::1]", "münchen.example", "old.example:80"])
    for host in (
        "good.example",
        "good.example:99",
        "GOOD.Example",
        "sub.example",
        "a.sub.example",
    ):
        assert status(app, host) == 200
    for host in ("a.b.sub.example", "[::1]:8000", "xn--mnchen-3ya.example", "old.example:81"):
        assert status(app, host) == 200
    for host in ("evil.example", "a.good.example", "notsub.example", "good.example.evil", "[::2]"):
        assert status(app, host) == 400
        assert status(app, host, "/nowhere") == 400


def test_a_name_with_regular_characters_means_itself(status):
    assert status(make_app(["good.example"]), "goodXexample") == 400
    assert status(make_app(["*.example"]), "a.example") == 400


@pytest.mark.parametrize("host", ["evil.example", "a/b"])
def test_who_asks_for_a_host_that_is_refused_makes_no_500_of_it(status, host):
    handled, hooked = make_app(["good.example"]), make_app(["good.example"])
    handled.errorhandler(400)(lambda error: (request.url, 400))
    hooked.after_request(lambda response: response if request.url else None)
    assert (status(handled, host), status(hooked, host)) == (400, 400)
    assert (status(handled, "good.example"), status(hooked, "good.example")) == (200, 200)


def test_of_no_hosts_none_is_trusted(status):
    assert status(make_app([]), "good.example") == 400


def test_an_error_page_may_build_urls_for_a_bad_host(status):
    app = make_app()

    @app.errorhandler(400)
    def bad(error):
        return url_for("index") + url_for("index", _external=True), 400

    assert status(app, "a/b") == 400
    app.config["TRUSTED_HOSTS"] = ["good.example"]
    assert status(app, "evil.example") == 400


@given(host=st.text(st.characters(min_codepoint=33, max_codepoint=126)))
def test_no_host_gets_anything_else_into_a_url(host):
    app = make_app()
    for gateway in ("wsgi", "asgi"):
        response = app.test_client(gateway=gateway).get("/url", headers={"Host": host})
        assert response.status_code in (200, 400)
        if response.status_code == 200:
            assert response.text.count("/") == 3
            assert not set(response.text) & set("?#@\\\"'<> ")
