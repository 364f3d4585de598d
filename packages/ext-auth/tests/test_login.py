"""Logging in with a provider, from the button to the page one wanted, and out again."""

from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest

from cruse import abort
from cruse_auth import user_logged_in, user_logged_out, user_login_failed
from cruse_auth.errors import ProviderError
from cruse_auth.oidc import Identity
from cruse_auth.testing import MISSING, Client


@pytest.fixture
def world(make_world, colour):
    return make_world(colour)


def test_a_person_logs_in_and_out(browser):
    assert browser.whoami == "nobody"

    answer = browser.login("ada")
    assert (answer.status_code, answer.location) == (303, "/")
    assert browser.whoami == "Ada Lovelace"
    assert browser.get("/whoami-async").text == "Ada Lovelace"

    answer = browser.client.post("/auth/logout")
    assert answer.status_code == 303
    assert answer.location.startswith(
        "http://localhost/provider/oauth/logout?client_id=development"
    )
    assert browser.get(answer.location).location == "http://localhost/"
    assert browser.whoami == "nobody"


def test_the_same_login_over_a_socket(make_world, open_browser, remote, gateway, colour):
    provider, options = remote
    world = make_world(colour, options=options)
    browser = open_browser(world, gateway)

    url = browser.start()
    assert url.startswith(provider.issuer)
    assert browser.get(provider.approve(url, "bob")).location == "/"
    assert browser.whoami == "Bob"
    goodbye = browser.client.post("/auth/logout").location
    assert goodbye.startswith(f"{provider.issuer}/oauth/logout?")


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_the_client_authenticates_as_the_provider_wants(
    make_world, open_browser, remote, gateway, method
):
    provider, options = remote
    offered = {"token_endpoint_auth_methods_supported": [method]}
    with provider.tampering(discovery=offered):
        browser = open_browser(make_world(options=options), gateway)
        assert browser.get(provider.approve(browser.start(), "ada")).status_code == 303


def test_a_public_client_has_no_secret(make_world, open_browser, remote, gateway):
    provider, options = remote
    provider.add_client(Client("public", "", ["http://localhost/auth/op/callback"]))
    options = {**options, "client_id": "public", "client_secret": None}
    browser = open_browser(make_world(options=options), gateway)
    assert browser.get(provider.approve(browser.start(), "ada")).status_code == 303


def test_how_the_client_authenticates_is_an_option(make_world, open_browser, gateway):
    world = make_world(options={"client_auth": "none"})
    browser = open_browser(world, gateway)
    assert browser.login().status_code == 400, "this provider wants the secret"


def test_the_identity_says_what_the_provider_said(browser, world):
    browser.login("ada")
    (identity,) = world.identities
    issuer = "http://localhost/provider"
    assert identity.key == (identity.issuer, identity.subject) == (issuer, "ada")
    assert identity.provider == "op"
    assert (identity.name, identity.username) == ("Ada Lovelace", "ada")
    assert (identity.email, identity.email_verified) == ("ada@example.com", True)
    assert identity.picture is None
    assert "@" not in repr(identity)  # nothing personal in logs by accident


def test_an_address_counts_as_verified_only_when_the_provider_says_so(browser, world):
    for verified in ("true", 1, None, MISSING):
        with world.provider.tampering(userinfo={"email_verified": verified}):
            browser.login("ada")
        assert world.identities[-1].email_verified is False


def test_what_was_verified_is_the_address_it_was_said_of(browser, world):
    said = {"email": "mine@example.com", "email_verified": True}
    other = {"email": "victim@example.com", "email_verified": MISSING}
    with world.provider.tampering(claims=said, userinfo=other):
        browser.login()
    with world.provider.tampering(claims=said, userinfo={**said, "email_verified": MISSING}):
        browser.login()
    emails = [(identity.email, identity.email_verified) for identity in world.identities]
    assert emails == [("victim@example.com", False), ("mine@example.com", True)]


def test_half_a_character_in_a_name_breaks_no_page(browser, world):
    with world.provider.tampering(userinfo={"name": "Ada \ud83d", "list": [{"\ud800": 1}]}):
        assert browser.login().status_code == 303
    assert browser.whoami == "Ada ?"
    assert world.identities[0].claims["list"] == [{"?": 1}]


def test_claims_without_an_end_are_an_error_of_the_provider():
    nested = {}
    for _ in range(100_000):
        nested = {"a": nested}
    with pytest.raises(ProviderError, match="too deeply"):
        Identity.from_claims("op", {"iss": "https://op.example", "sub": "ada"}, nested)


