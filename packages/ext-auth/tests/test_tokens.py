"""Tokens of providers: kept on the server, renewed once for all who need them, and used."""

import asyncio
import importlib.util
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import httpx2
import pytest

from cruse import request
from cruse_auth import MemoryTokenStore, NoTokenError, tokens_refreshed
from cruse_auth.errors import ProviderError
from cruse_auth.http import Http
from cruse_auth.oidc import ProviderClient
from cruse_auth.testing import FakeOAuth2Provider
from cruse_auth.tokens.sets import Tokens
from tests.colours import AsyncMethods

WITH_DB = importlib.util.find_spec("cruse_db") is not None
HOUR = {"expires_in": 3600, "scope": "read:user"}


def make_provider(**options):
    documents = {"/user": {"id": 1, "login": "ada", "name": "Ada"}, "/user/emails": []}
    documents["/repos"] = [{"name": "engine"}]
    return FakeOAuth2Provider("/login/oauth/access_token", documents, token_answer=HOUR, **options)


def sql_store(world, tmp_path):
    from sqlalchemy import MetaData

    from cruse_auth.sql import SQLTokenStore
    from cruse_db import Database

    url = f"sqlite:///{tmp_path / 'tokens.db'}"
    world.app.config.update(DB_URL=url, DB_BUSY_TIMEOUT=60.0)
    db = Database(world.app, metadata=MetaData())
    store = SQLTokenStore(db)
    with world.app.app_context():
        db.create_all()
    return store


STORES = {
    "memory": lambda world, path: MemoryTokenStore(),
    "async": lambda world, path: AsyncMethods(MemoryTokenStore()),
    **({"sql": sql_store} if WITH_DB else {}),
}


@pytest.fixture
def provider():
    return make_provider()


@pytest.fixture(params=["memory"])
def world(make_world, provider, request, tmp_path):
    world = make_world()
    world.auth.token_store = STORES[request.param](world, tmp_path)
    world.app.config["AUTH_PROVIDERS"] = {"op": provider.options(preset="github")}

    @world.app.errorhandler(NoTokenError)
    def sign_in(error):
        return f"sign in at {error.provider}", 403

    @world.app.get("/repos")
    def repos():
        return world.auth.api("op").get("/repos", params={"page": "2"}).json_list()

    @world.app.get("/repos-async")
    async def repos_async():
        return (await world.auth.api("op").aget("/repos")).json_list()

    return world


every_store = pytest.mark.parametrize("world", STORES, indirect=True)


@pytest.fixture
def browser(world, provider, gateway, open_browser):
    """A browser of somebody who has logged in."""
    browser = open_browser(world, gateway)
    assert browser.get(provider.approve(browser.start())).status_code == 303
    return browser


@pytest.fixture
def api(world, provider, open_browser):
    """The API for somebody who has logged in, in the context of the application."""
    browser = open_browser(world, "wsgi")
    assert browser.get(provider.approve(browser.start())).status_code == 303
    with world.app.app_context():
        yield world.auth.api("op", "1")


@every_store
def test_a_view_calls_the_api_of_who_is_logged_in(browser, provider):
    assert browser.get("/repos").get_json() == [{"name": "engine"}]
    assert browser.get("/repos-async").get_json() == [{"name": "engine"}]
    assert len(provider.token_requests) == 1


def test_no_token_is_in_a_cookie_a_log_or_a_repr(browser, provider, world, caplog):
    caplog.set_level(0)
    provider.access_tokens.clear()  # so that it is renewed, too
    browser.get("/repos")
    (secret,) = provider.access_tokens
    (refresh_token,) = provider.refresh_tokens
    stored = world.auth.token_store.get("1", "op")
    state = world.app.extensions["auth"]
    seen = f"{browser.cookies()} {caplog.text} {stored!r} {stored.sealed}"
    with world.app.app_context():
        seen += repr(Tokens.opened(state.sealer, stored)) + repr(state.clients["op"].options)
    for token in (secret, refresh_token, provider.client_secret):
        assert token not in seen
    assert sum(map(len, browser.cookies().values())) < 2000


