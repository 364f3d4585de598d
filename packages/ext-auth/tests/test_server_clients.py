"""The clients of a provider: how they are registered, and how they say who they are."""

import base64
import time

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from cruse_auth import Limits, Rule
from cruse_auth.server import ServerClient
from tests.relying import API, CALLBACK, ISSUER, SECRET, Shop, make_world

KEY = ECKey.generate_key("P-256", auto_kid=True)
OTHER_KEY = ECKey.generate_key("P-256", {"kid": KEY.kid})
#: It is nested more deeply than it can be read.
DEEP = f"eyJhbGciOiJFUzI1NiJ9.{base64.urlsafe_b64encode(b'[' * 2900).decode().rstrip('=')}.e30"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SELF = {"grant_type": "client_credentials", "scope": "read"}


@pytest.fixture(params=[("sync", "wsgi"), ("async", "asgi")], ids=["plain", "async"])
def face(request):
    return request.param


@pytest.fixture
def world(face):
    world = make_world(face[0])
    grants = ["client_credentials"]
    world.add_client("basic", grant_types=grants)
    world.add_client("post", grant_types=grants, token_endpoint_auth_method="client_secret_post")
    world.add_client(
        "key",
        grant_types=grants,
        token_endpoint_auth_method="private_key_jwt",
        jwks=KeySet([KEY]).as_dict(private=False),
    )
    world.add_client("public", token_endpoint_auth_method="none")
    yield world
    world.app.stop()


@pytest.fixture
def send(world, face):
    """Ask for a token; with Basic credentials in ``auth``."""

    def send(data=(), auth=None, **changes):
        client = world.app.test_client(gateway=face[1])
        form = {**SELF, **dict(data)}
        return client.post("/oauth/token", data=form, auth=auth, **changes)

    return send


def refused(answer, error="invalid_client", status=401):
    assert (answer.status_code, answer.json["error"]) == (status, error), answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    return True


# -- who they are -------------------------------------------------------------------------------


def test_a_client_asks_for_itself(send):
    answer = send(auth=("basic", SECRET))
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json["scope"] == "read"
    assert answer.json.keys() == {"access_token", "token_type", "expires_in", "scope"}
    assert send({"client_id": "post", "client_secret": SECRET}).status_code == 200


def test_a11_each_in_the_way_that_it_registered(send):
    assert refused(send({"client_id": "basic", "client_secret": SECRET}))
    assert refused(send(auth=("post", SECRET)))
    assert refused(send(auth=("public", "")))
    assert refused(send({"client_id": "basic"}))
    assert refused(send({"client_id": "key"}))
    assert refused(send())


@pytest.mark.parametrize("name", ["", "%00", "x" * 300, "nobody", "%ED%A0%80", "b\xe4sic"])
def test_a11_names_that_nobody_has(send, name):
    assert refused(send(auth=(name, SECRET)))


@pytest.mark.parametrize("secret", ["wrong", "", SECRET + "x", SECRET[:-1], "ä", "\ud800"])
def test_a11_with_its_secret_only(send, secret):
    credentials = base64.b64encode(f"basic:{secret}".encode("utf-8", "surrogatepass")).decode()
    answer = send(headers={"Authorization": f"Basic {credentials}"})
    assert refused(answer)
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")


def test_a11_in_one_way_and_not_in_two(send):
    both = send({"client_id": "basic", "client_secret": SECRET}, auth=("basic", SECRET))
    assert refused(both, "invalid_request", 400)
    assert refused(send({"client_id": "post"}, auth=("basic", SECRET)), "invalid_request", 400)


def test_a11_nothing_in_the_address_counts(send, world, face):
    query = {"client_id": "post", "client_secret": SECRET, **SELF}
    assert refused(send({}, query_string=query))
    client = world.app.test_client(gateway=face[1])
    assert client.get("/oauth/token", query_string=query).status_code == 405


def test_credentials_are_encoded_before_they_are_encoded(world, send):
    with world.app.app_context():
        world.server.clients.add(
            client_id="a:b", client_secret="s:c/% +" * 5, grant_types=["client_credentials"]
        )
    assert send(auth=("a%3Ab", "s%3Ac%2F%25+%2B" * 5)).status_code == 200


