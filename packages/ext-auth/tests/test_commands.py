"""``cruse auth``: the logins of a user, and what would keep people from signing in."""

from types import SimpleNamespace

import pytest
from joserfc.jwk import RSAKey

from cruse import Cruse
from cruse.extension import SettingsError
from cruse_auth import Auth, MemoryStore
from cruse_auth.server import MemoryServerStore
from cruse_auth.testing import FakeProvider, Person, log_in
from tests.colours import AsyncMethods

KEY = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)


@pytest.fixture
def invoke():
    def invoke(app, *arguments):
        return app.test_cli_runner().invoke(args=["auth", *arguments])

    return invoke


# -- sessions -----------------------------------------------------------------------------------


@pytest.fixture(params=["plain", "async"])
def world(make_world, request):
    store = MemoryStore()
    world = make_world(store=store if request.param == "plain" else AsyncMethods(store))
    world.records = store
    for user, agent in (("ada", "Firefox\x1b[2J"), ("ada", "Chrome"), ("bob", "Safari")):
        browser = world.app.test_client()
        browser.environ_base["HTTP_USER_AGENT"] = agent
        log_in(browser, SimpleNamespace(id=user))
    return world


def test_the_logins_of_a_user_are_listed(world, invoke):
    said = invoke(world.app, "sessions", "list", "ada")
    assert said.exit_code == 0
    lines = said.output.splitlines()
    assert [line.split()[0] for line in lines] == [
        record.sid for record in world.records.of_user("ada")
    ]
    assert invoke(world.app, "sessions", "list", "nobody").output == ""


def test_a_terminal_gets_no_escape_codes_of_browsers(world, invoke):
    record = world.records.of_user("bob")[0]
    world.records.add(type(record)(**{**vars(record), "user_agent": "Evil\x1b[2J"}))
    assert "Evil?[2J" in invoke(world.app, "sessions", "list", "bob").output


def test_the_logins_of_a_user_are_ended(world, invoke):
    assert invoke(world.app, "sessions", "revoke", "ada").output == "Ended: 2.\n"
    assert world.records.of_user("ada") == []
    assert len(world.records.of_user("bob")) == 1


def test_one_login_is_ended(world, invoke):
    first, second = world.records.of_user("ada")
    said = invoke(world.app, "sessions", "revoke", "ada", "--sid", first.sid)
    assert said.output == "Ended: 1.\n"
    assert world.records.of_user("ada") == [second]
    other = invoke(world.app, "sessions", "revoke", "bob", "--sid", second.sid)
    assert other.exit_code == 1
    assert "no login" in other.output


@pytest.mark.parametrize("command", ["list", "revoke"])
def test_without_a_store_it_says_what_to_do(make_world, invoke, command):
    said = invoke(make_world().app, "sessions", command, "ada")
    assert said.exit_code == 1
    assert "Auth(store=" in said.output


# -- doctor -------------------------------------------------------------------------------------


@pytest.fixture
def provider():
    provider = FakeProvider([Person("ada", "Ada")], issuer="https://id.example/provider")
    provider.signing_key = KEY
    return provider


@pytest.fixture
def make(provider):
    apps = []

    def make(store=None, **config):
        app = Cruse("shop")
        options = {**provider.options(), "issuer": provider.issuer}
        app.config.update(SECRET_KEY="k" * 32, AUTH_PROVIDERS={"op": options})
        app.config.update(config)
        auth = Auth(app, store=MemoryStore() if store is None else store)
        auth.on_login(lambda identity: None)
        auth.user_loader(lambda user_id: None)
        apps.append(app)
        return app

    yield make
    for app in apps:
        app.stop()


def test_all_is_well(make, provider, invoke):
    said = invoke(make(AUTH_EXTERNAL_URL="https://shop.example"), "doctor")
    assert said.output.splitlines() == [
        "op, redirect URI: https://shop.example/auth/op/callback",
        "op, post-logout redirect URI: https://shop.example/",
        "op, back-channel logout URI: https://shop.example/auth/op/backchannel",
        "All is well.",
    ]
    assert said.exit_code == 0
    asked = [path for _, path in provider.requests]
    assert asked == ["/.well-known/openid-configuration", "/oauth/jwks"]


def test_what_to_register_depends_on_the_request_where_nothing_says_it(make, invoke):
    said = invoke(make(), "doctor", "--url", "https://shop.example/app/")
    assert said.output.startswith(
        "For requests to https://shop.example/app/:\n"
        "op, redirect URI: https://shop.example/app/auth/op/callback\n"
    )
    assert "warning TRUSTED_PROXIES" in said.output
    assert said.exit_code == 0


