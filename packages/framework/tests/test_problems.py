"""Errors that no handler answers: pages for browsers, problem details for programs."""

import gc
import json
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Conflict, HTTPException, NotFound, Unauthorized

from cruse import Blueprint, Cruse, Response, abort, inline, request
from cruse.context import Context
from cruse.problems import problem, wants_problem

PAGE = "text/html"
PROBLEM = "application/problem+json"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


@pytest.fixture
def app():
    return Cruse(__name__, static_folder=None)


@pytest.fixture(params=["wsgi", "asgi"])
def client(app, request):
    client = app.test_client(gateway=request.param)
    yield client
    client.close()


def get(client, path="/nowhere", accept="application/json", **options):
    headers = {} if accept is None else {"Accept": accept}
    return client.get(path, headers=headers, **options)


def read(response):
    assert response.mimetype == PROBLEM
    return json.loads(response.data)


@pytest.mark.parametrize(
    ("accept", "mimetype"),
    [
        (None, PAGE),
        ("", PAGE),
        ("*/*", PAGE),
        (BROWSER, PAGE),
        ("image/png", PAGE),
        ("application/json", PROBLEM),
        ("application/problem+json", PROBLEM),
        ("application/json; charset=utf-8", PROBLEM),
        ("application/vnd.api+json", PROBLEM),
        ("APPLICATION/JSON", PROBLEM),
        ("application/json, text/plain, */*", PROBLEM),
        ("text/html, */*", PAGE),
        ("text/html, application/json", PAGE),
        ("application/json, */*;q=0.5", PROBLEM),
        ("application/json;q=0.9, text/html", PAGE),
        ("application/json, text/html;q=0.9", PROBLEM),
        ("application/json;q=0, text/*;q=0.1", PAGE),
        ("text/html;q=0, application/*", PROBLEM),
    ],
)
def test_the_client_chooses_by_accept(client, accept, mimetype):
    response = get(client, accept=accept)
    assert (response.status_code, response.mimetype) == (404, mimetype)
    assert response.vary.as_set() == {"accept"}


@pytest.mark.parametrize(
    ("accept", "mimetype"),
    [(None, PROBLEM), ("*/*", PROBLEM), ("text/html, application/json", PROBLEM), (BROWSER, PAGE)],
)
def test_a_client_that_sends_json_and_has_no_wish_gets_json(client, accept, mimetype):
    headers = {} if accept is None else {"Accept": accept}
    assert client.post("/nowhere", json=1, headers=headers).mimetype == mimetype


@pytest.mark.parametrize("where", ["hook", "context"])
def test_an_environ_that_was_changed_says_what_the_client_takes(app, client, where):
    class Wishful(Context):
        def __init__(self, app, environ=None):
            if environ is not None:
                environ["HTTP_ACCEPT"] = PROBLEM
            super().__init__(app, environ)

    if where == "context":
        app.context_class = Wishful
    else:

        @app.before_request
        @inline
        def wish():
            request.environ["HTTP_ACCEPT"] = PROBLEM

    assert get(client, accept=None).mimetype == PROBLEM


@pytest.mark.parametrize(
    ("headers", "mimetype"),
    [
        ([("X-Accept", "application/json")], PAGE),
        ([("Accept", "*/*"), ("Accept", "*/*")], PAGE),
        ([("X-Twice", "1"), ("X-Twice", "2")], PAGE),
        ([("Accept", "*/*"), ("Accept", "application/json")], PROBLEM),
        ([("Content-Type", "application/json")], PROBLEM),
        ([("Content-Type", "text/plain")], PAGE),
    ],
)
def test_only_what_says_so_is_a_wish_for_json(client, headers, mimetype):
    assert client.get("/nowhere", headers=headers).mimetype == mimetype


@given(accept=st.text(st.characters(max_codepoint=255, exclude_categories=["Cc"])))
def test_no_accept_header_is_an_error(accept):
    client = Cruse(__name__, static_folder=None).test_client()
    assert get(client, accept=accept).status_code == 404


def test_problem_details_have_the_members_of_the_rfc(app, client):
    app.add_url_rule("/", "index", lambda: abort(409, "The name is taken."))
    assert read(get(client, "/")) == {
        "type": "about:blank",
        "title": "Conflict",
        "status": 409,
        "detail": "The name is taken.",
    }


def test_a_view_may_abort_with_more_members(app, client):
    @app.get("/")
    def index():
        abort(
            409,
            "The name is taken.",
            problem={
                "type": "https://example.org/taken",
                "title": "Taken",
                "instance": "/names/7",
                "free": ["anna2"],
                "status": 200,  # is what the response has
            },
        )

    assert read(get(client, "/")) == {
        "type": "https://example.org/taken",
        "title": "Taken",
        "status": 409,
        "detail": "The name is taken.",
        "instance": "/names/7",
        "free": ["anna2"],
    }
    page = get(client, "/", accept=BROWSER)
    assert (page.mimetype, "The name is taken." in page.text) == (PAGE, True)


def test_an_exception_class_may_have_members_of_its_own(app, client):
    class Taken(Conflict):
        description = "Taken."

        @property
        def problem(self):
            return {"free": "anna2"}

    @app.get("/")
    async def index():
        raise Taken

    assert read(get(client, "/"))["free"] == "anna2"


def test_the_setting_decides_for_everybody(app, client):
    app.config["ERROR_FORMAT"] = "problem"
    response = get(client, accept=BROWSER)
    assert (response.mimetype, response.headers.get("Vary")) == (PROBLEM, None)
    app.config["ERROR_FORMAT"] = "html"
    response = get(client)
    assert (response.mimetype, response.headers.get("Vary")) == (PAGE, None)


