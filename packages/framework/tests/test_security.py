"""The header fields that make browsers careful: defaults, HTTPS, content security policies."""

import re

import pytest

from cruse import (
    Cruse,
    Response,
    abort,
    csp_nonce,
    redirect,
    render_template_string,
    request,
    stream_template_string,
)

DEFAULTS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
PAGE = "<script nonce='{{ csp_nonce() }}'></script>"
STRICT = "script-src 'nonce' 'strict-dynamic'; object-src 'none'"


@pytest.fixture
def app(tmp_path):
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "a.css").write_text("a {}")
    app = Cruse(__name__, root_path=str(tmp_path))

    app.add_url_rule("/plain", "plain", lambda: "plain")
    app.add_url_rule("/json", "json", lambda: {"a": 1})
    app.add_url_rule("/redirect", "redirect", lambda: redirect("/plain"))
    app.add_url_rule("/forbidden", "forbidden", lambda: abort(403))
    app.add_url_rule("/broken", "broken", lambda: 1 / 0)
    app.add_url_rule("/stream", "stream", lambda: iter(["a", "b"]))
    app.add_url_rule("/unchanged", "unchanged", lambda: ("", 304))
    app.add_url_rule("/page", "page", lambda: render_template_string(PAGE + csp_nonce()))
    app.add_url_rule("/streamed", "streamed", lambda: stream_template_string(PAGE))

    @app.get("/async")
    async def asynchronous():
        return render_template_string(PAGE)

    return app


@pytest.fixture(params=["wsgi", "asgi"])
def client(app, request):
    return app.test_client(gateway=request.param)


KINDS = [
    *("/plain", "/json", "/redirect", "/forbidden", "/broken", "/stream", "/unchanged"),
    *("/nowhere", "/static/a.css", "/static/none", "/async"),
]


@pytest.mark.parametrize("path", KINDS)
def test_every_kind_of_answer_has_the_defaults(client, path):
    headers = client.get(path, buffered=True).headers
    assert {name: headers[name] for name in DEFAULTS} == DEFAULTS


@pytest.mark.parametrize("path", KINDS)
def test_browsers_are_told_to_stay_with_https(client, path):
    headers = client.get(path, base_url="https://example.com", buffered=True).headers
    assert headers.getlist("Strict-Transport-Security") == ["max-age=31536000"]
    assert {name: headers[name] for name in DEFAULTS} == DEFAULTS


@pytest.mark.parametrize(
    "base_url",
    [
        "http://example.com",
        "https://localhost",
        "https://localhost:5000",
        "https://app.localhost",
        "https://127.0.0.1",
        "https://127.0.0.1:8443",
        "https://[::1]:8443",
    ],
)
def test_not_over_http_and_not_for_this_machine_or_addresses(client, base_url):
    assert "Strict-Transport-Security" not in client.get("/plain", base_url=base_url).headers


def test_not_in_debug_mode(app, client):
    app.debug = True
    headers = client.get("/plain", base_url="https://example.com").headers
    assert "Strict-Transport-Security" not in headers


def test_how_long_browsers_stay_with_https_is_a_setting(app, client):
    app.config["SECURITY_HEADERS"]["Strict-Transport-Security"] = "max-age=60"
    headers = client.get("/plain", base_url="https://example.com").headers
    assert headers["Strict-Transport-Security"] == "max-age=60"


def test_none_takes_a_default_away(app, client):
    app.config["SECURITY_HEADERS"]["Strict-Transport-Security"] = None
    app.config["SECURITY_HEADERS"]["X-Frame-Options"] = None
    headers = client.get("/plain", base_url="https://example.com").headers
    assert "Strict-Transport-Security" not in headers
    assert "X-Frame-Options" not in headers
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_a_view_leaves_a_default_out_by_an_empty_value(app, client):
    app.add_url_rule("/embed", "embed", lambda: ("x", {"x-frame-options": "", "X-Own": ""}))
    headers = client.get("/embed").headers
    assert "X-Frame-Options" not in headers
    assert headers["X-Own"] == ""
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_the_second_answer_with_the_same_names_has_the_same_fields(app, client):
    @app.get("/own")
    def own():
        response = app.make_response("x")
        response.status_code = int(request.args["status"])
        response.headers["X-Own"] = request.args["own"]
        response.headers.add("X-Own", "2")
        return response

    for status, value in ((200, "1"), (200, "3"), (200, ""), (404, "1"), (204, "1"), (304, "1")):
        headers = client.get(f"/own?status={status}&own={value}").headers
        assert headers.getlist("X-Own") == [value, "2"]
        assert [headers[name] for name in DEFAULTS] == list(DEFAULTS.values())
        assert headers.get("Content-Length") == (None if status in (204, 304) else "1")
        assert ("Content-Type" in headers) is (status != 304)


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\0b", "\N{EURO SIGN}"])
def test_a_value_that_would_break_the_header_stops_the_start(app, client, value):
    app.config["SECURITY_HEADERS"]["X-Own"] = value
    with pytest.raises(ValueError, match="SECURITY_HEADERS"):
        client.get("/plain")


