"""Tokens that are bound to a key of the client, from the server's side (DPoP, RFC 9449): A17."""

import base64
import hashlib
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey

from tests.relying import CALLBACK, ISSUER, VERIFIER, Shop

KEY = ECKey.generate_key("P-256")
OTHER = OKPKey.generate_key("Ed25519")
TOKEN = f"{ISSUER}/oauth/token"
USERINFO = f"{ISSUER}/oauth/userinfo"
LEFT_OUT = object()


def prove(key=KEY, method="POST", url=TOKEN, token=None, header=(), **claims):
    """Make a proof; ``header`` and ``claims`` change it."""
    fields = {
        "alg": "ES256" if key is not OTHER else "Ed25519",
        "typ": "dpop+jwt",
        "jwk": key.as_dict(private=False),
        **dict(header),
    }
    values = {"htm": method, "htu": url, "iat": int(time.time()), "jti": str(uuid.uuid4())}
    if token is not None:
        digest = hashlib.sha256(token.encode()).digest()
        values["ath"] = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    values = {name: value for name, value in {**values, **claims}.items() if value is not LEFT_OUT}
    return jwt.encode(fields, values, key, algorithms=[fields["alg"]])


def raw(header):
    """A proof with a header of these bytes, and no signature."""
    return base64.urlsafe_b64encode(header).decode().rstrip("=") + ".e30.eA"


#: What reads it nests as deep as it does.
DEEP = raw(b"[" * 5000)
#: A key that agrees on secrets, and has no signatures.
NOT_TO_SIGN = raw(
    b'{"alg": "EdDSA", "typ": "dpop+jwt", "jwk": {"kty": "OKP", "crv": "X25519", "x": "%s"}}'
    % (b"A" * 43)
)


def told(change):
    """The name of a test, the same in all processes that run it: no keys in it."""
    return "-".join(change) if isinstance(change, dict) else None


class Prover(Shop):
    """A shop that sends a proof with what it sends."""

    def send(self, path, data, proof, auth=True):
        if auth is True:
            auth = (self.client_id, self.secret) if self.secret else None
        if auth is None:
            data = {"client_id": self.client_id, **data}
        headers = {} if proof is None else {"DPoP": proof}
        return self.backend.post(path, data=data, auth=auth, headers=headers)

    def redeem_with(self, code, proof):
        data = {"code": code, "redirect_uri": self.callback, "code_verifier": VERIFIER}
        return self.send("/oauth/token", {"grant_type": "authorization_code", **data}, proof)

    def refresh_with(self, token, proof):
        data = {"grant_type": "refresh_token", "refresh_token": token}
        return self.send("/oauth/token", data, proof)

    def who(self, token, proof, scheme="DPoP"):
        headers = {"Authorization": f"{scheme} {token}"}
        if proof is not None:
            headers["DPoP"] = proof
        return self.backend.get("/oauth/userinfo", headers=headers)


@pytest.fixture
def make(open_shop):
    return partial(open_shop, Prover)


@pytest.fixture
def shop(make):
    return make()


@pytest.fixture
def bound(shop):
    """An access token that is bound to ``KEY``."""
    return shop.redeem_with(shop.code(), prove()).json["access_token"]


def prove_userinfo(token, key=KEY, **changes):
    return prove(key, **{"method": "GET", "url": USERINFO, "token": token, **changes})


# -- the token endpoint ---------------------------------------------------------------------------


def test_who_shows_a_key_gets_tokens_that_are_bound_to_it(shop):
    answer = shop.redeem_with(shop.code(), prove())
    assert answer.json["token_type"] == "DPoP"
    token = answer.json["access_token"]
    about = shop.post("/oauth/introspect", {"token": token}).json
    assert about["cnf"] == {"jkt": KEY.thumbprint()}
    assert about["token_type"] == "DPoP"
    assert shop.who(token, prove_userinfo(token)).json["sub"] == "ada"


def test_metadata_say_that_it_can(shop):
    document = shop.backend.get("/.well-known/openid-configuration").json
    assert "ES256" in document["dpop_signing_alg_values_supported"]
    assert not any(name.startswith("HS") for name in document["dpop_signing_alg_values_supported"])


@pytest.mark.parametrize(
    "proof",
    [
        {"method": "GET"},
        {"url": USERINFO},
        {"url": "https://evil.example/oauth/token"},
        {"iat": 1},
        {"iat": 2**40},
        {"iat": 10**400},
        {"iat": -(10**400)},
        {"iat": "now"},
        {"jti": LEFT_OUT},
        {"jti": "j" * 300},
        {"header": {"typ": "jwt"}},
        {"header": {"jwk": KEY.as_dict(private=True)}},
        {"header": {"jwk": OTHER.as_dict(private=False)}},
    ],
    ids=told,
)
def test_a_proof_that_proves_nothing_is_refused(shop, proof):
    answer = shop.redeem_with(shop.code(), prove(**proof))
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_dpop_proof")


@pytest.mark.parametrize(
    "proof",
    ["", "x", "a.b.c", "é", f"{prove()}, {prove()}", DEEP, NOT_TO_SIGN],
    ids=["empty", "short", "dots", "letter", "two", "deep", "not to sign"],
)
def test_what_is_no_proof_is_refused(shop, proof):
    answer = shop.redeem_with(shop.code(), proof)
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_dpop_proof")


