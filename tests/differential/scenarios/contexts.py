"""Contexts, the proxies and ``g``."""

import threading
import weakref

from tests.differential.harness import scenario


@scenario
def outside_of_any_context(fw):
    app_ctx = fw.module("globals").app_ctx
    fw.observe(
        has=[fw.has_app_context(), fw.has_request_context()],
        bools=[bool(p) for p in (fw.current_app, fw.g, fw.request, fw.session, app_ctx)],
        reprs=[repr(p) for p in (fw.current_app, fw.g, fw.request, fw.session, app_ctx)],
        attributes=[
            fw.outcome(lambda: fw.current_app.name),
            fw.outcome(lambda: fw.g.x),
            fw.outcome(lambda: fw.request.path),
            fw.outcome(lambda: fw.session["x"]),
            fw.outcome(lambda: app_ctx.app),
            fw.outcome(lambda: fw.current_app._get_current_object()),
            fw.outcome(lambda: "x" in fw.g),
            fw.outcome(lambda: fw.g.__setattr__("x", 1)),
        ],
        dirs=[dir(fw.g), dir(fw.request)],
    )


@scenario
def the_messages_name_the_context(fw):
    def words(function):
        try:
            function()
        except RuntimeError as error:
            return str(error).splitlines()[0]
        return None

    fw.observe(app=words(lambda: fw.g.x), request=words(lambda: fw.request.path))


@scenario
def in_an_app_context(fw):
    app = fw.App("shop")
    with app.app_context():
        fw.observe(
            has=[fw.has_app_context(), fw.has_request_context()],
            bools=[bool(fw.current_app), bool(fw.g), bool(fw.request), bool(fw.session)],
            same=fw.current_app._get_current_object() is app,
            equal=fw.current_app == app,
            name=fw.current_app.name,
            g=repr(fw.g),
            request=fw.outcome(lambda: fw.request.path),
            session=fw.outcome(lambda: fw.session["x"]),
            isinstance=isinstance(fw.current_app, fw.App),
        )
    fw.observe(after=fw.has_app_context())


@scenario
def in_a_request_context(fw):
    app = fw.App("shop")
    app.secret_key = "key"
    app.add_url_rule("/a/<b>", "index", lambda b: "")
    with app.test_request_context("/a/x?y=1", method="PUT"):
        fw.observe(
            has=[fw.has_app_context(), fw.has_request_context()],
            request=[fw.request.path, fw.request.method, dict(fw.request.args)],
            match=[fw.request.endpoint, fw.request.view_args, str(fw.request.url_rule)],
            error=type(fw.request.routing_exception).__name__,
            session=dict(fw.session),
            name=fw.current_app.name,
        )
    with app.test_request_context("/a/x"):
        fw.observe(endpoint=fw.request.endpoint, rule=str(fw.request.url_rule))
    fw.observe(after=[fw.has_app_context(), fw.has_request_context()])


@scenario
def a_context_keeps_no_exception_of_its_own(fw):
    app = fw.App(__name__)

    def fail():
        with app.app_context():
            raise KeyError("x")

    fw.observe(outcome=fw.outcome(fail), has=fw.has_app_context())


@scenario
def nested_contexts(fw):
    one, two = fw.App("one"), fw.App("two")
    seen = []
    with one.app_context():
        seen.append(fw.current_app.name)
        fw.g.value = 1
        with two.app_context():
            seen.append((fw.current_app.name, "value" in fw.g))
        with one.app_context():
            seen.append((fw.current_app.name, "value" in fw.g))
        seen.append((fw.current_app.name, fw.g.value))
    fw.observe(seen=seen)


@scenario
def a_request_context_in_an_app_context(fw):
    app = fw.App("shop")
    with app.app_context():
        fw.g.value = 1
        with app.test_request_context("/x"):
            fw.observe(inner=fw.g.get("value"), path=fw.request.path)
            fw.g.other = 2
        fw.observe(outer=fw.g.get("other"), request=fw.has_request_context())


