"""Clients of others log people in with our server, behind servers that people use.

They are given its address and nothing else. Granian serves it as ASGI, where a client needs a
token to register itself; gunicorn as WSGI, where everybody may.
"""

import asyncio
import json
import subprocess
from contextlib import ExitStack

import httpx2
import pytest
from authlib.integrations.flask_client import OAuth as FlaskOAuth
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from flask import Flask, jsonify
from requests_oauthlib import OAuth2Session

from cruse import Cruse
from cruse_auth import Auth
from tests.machine.browsing import Browser
from tests.machine.providing import SERVERS, listening, providing
from tests.relying import CALLBACK, SECRET, VERIFIER

BYE = "https://shop.example/bye"
REGISTRATION = {"asgi": "token", "wsgi": "open"}


@pytest.fixture(scope="module", params=SERVERS)
def started(request, tmp_path_factory):
    """The provider, and the address of an API that takes its tokens."""
    folder, face = tmp_path_factory.mktemp(request.param), request.param
    options = {"device": True, "registration": REGISTRATION[face]}
    with ExitStack() as stack:

        def make(address):
            provider = stack.enter_context(providing(folder, face, api=address, options=options))
            found.extend((provider, address))
            return make_api(provider.issuer, address)

        found = []
        stack.enter_context(listening(make))
        yield found


def make_api(issuer, address):
    app = Cruse("api")
    app.config.update(SECRET_KEY="k" * 32)
    api = Auth(app).resource(issuer=issuer, audience=address, scopes=("read",))

    @app.get("/things")
    @api.require("read")
    async def things(token):
        return {"of": token.subject}

    return app


@pytest.fixture
def provider(started):
    return started[0]


@pytest.fixture
def api(started):
    return started[1]


@pytest.fixture
def browser(provider):
    with Browser(provider.issuer) as browser:
        yield browser


@pytest.fixture
def token(provider):
    """What a client needs to register itself, if it needs something."""
    if provider.server.options.registration == "open":
        return None
    with provider.app.app_context():
        return provider.server.clients.invite()


class Program:
    """A program on Node, which is talked to line by line."""

    def __init__(self, folder, name, address, **options):
        command = ["node", name, address, json.dumps({"callback": CALLBACK, **options})]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(command, cwd=folder, **pipes)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.process.kill()
        self.process.communicate()

    def hear(self):
        line = self.process.stdout.readline()
        assert line, "It ended; what it said is above."
        return json.loads(line)

    def tell(self, line):
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()


# -- npm's --------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "none"])
def test_openid_client_finds_everything_by_itself(provider, browser, node_programs, method):
    provider.add_client(redirect_uris=[CALLBACK], token_endpoint_auth_method=method)
    options = {"id": "shop", "secret": SECRET, "method": method}
    with Program(node_programs, "client.mjs", provider.issuer, **options) as client:
        client.tell(browser.back_from(client.hear()["go"], CALLBACK))
        said = client.hear()
    assert (said["subject"], said["email"]) == ("ada", "ada@example.com")
    assert said.get("active") is (None if method == "none" else True)
    # What is taken back, used up or sent again is refused.
    assert said["revoked"] not in ("accepted", None)
    assert (said["refreshed"], said["replayed"]) == ("invalid_grant", "invalid_grant")


def test_openid_client_registers_pushes_proves_a_key_is_a_device_and_leaves(
    provider, browser, node_programs, token
):
    options = {"token": token, "bye": BYE}
    with Program(node_programs, "everything.mjs", provider.issuer, **options) as client:
        start = client.hear()
        assert start["pushed"] == ["client_id", "request_uri"]
        client.tell(browser.back_from(start["go"], CALLBACK))
        device = client.hear()
        done = browser.go("GET", device["page"], user_code=device["type"])
        assert "connected" in done.text
        client.tell("done")
        said = client.hear()
    assert (said["name"], said["type"]) == ("openid-client", "dpop")
    assert (said["email"], said["device"]) == ("ada@example.com", "ada")
    assert said["stolen"] == "invalid_grant", "the code is bound to another key"
    assert said["copied"] not in ("accepted", None), "so is the token"
    # The ID token is of this login: nobody is asked, and the next one has to log in again.
    before = browser.asked
    assert browser.back_from(said["leave"], BYE) == f"{BYE}?state=gone"
    browser.go("GET", f"{provider.issuer}/oauth/device")
    assert browser.asked == before + 1


def test_a_stranger_learns_from_the_api_where_to_register_and_calls_it(
    provider, browser, api, node_programs, token
):
    callback = "http://127.0.0.1:8123/callback"
    options = {"token": token, "callback": callback}
    with Program(node_programs, "stranger.mjs", api, **options) as client:
        start = client.hear()
        assert start["metadata"] == f"{api}/.well-known/oauth-protected-resource"
        client.tell(browser.back_from(start["go"], callback))
        assert client.hear() == {"first": {"of": "ada"}, "again": {"of": "ada"}}


