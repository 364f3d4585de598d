"""Behind proxies: whom to believe about the client, the scheme, the host and the path."""

import asyncio
import json
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cruse import Cruse, Response, request, session, url_for

PROXY = "10.0.0.1"
CLIENT = "203.0.113.7"


def make_app(**settings):
    app = Cruse(__name__, static_folder=None)
    app.config.update(SECRET_KEY="key", **settings)

    @app.get("/facts")
    def facts():
        return {
            "address": request.remote_addr,
            "route": request.access_route,
            "secure": request.is_secure,
            "url": request.url,
            "path": request.path,
            "link": url_for("facts", _external=True),
            "local": url_for("facts"),
        }

    @app.get("/login")
    def login():
        session["user"] = "Ada"
        return "hello"

    return app


class Headers(dict):
    """The header fields of an RSGI request."""

    def get_all(self, name):
        return [self[name]]


def ask_rsgi(app, path, headers, peer, host):
    """Answer a request as granian asks for it."""
    fields = Headers({name.lower(): value for name, value in headers.items()})
    fields.setdefault("host", host)
    scope = SimpleNamespace(
        proto="http",
        http_version="1.1",
        server="127.0.0.1:8000",
        client=f"{peer}:4711",
        scheme="http",
        method="GET",
        path=path,
        query_string="",
        headers=fields,
        authority=None,
    )
    answers = []
    protocol = SimpleNamespace(
        response_bytes=lambda *args: answers.append(args),
        response_empty=lambda status, head: answers.append((status, head, b"")),
    )
    asyncio.run(app.__rsgi__(scope, protocol))
    ((status, head, body),) = answers
    return Response(body, status, head)


def ask_client(gateway):
    def ask(app, path, headers, peer, host):
        client = app.test_client(gateway=gateway)
        return client.get(
            path,
            headers=headers,
            base_url=f"http://{host}",
            environ_overrides={"REMOTE_ADDR": peer},
        )

    return ask


FACES = {"wsgi": ask_client("wsgi"), "asgi": ask_client("asgi"), "rsgi": ask_rsgi}


@pytest.fixture(params=FACES)
def ask(request):
    """Ask an application on each face; the peer is a proxy unless told otherwise."""

    def asked(app, headers, path="/facts", peer=PROXY, host="inner:8000"):
        return FACES[request.param](app, path, headers, peer, host)

    return asked


@pytest.fixture
def facts(ask):
    def asked(app, headers, **kwargs):
        response = ask(app, headers, **kwargs)
        assert response.status_code == 200, response.get_data(as_text=True)
        return json.loads(response.get_data())

    return asked


ALL = ("X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port")
ALL += ("X-Forwarded-Prefix",)
EVERYTHING = {
    "X-Forwarded-For": CLIENT,
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "shop.example",
    "X-Forwarded-Port": "8443",
    "X-Forwarded-Prefix": "/shop/",
    "Forwarded": "for=198.51.100.1;proto=https;host=evil.example",
}


def test_nobody_is_trusted_unless_said(facts):
    told = facts(make_app(), EVERYTHING)
    assert told["address"] == PROXY
    assert told["route"] == [PROXY]
    assert told["secure"] is False
    assert told["link"] == "http://inner:8000/facts"


def test_one_proxy_tells_the_client_and_the_scheme(facts):
    told = facts(make_app(TRUSTED_PROXIES=1), EVERYTHING)
    assert told["address"] == CLIENT
    assert told["route"] == [CLIENT]
    assert told["secure"] is True
    # What the proxy may just have handed on is not believed without being named.
    assert told["link"] == "https://inner:8000/facts"


def test_fields_that_the_proxy_sets_are_named(facts):
    told = facts(make_app(TRUSTED_PROXIES=1, TRUSTED_PROXY_HEADERS=ALL), EVERYTHING)
    assert told["url"] == "https://shop.example:8443/shop/facts"
    assert told["link"] == "https://shop.example:8443/shop/facts"
    assert told["local"] == "/shop/facts"
    assert told["path"] == "/facts"


