"""Views that ask for more than a login: recent ones, roles, permissions, scopes, API keys."""

from datetime import timedelta
from enum import Enum

import pytest

from cruse import Cruse, get_flashed_messages
from cruse_auth import (
    Auth,
    MemoryStore,
    UserMixin,
    auth_required,
    current_user,
    fresh_login_required,
    login_required,
    user_loaded_from_request,
    user_needs_refresh,
)

PAGE = {"Accept": "text/html"}
JSON = {"Accept": "application/json"}


class Role(Enum):
    STAFF = 1
    CHIEF = 2


class Member(UserMixin):
    def __init__(self, name, roles=(), permissions=(), scopes=()):
        self.id = self.name = name
        self.roles = roles
        self.permissions = permissions
        self.scopes = scopes


MEMBERS = [
    Member("ada", ["staff", "chief"], ["refund", "read"], "read write"),
    Member("bob", {"staff"}, lambda: ["read"], ["read"]),
    Member("eve"),
    Member("enum", [Role.STAFF, Role.CHIEF]),
]


@pytest.fixture(params=["sync", "async"])
def app(request):
    app = Cruse("shop")
    app.config.update(TESTING=True, SECRET_KEY="x" * 32)
    auth = app.extensions_auth = Auth(app, store=MemoryStore())
    members = {member.id: member for member in MEMBERS}

    def load(user_id):
        return members.get(user_id)

    def by_key(request):
        field = request.headers.get("Authorization", "")
        return members.get(field.removeprefix("Key ") or request.args.get("key"))

    async def load_async(user_id):
        return load(user_id)

    async def by_key_async(request):
        return by_key(request)

    auth.user_loader(load if request.param == "sync" else load_async)
    auth.request_loader(by_key if request.param == "sync" else by_key_async)

    def add(rule, guard):
        @app.get(rule, endpoint=rule)
        @guard
        def view():
            return f"for {current_user.name}"

        @app.get(f"{rule}-async", endpoint=f"{rule}-async")
        @guard
        async def view_async():
            return f"for {current_user.name}"

    add("/any", auth_required())
    add("/session", auth_required("session"))
    add("/key", auth_required("request"))
    add("/staff", auth_required(roles="staff"))
    add("/both", auth_required(roles=["staff", "chief"]))
    add("/either", auth_required(any_role=["chief", "staff"]))
    add("/capital", auth_required(roles=["STAFF"]))
    add("/refund", auth_required(permissions=["refund"]))
    add("/write", auth_required(scopes=["write"]))
    add("/within", auth_required(within=timedelta(minutes=10)))
    add("/fresh", fresh_login_required)
    add("/login", login_required)

    @app.get("/flashed")
    def flashed():
        return get_flashed_messages(with_categories=True)

    @app.get("/open", inline=True)
    def open_to_all():
        return "anybody"

    yield app
    app.stop()


@pytest.fixture
def get(app, gateway):
    """GET a page as somebody who is logged in, of both colours; return the status."""

    def get(rule, who=None, headers=PAGE, **options):
        user = next((member for member in MEMBERS if member.id == who), None)
        statuses = set()
        for url in (rule, f"{rule}-async"):
            client = app.test_client(gateway=gateway, user=user, **options)
            answer = client.get(url, headers=headers)
            statuses.add(answer.status_code)
            assert answer.status_code != 200 or answer.text.startswith("for ")
        (status,) = statuses
        return status

    return get


RIGHTS = [
    ("/any", {"ada", "bob", "eve"}),
    ("/session", {"ada", "bob", "eve"}),
    ("/staff", {"ada", "bob"}),
    ("/both", {"ada"}),
    ("/either", {"ada", "bob"}),
    ("/refund", {"ada"}),
    ("/write", {"ada", "bob", "eve"}),
]


@pytest.mark.parametrize(("rule", "allowed"), RIGHTS, ids=[rule for rule, _ in RIGHTS])
def test_only_those_with_the_right_get_in_and_others_get_a_403(get, rule, allowed):
    for who in ("ada", "bob", "eve"):
        assert get(rule, who) == (200 if who in allowed else 403), who
    assert get(rule) == 302
    assert get(rule, headers=JSON) == 401


def test_the_name_of_a_role_counts_where_it_is_an_object(get):
    assert get("/capital", "enum") == 200
    assert get("/capital", "ada") == 403


@pytest.mark.parametrize("rule", ["/within", "/fresh"])
def test_a_login_has_to_be_recent_where_it_is_asked_for(get, rule):
    assert get(rule, "ada", age=timedelta(minutes=9)) == 200
    assert get(rule, "ada", age=timedelta(minutes=16)) == 302
    assert get(rule, "ada", age=16 * 60, headers=JSON) == 401
    assert get(rule, "ada", fresh=False) == 302, "only remembered"


