"""Attacks on a login, each refused: the list that RFC 9700, OpenID Connect and ASVS 5.0 make.

C1 to C15 are the names of the attacks in our own list; each test says what is done.
"""

import hashlib
import hmac
import json
import time
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey
from joserfc.jws import JWSRegistry

from cruse import request
from cruse_auth.testing import MISSING, FakeProvider, Person

HOUR = 3600


def b64(value):
    return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@pytest.fixture
def refused(browser, world, caplog):
    """Check that a callback logs nobody in, and why; return the answer."""

    def check(callback, cause, status=400):
        caplog.clear()
        answer = browser.get(callback)
        assert answer.status_code == status
        assert cause in caplog.text
        assert cause not in answer.text, "the cause is for the log"
        assert "Not signed in" in answer.text
        assert browser.whoami == "nobody"
        assert world.users == {}, "the application did not even hear of it"
        return answer

    return check


@pytest.fixture
def approve(browser, world):
    """Begin a login and approve it; return the callback."""

    def begin():
        return world.provider.approve(browser.start(), "ada")

    return begin


def asked_for_tokens(world):
    return ("POST", "/oauth/token") in world.provider.requests


# -- C1, C2, C12: the callback belongs to a login of this browser -------------------------------


def test_c1_a_callback_without_state(refused, approve, world):
    approve()
    refused("/auth/op/callback?code=x", "the callback has no state")
    assert not asked_for_tokens(world)


def test_c1_a_callback_with_an_unknown_state(refused, approve, world):
    approve()
    refused("/auth/op/callback?code=x&state=made-up", "not of this one")
    assert not asked_for_tokens(world)


def test_c1_a_callback_with_a_state_that_begins_like_a_real_one(refused, browser, world):
    state = parse_qs(urlsplit(browser.start()).query)["state"][0]
    refused(f"/auth/op/callback?code=x&state={state[:8]}", "of another login")
    refused(f"/auth/op/callback?code=x&state={state}x", "of another login")
    assert not asked_for_tokens(world)


def test_c1_c12_a_callback_in_another_browser(world, gateway, approve, open_browser, caplog):
    callback = approve()  # the attacker's own login, up to here
    victim = open_browser(world, gateway)
    assert victim.get(callback).status_code == 400
    assert "no login cookie" in caplog.text
    assert victim.whoami == "nobody"
    assert not asked_for_tokens(world)


def test_c2_a_callback_that_was_used(browser, approve, world, caplog):
    callback = approve()
    assert browser.get(callback).status_code == 303
    assert browser.get(callback).status_code == 400
    assert "was finished before" in caplog.text
    assert world.provider.requests.count(("POST", "/oauth/token")) == 1


def test_a_login_that_took_too_long(refused, approve, monkeypatch):
    callback = approve()
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + 601)
    refused(callback, "more than 600 s ago")


@pytest.mark.parametrize(
    "forge",
    [
        lambda value: "nonsense",
        lambda value: value[:-2],
        lambda value: "." + value,
        lambda value: b64({"s": "x"}) + ".x.x",
    ],
)
def test_a_login_cookie_that_was_tampered_with(refused, browser, approve, forge):
    callback = approve()
    ((name, value),) = browser.cookies().items()
    browser.client.set_cookie(name, forge(value))
    refused(callback, "forged, damaged, or signed with another key")


def test_a_login_cookie_of_another_name_is_not_taken(refused, browser, approve):
    callback = approve()
    ((name, value),) = browser.cookies().items()
    browser.client.delete_cookie(name)
    browser.client.set_cookie(name.replace("cruse_login_", "cruse_login_0"), value)
    refused(callback, "of another login")


def test_with_https_a_cookie_that_a_subdomain_could_have_set_is_not_taken(
    make_world, open_browser, gateway, caplog
):
    world = make_world(config={"AUTH_EXTERNAL_URL": "https://localhost"})
    browser = open_browser(world, gateway)
    start = browser.client.post("/auth/op/login", base_url="https://localhost")
    (cookie,) = start.headers.getlist("Set-Cookie")
    assert cookie.startswith("__Host-cruse_login_")
    for attribute in ("Secure", "HttpOnly", "Path=/", "SameSite=Lax"):
        assert attribute in cookie
    name, value = cookie.partition(";")[0].split("=", 1)
    callback = world.provider.approve(start.location, "ada")

    fresh = open_browser(world, gateway)
    fresh.client.set_cookie(name.removeprefix("__Host-"), value, secure=True)
    answer = fresh.get(callback, base_url="https://localhost")
    assert answer.status_code == 400
    assert "of another login" in caplog.text
    assert browser.get(callback, base_url="https://localhost").status_code == 303


