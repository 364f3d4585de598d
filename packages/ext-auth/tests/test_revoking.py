"""Tokens that are given up: the provider is told (RFC 7009), and its failures stop nothing."""

import asyncio

import pytest

from cruse import request
from cruse_auth import MemoryTokenStore
from cruse_auth.testing import FakeOAuth2Provider

ENDPOINT = "https://github.com/revoke"


class Revocations:
    """The revocation endpoint of a provider."""

    def __init__(self, provider):
        self.status = 200
        self.forms = []
        provider.app.add_url_rule("/revoke", "revoke", self.revoke, methods=["POST"])

    def revoke(self):
        self.forms.append(dict(request.form))
        return "", self.status


@pytest.fixture(params=[{"expires_in": 3600}, {}], ids=["refreshable", "plain"])
def provider(request):
    documents = {"/user": {"id": 1, "login": "ada", "name": "Ada"}, "/user/emails": []}
    path = "/login/oauth/access_token"
    return FakeOAuth2Provider(path, documents, token_answer=request.param)


@pytest.fixture
def revocations(provider):
    return Revocations(provider)


@pytest.fixture
def make(make_world, provider, revocations):
    def make(revocation_endpoint=ENDPOINT, **config):
        world = make_world()
        world.auth.token_store = MemoryTokenStore()
        options = {"preset": "github", "revocation_endpoint": revocation_endpoint}
        world.app.config["AUTH_PROVIDERS"] = {"op": provider.options(**options)}
        world.app.config.update(config)
        return world

    return make


@pytest.fixture
def log_in(provider, open_browser, gateway):
    def log_in(world):
        browser = open_browser(world, gateway)
        assert browser.get(provider.approve(browser.start())).status_code == 303
        return browser

    return log_in


def was_given_up(provider, revocations):
    (form,) = revocations.forms
    kinds = {"refresh_token": provider.refresh_tokens, "access_token": provider.access_tokens}
    kind = form["token_type_hint"]
    return form["token"] in kinds[kind] and kind == (
        "refresh_token" if provider.refresh_tokens else "access_token"
    )


@pytest.mark.parametrize("asynchronous", [False, True])
def test_tokens_that_are_forgotten_are_revoked(make, log_in, provider, revocations, asynchronous):
    world = make()
    log_in(world)

    with world.app.app_context():
        if asynchronous:
            assert asyncio.run(world.auth.aforget_tokens("1")) == 1
        else:
            assert world.auth.forget_tokens("1") == 1
        assert world.auth.forget_tokens("1") == 0
    assert was_given_up(provider, revocations)
    assert revocations.forms[0]["client_id"] == "fake", "who asks has said who they are"


def test_the_provider_need_not_be_told(make, log_in, revocations):
    world = make()
    log_in(world)
    with world.app.app_context():
        assert world.auth.forget_tokens("1", revoke=False) == 1
    assert revocations.forms == []


def test_a_provider_without_the_endpoint_is_left_alone(make, log_in, revocations, caplog):
    world = make(None)
    log_in(world)
    with world.app.app_context():
        assert world.auth.forget_tokens("1") == 1
    assert revocations.forms == []
    assert caplog.text == ""


def test_plain_code_does_not_stop_the_event_loop_for_it(make):
    world = make()

    async def forget():
        with world.app.app_context():
            world.auth.forget_tokens("1")

    with pytest.raises(RuntimeError, match="aforget_tokens"):
        asyncio.run(forget())


def test_a_logout_leaves_them_for_jobs_unless_it_is_told_otherwise(make, log_in, revocations):
    world = make()
    log_in(world).client.post("/auth/logout")
    assert revocations.forms == []
    with world.app.app_context():
        assert world.auth.forget_tokens("1") == 1


def test_a_logout_can_give_them_up(make, log_in, provider, revocations):
    world = make(AUTH_REVOKE_AT_LOGOUT=True)
    browser = log_in(world)
    assert browser.client.post("/auth/logout").status_code == 303
    assert was_given_up(provider, revocations)
    with world.app.app_context():
        assert world.auth.forget_tokens("1") == 0
    assert browser.client.post("/auth/logout").status_code == 303, "nobody was logged in"
    assert len(revocations.forms) == 1


@pytest.mark.parametrize("endpoint", [ENDPOINT, "https://[", "http://github.com/revoke"])
def test_a_provider_that_fails_stops_no_logout(make, log_in, revocations, caplog, endpoint):
    world = make(AUTH_REVOKE_AT_LOGOUT=True)
    browser = log_in(world)
    options = world.app.extensions["auth"].clients["op"].options
    revocations.status = 503
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(vars(options), "revocation_endpoint", endpoint)
        assert browser.client.post("/auth/logout").status_code == 303
    assert browser.whoami == "nobody"
    assert "Provider 'op' did not take a token back" in caplog.text
    assert all(form["token"] not in caplog.text for form in revocations.forms)


def test_without_a_store_a_logout_is_only_that(make_world, open_browser, gateway):
    world = make_world(config={"AUTH_REVOKE_AT_LOGOUT": True})
    browser = open_browser(world, gateway)
    browser.login()
    assert browser.client.post("/auth/logout").status_code == 303
