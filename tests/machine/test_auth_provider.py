"""Logging in with a certified provider of OpenID Connect: npm's oidc-provider."""

import json
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from types import SimpleNamespace

import httpx2
import pytest
from werkzeug.serving import make_server

from cruse import Cruse
from cruse_auth import Auth, MemoryStore, MemoryTokenStore, current_user, fresh_login_required
from cruse_auth.tokens.sets import Tokens
from tests.machine.browsing import Browser
from tests.servers.serving import free_port


@pytest.fixture
def provider_program(node_programs):
    """The program of the provider."""
    return node_programs / "provider.mjs"


@dataclass
class Site:
    """An application behind a socket, the provider that it logs in with, and a browser."""

    auth: Auth
    app: Cruse
    address: str
    issuer: str
    browser: Browser

    def go(self, method, url, data=None):
        return self.browser.go(method, url, data)

    @property
    def asked(self):
        """How often the provider asked who it is."""
        return self.browser.asked

    def get(self, path):
        return self.go("GET", self.address + path)

    def log_in(self, **data):
        answer = self.go("POST", f"{self.address}/auth/op/login", data)
        assert answer.status_code == 200, answer.text
        return answer


def make_app(users):
    app = Cruse("shop")
    app.config.update(SECRET_KEY="k" * 32, TESTING=True)
    auth = Auth(app, store=MemoryStore(), token_store=MemoryTokenStore())
    auth.on_login(lambda identity: users.setdefault(identity.subject, as_user(identity)))
    auth.user_loader(users.get)

    def as_user(identity):
        return SimpleNamespace(id=identity.subject, email=identity.email, claims=identity.claims)

    @app.get("/")
    def whoami():
        return current_user.email if current_user.is_authenticated else "nobody"

    @app.get("/danger")
    @fresh_login_required
    def danger():
        return "fresh"

    return app, auth


@pytest.fixture
def site(provider_program):
    """The application and the provider, both started."""
    app, auth = make_app({})
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    address = f"http://127.0.0.1:{server.server_port}"
    issuer = f"http://127.0.0.1:{free_port()}"
    client = {
        "client_id": "shop",
        "client_secret": "a secret of enough characters for all",
        "redirect_uris": [f"{address}/auth/op/callback"],
        "post_logout_redirect_uris": [f"{address}/"],
        "backchannel_logout_uri": f"{address}/auth/op/backchannel",
        "backchannel_logout_session_required": True,
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
    }
    app.config["AUTH_PROVIDERS"] = {
        "op": {
            "issuer": issuer,
            "client_id": client["client_id"],
            "client_secret": client["client_secret"],
            "api_url": issuer,
        }
    }
    program = ["node", str(provider_program), issuer, json.dumps(client)]
    provider = subprocess.Popen(program, stdout=subprocess.PIPE, text=True)
    thread.start()
    try:
        for line in provider.stdout:
            if line == "ready\n":
                break
        with Browser(issuer) as browser:
            yield Site(auth, app, address, issuer, browser)
    finally:
        provider.terminate()
        provider.communicate()
        server.shutdown()
        thread.join()
        server.server_close()
        app.stop()


def test_a_person_logs_in_shows_up_again_and_logs_out(site):
    assert site.log_in().text == "ada@example.test"
    (record,) = site.auth.store.of_user("ada")
    assert (record.subject, bool(record.provider_sid)) == ("ada", True)

    site.log_in()
    assert site.asked == 1, "the provider still knows who it is"
    site.log_in(fresh="1")
    assert site.asked == 2
    assert site.get("/danger").text == "fresh"

    answer = site.go("POST", f"{site.address}/auth/logout")
    assert (str(answer.url), answer.text) == (f"{site.address}/", "nobody")
    site.log_in()
    assert site.asked == 3, "the provider was told, too"


def test_who_logs_out_at_the_provider_is_logged_out_here(site):
    site.log_in()
    assert site.get("/").text == "ada@example.test"
    site.go("GET", f"{site.issuer}/session/end")
    assert site.auth.store.of_user("ada") == []
    assert site.get("/").text == "nobody"


def test_tokens_are_renewed_by_one_of_many(site):
    site.log_in()
    store, sealer = site.auth.token_store, site.app.extensions["auth"].sealer

    def expire():
        stored = store.get("ada", "op")
        tokens = replace(Tokens.opened(sealer, stored), expires_at=1)
        store.put(replace(stored, sealed=tokens.sealed(sealer, "ada", "op")))

    def call(_):
        with site.app.app_context():
            return site.auth.api("op", "ada").get("/me").json()["sub"]

    # The provider takes a refresh token once; a second use of it would end them all.
    for _ in range(2):
        expire()
        with ThreadPoolExecutor(10) as pool:
            assert list(pool.map(call, range(10))) == ["ada"] * 10


def test_tokens_that_are_forgotten_are_taken_back_by_the_provider(site):
    site.log_in()
    with site.app.app_context():
        token = site.auth.api("op", "ada").access_token()
        headers = {"Authorization": f"Bearer {token}"}
        assert httpx2.get(f"{site.issuer}/me", headers=headers, timeout=30).status_code == 200
        assert site.auth.forget_tokens("ada") == 1
    assert httpx2.get(f"{site.issuer}/me", headers=headers, timeout=30).status_code == 401
