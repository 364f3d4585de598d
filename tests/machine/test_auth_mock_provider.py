"""Logging in with PyPI's oidc-provider-mock: a provider that promises little in its metadata."""

import re
import subprocess
import sys
from html import unescape

import httpx2
import pytest

from tests.machine.test_auth_provider import make_app
from tests.servers.serving import free_port


@pytest.fixture
def issuer():
    """Start the provider; it has a client and a person for every name."""
    port = free_port()
    program = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port)]
    provider = subprocess.Popen(
        program, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    said = []
    for line in provider.stdout:
        said.append(line)
        if b"running" in line:
            break
    assert provider.poll() is None, said
    yield f"http://localhost:{port}"
    provider.terminate()
    provider.communicate()


@pytest.mark.parametrize("gateway", ["wsgi", "asgi"])
def test_a_person_logs_in_calls_the_api_and_logs_out(issuer, gateway):
    app, auth = make_app({})
    app.config["AUTH_PROVIDERS"] = {
        "op": {"issuer": issuer, "client_id": "shop", "client_secret": "s", "api_url": issuer}
    }
    browser = app.test_client(gateway=gateway)
    start = browser.post("/auth/op/login").location
    assert "code_challenge_method=S256" in start
    with httpx2.Client(timeout=30) as outside:
        back = outside.post(start, data={"sub": "ada@example.test"}).headers["Location"]
        assert browser.get(back).status_code == 303
        assert browser.get("/").text == "ada@example.test"
        with app.app_context():
            reply = auth.api("op", "ada@example.test").get("/userinfo")
        assert reply.json()["sub"] == "ada@example.test"

        page = outside.get(browser.post("/auth/logout").location).text
        assert unescape(re.search(r'name="redirect_uri" value="([^"]*)"', page)[1]) == (
            "http://localhost/"
        )
    assert browser.get("/").text == "nobody"
    assert browser.get(back).status_code == 400, "it is good for once"
    app.stop()