@scenario
def g_of_each_request_is_its_own(fw):
    app = fw.App("shop")

    def index():
        fw.g.count = fw.g.get("count", 0) + 1
        return str(fw.g.count)

    app.add_url_rule("/", "index", index)
    client = fw.client(app)
    client.get("/")
    client.get("/")


@scenario
def push_and_pop(fw):
    app = fw.App(__name__)
    log = []
    app.teardown_appcontext(lambda error: log.append(type(error).__name__))
    context = app.app_context()
    context.push()
    log.append(fw.has_app_context())
    context.pop()
    log.append(fw.has_app_context())
    fw.observe(log=log)
    fw.observe(again=fw.outcome(context.pop))


@scenario
def a_context_pushed_twice_is_torn_down_once(fw):
    app = fw.App(__name__)
    log = []
    app.teardown_appcontext(lambda error: log.append("ended"))
    context = app.app_context()
    with context:
        with context:
            log.append("inner")
        log.append("outer")
    fw.observe(log=log)


@scenario
def contexts_popped_in_the_wrong_order(fw):
    app = fw.App(__name__)
    first, second = app.app_context(), app.app_context()
    first.push()
    second.push()
    fw.observe(wrong=fw.outcome(first.pop))


@scenario(each={"app": "app_context", "request": "test_request_context"})
def an_exception_given_to_pop(fw, make):
    app = fw.App(__name__)
    log = []
    app.teardown_appcontext(lambda error: log.append(type(error).__name__))
    app.teardown_request(lambda error: log.append(f"request {type(error).__name__}"))
    context = getattr(app, make)()
    context.push()
    context.pop(KeyError("x"))
    fw.observe(log=log)


@scenario(
    each={
        "path": (("/x?a=1",), {}),
        "base url": (("/x",), {"base_url": "https://example.com:8443/root"}),
        "url": (("http://example.com/x",), {}),
        "json": (("/x",), {"json": {"a": 1}, "method": "POST"}),
        "form": (("/x",), {"data": {"a": "b"}}),
        "subdomain and scheme": (("/x",), {"subdomain": "shop", "url_scheme": "https"}),
        "both": (("/x",), {"subdomain": "shop", "base_url": "http://x/"}),
        "query": (("/x",), {"query_string": {"a": ["1", "2"]}, "headers": {"X-A": "b"}}),
    }
)
def arguments_of_test_request_context(fw, arguments):
    app = fw.App(__name__)
    app.config["SERVER_NAME"] = "example.org"
    args, kwargs = arguments

    def look():
        with app.test_request_context(*args, **kwargs):
            request = fw.request
            body = request.get_json() if request.is_json else dict(request.form)
            return [request.url, request.method, body, request.headers.get("X-A"), request.host]

    fw.observe(seen=fw.outcome(look))


@scenario
def request_context_of_an_environ(fw):
    app = fw.App(__name__)
    environ = fw.module("testing").EnvironBuilder(app, "/here").get_environ()
    context = app.request_context(environ)
    with context:
        fw.observe(
            path=fw.request.path,
            same=fw.request.environ is environ,
            own=context.request is fw.request._get_current_object(),
        )


@scenario
def an_untrusted_host_in_a_pushed_context(fw):
    app = fw.App(__name__)
    app.config["TRUSTED_HOSTS"] = ["example.com"]
    with app.test_request_context("/", base_url="http://evil.example/"):
        fw.observe(error=type(fw.request.routing_exception).__name__)


@scenario(async_too=True)
def copy_current_request_context(fw):
    app = fw.App(__name__)
    app.secret_key = "key"
    results = []

    def index():
        fw.g.value = 1
        fw.session["a"] = 2

        @fw.copy_current_request_context
        def work():
            results.append((fw.request.path, fw.session.get("a"), fw.current_app.name))

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        return "done"

    app.add_url_rule("/here", "index", index)
    fw.client(app).get("/here")
    fw.observe(results=results)


@scenario
def copy_current_request_context_outside(fw):
    app = fw.App(__name__)
    fw.observe(nothing=fw.outcome(lambda: fw.copy_current_request_context(str)))
    with app.app_context():
        fw.observe(app=fw.outcome(lambda: fw.copy_current_request_context(str)))


