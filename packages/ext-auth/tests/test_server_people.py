"""What people see of a provider, and what its application says about that."""

import importlib.util

import pytest
from jinja2 import DictLoader
from joserfc.jws import extract_compact

from cruse import Cruse, render_template_string, request
from cruse.checks import find_all
from cruse_auth import Auth, Limits, Rule
from cruse_auth.server import MemoryServerStore, ServerClient, ServerOptions
from tests.relying import CALLBACK, ISSUER, Shop, form_of, make_world

WITH_FORMS = importlib.util.find_spec("cruse_forms") is not None


@pytest.fixture
def world(colour):
    world = make_world(colour)
    world.add_client()
    yield world
    world.app.stop()


def use(world, colour, function):
    """Register what asks people, plain or async."""

    async def later(asked):
        return function(asked)

    world.server.consent(function if colour == "sync" else later)


def test_an_application_has_a_page_of_its_own(world, shop, colour):
    seen = []

    def ask(asked):
        seen.append(asked)
        return render_template_string(
            '<form action="{{ asked.action }}">{{ asked.hidden }}</form>', asked=asked
        )

    use(world, colour, ask)
    page = shop.ask(scope="openid write")
    assert page.headers["X-Frame-Options"] == "DENY"
    assert shop.answer(shop.decide(page))["code"]
    (asked,) = seen
    assert (asked.client.client_name, asked.user.id) == ("The Shop", "ada")
    assert dict(asked.scopes) == {
        "openid": "Know that it is you",
        "write": "Change your things",
    }
    assert asked.fields["ticket"] not in repr(asked)


def test_a_template_of_the_application_goes_before_ours(gateway):
    def set_up(app):
        app.jinja_loader = DictLoader(
            {"auth/consent.html": "Darf {{ consent.client.client_id }}?"}
        )

    world = make_world(set_up=set_up)
    world.add_client()
    shop = Shop(world, gateway)
    shop.log_in()
    assert shop.ask().text == "Darf shop?"
    world.app.stop()


def test_the_page_says_where_it_leads_whatever_a_program_calls_itself(world, shop):
    assert "sent back to <strong>shop.example</strong>" in shop.ask().text
    world.add_client(
        "app",
        redirect_uris=["http://127.0.0.1/cb", "com.example.app:/cb"],
        application_type="native",
    )
    for uri in ("http://127.0.0.1:7/cb", "com.example.app:/cb"):
        page = shop.ask(client_id="app", redirect_uri=uri).text
        assert "sent back to" not in page
        assert "a program on this device" in page


def test_or_it_knows_the_answer(world, shop, colour):
    use(world, colour, lambda asked: asked.user.id == "ada")
    assert shop.answer(shop.ask())["code"]
    assert shop.answer(shop.ask(prompt="none"))["error"] == "consent_required"
    shop.log_in("bob")
    assert shop.answer(shop.ask())["error"] == "access_denied"


def test_nobody_is_asked_about_our_own_programs(world, shop):
    world.add_client("ours", trusted=True)
    shop.client_id = "ours"
    assert shop.answer(shop.ask())["code"]
    assert shop.ask(prompt="consent").status_code == 200


def test_people_see_what_they_allowed_and_take_it_back(world, shop):
    token = shop.tokens()["access_token"]
    with world.app.app_context():
        assert world.server.allowed("ada") == {"shop": ["openid", "read"]}
        assert not world.server.revoke("ada", "other")
        assert shop.is_active(token)
        assert world.server.revoke("ada")
        assert world.server.allowed("ada") == {}
    assert not shop.is_active(token)
    assert shop.ask().status_code == 200, "they are asked anew"


def test_so_they_do_in_async_code(world, shop):
    shop.tokens()

    async def take_back():
        return await world.server.aallowed("ada"), await world.server.arevoke("ada", "shop")

    with world.app.app_context():
        allowed, gone = world.app.async_to_sync(take_back)()
    assert allowed == {"shop": ["openid", "read"]}
    assert gone
    kinds = ("grant", "consent", "code", "access", "refresh")
    assert [world.count(kind) for kind in kinds] == [0] * 5


def test_a_request_that_waited_for_too_long_is_over(shop, clock):
    page = shop.ask()
    clock.move(hours=2)
    shop.log_in()
    assert "Please begin again" in shop.decide(page).text
    assert shop.get("/oauth/authorize?resume=made-up").status_code == 400
    assert shop.browser.post("/oauth/consent", data={}).status_code == 400


