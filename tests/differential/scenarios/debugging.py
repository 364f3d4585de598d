"""What helps while an application is written, and running it."""

import io
import os
import ssl
from contextlib import redirect_stdout
from unittest.mock import patch

from tests.differential.harness import scenario


@scenario(each={"debug": True, "not": False})
def a_redirect_that_would_lose_a_form(fw, debug):
    app = fw.App(__name__)
    app.debug = debug
    app.testing = True
    app.add_url_rule("/a/", "a", lambda: "a", methods=["GET", "POST"])
    app.add_url_rule("/old", "old", redirect_to="/a/", methods=["GET", "POST"])
    client = fw.client(app, record=False)
    seen = {}
    for path in ("/a", "/old"):
        for method in ("GET", "HEAD", "POST"):

            def request(path=path, method=method):
                return client.open(path, method=method).status

            seen[f"{method} {path}"] = fw.outcome(request)
    fw.observe(seen=seen)


@scenario(each={"debug": {"DEBUG": True}, "trapped": {"TRAP_BAD_REQUEST_ERRORS": True}, "not": {}})
def a_missing_field_of_a_form(fw, config):
    app = fw.App(__name__)
    app.config.update(config)
    app.add_url_rule("/", "index", lambda: fw.request.form["name"], methods=["POST"])

    def post():
        response = fw.client(app, record=False).post("/")
        return response.status, "name" in response.text

    fw.observe(outcome=fw.outcome(post))


@scenario
def a_route_that_is_added_too_late(fw):
    app = fw.App(__name__)
    app.add_url_rule("/", "index", lambda: "")
    fw.client(app).get("/")
    fw.observe(late=fw.outcome(lambda: app.add_url_rule("/late", "late", lambda: "")))


# -- app.run() --


def running(fw, app, *args, **kwargs):
    """Return what the development server is called with."""
    with patch("werkzeug.serving.run_simple") as run_simple, redirect_stdout(io.StringIO()):
        outcome = fw.outcome(lambda: app.run(*args, **kwargs))
    if not run_simple.called:
        return outcome, None
    call = run_simple.call_args
    names = ("hostname", "port", "application")
    given = {**dict(zip(names, call.args, strict=False)), **call.kwargs}
    given["application"] = given["application"] is app
    return outcome, {name: value for name, value in given.items() if value not in (None, False)}


@scenario(
    each={
        "nothing": ((), {}, None),
        "host and port": (("0.0.0.0", 8080), {}, None),
        "port 0": ((), {"port": 0}, None),
        "port as text": ((), {"port": "8080"}, None),
        "server name": ((), {}, "example.com:8080"),
        "server name without port": ((), {}, "example.com"),
        "both": (("127.0.0.1", 9000), {}, "example.com:8080"),
        "options": ((), {"threaded": False, "processes": 2}, None),
        "ssl": ((), {"ssl_context": "adhoc"}, None),
    }
)
def run(fw, case):
    args, kwargs, server_name = case
    app = fw.App(__name__)
    app.config["SERVER_NAME"] = server_name
    outcome, given = running(fw, app, *args, load_dotenv=False, **kwargs)
    fw.observe(outcome=outcome, given=given)


@scenario(each={"debug": True, "not": False})
def run_in_debug_mode(fw, debug):
    app = fw.App(__name__)
    outcome, given = running(fw, app, debug=debug, load_dotenv=False)
    fw.observe(
        outcome=outcome,
        debug=app.debug,
        reload=given.get("use_reloader", False),
        debugger=given.get("use_debugger", False),
    )


@scenario
def run_does_nothing_under_the_command(fw):
    os.environ[fw.env("RUN_FROM_CLI")] = "true"
    outcome, given = running(fw, fw.App(__name__), load_dotenv=False)
    fw.observe(outcome=outcome, given=given)


@scenario
def routes_may_be_added_when_the_server_has_ended(fw):
    app = fw.App(__name__)
    app.add_url_rule("/", "index", lambda: "")
    fw.client(app).get("/")
    outcome, _ = running(fw, app, load_dotenv=False)
    fw.observe(outcome=outcome, late=fw.outcome(lambda: app.get("/late")(lambda: "")))


@scenario
def a_context_of_ssl(fw):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _, given = running(fw, fw.App(__name__), ssl_context=context, load_dotenv=False)
    fw.observe(same=given["ssl_context"] is context)


# -- names for annotations --


@scenario(
    each={
        name: name
        for name in [
            "ResponseValue",
            "HeadersValue",
            "ResponseReturnValue",
            "AfterRequestCallable",
            "BeforeRequestCallable",
            "ShellContextProcessorCallable",
            "TeardownCallable",
            "TemplateContextProcessorCallable",
            "TemplateFilterCallable",
            "TemplateGlobalCallable",
            "TemplateTestCallable",
            "URLDefaultCallable",
            "URLValuePreprocessorCallable",
            "ErrorHandlerCallable",
            "RouteCallable",
        ]
    }
)
def a_name_of_typing(fw, name):
    fw.observe(there=hasattr(fw.module("typing"), name))
