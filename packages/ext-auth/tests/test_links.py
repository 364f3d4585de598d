"""Links in mails: good once, for a while, for one person and one purpose."""

from types import SimpleNamespace

import pytest

from cruse import Cruse, request
from cruse.extension import SettingsError
from cruse_auth import Auth


@pytest.fixture(params=["sync", "async"])
def app(request):
    app = Cruse("shop")
    app.config.update(TESTING=True, SECRET_KEY="k" * 32, AUTH_EXTERNAL_URL="https://shop.example")
    auth = app.signing_in = Auth(app)
    users = app.users = {
        name: SimpleNamespace(id=name, password=f"hash of {name}") for name in ("ada", "bob")
    }

    def load(user_id):
        return users.get(user_id)

    async def load_async(user_id):
        return users.get(user_id)

    auth.user_loader(load if request.param == "sync" else load_async)
    add_views(app, auth)
    yield app
    app.stop()


def add_views(app, auth):
    @app.post("/forgot/<name>")
    def forgot(name):
        token = auth.links.make("reset", app.users[name], app.users[name].password)
        return auth.links.url("reset", token=token)

    def set_password(user):
        if user is None:
            return "This link is not good any more.", 400
        user.password = request.form["password"]
        return user.id

    @app.post("/reset/<token>")
    def reset(token):
        return set_password(auth.links.find("reset", token, lambda user: user.password))

    @app.post("/reset-async/<token>")
    async def reset_async(token):
        return set_password(await auth.links.afind("reset", token, lambda user: user.password))


@pytest.fixture
def client(app, gateway):
    return app.test_client(gateway=gateway)


@pytest.fixture(params=["reset", "reset-async"])
def use(client, request):
    """Follow a link; return the status and the text."""

    def use(link):
        url = link.removeprefix("https://shop.example").replace("/reset/", f"/{request.param}/")
        answer = client.post(url, data={"password": "a new hash"})
        return answer.status_code, answer.text

    return use


def ask(client, name="ada", **options):
    return client.post(f"/forgot/{name}", **options).text


def test_a_link_is_good_for_one_person_once(client, use):
    link = ask(client)
    assert use(link) == (200, "ada")
    assert use(link)[0] == 400


def test_all_links_are_over_once_one_was_used(client, use):
    links = [ask(client), ask(client)]
    assert use(links[1])[0] == 200
    assert use(links[0])[0] == 400


def test_a_link_is_over_after_an_hour(client, use, clock):
    link, other = ask(client), ask(client, "bob")
    clock.move(minutes=59)
    assert use(link)[0] == 200
    clock.move(minutes=2)
    assert use(other)[0] == 400


@pytest.mark.parametrize(
    "change",
    [
        lambda token: token + "x",
        lambda token: "x" + token,
        lambda token: token[:-4],
        lambda token: token.split(".")[0],
        lambda token: "x" * 5000,
        lambda token: "ä.ö.ü",
    ],
)
def test_a_link_that_was_changed_is_not_good(client, use, change):
    head, _, token = ask(client).rpartition("/")
    assert use(f"{head}/{change(token)}")[0] == 400


@pytest.mark.parametrize("token", [5, None, [], {}, "\ud800", "a.b.\udfff"])
def test_what_is_no_text_is_no_token(app, token):
    with app.app_context():
        assert app.signing_in.links.find("reset", token, lambda user: user.password) is None


def test_somebody_who_is_gone_or_shut_out_gets_nowhere(app, client, use):
    link, other = ask(client), ask(client, "bob")
    app.users["ada"].is_active = False
    del app.users["bob"]
    assert use(link)[0] == 400
    assert use(other)[0] == 400


def test_a_link_for_one_purpose_is_not_good_for_another(app, client):
    auth = app.signing_in
    with app.app_context():
        token = auth.links.make("confirm", app.users["ada"], "hash of ada")
        for purpose, found in (("confirm", app.users["ada"]), ("reset", None)):
            assert auth.links.find(purpose, token, lambda user: user.password) is found


def test_a_new_secret_key_leaves_links_good_while_the_old_one_is_known(app, client, use):
    link, other = ask(client), ask(client, "bob")
    app.config.update(SECRET_KEY="n" * 32, SECRET_KEY_FALLBACKS=["k" * 32])
    assert use(link)[0] == 200
    app.config["SECRET_KEY_FALLBACKS"] = []
    assert use(other)[0] == 400


def test_who_asks_cannot_change_where_the_link_leads(client):
    link = ask(client, headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"})
    assert link.startswith("https://shop.example/reset/")


@pytest.mark.parametrize("external", ["https://a.example", "http://a.example:81/shop/"])
def test_links_can_be_made_outside_of_requests(app, external):
    app.config["AUTH_EXTERNAL_URL"] = external
    with app.app_context():
        url = app.signing_in.links.url("reset", token="x", n=1)
    assert url == f"{external.rstrip('/')}/reset/x?n=1"


def test_the_state_is_not_in_the_token(app, client):
    app.users["ada"].password = "aaaa"
    first = ask(client)
    app.users["ada"].password = "bbbb"
    assert len(first) == len(ask(client))
    assert "aaaa" not in first


def test_links_need_to_know_where_the_application_is(app):
    app.config["AUTH_EXTERNAL_URL"] = None
    with app.app_context(), pytest.raises(SettingsError, match="AUTH_EXTERNAL_URL"):
        app.signing_in.links.url("reset", token="x")


def test_tokens_need_a_secret_key(app):
    app.config["SECRET_KEY"] = None
    with app.app_context(), pytest.raises(RuntimeError, match="need a secret key"):
        app.signing_in.links.make("reset", app.users["ada"], "x")
