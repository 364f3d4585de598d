"""Programs that are not ours, and our own client, log people in with the server."""

import asyncio

import httpx2
import pytest
from authlib.integrations.httpx_client import AsyncOAuth2Client, OAuth2Client
from joserfc import jwt
from joserfc.jwk import KeySet

from cruse import Cruse, jsonify
from cruse_auth import Auth, Identity, InProcess, MemoryTokenStore, UserMixin, current_user
from tests.relying import CALLBACK, ISSUER, SECRET, VERIFIER, make_world

HERE = "http://localhost/auth/id/callback"


@pytest.fixture
def world(colour):
    world = make_world(colour)
    world.add_client()
    world.add_client("ours", redirect_uris=[HERE], post_logout_redirect_uris=["http://localhost/"])
    yield world
    world.app.stop()


# -- our own client -----------------------------------------------------------------------------


class Person(UserMixin):
    def __init__(self, identity):
        self.id = identity.subject
        self.name, self.email = identity.name, identity.email


@pytest.fixture
def relying(world):
    """An application of its own that logs people in with the server."""
    app = Cruse("relying")
    app.config.update(TESTING=True, SECRET_KEY="another key of a few bytes")
    auth = Auth(app, token_store=MemoryTokenStore())
    auth.providers.oidc(
        "id",
        issuer=ISSUER,
        client_id="ours",
        client_secret=SECRET,
        scope="openid profile email read",
        transport=InProcess(world.app),
        api_url=f"{ISSUER}/oauth",
    )
    people = {}

    @auth.on_login
    def found(identity: Identity):
        return people.setdefault(identity.subject, Person(identity))

    auth.user_loader(people.get)

    @app.get("/me")
    def me():
        return {"name": current_user.name, "email": current_user.email}

    @app.get("/there")
    def there():
        return jsonify(auth.api("id").get("/userinfo").json())

    yield app
    app.stop()


def test_our_own_client_logs_in_renews_its_tokens_and_logs_out(
    world, relying, shop, gateway, clock
):
    browser = relying.test_client(gateway=gateway)
    start = browser.post("/auth/id/login", data={"next": "/me"})
    assert start.location.startswith(f"{ISSUER}/oauth/authorize?")
    path = start.location.removeprefix(ISSUER)
    back = shop.decide(shop.get(path)).location
    assert back.startswith(HERE)
    assert browser.get(back).location == "/me"
    assert browser.get("/me").json == {"name": "Ada", "email": "ada@example.com"}

    relying_api = browser.get("/there")
    assert relying_api.json["sub"] == "ada"
    clock.move(seconds=1000)
    assert browser.get("/there").json["sub"] == "ada", "the token was renewed"
    assert world.count("refresh") == 2

    away = browser.post("/auth/logout").location
    assert away.startswith(f"{ISSUER}/oauth/logout?")
    farewell = shop.get(away.removeprefix(ISSUER))
    assert "Sign out?" in farewell.text, "our client keeps no ID token to show"


# -- Authlib's ----------------------------------------------------------------------------------


def endpoints(get):
    """What a program knows that was given nothing but the issuer."""
    document = get(f"{ISSUER}/.well-known/openid-configuration").json()
    assert document["issuer"] == ISSUER
    return document


def approve(shop, url):
    """Let somebody say yes in the browser; return where it is sent."""
    assert url.startswith(ISSUER)
    return shop.decide(shop.get(url.removeprefix(ISSUER))).location


OPTIONS = {
    "client_id": "shop",
    "client_secret": SECRET,
    "scope": "openid email",
    "redirect_uri": CALLBACK,
    "code_challenge_method": "S256",
}


def check_id_token(tokens, jwks):
    claims = jwt.decode(
        tokens["id_token"], KeySet.import_key_set(jwks), algorithms=["RS256"]
    ).claims
    assert (claims["iss"], claims["aud"], claims["sub"]) == (ISSUER, "shop", "ada")


def test_authlibs_client(world, shop):
    transport = httpx2.WSGITransport(app=world.app.wsgi_app)
    with OAuth2Client(**OPTIONS, transport=transport) as client:
        # What the client would add to a plain request is a token that it has not got yet.
        server = endpoints(lambda url: client.request("GET", url, withhold_token=True))
        url, state = client.create_authorization_url(
            server["authorization_endpoint"], code_verifier=VERIFIER
        )
        tokens = client.fetch_token(
            server["token_endpoint"],
            authorization_response=approve(shop, url),
            state=state,
            code_verifier=VERIFIER,
        )
        check_id_token(tokens, client.get(server["jwks_uri"]).json())
        assert client.get(server["userinfo_endpoint"]).json()["email"] == "ada@example.com"
        renewed = client.refresh_token(server["token_endpoint"])
        assert renewed["access_token"] != tokens["access_token"]
        endpoint = server["introspection_endpoint"]
        known = client.introspect_token(endpoint, token=renewed["access_token"])
        assert known.json()["active"] is True
        client.revoke_token(server["revocation_endpoint"], token=renewed["refresh_token"])
        gone = client.introspect_token(endpoint, token=renewed["access_token"])
        assert gone.json() == {"active": False}


def test_authlibs_async_client(world, shop):
    async def talk():
        transport = httpx2.ASGITransport(app=world.app.asgi_app)
        async with AsyncOAuth2Client(**OPTIONS, transport=transport) as client:
            reply = await client.request(
                "GET", f"{ISSUER}/.well-known/openid-configuration", withhold_token=True
            )
            server = endpoints(lambda url: reply)
            url, state = client.create_authorization_url(
                server["authorization_endpoint"], code_verifier=VERIFIER
            )
            await client.fetch_token(
                server["token_endpoint"],
                authorization_response=await asyncio.to_thread(approve, shop, url),
                state=state,
                code_verifier=VERIFIER,
            )
            return (await client.get(server["userinfo_endpoint"])).json()

    with world.app.app_context():
        assert world.app.async_to_sync(talk)()["sub"] == "ada"