def test_no_secret_is_in_what_a_traceback_shows(world, provider, open_browser, monkeypatch):
    shown = []

    def showing(cls, name):
        function = getattr(cls, name)

        def shows(*arguments):
            shown.extend(map(repr, arguments))
            shown.append(repr(value := function(*arguments)))
            return value

        monkeypatch.setattr(cls, name, shows)

    showing(Http, "fetch")
    showing(ProviderClient, "complete")
    browser = open_browser(world, "wsgi")
    browser.get(provider.approve(browser.start()))
    (form,), (access_token,) = provider.token_requests, provider.access_tokens
    assert len(shown) > 10
    for secret in (access_token, form["code"], form["code_verifier"], form["client_secret"]):
        assert secret not in " ".join(shown)


@every_store
def test_an_expired_token_is_renewed(api, provider, world, clock):
    before = api.access_token()
    told = []
    receiver = lambda app, **arguments: told.append(arguments)  # noqa: E731 - kept alive here
    with tokens_refreshed.connected_to(receiver, world.app):
        clock.move(minutes=59, seconds=20)
        assert api.access_token() == before
        clock.move(seconds=20)  # some time before its end
        after = api.access_token()
        assert after != before
        assert api.access_token() == after
    assert told == [{"user_id": "1", "provider": "op"}]
    assert provider.token_requests[1]["grant_type"] == "refresh_token"
    clock.move(hours=1)
    assert api.access_token() not in (before, after), "the new refresh token was kept"


@every_store
def test_of_ten_threads_one_renews_an_expired_token(api, provider, world, clock):
    clock.move(hours=2)

    def call(_):
        with world.app.app_context():
            return world.auth.api("op", "1").get("/repos").status

    with ThreadPoolExecutor(10) as pool:
        assert list(pool.map(call, range(10))) == [200] * 10
    assert [form["grant_type"] for form in provider.token_requests[1:]] == ["refresh_token"]


@every_store
def test_of_ten_tasks_one_renews_an_expired_token(api, provider, world, clock):
    clock.move(hours=2)

    async def call_all():
        return await asyncio.gather(*(api.aget("/repos") for _ in range(10)))

    assert [reply.status for reply in asyncio.run(call_all())] == [200] * 10
    assert len(provider.token_requests) == 2


def test_a_call_that_is_cancelled_keeps_what_it_renewed(api, provider, clock):
    clock.move(hours=2)

    async def cancel():
        task = asyncio.create_task(api.aaccess_token())
        for _ in range(3):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await api.aaccess_token()

    assert asyncio.run(cancel()) in provider.access_tokens
    assert len(provider.token_requests) == 2


def test_a_token_that_the_api_refuses_is_renewed_once(api, provider):
    provider.access_tokens.clear()
    assert api.get("/repos").status == 200
    assert len(provider.token_requests) == 2


def test_what_the_api_refuses_twice_is_its_answer(api, provider):
    provider.access_tokens = NothingIsGood()
    assert api.get("/repos").status == 401
    assert len(provider.token_requests) == 2


class NothingIsGood(set):
    def __contains__(self, token):
        return False


@pytest.mark.parametrize(
    ("browse", "error"), [("/repos", "invalid_grant"), ("/repos-async", "bad_refresh_token")]
)
def test_who_took_it_back_has_to_sign_in_again(world, provider, browser, browse, error, clock):
    provider.error = error
    clock.move(hours=2)
    provider.refresh_tokens.clear()
    assert browser.get(browse).text == "sign in at op"
    assert world.auth.token_store.get("1", "op") is None
    assert browser.get(browse).status_code == 403
    assert len(provider.token_requests) == 2, "what is refused is not asked again"


def test_who_handles_nothing_answers_with_words_that_tell_nothing(
    make_world, open_browser, caplog, gateway
):
    world = make_world(options={"api_url": "https://api.example"})
    world.auth.token_store = MemoryTokenStore()
    caplog.set_level("INFO")

    @world.app.get("/repos")
    def repos():
        return world.auth.api("op").get("/repos").body

    browser = open_browser(world, gateway)
    browser.login()
    world.auth.token_store.remove("ada", None, None)
    answer = browser.get("/repos")
    assert answer.status_code == 403
    assert "sign in with that service once more" in answer.text
    assert "'ada'" not in answer.text
    assert "No token of 'op' for the user 'ada': none is kept." in caplog.text


