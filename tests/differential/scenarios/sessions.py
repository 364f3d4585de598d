"""The session: its cookie, when it is written, who may read it, and flashed messages in it."""

from datetime import timedelta

from itsdangerous import BadSignature

from tests.differential.harness import scenario


def application(fw, **config):
    """An application whose paths do one thing each with the session."""
    app = fw.App(__name__)
    app.config.update(SECRET_KEY="the key", **config)

    @app.get("/set/<key>/<value>")
    def set_(key, value):
        fw.session[key] = value
        return ""

    @app.get("/permanent/<key>/<value>")
    def permanent(key, value):
        fw.session.permanent = True
        fw.session[key] = value
        return ""

    @app.get("/get/<key>")
    def get(key):
        return {key: fw.session.get(key)}

    @app.get("/pop/<key>")
    def pop(key):
        return {key: fw.session.pop(key, None)}

    @app.get("/clear")
    def clear():
        fw.session.clear()
        return ""

    @app.get("/untouched")
    def untouched():
        return ""

    @app.get("/all")
    def all_():
        return dict(fw.session)

    return app


def visit(fw, app, *paths, **options):
    client = fw.client(app)
    for path in paths:
        client.get(path, **options)
    return client


@scenario
def from_one_request_to_the_next(fw):
    visit(
        fw, application(fw), "/get/a", "/set/a/1", "/get/a", "/set/b/2", "/all", "/pop/a", "/all"
    )


@scenario
def an_empty_session_deletes_its_cookie(fw):
    visit(fw, application(fw), "/set/a/1", "/clear", "/all", "/clear")


@scenario
def popping_what_is_not_there_writes_nothing(fw):
    visit(fw, application(fw), "/pop/a", "/set/b/1", "/pop/a")


ACCESS = {
    "get": lambda session: session.get("a"),
    "item": lambda session: session["a"],
    "in": lambda session: "a" in session,
    "len": len,
    "iter": list,
    "keys": lambda session: list(session.keys()),
    "items": lambda session: list(session.items()),
    "bool": bool,
    "repr": repr,
    "eq": lambda session: session == {},
    "pop": lambda session: session.pop("a"),
    "setdefault": lambda session: session.setdefault("a", 2),
    "permanent": lambda session: session.permanent,
    "modified": lambda session: session.modified,
    "accessed": lambda session: session.accessed,
    "new": lambda session: session.new,
    "object": lambda session: type(session._get_current_object()).__name__,
    "update": lambda session: session.update(c=3),
    "delete": lambda session: session.pop("a") and session.pop("missing", None),
    "set permanent": lambda session: setattr(session, "permanent", True),
    "nothing": lambda session: None,
}


@scenario(each=ACCESS)
def what_varies_by_cookie_and_what_writes_it(fw, access):
    app = application(fw)

    @app.get("/access")
    def view():
        return repr(access(fw.session))

    client = fw.client(app)
    client.get("/set/a/1")
    client.get("/access")
    fw.client(app).get("/untouched")


@scenario
def only_changes_at_the_top_are_noticed(fw):
    app = application(fw)

    @app.get("/deep")
    def deep():
        fw.session.setdefault("list", []).append(1)
        return {"modified": fw.session.modified}

    @app.get("/told")
    def told():
        fw.session["list"].append(2)
        fw.session.modified = True
        return ""

    client = visit(fw, app, "/deep", "/deep", "/all", "/told", "/all")
    fw.observe(cookies=client.get_cookie("session") is not None)


@scenario(each={"refreshed": True, "not refreshed": False})
def a_permanent_session(fw, refresh):
    app = application(
        fw, SESSION_REFRESH_EACH_REQUEST=refresh, PERMANENT_SESSION_LIFETIME=timedelta(hours=2)
    )
    visit(fw, app, "/permanent/a/1", "/get/a", "/untouched", "/set/b/2")


@scenario(each={"seconds": 3600, "timedelta": timedelta(days=1), "none": None})
def the_lifetime(fw, lifetime):
    app = fw.App(__name__)
    if lifetime is not None:
        app.permanent_session_lifetime = lifetime
    fw.observe(lifetime=str(app.permanent_session_lifetime))
    fw.observe(stored=str(app.config["PERMANENT_SESSION_LIFETIME"]))


@scenario(each={"in time": 50, "just": 60, "too late": 61, "much too late": 10_000})
def a_session_grows_old(fw, age):
    app = application(fw, PERMANENT_SESSION_LIFETIME=60)
    client = visit(fw, app, "/permanent/a/1")
    cookie = client.get_cookie("session").value
    fw.time += age
    other = fw.client(app)
    other.set_cookie("session", cookie)
    other.get("/get/a")