def test_logins_survive_a_change_of_the_secret_key(make_world, open_browser, remote, gateway):
    provider, options = remote
    world = make_world(options=options)
    browser = open_browser(world, gateway)
    url = browser.start()
    old = world.app.config["SECRET_KEY"]
    world.app.config.update(SECRET_KEY="the next key", SECRET_KEY_FALLBACKS=[old])
    assert browser.get(provider.approve(url, "ada")).status_code == 303


# -- C3: a login belongs to the provider that it began with -------------------------------------


def test_c3_a_login_that_is_delivered_to_another_provider(
    make_world, open_browser, gateway, caplog
):
    world = make_world()
    world.app.config["AUTH_PROVIDERS"]["two"] = world.provider.options()
    browser = open_browser(world, gateway)
    callback = world.provider.approve(browser.start("op"), "ada")
    answer = browser.get(callback.replace("/auth/op/", "/auth/two/"))
    assert answer.status_code == 400
    assert "began with provider 'op', the callback has 'two'" in caplog.text
    assert not asked_for_tokens(world)
    assert browser.get(callback).status_code == 303, "where it belongs it is still good"


def test_c3_a_login_that_comes_back_to_another_host(browser, world, approve, caplog):
    world.app.config["AUTH_PROVIDERS"]["op"]["issuer"] = "http://localhost/provider"
    callback = urlsplit(approve())._replace(scheme="", netloc="").geturl()
    ((name, value),) = browser.cookies().items()
    browser.client.set_cookie(name, value, domain="other.example")
    answer = browser.get(callback, base_url="http://other.example")
    assert answer.status_code == 400
    assert "is it another host?" in caplog.text


# -- C4, C6: the answer is that of the provider we asked (RFC 9207, Discovery 4.3) --------------


@pytest.mark.parametrize("issuer", ["https://evil.example", "", MISSING])
def test_c4_an_answer_of_another_issuer_or_of_none(refused, browser, world, issuer):
    with world.provider.tampering(callback={"iss": issuer}):
        callback = world.provider.approve(browser.start(), "ada")
    refused(callback, "the answer is that of issuer")
    assert not asked_for_tokens(world), "the code stays here"


def test_c4_an_error_of_another_issuer_is_not_believed_either(refused, browser, world):
    with world.provider.tampering(callback={"iss": "https://evil.example"}):
        callback = world.provider.approve(browser.start(), "nobody")
    refused(callback, "the answer is that of issuer")


def test_c4_a_provider_that_never_promised_to_name_itself_need_not(browser, world):
    quiet = {"authorization_response_iss_parameter_supported": MISSING}
    with world.provider.tampering(discovery=quiet, callback={"iss": MISSING}):
        assert browser.login().status_code == 303


@pytest.mark.parametrize("issuer", ["https://evil.example", "http://localhost/provider/", MISSING])
def test_c6_metadata_of_another_issuer(browser, world, caplog, issuer):
    with world.provider.tampering(discovery={"issuer": issuer}):
        answer = browser.client.post("/auth/op/login")
    assert answer.status_code == 502
    assert "write the issuer exactly as the provider does" in caplog.text
    assert "Set-Cookie" not in answer.headers


# -- C5: PKCE -----------------------------------------------------------------------------------


def test_c5_every_login_has_its_own_pkce_challenge_state_and_nonce(browser):
    seen = []
    for _ in range(2):
        query = parse_qs(urlsplit(browser.start()).query)
        assert query["code_challenge_method"] == ["S256"]
        assert query["response_type"] == ["code"]
        assert len(query["code_challenge"][0]) == 43
        seen += [query["code_challenge"][0], query["state"][0], query["nonce"][0]]
    assert len(set(seen)) == 6


def test_c5_the_cookie_has_neither_the_verifier_nor_the_nonce(browser, world):
    query = parse_qs(urlsplit(browser.start()).query)
    (value,) = browser.cookies().values()
    assert query["nonce"][0] not in _unpacked(value)
    assert query["state"][0] in _unpacked(value)


def _unpacked(value):
    payload = value.removeprefix(".").partition(".")[0]
    data = urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    return (zlib.decompress(data) if value.startswith(".") else data).decode()


