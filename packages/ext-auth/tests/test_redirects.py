"""``next`` leads to pages of this application and nowhere else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cruse import Cruse
from cruse_auth import is_safe_next, safe_next

REFUSED = [
    "",
    "//evil",
    "///evil",
    "////evil",
    "/\\evil",
    "\\\\evil",
    "\\/evil",
    "/ok\\..\\evil",
    "https:evil",
    "https:/evil",
    "https:///evil",
    "http:///evil",
    "http://rp@evil",
    "https://evil\\@rp.example",
    "https://evil@rp.example",
    "https://rp.example@evil",
    "https://rp.example.evil",
    "https://rp.example:444",
    "https://rp.example:x",
    "http://rp.example",
    "HTTP://rp.example",
    "ftp://rp.example",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "javascript://rp.example/%0aalert(1)",
    "data:text/html,x",
    "mailto:a@rp.example",
    " /ok",
    "/ok ",
    "\t/ok",
    "\x00/ok",
    "/\t/evil",
    "/\n/evil",
    "/\r/evil",
    "\u2028//evil",
    "\u00a0//evil",
    "\u200b//evil",
    "\ufeff//evil",
    "http://[",
    "//[",
    "/ok\r\nSet-Cookie: a=b",
    "evil",
    "evil.example/path",
    "#fragment",
    "?",
    ";",
]
ALLOWED = [
    "/",
    "/ok",
    "/ok/",
    "/ok?a=1&b=2#c",
    "?a=1",
    "/a//b",
    "/%2f%2fevil",
    "/%5Cevil",
    "/..//evil",
    "/straße?q=ä",
    "/redirect?to=https://elsewhere.example/",
    "/a:b@c",
    "https://rp.example",
    "https://rp.example/ok?a=1",
    "https://rp.example:443/ok",
    "HTTPS://RP.example/ok",
]
OWN = ["https://rp.example"]


@pytest.mark.parametrize("target", REFUSED, ids=ascii)
def test_what_could_lead_elsewhere_is_refused(target):
    assert not is_safe_next(target, OWN)


@pytest.mark.parametrize("target", ALLOWED, ids=ascii)
def test_what_stays_here_is_allowed(target):
    assert is_safe_next(target, OWN)


@given(st.text(alphabet="/\\:@.?#ehtps[]x \t\n\u2028", max_size=12))
def test_what_is_allowed_begins_like_a_path_a_query_or_our_own_origin(target):
    if is_safe_next(target, OWN):
        assert target[0] in "/?h"
        assert target[:2] not in ("//", "/\\")
        assert not set(target) & set("\\ \t\n\u2028")


@pytest.fixture
def app():
    app = Cruse("rp")

    @app.route("/go", methods=["GET", "POST"])
    def go():
        return safe_next("/home")

    return app


@pytest.mark.parametrize("gateway", ["wsgi", "asgi"])
@pytest.mark.parametrize(("target", "leads_to"), [("/ok?x=1", "/ok?x=1"), ("//evil", "/home")])
def test_safe_next_reads_the_form_or_the_query(app, gateway, target, leads_to):
    client = app.test_client(gateway=gateway)
    assert client.get("/go", query_string={"next": target}).text == leads_to
    assert client.post("/go", data={"next": target}).text == leads_to
    assert client.get("/go").text == "/home"


def test_the_form_goes_before_the_query(app):
    client = app.test_client()
    assert client.post("/go?next=/query", data={"next": "/form"}).text == "/form"


def test_the_own_origin_is_the_host_of_the_request(app):
    client = app.test_client()
    for host, target, leads_to in (
        ("https://rp.example", "https://rp.example/x", "https://rp.example/x"),
        ("https://rp.example", "http://rp.example/x", "/home"),
        ("http://rp.example", "https://rp.example/x", "/home"),
    ):
        answer = client.get("/go", query_string={"next": target}, base_url=host)
        assert answer.text == leads_to


def test_a_target_can_be_given(app):
    with app.test_request_context():
        assert safe_next("/home", "/ok") == "/ok"
        assert safe_next("/home", "//evil") == "/home"
