"""The page of the interactive debugger: what it shows, and what it must not."""

import pytest
from werkzeug.test import Client

from cruse.app import Cruse
from cruse.debugger import Debugger, is_loopback, mask
from cruse.globals import request


@pytest.fixture
def app():
    app = Cruse(__name__)
    app.config.update(
        DEBUG=True, SECRET_KEY="the-signing-key", SECRET_KEY_FALLBACKS=["the-older-key"]
    )

    @app.get("/fail")
    def fail():
        raise ArithmeticError(
            f"key {app.secret_key} or {app.config['SECRET_KEY_FALLBACKS'][0]} with "
            f"{request.headers.get('Cookie')} and {request.headers.get('Authorization')}"
        )

    @app.get("/fail-late")
    def fail_late():
        def generate():
            yield "begun "
            raise ArithmeticError(app.secret_key)

        return generate()

    @app.get("/fine")
    def fine():
        return f"no error with {app.secret_key}"

    return app


@pytest.fixture
def client(app):
    return Client(Debugger(app, lambda: app, "localhost"), use_cookies=False)


def test_an_error_is_shown_with_its_frames(client):
    response = client.get("/fail")
    assert response.status_code == 500
    assert "ArithmeticError" in response.text
    assert "raise ArithmeticError(" in response.text
    assert "cruse/debugger.py" not in response.text


def test_secrets_are_masked_in_the_page(client):
    response = client.get(
        "/fail",
        headers={
            "Cookie": 'session=eyJ1c2VyIjo0Mn0; theme="dark-and-blue"; x=1',
            "Authorization": "Bearer abc<>def",
        },
    )
    for secret in ("the-signing-key", "the-older-key", "eyJ1c2VyIjo0Mn0", "dark-and-blue"):
        assert secret not in response.text
    assert "abc" not in response.text.replace("bdc", "").split("Bearer", 1)[1][:20]
    assert "*" * len("the-signing-key") in response.text
    assert "session=" in response.text
    assert int(response.headers["Content-Length"]) == len(response.data)


def test_an_answer_without_an_error_is_left_as_it_is(client):
    assert client.get("/fine").text == "no error with the-signing-key"


def test_an_error_amid_an_answer_is_masked_as_well(client):
    text = client.get("/fail-late").text
    assert text.startswith("begun ")
    assert "ArithmeticError: ***************" in text
    assert "the-signing-key" not in text


def test_an_answer_is_closed(app):
    closed = []

    @app.get("/stream")
    def stream():
        response = app.response_class(iter(["one", "two"]))
        response.call_on_close(lambda: closed.append(True))
        return response

    response = Client(Debugger(app, lambda: app, "localhost")).get("/stream", buffered=True)
    assert response.text == "onetwo"
    assert closed == [True]


def test_before_the_application_is_there_nothing_is_known_to_mask():
    def broken(environ, start_response):
        raise SyntaxError("in the module")

    response = Client(Debugger(broken, lambda: None, "localhost")).get("/")
    assert "in the module" in response.text


@pytest.mark.parametrize(
    ("secret", "page"),
    [
        ("abcd", b"x abcd y"),
        ("a<b&c", b"x a&lt;b&amp;c y"),
        ("a\\b'cd", b"x a\\\\b'cd y"),
        ("schl\xfcssel", "x schl\xfcssel y".encode()),
    ],
)
def test_a_secret_is_found_in_every_form_it_is_written_in(secret, page):
    masked = mask(page, {secret})
    assert masked == b"x " + b"*" * (len(page) - 4) + b" y"


def test_a_secret_inside_another_leaves_nothing_of_it():
    assert mask(b"longsecret", {"secret", "longsecret"}) == b"**********"


PROMPT = "EVALEX = true"


def ask(app, host, bound, path):
    """Return the answer of a server that is bound to one host and called another."""
    client = Client(Debugger(app, lambda: app, bound), use_cookies=False)
    return client.get(path, headers={"Host": host})


@pytest.mark.parametrize("host", ["localhost:5000", "a.localhost", "127.0.0.1:5000", "[::1]:5000"])
@pytest.mark.parametrize("bound", ["127.0.0.1", "::1", "localhost"])
def test_prompts_are_for_the_hosts_of_this_machine(app, host, bound):
    assert PROMPT in ask(app, host, bound, "/fail").text
    assert ask(app, host, bound, "/console").status_code == 200


@pytest.mark.parametrize("trusted", [["shop.test"], [".test"], "shop.test"])
def test_prompts_are_for_the_hosts_that_the_application_trusts(app, trusted):
    assert PROMPT not in ask(app, "shop.test:5000", "localhost", "/fail").text
    app.config["TRUSTED_HOSTS"] = trusted
    assert PROMPT in ask(app, "shop.test:5000", "localhost", "/fail").text


def test_the_host_that_is_bound_has_prompts(app):
    assert PROMPT in ask(app, "10.0.0.5:5000", "10.0.0.5", "/fail").text
    assert PROMPT in ask(app, "[fd00::5]:5000", "fd00::5", "/fail").text


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "[::2]", "a b", ""],
)
def test_a_name_that_somebody_else_gave_this_machine_has_none(app, host, monkeypatch):
    monkeypatch.setenv("WERKZEUG_DEBUG_PIN", "off")  # nothing but the host is in the way
    debugger = Debugger(app, lambda: app, "127.0.0.1")
    client = Client(debugger, use_cookies=False)
    assert PROMPT in client.get("/fail", headers={"Host": "localhost"}).text
    assert PROMPT not in client.get("/fail", headers={"Host": host}).text
    command = {"__debugger__": "yes", "s": debugger.secret, "frm": next(iter(debugger.frames))}
    for query in (
        {"cmd": "1 + 1", **command},
        {"cmd": "pinauth", "pin": "1", **command},
        {"cmd": "printpin", **command},
    ):
        answer = client.get("/", query_string=query, headers={"Host": host})
        assert answer.status_code == 400
    assert client.get("/console", headers={"Host": host}).status_code == 400
    run = client.get("/", query_string={"cmd": "1 + 1", **command}, headers={"Host": "localhost"})
    assert "2" in run.text


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("localhost", True),
        ("app.localhost", True),
        ("unix:///tmp/socket", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.2", False),
        ("example.com", False),
    ],
)
def test_loopback_is_what_only_this_machine_reaches(host, loopback):
    assert is_loopback(host) is loopback
