"""Which other sites' pages may read the answers (the CORS protocol of the Fetch standard)."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cruse import Blueprint, CORSPolicy, Cruse, abort

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

    def connect(app):
        clients.append(app.test_client(gateway=request.param))
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
    ],
)
def test_origins_are_compared_as_a_whole(given, origin, allowed):
    assert CORSPolicy([given]).allows(origin) is allowed


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
        ({"origins": "*", "headers": ["X-A"]}, "dictionary with 'origins'"),
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
