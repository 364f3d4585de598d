"""The contract of extensions, and what has to be there before an application starts."""

import re

import pytest

from cruse import Cruse
from cruse.checks import find_all
from cruse.extension import SettingsError
from cruse.testing.contract import ExtensionContract
from cruse_auth import Auth, LoginManager, MemoryStore
from cruse_auth.development import DevelopmentProvider


class TestContract(ExtensionContract):
    def make_extension(self):
        return Auth()


class TestContractWithAProvider(ExtensionContract):
    config = {"AUTH_PROVIDERS": {"op": {"issuer": "https://op.example", "client_id": "us"}}}

    def make_extension(self):
        auth = Auth()
        auth.on_login(lambda identity: None)
        auth.user_loader(lambda user_id: None)
        return auth


@pytest.fixture
def app():
    app = Cruse("shop")
    app.config.update(TESTING=True, SECRET_KEY="x")
    yield app
    app.stop()


def complete(auth):
    auth.on_login(lambda identity: None)
    auth.user_loader(lambda user_id: None)
    return auth


def test_a_provider_may_be_all_configuration(app):
    auth = complete(Auth(app))
    app.config["AUTH_PROVIDERS"] = {"op": {"issuer": "https://op.example", "client_id": "us"}}
    app.start()
    assert list(auth.state_of(app).clients) == ["op"]


def test_configuration_goes_before_code(app):
    auth = complete(Auth(app))
    auth.providers.oidc("op", issuer="https://op.example", client_id="in the code", label="Op")
    app.config["AUTH_PROVIDERS"] = {"op": {"client_id": "configured", "client_secret": "s"}}
    options = auth.state_of(app).clients["op"].options
    assert (options.client_id, options.client_secret, options.label) == ("configured", "s", "Op")
    assert "s'" not in repr(options).replace("'op.example'", ""), "a secret is not for logs"


def test_one_extension_serves_two_applications_with_providers_of_their_own(app):
    auth = complete(Auth(app))
    other = Cruse("other")
    other.config.update(TESTING=True, SECRET_KEY="y")
    other.use(auth)
    auth.providers.oidc("op", issuer="https://op.example")
    app.config["AUTH_PROVIDERS"] = {"op": {"client_id": "one"}}
    other.config["AUTH_PROVIDERS"] = {"op": {"client_id": "two"}}
    assert auth.state_of(app).clients["op"].options.client_id == "one"
    assert auth.state_of(other).clients["op"].options.client_id == "two"


WRONG = {
    "not complete": ({}, "lacks issuer and client_id"),
    "no client_id": ({"issuer": "https://op.example"}, "lacks client_id"),
    "a misspelt key": ({"isuer": "x"}, "unknown keys ['isuer']"),
    "no openid": ({"issuer": "x", "client_id": "x", "scope": "email"}, "must contain 'openid'"),
    "a secret algorithm": ({"issuer": "x", "client_id": "x", "algorithms": ("HS256",)}, "HS256"),
    "a strange client_auth": ({"issuer": "x", "client_id": "x", "client_auth": "x"}, "not known"),
}


@pytest.mark.parametrize(("options", "message"), WRONG.values(), ids=WRONG)
def test_a_provider_that_is_not_configured_well_is_an_error_at_the_start(app, options, message):
    complete(Auth(app))
    app.config["AUTH_PROVIDERS"] = {"op": options}
    with pytest.raises(SettingsError) as error:
        app.start()
    assert message in str(error.value)
    assert "AUTH_PROVIDERS['op']" in str(error.value)


@pytest.mark.parametrize("providers", [{"op": {}}, {"op": "https://op.example"}, '{"op": '])
def test_a_check_tells_of_a_provider_that_a_start_fails_with(app, providers):
    complete(Auth(app))
    app.config["AUTH_PROVIDERS"] = providers
    with app.app_context():
        (found,) = [finding for finding in find_all(app) if finding.subject == "start"]
    with pytest.raises(SettingsError, match=re.escape(found.message)):
        app.start()


def test_a_check_before_production_tells_of_a_development_provider(app):
    auth = complete(Auth(app))
    provider = DevelopmentProvider([])
    auth.providers.oidc("op", **provider.options())
    provider.init_app(app)
    for allowed in (False, True):
        app.config["AUTH_DEVELOPMENT_PROVIDER"] = allowed
        with app.app_context():
            found = [each.message for each in find_all(app, deploy=True) if each.level == "error"]
            calm = [each for each in find_all(app) if each.level == "error"]
        assert any("real provider" in each or "as anybody" in each for each in found)
        assert calm == []
    app.config.update(TESTING=False, AUTH_DEVELOPMENT_PROVIDER=False)
    with pytest.raises(SettingsError, match="development provider"):
        app.start()


def test_a_provider_that_is_no_dict_is_an_error_at_the_start(app):
    complete(Auth(app))
    app.config["AUTH_PROVIDERS"] = {"op": "https://op.example"}
    with pytest.raises(SettingsError, match="must be a dict, not str"):
        app.start()


@pytest.mark.parametrize("missing", ["on_login", "user_loader"])
def test_a_missing_function_is_an_error_at_the_start(app, missing):
    auth = Auth(app)
    auth.providers.oidc("op", issuer="https://op.example", client_id="us")
    if missing != "on_login":
        auth.on_login(lambda identity: None)
    if missing != "user_loader":
        auth.user_loader(lambda user_id: None)
    with pytest.raises(RuntimeError, match=f"@auth.{missing}"):
        app.start()


def test_a_missing_secret_key_is_an_error_at_the_start(app):
    complete(Auth(app)).providers.oidc("op", issuer="https://op.example", client_id="us")
    app.config["SECRET_KEY"] = None
    with pytest.raises(RuntimeError, match="need a secret key"):
        app.start()


@pytest.mark.parametrize(("store", "told"), [(None, True), (MemoryStore(), False)])
def test_a_check_before_production_tells_that_logins_cannot_be_ended(app, store, told):
    complete(Auth(app, store=store))
    with app.app_context():
        found = [finding for finding in find_all(app, deploy=True) if finding.subject == "auth"]
        assert not any(finding.subject == "auth" for finding in find_all(app))
    assert [finding.level for finding in found] == ["warning"] * told


def test_providers_are_declared_by_name():
    providers = Auth().providers
    op = providers.oidc("op", issuer="https://op.example", client_id="us")
    assert providers["op"] is op
    assert "op" in providers
    assert list(providers) == ["op"]
    assert repr(op) == "<Provider 'op'>"
    with pytest.raises(ValueError, match="already"):
        providers.oidc("op")
    for name in ("", "a/b", "A", "a b", "-a"):
        with pytest.raises(ValueError, match="part of URLs"):
            providers.oidc(name)
    with pytest.raises(TypeError, match="isuer"):
        providers.oidc("two", isuer="https://op.example")


def test_the_pages_have_the_prefix_one_wants(app, gateway):
    app.use(Auth(url_prefix="/people"))
    assert app.test_client(gateway=gateway).get("/people/login").status_code == 200


def test_a_page_without_providers_says_so(app, gateway):
    Auth(app)
    page = app.test_client(gateway=gateway).get("/auth/login")
    assert "no way to sign in here yet" in page.text


def test_flask_logins_name_is_there():
    assert LoginManager is Auth