@pytest.mark.parametrize(
    ("headers", "link"),
    [
        ({"X-Forwarded-Host": "shop.example"}, "http://shop.example/facts"),
        ({"X-Forwarded-Host": "shop.example:81"}, "http://shop.example:81/facts"),
        ({"X-Forwarded-Port": "81"}, "http://inner:81/facts"),
        ({"X-Forwarded-Port": "443", "X-Forwarded-Proto": "https"}, "https://inner/facts"),
        ({"X-Forwarded-Host": "[2001:db8::1]"}, "http://[2001:db8::1]/facts"),
        ({"X-Forwarded-Prefix": "/facts"}, "http://inner:8000/facts/facts"),
        ({"X-Forwarded-Prefix": "/"}, "http://inner:8000/facts"),
        ({"X-Forwarded-Proto": "WSS"}, "https://inner:8000/facts"),
        ({"X-Forwarded-Host": "outer.example, inner.example"}, "http://inner.example/facts"),
    ],
)
def test_each_field_counts_alone(facts, headers, link):
    app = make_app(TRUSTED_PROXIES=1, TRUSTED_PROXY_HEADERS=ALL)
    told = facts(app, headers)
    assert told["link"] == link
    assert told["address"] == PROXY


@pytest.mark.parametrize(
    ("hops", "address", "route"),
    [
        (1, "192.0.2.2", ["192.0.2.2"]),
        (2, "192.0.2.1", ["192.0.2.1", "192.0.2.2"]),
        (3, CLIENT, [CLIENT, "192.0.2.1", "192.0.2.2"]),
        (9, CLIENT, [CLIENT, "192.0.2.1", "192.0.2.2"]),
    ],
)
def test_as_many_proxies_are_believed_as_there_are(facts, hops, address, route):
    headers = {"X-Forwarded-For": f"{CLIENT}, 192.0.2.1, 192.0.2.2", "X-Forwarded-Proto": "https"}
    told = facts(make_app(TRUSTED_PROXIES=hops), headers)
    assert (told["address"], told["route"], told["secure"]) == (address, route, True)


@pytest.mark.parametrize("proxies", ["10.0.0.0/8", ["10.0.0.1", "192.0.2.0/24"], ["10.0.0.1"]])
def test_proxies_may_be_told_by_their_networks(facts, proxies):
    headers = {"X-Forwarded-For": CLIENT, "X-Forwarded-Proto": "https"}
    app = make_app(TRUSTED_PROXIES=proxies)
    assert facts(app, headers)["address"] == CLIENT
    assert facts(app, headers)["secure"] is True
    told = facts(app, headers, peer="10.0.0.1" if proxies == "" else "172.16.0.1")
    assert (told["address"], told["secure"]) == ("172.16.0.1", False)


def test_the_first_address_that_is_no_proxy_is_the_client(facts):
    app = make_app(TRUSTED_PROXIES="10.0.0.0/8")
    headers = {"X-Forwarded-For": f"1.1.1.1, {CLIENT}, 10.0.0.3, 10.0.0.2"}
    told = facts(app, headers)
    assert told["address"] == CLIENT
    assert told["route"] == [CLIENT, "10.0.0.3", "10.0.0.2"]
    assert facts(app, {"X-Forwarded-For": "10.0.0.3"})["address"] == "10.0.0.3"


def test_a_proxy_that_connects_by_a_socket_of_this_machine():
    app = make_app(TRUSTED_PROXIES=["unix"])
    ask = FACES["wsgi"]
    headers = {"X-Forwarded-For": CLIENT}
    assert ask(app, "/facts", headers, "", "a").json["address"] == CLIENT
    assert ask(app, "/facts", headers, "127.0.0.1", "a").json["address"] == "127.0.0.1"


