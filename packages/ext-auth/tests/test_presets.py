"""Well-known providers: plain OAuth 2.0 and OpenID Connect, with the habits of each."""

import json
from dataclasses import replace
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from cruse import request
from cruse.extension import SettingsError
from cruse_auth import InProcess
from cruse_auth.errors import ProviderError
from cruse_auth.oidc.plain import map_claims
from cruse_auth.server.clients import hash_secret
from cruse_auth.testing import MISSING, Client, FakeOAuth2Provider, FakeProvider, Person

ADA = Person("ada", "Ada Lovelace", "ada@example.com")

GITHUB_USER = {
    "id": 583231,
    "login": "ada",
    "name": "Ada Lovelace",
    "email": "shown@example.com",
    "avatar_url": "https://avatars.example/1",
    "html_url": "https://github.com/ada",
}
GITHUB_EMAILS = [
    {"email": "old@example.com", "primary": False, "verified": True},
    {"email": "ada@example.com", "primary": True, "verified": True},
]


def github(**options):
    paths = {"/user": GITHUB_USER, "/user/emails": GITHUB_EMAILS}
    issuer = "https://github.com/login/oauth"
    return FakeOAuth2Provider(
        "/login/oauth/access_token", paths, issuer=issuer, refuses_with=200, **options
    )


def discord():
    user = {
        "id": "80351110224678912",
        "username": "ada",
        "global_name": "Ada",
        "avatar": "8342729096ea3675442027381ff50dfe",
        "email": "ada@example.com",
        "verified": False,
        "locale": "en-GB",
    }
    return FakeOAuth2Provider("/api/oauth2/token", {"/api/users/@me": user})


def facebook():
    user = {
        "id": "10001",
        "name": "Ada Lovelace",
        "email": "ada@example.com",
        "picture": {"data": {"url": "https://pictures.example/1"}},
    }
    return FakeOAuth2Provider("/oauth/access_token", {"/me": user})


@pytest.fixture
def sign_in(make_world, open_browser, gateway):
    """Return a browser for an application with one provider, and the application."""

    def start(fake, colour="sync", **options):
        world = make_world(colour)
        world.app.config["AUTH_PROVIDERS"] = {"op": fake.options(**options)}
        return open_browser(world, gateway), world

    return start


# -- plain OAuth 2.0 ----------------------------------------------------------------------------


def test_a_login_with_github(sign_in, colour):
    fake = github()
    browser, world = sign_in(fake, colour, preset="github")
    url = browser.start()
    assert url.startswith("https://github.com/login/oauth/authorize?")
    query = parse_qs(urlsplit(url).query)
    assert query["scope"] == ["read:user user:email"]
    assert query["code_challenge_method"] == ["S256"]
    assert "nonce" not in query

    assert browser.get(fake.approve(url)).status_code == 303
    assert browser.whoami == "Ada Lovelace"
    (identity,) = world.identities
    assert identity.key == ("https://github.com/login/oauth", "583231")
    assert (identity.name, identity.username) == ("Ada Lovelace", "ada")
    assert (identity.email, identity.email_verified) == ("ada@example.com", True)
    assert identity.claims["userinfo"]["html_url"] == identity.claims["profile"]
    assert browser.client.post("/auth/logout").location == "/", "it has no page for that"


def test_a_login_with_discord(sign_in):
    fake = discord()
    browser, world = sign_in(fake, preset="discord")
    assert browser.get(fake.approve(browser.start())).status_code == 303
    (identity,) = world.identities
    assert identity.key == ("https://discord.com", "80351110224678912")
    assert (identity.email, identity.email_verified) == ("ada@example.com", False)
    assert identity.picture == (
        "https://cdn.discordapp.com/avatars/80351110224678912/8342729096ea3675442027381ff50dfe.png"
    )


def test_somebody_at_discord_without_a_picture_has_none(sign_in):
    fake = discord()
    fake.documents["/api/users/@me"] |= {"avatar": None, "global_name": None}
    browser, world = sign_in(fake, preset="discord")
    assert browser.get(fake.approve(browser.start())).status_code == 303
    assert (world.identities[0].picture, world.identities[0].name) == (None, "ada")


