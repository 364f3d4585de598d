"""Redirects to where a client asks for."""

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cruse import Cruse, is_safe_url, redirect, request, safe_redirect

HERE = "https://good.example/login?next=x"


@pytest.fixture
def app():
    app = Cruse(__name__, static_folder=None)
    app.add_url_rule("/login", "login", lambda: safe_redirect(request.args.get("next"), "/home"))
    return app


@pytest.fixture(params=["wsgi", "asgi"])
def client(app, request):
    return app.test_client(gateway=request.param)


SAFE = ["/", "/a", "/a/b?c=d&e=%2F%2Ff#g", "/?next=//x", "?page=2", "/ä", "/a:b", "/@a", "/#//"]
SAFE += ["/a//b", "/.//a"]
UNSAFE = [
    *("", "a", "a/b", "//evil.example", "///evil.example", "////evil.example", "/\\evil.example"),
    *("\\\\evil.example", "\\/evil.example", "/\t/evil.example", "/\n/evil.example", "\t//evil"),
    *(
        "/\r/evil",
        " //evil.example",
        "\x00//evil",
        "\u2028//evil",
    ),
    *("https://evil.example", "HTTPS://evil.example", "https:evil.example"),
    *("https:/evil.example", "javascript:alert(1)", "data:text/html,x", "//user@evil.example"),
    *("//?evil.example", "///?evil.example", "//?a#/"),
    *("https://good.example", "https://good.example@evil.example", "http://[", "#a", "?", "/a b"),
    *("/\ud800", "/\u202e", "/\xa0/evil"),
]


@pytest.mark.parametrize("target", SAFE)
def test_a_page_of_ours_is_gone_to(client, target):
    response = client.get("/login", query_string={"next": target})
    assert response.status_code == 303
    assert urljoin(HERE, response.location).startswith("https://good.example/")
    assert is_safe_url(target)


@pytest.mark.parametrize("target", [*UNSAFE[:-3], "/\u202e", None])
def test_all_else_goes_to_the_fallback(client, target):
    query = {} if target is None else {"next": target}
    assert client.get("/login", query_string=query).location == "/home"


@pytest.mark.parametrize("target", [*UNSAFE, None])
def test_what_could_lead_elsewhere_is_not_safe(target):
    assert not is_safe_url(target)


@pytest.mark.parametrize(
    ("target", "safe"),
    [
        ("https://good.example/a", True),
        ("https://good.example", True),
        ("HTTPS://GOOD.example:443/a", True),
        ("http://good.example/a", False),
        ("https://good.example:444/a", False),
        ("https://good.example.evil/a", False),
        ("https://user@good.example/a", False),
        ("https://good.example\\@evil.example", False),
        ("https://good.example:x/", False),
        ("//good.example/a", False),
    ],
)
def test_a_whole_url_is_safe_when_its_origin_is_named(target, safe):
    assert is_safe_url(target, ["https://good.example"]) is safe


def test_an_origin_that_is_none_allows_nothing():
    assert not is_safe_url("//evil.example", ["", "good.example"])
    assert not is_safe_url("http:evil.example", ["", "good.example"])


def browser_host(target):
    """Resolve a URL as browsers do (WHATWG URL standard 4.4), against a page of good.example.

    Our own oracle: special schemes only, which is what a Location from https can lead to.
    """
    target = target.strip("".join(map(chr, range(33))))
    target = "".join(character for character in target if character not in "\t\n\r")
    scheme, colon, rest = target.partition(":")
    if colon and scheme.isascii() and scheme[:1].isalpha() and scheme.isalnum():
        rest = rest.replace("\\", "/")
        if scheme.lower() == "https" and not rest.startswith("/"):
            return "good.example"  # "special relative"
        return f"{scheme}:{rest.lstrip('/').split('/')[0]}"
    target = target.replace("\\", "/")
    if target.startswith("//"):
        return target.lstrip("/").partition("/")[0].rpartition("@")[2]
    return "good.example"


@given(
    st.one_of(
        st.text(),
        st.text("/\\.:@?#\t\n\r evilhtps%0", max_size=20),
        st.lists(
            st.sampled_from(["/", "\\", "//", ".", "..", "evil", "@", ":", "\t", "https:"])
        ).map("".join),
    )
)
@example("/\t/evil")
@example("/\\evil")
def test_no_safe_url_leads_elsewhere(target):
    if is_safe_url(target):
        assert browser_host(target) == "good.example"
        joined = urlsplit(urljoin(HERE, target))
        assert (joined.scheme, joined.netloc) == ("https", "good.example")
        assert urlsplit(target).netloc == ""


@given(st.text())
def test_whatever_is_asked_for_the_answer_stays_here(target):
    app = Cruse(__name__, static_folder=None)
    app.add_url_rule("/", "go", lambda: safe_redirect(target, "/home"))
    location = app.test_client().get("/").location
    assert urlsplit(urljoin(HERE, location)).netloc == "good.example"


def test_redirect_goes_where_it_is_told(app, client):
    app.add_url_rule("/out", "out", lambda: redirect("https://elsewhere.example/"))
    assert client.get("/out").location == "https://elsewhere.example/"
