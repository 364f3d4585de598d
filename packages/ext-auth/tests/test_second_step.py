"""Logins with a provider of people who have a second factor here."""

import pytest

from cruse import request
from cruse.checks import find_all
from cruse_auth import Factor, MemoryFactors, MemoryStore

pytest.importorskip("limits")


@pytest.fixture
def make(make_world, open_browser, gateway, colour):
    """Make an application in which Ada has an authenticator app, and open a browser."""

    def start(factor_view="second_step"):
        world = make_world(colour, store=MemoryStore(), config={"AUTH_FACTOR_VIEW": factor_view})
        world.auth.factors.store = MemoryFactors()
        world.auth.factors.store.add(Factor("app", "ada", "totp", "phone", 0))

        @world.app.route("/second-step", methods=["GET", "POST"])
        def second_step():
            if request.method == "POST":
                return "in" if world.auth.factors.finish(request.form["code"]) else "wrong"
            pending = world.auth.factors.pending
            return "nothing" if pending is None else " ".join(pending.needs)

        @world.app.get("/methods")
        def methods():
            return list(world.auth.factors.methods)

        with world.app.app_context():
            world.codes = world.auth.factors.renew_recovery_codes("ada")
        return world, open_browser(world, gateway)

    return start


def test_who_has_a_second_factor_has_to_show_it(make):
    world, browser = make()
    answer = browser.login(next="/account")
    assert answer.location == "/second-step?next=/account"
    assert browser.whoami == "nobody"
    assert browser.get("/account").status_code == 302
    assert browser.get("/second-step").text == "recovery totp"
    assert browser.client.post("/second-step", data={"code": "wrong"}).text == "wrong"
    assert browser.whoami == "nobody"
    assert browser.client.post("/second-step", data={"code": world.codes[0]}).text == "in"
    assert browser.whoami == "Ada Lovelace"
    assert browser.get("/danger").text == "fresh"


def test_what_the_provider_said_is_kept_over_the_second_step(make):
    world, browser = make()
    with world.provider.tampering(claims={"sid": "s1", "acr": "gold", "amr": ["mfa"]}):
        browser.login()
    assert browser.get("/methods").get_json() == []
    browser.client.post("/second-step", data={"code": world.codes[0]})
    assert browser.get("/methods").get_json() == ["otp", "mfa"], "only what was shown here"
    with world.app.app_context():
        (record,) = world.auth.sessions("ada")
    assert (record.provider, record.subject, record.acr) == ("op", "ada", "gold")
    assert record.amr == ("mfa", "otp", "mfa")
    token = world.provider.logout_token("ada", sid="s1")
    client = world.app.test_client()
    assert client.post("/auth/op/backchannel", data={"logout_token": token}).status_code == 200
    assert browser.whoami == "nobody"


def test_who_has_none_is_in(make):
    _, browser = make()
    assert browser.login("bob").location == "/"
    assert browser.whoami == "Bob"
    assert browser.get("/methods").get_json() == []


def test_who_is_shut_out_gets_no_second_step(make):
    world, browser = make()
    browser.login()
    world.users["ada"].is_active = False
    assert browser.login().status_code == 403
    assert browser.client.post("/second-step", data={"code": world.codes[0]}).text == "wrong"


def test_without_a_page_for_it_the_provider_is_enough(make):
    _, browser = make(factor_view="")
    assert browser.login().location == "/"
    assert browser.whoami == "Ada Lovelace"


@pytest.mark.parametrize(("factor_view", "told"), [(None, 1), ("", 0), ("second_step", 0)])
@pytest.mark.parametrize("gateway", ["wsgi"])
@pytest.mark.parametrize("colour", ["sync"])
def test_a_gap_that_nobody_has_decided_on_is_told(make, factor_view, told):
    world, _ = make(factor_view)
    findings = find_all(world.app, deploy=True)
    assert [finding.subject for finding in findings].count("AUTH_FACTOR_VIEW") == told
