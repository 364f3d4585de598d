"""An API that takes access tokens: which are good, and what clients with others are told.

R1 to R6 are the names of the attacks in our own list.
"""

import hmac
import json
import time
from base64 import urlsafe_b64encode
from types import SimpleNamespace

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from joserfc.jws import JWSRegistry

from cruse import Cruse, request, session
from cruse_auth import Auth, BearerError, InProcess, current_user, login_user
from cruse_auth.testing import MISSING, FakeProvider, Person

ISSUER = "https://id.example/provider"
API = "https://api.example/v1"
#: Making a key takes longer than a test.
KEY = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)
OTHER_KEY = RSAKey.generate_key(2048)
METADATA = "https://api.example/.well-known/oauth-protected-resource/v1"
VIEWS = ["/me", "/me-async"]


def b64(value):
    return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def signed_with(secret, token):
    """Return a token with an HMAC in place of its signature; the library would not make it."""
    body = token().split(".")[1]
    message = f"{b64({'alg': 'HS256', 'typ': 'at+jwt', 'kid': KEY.kid})}.{body}"
    digest = hmac.digest(secret, message.encode(), "sha256")
    return f"{message}.{urlsafe_b64encode(digest).rstrip(b'=').decode()}"


@pytest.fixture(scope="module")
def world():
    """An API, its issuer, and ``token(...)``, which makes an access token with changes."""
    provider = FakeProvider([Person("ada", "Ada")], issuer=ISSUER)
    provider.signing_key = KEY
    active = {}

    @provider.app.post("/provider/introspect")
    def introspect():
        assert request.authorization.username == "api%3A1"
        assert request.authorization.password == "s%26cret"
        return active.get(request.form["token"], {"active": False})

    app = Cruse("api")
    app.config.update(TESTING=True, SECRET_KEY="a key of at least a few bytes")
    auth = Auth(app)
    auth.user_loader(lambda user_id: SimpleNamespace(id=user_id))
    transport = InProcess(provider.app)
    api = auth.resource(issuer=ISSUER, audience=API, scopes=("read",), transport=transport)
    opaque = auth.resource(
        issuer=ISSUER, audience="orders", introspection=("api:1", "s&cret"), transport=transport
    )

    @app.get("/me")
    @api.require("read")
    def me(token):
        return {"sub": token.subject, "client": token.client_id, "iss": token.issuer}

    @app.get("/me-async")
    @api.require("read")
    async def me_async(token):
        return {"sub": token.subject, "client": token.client_id, "iss": token.issuer}

    @app.delete("/things/<int:number>")
    @api.require("read", "write")
    def delete_thing(token, number):
        return {"deleted": number}

    @app.post("/who")
    @api.require()
    async def who(token):
        return {"user": bool(current_user), "sub": token.subject}

    @app.get("/orders")
    @opaque.require("orders")
    async def orders(token):
        return {"sub": token.subject}

    @app.post("/log-in")
    def log_in():
        session["x"] = login_user(SimpleNamespace(id="7"))
        return "ok"

    def token(header=(), key=None, **changes):
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": API, "sub": "ada", "exp": now + 60, "iat": now}
        claims |= {"client_id": "phone", "scope": "read openid", **changes}
        claims = {name: value for name, value in claims.items() if value is not MISSING}
        header = {"alg": "RS256", "typ": "at+jwt", "kid": KEY.kid, **dict(header)}
        header = {name: value for name, value in header.items() if value is not MISSING}
        registry = JWSRegistry(algorithms=[header["alg"]], strict_check_header=False)
        return jwt.encode(header, claims, key or KEY, registry=registry)

    yield SimpleNamespace(app=app, token=token, provider=provider, active=active, api=api)
    app.stop()


@pytest.fixture
def client(world, gateway):
    return world.app.test_client(gateway=gateway)


@pytest.fixture
def ask(client):
    """Send a token to the API."""

    def send(url, token, method="GET", scheme="Bearer"):
        return client.open(url, method=method, headers={"Authorization": f"{scheme} {token}"})

    return send


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_gets_the_token(world, ask, view):
    answer = ask(view, world.token())
    assert answer.get_json() == {"sub": "ada", "client": "phone", "iss": ISSUER}
    assert "Set-Cookie" not in answer.headers
    assert ask(view, world.token(), scheme="bearer").status_code == 200


@pytest.mark.parametrize("changes", [{"scope": MISSING, "scp": ["read"]}, {"aud": ["x", API]}])
def test_tokens_as_several_providers_write_them(world, ask, changes):
    assert ask("/me", world.token(**changes)).status_code == 200


