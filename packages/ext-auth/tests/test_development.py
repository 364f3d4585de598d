"""The development provider, as an application and an attacker see it."""

from base64 import b64encode, urlsafe_b64decode
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from cruse import Cruse
from cruse.extension import SettingsError
from cruse_auth.development import Client, DevelopmentProvider, Person
from cruse_auth.server import MemoryServerStore
from cruse_auth.testing import FakeProvider

PEOPLE = [Person("ada", "Ada Lovelace", "ada@example.com")]
KEY = RSAKey.generate_key(2048, auto_kid=True)
CALLBACK = "https://app.example/callback"
VERIFIER = "v" * 43
REQUEST = {
    "client_id": "app",
    "redirect_uri": CALLBACK,
    "response_type": "code",
    "scope": "openid profile email",
    "state": "abc",
    "nonce": "n",
    "code_challenge": create_s256_code_challenge(VERIFIER),
    "code_challenge_method": "S256",
}


@pytest.fixture
def provider():
    provider = DevelopmentProvider(PEOPLE)
    with provider.app.app_context():  # making a key takes longer than a test
        provider.app.extensions["auth"].server.server.keys.rotate(key=KEY)
    provider.add_client(Client("app", "secret", [CALLBACK], ["https://app.example/bye"]))
    return provider


@pytest.fixture
def client(provider, gateway):
    return provider.app.test_client(gateway=gateway)


def authorize(client, person="ada", headers=None, **changes):
    """Choose a person; return the answer."""
    query = urlencode({**REQUEST, **changes}, doseq=True)
    answer = client.get(f"/provider/oauth/authorize?{query}")
    if not (answer.location or "").startswith("/provider/choose?"):
        return answer
    chosen = client.post(answer.location, data={"person": person}, headers=headers)
    return client.get(chosen.location) if chosen.status_code == 303 else chosen


def code_of(answer):
    return parse_qs(urlsplit(answer.location).query)["code"][0]


def exchange(client, code, auth=("app", "secret"), **changes):
    data = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
        **changes,
    }
    return client.post("/provider/oauth/token", data=data, auth=auth)


def test_the_page_offers_people_and_is_safe(client):
    page = client.get("/provider/oauth/authorize", query_string=REQUEST, follow_redirects=True)
    assert page.status_code == 200
    assert "Ada Lovelace" in page.text
    assert "asks for no password" in page.text
    assert page.headers["X-Frame-Options"] == "DENY"
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "same-origin"


def test_a_person_is_chosen_and_the_application_learns_who(client, provider):
    answer = authorize(client)
    assert answer.status_code == 303
    query = parse_qs(urlsplit(answer.location).query)
    assert answer.location.startswith(f"{CALLBACK}?")
    assert (query["state"], query["iss"]) == (["abc"], ["http://localhost/provider"])

    tokens = exchange(client, code_of(answer))
    assert tokens.headers["Cache-Control"] == "no-store"
    keys = KeySet.import_key_set(client.get("/provider/oauth/jwks").get_json())
    token = jwt.decode(tokens.get_json()["id_token"], keys)
    assert token.header["alg"] == "RS256"
    assert token.claims["iss"] == "http://localhost/provider"
    assert (token.claims["aud"], token.claims["nonce"]) == ("app", "n")

    bearer = {"Authorization": f"Bearer {tokens.get_json()['access_token']}"}
    assert client.get("/provider/oauth/userinfo", headers=bearer).get_json() == {
        "sub": "ada",
        "name": "Ada Lovelace",
        "preferred_username": "ada",
        "email": "ada@example.com",
        "email_verified": True,
    }


def test_the_published_keys_have_no_private_part(client):
    (key,) = client.get("/provider/oauth/jwks").get_json()["keys"]
    assert not key.keys() & {"d", "p", "q", "dp", "dq", "qi"}
    assert key["kid"]


