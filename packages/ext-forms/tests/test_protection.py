"""Requests that another site may have forged are refused, on both gateways and in both colours."""

import time
from functools import wraps
from io import BytesIO
from itertools import product
from pathlib import Path

import pytest

from cruse import Blueprint, Cruse, request, session
from cruse.views import View
from cruse_forms import CSRFError, CSRFProtect, Form, Forms, csrf_token, rotate_csrf_token
from cruse_forms.file import FileField

OWN = "http://localhost"
SAME = {"Sec-Fetch-Site": "same-origin"}
CROSS = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def reached(app, view_of):
    """A list of the requests that reached the view at ``/``; there is a token at ``/token``."""
    requests = []

    def target():
        requests.append(request.method)
        return request.form.get("said", "nothing")

    view_of(target)
    app.add_url_rule("/token", "token", csrf_token)
    return requests


def log_in(client):
    """Give the client a session, and return a token of it."""
    return client.get("/token").text


SITES = ["same-origin", "same-site", "cross-site", "none", None]
ORIGINS = {
    "match": OWN,
    "other scheme": "https://localhost",
    "other port": "http://localhost:8080",
    "null": "null",
    "absent": None,
}


def expected(method, site, origin, cookie, token):
    if method == "GET" or site in ("same-origin", "none"):
        return 200
    if site is not None or origin in ("other scheme", "other port", "null"):
        return 403
    return 200 if origin == "match" or not cookie or token == "good" else 403


def test_the_whole_matrix(app, client, reached):
    good = log_in(client)
    stranger = app.test_client(use_cookies=False, gateway=client.gateway)
    wrong = []
    matrix = product(["GET", "POST"], SITES, ORIGINS, [True, False], ["good", "bad", None])
    for method, site, origin, cookie, token in matrix:
        headers = {"Sec-Fetch-Site": site, "Origin": ORIGINS[origin]}
        headers = {name: value for name, value in headers.items() if value is not None}
        data = {"csrf_token": good if token == "good" else "bad"} if token else {}
        sender = client if cookie else stranger
        got = sender.open("/", method=method, headers=headers, data=data).status_code
        if got != expected(method, site, origin, cookie, token):
            wrong.append((method, site, origin, cookie, token, got))
    stranger.close()
    assert wrong == []


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_every_method_that_changes_something_is_protected(client, reached, method):
    assert client.open("/", method=method, headers=CROSS).status_code == 403
    assert client.open("/", method=method, headers=SAME).status_code == 200
    assert reached == [method]


def test_a_refusal_names_its_reason(app, client, reached):
    app.register_error_handler(CSRFError, lambda error: ({"reason": error.reason}, error.code))
    assert client.post("/", headers=CROSS).json == {"reason": "cross-site"}
    assert client.post("/", headers={"Origin": "null"}).json == {"reason": "null-origin"}
    token = log_in(client)
    assert client.post("/").json == {"reason": "token-missing"}
    assert client.post("/", data={"csrf_token": token[:-3]}).json == {"reason": "token-invalid"}
    response = client.post("/", json={"csrf_token": token})
    assert (response.status_code, response.json) == (403, {"reason": "token-missing"})


def test_a_refusal_without_handler_explains_itself_and_is_logged(client, reached, caplog):
    response = client.post("/", headers=CROSS)
    assert response.status_code == 403
    assert "came from another site" in response.text
    (record,) = caplog.records
    assert record.name == "cruse_forms.csrf"
    assert "refused a request: cross-site (POST '/'" in record.getMessage()


@pytest.mark.parametrize("testing", [True, False])
def test_a_test_is_told_how_to_be_a_browser(app, client, reached, caplog, testing):
    app.testing = testing
    log_in(client)
    assert client.post("/").status_code == 403
    assert ("environ_base['HTTP_SEC_FETCH_SITE'] = 'same-origin'" in caplog.text) is testing