@pytest.mark.parametrize("name", ["", "X Own", "X-Own:", "X-Own\r\nX-Evil", "X-\xd6wn"])
def test_a_name_that_no_field_has_stops_the_start(app, client, name):
    app.config["SECURITY_HEADERS"][name] = "1"
    with pytest.raises(ValueError, match="SECURITY_HEADERS"):
        client.get("/plain")


# -- content security policies ------------------------------------------------


def sources(response, name="Content-Security-Policy"):
    """The directives of the policy that a response has."""
    (policy,) = response.headers.getlist(name)
    parts = [part.split() for part in policy.split("; ")]
    return {directive: values for directive, *values in parts}


@pytest.mark.parametrize("path", KINDS)
def test_a_policy_is_on_every_kind_of_answer(app, client, path):
    app.config["CONTENT_SECURITY_POLICY"] = "default-src 'self'"
    assert sources(client.get(path, buffered=True)) == {"default-src": ["'self'"]}


def test_a_policy_may_be_a_dictionary(app, client):
    app.config["CONTENT_SECURITY_POLICY"] = {
        "default-src": "'self'",
        "img-src": ["'self'", "https://images.example"],
        "script-src": None,
        "upgrade-insecure-requests": True,
    }
    assert client.get("/plain").headers["Content-Security-Policy"] == (
        "default-src 'self'; img-src 'self' https://images.example; upgrade-insecure-requests"
    )


@pytest.mark.parametrize("path", ["/page", "/async", "/streamed"])
@pytest.mark.parametrize("setting", ["", "_REPORT_ONLY"])
def test_the_page_and_its_policy_have_the_same_nonce(app, client, path, setting):
    app.config[f"CONTENT_SECURITY_POLICY{setting}"] = STRICT
    name = "Content-Security-Policy" + ("-Report-Only" if setting else "")
    response = client.get(path)
    nonce = re.search("nonce='(.+?)'", response.text)[1]
    assert sources(response, name)["script-src"] == [f"'nonce-{nonce}'", "'strict-dynamic'"]
    assert len(nonce) >= 22  # 128 bits in base64
    assert nonce not in client.get(path).text


def test_a_nonce_is_the_same_in_all_of_one_answer(app, client):
    app.config["CONTENT_SECURITY_POLICY"] = STRICT
    text = client.get("/page").text
    assert text.count(re.search("nonce='(.+?)'", text)[1]) == 2


def test_without_a_nonce_asked_for_the_policy_has_none(app, client):
    app.config["CONTENT_SECURITY_POLICY"] = {
        "script-src": "'nonce'",
        "style-src": "'self' 'nonce'",
    }
    assert sources(client.get("/plain")) == {"script-src": ["'none'"], "style-src": ["'self'"]}


def test_error_pages_have_a_nonce_too(app, client):
    app.config["CONTENT_SECURITY_POLICY"] = STRICT

    @app.errorhandler(404)
    def missing(error):
        return render_template_string(PAGE), 404

    response = client.get("/nowhere")
    nonce = re.search("nonce='(.+?)'", response.text)[1]
    assert f"'nonce-{nonce}'" in sources(response)["script-src"]


def test_an_unchanged_page_keeps_the_nonce_that_it_was_sent_with(app, client):
    app.config["CONTENT_SECURITY_POLICY"] = STRICT
    assert "Content-Security-Policy" not in client.get("/unchanged").headers


def test_a_view_may_have_a_policy_of_its_own(app, client):
    app.config["CONTENT_SECURITY_POLICY"] = STRICT

    @app.get("/own")
    def own():
        response = Response("own")
        response.headers["Content-Security-Policy"] = f"script-src 'nonce-{csp_nonce()}'"
        return response

    app.add_url_rule("/free", "free", lambda: ("x", {"Content-Security-Policy": ""}))
    assert len(sources(client.get("/own"))["script-src"]) == 1
    assert "Content-Security-Policy" not in client.get("/free").headers


def test_there_is_a_nonce_without_a_policy(client):
    response = client.get("/page")
    assert re.search("nonce='.+'", response.text)
    assert "Content-Security-Policy" not in response.headers


@pytest.mark.parametrize(
    ("policy", "error"),
    [
        (42, TypeError),
        ({"script-src": 42}, TypeError),
        ({"script-src": "a; default-src *"}, ValueError),
        ({"script-src": ["a, b"]}, ValueError),
        ({"script-src\r\nX-Evil": "a"}, ValueError),
        ("script-src a\r\nX-Evil: 1", ValueError),
        ({"script_src": "'self'"}, ValueError),
        ({"script-src": ["self"]}, ValueError),
        ("default-src none", ValueError),
    ],
)
def test_a_policy_that_cannot_be_sent_stops_the_start(app, client, policy, error):
    app.config["CONTENT_SECURITY_POLICY"] = policy
    with pytest.raises(error, match="CONTENT_SECURITY_POLICY"):
        client.get("/plain")
