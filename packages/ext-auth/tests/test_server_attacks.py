"""What a provider must not do, whatever it is asked. A1 to A19 are the names of our own list."""

from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from joserfc.jws import extract_compact

from cruse_auth import tokens_misused
from tests.relying import (
    API,
    CALLBACK,
    ISSUER,
    KEY,
    SECRET,
    VERIFIER,
    Shop,
    challenge_of,
    form_of,
    make_world,
)


@pytest.fixture(params=[("sync", "wsgi"), ("async", "asgi")], ids=["plain", "async"])
def face(request):
    """The colour of hooks and store, and the gateway."""
    return request.param


@pytest.fixture
def world(face):
    world = make_world(face[0])
    world.add_client(grant_types=["authorization_code", "refresh_token", "client_credentials"])
    world.add_client("other", redirect_uris=["https://other.example/cb"])
    world.add_client(
        "app",
        redirect_uris=["http://127.0.0.1/cb", "com.example.app:/cb"],
        application_type="native",
        token_endpoint_auth_method="none",
    )
    yield world
    world.app.stop()


@pytest.fixture
def shop(world, face):
    shop = Shop(world, face[1])
    shop.log_in()
    return shop


@pytest.fixture(params=["confidential", "public"])
def client(request, shop, native):
    return shop if request.param == "confidential" else native


@pytest.fixture
def native(world, face):
    shop = Shop(world, face[1], "app", "http://127.0.0.1:51234/cb", secret=None)
    shop.log_in()
    return shop


# -- A1, A2, A19: where browsers are sent ---------------------------------------------------------


@pytest.mark.parametrize(
    "uri",
    [
        f"{CALLBACK}/",
        f"{CALLBACK}/../evil",
        f"{CALLBACK}?x=1",
        f"{CALLBACK}#f",
        "https://SHOP.example/callback",
        "https://user@shop.example/callback",
        "https://shop.example@evil.example/callback",
        "https://evil.shop.example/callback",
        "https://shop.example:443/callback",
        "https://shop.example\\.evil.example/callback",
        "http://shop.example/callback",
        "javascript:alert(1)",
        "//shop.example/callback",
        " https://shop.example/callback",
        "https://evil.example/callback",
        "https://other.example/cb",
    ],
)
def test_a1_only_to_addresses_that_were_registered(shop, uri):
    answer = shop.ask(redirect_uri=uri)
    assert answer.status_code == 400
    assert "Location" not in answer.headers
    assert "unknown address" in answer.text


def test_a1_of_several_one_has_to_be_named(world, shop):
    world.add_client("two", redirect_uris=[CALLBACK, "https://shop.example/other"])
    assert shop.ask(client_id="two", redirect_uri=None).status_code == 400
    assert shop.ask(redirect_uri=None).status_code == 200


@pytest.mark.parametrize("port", [":1", ":65535", ""])
def test_a2_a_program_on_the_same_machine_has_any_port(native, port):
    native.callback = f"http://127.0.0.1{port}/cb"
    assert native.answer(native.decide(native.ask()))["code"]


def test_a2_or_a_scheme_of_its_own(native):
    native.callback = "com.example.app:/cb"
    answer = native.decide(native.ask())
    assert answer.location.startswith("com.example.app:/cb?code=")
    assert native.redeem(native.answer(answer)["code"]).status_code == 200


@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.2:80/cb",
        "http://localhost:80/cb",
        "http://[::1]:80/cb",
        "http://127.0.0.1:80/other",
        "http://127.0.0.1:65536/cb",
        "http://127.0.0.1:x/cb",
        "http://127.0.0.1:80@evil.example/cb",
        "http://127.0.0.1.evil.example:80/cb",
        "http://evil.example/cb",
        "https://127.0.0.1:80/cb",
        "com.example.app:/cb/more",
    ],
)
def test_a2_but_no_other_host_and_no_other_path(native, uri):
    assert native.ask(redirect_uri=uri).status_code == 400