def test_userinfo_cannot_change_what_the_id_token_says_about_the_login(browser, world):
    with world.provider.tampering(userinfo={"aud": "x", "nonce": "x", "name": "Countess"}):
        browser.login("ada")
    (identity,) = world.identities
    assert identity.claims["aud"] == "development"
    assert identity.claims["nonce"] != "x"
    assert identity.name == "Countess"


def test_userinfo_is_left_out_when_it_is_not_wanted(make_world, open_browser, gateway):
    world = make_world(options={"userinfo": False})
    open_browser(world, gateway).login("ada")
    assert world.identities[0].name is None
    assert ("GET", "/oauth/userinfo") not in world.provider.requests


def test_scope_and_further_parameters_are_sent(make_world, open_browser, gateway):
    world = make_world(options={"scope": "openid email", "authorize_params": {"hd": "x.org"}})
    browser = open_browser(world, gateway)
    query = parse_qs(urlsplit(browser.start()).query)
    assert (query["scope"], query["hd"]) == (["openid email"], ["x.org"])
    browser.login("ada")
    assert world.identities[0].name is None, "the profile was not asked for"
    assert world.identities[0].email == "ada@example.com"


def test_metadata_and_keys_are_read_once(browser, world):
    browser.login()
    browser.login()
    paths = [path for _, path in world.provider.requests]
    assert paths.count("/.well-known/openid-configuration") == 1
    assert paths.count("/oauth/jwks") == 1
    assert paths.count("/oauth/token") == 2


# -- where it leads -----------------------------------------------------------------------------


def test_after_the_login_one_is_where_one_wanted_to_be(browser):
    answer = browser.get("/account?tab=2")
    assert (answer.status_code, answer.location) == (302, "/auth/login?next=/account?tab%3D2")
    page = browser.get(answer.location)
    assert 'action="/auth/op/login"' in page.text
    assert 'name="next" value="/account?tab=2"' in page.text
    assert browser.login(next="/account?tab=2").location == "/account?tab=2"


def test_a_login_leads_to_no_other_site(browser):
    for target in ("https://evil.example/", "//evil.example", "/\\evil.example"):
        assert browser.login(next=target).location == "/"
        assert "evil" not in browser.get("/auth/login", query_string={"next": target}).text


def test_a_very_long_next_is_forgotten_rather_than_carried_in_cookies(browser):
    assert browser.login(next="/" + "x" * 400).location == "/"


def test_where_logins_and_logouts_lead_is_a_setting(make_world, open_browser, gateway):
    config = {"AUTH_AFTER_LOGIN": "/home", "AUTH_AFTER_LOGOUT": "/bye"}
    browser = open_browser(make_world(config=config), gateway)
    assert browser.login().location == "/home"
    location = browser.client.post("/auth/logout").location
    assert "post_logout_redirect_uri=http%3A%2F%2Flocalhost%2Fbye" in location
    assert browser.client.post("/auth/logout").location == "/bye", "nobody was logged in"


# -- pages --------------------------------------------------------------------------------------


def test_a_link_starts_no_login_but_offers_the_button(browser):
    page = browser.get("/auth/op/login?next=/account")
    assert page.status_code == 200
    assert 'method="post"' in page.text
    assert 'value="/account"' in page.text
    assert "Set-Cookie" not in page.headers


def test_a_link_logs_nobody_out(browser):
    browser.login()
    page = browser.get("/auth/logout")
    assert page.status_code == 200
    assert 'method="post"' in page.text
    assert browser.whoami == "Ada Lovelace"


@pytest.mark.parametrize(
    "url", ["/auth/other/login", "/auth/other/callback", "/auth/other/logout"]
)
def test_an_unknown_provider_is_not_found(browser, url):
    assert browser.get(url).status_code == 404


@pytest.mark.parametrize("url", ["/auth/login", "/auth/op/login", "/auth/op/callback?state=x"])
def test_the_pages_are_kept_by_nobody(browser, url):
    headers = browser.get(url).headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["X-Frame-Options"] == "DENY"


def test_the_login_page_offers_every_provider_by_its_label(make_world, open_browser, gateway):
    world = make_world(options={"label": "Example & Co"})
    world.auth.providers.oidc("two", issuer="https://two.example", client_id="us")
    page = open_browser(world, gateway).get("/auth/login")
    assert "Sign in with Example &amp; Co" in page.text
    assert "Sign in with two" in page.text


# -- refusals -----------------------------------------------------------------------------------