@pytest.mark.parametrize(
    "uri",
    [
        "/callback",
        CALLBACK + "/",
        CALLBACK + "/../x",
        CALLBACK + "?x",
        CALLBACK + "#f",
        "https://APP.example/callback",
        "https://app.example@evil.example/callback",
        "https://evil.example/callback",
        "https://x.app.example/callback",
        "javascript:alert(1)",
        "http://localhost/elsewhere",
        "https://[",
    ],
)
def test_only_registered_addresses_are_redirected_to(client, uri):
    for answer in (
        client.get("/provider/oauth/authorize", query_string={**REQUEST, "redirect_uri": uri}),
        client.post("/provider/oauth/authorize", data={**REQUEST, "redirect_uri": uri}),
    ):
        assert answer.status_code == 400
        assert "Location" not in answer.headers


def test_an_unknown_client_is_redirected_nowhere(client):
    answer = authorize(client, client_id="nobody")
    assert (answer.status_code, answer.location) == (400, None)


@pytest.mark.parametrize(
    ("uri", "status"),
    [
        ("http://localhost/auth/op/callback", 303),
        ("http://localhost/auth/other/callback", 400),
        ("http://localhost/any/where", 400),
        ("https://localhost/auth/op/callback", 400),
        ("http://localhost:81/auth/op/callback", 400),
        ("http://localhost/auth/op/callback#f", 400),
        ("//localhost/auth/op/callback", 400),
    ],
)
def test_the_application_it_is_mounted_in_may_use_its_own_callbacks_only(
    world, gateway, uri, status
):
    browser = world.app.test_client(gateway=gateway)
    answer = authorize(browser, client_id="development", redirect_uri=uri)
    assert answer.status_code == status


def test_its_own_callback_is_at_the_address_that_browsers_know(make_world, gateway):
    world = make_world(config={"AUTH_EXTERNAL_URL": "https://shop.example"})
    browser = world.app.test_client(gateway=gateway)
    uri = "https://shop.example/auth/op/callback"
    answer = authorize(browser, client_id="development", redirect_uri=uri)
    assert answer.location.startswith(f"{uri}?code=")
    assert "iss=https%3A%2F%2Fshop.example%2Fprovider" in answer.location


def test_people_are_asked_each_time(client):
    assert "code=" in authorize(client).location
    page = client.get("/provider/oauth/authorize", query_string=REQUEST, follow_redirects=True)
    assert "Ada Lovelace" in page.text


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": ""}, "invalid_request"),
        ({"scope": "pets"}, "invalid_scope"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"state": ["a", "b"]}, "invalid_request"),
        ({"scope": ["openid", "email"]}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
        ({"person": "nobody"}, "access_denied"),
    ],
)
def test_other_errors_are_told_to_the_application(client, changes, error):
    answer = authorize(client, **changes)
    assert answer.status_code == 303
    query = parse_qs(urlsplit(answer.location).query)
    assert query["error"] == [error]
    assert query["iss"] == ["http://localhost/provider"]
    assert "code" not in query


def test_another_site_cannot_choose_for_us(client):
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        assert authorize(client, headers=headers).status_code == 403


def test_a_code_is_good_once(client):
    code = code_of(authorize(client))
    assert exchange(client, code).status_code == 200
    answer = exchange(client, code)
    assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_grant")


def test_state_and_nonce_come_back_only_if_they_were_sent(client):
    query = {key: value for key, value in REQUEST.items() if key not in ("state", "nonce")}
    answer = authorize(client, **dict.fromkeys(REQUEST.keys() - query.keys(), ""))
    assert "state" not in parse_qs(urlsplit(answer.location).query)
    tokens = exchange(client, code_of(answer)).get_json()
    claims = tokens["id_token"].split(".")[1]
    assert b'"nonce"' not in urlsafe_b64decode(claims + "==")


@pytest.mark.parametrize(
    "changes",
    [
        {"code": "made up"},
        {"code_verifier": "w" * 43},
        {"redirect_uri": CALLBACK + "/"},
        {"auth": ("other", "secret")},
    ],
    ids=str,
)
def test_a_code_is_good_for_those_who_asked_for_it(client, provider, changes):
    provider.add_client(Client("other", "secret", [CALLBACK]))
    answer = exchange(client, **{"code": code_of(authorize(client)), **changes})
    assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_grant")