def test_a2_a_web_server_has_the_port_that_it_registered(world, shop):
    world.add_client("dev", redirect_uris=["http://127.0.0.1:5000/cb"])
    wish = {"client_id": "dev"}
    assert shop.ask(**wish, redirect_uri="http://127.0.0.1:5000/cb").status_code == 200
    assert shop.ask(**wish, redirect_uri="http://127.0.0.1:5001/cb").status_code == 400


@pytest.mark.parametrize("changes", [{"client_id": "nobody"}, {"client_id": None}])
def test_a19_errors_send_nobody_anywhere_for_unknown_clients(shop, changes):
    answer = shop.ask(**changes, response_type="token", redirect_uri="https://evil.example/")
    assert answer.status_code == 400
    assert "Location" not in answer.headers
    assert "not known" in answer.text


# -- A3: PKCE -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"code_challenge": None},
        {"code_challenge": None, "code_challenge_method": None},
        {"code_challenge": VERIFIER, "code_challenge_method": "plain"},
        {"code_challenge_method": None},
        {"code_challenge": "short"},
        {"code_challenge": "ä" * 43},
    ],
)
def test_a3_every_client_sends_a_challenge(client, changes):
    answer = client.answer(client.ask(**changes))
    assert (answer["error"], answer["iss"]) == ("invalid_request", ISSUER)


@pytest.mark.parametrize(
    ("verifier", "error"),
    [(None, "invalid_request"), ("w" * 43, "invalid_grant"), ("v", "invalid_grant")],
)
def test_a3_and_later_the_verifier(client, verifier, error):
    code = client.code()
    answer = client.redeem(code, code_verifier=verifier)
    assert (answer.status_code, answer.json["error"]) == (400, error)
    assert client.redeem(code).status_code == 200, "a mistake did not use the code up"


def test_a3_the_challenge_is_no_verifier(shop):
    code = shop.code()
    assert shop.redeem(code, code_verifier=challenge_of(VERIFIER)).status_code == 400


# -- A4: codes ------------------------------------------------------------------------------------


def test_a4_a_code_is_good_once_and_its_return_ends_what_it_gave(world, shop):
    told = []

    def listen(app, **of):
        told.append(of)

    tokens_misused.connect(listen, world.app)
    code = shop.code()
    tokens = shop.redeem(code).json
    assert shop.is_active(tokens["access_token"])
    again = shop.redeem(code)
    assert (again.status_code, again.json["error"]) == (400, "invalid_grant")
    assert not shop.is_active(tokens["access_token"])
    assert shop.userinfo(tokens["access_token"]).status_code == 401
    assert shop.refresh(tokens["refresh_token"]).json["error"] == "invalid_grant"
    assert told == [{"user_id": "ada", "client_id": "shop"}]


@pytest.mark.parametrize(
    "wrong",
    [
        {"code_verifier": "w" * 43},
        {"redirect_uri": "https://evil.example/"},
        {"auth": ("other", SECRET)},
        {"auth": ("shop", "wrong")},
    ],
    ids=["verifier", "redirect", "client", "secret"],
)
def test_a4_who_could_not_have_redeemed_it_ends_nothing(shop, wrong):
    code = shop.code()
    tokens = shop.redeem(code).json
    assert shop.redeem(code, **wrong).status_code in (400, 401)
    assert shop.is_active(tokens["access_token"])


def test_a4_a_code_ends_after_a_minute(shop, clock):
    code = shop.code()
    clock.move(seconds=61)
    assert shop.redeem(code).json["error"] == "invalid_grant"


def test_a4_it_is_for_one_client_and_one_address(shop):
    code = shop.code()
    assert shop.redeem(code, auth=("other", SECRET)).json["error"] == "invalid_grant"
    wrong = shop.redeem(code, redirect_uri="https://other.example/cb")
    assert wrong.json["error"] == "invalid_grant"
    assert shop.redeem(code, redirect_uri=None).status_code == 200, "OAuth 2.1 knows none here"


def test_a4_a_code_that_nobody_fetched_leaves_nothing(world, shop, clock):
    shop.code()
    clock.move(minutes=2)
    assert world.count("grant") == 0


def test_nothing_is_kept_in_clear(world, shop):
    code = shop.code()
    tokens = shop.redeem(code).json
    kept = repr([(each, dict(each.content)) for each in world.store._records.values()])
    for secret in (code, tokens["access_token"], tokens["refresh_token"], SECRET):
        assert secret not in kept
    assert str(KEY.as_dict(private=True)["d"]) not in kept