def test_report_only_logs_and_answers(app, client, reached, caplog):
    app.config.update(FORMS_CSRF_REPORT_ONLY=True)
    assert client.post("/", headers=CROSS).status_code == 200
    assert "would refuse a request: cross-site" in caplog.text


def test_requests_for_no_view_get_their_own_errors(app, client, reached):
    app.add_url_rule("/only-get", "only_get", lambda: "text")
    assert client.post("/nothing", headers=CROSS).status_code == 404
    assert client.post("/only-get", headers=CROSS).status_code == 405


def test_credentials_of_http_login_count_as_cookies_do(client, reached):
    assert client.post("/", headers={"Authorization": "Basic YTpi"}).status_code == 403
    assert client.post("/", headers={"Authorization": "Negotiate abc"}).status_code == 403
    assert client.post("/", headers={"Authorization": "Bearer abc"}).status_code == 200


def test_the_origin_is_compared_with_the_hosts_that_are_trusted(app, client, reached):
    elsewhere = {"base_url": "http://shop.example:8080", "headers": {}}
    elsewhere["headers"]["Origin"] = "http://shop.example:8080"
    assert client.post("/", **elsewhere).status_code == 200
    app.config["TRUSTED_HOSTS"] = ["localhost"]
    assert client.post("/", **elsewhere).status_code == 400


def test_trusted_origins_may_post(app, client, reached):
    app.config.update(FORMS_CSRF_TRUSTED_ORIGINS=["https://evil.example"])
    assert client.post("/", headers=CROSS).status_code == 200


def test_a_trusted_origin_that_is_none_stops_the_start():
    app = Cruse("shop", extensions=[Forms()])
    app.config.update(FORMS_CSRF_TRUSTED_ORIGINS=("pay.example",))
    with pytest.raises(ValueError, match=r"pay\.example"):
        app.start()


def test_the_protection_can_be_switched_off(app, client, reached):
    app.config.update(FORMS_CSRF=False)
    assert client.post("/", headers=CROSS).status_code == 200


def test_the_mode_origin_has_no_tokens(app, client, reached):
    app.config.update(FORMS_CSRF_MODE="origin")
    token = log_in(client)
    assert client.post("/", data={"csrf_token": token}).status_code == 403
    assert client.post("/", headers={"Origin": OWN}).status_code == 200


def test_the_mode_token_demands_one(app, client, reached):
    app.config.update(FORMS_CSRF_MODE="token")
    token = log_in(client)
    assert client.post("/", headers=SAME).status_code == 403
    assert client.post("/", headers=SAME, data={"csrf_token": token}).status_code == 200
    assert client.post("/", headers={**CROSS, "X-CSRFToken": token}).status_code == 403


# -- tokens --------------------------------------------------------------------------------------


@pytest.mark.parametrize("header", ["X-CSRFToken", "X-CSRF-Token"])
def test_a_token_may_come_in_a_header(client, reached, header):
    token = log_in(client)
    assert client.post("/", headers={header: token}, json={}).status_code == 200
    assert client.post("/", headers={header: token.swapcase()}, json={}).status_code == 403
    bad = {"headers": {header: "bad"}, "data": {"csrf_token": token}}
    assert client.post("/", **bad).status_code == 403


def test_a_token_may_come_in_a_form_with_files(client, reached):
    token = log_in(client)
    file = (BytesIO(b"x" * 100_000), "x.bin")
    data = {"said": "hello", "csrf_token": token, "file": file}
    assert client.post("/", data=data).text == "hello"


def test_two_tokens_differ_and_both_are_valid(client, reached):
    one, two = log_in(client), log_in(client)
    assert one != two
    assert client.post("/", data={"csrf_token": one}).status_code == 200
    assert client.post("/", data={"csrf_token": two}).status_code == 200


def test_a_page_of_yesterday_can_still_be_sent(client, reached, monkeypatch):
    token = log_in(client)
    tomorrow = time.time() + 24 * 60 * 60
    monkeypatch.setattr(time, "time", lambda: tomorrow)
    assert client.post("/", data={"csrf_token": token}).status_code == 200


