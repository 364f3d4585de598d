"""Tokens that are bound to a key of the client, and proofs that the client has it (RFC 9449).

A17 is the name of the attack in our own list.
"""

import hashlib
import time
from base64 import urlsafe_b64encode
from types import SimpleNamespace

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import JWSRegistry

from cruse import Cruse
from cruse_auth import Auth, InProcess, MemoryProofs
from cruse_auth.testing import MISSING, FakeProvider, Person

ISSUER = "https://id.example/provider"
KEY = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)
MINE = ECKey.generate_key("P-256")
THEIRS = ECKey.generate_key("P-256")
URL = "http://localhost/me"


@pytest.fixture(scope="module")
def app():
    provider = FakeProvider([Person("ada", "Ada")], issuer=ISSUER)
    provider.signing_key = KEY
    app = Cruse("api")
    app.config.update(TESTING=True, SECRET_KEY="a key of at least a few bytes")
    api = Auth(app).resource(
        issuer=ISSUER, audience="api", dpop=MemoryProofs(), transport=InProcess(provider.app)
    )
    app.get("/me")(api.require()(lambda token: {"sub": token.subject}))
    yield app
    app.stop()


def make_token(**changes):
    claims = {"iss": ISSUER, "aud": "api", "sub": "ada", "exp": int(time.time()) + 60}
    claims |= {"cnf": {"jkt": MINE.thumbprint()}, **changes}
    claims = {name: value for name, value in claims.items() if value is not MISSING}
    return jwt.encode({"alg": "RS256", "typ": "at+jwt", "kid": KEY.kid}, claims, KEY)


def ath(token):
    return urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()


def make_proof(token, header=(), key=MINE, **changes):
    claims = {"htm": "GET", "htu": URL, "iat": int(time.time()), "ath": ath(token)}
    claims |= {"jti": str(time.perf_counter_ns()), **changes}
    claims = {name: value for name, value in claims.items() if value is not MISSING}
    own = key.as_dict(private=False)
    header = {"alg": "ES256", "typ": "dpop+jwt", "jwk": own, **dict(header)}
    header = {name: value for name, value in header.items() if value is not MISSING}
    registry = JWSRegistry(algorithms=["ES256"], strict_check_header=False)
    return jwt.encode(header, claims, key, registry=registry)


@pytest.fixture
def ask(app, gateway):
    def send(token, proof=None, scheme="DPoP", query=""):
        headers = {"Authorization": f"{scheme} {token}"}
        if proof is not None:
            headers["DPoP"] = proof
        return app.test_client(gateway=gateway).get("/me" + query, headers=headers)

    return send


@pytest.mark.parametrize("htu", [URL, "http://LOCALHOST:80/me", URL + "?x=1#y"])
def test_a_token_with_its_proof_is_good(ask, htu):
    token = make_token()
    answer = ask(token, make_proof(token, htu=htu), query="?y=2")
    assert answer.get_json() == {"sub": "ada"}


def test_a17_a_bound_token_is_no_bearer_token(ask):
    token = make_token()
    answer = ask(token, make_proof(token), scheme="Bearer")
    assert answer.status_code == 401
    challenge = answer.headers["WWW-Authenticate"]
    assert challenge.startswith("DPoP ")
    assert "ES256" in challenge
    assert "error=" not in challenge


def test_a17_a_proof_is_good_once(ask):
    token = make_token()
    proof = make_proof(token)
    assert ask(token, proof).status_code == 200
    refused(ask(token, proof))


def refused(answer):
    assert answer.status_code == 401, answer.text
    assert 'error="invalid_dpop_proof"' in answer.headers["WWW-Authenticate"]