def test_nobody_can_have_requests_kept_without_end(world, gateway):
    pytest.importorskip("limits")
    world.auth.limits = Limits(rules={"authorize": Rule(address="3 per minute")})
    stranger = Shop(world, gateway)
    assert [stranger.ask().status_code for _ in range(4)] == [303, 303, 303, 429]
    assert stranger.browser.post("/oauth/authorize", data=stranger.wish()).status_code == 429
    assert world.count("request") == 3
    assert stranger.answer(stranger.ask(prompt="none"))["error"] == "login_required"


def test_who_has_logged_out_meanwhile_decides_nothing(world, shop):
    page = shop.ask()
    shop.browser.post("/auth/logout")
    assert shop.decide(page).status_code == 400
    assert world.count("code") == 0


def test_who_is_shut_out_gets_no_code(world, shop):
    page = shop.ask()
    world.users["ada"].is_active = False
    assert shop.decide(page).status_code == 400
    assert shop.ask().location.startswith("/sign-in?")


def test_a_login_that_was_only_remembered_says_nothing_of_when(world, shop):
    world.app.config["AUTH_LOGIN_VIEW"] = "sign_in"
    with shop.browser.session_transaction() as session:
        session["_auth"] = {**session["_auth"], "fresh": False}
    token = shop.tokens()["id_token"]
    payload = extract_compact(token.encode()).payload
    assert b"auth_time" not in payload
    assert shop.ask(max_age="1000").location.startswith("/sign-in?")


# -- where it is --------------------------------------------------------------------------------


def test_an_issuer_may_have_a_path(gateway):
    world = make_world(issuer="https://example.com/id")
    world.add_client()
    shop = Shop(world, gateway)
    for path in (
        "/id/.well-known/openid-configuration",
        "/id/.well-known/oauth-authorization-server",
        "/.well-known/oauth-authorization-server/id",
    ):
        answer = shop.backend.get(path, headers={"Origin": "https://spa.example"})
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        document = answer.json
        assert document["issuer"] == "https://example.com/id"
        assert document["token_endpoint"] == "https://example.com/id/oauth/token"
    assert shop.backend.post("/id/oauth/token").status_code == 401
    assert shop.backend.get("/.well-known/openid-configuration").status_code == 404
    world.app.stop()


def test_an_application_may_be_mounted_there(gateway):
    world = make_world(issuer="https://example.com/id", url_prefix="")
    client = world.app.test_client(gateway=gateway)
    document = client.get("/.well-known/openid-configuration", base_url="http://x/id").json
    assert document["jwks_uri"] == "https://example.com/id/oauth/jwks"
    assert client.get("/oauth/jwks", base_url="http://x/id").status_code == 200
    world.app.stop()


def test_the_server_may_be_declared_before_its_application():
    auth = Auth()
    auth.server(issuer=ISSUER, store=MemoryServerStore())
    auth.user_loader(lambda user_id: None)
    app = Cruse("later")
    app.config.update(TESTING=True, SECRET_KEY="k" * 32)
    app.use(auth)
    assert app.test_client().get("/oauth/jwks").json["keys"]
    app.stop()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"issuer": "http://id.example"}, "https"),
        ({"issuer": "https://id.example?x=1"}, "no query"),
        ({"issuer": "id.example"}, "https"),
        ({"scopes": {"read things": ""}}, "name of a scope"),
        ({"resources": ["orders"]}, "absolute URL"),
        ({"resources": ["https://api.example/#x"]}, "absolute URL"),
    ],
)
def test_what_makes_no_sense_is_told_at_once(changes, told):
    with pytest.raises(ValueError, match=told):
        Auth().server(**{"issuer": ISSUER, "store": MemoryServerStore(), **changes})
    with pytest.raises(TypeError):
        Auth().server(issuer=ISSUER, store=MemoryServerStore(), lifetime=5)


def test_there_is_one_for_each_extension():
    auth = Auth()
    auth.server(issuer="http://localhost:5000", store=MemoryServerStore())
    with pytest.raises(RuntimeError, match="already"):
        auth.server(issuer=ISSUER, store=MemoryServerStore())


def test_without_one_it_is_said_how_to_make_one():
    app = Cruse("plain")
    Auth(app)
    with pytest.raises(RuntimeError, match=r"auth\.server"):
        _ = app.extensions["auth"].server