@pytest.mark.parametrize(
    ("config", "arguments", "finding"),
    [
        ({"SECRET_KEY": None}, (), "error SECRET_KEY: It is not set"),
        ({"AUTH_EXTERNAL_URL": "shop.example"}, (), "error AUTH_EXTERNAL_URL: 'shop.example'"),
        ({}, ("--url", "http://shop.example"), "warning op: Its redirect URI begins with http://"),
        (
            {"AUTH_EXTERNAL_URL": "https://shop.example", "BASE_URL": "https://www.shop.example"},
            (),
            "warning AUTH_EXTERNAL_URL: Browsers are sent back to https://shop.example",
        ),
        (
            {"AUTH_EXTERNAL_URL": "https://shop.example", "TRUSTED_HOSTS": ["www.shop.example"]},
            ("--url", "https://www.shop.example"),
            "error AUTH_EXTERNAL_URL: Its host 'shop.example' is not among TRUSTED_HOSTS",
        ),
        (
            {"TRUSTED_HOSTS": ["shop.example"]},
            (),
            "Error: The host of http://localhost is not among TRUSTED_HOSTS",
        ),
        ({}, ("--url", "shop.example"), "does not begin with https:// and a host"),
        ({"AUTH_INSECURE_HTTP": True}, (), "warning AUTH_INSECURE_HTTP"),
        ({"AUTH_PROVIDERS": {"op": {}}}, (), "error AUTH_PROVIDERS: AUTH_PROVIDERS['op'] is not"),
    ],
)
def test_what_is_amiss_is_named(make, invoke, config, arguments, finding):
    said = invoke(make(**config), "doctor", *arguments)
    assert finding in said.output
    assert (said.exit_code != 0) == ("rror" in finding or "does not begin" in finding)


def test_logins_that_are_not_recorded_are_told_of(make_world, invoke):
    said = invoke(make_world().app, "doctor")
    assert "warning auth: Logins are not recorded" in said.output


def test_a_provider_that_is_not_as_it_should_be_is_told_of(make, provider, invoke):
    app = make(AUTH_EXTERNAL_URL="https://shop.example")
    with provider.tampering(discovery={"issuer": "https://evil.example"}):
        said = invoke(app, "doctor")
    assert "error op: the metadata of issuer" in said.output
    assert said.exit_code == 1


def test_a_provider_that_is_not_there_is_told_of(make, invoke):
    app = make()
    app.config["AUTH_PROVIDERS"]["op"].update(issuer="http://127.0.0.1:1", transport=None)
    said = invoke(app, "doctor")
    assert (
        "error op: GET http://127.0.0.1:1/.well-known/openid-configuration failed" in said.output
    )
    assert said.exit_code == 1


def test_the_issuers_of_resources_are_asked_too(make, provider, invoke):
    app = make(AUTH_EXTERNAL_URL="https://shop.example")
    transport = provider.options()["transport"]
    app.extensions["auth"].auth.resource(
        issuer="https://other.example", audience="https://api.example", transport=transport
    )
    said = invoke(app, "doctor")
    assert "error resource https://api.example:" in said.output


def test_a_server_that_is_somewhere_else_is_told_of(make, invoke):
    app = make(AUTH_EXTERNAL_URL="https://shop.example")
    store = MemoryServerStore()
    app.extensions["auth"].auth.server(issuer="https://id.example", store=store)
    said = invoke(app, "doctor")
    assert "the issuer of the authorization server is at https://id.example" in said.output
    assert "error auth.server: Its store is in memory" in said.output


# -- pages that visitors are sent to --------------------------------------------------------------


@pytest.mark.parametrize("key", ["AUTH_FACTOR_VIEW", "AUTH_LOGIN_VIEW"])
def test_a_page_that_is_not_there_stops_the_start(key):
    app = Cruse("shop")
    app.config.update(SECRET_KEY="k" * 32, **{key: "second_step"})
    Auth(app)
    with pytest.raises(SettingsError, match=f"{key} is 'second_step': this application has no"):
        app.test_client().get("/")
    app.stop()


def test_pages_may_be_endpoints_or_urls():
    app = Cruse("shop")
    app.config.update(AUTH_FACTOR_VIEW="second_step", AUTH_LOGIN_VIEW="/somewhere")
    Auth(app)
    app.add_url_rule("/second", "second_step", lambda: "second")
    assert app.test_client().get("/second").text == "second"
    app.stop()