@scenario(
    each={
        "name": {"SESSION_COOKIE_NAME": "shop"},
        "domain": {"SESSION_COOKIE_DOMAIN": "example.com"},
        "dotted domain": {"SESSION_COOKIE_DOMAIN": ".example.com"},
        "path": {"SESSION_COOKIE_PATH": "/set"},
        "root": {"APPLICATION_ROOT": "/shop"},
        "path and root": {"SESSION_COOKIE_PATH": "/", "APPLICATION_ROOT": "/shop"},
        "secure": {"SESSION_COOKIE_SECURE": True},
        "not secure": {"SESSION_COOKIE_SECURE": False},
        "readable": {"SESSION_COOKIE_HTTPONLY": False},
        "strict": {"SESSION_COOKIE_SAMESITE": "Strict"},
        "lax": {"SESSION_COOKIE_SAMESITE": "Lax"},
        "no samesite": {"SESSION_COOKIE_SAMESITE": None},
        "samesite none": {"SESSION_COOKIE_SAMESITE": "None", "SESSION_COOKIE_SECURE": True},
        "partitioned": {"SESSION_COOKIE_PARTITIONED": True, "SESSION_COOKIE_SECURE": True},
        "server name": {"SERVER_NAME": "example.com"},
    }
)
def attributes_of_the_cookie(fw, config):
    app = application(fw, **config)
    visit(fw, app, "/set/a/1", "/clear", base_url="http://example.com/")
    fw.client(app).get("/permanent/a/1", base_url="http://example.com/")


@scenario
def the_methods_of_the_interface_say_the_same(fw):
    app = application(fw, SESSION_COOKIE_PATH="/x", SESSION_COOKIE_SAMESITE="Strict")
    interface = app.session_interface
    fw.observe(
        name=interface.get_cookie_name(app),
        domain=interface.get_cookie_domain(app),
        path=interface.get_cookie_path(app),
        httponly=interface.get_cookie_httponly(app),
        samesite=interface.get_cookie_samesite(app),
        partitioned=interface.get_cookie_partitioned(app),
        salt=interface.salt,
        digest=interface.digest_method().name,
        derivation=interface.key_derivation,
        pickle=interface.pickle_based,
        null=interface.null_session_class.__name__,
    )


@scenario(each={"bad": "nonsense", "empty": "", "half": "eyJhIjoiMSJ9.x", "dots": "...."})
def a_cookie_that_nobody_signed(fw, value):
    client = fw.client(application(fw))
    client.set_cookie("session", value)
    client.get("/all")
    client.get("/set/b/2")


@scenario
def a_cookie_of_another_key(fw):
    other = application(fw)
    other.secret_key = "another key"
    client = fw.client(other)
    client.get("/set/a/1")
    cookie = client.get_cookie("session").value
    mine = fw.client(application(fw))
    mine.set_cookie("session", cookie)
    mine.get("/all")


@scenario(
    each={"the old key is kept": ["the key"], "it is not": [], "among others": ["x", "the key"]}
)
def keys_in_turn(fw, fallbacks):
    client = fw.client(application(fw))
    client.get("/set/a/1")
    cookie = client.get_cookie("session").value
    app = application(fw)
    app.config.update(SECRET_KEY="the new key", SECRET_KEY_FALLBACKS=fallbacks)
    mine = fw.client(app)
    mine.set_cookie("session", cookie)
    mine.get("/all")
    mine.get("/set/b/2")
    app.config["SECRET_KEY_FALLBACKS"] = None
    mine.get("/all")


@scenario
def the_signer(fw):
    app = application(fw)
    serializer = app.session_interface.get_signing_serializer(app)
    text = serializer.dumps({"a": (1, b"x")})
    fw.observe(text=text, back=serializer.loads(text))
    fw.observe(bad=isinstance(fw.outcome(lambda: serializer.loads(text + "x")), str))
    app.secret_key = None
    fw.observe(none=app.session_interface.get_signing_serializer(app))
    assert BadSignature