def test_an_address_at_facebook_is_not_known_to_be_verified(sign_in):
    fake = facebook()
    browser, world = sign_in(fake, preset="facebook")
    assert browser.get(fake.approve(browser.start())).status_code == 303
    (identity,) = world.identities
    assert identity.key == ("https://www.facebook.com", "10001")
    assert (identity.email, identity.email_verified) == ("ada@example.com", False)
    assert identity.picture == "https://pictures.example/1"


def test_any_other_provider_by_its_endpoints(make_world, open_browser, gateway):
    world = make_world()
    fake = FakeOAuth2Provider("/t", {"/me": {"uid": 7, "sub": "not this", "iss": "nor this"}})
    world.app.config["AUTH_PROVIDERS"] = {"forge": fake.options()}
    world.auth.providers.oauth2(
        "forge",
        issuer="https://forge.example",
        authorization_endpoint="https://forge.example/a",
        token_endpoint="https://forge.example/t",
        userinfo_endpoint="https://api.forge.example/me",
        claims={"sub": "uid"},
    )
    browser = open_browser(world, gateway)
    world.users["7"] = world.users["ada"] = type("User", (), {"id": "7", "name": "Seven"})()
    assert browser.get(fake.approve(browser.start("forge"))).status_code == 303
    assert world.identities[0].key == ("https://forge.example", "7")
    assert browser.whoami == "Seven"


def test_an_answer_of_another_issuer_is_refused_before_its_code_goes_anywhere(sign_in):
    fake = github()
    browser, _ = sign_in(fake, preset="github")
    answer = browser.get(fake.approve(browser.start(), iss="https://evil.example"))
    assert answer.status_code == 400
    assert fake.token_requests == []


def test_a_refusal_with_status_200_is_one(sign_in, caplog):
    fake = github()
    browser, _ = sign_in(fake, preset="github")
    assert browser.get(fake.approve(browser.start(), code="stolen")).status_code == 400
    assert "'invalid_grant'" in caplog.text
    assert fake.client_secret not in caplog.text


@pytest.mark.parametrize("gateway", ["wsgi"])
@pytest.mark.parametrize("user_id", [None, True, "", "x" * 256, [], 1.5, "a\ud83d"])
def test_who_has_no_name_there_is_nobody_here(sign_in, user_id):
    fake = github()
    fake.documents["/user"] = {"id": user_id}
    browser, world = sign_in(fake, preset="github")
    assert browser.get(fake.approve(browser.start())).status_code == 502
    assert world.identities == []


@pytest.mark.parametrize("gateway", ["wsgi"])
@pytest.mark.parametrize("addresses", [{}, "x", {"message": "Not Found"}])
def test_addresses_in_another_form_are_an_error_of_the_provider(sign_in, addresses):
    fake = github()
    fake.documents["/user/emails"] = addresses
    browser, _ = sign_in(fake, preset="github")
    assert browser.get(fake.approve(browser.start())).status_code == 502


@pytest.mark.parametrize("gateway", ["wsgi"])
@pytest.mark.parametrize(
    ("addresses", "verified"),
    [([], False), ([None, 1], False), ([{"primary": True, "verified": "yes"}], False)],
)
def test_an_address_counts_only_when_it_is_the_primary_one_and_verified(
    sign_in, addresses, verified
):
    fake = github()
    fake.documents["/user/emails"] = addresses
    browser, world = sign_in(fake, preset="github")
    assert browser.get(fake.approve(browser.start())).status_code == 303
    assert (world.identities[0].email, world.identities[0].email_verified) == (None, verified)


def test_claims_are_found_by_keys_paths_and_texts():
    answer = {"a": {"b": {"c": "deep"}}, "id": 5, "empty": ""}
    places = {
        "sub": "id",
        "name": "a.b.c",
        "nickname": "a.id.c",
        "picture": "https://x.example/{id}.png",
        "profile": "https://x.example/{empty}",
    }
    assert map_claims(answer, places) == {
        "sub": "5",
        "name": "deep",
        "picture": "https://x.example/5.png",
    }
    with pytest.raises(ProviderError, match="names nobody at 'a'"):
        map_claims(answer, {"sub": "a"})