@scenario
def a_thread_has_no_context(fw):
    app = fw.App(__name__)
    seen = []
    with app.test_request_context():
        thread = threading.Thread(target=lambda: seen.append(fw.has_request_context()))
        thread.start()
        thread.join()
    fw.observe(seen=seen)


@scenario
def the_context_object(fw):
    app = fw.App(__name__)
    app_ctx = fw.module("globals").app_ctx
    with app.app_context() as context:
        real = app_ctx._get_current_object()
        real.of_an_extension = 1
        fw.observe(
            same=real is context,
            stable=real is app_ctx._get_current_object(),
            app=real.app is app,
            attribute=app_ctx.of_an_extension,
            weak=weakref.ref(real)() is real,
            g=real.g is fw.g._get_current_object(),
        )


@scenario
def the_request_context_object(fw):
    app = fw.App(__name__)
    app.secret_key = "key"
    names = vars(fw.module("globals"))
    fw.observe(two_proxies="request_ctx" in names)
    request_ctx = names.get("request_ctx", names["app_ctx"])
    with app.test_request_context("/x"):
        real = request_ctx._get_current_object()
        real.of_an_extension = 1
        fw.observe(
            app=real.app is app,
            request=real.request is fw.request._get_current_object(),
            attribute=request_ctx.of_an_extension,
            weak=weakref.ref(real)() is real,
            adapter=real.url_adapter.build("static", {"filename": "x"}),
        )


# -- g and the proxies --


@scenario
def g_is_a_namespace(fw):
    app = fw.App("shop")
    with app.app_context():
        g = fw.g
        g.one = 1
        fw.observe(
            get=[g.get("one"), g.get("two"), g.get("two", 2)],
            setdefault=[g.setdefault("three", 3), g.setdefault("three", 4), g.setdefault("four")],
            contains=["one" in g, "two" in g],
            iter=sorted(g),
            pop=[g.pop("one"), g.pop("one", "gone")],
            pop_missing=fw.outcome(lambda: g.pop("one")),
            missing=fw.outcome(lambda: g.one),
            has=hasattr(g, "one"),
            repr=repr(g),
        )
        del g.three
        fw.observe(left=list(g), delete_missing=fw.outcome(lambda: g.__delattr__("three")))


@scenario
def special_methods_of_proxies(fw):
    app = fw.App("shop")
    app.secret_key = "key"
    with app.test_request_context("/x?a=1"):
        fw.session["a"] = 1
        fw.session.update(b=2)
        fw.observe(
            length=len(fw.session),
            items=sorted(fw.session.items()),
            contains="a" in fw.session,
            iter=sorted(fw.session),
            equal=fw.session == {"a": 1, "b": 2},
            unequal=fw.session != {},
            union=dict(fw.session | {"c": 3}),
            bool=bool(fw.session),
            str=str(fw.session),
            request=repr(fw.request),
            app=repr(fw.current_app),
            hash=hash(fw.current_app) == hash(app),
            instance=[
                isinstance(fw.request, fw.Request),
                isinstance(fw.current_app, fw.App),
                isinstance(fw.session, dict),
            ],
            cls=[fw.request.__class__.__name__, fw.current_app.__class__.__name__],
            type=type(fw.request).__name__,
            callable=callable(fw.current_app),
            dir="path" in dir(fw.request),
            doc=isinstance(fw.request.__doc__, str),
        )
        del fw.session["a"]
        fw.current_app.attribute = 5
        fw.observe(left=dict(fw.session), set=app.attribute)


@scenario
def the_name_of_an_unbound_proxy(fw):
    fw.observe(reprs=[repr(fw.g), repr(fw.request), str(type(fw.g).__name__)])


@scenario
def session_of_an_application_without_a_key(fw):
    app = fw.App(__name__)

    def write():
        fw.session["a"] = 1

    with app.test_request_context():
        fw.observe(read=fw.session.get("a"), write=fw.outcome(write))