def test_a_request_can_bring_its_own_credentials(app, gateway):
    client = app.test_client(gateway=gateway)
    for url in ("/any", "/key", "/any-async", "/key-async", "/staff", "/login"):
        answer = client.get(url, headers={"Authorization": "Key bob"})
        assert answer.text == "for bob"
        assert "Set-Cookie" not in answer.headers
        assert "Vary" not in answer.headers, "no cookie was looked at"
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert client.get(url, query_string={"key": "bob"}).text == "for bob"
        assert client.get(url).status_code == 401, "the next request has to bring them again"
    assert client.get("/any", headers={"Authorization": "Key nobody"}).status_code == 401


def test_credentials_go_before_a_cookie(app, gateway):
    client = app.test_client(gateway=gateway, user=MEMBERS[0])
    assert client.get("/any", headers={"Authorization": "Key bob"}).text == "for bob"
    assert client.get("/any", query_string={"key": "bob"}).text == "for ada"
    assert client.get("/any", headers={"Authorization": "Key nobody"}).text == "for ada"


def test_a_view_for_credentials_ignores_cookies_and_the_other_way_round(app, gateway, get):
    assert get("/key", "ada") == 401, "a login would not help: no redirect"
    client = app.test_client(gateway=gateway)
    answer = client.get("/session", headers={"Authorization": "Key ada"})
    assert answer.status_code == 401


def test_credentials_are_never_a_fresh_login(app, gateway):
    client = app.test_client(gateway=gateway)
    for rule in ("/within", "/fresh"):
        assert client.get(rule, headers={"Authorization": "Key ada"}).status_code == 401


@pytest.mark.parametrize("url", ["/write", "/write-async"])
def test_a_scope_that_is_too_small_is_named_in_the_challenge(app, gateway, url):
    client = app.test_client(gateway=gateway)
    assert client.get(url, headers={"Authorization": "Key ada"}).status_code == 200
    answer = client.get(url, headers={"Authorization": "Key bob"})
    assert answer.status_code == 403
    assert answer.headers["WWW-Authenticate"] == (
        'Bearer realm="shop", error="insufficient_scope", scope="write"'
    )
    assert answer.get_json()["error"] == "insufficient_scope"


def test_a_page_that_does_not_look_asks_no_loader_in_vain(app, gateway):
    answer = app.test_client(gateway=gateway).get("/open")
    assert answer.text == "anybody"
    assert "Vary" not in answer.headers


def test_a_signal_tells_of_those_who_brought_credentials(app, gateway):
    seen = []

    def loaded(app, user):
        seen.append(user.name)

    user_loaded_from_request.connect(loaded, app)
    client = app.test_client(gateway=gateway)
    client.get("/any", headers={"Authorization": "Key bob"})
    client.get("/any")
    assert seen == ["bob"]


def test_a_login_that_is_too_old_can_get_its_own_page_and_message(app, gateway):
    auth, seen = app.extensions_auth, []

    def needs(app):
        seen.append("needs refresh")

    user_needs_refresh.connect(needs, app)
    auth.refresh_view, auth.login_view = "/again", "/sign-in"
    auth.login_message, auth.needs_refresh_message = "Please sign in.", "Once more, please."
    auth.login_message_category = "hint"
    client = app.test_client(gateway=gateway, user=MEMBERS[0], age=3600)
    assert client.get("/fresh", headers=PAGE).location == "/again?next=%2Ffresh&fresh=1"
    assert client.get("/flashed").json == [["hint", "Once more, please."]]
    assert seen == ["needs refresh"]
    client = app.test_client(gateway=gateway)
    assert client.get("/fresh", headers=PAGE).location == "/sign-in?next=%2Ffresh"
    assert client.get("/flashed").json == [["hint", "Please sign in."]]
    assert seen == ["needs refresh"]


def test_a_handler_answers_those_whose_login_is_too_old(app, gateway):
    app.extensions_auth.unauthorized_handler(lambda: ("nobody", 401))
    client = app.test_client(gateway=gateway, user=MEMBERS[0], age=3600)
    assert client.get("/fresh").text == "nobody"
    app.extensions_auth.needs_refresh_handler(lambda: ("again", 401))
    assert client.get("/fresh").text == "again"
    assert app.test_client(gateway=gateway).get("/fresh").text == "nobody"


def test_a_way_that_does_not_exist_is_an_error_where_it_is_written():
    with pytest.raises(ValueError, match="session, request, bearer, not 'sesion'"):
        auth_required("sesion")
    with pytest.raises(TypeError, match=r"@auth_required\(\)"):

        @auth_required
        def view(): ...