def test_a11_an_address_that_fails_too_often_has_to_wait(world, send):
    pytest.importorskip("limits")
    world.auth.limits = Limits(rules={"client": Rule(address="3 per minute")})
    for _ in range(3):
        assert refused(send(auth=("basic", "wrong")))
    answer = send(auth=("basic", "wrong"))
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) <= 60
    assert send(auth=("basic", SECRET)).status_code == 200, "nobody can lock a client out"


# -- with a key ---------------------------------------------------------------------------------


def assertion(key=KEY, header=(), **changes):
    now = int(time.time())
    claims = {"iss": "key", "sub": "key", "aud": ISSUER, "jti": "1", "exp": now + 60, **changes}
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode({"alg": "ES256", "kid": KEY.kid, **dict(header)}, claims, key)


def with_key(token, **changes):
    return {"client_assertion_type": ASSERTION, "client_assertion": token, **changes}


def test_a_client_signs_that_it_is_it(send):
    assert send(with_key(assertion())).status_code == 200
    assert send(with_key(assertion(jti="2", aud=[f"{ISSUER}/oauth/token"]))).status_code == 200
    assert send(with_key(assertion(jti="3"), client_id="key")).status_code == 200


def test_once(send):
    token = assertion()
    assert send(with_key(token)).status_code == 200
    assert refused(send(with_key(token)))


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "https://other.example"},
        {"aud": [ISSUER, "https://other.example"]},
        {"aud": None},
        {"sub": "basic"},
        {"iss": "basic"},
        {"iss": 5},
        {"exp": None},
        {"exp": 1},
        {"exp": "soon"},
        {"exp": 5e9},
        {"exp": 10**400},
        {"nbf": 5e9},
        {"nbf": "later"},
        {"jti": None},
        {"jti": 7},
        {"key": OTHER_KEY},
        {"header": {"kid": "other"}},
    ],
    # The same in all processes that run the tests: no key in it.
    ids="-".join,
)
def test_what_it_signs_has_to_fit(send, changes):
    assert refused(send(with_key(assertion(**changes))))


@pytest.mark.parametrize("token", ["x", "a.b.c", "e30.e30.", "é", "e30.W10.e30", DEEP])
def test_what_is_no_assertion_is_refused(send, token):
    assert refused(send(with_key(token)))


def test_and_be_what_it_says(send):
    data = with_key(assertion(), client_assertion_type="urn:x")
    assert refused(send(data), "invalid_request", 400)
    assert refused(send(with_key(assertion(), client_id="basic")), "invalid_request", 400)
    assert refused(send(with_key(assertion()), auth=("basic", SECRET)), "invalid_request", 400)


# -- what they may ------------------------------------------------------------------------------


def test_a_client_by_itself_is_no_person(send):
    asked = send({"scope": "openid profile read"}, auth=("basic", SECRET)).json
    assert asked["scope"] == "read"
    assert "id_token" not in asked
    assert refused(send({"scope": "openid"}, auth=("basic", SECRET)), "invalid_scope", 400)


def test_what_it_did_not_register_for_it_may_not(world, send, face):
    assert refused(
        send({"grant_type": "refresh_token"}, auth=("basic", SECRET)), "unauthorized_client", 400
    )
    world.add_client("reader", grant_types=["client_credentials"], scope="read")
    assert send({"scope": "read write"}, auth=("reader", SECRET)).json["scope"] == "read"
    assert refused(send({"scope": "write"}, auth=("reader", SECRET)), "invalid_scope", 400)
    everything = send({"scope": ""}, auth=("reader", SECRET)).json
    assert everything["scope"] == "read", "who says nothing means all that it may have"
    shop = Shop(world, face[1], "reader")
    shop.log_in()
    assert shop.answer(shop.ask())["error"] == "unauthorized_client"


# -- registering --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "uri",
    [
        "http://shop.example/cb",
        "javascript:alert(1)",
        "data:text/html,x",
        "https://shop.example/cb#fragment",
        "https://user@shop.example/cb",
        "https://shop.example\\@evil.example/",
        "https://shop.example/a b",
        "https:///cb",
        "//shop.example/cb",
        "/cb",
        "",
        "com.example.app:/cb",
        "https://shop.example/\n",
        "http://localhost.evil.example/",
        "https://shop.example/" + "x" * 2000,
    ],
)
def test_a15_addresses_that_lead_anywhere_are_not_registered(world, uri):
    with world.app.app_context():
        for field in ("redirect_uris", "post_logout_redirect_uris"):
            with pytest.raises(ValueError, match=r"URI|address|user"):
                world.server.clients.add(**{"redirect_uris": [CALLBACK], field: [uri]})