# -- A5: refresh tokens ---------------------------------------------------------------------------


def test_a5_each_refresh_token_is_good_once_and_its_return_ends_all(shop):
    first = shop.tokens()
    second = shop.refresh(first["refresh_token"]).json
    assert second["refresh_token"] != first["refresh_token"]
    assert shop.is_active(second["access_token"])
    assert shop.refresh(first["refresh_token"]).json["error"] == "invalid_grant"
    assert shop.refresh(second["refresh_token"]).json["error"] == "invalid_grant"
    assert not shop.is_active(second["access_token"])


def test_a5_another_client_with_it_is_a_thief(shop):
    tokens = shop.tokens()
    stolen = shop.refresh(tokens["refresh_token"], auth=("other", SECRET))
    assert stolen.json["error"] == "invalid_grant"
    assert not shop.is_active(tokens["access_token"])


def test_a5_the_scope_may_shrink_and_not_grow(shop):
    token = shop.tokens(scope="openid read")["refresh_token"]
    more = shop.refresh(token, scope="openid read write")
    assert more.json["error"] == "invalid_scope"
    less = shop.refresh(token, scope="read").json
    assert less["scope"] == "read"
    assert "id_token" not in less


def test_a5_what_a_client_may_not_have_any_more_is_gone(world, shop):
    tokens = shop.tokens()
    record = world.store.get("client", "shop")
    content = {**record.content, "scope": "openid"}
    assert world.store.replace(record.changed(content=content), record.version)
    assert shop.refresh(tokens["refresh_token"]).json["scope"] == "openid"


def test_a5_a_permission_ends_however_much_it_is_used(shop, clock):
    token = shop.tokens(scope="openid offline_access")["refresh_token"]
    for _ in range(7):
        clock.move(days=13)
        answer = shop.refresh(token)
        token = answer.json.get("refresh_token")
    assert answer.json["error"] == "invalid_grant"


def test_a5_a_refresh_token_that_nobody_uses_ends_sooner(shop, clock):
    token = shop.tokens()["refresh_token"]
    clock.move(days=15)
    assert shop.refresh(token).json["error"] == "invalid_grant"


def test_who_is_shut_out_gets_no_more_tokens(world, shop):
    tokens = shop.tokens()
    code = shop.code()
    world.users["ada"].is_active = False
    assert shop.refresh(tokens["refresh_token"]).json["error"] == "invalid_grant"
    assert shop.redeem(code).json["error"] == "invalid_grant"
    assert shop.userinfo(tokens["access_token"]).status_code == 401
    assert not shop.is_active(tokens["access_token"])


# -- A6, A7, A8: what is asked, and how it is answered --------------------------------------------


@pytest.mark.parametrize("kind", ["token", "id_token", "code token", "none"])
def test_a6_there_is_nothing_but_codes(shop, kind):
    answer = shop.answer(shop.ask(response_type=kind))
    assert (answer["error"], answer["iss"]) == ("unsupported_response_type", ISSUER)


@pytest.mark.parametrize("grant", ["password", "implicit", "urn:x"])
def test_a6_no_passwords_at_the_token_endpoint(shop, grant):
    answer = shop.post("/oauth/token", {"grant_type": grant, "username": "ada", "password": "x"})
    assert (answer.status_code, answer.json["error"]) == (400, "unsupported_grant_type")


@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
def test_a7_who_asks_is_said_once(shop, name):
    answer = shop.ask(**{name: [shop.wish()[name]] * 2})
    assert answer.status_code == 400
    assert "Location" not in answer.headers


@pytest.mark.parametrize(
    "name", ["scope", "state", "code_challenge", "response_type", "nonce", "prompt", "made_up"]
)
def test_a7_everything_is_said_once(shop, name):
    value = shop.wish().get(name, "login")
    answer = shop.answer(shop.ask(**{name: [value, value]}))
    assert (answer["error"], answer["iss"]) == ("invalid_request", ISSUER)
    assert ("state" in answer) is (name != "state")