@pytest.mark.parametrize("login", [rotate_csrf_token, lambda: session.clear()])
def test_a_token_from_before_the_login_is_worthless_after_it(app, client, reached, login):
    def log_user_in():
        login()
        session["user"] = 1
        return ""

    app.add_url_rule("/login", "login", log_user_in, methods=["POST"])
    token = log_in(client)
    assert client.post("/login", headers=SAME).status_code == 200
    assert client.post("/", data={"csrf_token": token}).status_code == 403
    assert client.post("/", data={"csrf_token": log_in(client)}).status_code == 200


def test_rotating_before_there_is_a_token_does_not_touch_the_session(app, client, reached):
    app.add_url_rule("/rotate", "rotate", lambda: rotate_csrf_token() or "")
    app.add_url_rule("/text", "text", lambda: str(Form(formdata=None).csrf_token))
    assert "Set-Cookie" not in client.get("/rotate").headers
    assert client.get("/text").text.startswith('<input type="hidden" name="csrf_token"')


def test_a_token_of_another_session_is_worthless(app, client, reached):
    other = app.test_client(gateway=client.gateway)
    token = log_in(other)
    other.close()
    log_in(client)
    assert client.post("/", data={"csrf_token": token}).status_code == 403


@pytest.mark.parametrize("token", ["", "é", "=", "a" * 43, "A" * 400_000, "\0"])
def test_odd_tokens_are_refused(client, reached, token):
    log_in(client)
    assert client.post("/", data={"csrf_token": token}).status_code == 403


def test_a_page_without_a_token_leaves_the_session_alone(app, client, reached):
    class Note(Form):
        file = FileField()

    app.add_url_rule("/form", "form", lambda: Note().respond("page.html"))
    response = client.get("/form")
    assert response.status_code == 200
    assert "Set-Cookie" not in response.headers
    assert "Cookie" not in response.vary
    response = client.post("/", headers=SAME)
    assert "Set-Cookie" not in response.headers
    assert "Cookie" not in response.vary


def test_templates_ask_for_tokens(app, client, reached):
    template = (
        "{{ csrf_meta_tag() }}|{{ csrf_token() }}|{{ form.csrf_token }}|"
        "{{ form.csrf_token.current_token }}"
    )
    Path(app.root_path, "templates", "tokens.html").write_text(template)

    class Note(Form):
        pass

    app.add_url_rule("/form", "form", lambda: Note().respond("tokens.html"))
    response = client.get("/form")
    assert "Cookie" in response.vary
    meta, plain, hidden, bare = response.text.split("|")
    tokens = {meta.split('"')[3], plain, hidden.split('"')[5], bare}
    assert meta.startswith('<meta name="csrf-token" content="')
    assert hidden.startswith('<input type="hidden" name="csrf_token" value="')
    assert len(tokens) == 4
    for token in tokens:
        assert client.post("/", data={"csrf_token": token}).status_code == 200


def test_the_hidden_tag_has_a_token_where_one_is_demanded(app, client, reached):
    app.config.update(FORMS_CSRF_MODE="token", FORMS_CSRF_FIELD_NAME="proof")

    class Note(Form):
        pass

    app.add_url_rule("/form", "form", lambda: Note().respond("page.html"))
    page = client.get("/form").text
    token = page.split('name="proof" value="')[1].split('"')[0]
    assert client.post("/", headers=SAME, data={"proof": token}).status_code == 200


def test_without_secret_key_a_token_is_an_error_that_says_so(app, client, reached):
    app.secret_key = None
    with pytest.raises(RuntimeError, match="secret key"):
        client.get("/token")
    client.set_cookie("anything", "x")
    assert client.post("/", data={"csrf_token": "x"}).status_code == 403


# -- the body ------------------------------------------------------------------------------------