@pytest.mark.parametrize(
    ("value", "address", "secure"),
    [
        ("for=203.0.113.7", CLIENT, False),
        ("For=203.0.113.7;Proto=HTTPS", CLIENT, True),
        ('for="203.0.113.7:4711"; proto=https', CLIENT, True),
        ("for=203.0.113.7:4711", CLIENT, False),
        ('for="[2001:db8:cafe::17]:4711"', "2001:db8:cafe::17", False),
        ("for=1.1.1.1;proto=https, for=203.0.113.7", CLIENT, False),
        ('for="\\2\\03.0.113.7"', CLIENT, False),
        ("for=unknown;proto=https", None, True),
        ("for=_hidden", None, False),
        ("proto=https", None, True),
        (",, for=203.0.113.7 ,", CLIENT, False),
    ],
)
def test_the_standard_s_field(facts, value, address, secure):
    app = make_app(TRUSTED_PROXIES=1, TRUSTED_PROXY_HEADERS=["Forwarded"])
    told = facts(app, {"Forwarded": value, "X-Forwarded-For": "198.51.100.9"})
    assert (told["address"], told["secure"]) == (address, secure)


def test_the_standard_goes_before_the_custom(facts):
    app = make_app(TRUSTED_PROXIES=1, TRUSTED_PROXY_HEADERS=[*ALL, "Forwarded"])
    told = facts(app, {**EVERYTHING, "Forwarded": f"for={CLIENT};host=a.example"})
    assert told["url"] == "http://a.example:8443/shop/facts"


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "localhost"},
        {"X-Forwarded-For": "1.2.3.4.5"},
        {"X-Forwarded-For": "fe80::1%eth0"},
        {"X-Forwarded-For": "'; drop table"},
        {"X-Forwarded-For": "\xb2.1.1.1"},
        {"X-Forwarded-Proto": "javascript"},
        {"X-Forwarded-Host": "good.example/evil"},
        {"X-Forwarded-Host": "user@evil.example"},
        {"X-Forwarded-Host": "a b"},
        {"X-Forwarded-Port": "0"},
        {"X-Forwarded-Port": "99999"},
        {"X-Forwarded-Port": "8\xb2"},
        {"X-Forwarded-Prefix": "shop"},
        {"X-Forwarded-Prefix": "//evil.example"},
        {"X-Forwarded-Prefix": "/\\evil.example"},
        {"X-Forwarded-Prefix": "/a/../b"},
        {"X-Forwarded-Prefix": "/a?b"},
        {"X-Forwarded-Prefix": "/%2f"},
        {"Forwarded": 'for="203.0.113.7'},
        {"Forwarded": 'for="x, for=203.0.113.7'},
        {"Forwarded": "for=1.1.1.1;for=2.2.2.2"},
        {"Forwarded": "for"},
        {"Forwarded": "for=1.1.1.1 proto=https"},
    ],
)
def test_what_makes_no_sense_is_refused(ask, headers):
    app = make_app(TRUSTED_PROXIES=1, TRUSTED_PROXY_HEADERS=[*ALL, "Forwarded"])
    assert ask(app, headers).status_code == 400
    assert ask(make_app(), headers).status_code == 200


def test_a_field_full_of_spaces_is_refused_at_once():
    app = make_app(TRUSTED_PROXIES=1, TRUSTED_PROXY_HEADERS=["Forwarded"])
    response = FACES["wsgi"](app, "/facts", {"Forwarded": f"a=1{' ' * 60_000}?"}, PROXY, "a")
    assert response.status_code == 400
    response = FACES["wsgi"](app, "/facts", {"Forwarded": f"{' ' * 60_000}?"}, PROXY, "a")
    assert response.status_code == 400


def test_what_came_with_the_request_is_never_looked_at(facts):
    app = make_app(TRUSTED_PROXIES=1)
    headers = {"X-Forwarded-For": f"evil, <script>, , {CLIENT}", "X-Forwarded-Proto": "x, https"}
    told = facts(app, headers)
    assert (told["address"], told["secure"]) == (CLIENT, True)


@given(
    client=st.text(st.characters(min_codepoint=32, max_codepoint=126)),
    added=st.ip_addresses(),
    field=st.sampled_from(["X-Forwarded-For", "Forwarded"]),
)
def test_a_client_cannot_choose_its_address(client, added, field):
    """Whatever it sends, the proxy adds what it sees, and that is what counts."""
    app = make_app(TRUSTED_PROXIES=1, TRUSTED_PROXY_HEADERS=[field])
    seen = f"[{added}]" if added.version == 6 else added
    entry = f'for="{seen}"' if field == "Forwarded" else f"{added}"
    sent = {field: f"{client}, {entry}" if client else entry}
    response = FACES["wsgi"](app, "/facts", sent, PROXY, "a")
    assert response.status_code in (200, 400)
    if response.status_code == 200:
        expected = getattr(added, "ipv4_mapped", None) or added
        assert response.json["address"] == str(expected)