def test_a7_at_the_token_endpoint_too(shop):
    code = shop.code()
    answer = shop.redeem(code, code=[code, code])
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("value", ["\0", "a\nb", "\x85", "x" * 5000])
def test_values_that_are_none_are_refused_and_no_error_of_ours(shop, value):
    answer = shop.answer(shop.ask(nonce=value))
    assert answer["error"] == "invalid_request"
    answer = shop.post("/oauth/token", {"grant_type": "authorization_code", "code": value})
    assert answer.status_code == 400


def test_names_that_are_none_neither(shop):
    answer = shop.answer(shop.ask(**{"x\0": "y"}))
    assert answer["error"] == "invalid_request"
    assert shop.redeem(shop.code(), **{"x\n": "y"}).json["error"] == "invalid_request"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"scope": "nothing"}, "invalid_scope"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "²"}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "dance"}, "invalid_request"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"response_type": None}, "invalid_request"),
        ({"request": "e30.e30."}, "request_not_supported"),
        ({"request_uri": "https://127.0.0.1/"}, "request_uri_not_supported"),
        ({"resource": "https://other.example/"}, "invalid_target"),
        ({"prompt": "none"}, "consent_required"),
    ],
)
def test_a8_errors_name_the_server_and_come_by_303(shop, changes, error):
    answer = shop.answer(shop.ask(**changes))
    assert (answer["error"], answer["iss"], answer["state"]) == (error, ISSUER, "s t&te")


def test_a8_so_does_a_code(shop):
    answer = shop.answer(shop.decide(shop.ask()))
    assert (answer["iss"], answer["state"]) == (ISSUER, "s t&te")


def test_a8_a_query_that_an_address_has_stays(world, shop):
    shop.callback = "https://shop.example/cb?tenant=1"
    world.add_client("query", redirect_uris=[shop.callback])
    shop.client_id = "query"
    answer = shop.decide(shop.ask())
    assert answer.location.startswith("https://shop.example/cb?tenant=1&")
    assert shop.answer(answer)["code"]


# -- A9: the page that asks -----------------------------------------------------------------------


def test_a9_the_page_is_not_framed_not_kept_and_not_named(shop):
    page = shop.ask()
    assert page.headers["Content-Security-Policy"] == "frame-ancestors 'none'"
    assert page.headers["X-Frame-Options"] == "DENY"
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert "Access-Control-Allow-Origin" not in page.headers


@pytest.mark.parametrize("ticket", ["", "x", None])
def test_a9_nobody_else_can_send_its_form(world, shop, ticket):
    action, fields = form_of(shop.ask())
    data = {"resume": fields["resume"], "decision": "allow"}
    if ticket is not None:
        data["ticket"] = ticket
    answer = shop.browser.post(action, data=data)
    assert answer.status_code == 400
    assert "Location" not in answer.headers
    assert world.count("code") == 0


def test_a9_a_ticket_is_for_one_login_and_one_request(world, shop, face):
    eve = Shop(world, face[1])
    eve.log_in("bob")
    action, fields = form_of(eve.ask())
    assert shop.browser.post(action, data={**fields, "decision": "allow"}).status_code == 400
    _, mine = form_of(shop.ask())
    mixed = {"resume": fields["resume"], "ticket": mine["ticket"], "decision": "allow"}
    assert shop.browser.post(action, data=mixed).status_code == 400


def test_a9_it_can_be_sent_once(shop):
    page = shop.ask(prompt="consent")
    assert shop.answer(shop.decide(page))["code"]
    assert shop.decide(page).status_code == 400


def test_a9_programs_that_anybody_can_pretend_to_be_are_asked_for_each_time(native):
    assert native.answer(native.decide(native.ask()))["code"]
    assert native.ask().status_code == 200
    assert native.answer(native.ask(prompt="none"))["error"] == "consent_required"


def test_a9_a_secret_that_comes_with_the_program_changes_nothing(world, face):
    world.add_client("tool", redirect_uris=["http://127.0.0.1/cb"], application_type="native")
    shop = Shop(world, face[1], "tool", "http://127.0.0.1:5000/cb")
    shop.log_in()
    shop.tokens()
    assert "Allow" in shop.ask().text