def test_c5_a_code_of_another_login_is_worthless_here(browser, world, caplog):
    other = parse_qs(urlsplit(world.provider.approve(browser.start(), "bob")).query)["code"][0]
    callback = urlsplit(world.provider.approve(browser.start(), "ada"))
    query = {key: values[0] for key, values in parse_qs(callback.query).items()}
    answer = browser.get(f"{callback.path}?{urlencode({**query, 'code': other})}")
    assert answer.status_code == 400
    assert "invalid_grant" in caplog.text


# -- C7: the signature of the ID token (RFC 8725) -----------------------------------------------


def unsigned(header, claims):
    return f"{b64({**header, 'alg': 'none'})}.{b64(claims)}."


@pytest.fixture(scope="module")
def attacker():
    """A key pair of the attacker's."""
    return RSAKey.generate_key(2048, {"use": "sig"}, auto_kid=True)


@pytest.mark.parametrize("advertised", [["RS256"], ["RS256", "none"], ["none"]])
def test_c7_no_signature(refused, world, approve, advertised):
    lie = {"id_token_signing_alg_values_supported": advertised}
    with world.provider.tampering(discovery=lie, sign=unsigned):
        refused(approve(), "signed with 'none', which is not allowed")


@pytest.mark.parametrize("advertised", [["RS256"], ["RS256", "HS256"]])
def test_c7_the_public_key_as_a_secret(refused, world, approve, advertised):
    public = world.provider.signing_key.as_pem(private=False)

    def sign(header, claims):  # by hand: the library refuses to make such a key
        message = f"{b64({**header, 'alg': 'HS256'})}.{b64(claims)}"
        digest = hmac.digest(public, message.encode(), hashlib.sha256)
        return f"{message}.{urlsafe_b64encode(digest).rstrip(b'=').decode()}"

    lie = {"id_token_signing_alg_values_supported": advertised}
    with world.provider.tampering(discovery=lie, sign=sign):
        refused(approve(), "signed with 'HS256', which is not allowed")


def test_c7_the_client_secret_as_a_key(refused, world, approve):
    secret = OctKey.import_key(world.provider.clients["development"].client_secret)

    def sign(header, claims):
        return jwt.encode({**header, "alg": "HS256"}, claims, secret)

    with world.provider.tampering(sign=sign):
        refused(approve(), "signed with 'HS256', which is not allowed")


@pytest.mark.parametrize("brings", ["jwk", "jku", "x5u"])
def test_c7_a_token_that_brings_its_own_key(refused, world, approve, brings):
    key = ECKey.generate_key("P-256")
    brought = key.as_dict(private=False) if brings == "jwk" else "http://127.0.0.1:9/key"
    registry = JWSRegistry(algorithms=["ES256"], strict_check_header=False)

    def sign(header, claims):
        header = {**header, "alg": "ES256", brings: brought}
        return jwt.encode(header, claims, key, registry=registry)

    lie = {"id_token_signing_alg_values_supported": ["ES256"]}
    with world.provider.tampering(discovery=lie, sign=sign):
        refused(approve(), "brings its own key")


def test_c7_a_token_that_somebody_else_signed(refused, world, approve, attacker):
    with world.provider.tampering(sign=lambda h, c: jwt.encode(h, c, attacker)):
        refused(approve(), "signature is not good")


@pytest.mark.parametrize("kid", ["../../dev/null", "' OR 1=1 --", "", "x" * 300])
def test_c7_a_strange_key_id(refused, world, approve, attacker, kid):
    with world.provider.tampering(header={"kid": kid}):
        refused(approve(), "has no key for a token", status=502)


@pytest.mark.parametrize("kid", [7, {"a": 1}, ["x"]])
def test_c7_a_key_id_that_is_no_text(refused, world, approve, kid):
    def sign(header, claims):
        return f"{b64({**header, 'kid': kid})}.{b64(claims)}.eA"

    with world.provider.tampering(sign=sign):
        refused(approve(), "ID token")


def test_c7_extensions_that_must_be_understood(refused, world, approve):
    def sign(header, claims):
        return f"{b64({**header, 'crit': ['x'], 'x': 1})}.{b64(claims)}.eA"

    with world.provider.tampering(sign=sign):
        refused(approve(), "critical extensions ['x']")


@pytest.mark.parametrize("token", ["", "x", "a.b", "a.b.c", "....", "é.é.é", "W10.e30.eA"])
def test_c7_something_that_is_no_token(refused, world, approve, token):
    with world.provider.tampering(sign=lambda header, claims: token):
        refused(approve(), "the ID token cannot be read")