def test_the_innermost_blueprint_that_has_a_wish_goes_before_the_setting(app, client):
    api = Blueprint("api", __name__, url_prefix="/api", error_format="problem")
    inner = Blueprint("inner", __name__, url_prefix="/inner")
    pages = Blueprint("pages", __name__, url_prefix="/pages", error_format="html")
    for blueprint in (api, inner, pages):
        blueprint.add_url_rule("/", "index", lambda: abort(403))
    api.register_blueprint(inner)
    api.register_blueprint(pages)
    app.register_blueprint(api)
    assert get(client, "/api/", accept=BROWSER).mimetype == PROBLEM
    assert get(client, "/api/inner/", accept=BROWSER).mimetype == PROBLEM
    assert get(client, "/api/pages/").mimetype == PAGE


def test_a_blueprint_that_owns_its_prefix_answers_for_unknown_paths_below_it(app, client):
    api = Blueprint("api", __name__, url_prefix="/api", error_format="problem", owns_prefix=True)
    app.register_blueprint(api)
    assert get(client, "/api/nowhere", accept=BROWSER).mimetype == PROBLEM
    assert get(client, "/nowhere", accept=BROWSER).mimetype == PAGE


def test_a_format_that_does_not_exist_is_an_error_at_once(app):
    with pytest.raises(ValueError, match="error_format is 'json', but can only be one of 'auto'"):
        Blueprint("api", __name__, error_format="json")
    app.config["ERROR_FORMAT"] = "xml"
    with pytest.raises(ValueError, match="'ERROR_FORMAT' is 'xml'"):
        app.start()


def test_a_handler_goes_before_the_format(app, client):
    app.register_error_handler(404, lambda error: ("mine", 404))
    assert get(client).text == "mine"


def test_a_handler_may_hand_the_error_on(app, client):
    app.register_error_handler(HTTPException, lambda error: error)
    assert read(get(client))["status"] == 404


def test_a_view_may_return_the_error(app, client):
    app.add_url_rule("/", "index", lambda: (NotFound("Gone."), {"X-A": "1"}))
    response = get(client, "/")
    assert (read(response)["detail"], response.headers["X-A"]) == ("Gone.", "1")


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_the_headers_of_an_error_stay(app, client, accept):
    def unauthorized():
        raise Unauthorized(www_authenticate=WWWAuthenticate("basic", {"realm": "x"}))

    app.add_url_rule("/401", "u", unauthorized)
    app.add_url_rule("/503", "busy", lambda: abort(503, retry_after=30))
    app.add_url_rule("/post", "post", lambda: "", methods=["POST"])
    assert "basic" in get(client, "/401", accept).headers["WWW-Authenticate"].lower()
    assert get(client, "/503", accept).headers["Retry-After"] == "30"
    response = get(client, "/post", accept)
    assert (response.status_code, response.allow.as_set()) == (405, {"post", "options"})
    assert len(response.headers.getlist("Content-Type")) == 1


def test_head_has_the_headers_of_the_problem_and_no_body(client):
    response = client.head("/nowhere", headers={"Accept": "application/json"})
    assert (response.mimetype, response.data) == (PROBLEM, b"")
    assert int(response.headers["Content-Length"]) > 0


@pytest.mark.parametrize("debug", [False, True])
def test_an_error_of_the_program_tells_nobody_what_it_was(app, client, debug):
    app.debug = debug
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.logger.disabled = True
    app.add_url_rule("/", "index", lambda: {}["my secret"])
    details = read(get(client, "/"))
    assert (details["title"], details["status"]) == ("Internal Server Error", 500)
    page = get(client, "/", accept=BROWSER)
    assert "secret" not in str(details) + page.text
    app.logger.disabled = False


def test_markup_in_a_text_is_text(app, client):
    app.add_url_rule("/<path:name>", "index", lambda name: abort(404, f"No {name} here."))
    path = "/%3Cscript%3Ealert(1)%3C%2Fscript%3E"
    assert "<script>" not in get(client, path, accept=BROWSER).text
    response = get(client, path)
    assert read(response)["detail"] == "No <script>alert(1)</script> here."
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_an_error_with_its_own_answer_keeps_it(app, client):
    class Teapot(HTTPException):
        code = 418

        def get_body(self, environ=None, scope=None):
            return "short and stout"

    def teapot():
        raise Teapot

    app.add_url_rule("/own", "own", teapot)
    app.add_url_rule("/response", "response", lambda: abort(Response("plain", 400)))
    app.add_url_rule("/slash/", "slash", lambda: "")
    assert get(client, "/own").text == "short and stout"
    assert get(client, "/response").text == "plain"
    assert get(client, "/slash").status_code == 308


def test_views_can_answer_with_problem_details_themselves(app, client):
    @app.get("/")
    def index():
        if wants_problem():
            return problem(422, "Too short.", errors=[{"pointer": "#/name"}])
        return "a page", 422

    response = get(client, "/")
    assert response.status_code == 422
    assert read(response)["errors"] == [{"pointer": "#/name"}]
    assert get(client, "/", accept=BROWSER).text == "a page"


def test_abort_works_without_an_application():
    with pytest.raises(Conflict) as caught:
        abort(409, "Taken.", problem={"free": 1})
    assert caught.value.problem == {"free": 1}


def test_what_a_failed_view_held_is_free_at_once(app, client):
    class Held:
        pass

    kept = []

    @app.get("/held")
    def view():
        held = Held()
        kept.append(weakref.ref(held))
        abort(404)

    gc.disable()
    try:
        assert client.get("/held").status_code == 404
        assert kept[0]() is None
    finally:
        gc.enable()