def test_a9_so_it_is_for_those_of_our_own(world, face):
    addresses = ["http://127.0.0.1/cb", "https://app.example/cb"]
    options = {"application_type": "native", "token_endpoint_auth_method": "none"}
    world.add_client("ours", redirect_uris=addresses, trusted=True, **options)
    shop = Shop(world, face[1], "ours", addresses[0], secret=None)
    shop.log_in()
    assert "Allow" in shop.ask().text
    assert shop.answer(shop.ask(prompt="none"))["error"] == "consent_required"
    shop.callback = addresses[1]
    assert shop.answer(shop.ask())["code"], "this address is in the hands of its owner"


def test_what_was_allowed_at_one_place_is_not_allowed_at_another(shop):
    shop.code(scope="read", resource=API)
    shop.code(scope="write")
    assert "Allow" in shop.ask(scope="write", resource=API).text
    assert shop.answer(shop.ask(scope="read", resource=API))["code"]
    assert shop.answer(shop.ask(scope="write"))["code"]


def test_a_request_that_is_kept_is_short(shop):
    names = {f"{number:03}{'x' * 90}": "v" for number in range(300)}
    answer = shop.browser.post("/oauth/authorize", data={**shop.wish(), **names})
    assert shop.answer(answer)["error"] == "invalid_request"


def test_a9_names_of_clients_are_no_html(world, shop):
    with world.app.app_context():
        run = world.server.clients.add
        run("<script>alert(1)</script>", client_id="evil", redirect_uris=[CALLBACK])
    page = shop.ask(client_id="evil")
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;alert" in page.text


# -- A10: logging in once more --------------------------------------------------------------------


def test_a10_nobody_is_asked_where_nobody_may_be(world, face):
    shop = Shop(world, face[1])
    answer = shop.answer(shop.ask(prompt="none"))
    assert (answer["error"], answer["iss"]) == ("login_required", ISSUER)


@pytest.mark.parametrize(
    "changes", [{"prompt": "login"}, {"max_age": "0"}, {"prompt": "select_account"}]
)
def test_a10_who_is_to_log_in_once_more_does(shop, changes, clock):
    shop.code()
    clock.move(seconds=100)
    answer = shop.ask(**changes)
    assert answer.status_code == 303
    assert answer.location.startswith("/sign-in?next=")
    assert "fresh=1" in answer.location
    assert shop.get(next_of(answer.location)).location.startswith("/sign-in?"), (
        "not without having logged in"
    )
    clock.move(seconds=5)
    back = shop.browser.post(answer.location, data={"who": "ada"}).location
    assert shop.answer(shop.get(back))["code"]


def next_of(location):
    return parse_qs(urlsplit(location).query)["next"][0]


def test_a10_a_login_that_is_young_enough_will_do(shop, clock):
    shop.code()
    clock.move(seconds=100)
    assert shop.answer(shop.ask(max_age="200"))["code"]
    assert shop.ask(max_age="50").location.startswith("/sign-in?")
    answer = shop.answer(shop.ask(max_age="50", prompt="none"))
    assert answer["error"] == "login_required"


def test_a10_a_hint_says_who_it_has_to_be(world, shop, face):
    hint = shop.tokens()["id_token"]
    assert shop.answer(shop.ask(id_token_hint=hint, prompt="none"))["code"]
    shop.log_in("bob")
    answer = shop.answer(shop.ask(id_token_hint=hint, prompt="none"))
    assert answer["error"] == "login_required"
    assert shop.answer(shop.ask(id_token_hint="x", prompt="none"))["error"] == "login_required"
    assert shop.decide(shop.ask(id_token_hint="x")).status_code == 303
    page = shop.ask(id_token_hint=hint).location
    back = shop.browser.post(page, data={"who": "bob"}).location
    assert shop.answer(shop.get(back))["error"] == "login_required"
    back = shop.browser.post(page, data={"who": "ada"}).location
    assert shop.answer(shop.get(back))["code"]


def test_a_surer_login_is_asked_for_and_what_it_was_is_told(shop):
    answer = shop.ask(acr_values="gold silver")
    assert "acr=gold+silver" in answer.location
    back = shop.browser.post(answer.location, data={"who": "ada"}).location
    assert shop.decide(shop.get(back)).status_code == 303, "it is a wish, not a condition"