@pytest.mark.parametrize("missing", ["loader", "key"])
def test_it_does_not_start_without_what_it_needs(missing):
    app = Cruse("half")
    app.config.update(TESTING=True, SECRET_KEY=None if missing == "key" else "k" * 32)
    auth = Auth(app)
    auth.server(issuer=ISSUER, store=MemoryServerStore())
    if missing == "key":
        auth.user_loader(lambda user_id: None)
    with pytest.raises(RuntimeError, match="user_loader" if missing == "loader" else "SECRET_KEY"):
        app.test_client().get("/oauth/jwks")


@pytest.mark.parametrize("colour", ["sync"])
def test_what_is_for_tests_only_is_told(world):
    told = [f.level for f in find_all(world.app, deploy=True) if f.subject == "auth.server"]
    assert "error" in told
    assert not [f for f in find_all(world.app, deploy=False) if f.subject == "auth.server"]


def test_the_store_is_no_part_of_what_is_shown():
    store = MemoryServerStore()
    assert repr(store) not in repr(ServerOptions(ISSUER, store))


def test_a_policy_of_the_application_stays(gateway):
    world = make_world(config={"CONTENT_SECURITY_POLICY": "default-src 'self'"})
    world.add_client()
    shop = Shop(world, gateway)
    shop.log_in()
    page = shop.ask()
    assert page.headers.getlist("Content-Security-Policy") == ["default-src 'self'"]
    assert page.headers["X-Frame-Options"] == "DENY"
    world.app.stop()


if WITH_FORMS:
    from cruse_forms import Forms

    def test_it_goes_with_the_protection_of_cruse_forms(gateway):
        world = make_world(set_up=lambda app: app.use(Forms()))

        @world.app.post("/other")
        def other():
            return request.form.get("x", "")

        @world.app.get("/in/<who>")
        def enter(who):
            world.auth.login(world.users[who])
            return "in"

        world.add_client()
        shop = Shop(world, gateway)
        shop.browser.get("/in/ada")
        shop.browser.environ_base["HTTP_SEC_FETCH_SITE"] = "cross-site"
        assert shop.browser.post("/other", data={"x": "1"}).status_code in (400, 403)
        action, fields = form_of(shop.ask())
        answer = shop.browser.post(
            action, data={**fields, "decision": "allow"}, headers={"Origin": "null"}
        )
        assert answer.location.startswith(CALLBACK)
        assert shop.redeem(shop.answer(answer)["code"]).status_code == 200
        world.app.stop()


def test_a_login_page_can_tell_that_somebody_would_rather_not(world, gateway):
    shop = Shop(world, gateway)
    back = shop.browser.get(shop.ask().location).request.args["next"]
    answer = shop.answer(shop.get(f"{back}&cancel=1"))
    assert (answer["error"], answer["state"]) == ("access_denied", "s t&te")
    assert shop.get(back).status_code == 400, "it is done"


def test_clients_may_be_known_from_elsewhere(world, gateway, colour):
    known = ServerClient("kiosk", "The Kiosk", (CALLBACK,), trusted=True)

    def load(client_id):
        return known if client_id == "kiosk" else None

    async def load_async(client_id):
        return load(client_id)

    world.server.client_loader(load if colour == "sync" else load_async)
    for client_id in ("kiosk", "shop"):
        shop = Shop(world, gateway, client_id)
        shop.log_in()
        assert shop.code()


def test_a_client_of_ours_has_people_sent_back_after_a_logout(world, gateway):
    goodbye = "https://shop.example/bye"
    world.add_client("ours", trusted=True, post_logout_redirect_uris=[goodbye])
    world.add_client("other", post_logout_redirect_uris=[goodbye])
    browser = world.app.test_client(gateway=gateway)

    def leave(client_id):
        query = {"client_id": client_id, "post_logout_redirect_uri": goodbye}
        return browser.get("/oauth/logout", query_string=query).location

    assert (leave("ours"), leave("other")) == (goodbye, None)


def test_the_issuer_may_go_by_the_request(colour, gateway):
    world = make_world(colour, issuer=lambda: f"{request.host_url}id", url_prefix="/id")
    world.add_client()
    browser = world.app.test_client(gateway=gateway)
    for host in ("https://one.example", "https://two.example"):
        path = "/id/.well-known/openid-configuration"
        document = browser.get(path, base_url=host).get_json()
        assert document["issuer"] == f"{host}/id"
        assert document["token_endpoint"] == f"{host}/id/oauth/token"
    world.app.stop()
    with pytest.raises(ValueError, match="url_prefix"):
        ServerOptions(issuer=lambda: "https://id.example", store=MemoryServerStore())
