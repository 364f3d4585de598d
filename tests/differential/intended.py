"""Every difference from Flask 3.1 that is meant, with its reason.

``GENERAL`` holds those that may show in any scenario. Each has a function that looks at one
difference (where it is, what Flask has there, what Cruse has) and says whether it is this one.
``PARTICULAR`` holds those of single scenarios: the scenario's id, where it differs, and why.

A test fails when there is a difference that is not written down here, and when one that is
written down does not occur any more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class General:
    """A difference that may show anywhere.

    Args:
        name: A short name, also the key in the handbook's list.
        reason: Why it is so.
        explains: Whether a difference is this one: ``explains(where, flask, cruse)``.
    """

    name: str
    reason: str
    explains: Callable[[str, Any, Any], bool]


def _security_header(where: str, flask: Any, cruse: Any) -> bool:
    added = {
        "X-Content-Type-Options": ["nosniff"],
        "X-Frame-Options": ["SAMEORIGIN"],
        "Referrer-Policy": ["strict-origin-when-cross-origin"],
        "Cross-Origin-Opener-Policy": ["same-origin"],
    }
    return flask == "(absent)" and cruse == added.get(where.partition(" header ")[2])


def _hsts(where: str, flask: Any, cruse: Any) -> bool:
    return where.endswith(" header Strict-Transport-Security") and flask == "(absent)"


def _server_timing(where: str, flask: Any, cruse: Any) -> bool:
    return where.endswith(" header Server-Timing") and flask == "(absent)"


def _see_other(where: str, flask: Any, cruse: Any) -> bool:
    return where.endswith(" status") and (flask, cruse) == ("302 FOUND", "303 SEE OTHER")


def _lax(where: str, flask: Any, cruse: Any) -> bool:
    return where.endswith(" header Set-Cookie") and [
        cookie.replace("; SameSite=Lax", "") for cookie in cruse
    ] == [*flask]


def _by_accept(where: str, flask: Any, cruse: Any) -> bool:
    varies = [] if flask == "(absent)" else flask
    if where.endswith(" header Vary"):
        return cruse in (["Accept"], ["Accept", *varies])
    if where.endswith(" header Content-Type"):
        return flask == ["text/html; charset=utf-8"] and cruse == ["application/problem+json"]
    return _is_page(where, flask) and '"type": "about:blank"' in cruse


def _is_page(where: str, body: Any) -> bool:
    """Whether a body is the page of an HTTP error."""
    return (
        where.endswith(" body")
        and isinstance(body, str)
        and re.match(r"<!doctype html>\n<html lang=en>\n<title>[45]\d\d ", body) is not None
    )


def _words(where: str, flask: Any, cruse: Any) -> bool:
    if not (_is_page(where, flask) and _is_page(where, cruse)):
        return False
    return bool(flask.partition("<p>")[0] == cruse.partition("<p>")[0])


def _torn_down_once(where: str, flask: Any, cruse: Any) -> bool:
    if where != "signals":
        return False
    # Flask 3.1 tears a context down behind the view, enters it again for the stream and tears it
    # down again; a stream in a stream enters it once more.
    pushed, popped = "appcontext_pushed()", "appcontext_popped()"
    ended = ["request_tearing_down(exc)", "appcontext_tearing_down(exc)", popped]
    text = "|".join(flask).replace(f"{pushed}|{popped}|", "")
    again = re.escape("|".join([*ended, pushed]) + "|") + r"(?!request_started)"
    return re.sub(again, "", text) == "|".join(cruse)


def _iso_dates(where: str, flask: Any, cruse: Any) -> bool:
    def iso(match: re.Match[str]) -> str:
        moment = parsedate_to_datetime(match[0])
        return moment.replace(tzinfo=None).isoformat().removesuffix("T00:00:00")

    http_date = r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT"
    return isinstance(flask, str) and re.sub(http_date, iso, flask) == cruse


def _static_files(where: str, flask: Any, cruse: Any) -> bool:
    if where.endswith(" header Date"):
        return (flask, cruse) == (["<now>"], "(absent)")
    tags = [*flask, *cruse] if where.endswith(" header Etag") else []
    return bool(
        len(tags) == 2
        and tags[0].endswith('-<path>"')
        and re.fullmatch(r'"[0-9a-f]+-[0-9a-f]+"', tags[1])
    )


def _name(where: str, flask: Any, cruse: Any) -> bool:
    return repr(flask).replace("flask", "cruse").replace("Flask", "Cruse") == repr(cruse)


GENERAL = [
    General(
        "security headers",
        "Every response tells browsers not to guess types, not to be framed by other sites and "
        "what to say about where a visitor comes from, unless it says otherwise itself.",
        _security_header,
    ),
    General(
        "HSTS",
        "An answer over HTTPS tells the browser to stay with HTTPS for this host.",
        _hsts,
    ),
    General(
        "Server-Timing",
        "In debug mode the browser's tools show how long the application took.",
        _server_timing,
    ),
    General(
        "redirect with 303",
        "redirect() answers 303 See Other, which turns a POST into a GET in every browser and is "
        "what Flask 3.2 does; 302 leaves it to the browser.",
        _see_other,
    ),
    General(
        "SameSite=Lax",
        "The session cookie is not sent with what other sites post, as browsers assume today.",
        _lax,
    ),
    General(
        "errors by Accept",
        "An API client that asks for JSON gets the error as problem details (RFC 9457), a browser "
        "gets the page; caches are told so.",
        _by_accept,
    ),
    General(
        "words of error pages",
        "What an error page says below its title is in our own words; a program goes by the "
        "status.",
        _words,
    ),
    General(
        "torn down once",
        "A context is torn down once, behind the last piece of a stream, so that what it opened "
        "can be used until then. Flask 3.1 does it behind the view and again behind the stream.",
        _torn_down_once,
    ),
    General(
        "ISO 8601 dates",
        "Dates in JSON are as every other language reads them; JSON_DATE_FORMAT = 'http' brings "
        "Flask's back.",
        _iso_dates,
    ),
    General(
        "headers of static files",
        "The ETag of a static file is made of its size and time only, so that all machines that "
        "serve it agree; Date is left to the server, which sets it anyway (RFC 9110, 6.6.1).",
        _static_files,
    ),
    General("the name", "What says Flask there says Cruse here.", _name),
]


def _at(reason: str, *places: str) -> dict[str, str]:
    return dict.fromkeys(places, reason)


def _response(number: int, *parts: str) -> tuple[str, ...]:
    return tuple(
        f"response {number} {part if part in ('status', 'body') else 'header ' + part}"
        for part in parts
    )


_LAZY_SESSION = (
    "The session is opened when it is first touched: a request that does not use it pays nothing, "
    "and its answer can be cached."
)
_NOT_CONTENT = (
    "What tells nothing of the session's content does not make the answer depend on the cookie."
)
_FORM_LIMITS = (
    "The limits of forms hold for every kind of form, and count what a field has in memory: not "
    "the syntax between fields, nor files, which are on disk."
)
_BAD_RANGE = (
    "A Range that cannot be understood, or asks for several parts, is ignored, as RFC 9110, 14.2 "
    "advises: the client gets the file. 416 is for ranges outside of it."
)
_IGNORED_RANGE = _at(
    _BAD_RANGE,
    *_response(1, "status", "body", "Content-Type", "Content-Range", "Content-Disposition"),
    *_response(1, "Last-Modified", "Etag", "Accept-Ranges", "Cache-Control", "Date"),
)

#: By scenario: where it differs, and why.
PARTICULAR: dict[str, dict[str, str]] = {
    # -- templates --
    "templates.escaping_by_the_name_of_the_file[a.html.j2]": _at(
        "It is HTML. Flask sends the values as they are, which lets scripts in.", "text"
    ),
    "templates.escaping_by_the_name_of_the_file[A.HTML]": _at(
        "HTML is HTML in capitals, too: it is escaped.", "text"
    ),
    "templates.update_template_context": _at(
        "The session is among the variables, for template engines without globals.", "names"
    ),
    # -- JSON and streams --
    "jsons.a_tag_of_ones_own[forced]": _at(
        "A tag that takes the place of another one takes it in the order, too, where the old one "
        "would still be asked.",
        "order",
    ),
    "streams.call_on_close": _at(
        "The test client closes a response whose body was read to its end, as servers do.", "log"
    ),
    # -- sessions --
    "sessions.what_varies_by_cookie_and_what_writes_it[modified]": _at(
        _NOT_CONTENT, *_response(2, "Vary")
    ),
    "sessions.what_varies_by_cookie_and_what_writes_it[new]": _at(
        _NOT_CONTENT, *_response(2, "Vary")
    ),
    "sessions.what_varies_by_cookie_and_what_writes_it[object]": _at(
        _NOT_CONTENT, *_response(2, "Vary")
    ),
    "sessions.what_varies_by_cookie_and_what_writes_it[accessed]": _at(
        _NOT_CONTENT, *_response(2, "Vary", "body")
    ),
    "sessions.a_permanent_session[refreshed]": _at(
        _LAZY_SESSION + " So only requests that use it put off its end.",
        *_response(3, "Set-Cookie", "Vary"),
    ),
    "sessions.an_interface_of_the_applications_own": _at(
        _LAZY_SESSION + " Routing has been done by then, and the endpoint is known.", "log"
    ),
    "sessions.flags_of_a_session": _at(
        "The object itself tells whether it is new and whether it was read, also outside of a "
        "request.",
        "fresh",
        "read",
        "written",
    ),
    "sessions.a_transaction": _at(
        "Saving needs no second request: an application context is enough.", "signals"
    ),
    "sessions.a_transaction_for_another_path_or_host": _at(
        "Saving needs no second request: an application context is enough.", "signals"
    ),
    # -- class views, the test client --
    "class_views.automatic_options[on]": _at(
        "An explicit True turns automatic OPTIONS on, as in Flask 3.2.",
        *_response(2, "status", "body", "Allow"),
    ),
    "clients.a_context_stays_in_a_with_block": _at(
        "The context that a test looks into has not been torn down yet.", "log"
    ),
    "clients.a_redirect_in_a_block": _at(
        "Of requests that redirects led on only the last one's context stays.", "signals"
    ),
    # -- logging, debugging, running --
    "logs.an_error_of_a_view": _at(
        "A line break in a path can not forge a line of the log.", "logs"
    ),
    "debugging.run_in_debug_mode[debug]": _at(
        "The debugger is our own, put around the application; it answers this machine only.",
        "debugger",
    ),
    # -- the command line --
    "commands.what_a_module_holds[syntax error]": _at(
        "A module that can not be read is told as one that can not be imported, with the line.",
        "went",
    ),
    "commands.commands_of_an_application[missing]": _at(
        "A context is entered for a command that there is, not to look for one.", "signals"
    ),
    "commands.the_list_of_commands": _at(
        "A context is entered for a command, not to list them.", "signals"
    ),
    "commands.files_of_variables[references]": _at(
        "A variable of the environment goes before the file's, also where the file refers to it.",
        "environment_wins",
    ),
    "commands.files_of_variables[no value]": _at(
        "A line of .env that sets nothing is a mistake, told with its number.",
        "read",
        "environment_wins",
    ),
    # -- limits --
    "limits.parts_of_a_form[many]": _at(
        _FORM_LIMITS, *_response(2, "status", "body", "Content-Type")
    ),
    "limits.memory_of_a_form[small]": _at(
        _FORM_LIMITS,
        *_response(2, "status", "body", "Content-Type"),
        *_response(3, "status", "body", "Content-Type"),
    ),
    "limits.memory_of_a_form[large]": _at(
        _FORM_LIMITS,
        *_response(1, "status", "body", "Content-Type"),
        *_response(3, "status", "body", "Content-Type"),
    ),
    "limits.the_numbers_a_request_knows": _at(
        "None, set on a request, lifts the limit, which the configuration set, for that request.",
        "own",
    ),
    # -- configuration --
    "configs.nesting_into_what_is_no_dict[text]": _at(
        "The error names the variable and the setting.", "outcome"
    ),
    "configs.nesting_into_what_is_no_dict[none]": _at(
        "A setting that is None becomes a dictionary: many are None until they are set.",
        "outcome",
        "made",
    ),
    "configs.defaults_that_are_safer": _at(
        "The lazy way is the safe way: bodies end at 16 MiB, the session cookie is not sent with "
        "what other sites post, and is Secure where the request was.",
        "length",
        "samesite",
        "secure",
    ),
    # -- files --
    "files.conditions[other unit]": _IGNORED_RANGE,
    "files.conditions[nonsense]": _IGNORED_RANGE,
    "files.conditions[several]": _IGNORED_RANGE,
}


def differs(reason: str, *scenarios: str, at: tuple[str, ...]) -> None:
    """Note a difference of one or more scenarios."""
    for scenario in scenarios:
        PARTICULAR.setdefault(scenario, {}).update(dict.fromkeys(at, reason))


# -- applications and routes --

differs(
    "A namespace package may have many folders. Flask takes the working directory for its root; "
    "Cruse asks for root_path.",
    "applications.a_namespace_package_needs_a_root_path",
    at=("without",),
)
differs(
    "As in Flask 3.2: asking for automatic OPTIONS adds the method, also where the setting is off "
    "or the view says otherwise.",
    "routes.automatic_options[argument on]",
    "routes.automatic_options[argument before attribute]",
    "routes.automatic_options[attribute on]",
    "routes.automatic_options_on_although_the_setting_is_off[argument]",
    "routes.automatic_options_on_although_the_setting_is_off[attribute]",
    at=("response 1 status", "response 1 body", "response 1 header Allow"),
)
differs(
    "The same for the methods that a 405 lists.",
    "routes.automatic_options_on_although_the_setting_is_off[argument]",
    "routes.automatic_options_on_although_the_setting_is_off[attribute]",
    at=("response 2 header Allow",),
)
differs(
    "What a converter raises is answered as what a view raises, after the before hooks: an error "
    "handler can answer it.",
    "routes.a_converter_that_fails",
    at=("signals",),
)
differs(
    "A plain request to a websocket is told what to do (RFC 9110 section 15.5.22).",
    "routes.a_websocket_rule_is_not_for_http",
    at=("response 1 status", "response 1 body", "response 1 header Upgrade"),
)

# -- URLs and contexts --

differs(
    "One context is current, as in Flask 3.2. One of an application, pushed while a request is "
    "handled, is outside of that request, and another application's URLs are never made from it.",
    "urls.an_app_context_pushed_in_a_request",
    at=("other", "inner", "app"),
)

differs(
    "One context is current, as in Flask 3.2: that of a request has its own g, whatever was "
    "pushed before.",
    "contexts.a_request_context_in_an_app_context",
    at=("signals", "inner", "outer"),
)
differs(
    "One context is current, as in Flask 3.2, and app_ctx is the name of its proxy, in a request "
    "too.",
    "contexts.the_request_context_object",
    at=("two_proxies",),
)
differs(
    "As in Flask 3.2: a context that is popped when it is not current raises a RuntimeError that "
    "names both, and is not torn down.",
    "contexts.push_and_pop",
    at=("again",),
)
differs(
    "As in Flask 3.2: a context that is popped when it is not current raises a RuntimeError that "
    "names both, and is not torn down.",
    "contexts.contexts_popped_in_the_wrong_order",
    at=("signals", "wrong"),
)

# -- answers and requests --

differs(
    "ASGI has no reason phrase: what a view writes behind the number is not sent.",
    "answers.returned[wsgi]",
    at=("response 1 status", "response 2 status"),
)
differs(
    "ASGI has no reason phrase: what a view writes behind the number is not sent.",
    "answers.tuples[status text]",
    at=("response 1 status",),
)
differs(
    "What headers say about where a request comes from is believed of as many proxies as the "
    "settings name, and of none unless they do.",
    "requests.attributes[headers]",
    at=("access_route",),
)

differs(
    "A blueprint's own rule without a view finds the view that the blueprint has for that "
    "endpoint; Flask looks among the application's endpoints only.",
    "blueprints.a_blueprint_has_the_view_of_an_endpoint_of_its_own",
    at=("status", "signals", "logs"),
)

# -- signals --

differs(
    "When the answer to an error fails as well, the teardown functions are told of the error that "
    "the server is told of.",
    "signals.a_receiver_that_fails[got_request_exception]",
    at=("log",),
)
differs(
    "One context is current, as in Flask 3.2: when it is pushed, its request is there.",
    "signals.what_receivers_can_use",
    at=("log",),
)

# -- hooks and teardown --

differs(
    "An after hook that returns nothing is an error like any other: it is answered with a 500 and "
    "logged with a line that says what is missing, and the context is torn down after it.",
    "hooks.an_after_hook_that_returns_nothing",
    at=("signals", "logs", "outcome"),
)
differs(
    "A context is torn down once. One that a test client keeps is torn down when it drops it; "
    "Flask does it twice.",
    "hooks.teardown_comes_when_a_client_drops_the_context[kept]",
    at=("log",),
)
differs(
    "One context is current, as in Flask 3.2: the request can still be seen when its application "
    "context is torn down.",
    "hooks.what_teardown_can_use",
    at=("log",),
)
differs(
    "As in Flask 3.2: all teardown functions run, the signals are sent, and the errors are raised "
    "together in an exception group.",
    *(
        f"hooks.teardown_functions_that_fail[{where}]"
        for where in ("request", "app", "both", "two requests")
    ),
    at=("signals", "outcome", "log"),
)

# -- hosts and caches --

differs(
    "TRUSTED_HOSTS = [] trusts no host. To Flask an empty list is as good as none, so a list that "
    "came out empty by mistake trusts every host.",
    "hosts.trusted_hosts[empty]",
    at=tuple(f"response {number} {part}" for number in range(1, 7) for part in ("status", "body")),
)
differs(
    "No cache is to keep a 412: with the max-age of a file it was there for everybody.",
    "answers.conditional_answers",
    at=("response 4 header Cache-Control",),
)
differs(
    "The same for files.",
    "files.conditions[match others]",
    at=("response 1 header Cache-Control",),
)
differs(
    "Ranges are for GET alone (RFC 9110 section 14.2): HEAD tells of the whole.",
    "files.head_of_a_file",
    at=tuple(
        f"response 2 {part}"
        for part in ("status", "header Content-Length", "header Content-Range")
    ),
)