@scenario(
    each={
        "get": lambda session: session.get("a"),
        "in": lambda session: "a" in session,
        "set": lambda session: session.__setitem__("a", 1),
        "pop": lambda session: session.pop("a", None),
        "clear": lambda session: session.clear(),
        "update": lambda session: session.update(a=1),
        "setdefault": lambda session: session.setdefault("a", 1),
        "delete": lambda session: session.__delitem__("a"),
        "popitem": lambda session: session.popitem(),
        "permanent": lambda session: setattr(session, "permanent", True),
    }
)
def without_a_key(fw, access):
    app = fw.App(__name__)
    seen = []

    @app.get("/")
    def index():
        seen.append(fw.outcome(lambda: access(fw.session)))
        return type(fw.session._get_current_object()).__name__

    fw.client(app).get("/")
    fw.observe(seen=seen)


@scenario
def what_a_session_may_hold(fw):
    app = application(fw)

    @app.get("/fill")
    def fill():
        fw.session.update(
            t=(1, 2), b=b"\x00", n=None, f=1.5, d={"x": [1]}, m=fw.module("json.tag").Markup("<b>")
        )
        return ""

    @app.get("/types")
    def types():
        return {key: type(value).__name__ for key, value in fw.session.items()}

    visit(fw, app, "/fill", "/types")


@scenario
def what_a_session_can_not_hold(fw):
    app = application(fw)
    app.testing = True

    @app.get("/")
    def index():
        fw.session["x"] = object()
        return ""

    fw.observe(outcome=fw.outcome(lambda: fw.client(app, record=False).get("/")))


@scenario
def written_in_hooks(fw):
    app = application(fw)

    @app.before_request
    def before():
        fw.session["before"] = 1

    @app.after_request
    def after(response):
        fw.session["after"] = 2
        return response

    visit(fw, app, "/untouched", "/all")


@scenario
def written_in_an_error_handler(fw):
    app = application(fw)

    @app.errorhandler(404)
    def missing(error):
        fw.session["lost"] = fw.request.path
        return "lost", 404

    visit(fw, app, "/nowhere", "/all")


@scenario
def an_after_request_function_that_fails(fw):
    app = application(fw)
    app.config["PROPAGATE_EXCEPTIONS"] = False

    @app.get("/fails")
    def fails():
        fw.session["a"] = 1

        @fw.after_this_request
        def fail(response):
            raise ZeroDivisionError

        return ""

    visit(fw, app, "/fails", "/all")


@scenario
def vary_is_added_to(fw):
    app = application(fw)

    @app.get("/vary")
    def vary():
        return str(fw.session.get("a")), {"Vary": "Accept-Language"}

    visit(fw, app, "/vary")


@scenario
def read_before_routing(fw):
    app = application(fw)
    from werkzeug.routing import BaseConverter

    class Own(BaseConverter):
        def to_python(self, value):
            return f"{value} {fw.session.get('a')}"

    app.url_map.converters["own"] = Own
    app.add_url_rule("/convert/<own:x>", "convert", lambda x: x)
    visit(fw, app, "/set/a/1", "/convert/it")


@scenario
def an_interface_of_the_applications_own(fw):
    sessions, log, store = fw.sessions, [], {}

    class Session(dict, sessions.SessionMixin):
        pass

    class Interface(sessions.SessionInterface):
        def open_session(self, app, request):
            log.append(("open", request.path, request.endpoint))
            return Session(store)

        def save_session(self, app, session, response):
            log.append(("save", response.status_code, dict(session)))
            store.update(session)

    app = application(fw)
    app.session_interface = Interface()
    visit(fw, app, "/set/a/1", "/get/a")
    fw.observe(log=log)


@scenario
def an_interface_that_opens_nothing(fw):
    class Interface(fw.sessions.SessionInterface):
        def open_session(self, app, request):
            return None

        def save_session(self, app, session, response):
            raise AssertionError("is not called")

    app = application(fw)
    app.session_interface = Interface()
    visit(fw, app, "/get/a")
    fw.observe(
        null=Interface().is_null_session(Interface().make_null_session(app)),
        default=fw.sessions.SessionMixin.permanent.fget is not None,
    )


@scenario
def a_session_class_of_ones_own(fw):
    class Session(fw.sessions.SecureCookieSession):
        def twice(self, key):
            return self[key] * 2

    class Interface(fw.sessions.SecureCookieSessionInterface):
        session_class = Session
        salt = "another salt"

    app = application(fw)
    app.session_interface = Interface()
    app.add_url_rule("/twice", "twice", lambda: fw.session.twice("a"))
    visit(fw, app, "/set/a/1", "/twice")


@scenario
def should_set_cookie(fw):
    app = application(fw)
    interface = app.session_interface
    seen = {}
    for permanent in (False, True):
        for modified in (False, True):
            session = interface.session_class({"a": 1})
            session.permanent = permanent
            session.modified = modified
            seen[f"{permanent} {modified}"] = interface.should_set_cookie(app, session)
    fw.observe(seen=seen)