def test_c7_made_up_key_ids_do_not_make_us_ask_for_keys_again_and_again(browser, world, approve):
    browser.login()
    for number in range(4):
        with world.provider.tampering(header={"kid": f"made-up-{number}"}):
            assert browser.get(approve()).status_code == 502
    assert world.provider.requests.count(("GET", "/oauth/jwks")) == 1


def test_keys_that_the_provider_changed_are_found(make_world, open_browser, gateway):
    world = make_world(config={"AUTH_JWKS_COOLDOWN": 0})
    browser = open_browser(world, gateway)
    browser.login()
    world.provider.signing_key = RSAKey.generate_key(
        2048, {"use": "sig", "alg": "RS256"}, auto_kid=True
    )
    assert browser.login().status_code == 303
    assert world.provider.requests.count(("GET", "/oauth/jwks")) == 2


def test_old_keys_do_not_become_new_when_the_provider_fails_once(browser, world, monkeypatch):
    browser.login()
    now = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: now() + 4000)
    with world.provider.tampering(jwks={"keys": MISSING}):
        assert browser.login().status_code == 502
    monkeypatch.setattr(time, "monotonic", lambda: now() + 4011)
    world.provider.signing_key = RSAKey.generate_key(
        2048, {"use": "sig", "alg": "RS256"}, auto_kid=True
    )
    assert browser.login().status_code == 303


def test_a_token_without_key_id_is_good_while_there_is_one_key(browser, world):
    with world.provider.tampering(header={"kid": MISSING}):
        assert browser.login().status_code == 303


def test_a_token_without_key_id_is_refused_when_there_are_several(
    refused, world, approve, attacker
):
    keys = [world.provider.jwks()["keys"][0], attacker.as_dict(private=False)]
    with world.provider.tampering(header={"kid": MISSING}, jwks={"keys": keys}):
        refused(approve(), "has 2 keys for a token", status=502)


def test_keys_that_we_cannot_use_are_passed_over(browser, world):
    strange = [None, {"kty": "XX"}, {"kty": "RSA"}, {"kty": "oct", "k": "c2VjcmV0"}, 7]
    with world.provider.tampering(jwks={"keys": strange + world.provider.jwks()["keys"]}):
        assert browser.login().status_code == 303


# -- C8: the claims of the ID token -------------------------------------------------------------


def later(seconds):
    return int(time.time()) + seconds


CLAIMS = {
    "no iss": {"iss": MISSING},
    "wrong iss": {"iss": "https://evil.example"},
    "iss with a slash": {"iss": "http://localhost/provider/"},
    "no aud": {"aud": MISSING},
    "other aud": {"aud": "somebody else"},
    "other aud, azp is us": {"aud": "somebody else", "azp": "development"},
    "other auds, azp is us": {"aud": ["a", "b"], "azp": "development"},
    "two auds without azp": {"aud": ["development", "somebody else"]},
    "two auds, azp is not us": {"aud": ["development", "x"], "azp": "x"},
    "azp is not us": {"azp": "somebody else"},
    "aud of a wrong type": {"aud": {"development": True}},
    "no nonce": {"nonce": MISSING},
    "empty nonce": {"nonce": ""},
    "wrong nonce": {"nonce": "of another login"},
    "no exp": {"exp": MISSING},
    "expired 3 minutes ago": {"exp": later(-180)},
    "exp is no number": {"exp": "tomorrow"},
    "exp is not a number": {"exp": float("nan")},
    "no iat": {"iat": MISSING},
    "from the future": {"iat": later(HOUR)},
    "not valid yet": {"nbf": later(HOUR)},
    "wrong at_hash": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
    "at_hash of a wrong type": {"at_hash": [10**9]},
    "no sub": {"sub": MISSING},
    "empty sub": {"sub": ""},
    "sub is no text": {"sub": 7},
    "sub is too long": {"sub": "x" * 256},
}


@pytest.mark.parametrize("claims", CLAIMS.values(), ids=CLAIMS)
def test_c8_claims_that_do_not_fit(refused, world, approve, claims):
    with world.provider.tampering(claims=claims):
        refused(approve(), "the ID token's")


def test_c8_our_clocks_may_differ_a_little(browser, world):
    with world.provider.tampering(claims={"iat": later(30), "exp": later(-30)}):
        assert browser.login().status_code == 303