# -- A12: introspection and revocation ------------------------------------------------------------


@pytest.mark.parametrize("token", ["made-up", "x" * 4000])
def test_a12_of_unknown_tokens_nothing_is_said(shop, token):
    answer = shop.post("/oauth/introspect", {"token": token})
    assert answer.json == {"active": False}
    assert shop.post("/oauth/revoke", {"token": token}).status_code == 200


def test_a12_of_another_client_neither(shop):
    tokens = shop.tokens()
    for token in (tokens["access_token"], tokens["refresh_token"]):
        answer = shop.post("/oauth/introspect", {"token": token}, auth=("other", SECRET))
        assert answer.json == {"active": False}
        answer = shop.post("/oauth/revoke", {"token": token}, auth=("other", SECRET))
        assert answer.status_code == 200
        assert shop.is_active(token)


@pytest.mark.parametrize("path", ["/oauth/introspect", "/oauth/revoke", "/oauth/token"])
@pytest.mark.parametrize("auth", [None, ("shop", "wrong"), ("nobody", SECRET)])
def test_a12_nobody_asks_without_saying_who(shop, path, auth):
    token = shop.tokens()["access_token"]
    answer = shop.post(path, {"token": token, "grant_type": "refresh_token"}, auth=auth)
    assert (answer.status_code, answer.json["error"]) == (401, "invalid_client")
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    assert shop.is_active(token)


def test_a12_a_client_that_proves_nothing_may_end_tokens_and_ask_about_none(native):
    tokens = native.tokens()
    answer = native.post("/oauth/introspect", {"token": tokens["access_token"]})
    assert answer.status_code == 401
    assert native.post("/oauth/revoke", {"token": tokens["refresh_token"]}).status_code == 200
    assert native.userinfo(tokens["access_token"]).status_code == 401


def test_a12_what_is_known_of_a_token(shop):
    tokens = shop.tokens()
    about = shop.post("/oauth/introspect", {"token": tokens["access_token"]}).json
    assert (about["active"], about["sub"], about["client_id"]) == (True, "ada", "shop")
    assert (about["scope"], about["iss"], about["token_type"]) == ("openid read", ISSUER, "Bearer")
    about = shop.post("/oauth/introspect", {"token": tokens["refresh_token"]}).json
    assert (about["active"], about["sub"], about["scope"]) == (True, "ada", "openid read")


def test_a12_revoking(shop):
    tokens = shop.tokens()
    shop.post("/oauth/revoke", {"token": tokens["access_token"]})
    assert not shop.is_active(tokens["access_token"])
    renewed = shop.refresh(tokens["refresh_token"]).json
    shop.post("/oauth/revoke", {"token": renewed["refresh_token"]})
    assert not shop.is_active(renewed["access_token"])
    assert shop.refresh(renewed["refresh_token"]).json["error"] == "invalid_grant"


# -- A13: logging out -----------------------------------------------------------------------------


def whoami(shop):
    return shop.browser.get("/whoami").text


@pytest.fixture
def leaving(world, face):
    world.add_client("bye", post_logout_redirect_uris=["https://shop.example/bye"])
    shop = Shop(world, face[1], "bye")
    shop.log_in()
    return shop


def leave(shop, **query):
    return shop.get(f"/oauth/logout?{urlencode(query)}")


BYE = "https://shop.example/bye"


def test_a13_who_shows_a_token_of_this_login_logs_out_and_goes_back(leaving):
    hint = leaving.tokens()["id_token"]
    answer = leave(leaving, id_token_hint=hint, post_logout_redirect_uri=BYE, state="x y")
    assert (answer.status_code, answer.location) == (303, f"{BYE}?state=x+y")
    assert whoami(leaving) == "nobody"