def test_a_person_who_changes_their_mind_is_told_so_and_may_try_again(browser, caplog):
    answer = browser.login("nobody at all", next="/account")
    assert answer.status_code == 403
    assert "You were not signed in." in answer.text
    assert 'value="/account"' in answer.text
    assert caplog.records == [], "that is no warning"
    assert browser.whoami == "nobody"


def test_a_user_whom_the_application_does_not_want_is_refused(browser, world):
    world.auth.on_login(lambda identity: None)
    assert browser.login().status_code == 403
    assert browser.whoami == "nobody"


def test_an_inactive_user_is_refused(browser, world):
    browser.login()
    world.users["ada"].is_active = False
    assert browser.whoami == "nobody", "also in logins that are open"
    assert browser.login().status_code == 403


def test_a_provider_has_its_own_hook_if_it_wants(make_world, open_browser, gateway):
    world = make_world()
    options = world.app.config["AUTH_PROVIDERS"].pop("op")
    op = world.auth.providers.oidc("op", **options)

    @op.on_login
    async def found(identity):
        world.users["x"] = SimpleNamespace(id="x", name="its own")
        return world.users["x"]

    browser = open_browser(world, gateway)
    browser.login()
    assert browser.whoami == "its own", "and no more than an id is needed of a user"


def test_what_a_hook_aborts_with_is_the_answer(browser, world):
    world.auth.on_login(lambda identity: abort(409, "There is an account with this address."))
    answer = browser.login()
    assert answer.status_code == 409
    assert browser.whoami == "nobody"


def test_a_provider_that_is_down_gives_a_page_not_a_500(make_world, open_browser, gateway, caplog):
    options = {"issuer": "http://127.0.0.1:9", "transport": None}  # the discard port: closed
    browser = open_browser(make_world(options=options), gateway)
    answer = browser.client.post("/auth/op/login")
    assert answer.status_code == 502
    assert "did not answer as expected" in answer.text
    assert "127.0.0.1:9" not in answer.text
    assert "ConnectError" in caplog.text


def test_logging_out_works_while_the_provider_is_down(make_world, open_browser, gateway, caplog):
    world = make_world(config={"AUTH_METADATA_LIFETIME": 0})
    browser = open_browser(world, gateway)
    browser.login()
    with world.provider.tampering(discovery={"issuer": "https://evil.example"}):
        answer = browser.client.post("/auth/logout")
    assert (answer.status_code, answer.location) == (303, "/")
    assert "Logout at provider 'op' failed" in caplog.text
    assert browser.whoami == "nobody"


def test_a_provider_without_logout_logs_out_here(browser, world):
    with world.provider.tampering(discovery={"end_session_endpoint": MISSING}):
        browser.login()
        assert browser.client.post("/auth/op/logout").location == "/"
    assert browser.whoami == "nobody"


# -- tabs ---------------------------------------------------------------------------------------


def test_logins_in_several_tabs_finish_in_any_order(browser):
    starts = [browser.start(next=f"/tab/{number}") for number in range(5)]
    for number in (3, 0, 4, 1, 2):
        callback = browser.world.provider.approve(starts[number], "ada")
        assert browser.client.post("/cart").status_code == 200  # another tab saves the session
        assert browser.get(callback).location == f"/tab/{number}"


def test_with_twenty_tabs_the_oldest_are_told_and_cookies_stay_small(browser):
    starts = [browser.start(next="/" + "n" * 299) for _ in range(20)]
    header = "; ".join(f"{name}={value}" for name, value in browser.cookies().items())
    assert len(header) < 4096
    answers = [browser.get(browser.world.provider.approve(url, "ada")) for url in starts]
    codes = [answer.status_code for answer in answers]
    assert codes.count(303) == 5
    assert set(codes) == {303, 400}
    told = next(answer for answer in answers if answer.status_code == 400)
    assert "Sign in with op" in told.text


# -- signals ------------------------------------------------------------------------------------


def test_signals_tell_of_logins_and_receivers_may_be_async(browser, world):
    seen = []

    def logged_in(app, user):
        seen.append(("in", user.name))

    async def logged_out(app, user):
        seen.append(("out", getattr(user, "name", None)))

    async def failed(app, provider, cause):
        seen.append(("failed", provider, cause))

    user_logged_in.connect(logged_in, world.app)
    user_login_failed.connect(failed, world.app)
    user_logged_out.connect(logged_out, world.app)
    browser.login()
    browser.get("/auth/op/callback")
    browser.client.post("/auth/logout")
    browser.client.post("/auth/logout")
    assert seen == [
        ("in", "Ada Lovelace"),
        ("failed", "op", "the callback has no state"),
        ("out", "Ada Lovelace"),
        ("out", None),
    ]
