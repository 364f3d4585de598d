"""What an application has that configures nothing: the safe choices, seen from outside."""

import pytest

from cruse import request, session

URLENCODED = [(b"content-type", b"application/x-www-form-urlencoded")]
MULTIPART = [(b"content-type", b"multipart/form-data; boundary=b")]
MEGA = 1024 * 1024


@pytest.fixture
def app(bare):
    bare.secret_key = "the key"

    def fill_session():
        session["a"] = 1
        return "filled"

    views = {
        "/": lambda: "text",
        "/data": lambda: str(len(request.get_data())),
        "/form": lambda: str(len(request.form.getlist("a"))),
        "/json": lambda: [request.get_json()],
        "/session": fill_session,
    }
    for path, view in views.items():
        bare.add_url_rule(path, path, view, methods=["GET", "POST"])
    return bare


@pytest.mark.parametrize("path", ["/", "/nowhere", "/session"])
def test_every_answer_makes_browsers_careful(app, connect, path):
    headers = connect(app)(target=path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "SAMEORIGIN"
    assert headers["Referrer-Policy"] == "strict-origin-when-cross-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"


def test_the_session_s_cookie_is_kept_from_scripts_and_other_sites(app, connect):
    cookie = connect(app)(target="/session").headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Lax"} <= set(cookie.split("; "))


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_has_16_mib(app, connect, announced):
    send = connect(app)
    whole = [b"x" * MEGA] * 16
    assert send("POST", "/data", [], whole, announced=announced).text == str(16 * MEGA)
    assert send("POST", "/data", [], [*whole, b"x"], announced=announced).status == 413


@pytest.mark.parametrize("kind", ["urlencoded", "multipart"])
def test_a_form_has_1000_fields(app, connect, kind):
    def body(count):
        if kind == "urlencoded":
            return b"&".join([b"a=1"] * count)
        part = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
        return part * count + b"--b--\r\n"

    send = connect(app)
    headers = URLENCODED if kind == "urlencoded" else MULTIPART
    assert send("POST", "/form", headers, body(1000)).text == "1000"
    assert send("POST", "/form", headers, body(1001)).status == 413


@pytest.mark.parametrize(("depth", "status"), [(255, 200), (257, 400), (400, 400), (100_000, 400)])
def test_json_is_256_deep(app, connect, depth, status):
    body = b"[" * depth + b"]" * depth
    headers = [(b"content-type", b"application/json")]
    assert connect(app)("POST", "/json", headers, body).status == status


@pytest.mark.parametrize("host", [b"a/b", b"a b", b"user@a", b'"', b"a:99999", b"[::1"])
@pytest.mark.parametrize("path", ["/", "/nowhere", "/json"])
def test_a_host_that_is_none_is_refused_whatever_is_asked_for(app, connect, host, path):
    assert connect(app)(target=path, headers=[(b"host", host)]).status == 400
