"""Our server in several processes with one database, and those that ask both at once."""

import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from cruse import Cruse
from cruse_auth import Auth, MemoryStore, MemoryTokenStore, current_user
from cruse_auth.tokens.sets import Tokens
from tests.machine.browsing import Browser
from tests.machine.providing import listening, providing
from tests.relying import CALLBACK, SECRET, VERIFIER, challenge_of

AUTH = ("shop", SECRET)


@contextmanager
def started(folder, database=None):
    """Granian and gunicorn with the same application, which believes one proxy."""
    config = {"TRUSTED_PROXIES": 1}
    with providing(folder, "asgi", "wsgi", database=database, config=config) as provider:
        provider.add_client(
            redirect_uris=[CALLBACK],
            grant_types=["authorization_code", "refresh_token", "client_credentials"],
        )
        yield provider


@pytest.fixture(scope="module")
def provider(tmp_path_factory):
    """The two, with one file of SQLite."""
    with started(tmp_path_factory.mktemp("provider")) as provider:
        yield provider


def get_code(provider):
    """Go the way of somebody's browser."""
    wish = {
        "response_type": "code",
        "client_id": "shop",
        "redirect_uri": CALLBACK,
        "scope": "openid read",
        "code_challenge": challenge_of(VERIFIER),
        "code_challenge_method": "S256",
    }
    url = httpx2.URL(f"{provider.issuer}/oauth/authorize", params=wish)
    with Browser(provider.issuer) as browser:
        return httpx2.URL(browser.back_from(str(url), CALLBACK)).params["code"]


def ask(provider, number, form, headers=()):
    """Send a form to the token endpoint of one of the processes, in turn."""
    server = provider.running[number % len(provider.running)]
    return httpx2.post(
        f"{server.url}/oauth/token", data=form, auth=AUTH, headers=dict(headers), timeout=30
    )


def ask_at_once(provider, times, form, headers=()):
    """Send a form many times; return the one answer with tokens, and the errors of the others."""
    with ThreadPoolExecutor(times) as pool:
        answers = list(pool.map(lambda number: ask(provider, number, form, headers), range(times)))
    (served,) = [answer for answer in answers if answer.status_code == 200]
    return served.json(), [answer.json()["error"] for answer in answers if answer is not served]


def is_active(provider, token):
    url = f"{provider.running[1].url}/oauth/introspect"
    return httpx2.post(url, data={"token": token}, auth=AUTH, timeout=30).json()["active"]


def test_many_with_one_code_token_or_proof(provider):
    check_codes_and_tokens(provider)
    check_proofs(provider)


def test_many_with_one_code_token_or_proof_on_postgresql(postgres_url, tmp_path):
    with started(tmp_path, postgres_url) as provider:
        check_codes_and_tokens(provider)
        check_proofs(provider)


def check_codes_and_tokens(provider):
    form = {
        "grant_type": "authorization_code",
        "code": get_code(provider),
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    }
    served, errors = ask_at_once(provider, 20, form)
    assert errors == ["invalid_grant"] * 19
    # One of two who have a code is a thief: what it gave is worth nothing, at any process.
    assert not is_active(provider, served["access_token"])

    first = ask(provider, 0, {**form, "code": get_code(provider)}).json()
    assert is_active(provider, first["access_token"])
    form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    served, errors = ask_at_once(provider, 10, form)
    assert errors == ["invalid_grant"] * 9
    for token in (served["refresh_token"], served["access_token"], first["access_token"]):
        assert not is_active(provider, token)


def check_proofs(provider):
    """A proof that was shown to one process is used up at the other."""
    key = ECKey.generate_key("P-256")
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": key.as_dict(private=False)}
    claims = {
        "htm": "POST",
        "htu": f"{provider.issuer}/oauth/token",
        "iat": int(time.time()),
        "jti": secrets.token_urlsafe(16),
    }
    proof = {"DPoP": jwt.encode(header, claims, key)}
    form = {"grant_type": "client_credentials", "scope": "read"}
    served, errors = ask_at_once(provider, 6, form, proof)
    assert served["token_type"] == "DPoP"
    assert errors == ["invalid_dpop_proof"] * 5


# -- our own client -----------------------------------------------------------------------------