# -- Python's -----------------------------------------------------------------------------------


@pytest.fixture
def metadata(provider):
    """What a program knows that was given nothing but the issuer."""
    url = f"{provider.issuer}/.well-known/oauth-authorization-server"
    return httpx2.get(url, timeout=30).json()


@pytest.fixture
def shop(provider):
    """The id, the secret and the callback of a client."""
    provider.add_client(redirect_uris=[CALLBACK])
    return {"client_id": "shop", "client_secret": SECRET, "redirect_uri": CALLBACK}


def status_with(metadata, access_token):
    """Whether an access token opens something."""
    headers = {"Authorization": f"Bearer {access_token}"}
    return httpx2.get(metadata["userinfo_endpoint"], headers=headers, timeout=30).status_code


def test_requests_oauthlib(shop, browser, metadata, monkeypatch):
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")  # it is this machine
    options = {"redirect_uri": CALLBACK, "scope": ["openid", "email"], "pkce": "S256"}
    with OAuth2Session("shop", **options) as session:
        url, _ = session.authorization_url(metadata["authorization_endpoint"])
        back = browser.back_from(url, CALLBACK)
        token_url = metadata["token_endpoint"]
        session.fetch_token(token_url, authorization_response=back, client_secret=SECRET)
        assert session.get(metadata["userinfo_endpoint"]).json()["email"] == "ada@example.com"
        before = session.access_token
        session.refresh_token(token_url, auth=("shop", SECRET))
        assert session.access_token != before
        assert session.get(metadata["userinfo_endpoint"]).json()["sub"] == "ada"
        # It knows no revocation, so it is a form like any other.
        form = {"token": session.token["refresh_token"]}
        answer = session.post(
            metadata["revocation_endpoint"], form, auth=("shop", SECRET), withhold_token=True
        )
        assert (answer.status_code, status_with(metadata, session.access_token)) == (200, 401)


def test_authlib_on_requests(shop, browser, metadata):
    with AuthlibSession(**shop, scope="openid", code_challenge_method="S256") as session:
        url, state = session.create_authorization_url(
            metadata["authorization_endpoint"], code_verifier=VERIFIER
        )
        tokens = session.fetch_token(
            metadata["token_endpoint"],
            authorization_response=browser.back_from(url, CALLBACK),
            state=state,
            code_verifier=VERIFIER,
        )
        assert session.get(metadata["userinfo_endpoint"]).json()["sub"] == "ada"
        renewed = session.refresh_token(metadata["token_endpoint"])
        assert renewed["refresh_token"] != tokens["refresh_token"]
        about = session.introspect_token(
            metadata["introspection_endpoint"], token=renewed["access_token"]
        )
        assert about.json()["active"] is True
        session.revoke_token(
            metadata["revocation_endpoint"],
            token=renewed["refresh_token"],
            token_type_hint="refresh_token",
        )
        assert status_with(metadata, renewed["access_token"]) == 401


def test_authlib_on_httpx_in_async_code(shop, browser, metadata):
    async def visit():
        options = {**shop, "scope": "openid email", "code_challenge_method": "S256"}
        async with AsyncOAuth2Client(**options) as client:
            url, state = client.create_authorization_url(
                metadata["authorization_endpoint"], code_verifier=VERIFIER
            )
            await client.fetch_token(
                metadata["token_endpoint"],
                authorization_response=browser.back_from(url, CALLBACK),
                state=state,
                code_verifier=VERIFIER,
            )
            renewed = await client.refresh_token(metadata["token_endpoint"])
            about = await client.get(metadata["userinfo_endpoint"])
            await client.revoke_token(
                metadata["revocation_endpoint"], token=renewed["access_token"]
            )
            return about.json(), renewed["access_token"]

    about, access_token = asyncio.run(visit())
    assert about["email"] == "ada@example.com"
    assert status_with(metadata, access_token) == 401


def test_authlib_on_flask(provider, browser):
    """A web application that has never heard of us, by its usual few lines."""

    def make(address):
        # Cookies know no ports: at another host than ours, both can have one called "session".
        address = address.replace("127.0.0.1", "localhost")
        provider.add_client("flask", redirect_uris=[f"{address}/callback"])
        app = Flask("shop")
        app.secret_key = "something secret"
        remote = FlaskOAuth(app).register(
            "id",
            client_id="flask",
            client_secret=SECRET,
            server_metadata_url=f"{provider.issuer}/.well-known/openid-configuration",
            client_kwargs={"scope": "openid email", "code_challenge_method": "S256"},
        )

        @app.get("/login")
        def login():
            return remote.authorize_redirect(f"{address}/callback")

        @app.get("/callback")
        def callback():
            return jsonify(remote.authorize_access_token()["userinfo"])

        app.stop = lambda: None
        app.address = address
        return app

    with listening(make) as app:
        said = browser.go("GET", f"{app.address}/login").json()
    assert (said["sub"], said["aud"], said["iss"]) == ("ada", "flask", provider.issuer)