@given(
    values=st.dictionaries(
        st.sampled_from([*ALL, "Forwarded"]),
        st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f")),
    ),
    proxies=st.sampled_from([1, 2, "10.0.0.0/8"]),
)
def test_hostile_fields_are_answered_with_sense_or_400(values, proxies):
    app = make_app(TRUSTED_PROXIES=proxies, TRUSTED_PROXY_HEADERS=[*ALL, "Forwarded"])
    for gateway in ("wsgi", "asgi"):
        response = FACES[gateway](app, "/facts", values, PROXY, "a")
        assert response.status_code in (200, 400)
        if response.status_code == 200:
            assert response.json["local"].startswith("/")
            assert not response.json["local"].startswith("//")


# -- what follows from it ------------------------------------------------


def test_the_session_s_cookie_is_secure(ask):
    app = make_app(TRUSTED_PROXIES=1)
    headers = {"X-Forwarded-Proto": "https"}
    assert "Secure" in ask(app, headers, "/login").headers["Set-Cookie"]
    assert "Secure" not in ask(app, {}, "/login").headers["Set-Cookie"]


def test_browsers_are_told_to_stay_with_https(ask):
    app = make_app(TRUSTED_PROXIES=1, TRUSTED_PROXY_HEADERS=ALL)
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "shop.example"}
    assert "Strict-Transport-Security" in ask(app, headers).headers
    assert "Strict-Transport-Security" not in ask(app, {}).headers


def test_the_trusted_hosts_are_those_that_browsers_ask_for(ask):
    app = make_app(
        TRUSTED_PROXIES=1, TRUSTED_PROXY_HEADERS=ALL, TRUSTED_HOSTS=["shop.example", "inner"]
    )
    assert ask(app, {"X-Forwarded-Host": "shop.example"}).status_code == 200
    assert ask(app, {"X-Forwarded-Host": "evil.example"}).status_code == 400


def test_subdomains_are_those_that_browsers_ask_for(ask):
    app = Cruse(__name__, static_folder=None, subdomain_matching=True)
    app.config.update(
        SERVER_NAME="example.com", TRUSTED_PROXIES=1, TRUSTED_PROXY_HEADERS=["X-Forwarded-Host"]
    )
    app.add_url_rule("/facts", "sub", lambda: "of the subdomain", subdomain="sub")
    response = ask(app, {"X-Forwarded-Host": "sub.example.com"})
    assert response.get_data() == b"of the subdomain"


def test_the_host_as_it_came_is_checked_as_ever(ask):
    app = make_app(TRUSTED_PROXIES=1, TRUSTED_PROXY_HEADERS=["X-Forwarded-Port"])
    assert ask(app, {"X-Forwarded-Port": "81"}, host="a").status_code == 200


# -- settings ------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"TRUSTED_PROXIES": True}, TypeError),
        ({"TRUSTED_PROXIES": 1.5}, TypeError),
        ({"TRUSTED_PROXIES": -1}, ValueError),
        ({"TRUSTED_PROXIES": "*"}, ValueError),
        ({"TRUSTED_PROXIES": ["10.0.0.1/8"]}, ValueError),
        ({"TRUSTED_PROXIES": 1, "TRUSTED_PROXY_HEADERS": ["X-Real-IP"]}, ValueError),
        ({"TRUSTED_PROXIES": 1, "TRUSTED_PROXY_HEADERS": "Forwarded"}, ValueError),
    ],
)
def test_a_wrong_setting_stops_the_start(settings, error):
    with pytest.raises(error, match="TRUSTED_PROX"):
        make_app(**settings).test_client().get("/facts")


@pytest.mark.parametrize("value", [None, 0, [], ""])
def test_nobody_may_be_said_in_several_ways(facts, value):
    assert facts(make_app(TRUSTED_PROXIES=value), EVERYTHING)["address"] == PROXY