def make_client(provider, address):
    """An application that logs people in with the provider, in this process."""
    # Cookies know no ports: at another host, both can have one called "session".
    address = address.replace("127.0.0.1", "localhost")
    provider.add_client(
        "ours",
        redirect_uris=[f"{address}/auth/id/callback"],
        post_logout_redirect_uris=[f"{address}/"],
        backchannel_logout_uri=f"{address}/auth/id/backchannel",
    )
    app = Cruse("ours")
    app.config.update(SECRET_KEY="another key of the client", TESTING=True, TRUSTED_PROXIES=1)
    auth = Auth(app, store=MemoryStore(), token_store=MemoryTokenStore())
    auth.providers.oidc(
        "id",
        issuer=provider.issuer,
        client_id="ours",
        client_secret=SECRET,
        scope="openid email read",
        api_url=f"{provider.issuer}/oauth",
    )
    auth.on_login(lambda identity: SimpleNamespace(id=identity.subject))
    auth.user_loader(lambda user_id: SimpleNamespace(id=user_id))
    app.get("/")(lambda: current_user.id if current_user else "nobody")
    return SimpleNamespace(app=app, auth=auth, address=address)


@pytest.fixture
def ours(provider):
    made = []

    def make(address):
        made.append(make_client(provider, address))
        return made[0].app

    with listening(make):
        yield made[0]


def test_our_client_renews_its_token_once_and_hears_of_logouts(provider, ours):
    with Browser(provider.issuer) as browser:
        assert browser.go("POST", f"{ours.address}/auth/id/login").text == "ada"
        check_refreshing(provider, ours)
        # The server's own page tells the client, from one process to the other.
        browser.go("GET", f"{provider.issuer}/oauth/logout")
        wait_until(lambda: ours.auth.store.of_user("ada") == [])
        assert browser.client.get(f"{ours.address}/").text == "nobody"


def check_refreshing(provider, ours):
    store, sealer = ours.auth.token_store, ours.app.extensions["auth"].sealer
    stored = store.get("ada", "id")
    tokens = replace(Tokens.opened(sealer, stored), expires_at=1)
    store.put(replace(stored, sealed=tokens.sealed(sealer, "ada", "id")))

    def call(_):
        with ours.app.app_context():
            return ours.auth.api("id", "ada").get("/userinfo").status

    with ThreadPoolExecutor(10) as pool:
        assert list(pool.map(call, range(10))) == [200] * 10
    assert provider.count("refresh", "ours") == 2, "that of the login, and that of one renewal"


def wait_until(holds):
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


# -- behind a proxy -----------------------------------------------------------------------------

PROXY = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"}


def test_a_proxy_that_ends_tls_changes_what_it_should_and_no_more(provider, ours):
    url = provider.running[0].url
    told = {"Host": "id.example", **PROXY}
    with httpx2.Client(base_url=url, headers=told, timeout=30) as behind:
        # Who it is, it was told by its application alone.
        document = behind.get("/.well-known/openid-configuration").json()
        assert document["issuer"] == provider.issuer
        assert document["token_endpoint"] == f"{provider.issuer}/oauth/token"
        answer = behind.post("/sign-in", data={"login": "ada"})
        assert "; Secure" in answer.headers["Set-Cookie"]
        assert behind.get("/").text == "https://id.example/ 192.0.2.1"
    told = {"Host": "shop.example", **PROXY}
    start = httpx2.post(f"{ours.address}/auth/id/login", headers=told, timeout=30)
    asked = httpx2.URL(start.headers["Location"]).params
    assert asked["redirect_uri"] == "https://shop.example/auth/id/callback"
    # Which is not where it was registered: a page, and the browser is sent nowhere.
    page = httpx2.get(start.headers["Location"], timeout=30)
    assert (page.status_code, "unknown address" in page.text) == (400, True)


def test_a_server_that_calls_itself_something_else_is_told_in_the_log(provider, ours, caplog):
    alias = provider.issuer.replace("127.0.0.1", "localhost")
    ours.auth.providers.oidc(
        "alias", issuer=alias, client_id="ours", client_secret=SECRET, scope="openid"
    )
    page = httpx2.post(f"{ours.address}/auth/alias/login", timeout=30)
    assert page.status_code == 502
    assert alias in caplog.text
    assert provider.issuer in caplog.text
