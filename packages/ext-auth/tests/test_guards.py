"""Views that only logged-in people may call, and what others get."""

import pytest

from cruse import Cruse, redirect
from cruse_auth import (
    Auth,
    login_fresh,
    login_required,
    login_url,
    login_user,
    logout_user,
    user_unauthorized,
)
from cruse_auth.testing import MISSING

JSON = {"Accept": "application/json"}
VIEWS = ["/account", "/account-async"]


@pytest.fixture
def world(make_world, colour):
    return make_world(colour)


@pytest.mark.parametrize("view", VIEWS)
def test_logged_in_people_get_in(browser, view):
    browser.login()
    assert browser.get(view).text == "account of Ada Lovelace"
    assert browser.client.get(view, headers=JSON).text == "account of Ada Lovelace"


@pytest.mark.parametrize("view", VIEWS)
def test_a_browser_is_sent_to_the_login_page(browser, view):
    answer = browser.get(view)
    assert (answer.status_code, answer.location) == (302, f"/auth/login?next={view}")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Vary"] == "Cookie"


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Accept": "*/*"},
        JSON,
        {"Accept": "text/html", "Authorization": "Bearer x"},
        {"Accept": "text/html", "X-Requested-With": "XMLHttpRequest"},
        {"Accept": "text/html;q=0"},
    ],
    ids=str,
)
def test_other_clients_get_a_401_with_a_challenge(browser, view, headers):
    answer = browser.client.get(view, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="shop"'
    assert answer.get_json()["error"] == "login_required"
    assert "Set-Cookie" not in answer.headers


def test_the_realm_is_a_setting_and_is_quoted(make_world, open_browser, gateway):
    world = make_world(config={"AUTH_REALM": 'the "shop" \\ api'})
    answer = open_browser(world, gateway).client.get("/account")
    assert answer.headers["WWW-Authenticate"] == r'Bearer realm="the \"shop\" \\ api"'


def test_after_a_form_one_comes_back_to_the_page_of_the_form(browser):
    headers = {"Accept": "text/html", "Referer": "http://localhost/form?x=1"}
    answer = browser.client.post("/account", headers=headers)
    assert answer.status_code == 303
    assert answer.location == "/auth/login?next=http://localhost/form?x%3D1"
    for referrer in ("https://elsewhere.example/", ""):
        headers["Referer"] = referrer
        assert browser.client.post("/account", headers=headers).location == "/auth/login"


def test_the_way_back_keeps_the_query_and_strange_letters(browser, world):
    @world.app.get("/straße/<name>")
    @login_required
    def street(name):
        return name

    location = browser.get("/straße/a b?q=%C3%A4&n=//x").location
    assert location.startswith("/auth/login?next=/stra%25C3%259Fe/a%2520b?q%3D%25C3%25A4%26n%3D")
    page = browser.get(location)
    assert 'value="/stra%C3%9Fe/a%20b?q=%C3%A4&amp;n=//x"' in page.text


def test_a_very_long_way_back_is_left_out(browser):
    assert browser.get("/account?q=" + "x" * 1000).location == "/auth/login"


def test_below_a_root_path_the_way_back_has_it(browser):
    answer = browser.get("/account", environ_overrides={"SCRIPT_NAME": "/shop"})
    assert answer.location == "/shop/auth/login?next=/shop/account"


def test_a_browser_may_ask_for_options_without_credentials(browser):
    assert browser.client.options("/account").status_code == 200


def test_a_view_for_options_of_its_own_is_called(browser, world):
    @world.app.route("/own", methods=["GET", "OPTIONS"], provide_automatic_options=False)
    @login_required
    def own():
        return "options"

    assert browser.client.options("/own").text == "options"
    assert browser.client.get("/own").status_code == 401


@pytest.mark.parametrize("kind", ["plain", "async"])
def test_an_unauthorized_handler_answers_instead(browser, world, kind):
    async def answer_async():
        return "members only", 418

    plain = lambda: ("members only", 418)  # noqa: E731
    world.auth.unauthorized_handler(plain if kind == "plain" else answer_async)
    for view in VIEWS:
        assert browser.get(view).status_code == 418


def test_an_error_handler_can_shape_the_401(browser, world):
    @world.app.errorhandler(401)
    def shaped(error):
        return {"problem": error.description}, 401, error.get_headers()[1:]

    answer = browser.client.get("/account")
    assert answer.get_json() == {"problem": "A login is required."}
    assert "WWW-Authenticate" in answer.headers
    assert browser.get("/account").status_code == 302, "browsers still get the login page"


def test_the_login_page_can_be_the_applications_own(make_world, open_browser, gateway):
    world = make_world(config={"AUTH_LOGIN_VIEW": "sign_in"})

    @world.app.get("/sign-in")
    def sign_in():
        return "the sign-in page"

    browser = open_browser(world, gateway)
    assert browser.get("/account").location == "/sign-in?next=/account"
    world.auth.login_view = "https://login.example/?app=shop"
    assert browser.get("/account").location == ("https://login.example/?app=shop&next=%2Faccount")


def test_login_url_builds_the_address_of_a_login_page(world):
    with world.app.test_request_context():
        assert login_url("auth.login_page") == "/auth/login"
        assert login_url("auth.login_page", "/x", fresh=True) == "/auth/login?next=/x&fresh=1"
        assert login_url("/sign-in") == "/sign-in"
        assert login_url("/sign-in", "/x") == "/sign-in?next=%2Fx"


def test_a_signal_tells_of_those_who_were_turned_away(browser, world):
    seen = []

    def turned_away(app):
        seen.append(app.name)

    user_unauthorized.connect(turned_away, world.app)
    browser.get("/account")
    browser.get("/account-async")
    assert seen == ["shop", "shop"]


# -- fresh logins -------------------------------------------------------------------------------


def test_a_login_without_a_question_to_the_person_is_not_fresh(browser, world, clock):
    """The provider knew the browser, and says when it asked: whoever sits there gets no more."""
    with world.provider.tampering(claims={"auth_time": int(clock.time()) - 1000}):
        browser.login()
    assert browser.whoami == "Ada Lovelace"
    answer = browser.get("/danger")
    assert answer.location == "/auth/login?next=/danger&fresh=1"
    browser.login(fresh="1")
    assert browser.get("/danger").text == "fresh"


def set_login_age(browser, seconds, fresh=True):
    with browser.client.session_transaction() as session:
        record = session["_auth"]
        session["_auth"] = {**record, "at": record["at"] - seconds, "fresh": fresh}


def test_a_fresh_login_is_required_where_it_is_asked_for(browser):
    browser.login()
    assert browser.get("/danger").text == "fresh"

    set_login_age(browser, 901)
    assert browser.get("/account").status_code == 200
    answer = browser.get("/danger")
    assert (answer.status_code, answer.location) == (302, "/auth/login?next=/danger&fresh=1")
    assert browser.client.get("/danger").get_json()["error"] == "fresh_login_required"

    page = browser.get(answer.location)
    assert 'name="fresh" value="1"' in page.text
    browser.login(next="/danger", fresh="1")
    assert browser.get("/danger").text == "fresh"


def test_a_login_that_was_only_remembered_is_not_fresh(browser):
    browser.login()
    set_login_age(browser, 0, fresh=False)
    assert browser.get("/danger").status_code == 302


def test_for_a_fresh_login_the_provider_has_to_ask_the_person(browser, world, caplog):
    url = browser.start(fresh="1")
    assert "prompt=login" in url
    assert "max_age=0" in url
    for auth_time, cause in (
        (MISSING, "has no auth_time"),
        (True, "has no auth_time"),
        ("now", "auth_time"),
        (0, "auth_time is old"),
        (10**12, "auth_time is old"),
    ):
        caplog.clear()
        with world.provider.tampering(claims={"auth_time": auth_time}):
            assert browser.login(fresh="1").status_code == 400
        assert cause in caplog.text
    with world.provider.tampering(claims={"auth_time": 0}):
        assert browser.login().status_code == 303, "nobody asked for a fresh one"


def test_nobody_is_not_fresh(world):
    with world.app.test_request_context():
        assert login_fresh() is False


# -- applications that know their people by themselves ------------------------------------------


@pytest.fixture
def own_app():
    app = Cruse("own")
    app.config.update(TESTING=True, SECRET_KEY="x")
    auth = Auth(app)
    auth.user_loader(lambda user_id: {"1": "Ada"}.get(user_id))

    @app.post("/in/<int:user_id>")
    def log_in(user_id):
        user = type("User", (), {"id": user_id, "is_active": user_id != 2})()
        return str(login_user(user))

    @app.post("/out")
    def log_out():
        return str(logout_user())

    @app.post("/async/<action>")
    async def act(action):
        user = type("User", (), {"id": 1})()
        return str(await (auth.alogin(user) if action == "in" else auth.alogout()))

    @app.get("/secret")
    @login_required
    def secret():
        return "secret"

    @app.get("/away")
    def away():
        return redirect("/secret")

    yield app
    app.stop()


def test_without_a_provider_the_application_logs_people_in(own_app, gateway):
    client = own_app.test_client(gateway=gateway)
    assert client.post("/out").text == "False"
    assert client.post("/in/2").text == "False", "not active"
    assert client.get("/secret").status_code == 401
    assert client.post("/in/1").text == "True"
    assert client.get("/away", follow_redirects=True).text == "secret"
    assert client.post("/out").text == "True"
    assert client.get("/secret").status_code == 401


def test_async_views_log_people_in_and_out_as_well(own_app, gateway):
    client = own_app.test_client(gateway=gateway)
    assert client.post("/async/in").text == "True"
    assert client.get("/secret").text == "secret"
    assert client.post("/async/out").text == "True"
    assert client.get("/secret").status_code == 401