PROOFS = {
    "none": lambda token: None,
    "empty": lambda token: "",
    "endless": lambda token: "a" * 10_000,
    "no JWT": lambda token: "a.b.c",
    "two": lambda token: f"{make_proof(token)}, {make_proof(token)}",
    "another method": lambda token: make_proof(token, htm="POST"),
    "another page": lambda token: make_proof(token, htu=URL + "/x"),
    "another host": lambda token: make_proof(token, htu="http://evil.example/me"),
    "no URL": lambda token: make_proof(token, htu=7),
    "a broken URL": lambda token: make_proof(token, htu="http://localhost:x/me"),
    "old": lambda token: make_proof(token, iat=int(time.time()) - 300),
    "from the future": lambda token: make_proof(token, iat=int(time.time()) + 300),
    "no time": lambda token: make_proof(token, iat=MISSING),
    "no name": lambda token: make_proof(token, jti=MISSING),
    "a long name": lambda token: make_proof(token, jti="x" * 300),
    "another token": lambda token: make_proof(token, ath=ath("x")),
    "no token": lambda token: make_proof(token, ath=MISSING),
    "another key": lambda token: make_proof(token, key=THEIRS),
    "my key, their signature": lambda token: make_proof(
        token, {"jwk": MINE.as_dict(private=False)}, key=THEIRS
    ),
    "a private key": lambda token: make_proof(token, {"jwk": MINE.as_dict(private=True)}),
    "no key": lambda token: make_proof(token, {"jwk": MISSING}),
    "a key of another kind": lambda token: make_proof(token, {"jwk": KEY.as_dict(private=False)}),
    "another type": lambda token: make_proof(token, {"typ": "JWT"}),
}


@pytest.mark.parametrize("forge", PROOFS.values(), ids=PROOFS)
def test_a17_proofs_that_prove_nothing(ask, forge):
    token = make_token()
    refused(ask(token, forge(token)))


@pytest.mark.parametrize("cnf", [MISSING, None, "x", {}, {"jkt": 7}, {"jkt": "é"}])
def test_a17_tokens_that_are_not_bound_to_the_key(ask, cnf):
    token = make_token(cnf=cnf)
    refused(ask(token, make_proof(token)))


@pytest.mark.parametrize("colour", ["sync", "async"])
def test_processes_may_share_a_store_of_their_own(gateway, colour):
    seen = []

    def add(proof, seconds):
        seen.append((proof, seconds))
        return len(seen) == 1

    async def add_async(proof, seconds):
        return add(proof, seconds)

    provider = FakeProvider([Person("ada", "Ada")], issuer=ISSUER)
    provider.signing_key = KEY
    app = Cruse("api")
    app.config.update(TESTING=True, SECRET_KEY="a key of at least a few bytes")
    store = SimpleNamespace(add=add if colour == "sync" else add_async)
    transport = InProcess(provider.app)
    api = Auth(app).resource(issuer=ISSUER, audience="api", dpop=store, transport=transport)

    async def me(token):
        return "ok"

    app.get("/me")(api.require()(me))
    client = app.test_client(gateway=gateway)
    token = make_token()
    for status in (200, 401):
        headers = {"Authorization": f"DPoP {token}", "DPoP": make_proof(token)}
        assert client.get("/me", headers=headers).status_code == status
    assert [(len(proof), seconds) for proof, seconds in seen] == [(43, 180), (43, 180)]
    app.stop()


def test_the_memory_of_proofs_has_a_limit():
    proofs = MemoryProofs(most=2)
    assert [proofs.add(name, 60) for name in "aab"] == [True, False, True]
    assert proofs.add("c", 60)
    assert not proofs.add("c", 60)
    assert MemoryProofs().add("a", 0)


def test_behind_a_proxy_the_url_is_the_one_that_clients_see(gateway):
    provider = FakeProvider([Person("ada", "Ada")], issuer=ISSUER)
    provider.signing_key = KEY
    app = Cruse("api")
    app.config.update(TESTING=True, SECRET_KEY="a key of at least a few bytes")
    app.config["AUTH_EXTERNAL_URL"] = "https://api.example"
    transport = InProcess(provider.app)
    options = {"issuer": ISSUER, "audience": "api", "transport": transport}
    api = Auth(app).resource(dpop=MemoryProofs(), **options)
    app.get("/a thing")(api.require()(lambda token: "ok"))
    client = app.test_client(gateway=gateway)
    token = make_token()
    for url, status in (
        ("https://api.example/a%20thing", 200),
        ("http://localhost/a%20thing", 401),
    ):
        headers = {"Authorization": f"DPoP {token}", "DPoP": make_proof(token, htu=url)}
        assert client.get("/a%20thing", headers=headers).status_code == status
    app.stop()