def test_a_token_without_a_way_to_renew_it_ends(make_world, open_browser, clock):
    provider = make_provider()
    provider.token_answer.clear()
    world = make_world(options=())
    world.auth.token_store = MemoryTokenStore()
    world.app.config["AUTH_PROVIDERS"] = {"op": provider.options(preset="github")}
    browser = open_browser(world, "wsgi")
    browser.get(provider.approve(browser.start()))
    with world.app.app_context():
        api = world.auth.api("op", "1")
        clock.move(days=300)
        assert api.get("/repos").status == 200, "nobody said that it ends"
        provider.access_tokens.clear()
        with pytest.raises(NoTokenError, match="none came to renew it"):
            api.get("/repos")


def test_while_the_provider_is_down_nothing_is_lost(api, provider, world, clock):
    clock.move(hours=2)
    options = world.app.extensions["auth"].clients["op"].options
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(vars(options), "token_endpoint", "https://github.com/nothing")
        with pytest.raises(ProviderError):
            api.access_token()
    assert api.access_token() in provider.access_tokens


def test_tokens_go_back_to_who_gave_them_also_outside_of_requests(
    world, provider, open_browser, clock
):
    """An issuer may depend on the request, as with one for each customer."""
    issuer = lambda: f"{request.host_url}hub"  # noqa: E731
    world.app.config["AUTH_PROVIDERS"] = {"op": provider.options(preset="github", issuer=issuer)}
    browser = open_browser(world, "wsgi")
    assert browser.get(provider.approve(browser.start())).status_code == 303
    clock.move(hours=2)
    with world.app.app_context():
        assert world.auth.api("op", "1").access_token() in provider.access_tokens


def test_who_dies_while_renewing_is_waited_for_no_longer_than_it_may_take(
    api, provider, world, clock
):
    clock.move(hours=2)
    store = world.auth.token_store
    busy = replace(store.get("1", "op"), version="dead", busy_until=int(clock.time()) + 30)
    store.put(busy)
    clock.move(seconds=31)
    assert api.access_token() in provider.access_tokens


def test_tokens_in_another_ones_row_are_none(api, world):
    store = world.auth.token_store
    store.put(replace(store.get("1", "op"), user_id="mallory"))
    with pytest.raises(NoTokenError):
        world.auth.api("op", "mallory").access_token()


def test_tokens_survive_a_change_of_the_secret_key(api, world):
    token = api.access_token()
    config = world.app.config
    config["SECRET_KEY_FALLBACKS"], config["SECRET_KEY"] = [config["SECRET_KEY"]], "another key"
    assert api.access_token() == token
    config["SECRET_KEY_FALLBACKS"] = []
    with pytest.raises(NoTokenError):
        api.access_token()


def test_a_login_that_brings_no_refresh_token_leaves_the_one_there_is(api, provider, browser):
    provider.token_answer.clear()
    browser.get(provider.approve(browser.start()))
    provider.access_tokens.clear()
    provider.token_answer.update(HOUR)
    assert api.get("/repos").status == 200
    assert provider.token_requests[-1]["refresh_token"] not in provider.refresh_tokens


def test_a_login_while_tokens_are_renewed_leaves_the_new_refresh_token(
    world, api, provider, browser, clock
):
    class Requests(list):
        """Somebody logs in while the first one for new tokens is answered."""

        def append(self, form):
            super().append(form)
            if form["grant_type"] == "refresh_token" and len(self) == 1:
                provider.token_answer.clear()  # as of Google: at the first login only
                answer = browser.get(provider.approve(browser.start()))
                assert answer.status_code == 303
                provider.token_answer.update(HOUR)

    provider.token_requests = Requests()
    clock.move(hours=2)
    assert api.access_token() in provider.access_tokens
    assert len(provider.token_requests) == 2
    provider.access_tokens.clear()
    assert api.get("/repos").status == 200


def test_a_renewal_while_somebody_logs_in_leaves_the_new_refresh_token(
    world, api, provider, browser, clock
):
    class Slow(MemoryTokenStore):
        """Somebody else renews tokens after they were looked up."""

        renewed = ()

        def get(self, user_id, name, /):
            stored = super().get(user_id, name)
            if not self.renewed:
                self.renewed = (True,)
                with world.app.app_context():
                    provider.token_answer.update(HOUR)
                    self.renewed = (api.access_token(),)
            return stored

    store = Slow()
    store.put(world.auth.token_store.get("1", "op"))
    world.auth.token_store = store
    clock.move(hours=2)
    provider.token_answer.clear()
    assert browser.get(provider.approve(browser.start())).status_code == 303
    assert store.renewed
    provider.access_tokens.clear()
    assert api.get("/repos").status == 200