# -- OpenID Connect -----------------------------------------------------------------------------


def openid(issuer, prefix=""):
    """Return a provider at an address, whose clients may come from here."""
    fake = FakeProvider([ADA], url_prefix=prefix, issuer=issuer)
    fake.add_client(Client("shop", "secret", ["http://localhost/auth/op/callback"]))
    return fake


@pytest.fixture
def sign_in_openid(make_world, open_browser, gateway):
    def start(fake, key, **options):
        fake.signing_key = key
        world = make_world()
        options = {"client_id": "shop", "client_secret": "secret", **options}
        world.app.config["AUTH_PROVIDERS"] = {"op": {"transport": InProcess(fake.app), **options}}
        return open_browser(world, gateway), world

    return start


@pytest.fixture
def key(world):
    return world.provider.signing_key


@pytest.mark.parametrize(
    ("preset", "issuer"),
    [
        ("google", "https://accounts.google.com"),
        ("gitlab", "https://gitlab.com"),
        ("slack", "https://slack.com"),
    ],
)
def test_a_login_with_a_provider_that_keeps_to_the_standard(sign_in_openid, key, preset, issuer):
    fake = openid(issuer)
    browser, world = sign_in_openid(fake, key, preset=preset)
    with fake.tampering(discovery={"authorization_response_iss_parameter_supported": MISSING}):
        url = browser.start()
        assert url.startswith(issuer + "/")
        assert browser.get(fake.approve(url, "ada")).status_code == 303
    assert world.identities[0].key == (issuer, "ada")
    assert world.identities[0].email_verified is True


TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47"
OTHER_TENANT = "9188040d-6c67-4c5b-b112-36a304b66dad"
MICROSOFT = "https://login.microsoftonline.com"


@pytest.fixture
def sign_in_microsoft(sign_in_openid, key):
    """Log in with an ID token of an issuer, from a document that has a template for it."""

    def start(
        issuer, tid, tenant="common", template=f"{MICROSOFT}/{{tenantid}}/v2.0", key_issuer=None
    ):
        fake = openid(f"{MICROSOFT}/{tenant}/v2.0", f"/{tenant}/v2.0")
        browser, world = sign_in_openid(fake, key, preset="microsoft", tenant=tenant)
        public = key.as_dict(private=False)
        missing = {"authorization_response_iss_parameter_supported": MISSING}
        with fake.tampering(
            discovery={**missing, "issuer": template},
            jwks={"keys": [{**public, "issuer": key_issuer or template}]},
            callback={"iss": MISSING},
            claims={"iss": issuer, "tid": tid, "name": "Ada", "email": "ada@example.com"},
        ):
            answer = browser.get(fake.approve(browser.start(), "ada"))
        return answer, world

    return start


@pytest.mark.parametrize("tenant", ["common", "organizations"])
def test_at_microsoft_the_issuer_is_that_of_the_persons_organization(sign_in_microsoft, tenant):
    issuer = f"{MICROSOFT}/{TENANT}/v2.0"
    answer, world = sign_in_microsoft(issuer, TENANT, tenant)
    assert answer.status_code == 303
    (identity,) = world.identities
    assert identity.key == (issuer, "ada")
    assert identity.claims["tid"] == TENANT
    # People there may write any address into their account.
    assert (identity.email, identity.email_verified) == ("ada@example.com", False)


@pytest.mark.parametrize("gateway", ["wsgi"])
@pytest.mark.parametrize(
    ("issuer", "tid"),
    [
        (f"{MICROSOFT}/{TENANT}/v2.0", OTHER_TENANT),
        (f"{MICROSOFT}/{TENANT}/v2.0", None),
        (f"{MICROSOFT}/{{tenantid}}/v2.0x", TENANT),
        ("https://evil.example/v2.0", "evil.example"),
        (f"{MICROSOFT}/../evil/v2.0", "../evil"),
        (f"{MICROSOFT}/{{tenantid}}/v2.0", None),
    ],
)
def test_no_other_issuer_gets_in_at_microsoft(sign_in_microsoft, issuer, tid):
    answer, world = sign_in_microsoft(issuer, tid)
    assert answer.status_code == 400
    assert world.identities == []