def test_clients_prove_who_they_are(client):
    code = code_of(authorize(client))
    for auth in (("app", "wrong"), ("nobody", "secret"), ("", "")):
        answer = exchange(client, code, auth=auth)
        assert (answer.status_code, answer.get_json()["error"]) == (401, "invalid_client")
        assert "WWW-Authenticate" in answer.headers
    both = exchange(client, code, client_id="app", client_secret="secret")
    assert (both.status_code, both.get_json()["error"]) == (400, "invalid_request")
    other = exchange(client, code, grant_type="password")
    assert other.get_json()["error"] == "unsupported_grant_type"
    form = exchange(client, code, auth=None, client_id="app", client_secret="secret")
    assert form.status_code == 200


def test_secrets_are_form_encoded_in_basic_authentication(client, provider):
    provider.add_client(Client("a b", "x:%/ü", [CALLBACK]))
    basic = b64encode(f"{quote('a b')}:{quote('x:%/ü', safe='')}".encode()).decode()
    code = code_of(authorize(client, client_id="a b"))
    answer = client.post(
        "/provider/oauth/token",
        data={
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
        },
        headers={"Authorization": f"Basic {basic}"},
    )
    assert answer.status_code == 200


def test_get_is_not_for_tokens(client):
    assert client.get("/provider/oauth/token").status_code == 405


@pytest.mark.parametrize("token", ["", "x", "Bearer", "Bearer x", "Basic x"])
def test_userinfo_is_for_access_tokens_only(client, token):
    answer = client.get("/provider/oauth/userinfo", headers={"Authorization": token})
    assert answer.status_code == 401
    assert "Bearer" in answer.headers["WWW-Authenticate"]


def test_a_code_is_no_access_token(client):
    bearer = {"Authorization": f"Bearer {code_of(authorize(client))}"}
    assert client.get("/provider/oauth/userinfo", headers=bearer).status_code == 401


def test_logging_out_leads_to_registered_addresses_only(client):
    def leave(**query):
        return client.get("/provider/oauth/logout", query_string=query)

    answer = leave(client_id="app", post_logout_redirect_uri="https://app.example/bye", state="s")
    assert answer.location == "https://app.example/bye?state=s"
    for query in (
        {},
        {"client_id": "app", "post_logout_redirect_uri": "https://evil.example"},
        {"post_logout_redirect_uri": "https://app.example/bye"},
    ):
        answer = leave(**query)
        assert answer.status_code == 200
        assert "Signed out" in answer.text


def test_processes_of_one_server_know_each_others_codes(make_world, gateway):
    store = MemoryServerStore()
    first, second = (make_world(provider=FakeProvider(PEOPLE, store=store)) for _ in range(2))
    code = code_of(
        authorize(
            first.app.test_client(gateway=gateway),
            client_id="development",
            redirect_uri="http://localhost/auth/op/callback",
        )
    )
    options = second.provider.options()
    answer = exchange(
        second.app.test_client(gateway=gateway),
        code,
        auth=(options["client_id"], options["client_secret"]),
        redirect_uri="http://localhost/auth/op/callback",
    )
    assert answer.status_code == 200


# -- where it runs ------------------------------------------------------------------------------


def production(**config):
    app = Cruse("shop")
    app.config.update(SECRET_KEY="x", **config)
    DevelopmentProvider([Person("ada", "Ada")]).init_app(app)
    return app


def test_it_does_not_run_in_production():
    with pytest.raises(SettingsError, match="lets everybody in as anybody"):
        production().start()


def test_it_answers_nothing_when_the_application_leaves_debug_mode():
    app = production(DEBUG=True)
    app.start()
    assert app.test_client().get("/provider/oauth/jwks").status_code == 200
    app.config["DEBUG"] = False
    assert app.test_client().get("/provider/oauth/jwks").status_code == 404
    app.stop()


@pytest.mark.parametrize("key", ["DEBUG", "TESTING", "AUTH_DEVELOPMENT_PROVIDER"])
def test_it_runs_in_debug_mode_in_tests_and_in_demonstrations(key):
    app = production(**{key: True})
    app.start()
    app.stop()


def test_claims_come_with_the_scope_that_was_asked_for():
    person = Person("ada", "Ada", "ada@example.com", {"locale": "en", "role": "admin"})
    assert person.about("openid") == {"role": "admin"}
    assert person.about("openid email").keys() == {"role", "email", "email_verified"}
    assert person.about("openid profile").keys() == {
        *("role", "name", "preferred_username", "locale"),
    }
    assert Person("bob", "Bob").about("email") == {}