def test_c8_several_audiences_are_good_when_we_are_the_party(browser, world):
    with world.provider.tampering(claims={"aud": ["development", "x"], "azp": "development"}):
        assert browser.login().status_code == 303


@pytest.mark.parametrize("subject", ["bob", MISSING, None, 7])
def test_c8_userinfo_about_somebody_else(refused, world, approve, subject):
    with world.provider.tampering(userinfo={"sub": subject}):
        refused(approve(), "userinfo is about")


# -- C9: the token endpoint's answer ------------------------------------------------------------


@pytest.mark.parametrize("token", [MISSING, None, 7])
def test_c9_no_id_token(refused, world, approve, token):
    with world.provider.tampering(token={"id_token": token}):
        refused(approve(), "sent no ID token")


ANSWERS = {
    "no access token": ({"access_token": MISSING}, "no access token"),
    "an access token with a line break": ({"access_token": "a\r\nX: y"}, "no access token"),
    "an access token of a wrong type": ({"access_token": 7}, "no access token"),
    "another token type": ({"token_type": "DPoP"}, "of type 'DPoP'"),
    "no token type": ({"token_type": MISSING}, "of type None"),
}


@pytest.mark.parametrize(("answer", "cause"), ANSWERS.values(), ids=ANSWERS)
def test_c9_answers_that_make_no_sense(refused, world, approve, answer, cause):
    with world.provider.tampering(token=answer):
        refused(approve(), cause, status=502)


def test_c9_an_error_in_an_answer_that_says_200(refused, world, approve):
    with world.provider.tampering(token={"error": "server_error"}):
        refused(approve(), "the token endpoint refused (status 200) with 'server_error'")


def test_a_callback_with_neither_code_nor_error(refused, world, browser):
    with world.provider.tampering(callback={"code": MISSING}):
        refused(world.provider.approve(browser.start(), "ada"), "neither a code nor an error")


# -- C11: what other sites can start ------------------------------------------------------------

OTHER_SITES = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://evil.example"},
    {"Origin": "http://localhost.evil.example"},
    {"Origin": "null"},
    {"Origin": "http://["},
]
OWN_PAGES = [
    {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"},
    {"Origin": "http://localhost"},
    {"Origin": "https://localhost"},  # behind a proxy that ends TLS we may not know better
    {},
]


@pytest.mark.parametrize("headers", OTHER_SITES, ids=str)
@pytest.mark.parametrize("url", ["/auth/op/login", "/auth/logout"])
def test_c11_another_site_can_log_nobody_in_or_out(browser, world, url, headers):
    browser.login()
    requests = len(world.provider.requests)
    answer = browser.client.post(url, headers=headers)
    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers
    assert len(world.provider.requests) == requests
    assert browser.whoami == "Ada Lovelace"


@pytest.mark.parametrize("headers", OWN_PAGES, ids=str)
@pytest.mark.parametrize("url", ["/auth/op/login", "/auth/logout"])
def test_c11_our_own_pages_can(browser, url, headers):
    assert browser.client.post(url, headers=headers).status_code == 303


# -- C13, C15 -----------------------------------------------------------------------------------


def test_c13_the_same_address_at_another_provider_is_another_identity(
    make_world, open_browser, gateway
):
    world = make_world()
    other = FakeProvider([Person("1", "Not Ada", "ada@example.com")], url_prefix="/other")
    world.app.config["AUTH_PROVIDERS"]["two"] = other.options(
        issuer="http://other.localhost/other"
    )
    other.add_client(other.clients["development"])
    callback = "http://localhost/auth/two/callback"
    client = other.clients["development"]
    other.add_client(type(client)("development", client.client_secret, [callback]))
    browser = open_browser(world, gateway)
    browser.login()
    browser.get(other.approve(browser.start("two"), "1"))
    first, second = world.identities
    assert first.email == second.email
    assert first.key != second.key


def test_c15_no_cookie_has_a_token_in_it(browser, world):
    tokens = []

    @world.provider.app.after_request
    def hear(response):
        if request.path == "/provider/oauth/token":
            tokens.append(response.get_json())
        return response

    browser.login()
    everything = "".join(map(_anything, browser.cookies().values()))
    for name in ("access_token", "id_token"):
        assert tokens[0][name] not in everything
        assert tokens[0][name].partition(".")[0] not in everything


def _anything(value):
    try:
        return value + _unpacked(value)
    except ValueError:
        return value
