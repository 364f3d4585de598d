"""Back-channel logout: the provider says, from server to server, that somebody has logged out."""

import json
import time
from base64 import urlsafe_b64encode

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from cruse_auth import MemoryStore, MemoryTokenStore
from cruse_auth.testing import MISSING, FakeOAuth2Provider
from tests.colours import AsyncMethods


@pytest.fixture(params=["memory"])
def store(request):
    return MemoryStore() if request.param == "memory" else AsyncMethods(MemoryStore())


@pytest.fixture
def world(make_world, store):
    return make_world(store=store)


@pytest.fixture
def log_in(world, gateway, open_browser):
    """Log somebody in, in a browser of their own and a session of the provider's."""

    def start(subject="ada", sid="s1", **claims):
        browser = open_browser(world, gateway)
        with world.provider.tampering(claims={"sid": sid, **claims}):
            assert browser.login(subject).status_code == 303
        return browser

    return start


@pytest.fixture
def tell(world, gateway):
    """Send a logout token, as the provider does: without cookies."""
    client = world.app.test_client(gateway=gateway)

    def send(token, provider="op"):
        return client.post(f"/auth/{provider}/backchannel", data={"logout_token": token})

    return send


def test_a_session_ends_where_the_provider_says_so(world, log_in, tell):
    here, elsewhere, other = log_in(), log_in(sid="s2"), log_in("bob", "s3")
    answer = tell(world.provider.logout_token("ada", sid="s1"))
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert "Set-Cookie" not in answer.headers
    assert here.whoami == "nobody"
    assert (elsewhere.whoami, other.whoami) == ("Ada Lovelace", "Bob")


@pytest.mark.parametrize("store", ["memory", "async"], indirect=True)
def test_by_its_subject_a_person_is_logged_out_everywhere(world, log_in, tell):
    browsers = [log_in(), log_in(sid="s2")]
    other = log_in("bob", "s3")
    assert tell(world.provider.logout_token("ada")).status_code == 200
    assert [browser.whoami for browser in browsers] == ["nobody", "nobody"]
    assert other.whoami == "Bob"


def test_a_session_alone_is_enough(world, log_in, tell):
    browser = log_in()
    assert tell(world.provider.logout_token(sid="s1")).status_code == 200
    assert browser.whoami == "nobody"


def test_a_session_of_somebody_else_is_left_alone(world, log_in, tell):
    browser = log_in()
    assert tell(world.provider.logout_token("bob", sid="s1")).status_code == 200
    assert browser.whoami == "Ada Lovelace"


def hs256(header, claims):
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key("x" * 32))


def unsigned(header, claims):
    parts = [json.dumps(part).encode() for part in ({"alg": "none"}, claims)]
    return ".".join(urlsafe_b64encode(part).rstrip(b"=").decode() for part in [*parts, b""])


NOW = int(time.time())
WRONG = {
    "other audience": {"aud": "somebody else"},
    "no audience": {"aud": MISSING},
    "other issuer": {"iss": "https://evil.example"},
    "no issuer": {"iss": MISSING},
    "no events": {"events": MISSING},
    "other event": {"events": {"http://schemas.openid.net/event/other": {}}},
    "event without object": {"events": {"http://schemas.openid.net/event/backchannel-logout": 1}},
    "a nonce": {"nonce": "x"},
    "nobody": {"sub": MISSING},
    "subject no text": {"sub": 1},
    "session no text": {"sid": ["s1"]},
    "subject too long": {"sub": "x" * 256},
    "no jti": {"jti": MISSING},
    "no iat": {"iat": MISSING},
    "no exp": {"exp": MISSING},
    "iat a text": {"iat": "now"},
    "exp true": {"exp": True},
    "expired": {"exp": NOW - 3600},
    "old": {"iat": NOW - 3600},
    "from the future": {"iat": NOW + 24 * 3600},
}


@pytest.mark.parametrize("gateway", ["wsgi"])
@pytest.mark.parametrize("changes", WRONG.values(), ids=WRONG)
def test_c16_claims_that_do_not_fit(world, log_in, tell, changes, caplog):
    browser = log_in()
    token = world.provider.logout_token(**{"sub": "ada", **changes})
    answer = tell(token)
    assert answer.status_code == 400
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.get_json()["error"] == "invalid_request"
    assert browser.whoami == "Ada Lovelace"
    assert "was refused" in caplog.text


@pytest.mark.parametrize("gateway", ["wsgi"])
@pytest.mark.parametrize(
    "lie",
    [
        {"sign": hs256},
        {"sign": unsigned},
        {"header": {"typ": "at+jwt"}},
        {"header": {"jwk": {}}},
        {"header": {"kid": "../x"}},
    ],
)
def test_c16_signatures_and_kinds_that_do_not_fit(world, log_in, tell, lie):
    browser = log_in()
    with world.provider.tampering(**lie):
        assert tell(world.provider.logout_token("ada")).status_code == 400
    assert browser.whoami == "Ada Lovelace"