@pytest.mark.parametrize("hint", [None, "foreign", "not.a.token", "old", "access"])
def test_a13_others_are_asked(leaving, world, face, hint):
    query = {"client_id": "bye", "post_logout_redirect_uri": BYE}
    if hint == "foreign":
        bob = Shop(world, face[1], "bye")
        bob.log_in("bob")
        query["id_token_hint"] = bob.tokens()["id_token"]
    elif hint == "old":
        query["id_token_hint"] = leaving.tokens()["id_token"]
        leaving.log_in("ada")
    elif hint == "access":
        query["id_token_hint"] = leaving.tokens(resource=API)["access_token"]
    elif hint:
        query["id_token_hint"] = hint
    page = leave(leaving, **query)
    assert "Sign out?" in page.text
    assert page.headers["X-Frame-Options"] == "DENY"
    assert whoami(leaving) == ("ada")
    action, fields = form_of(page)
    forged = {**fields, "ticket": "x"}
    assert "Sign out?" in leaving.browser.post(action, data=forged).text
    assert whoami(leaving) == "ada"
    assert leaving.browser.post(action, data=fields).location == BYE
    assert whoami(leaving) == "nobody"


@pytest.mark.parametrize("uri", ["https://evil.example/", f"{BYE}/", "javascript:alert(1)"])
def test_a13_nobody_is_sent_to_an_unknown_address(leaving, uri):
    hint = leaving.tokens()["id_token"]
    answer = leave(leaving, id_token_hint=hint, post_logout_redirect_uri=uri)
    assert answer.status_code == 200
    assert "Location" not in answer.headers
    assert whoami(leaving) == "nobody"


def test_a13_without_a_login_only_who_shows_something_sends_people_on(leaving, world, face):
    stranger = Shop(world, face[1])
    answer = leave(stranger, client_id="bye", post_logout_redirect_uri=BYE)
    assert (answer.status_code, "Location" in answer.headers) == (200, False)
    hint = leaving.tokens()["id_token"]
    assert leave(stranger, id_token_hint=hint, post_logout_redirect_uri=BYE).location == BYE
    answer = leave(stranger, id_token_hint=hint, client_id="shop")
    assert answer.status_code == 400


# -- A18: keys ------------------------------------------------------------------------------------


def test_a18_nothing_private_is_shown(shop):
    (key,) = shop.backend.get("/oauth/jwks").json["keys"]
    assert key.keys() == {"kty", "n", "e", "kid", "use", "alg"}


def kid_of(token):
    return extract_compact(token.encode()).headers()["kid"]


def test_a18_keys_change_without_a_gap(world, shop, clock):
    def shown():
        return [key["kid"] for key in shop.backend.get("/oauth/jwks").json["keys"]]

    assert kid_of(shop.tokens()["id_token"]) == KEY.kid
    with world.app.app_context():
        new = world.server.keys.rotate()
    assert shown() == [KEY.kid, new]
    assert kid_of(shop.tokens()["id_token"]) == KEY.kid, "others must have seen it before"
    clock.move(seconds=601)
    assert kid_of(shop.tokens()["id_token"]) == new
    assert shown() == [KEY.kid, new], "the old one is good as long as what it signed"
    clock.move(hours=1)
    assert shown() == [new]


def test_a18_a_key_in_wrong_hands_goes_at_once(world, shop):
    with world.app.app_context():
        new = world.server.keys.rotate(at_once=True)
        assert world.server.keys.remove(KEY.kid)
        assert not world.server.keys.remove(KEY.kid)
        assert world.server.keys.all() == [new]
    assert kid_of(shop.tokens()["id_token"]) == new


def start_anew(world):
    """Forget what a process has read."""
    del world.app.extensions["auth"].__dict__["server"].__dict__["keys"]


def test_a18_a_key_is_there_after_a_restart(world, shop):
    start_anew(world)
    assert kid_of(shop.tokens()["id_token"]) == KEY.kid


def test_a18_with_another_secret_key_old_tokens_can_be_checked_still(world, shop, caplog):
    world.app.config["SECRET_KEY"] = "another key of at least a few bytes"
    shop.log_in()
    start_anew(world)
    new = kid_of(shop.tokens()["id_token"])
    assert new != KEY.kid
    assert [key["kid"] for key in shop.backend.get("/oauth/jwks").json["keys"]] == [KEY.kid, new]
    assert "SECRET_KEY_FALLBACKS" in caplog.text