@pytest.mark.parametrize("colour", ["sync", "async"])
def test_a_view_that_streams_gets_every_byte(app, client, colour):
    def total():
        return str(sum(len(chunk) for chunk in request.stream))

    async def async_total():
        return str(sum([len(chunk) async for chunk in request.stream]))

    view = total if colour == "sync" else async_total
    app.add_url_rule("/stream", "stream", view, methods=["POST"], stream=True)
    app.add_url_rule("/token", "token", csrf_token)
    token = log_in(client)
    body = b"csrf_token=" + token.encode() + b"&x=" + b"x" * 100_000
    sent = {"data": body, "content_type": FORM}
    header = {"X-CSRFToken": token}
    assert client.post("/stream", headers=header, **sent).text == str(len(body))
    assert client.post("/stream", headers=SAME, **sent).text == str(len(body))
    # Reading the form for the token would take it from the view, so it has to be in a header.
    assert client.post("/stream", **sent).status_code == 403


@pytest.mark.parametrize("inline", [True, False])
def test_the_token_in_a_form_is_found_in_views_on_the_loop_too(app, client, inline):
    app.add_url_rule("/token", "token", csrf_token)
    view = {"methods": ["POST"], "inline": inline}
    app.add_url_rule("/", "view", lambda: request.form["said"], **view)
    token = log_in(client)
    assert client.post("/", data={"said": "hello", "csrf_token": token}).text == "hello"
    assert client.post("/", data={"said": "hello"}).status_code == 403


def test_a_body_that_is_cut_short_while_the_token_is_looked_for_is_a_bad_request(client, reached):
    log_in(client)
    kind = "multipart/form-data; boundary=b"
    assert client.post("/", data=b"--b\r\nContent-Disp", content_type=kind).status_code == 400
    assert reached == []


# -- exemptions ----------------------------------------------------------------------------------


def make_view(text):
    def view():
        return text

    return view


def test_exempting_one_of_two_views_of_the_same_name_leaves_the_other(app, forms, client):
    free, bound = make_view("free"), make_view("bound")
    app.add_url_rule("/free", "free", forms.exempt(free), methods=["POST"])
    app.add_url_rule("/bound", "bound", bound, methods=["POST"])
    assert client.post("/free", headers=CROSS).text == "free"
    assert client.post("/bound", headers=CROSS).status_code == 403


def test_exempt_works_above_and_below_other_decorators(app, forms, client):
    def decorate(view):
        @wraps(view)
        def decorated():
            return view()

        return decorated

    @forms.exempt
    @app.post("/above")
    def above():
        return "above"

    @app.post("/below")
    @decorate
    @forms.exempt
    def below():
        return "below"

    for name in ("above", "below"):
        assert client.post(f"/{name}", headers=CROSS).text == name


def test_view_classes_methods_and_endpoints_can_be_exempt(app, forms, client):
    class Hook(View):
        methods = ("POST",)

        def dispatch_request(self):
            return "class"

    class Other(Hook):
        pass

    class Holder:
        def hook(self):
            return "method"

    holder = Holder()
    forms.exempt(Hook)
    forms.exempt(holder.hook)
    forms.exempt("by_endpoint")
    app.add_url_rule("/class", view_func=Hook.as_view("hook"))
    app.add_url_rule("/other", view_func=Other.as_view("other"))
    app.add_url_rule("/method", "method", holder.hook, methods=["POST"])
    app.add_url_rule("/endpoint", "by_endpoint", make_view("endpoint"), methods=["POST"])
    for name in ("class", "method", "endpoint"):
        assert client.post(f"/{name}", headers=CROSS).text == name
    assert client.post("/other", headers=CROSS).status_code == 403


def test_a_view_that_cannot_be_hashed_can_only_be_exempt_by_its_endpoint(app, forms, client):
    class Callable:
        __hash__ = None

        def __call__(self):
            return "called"

    forms.exempt("other")
    app.add_url_rule("/", "view", Callable(), methods=["POST"])
    assert client.post("/", headers=CROSS).status_code == 403
    assert client.post("/", headers=SAME).text == "called"