@pytest.mark.parametrize("gateway", ["wsgi"])
@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é", "x" * 9000])
def test_c16_what_is_no_token(tell, token):
    assert tell(token).status_code == 400


@pytest.mark.parametrize("gateway", ["wsgi"])
@pytest.mark.parametrize("kind", ["JWT", MISSING, "application/logout+jwt"])
def test_the_kind_may_be_said_otherwise(world, log_in, tell, kind):
    browser = log_in()
    with world.provider.tampering(header={"typ": kind}):
        assert tell(world.provider.logout_token("ada")).status_code == 200
    assert browser.whoami == "nobody"


def test_c16_a_token_is_good_for_once(world, log_in, tell):
    log_in()
    token = world.provider.logout_token("ada")
    assert tell(token).status_code == 200
    browser = log_in()
    assert tell(token).status_code == 400
    assert browser.whoami == "Ada Lovelace"


def test_a_token_used_again_in_another_process_ends_nothing_new(world, log_in, tell, clock):
    token = world.provider.logout_token("ada")
    clock.move(minutes=3)
    browser = log_in()
    assert tell(token).status_code == 400, "it has expired"
    later = world.provider.logout_token("ada", iat=int(clock.time()) - 120)
    assert tell(later).status_code == 200
    assert browser.whoami == "Ada Lovelace", "it began after the logout"


def test_the_same_subject_at_another_issuer_is_somebody_else(world, log_in, gateway):
    """An issuer may depend on the request, as with one for each customer."""
    browser = log_in()
    token = world.provider.logout_token("ada", iss="http://other.localhost/provider")
    client = world.app.test_client(gateway=gateway)
    url = "http://other.localhost/auth/op/backchannel"
    assert client.post(url, data={"logout_token": token}).status_code == 200
    assert browser.whoami == "Ada Lovelace"


def test_a_logout_that_failed_may_be_told_once_more(world, log_in, tell, monkeypatch):
    browser, store = log_in(), world.auth.store
    world.app.config["PROPAGATE_EXCEPTIONS"] = False
    token = world.provider.logout_token("ada")

    def gone(*_):
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(store, "of_provider", gone)
        assert tell(token).status_code == 500
    assert tell(token).status_code == 200
    assert browser.whoami == "nobody"


def test_c16_a_link_logs_nobody_out(world, log_in):
    browser = log_in()
    token = world.provider.logout_token("ada")
    assert browser.get(f"/auth/op/backchannel?logout_token={token}").status_code == 405
    assert browser.whoami == "Ada Lovelace"


def test_tokens_for_the_time_of_the_session_go_with_it(world, log_in, tell):
    world.auth.token_store = tokens = MemoryTokenStore()
    log_in()
    assert tokens.get("ada", "op") is not None
    tell(world.provider.logout_token("ada"))
    assert tokens.get("ada", "op") is None

    with world.provider.tampering(token={"scope": "openid offline_access"}):
        log_in()
    tell(world.provider.logout_token("ada"))
    assert tokens.get("ada", "op") is not None, "those for longer stay"


def test_without_a_record_of_logins_there_is_nothing_to_call(make_world):
    world = make_world()
    client = world.app.test_client()
    assert client.post("/auth/op/backchannel", data={}).status_code == 404


def test_a_provider_without_id_tokens_has_no_logout_tokens(make_world):
    world = make_world(store=MemoryStore())
    fake = FakeOAuth2Provider("/t", {})
    world.app.config["AUTH_PROVIDERS"] = {"op": fake.options(preset="github")}
    assert world.app.test_client().post("/auth/op/backchannel").status_code == 404


# -- what the record says -----------------------------------------------------------------------


def test_the_record_says_by_what_somebody_was_recognized(world, log_in):
    log_in(acr="urn:example:silver", amr=["pwd", "otp", 5, "x" * 65])
    with world.app.app_context():
        (record,) = world.auth.sessions("ada")
    assert (record.provider, record.subject, record.provider_sid) == ("op", "ada", "s1")
    assert (record.acr, record.amr) == ("urn:example:silver", ("pwd", "otp"))


@pytest.mark.parametrize("gateway", ["wsgi"])
@pytest.mark.parametrize("claims", [{"acr": 5, "amr": [5]}, {"acr": "x" * 300, "amr": [[]]}])
def test_what_makes_no_sense_there_is_left_out(world, log_in, claims):
    log_in(sid=["s"], **claims)
    with world.app.app_context():
        (record,) = world.auth.sessions("ada")
    assert (record.provider_sid, record.acr, record.amr) == (None, None, ())
