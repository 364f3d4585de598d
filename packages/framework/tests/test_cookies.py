"""Cookies that a view sets on its response."""

from itertools import product

import pytest
from werkzeug.datastructures import MultiDict
from werkzeug.http import parse_cookie

from cruse import Cruse, Response
from cruse.cookies import parse_cookies


def cookie_of(*args, **kwargs):
    response = Response("x")
    response.set_cookie(*args, **kwargs)
    return response.headers["Set-Cookie"]


@pytest.fixture
def app():
    app = Cruse(__name__, static_folder=None)
    app.config["PROPAGATE_EXCEPTIONS"] = True

    @app.get("/<int:size>")
    def big(size):
        response = Response("big")
        response.set_cookie("big", "x" * size)
        return response

    return app


@pytest.fixture(params=["wsgi", "asgi"])
def client(app, request):
    return app.test_client(gateway=request.param)


def test_a_cookie_has_what_it_is_given():
    cookie = cookie_of("a", "b", max_age=5, path="/p", secure=True, httponly=True, samesite="lax")
    first, *attributes = cookie.split("; ")
    assert first == "a=b"
    assert {"Max-Age=5", "Secure", "HttpOnly", "Path=/p", "SameSite=Lax"} < set(attributes)


def test_a_cookie_that_browsers_would_drop_is_an_error(app, client):
    assert "big=" in client.get("/4000").headers["Set-Cookie"]
    with pytest.raises(ValueError, match=r"'big' would have 5012 bytes.*MAX_COOKIE_SIZE"):
        client.get("/5000")


def test_the_limit_is_a_setting(app, client):
    app.config["MAX_COOKIE_SIZE"] = 100
    with pytest.raises(ValueError, match="more than 100"):
        client.get("/100")
    app.config["MAX_COOKIE_SIZE"] = 0
    assert client.get("/5000").status_code == 200


@pytest.mark.parametrize("name", ["__Host-id", "__Secure-id", "__host-id", "__SECURE-id"])
def test_a_name_that_promises_safety_keeps_it(name):
    assert "; Secure" in cookie_of(name, "1")


@pytest.mark.parametrize("options", [{"domain": "example.com"}, {"path": "/a"}, {"path": None}])
def test_a_cookie_for_one_host_has_no_domain_and_no_path(options):
    with pytest.raises(ValueError, match="the very host"):
        cookie_of("__Host-id", "1", **options)
    assert cookie_of("__Secure-id", "1", **options)


def test_such_a_cookie_can_be_deleted():
    response = Response("x")
    response.delete_cookie("__Host-id")
    assert "; Secure" in response.headers["Set-Cookie"]
    assert "Max-Age=0" in response.headers["Set-Cookie"]


@pytest.mark.parametrize("name", ["", "a b", "a=b", "a;b", "a\r\nb", "a,b", "\x00", 'a"', "ä"])
def test_what_would_end_a_name_is_refused(name):
    with pytest.raises(ValueError, match="no name of a cookie"):
        cookie_of(name, "1")


@pytest.mark.parametrize("domain", ["a; Path=/x", "a\r\nSet-Cookie: b=c", "a b"])
def test_what_would_end_a_domain_is_refused(domain):
    with pytest.raises(ValueError, match="no domain"):
        cookie_of("a", "1", domain=domain)


@pytest.mark.parametrize("value", ["a\r\nb", "a;b", 'a"b', "ä", "a b", "\\", "\x1b[31m\x1f"])
def test_any_value_comes_back_and_breaks_nothing(value):
    app = Cruse(__name__, static_folder=None)

    @app.get("/set")
    def set_value():
        response = Response("set")
        response.set_cookie("value", value)
        return response

    client = app.test_client()
    header = client.get("/set").headers["Set-Cookie"]
    assert header.isprintable()
    assert header.split(";")[1:] == [" Path=/"]
    assert client.get_cookie("value").decoded_value == value


@pytest.mark.parametrize("quoted", ["", '; q="x; y"'])
def test_cookies_are_read_as_werkzeug_reads_them(quoted):
    pieces = ["a", "b", "=", ";", " ", "\t", "\x0b"]
    for field in map("".join, product(pieces, repeat=4)):
        expected = parse_cookie(field + quoted)
        assert parse_cookies(field + quoted, MultiDict) == expected, field


@pytest.mark.parametrize("name", ["X-A", "Location", "Content-Type", "Content-Disposition"])
def test_a_field_with_a_line_break_is_refused(name):
    with pytest.raises(ValueError, match="newline"):
        Response("x").headers[name] = "a\r\nX-Evil: 1"