def test_a_blueprint_is_exempt_with_those_in_it(app, forms, client):
    parent, child, cousin = (Blueprint(name, __name__) for name in ("parent", "child", "cousin"))
    for blueprint in (parent, child, cousin):
        blueprint.add_url_rule("/", "hook", make_view(blueprint.name), methods=["POST"])
    parent.register_blueprint(child, url_prefix="/child")
    app.register_blueprint(parent, url_prefix="/parent")
    app.register_blueprint(cousin, url_prefix="/cousin")
    forms.exempt(parent)
    assert client.post("/parent/", headers=CROSS).text == "parent"
    assert client.post("/parent/child/", headers=CROSS).text == "child"
    assert client.post("/cousin/", headers=CROSS).status_code == 403


def test_a_child_is_exempt_without_its_parent(app, forms, client):
    parent, child = Blueprint("parent", __name__), Blueprint("child", __name__)
    for blueprint in (parent, child):
        blueprint.add_url_rule("/", "hook", make_view(blueprint.name), methods=["POST"])
    parent.register_blueprint(child, url_prefix="/child")
    app.register_blueprint(parent, url_prefix="/parent")
    forms.exempt(child)
    assert client.post("/parent/", headers=CROSS).status_code == 403
    assert client.post("/parent/child/", headers=CROSS).text == "child"


# -- forms of their own --------------------------------------------------------------------------


class Strict(Form):
    class Meta:
        csrf = True


def test_the_form_of_an_exempt_view_is_valid(app, forms, client, view_of):
    forms.exempt("strict")
    view_of(lambda: {"valid": Strict().validate_on_submit()}, endpoint="strict")
    assert client.post("/", headers=CROSS).json == {"valid": True}


def test_a_form_may_ask_for_protection_where_the_application_does_not(app, client, view_of):
    app.config.update(FORMS_CSRF=False)

    def view():
        form = Strict()
        return "saved" if form.validate_on_submit() else form.respond("page.html")

    view_of(view)
    response = client.post("/", headers=CROSS)
    assert response.status_code == 403
    assert "came from another site" in response.text
    assert client.post("/", headers=SAME).text == "saved"


def test_a_view_may_ask_for_the_protection_itself(app, forms, client):
    app.config.update(FORMS_CSRF=False)

    @app.post("/sync")
    def sync_view():
        forms.protect()
        return "done"

    @app.post("/async")
    async def async_view():
        await forms.aprotect()
        return "done"

    @app.post("/async-sync")
    async def async_sync_view():
        forms.protect()
        return "done"

    app.add_url_rule("/sync", "look", app.view_functions["sync_view"], methods=["GET"])
    app.add_url_rule("/token", "token", csrf_token)
    token = log_in(client)
    assert client.get("/sync", headers=CROSS).text == "done"
    for path in ("/sync", "/async", "/async-sync"):
        assert client.post(path, headers=CROSS).status_code == 403
        assert client.post(path, headers=SAME).text == "done"
        assert client.post(path, data={"csrf_token": token}).text == "done"


def test_the_names_of_flask_wtf_are_there(app):
    from cruse_forms import FlaskForm
    from cruse_forms.csrf import generate_csrf

    assert FlaskForm is Form
    assert CSRFProtect is Forms
    assert generate_csrf is csrf_token


@pytest.mark.parametrize("trusted", [(), ("https://shop.example",)])
def test_pages_that_may_read_are_not_yet_those_that_may_post(app, client, reached, trusted):
    app.config["CORS"] = {"origins": ["https://shop.example"], "supports_credentials": True}
    app.config["FORMS_CSRF_TRUSTED_ORIGINS"] = trusted
    page = {"Sec-Fetch-Site": "cross-site", "Origin": "https://shop.example"}
    asked = client.options("/", headers={**page, "Access-Control-Request-Method": "POST"})
    posted = client.post("/", headers=page)
    assert (asked.status_code, posted.status_code) == (204, 200 if trusted else 403)
    assert reached == (["POST"] if trusted else [])
    for answer in (asked, posted):  # the page can read why
        assert answer.headers["Access-Control-Allow-Origin"] == "https://shop.example"