@scenario
def flags_of_a_session(fw):
    session = fw.sessions.SecureCookieSession()
    flags = ("new", "modified", "accessed", "permanent")
    fw.observe(fresh={flag: getattr(session, flag) for flag in flags})
    session.get("x")
    fw.observe(read={flag: getattr(session, flag) for flag in flags})
    session["x"] = 1
    fw.observe(written={flag: getattr(session, flag) for flag in flags})
    session.permanent = True
    fw.observe(kept=dict(session), permanent=session.permanent)


@scenario
def a_large_cookie(fw):
    app = application(fw, MAX_COOKIE_SIZE=200)

    @app.get("/")
    def index():
        response = fw.make_response("")
        return f"{response.max_cookie_size}"

    visit(fw, app, "/")


# -- a transaction of the test client --


@scenario
def a_transaction(fw):
    app = application(fw)
    client = fw.client(app)
    with client.session_transaction() as session:
        session["a"] = "from the test"
    client.get("/get/a")
    client.get("/set/b/2")
    with client.session_transaction() as session:
        fw.observe(seen=dict(session))


@scenario
def a_transaction_for_another_path_or_host(fw):
    app = application(fw, SESSION_COOKIE_PATH="/set")
    client = fw.client(app)
    with client.session_transaction("/set/x/y", base_url="http://example.com/") as session:
        session["a"] = "1"
    client.get("/get/a")
    client.get("/set/b/2", base_url="http://example.com/")


@scenario
def a_transaction_that_can_not_be(fw):
    def transaction(client):
        with client.session_transaction():
            return "opened"

    without_key = fw.client(fw.App(__name__))
    without_cookies = fw.client(application(fw), use_cookies=False)
    fw.observe(
        key=fw.outcome(lambda: transaction(without_key)),
        cookies=fw.outcome(lambda: transaction(without_cookies)),
    )


@scenario
def a_transaction_that_fails_keeps_nothing(fw):
    client = fw.client(application(fw))

    def transaction():
        with client.session_transaction() as session:
            session["a"] = 1
            raise ZeroDivisionError

    fw.observe(outcome=fw.outcome(transaction))
    client.get("/all")


# -- flashed messages --


@scenario
def flashing(fw):
    app = application(fw)

    @app.get("/flash")
    def flash():
        fw.flash("plain")
        fw.flash("<b>", "warning")
        fw.flash(message="named", category="error")
        return ""

    @app.get("/read")
    def read():
        return {"messages": fw.get_flashed_messages()}

    visit(fw, app, "/flash", "/read", "/read")


@scenario(
    each={
        "plain": {},
        "categories": {"with_categories": True},
        "filter": {"category_filter": ["error"]},
        "tuple": {"category_filter": ("error", "message")},
        "filter and categories": {"with_categories": True, "category_filter": ["error", "x"]},
        "nothing matches": {"category_filter": ["x"]},
        "empty filter": {"category_filter": []},
    }
)
def reading_flashed_messages(fw, options):
    app = application(fw)

    @app.get("/")
    def index():
        fw.flash("one")
        fw.flash("two", "error")
        fw.flash("three", "info")
        first = fw.get_flashed_messages(**options)
        return {"first": first, "again": fw.get_flashed_messages(**options)}

    visit(fw, app, "/", "/all")


@scenario
def messages_are_read_once_in_a_request(fw):
    app = application(fw)

    @app.get("/flash")
    def flash():
        fw.flash("before")
        return ""

    @app.get("/read")
    def read():
        before = fw.get_flashed_messages()
        fw.flash("after")
        return {"before": before, "after": fw.get_flashed_messages()}

    visit(fw, app, "/flash", "/read", "/read")


@scenario
def messages_in_a_template(fw):
    app = application(fw)

    @app.get("/")
    def index():
        fw.flash("<b>", "x")
        return fw.render_template_string(
            "{% for c, m in get_flashed_messages(true) %}{{ c }}:{{ m }}{% endfor %}"
        )

    visit(fw, app, "/", "/untouched")


@scenario
def flashing_without_a_key(fw):
    app = fw.App(__name__)
    app.testing = True

    @app.get("/flash")
    def flash():
        fw.flash("x")
        return ""

    @app.get("/read")
    def read():
        return {"messages": fw.get_flashed_messages()}

    client = fw.client(app)
    fw.observe(flash=fw.outcome(lambda: client.get("/flash")))
    client.get("/read")