def test_a_proof_is_good_once(shop):
    proof = prove()
    assert shop.redeem_with(shop.code(), proof).status_code == 200
    again = shop.redeem_with(shop.code(), proof)
    assert (again.status_code, again.json["error"]) == (400, "invalid_dpop_proof")


def test_of_many_who_bring_one_proof_at_once_one_may(shop, bound):
    proof = prove_userinfo(bound)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: shop.who(bound, proof).status_code, range(8)))
    assert sorted(answers) == [200] + [401] * 7


def test_a_bad_proof_does_not_use_up_the_code(shop):
    code = shop.code()
    assert shop.redeem_with(code, prove(iat=1)).status_code == 400
    assert shop.redeem_with(code, prove()).status_code == 200


def test_it_can_be_required_of_all(make):
    shop = make(dpop="required")
    assert shop.redeem(shop.code()).json["error"] == "invalid_dpop_proof"
    assert shop.redeem_with(shop.code(), prove()).status_code == 200


def test_it_can_be_required_of_one(shop):
    shop.world.add_client("till", dpop_bound_access_tokens=True)
    till = Prover(shop.world, "wsgi", "till")
    till.log_in()
    assert till.redeem(till.code()).json["error"] == "invalid_dpop_proof"
    assert till.redeem_with(till.code(), prove()).status_code == 200


# -- refresh tokens and codes ---------------------------------------------------------------------


def test_the_refresh_token_of_who_has_no_secret_needs_the_same_key(shop):
    shop.world.add_client("app", token_endpoint_auth_method="none")
    app = Prover(shop.world, "wsgi", "app", secret=None)
    app.log_in()
    tokens = app.redeem_with(app.code(), prove()).json
    for proof in (None, prove(OTHER)):
        answer = app.refresh_with(tokens["refresh_token"], proof)
        assert (answer.status_code, answer.json["error"]) == (400, "invalid_grant")
    assert app.refresh_with(tokens["refresh_token"], prove()).json["token_type"] == "DPoP"


def test_who_has_a_secret_may_change_the_key(shop):
    token = shop.redeem_with(shop.code(), prove()).json["refresh_token"]
    token = shop.refresh_with(token, prove(OTHER)).json["access_token"]
    assert shop.who(token, prove_userinfo(token, OTHER)).status_code == 200


def test_a_code_can_be_bound_too(shop):
    bound = {"dpop_jkt": KEY.thumbprint()}
    assert shop.redeem(shop.code(**bound)).json["error"] == "invalid_grant"
    assert shop.redeem_with(shop.code(**bound), prove(OTHER)).json["error"] == "invalid_grant"
    assert shop.redeem_with(shop.code(**bound), prove()).status_code == 200
    assert shop.answer(shop.ask(dpop_jkt="no thumbprint"))["error"] == "invalid_request"


def test_a_request_that_is_pushed_with_a_proof_binds_the_code(shop):
    def push(proof, **changes):
        wish = shop.wish(**changes)
        return shop.send("/oauth/par", wish, proof)

    name = push(prove(url=f"{ISSUER}/oauth/par")).json["request_uri"]
    query = {"client_id": "shop", "request_uri": name}
    page = shop.browser.get("/oauth/authorize", query_string=query)
    code = shop.answer(shop.decide(page))["code"]
    assert shop.redeem(code).json["error"] == "invalid_grant"
    assert shop.redeem_with(code, prove()).status_code == 200
    for answer in (
        push(prove(url=f"{ISSUER}/oauth/par"), dpop_jkt=OTHER.thumbprint()),
        push(prove()),
    ):
        assert (answer.status_code, answer.json["error"]) == (400, "invalid_dpop_proof")


# -- userinfo -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("proof", "error"),
    [
        ({"key": OTHER}, "invalid_token"),
        ({"token": "another"}, "invalid_dpop_proof"),
        ({"ath": LEFT_OUT}, "invalid_dpop_proof"),
        ({"method": "POST"}, "invalid_dpop_proof"),
        ({"url": TOKEN}, "invalid_dpop_proof"),
        ({"iat": 1}, "invalid_dpop_proof"),
    ],
    ids=told,
)
def test_a_copied_token_is_worth_nothing(shop, bound, proof, error):
    proof = {"token": bound, "key": KEY, "method": "GET", "url": USERINFO, **proof}
    answer = shop.who(bound, prove(**proof))
    assert answer.status_code == 401
    challenge = answer.headers["WWW-Authenticate"]
    assert challenge.startswith("DPoP ")
    assert f'error="{error}"' in challenge
    assert 'algs="' in challenge


def test_a_bound_token_is_no_bearer_token(shop, bound):
    answer = shop.who(bound, prove_userinfo(bound), "Bearer")
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert shop.who(bound, None).status_code == 401


def test_a_bearer_token_is_no_bound_one(shop):
    token = shop.tokens()["access_token"]
    assert shop.who(token, prove_userinfo(token)).status_code == 401


def test_a_proof_for_userinfo_is_good_once(shop, bound):
    proof = prove_userinfo(bound)
    assert shop.who(bound, proof).status_code == 200
    assert shop.who(bound, proof).status_code == 401


def test_the_api_gets_the_binding_in_the_token(shop):
    shop.callback = CALLBACK
    code = shop.code(resource="https://api.example/v1")
    token = shop.redeem_with(code, prove()).json["access_token"]
    payload = token.split(".")[1]
    claims = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    assert KEY.thumbprint().encode() in claims