@pytest.mark.parametrize("gateway", ["wsgi"])
@pytest.mark.parametrize(
    ("owner", "status"), [(TENANT, 303), (OTHER_TENANT, 400), ("{tenantid}", 303)]
)
def test_a_key_at_microsoft_signs_for_its_own_issuer(sign_in_microsoft, owner, status):
    issuer, owner = (f"{MICROSOFT}/{tenant}/v2.0" for tenant in (TENANT, owner))
    answer, _ = sign_in_microsoft(issuer, TENANT, key_issuer=owner)
    assert answer.status_code == status


def test_one_tenant_at_microsoft_is_one_issuer(sign_in_microsoft):
    issuer = f"{MICROSOFT}/{TENANT}/v2.0"
    answer, _ = sign_in_microsoft(issuer, TENANT, TENANT, issuer)
    assert answer.status_code == 303
    other = f"{MICROSOFT}/{OTHER_TENANT}/v2.0"
    answer, _ = sign_in_microsoft(other, OTHER_TENANT, TENANT, issuer)
    assert answer.status_code == 400


APPLE_KEY = ECKey.generate_key("P-256")


class Apple(FakeProvider):
    """Wants a client secret that the client has signed, and sends the browser back by a form."""

    def __init__(self):
        super().__init__([ADA], url_prefix="", issuer="https://appleid.apple.com")
        self.add_client(Client("shop", "", ["http://localhost/auth/op/callback"]))
        self.secrets = []

    def approve(self, url, subject):
        # The form is ours to send, in come_back.
        return super().approve(url.replace("form_post", "query"), subject)

    def find_client(self, client_id):
        known = super().find_client(client_id)
        if secret := request.form.get("client_secret"):
            token = jwt.decode(secret, APPLE_KEY, algorithms=["ES256"])
            self.secrets.append((token.header, token.claims))
            return replace(
                known,
                token_endpoint_auth_method="client_secret_post",
                secret_hash=hash_secret(secret),
            )
        return known


@pytest.fixture
def apple(sign_in_openid, key):
    fake = Apple()
    options = {
        "preset": "apple",
        "client_secret": None,
        "team_id": "TEAM",
        "key_id": "KEY",
        "private_key": APPLE_KEY.as_pem(private=True).decode(),
    }
    browser, world = sign_in_openid(fake, key, **options)
    with fake.tampering(
        discovery={"userinfo_endpoint": MISSING},
        claims={"email": "ada@example.com", "email_verified": "true"},
    ):
        yield fake, browser, world


def come_back(fake, browser, **more):
    """Post the answer to a login, as a page of the provider makes the browser do."""
    url = browser.start()
    assert "response_mode=form_post" in url
    target = urlsplit(fake.approve(url, "ada"))
    form = {**dict(parse_qsl(target.query)), **more}
    # No cookies: they are SameSite=Lax, and the form is another site's.
    stranger = browser.world.app.test_client()
    headers = {"Origin": "https://appleid.apple.com", "Sec-Fetch-Site": "cross-site"}
    return stranger.post(target.path, data=form, headers=headers)


def test_a_login_with_apple(apple):
    fake, browser, world = apple
    name = json.dumps({"name": {"firstName": "Ada", "lastName": "Lovelace"}, "email": "x@y.z"})
    answer = come_back(fake, browser, user=name, evil="x")
    assert answer.status_code == 303
    assert answer.location.startswith("/auth/op/callback?code=")
    assert "evil" not in answer.location
    assert browser.get(answer.location).status_code == 303

    (identity,) = world.identities
    assert identity.key == ("https://appleid.apple.com", "ada")
    assert identity.name == "Ada Lovelace"
    assert (identity.email, identity.email_verified) == ("ada@example.com", True)
    ((header, claims),) = fake.secrets
    assert header["kid"] == "KEY"
    assert (claims["iss"], claims["sub"]) == ("TEAM", "shop")
    assert claims["aud"] == "https://appleid.apple.com"
    assert claims["exp"] - claims["iat"] <= 300