def test_a_program_on_a_machine_may_have_a_scheme_of_its_own(world):
    with world.app.app_context():
        added = world.server.clients.add(
            "App",
            redirect_uris=["com.example.app:/cb"],
            application_type="native",
            token_endpoint_auth_method="none",
        )
        assert added.secret is None
        for uri in ("javascript:alert(1)", "myapp:/cb", "http://10.0.0.1/cb"):
            with pytest.raises(ValueError, match="neither an https"):
                world.server.clients.add(redirect_uris=[uri], application_type="native")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"client_id": ""}, "client_id"),
        ({"client_id": "x" * 256}, "client_id"),
        ({"redirect_uris": ()}, "needs redirect_uris"),
        ({"token_endpoint_auth_method": "client_secret_jwt"}, "is one of"),
        ({"token_endpoint_auth_method": "private_key_jwt"}, "jwks"),
        ({"application_type": "toaster"}, "'web' or 'native'"),
        ({"policy_uri": "javascript:alert(1)"}, "https"),
        ({"client_id": "a\0b"}, "client_id"),
        ({"jwks": {"keys": [KEY.as_dict(private=True)]}}, "private key"),
        (
            {"token_endpoint_auth_method": "none", "grant_types": ("client_credentials",)},
            "without credentials",
        ),
    ],
)
def test_clients_that_make_no_sense_are_refused(changes, told):
    values = {"client_id": "shop", "redirect_uris": (CALLBACK,), **changes}
    with pytest.raises(ValueError, match=told):
        ServerClient(**values)


def test_secrets_are_made_here_or_long(world):
    with world.app.app_context():
        clients = world.server.clients
        new = clients.add("Shop", redirect_uris=[CALLBACK])
        assert len(new.secret) == 43
        assert new.secret not in repr(new)
        assert clients.get(new.client_id).check_secret(new.secret)
        assert clients.get(new.client_id).secret_hash not in repr(clients.get(new.client_id))
        with pytest.raises(ValueError, match="32 random"):
            clients.add(client_secret="short", redirect_uris=[CALLBACK])
        with pytest.raises(ValueError, match="takes no secret"):
            clients.add(
                client_secret="x" * 40,
                redirect_uris=[CALLBACK],
                token_endpoint_auth_method="none",
            )
        with pytest.raises(ValueError, match="already"):
            clients.add(client_id="basic", redirect_uris=[CALLBACK])
        with pytest.raises(TypeError):
            clients.add(redirect_urls=[CALLBACK])


async def manage(clients):
    """Everything about clients, in async code."""
    await clients.aadd("New", client_id="new", redirect_uris=[CALLBACK])
    names = {client.client_id for client in await clients.aall()}
    secret = await clients.arenew_secret("new")
    fits = (await clients.aget("new")).check_secret(secret)
    return sorted(names), fits, await clients.aremove("new"), await clients.aget("new")


def test_they_are_managed_in_either_colour(world):
    with world.app.app_context():
        clients = world.server.clients
        assert world.app.async_to_sync(manage)(clients) == (
            ["basic", "key", "new", "post", "public"],
            True,
            True,
            None,
        )
        clients.add("New", client_id="new", redirect_uris=[CALLBACK])
        assert "new" in {client.client_id for client in clients.all()}
        secret = clients.renew_secret("new")
        assert clients.get("new").check_secret(secret)
        assert clients.remove("new")
        assert not clients.remove("new")
        assert clients.renew_secret("new") is None
        assert clients.renew_secret("public") is None


def test_a_client_that_goes_takes_everything_along(world, face):
    world.add_client("shop")
    shop = Shop(world, face[1])
    shop.log_in()
    tokens = shop.tokens(resource=API)
    with world.app.app_context():
        assert world.server.clients.remove("shop")
    assert refused(shop.refresh(tokens["refresh_token"]))
    assert shop.ask().status_code == 400
    assert [world.count(kind) for kind in ("grant", "access", "refresh", "consent")] == [0] * 4
