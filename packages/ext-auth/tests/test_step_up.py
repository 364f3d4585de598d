"""Views that ask for a surer login than there is, and the answer of the provider to that."""

from urllib.parse import parse_qs, urlsplit

import pytest

from cruse_auth import MemoryStore, auth_required
from cruse_auth.testing import MISSING, FakeOAuth2Provider

MFA = "urn:example:mfa"
KEY = "urn:example:hardware"


@pytest.fixture
def world(make_world):
    world = make_world(store=MemoryStore())

    @world.app.get("/vault")
    @auth_required("session", acr=[MFA, KEY])
    def vault():
        return "open"

    @world.app.get("/vault-async")
    @auth_required(acr=MFA)
    async def vault_async():
        return "open"

    @world.app.post("/pass")
    def own_login():
        return str(world.auth.login(world.users["ada"], acr=MFA, amr=["pwd", "otp"]))

    return world


@pytest.fixture
def step_up(world, browser):
    """Follow the way from the vault to the provider and back, where the ID token has an acr."""

    def go(acr):
        page = browser.get("/vault").location
        assert 'name="acr" value="urn:example:mfa urn:example:hardware"' in browser.get(page).text
        url = browser.start(next="/vault", acr=f"{MFA} {KEY}")
        assert parse_qs(urlsplit(url).query)["acr_values"] == [f"{MFA} {KEY}"]
        assert "prompt=" not in url, "more was asked for, not to show up once more"
        with world.provider.tampering(claims={"acr": acr}):
            return browser.get(world.provider.approve(url, "ada"))

    return go


@pytest.mark.parametrize("acr", [MFA, KEY])
def test_who_logged_in_with_less_is_asked_for_more(browser, step_up, acr):
    browser.login()
    assert browser.get("/account").status_code == 200
    assert browser.get("/vault").status_code == 302
    assert step_up(acr).location == "/vault"
    assert browser.get("/vault").text == "open"
    assert browser.get("/vault-async").status_code == (200 if acr == MFA else 302)


@pytest.mark.parametrize("gateway", ["wsgi"])
@pytest.mark.parametrize("acr", ["urn:example:password", None, 5, f"{MFA} {KEY}", "", [MFA]])
def test_c10_who_still_comes_with_less_stays_outside(browser, step_up, acr, caplog):
    browser.login()
    assert step_up(acr).status_code == 400
    assert browser.get("/vault").status_code == 302
    assert browser.get("/account").status_code == 200, "the login from before is still there"


def test_a_program_reads_what_it_takes(browser, world):
    browser.login()
    answer = browser.client.get("/vault", headers={"Accept": "application/json"})
    assert answer.status_code == 401
    assert answer.get_json()["acr_values"] == f"{MFA} {KEY}"
    assert answer.get_json()["error"] == "fresh_login_required"


def test_a_login_of_ones_own_says_how_sure_it_is(browser, world):
    browser.login()
    assert browser.client.post("/pass").text == "True"
    assert browser.get("/vault").text == "open"
    with world.app.app_context():
        (record,) = world.auth.sessions("ada")
    assert (record.acr, record.amr, record.provider) == (MFA, ("pwd", "otp"), None)


def test_a_test_client_can_begin_with_a_sure_login(world, browser):
    browser.login()
    user = world.users["ada"]
    assert world.app.test_client(user=user, acr=MFA).get("/vault").text == "open"
    assert world.app.test_client(user=user, acr="less").get("/vault").status_code == 401


@pytest.mark.parametrize("gateway", ["wsgi"])
@pytest.mark.parametrize("acr", ["x" * 121, "a\nb", "ä", " a", "a  b", '"><'])
def test_what_is_asked_for_in_an_address_is_looked_at(browser, acr):
    page = browser.get("/auth/login", query_string={"acr": acr}).text
    assert ('name="acr"' in page) == (acr == '"><')
    assert '"><"' not in page
    query = parse_qs(urlsplit(browser.start(acr=acr)).query)
    assert query.get("acr_values", [acr]) == [acr]


def test_a_provider_without_id_tokens_can_not_say_how_sure_it_is(make_world, open_browser):
    world = make_world()
    fake = FakeOAuth2Provider("/t", {})
    world.app.config["AUTH_PROVIDERS"]["hub"] = fake.options(preset="github")
    browser = open_browser(world, "wsgi")
    page = browser.get("/auth/login?acr=x").text
    assert ("/auth/op/login" in page, "/auth/hub/login" in page) == (True, False)
    assert browser.client.post("/auth/hub/login", data={"acr": "x"}).status_code == 400


# -- what the configuration asks for ------------------------------------------------------------


def test_c10_acr_values_in_the_options_are_a_must(make_world, open_browser, gateway):
    world = make_world(options={"authorize_params": {"acr_values": MFA}})
    browser = open_browser(world, gateway)
    with world.provider.tampering(claims={"acr": MISSING}):
        assert browser.login().status_code == 400
    assert browser.login().status_code == 303, "this provider gives what is asked for"


def test_c10_max_age_in_the_options_is_checked(make_world, open_browser, gateway, clock):
    world = make_world(options={"authorize_params": {"max_age": "600"}})
    browser = open_browser(world, gateway)
    assert browser.login().status_code == 303
    with world.provider.tampering(claims={"auth_time": int(clock.time()) - 700}):
        assert browser.login().status_code == 400


@pytest.mark.parametrize("max_age", ["soon", "", "-1", "²", 1.5])
def test_a_max_age_that_is_none_is_told_at_start(make_world, max_age):
    world = make_world(options={"authorize_params": {"max_age": max_age}})
    with pytest.raises(Exception, match="max_age is a text of digits"):
        world.app.test_client().get("/")