def test_url_variables_come_after_the_token(world, ask):
    answer = ask("/things/7", world.token(scope="write read"), "DELETE")
    assert answer.get_json() == {"deleted": 7}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic eDp5"}], ids=str)
def test_r4_without_a_token_clients_are_told_what_to_do(client, view, headers):
    answer = client.get(view, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == (
        f'Bearer realm="api", scope="read", resource_metadata="{METADATA}"'
    )
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.get_json()["error"] == "token_required"


def test_r1_a_token_in_the_query_is_not_looked_at(world, client):
    answer = client.get("/me", query_string={"access_token": world.token()})
    assert answer.status_code == 401
    assert "error=" not in answer.headers["WWW-Authenticate"]


FORGED = {
    "nothing": lambda token: "",
    "no token": lambda token: "a b",
    "no JWT": lambda token: "abc",
    "endless": lambda token: "a" * 20_000,
    "no signature": lambda token: f"{b64({'alg': 'none', 'typ': 'at+jwt'})}.{b64({})}.",
    "a secret": lambda token: token({"alg": "HS256"}, OctKey.import_key(b"k" * 32)),
    "the public key as a secret": lambda token: signed_with(KEY.as_pem(private=False), token),
    "another key": lambda token: token(key=OTHER_KEY),
    "an unknown key": lambda token: token({"kid": "../x"}),
    "its own key": lambda token: token({"jwk": KEY.as_dict(private=False)}),
    "an ID token": lambda token: token({"typ": "JWT"}),
    "no type": lambda token: token({"typ": MISSING}),
    "another issuer": lambda token: token(iss="https://evil.example"),
    "another API": lambda token: token(aud="https://other.example"),
    "no audience": lambda token: token(aud=MISSING),
    "no end": lambda token: token(exp=MISSING),
    "an end that is no time": lambda token: token(exp="tomorrow"),
    "ended": lambda token: token(exp=int(time.time()) - 180),
    "not yet": lambda token: token(nbf=int(time.time()) + 3600),
    "from the future": lambda token: token(iat=int(time.time()) + 3600),
    "nobody": lambda token: token(sub=MISSING),
    "bound to a key": lambda token: token(cnf={"jkt": "x"}),
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
@pytest.mark.parametrize(("gateway", "view"), [("wsgi", "/me"), ("asgi", "/me-async")])
def test_r2_tokens_that_must_not_be_believed(world, ask, view, forge):
    answer = ask(view, forge(world.token))
    assert answer.status_code == 401, answer.text
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert answer.get_json()["error"] == "invalid_token"


def test_r2_made_up_key_ids_do_not_make_us_ask_again_and_again(world, ask):
    assert ask("/me", world.token()).status_code == 200
    before = len(world.provider.requests)
    for number in range(5):
        ask("/me", world.token({"kid": f"made up {number}"}))
    assert len(world.provider.requests) <= before + 1


def test_the_cause_is_in_the_log_and_not_in_the_answer(world, ask, caplog):
    caplog.set_level("INFO")
    answer = ask("/me", world.token(aud="https://other.example"))
    assert "the token is for 'https://other.example'" in caplog.text
    assert "other.example" not in answer.text


def test_r3_a_token_that_allows_too_little(world, ask):
    answer = ask("/things/7", world.token(), "DELETE")
    assert answer.status_code == 403
    challenge = answer.headers["WWW-Authenticate"]
    assert 'error="insufficient_scope"' in challenge
    assert 'scope="read write"' in challenge
    assert answer.get_json()["error_description"] == "The access token does not allow: write."


def test_r5_an_opaque_token_ends_when_it_is_revoked(world, ask):
    world.active["opaque"] = {"active": True, "sub": "ada", "aud": "orders", "scope": "orders"}
    endpoint = {"introspection_endpoint": f"{ISSUER}/introspect"}
    with world.provider.tampering(discovery=endpoint):
        answer = ask("/orders", "opaque")
        assert answer.get_json() == {"sub": "ada"}
        assert ask("/orders", "another").status_code == 401
        world.active["opaque"]["aud"] = "billing"
        assert ask("/orders", "opaque").status_code == 401
        world.active.clear()
        answer = ask("/orders", "opaque")
        assert answer.status_code == 401
        # Its audience is no URL, so there is nowhere to read more.
        assert "resource_metadata" not in answer.headers["WWW-Authenticate"]


def test_an_issuer_that_does_not_answer_is_no_fault_of_the_client(world, gateway, caplog):
    app = Cruse("broken")
    app.config["SECRET_KEY"] = "a key of at least a few bytes"
    nowhere = InProcess(Cruse("nothing here"))
    api = Auth(app).resource(issuer=ISSUER, audience=API, transport=nowhere)

    @app.get("/")
    @api.require()
    def index(token):
        return "ok"

    client = app.test_client(gateway=gateway)
    answer = client.get("/", headers={"Authorization": f"Bearer {world.token()}"})
    assert answer.status_code == 503
    assert "WWW-Authenticate" not in answer.headers
    assert "answered with status 404" in caplog.text
    app.stop()


def test_r6_the_session_of_a_browser_opens_no_api(world, client):
    client.post("/log-in")
    assert client.post("/who").status_code == 401
    headers = {"Authorization": f"Bearer {world.token()}"}
    answer = client.post("/who", headers=headers)
    assert answer.get_json()["sub"] == "ada"
    assert "Set-Cookie" not in answer.headers


def test_a_header_that_is_nested_too_deep_is_no_error_of_ours(client):
    header = urlsafe_b64encode(b'{"alg":"RS256","a":' + b"[" * 12_000).decode().rstrip("=")
    answer = client.post("/who", headers={"Authorization": f"Bearer {header}.e30.eA"})
    assert answer.status_code == 401


def test_clients_find_out_which_issuer_to_ask(client):
    answer = client.get("/.well-known/oauth-protected-resource/v1")
    assert answer.get_json() == {
        "resource": API,
        "authorization_servers": [ISSUER],
        "bearer_methods_supported": ["header"],
        "scopes_supported": ["read"],
    }
    assert answer.headers["Access-Control-Allow-Origin"] == "*"  # for those in browsers, too
    for path in ("", "/v2", "/v1/x"):
        url = f"/.well-known/oauth-protected-resource{path}"
        assert client.get(url).status_code == 404


@pytest.mark.parametrize("audience", ["http://127.0.0.1:5000", "http://localhost:5000"])
def test_an_api_that_is_developed_on_this_machine_tells_too(gateway, audience):
    app = Cruse("developed")
    app.config["SECRET_KEY"] = "a key of at least a few bytes"
    api = Auth(app).resource(issuer=ISSUER, audience=audience)
    app.get("/")(api.require()(lambda token: "ok"))
    client = app.test_client(gateway=gateway)
    path = "/.well-known/oauth-protected-resource"
    assert f'"{audience}{path}"' in client.get("/").headers["WWW-Authenticate"]
    assert client.get(path).get_json()["resource"] == audience
    app.stop()


@pytest.mark.parametrize("audience", ["http://api.example", "urn:api"])
def test_of_an_api_without_a_safe_address_nothing_is_told(gateway, audience):
    app = Cruse("unsafe")
    app.config["SECRET_KEY"] = "a key of at least a few bytes"
    api = Auth(app).resource(issuer=ISSUER, audience=audience)
    app.get("/")(api.require()(lambda token: "ok"))
    client = app.test_client(gateway=gateway)
    assert "metadata" not in client.get("/").headers["WWW-Authenticate"]
    assert client.get("/.well-known/oauth-protected-resource").status_code == 404
    app.stop()


def test_an_error_handler_may_answer_in_another_form(world, gateway):
    app = Cruse("forms")
    app.config["SECRET_KEY"] = "a key of at least a few bytes"
    api = Auth(app).resource(issuer=ISSUER, audience=API)
    app.errorhandler(BearerError)(lambda error: (f"no: {error.error}", error.code))
    app.get("/")(api.require()(lambda token: "ok"))
    answer = app.test_client(gateway=gateway).get("/")
    assert (answer.status_code, answer.text) == (401, "no: None")
    app.stop()


def test_mistakes_are_told_when_they_are_made():
    auth = Auth()
    with pytest.raises(ValueError, match="issuer and an audience"):
        auth.resource(issuer=ISSUER, audience="")
    with pytest.raises(ValueError, match="public keys"):
        auth.resource(issuer=ISSUER, audience=API, algorithms=("HS256",))
    with pytest.raises(TypeError, match="color"):
        auth.resource(issuer=ISSUER, audience=API, color="red")
    with pytest.raises(ValueError, match="not a scope"):
        auth.resource(issuer=ISSUER, audience=API).require("read write")