def test_who_fails_to_renew_keeps_nobody_waiting(api, world, clock, monkeypatch):
    clock.move(hours=2)
    options = world.app.extensions["auth"].clients["op"].options
    monkeypatch.setitem(vars(options), "client_secret", lambda: {}["the key of the client"])
    with pytest.raises(KeyError):
        api.access_token()
    assert world.auth.token_store.get("1", "op").busy_until == 0


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("https://evil.example/repos", "is not an address of the API"),
        ("http://api.github.com/repos", "is not an address of the API"),
        ("//evil.example/repos", "is not an address of the API"),
        ("repos", "is not an address of the API"),
        ("https://api.github.com@evil.example/", "is not an address of the API"),
        ("https://[", "Invalid IPv6 URL"),
    ],
)
def test_the_token_is_sent_nowhere_else(api, url, message):
    with pytest.raises(ValueError, match=message):
        api.get(url)


def test_a_whole_address_of_the_api_is_good(api):
    assert api.get("https://api.github.com/repos").status == 200


@pytest.mark.parametrize("url", ["/x", "https://evil.example/x"])
def test_nobody_gets_a_token_who_is_not_named(make_world, url):
    world = make_world()
    world.auth.token_store = MemoryTokenStore()
    with world.app.app_context(), pytest.raises(ValueError, match="no 'api_url'"):
        world.auth.api("op", "ada").get(url)


def test_an_api_may_have_several_hosts(api, provider, world, monkeypatch):
    options = world.app.extensions["auth"].clients["op"].options
    urls = ("https://api.github.com", "https://uploads.github.com")
    monkeypatch.setitem(vars(options), "api_url", urls)
    assert api.get("/repos").status == api.get("https://uploads.github.com/repos").status == 200


def test_a_token_is_not_sent_where_others_listen(api, world, monkeypatch):
    options = world.app.extensions["auth"].clients["op"].options
    monkeypatch.setitem(vars(options), "api_url", "http://api.github.com")
    monkeypatch.setattr(type(api._client), "insecure", False)
    with pytest.raises(ProviderError, match="must be an https:// address"):
        api.get("/repos")


def test_plain_calls_in_async_code_are_refused(api):
    """Else it waits for a task that renews the tokens on the loop which it stops."""

    async def call():
        return api.get("/repos")

    with pytest.raises(RuntimeError, match="'aget'"):
        asyncio.run(call())


def test_a_body_is_sent_as_json(api, world):
    def echo(request):
        fields = (request.headers[name] for name in ("Content-Type", "X-Version"))
        return httpx2.Response(201, json=[request.method, json.loads(request.read()), *fields])

    options = world.app.extensions["auth"].clients["op"].options
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(vars(options), "transport", httpx2.MockTransport(echo))
        reply = api.request("POST", "/gists", json={"a": 1}, headers={"X-Version": "1"})
    assert (reply.status, reply.json_list()) == (201, ["POST", {"a": 1}, "application/json", "1"])


@every_store
def test_tokens_are_forgotten(api, world):
    assert world.auth.forget_tokens("1", "other") == 0
    assert world.auth.forget_tokens("1") == 1
    with pytest.raises(NoTokenError, match="none is kept"):
        api.get("/repos")


def test_without_a_store_nothing_is_kept_and_there_is_no_api(make_world):
    world = make_world()
    with world.app.app_context(), pytest.raises(RuntimeError, match="token_store="):
        world.auth.api("op", "1")


@pytest.mark.parametrize("gateway", ["wsgi"])
@pytest.mark.parametrize("lifetime", ["3600", 3600.0, "soon", None, -5, 10**400, [], True])
def test_a_lifetime_may_be_anything(api, provider, browser, lifetime):
    provider.token_answer["expires_in"] = lifetime
    browser.get(provider.approve(browser.start()))
    assert api.get("/repos").status == 200


@pytest.mark.parametrize("gateway", ["wsgi"])
@pytest.mark.parametrize("token", ["\ud83d", "a\nb", "", 1, None])
def test_a_refresh_token_that_could_not_be_sent_is_none(api, world, provider, browser, token):
    world.auth.forget_tokens("1")
    provider.token_answer = {"refresh_token": token}
    browser.get(provider.approve(browser.start()))
    provider.access_tokens.clear()
    with pytest.raises(NoTokenError, match="none came to renew it"):
        api.get("/repos")