@pytest.mark.parametrize("gateway", ["wsgi"])
@pytest.mark.parametrize(
    "user", ["", "{", "[]", "[" * 5000, '{"name": 1}', '{"name": {"firstName": 1}}', "x" * 9000]
)
def test_what_apple_posts_about_a_person_may_be_anything(apple, user):
    fake, browser, world = apple
    answer = come_back(fake, browser, user=user)
    assert browser.get(answer.location).status_code == 303
    assert world.identities[0].name is None


def test_a_form_is_only_for_providers_that_answer_by_one(browser):
    callback = browser.world.provider.approve(browser.start(), "ada")
    assert browser.client.post(callback).status_code == 405


def test_with_forms_protected_apples_still_gets_through(make_world, open_browser, gateway):
    forms = pytest.importorskip("cruse_forms")
    world = make_world()
    world.app.use(forms.Forms())
    options = {"authorize_params": {"response_mode": "form_post"}}
    world.app.config["AUTH_PROVIDERS"] = {"op": world.provider.options(**options)}
    client = world.app.test_client(gateway=gateway)
    headers = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert client.post("/auth/op/callback", data={}, headers=headers).status_code == 303
    assert client.post("/cart", headers=headers).status_code == 403


# -- what is declared ---------------------------------------------------------------------------


def test_a_preset_in_code_gets_its_secrets_from_the_configuration(
    make_world, open_browser, gateway
):
    world, fake = make_world(), github()
    world.app.config["AUTH_PROVIDERS"] = {"github": fake.options(scope="read:user")}
    world.auth.providers.preset("github", client_id="not this one")
    browser = open_browser(world, gateway)
    assert "Sign in with GitHub" in browser.get("/auth/login").text
    url = browser.start("github")
    assert parse_qs(urlsplit(url).query)["scope"] == ["read:user"]
    assert browser.get(fake.approve(url)).status_code == 303


def test_a_preset_can_have_another_name(world):
    assert world.auth.providers.preset("gitlab", name="forge").name == "forge"
    with pytest.raises(ValueError, match="no preset 'gitbub', but apple, discord"):
        world.auth.providers.preset("gitbub")
    with pytest.raises(TypeError, match=r"\['tenant'\]"):
        world.auth.providers.preset("gitlab", name="other", tenant="x")


APPLES = ("team_id", "key_id", "private_key")
ME = {"client_id": "x", "client_secret": "y"}
PLAIN = {
    **ME,
    "issuer": "https://x.example",
    "scope": "",
    "token_endpoint": "https://x.example/t",
    "authorization_endpoint": "https://x.example/a",
    "userinfo_endpoint": "https://x.example/u",
    "claims": {"sub": "id"},
}


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("github", ME, "lacks issuer; for the well-known 'github' say 'preset'"),
        ("op", {"preset": "nothing", **ME}, "has the preset 'nothing'. There are: apple, discord"),
        ("op", {"preset": "google", "tenant": "x", **ME}, "unknown keys ['tenant']"),
        ("op", {"preset": "apple", "client_id": "x"}, "Apple needs team_id, key_id, private_key"),
        (
            "op",
            {"preset": "apple", "client_id": "x", **dict.fromkeys(APPLES, "?")},
            "is not valid",
        ),
        ("op", {**PLAIN, "scope": "openid"}, "'openid' in the scope needs a provider with disc"),
        ("op", {**PLAIN, "userinfo_endpoint": None}, "needs authorization and userinfo endpoints"),
        ("op", {**PLAIN, "claims": {}}, "its claims must say where 'sub' is"),
    ],
)
def test_what_does_not_fit_is_told_at_start(make_world, name, options, message):
    world = make_world()
    world.app.config["AUTH_PROVIDERS"] = {name: options}
    with pytest.raises(SettingsError) as caught:
        world.app.test_client().get("/")
    assert message in str(caught.value)


def test_plain_endpoints_have_to_be_safe_from_listeners(make_world, open_browser, gateway, caplog):
    world = make_world()
    options = {**PLAIN, "token_endpoint": "http://x.example/t"}
    world.app.config["AUTH_PROVIDERS"] = {"op": options}
    assert open_browser(world, gateway).client.post("/auth/op/login").status_code == 502
    assert "token_endpoint is 'http://x.example/t', but must be an https:// address" in caplog.text
