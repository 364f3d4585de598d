"""Which other sites' pages may read the answers (the CORS protocol of the Fetch standard)."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cruse import Blueprint, CORSPolicy, Cruse, abort, request

SHOP = "https://shop.example"
ALLOWED = "Access-Control-Allow-Origin"


def make(cors=None, **blueprints):
    app = Cruse(__name__, static_folder=None)
    app.config["CORS"] = cors

    @app.get("/things")
    def things():
        return {"things": []}

    @app.put("/things")
    async def put_things():
        return {}

    @app.get("/fails")
    def fails():
        raise ArithmeticError

    @app.get("/forbidden")
    def forbidden():
        abort(403)

    @app.get("/stream")
    async def stream():
        async def pieces():
            yield "a"
            yield "b"

        return pieces()

    for name, policy in blueprints.items():
        blueprint = Blueprint(name, __name__, url_prefix=f"/{name}", cors=policy)
        inner = Blueprint("inner", __name__, url_prefix="/inner")
        for each in (blueprint, inner):
            each.get("/")(lambda: "ok")
        blueprint.register_blueprint(inner)
        app.register_blueprint(blueprint)
    return app


@pytest.fixture(params=["wsgi", "asgi"])
def connect(request):
    clients = []
    gateway = request.param

    def connect(app):
        clients.append(app.test_client(gateway=gateway))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()
        client.application.stop()


def ask(client, path="/things", origin=SHOP, method="PUT", **fields):
    headers = {"Access-Control-Request-Method": method, **fields}
    if origin is not None:
        headers["Origin"] = origin
    return client.options(path, headers=headers)


def get(client, path="/things", origin=SHOP):
    return client.get(path, headers={} if origin is None else {"Origin": origin})


# -- answers --


def test_without_a_policy_no_field_is_added(connect):
    response = get(connect(make()))
    assert ALLOWED not in response.headers
    assert "Vary" not in response.headers


def test_pages_of_an_allowed_origin_may_read_the_answer(connect):
    response = get(connect(make({"origins": [SHOP]})))
    assert response.headers[ALLOWED] == SHOP
    assert response.headers["Vary"] == "Origin"
    assert "Access-Control-Allow-Credentials" not in response.headers


@pytest.mark.parametrize("origin", ["https://evil.example", "null", None, f"{SHOP}, {SHOP}"])
def test_others_get_the_answer_without_the_permission(connect, origin):
    response = get(connect(make({"origins": [SHOP]})), origin=origin)
    assert (response.status_code, response.json) == (200, {"things": []})
    assert ALLOWED not in response.headers
    assert response.headers["Vary"] == "Origin"  # no cache gives this one to the shop


def test_everybody_may_be_let_in(connect):
    response = get(connect(make({"origins": "*"})))
    assert response.headers[ALLOWED] == "*"
    assert "Vary" not in response.headers


def test_credentials_and_readable_fields_are_told(connect):
    cors = CORSPolicy(
        [SHOP], supports_credentials=True, expose_headers=["X-Total", "ETag"], max_age=5
    )
    response = get(connect(make(cors)))
    assert response.headers["Access-Control-Allow-Credentials"] == "true"
    assert response.headers["Access-Control-Expose-Headers"] == "X-Total, ETag"


@pytest.mark.parametrize(
    ("path", "status"), [("/fails", 500), ("/forbidden", 403), ("/nowhere", 404), ("/stream", 200)]
)
def test_errors_and_streams_are_readable_too(connect, path, status):
    app = make({"origins": [SHOP]})
    app.config["PROPAGATE_EXCEPTIONS"] = False
    response = get(connect(app), path)
    assert (response.status_code, response.headers[ALLOWED]) == (status, SHOP)


def test_so_is_what_is_refused_for_its_method_or_its_size(connect):
    app = make({"origins": [SHOP]})
    app.config["MAX_CONTENT_LENGTH"] = 3
    app.post("/takes")(lambda: request.get_data())
    client = connect(app)
    wrong_method = client.delete("/things", headers={"Origin": SHOP})
    too_large = client.post("/takes", data=b"four", headers={"Origin": SHOP})
    assert (wrong_method.status_code, wrong_method.headers[ALLOWED]) == (405, SHOP)
    assert (too_large.status_code, too_large.headers[ALLOWED]) == (413, SHOP)


def test_an_error_at_the_very_end_is_readable_too(connect):
    app = make({"origins": [SHOP]})
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.teardown_request(lambda error: 1 / 0)
    response = get(connect(app))
    assert (response.status_code, response.headers[ALLOWED]) == (500, SHOP)


def test_static_files_are_readable_too_and_when_the_browser_has_them(connect, tmp_path):
    (tmp_path / "data.json").write_text("{}")
    app = Cruse(__name__, static_folder=tmp_path, static_url_path="/static")
    app.config["CORS"] = {"origins": [SHOP]}
    client = connect(app)
    first = get(client, "/static/data.json")
    again = client.get(
        "/static/data.json", headers={"Origin": SHOP, "If-None-Match": first.headers["ETag"]}
    )
    for response, status in ((first, 200), (again, 304)):
        assert (response.status_code, response.headers[ALLOWED]) == (status, SHOP)
        assert "Origin" in response.headers["Vary"]
        response.close()


def test_so_are_answers_of_hooks(connect):
    app = make({"origins": [SHOP]})
    app.before_request(lambda: ("Sign in first", 401))
    response = get(connect(app))
    assert (response.status_code, response.headers[ALLOWED]) == (401, SHOP)


def test_a_view_may_decide_for_itself(connect):
    app = make({"origins": [SHOP]})
    app.get("/open")(lambda: ("for all", {ALLOWED: "*"}))
    response = get(connect(app), "/open")
    assert response.headers.getlist(ALLOWED) == ["*"]


def test_what_the_answer_varies_by_already_stays(connect):
    app = make({"origins": [SHOP]})
    app.get("/varies")(lambda: ("", {"Vary": "Accept-Language"}))
    assert get(connect(app), "/varies").headers["Vary"] == "Accept-Language, Origin"


# -- preflights --


def test_a_preflight_is_told_what_the_address_takes(connect):
    response = ask(
        connect(make({"origins": [SHOP]})),
        **{"Access-Control-Request-Headers": "content-type,x-csrf-token"},
    )
    assert (response.status_code, response.data) == (204, b"")
    assert response.headers[ALLOWED] == SHOP
    assert response.headers["Access-Control-Allow-Methods"] == "GET, HEAD, PUT"
    assert response.headers["Access-Control-Allow-Headers"] == "content-type, x-csrf-token"
    assert response.headers["Access-Control-Max-Age"] == "600"


def test_methods_and_fields_may_be_narrowed(connect):
    cors = {"origins": [SHOP], "methods": ["GET"], "allow_headers": ["X-Token"], "max_age": 0}
    response = ask(connect(make(cors)), **{"Access-Control-Request-Headers": "x-other"})
    assert response.headers["Access-Control-Allow-Methods"] == "GET"
    assert response.headers["Access-Control-Allow-Headers"] == "X-Token"
    assert response.headers["Access-Control-Max-Age"] == "0"


def test_methods_may_be_written_in_any_case(connect):
    response = ask(connect(make({"origins": [SHOP], "methods": ["put"]})))
    assert response.headers["Access-Control-Allow-Methods"] == "PUT"


def test_all_fields_may_be_allowed_in_a_list_too(connect):
    cors = {"origins": [SHOP], "allow_headers": ["*"], "supports_credentials": True}
    response = ask(connect(make(cors)), **{"Access-Control-Request-Headers": "x-one"})
    assert response.headers["Access-Control-Allow-Headers"] == "x-one"


def test_what_is_no_name_of_a_field_is_not_given_back(connect):
    field = {"Access-Control-Request-Headers": "x-one, x two, <b>, x-three"}
    response = ask(connect(make({"origins": [SHOP]})), **field)
    assert response.headers["Access-Control-Allow-Headers"] == "x-one, x-three"


def test_hooks_do_not_refuse_preflights(connect):
    app = make({"origins": [SHOP]})
    app.before_request(lambda: ("Sign in first", 401))
    client = connect(app)
    assert ask(client).status_code == 204
    assert get(client).status_code == 401


@pytest.mark.parametrize(
    ("path", "method", "status"), [("/nowhere", "GET", 404), ("/things", "DELETE", 200)]
)
def test_for_what_is_not_there_nothing_is_promised(connect, path, method, status):
    response = ask(connect(make({"origins": [SHOP]})), path, method=method)
    assert response.status_code == status
    assert "Access-Control-Allow-Methods" not in response.headers


def test_other_origins_are_answered_as_without_cors(connect):
    response = ask(connect(make({"origins": [SHOP]})), origin="https://evil.example")
    assert response.status_code == 200
    assert {*response.allow} == {"GET", "HEAD", "OPTIONS", "PUT"}
    assert ALLOWED not in response.headers


def test_an_options_request_that_is_no_preflight_goes_to_the_view(connect):
    app = make({"origins": [SHOP]})
    app.route("/own", methods=["OPTIONS", "GET"])(lambda: "own answer")
    response = connect(app).options("/own", headers={"Origin": SHOP})
    assert (response.text, response.headers[ALLOWED]) == ("own answer", SHOP)


def test_a_preflight_for_another_host_is_refused(connect):
    app = make({"origins": [SHOP]})
    app.config["TRUSTED_HOSTS"] = ["api.example"]
    assert ask(connect(app)).status_code == 400


# -- blueprints --


def test_a_blueprint_has_its_own_policy_for_what_is_within_it(connect):
    client = connect(make({"origins": [SHOP]}, api={"origins": "*"}, admin=False))
    for path in ("/api/", "/api/inner/"):
        assert get(client, path).headers[ALLOWED] == "*"
        assert ask(client, path, method="GET").headers[ALLOWED] == "*"
    for path in ("/admin/", "/admin/inner/"):
        assert ALLOWED not in get(client, path).headers
        assert ask(client, path, method="GET").status_code == 200
    assert get(client).headers[ALLOWED] == SHOP


def test_a_blueprint_may_be_the_only_one_with_a_policy(connect):
    client = connect(make(api={"origins": "*"}))
    assert get(client, "/api/").headers[ALLOWED] == "*"
    assert ALLOWED not in get(client).headers


# -- origins --


@pytest.mark.parametrize(
    ("given", "origin", "allowed"),
    [
        ("https://*.example.org", "https://a.example.org", True),
        ("https://*.example.org", "https://a.b.example.org", True),
        ("https://*.example.org", "https://example.org", False),
        ("https://*.example.org", "https://evil-example.org", False),
        ("https://*.example.org", "https://a.example.org.evil.com", False),
        ("https://*.example.org", "https://evil.com/.example.org", False),
        ("https://*.example.org", "https://evil.com#.example.org", False),
        ("https://*.example.org", "https://a.exampleXorg", False),
        ("https://*.example.org", "http://a.example.org", False),
        ("https://*.example.org", "https://a.example.org:8443", False),
        ("https://*.example.org", "https://*.example.org", False),
        ("https://a.example.org:443", "https://a.example.org", True),
        ("HTTPS://A.example.ORG", "https://a.example.org", True),
        ("http://localhost:5173", "http://localhost:5173", True),
        ("http://localhost:5173", "http://localhost:51730", False),
        ("http://[::1]:80", "http://[::1]", True),
        ("capacitor://localhost", "capacitor://localhost", True),
        ("null", "null", True),
        (re.compile(r"https://pr-\d+\.example"), "https://pr-17.example", True),
        (re.compile(r"https://pr-\d+\.example"), "https://pr-17.example.evil.com", False),
        (re.compile(r"https://pr-\d+\.example"), "https://evil.com/https://pr-1.example", False),
        (re.compile(r"https://[^.]+\.example"), "https://evil.com/x.example", False),
        (re.compile(r"https://[^.]+\.example"), "https://evil#.example", False),
        (re.compile(r"https://[^.]+\.example\s?"), "https://a.example\n", False),
        (re.compile(r".*", re.DOTALL), "null", False),
    ],
)
def test_origins_are_compared_as_a_whole(given, origin, allowed):
    assert CORSPolicy([given]).allows(origin) is allowed


def test_origins_may_come_from_a_generator():
    given = (each for each in ("https://a.example", re.compile("https://b\\.example")))
    policy = CORSPolicy(given)
    assert policy.allows("https://a.example")
    assert policy.allows("https://b.example")


LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)


@given(st.lists(LABEL, min_size=1, max_size=4), st.text(max_size=20))
def test_below_a_domain_is_what_ends_with_it_behind_a_dot(labels, junk):
    policy = CORSPolicy(["https://*.example.org"])
    assert policy.allows(f"https://{'.'.join(labels)}.example.org")
    origin = f"https://{junk}example.org"
    names = junk.removesuffix(".").split(".")
    proper = junk.endswith(".") and all(re.fullmatch("[a-z0-9_-]+", each) for each in names)
    assert policy.allows(origin) is proper


# -- mistakes --


@pytest.mark.parametrize(
    ("cors", "message"),
    [
        ("https://a.example", "must be a cruse.CORSPolicy or a dictionary with 'origins'"),
        ({"methods": ["GET"]}, "dictionary with 'origins'"),
        ({"origins": "*", "headers": ["X-A"]}, "'headers' is none of these"),
        ({"origins": None}, "'origins' must be text, or a list"),
        ({"origins": 5}, "'origins' must be text, or a list"),
        ({"origins": [re.compile(b"https://a")]}, "'origins' must be text, or a list"),
        ({"origins": "*", "allow_headers": 5}, "'allow_headers' must be a list"),
        ({"origins": "*", "methods": ["*"]}, "'methods' has '*'"),
        (
            {"origins": SHOP, "expose_headers": ["*"], "supports_credentials": True},
            "'expose_headers' has '*'",
        ),
        ({"origins": ["https://*.com"], "supports_credentials": True}, "lets everybody in"),
        ({"origins": ["https://*.com:8443"], "supports_credentials": True}, "lets everybody in"),
        ({"origins": [re.compile(".*")], "supports_credentials": True}, "lets everybody in"),
        ({"origins": [re.compile("https?://.+")], "supports_credentials": True}, "lets everybody"),
        ({"origins": [re.compile(r"http://.+\.org")], "supports_credentials": True}, "everybody"),
        ({"origins": []}, "'origins' must be text, or a list"),
        ({"origins": [1]}, "'origins' must be text, or a list"),
        ({"origins": ["a.example"]}, "'a.example' in 'origins' is no origin"),
        ({"origins": ["https://a.example/"]}, "'https://a.example/' in 'origins' is no origin"),
        ({"origins": ["https://a.*.example"]}, "is no origin"),
        ({"origins": ["https://ü.example"]}, "xn--"),
        ({"origins": ["https://a.example:99999"]}, "is no origin"),
        ({"origins": "*", "supports_credentials": True}, "lets everybody in"),
        ({"origins": ["null"], "supports_credentials": True}, "lets everybody in"),
        ({"origins": "*", "supports_credentials": "no"}, "must be True or False"),
        ({"origins": "*", "max_age": "10"}, "'max_age' must be a whole number"),
        ({"origins": "*", "methods": "GET"}, "'methods' must be a list"),
        ({"origins": "*", "expose_headers": ["a b"]}, "'a b' in 'expose_headers' is no name"),
    ],
)
def test_a_policy_that_cannot_be_is_told_at_the_start(cors, message):
    app = make(cors)
    with pytest.raises((TypeError, ValueError), match=re.escape(message)) as told:
        app.start()
    assert str(told.value).startswith("The setting 'CORS'")


def test_that_of_a_blueprint_is_named():
    with pytest.raises(ValueError, match="'cors' of the blueprint 'api': 'x' in 'origins'"):
        make(api={"origins": ["x"]}).start()


def test_credentials_may_go_to_one_machine_under_many_names():
    policy = CORSPolicy(["http://*.localhost:5173"], supports_credentials=True)
    assert policy.allows("http://shop.localhost:5173")
