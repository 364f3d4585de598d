"""Signals: when, from whom, with what."""

from tests.differential.harness import scenario


def listen(fw, names, log):
    """Connect receivers that write down what they are given; they live as long as the list."""
    receivers = []
    for name in names:

        def receive(sender, _name=name, **arguments):
            proxy = type(sender).__name__ == "LocalProxy"
            seen = {key: type(value).__name__ for key, value in sorted(arguments.items())}
            log.append((_name, sender.name, proxy, seen))

        getattr(fw.signals, name).connect(receive)
        receivers.append(receive)
    return receivers


REQUEST = (
    "appcontext_pushed",
    "request_started",
    "request_finished",
    "got_request_exception",
    "request_tearing_down",
    "appcontext_tearing_down",
    "appcontext_popped",
)


@scenario(
    async_too=True,
    each={"fine": "/", "error": "/error", "abort": "/abort", "missing": "/nowhere"},
)
def signals_of_a_request(fw, path):
    app, log = fw.App("shop"), []
    kept = listen(fw, REQUEST, log)
    app.add_url_rule("/", "index", fw.colour(lambda: "fine"))
    app.add_url_rule("/error", "error", fw.colour(lambda: {}["x"]))
    app.add_url_rule("/abort", "abort", fw.colour(lambda: fw.abort(403)))
    fw.client(app).get(path)
    fw.observe(log=log, kept=len(kept))


@scenario(each={"app": "app_context", "request": "test_request_context"})
def signals_of_a_context(fw, make):
    app, log = fw.App("shop"), []
    kept = listen(fw, REQUEST, log)
    with getattr(app, make)():
        log.append("in it")
    fw.observe(log=log, kept=len(kept))


@scenario
def a_receiver_for_one_sender(fw):
    one, two = fw.App("one"), fw.App("two")
    log = []

    def receive(sender, **arguments):
        log.append(sender.name)

    fw.request_started.connect(receive, one)
    for app in (one, two):
        fw.client(app).get("/")
    fw.observe(log=log)


@scenario
def connected_to(fw):
    app, log = fw.App("shop"), []

    def receive(sender, **arguments):
        log.append(sorted(arguments))

    client = fw.client(app)
    with fw.request_finished.connected_to(receive, app):
        client.get("/")
    client.get("/")
    fw.observe(log=log)


@scenario
def an_async_receiver(fw):
    app, log = fw.App("shop"), []
    app.add_url_rule("/", "index", lambda: {}["x"])

    async def receive(sender, **arguments):
        log.append(sorted(arguments))

    with (
        fw.request_started.connected_to(receive, app),
        fw.got_request_exception.connected_to(receive, app),
        fw.request_tearing_down.connected_to(receive, app),
        fw.appcontext_pushed.connected_to(receive, app),
    ):
        fw.client(app).get("/")
    fw.observe(log=log)


@scenario(
    signals=False,
    each={name: name for name in ("request_started", "request_finished", "got_request_exception")},
)
def a_receiver_that_fails(fw, name):
    app, log = fw.App("shop"), []
    app.add_url_rule("/", "index", lambda: "fine" if name != "got_request_exception" else 1 / 0)
    app.register_error_handler(KeyError, lambda error: log.append("handled") or "handled")
    app.teardown_request(lambda error: log.append(type(error).__name__))

    def receive(sender, **arguments):
        log.append("received")
        if log.count("received") == 1:
            raise KeyError("receiver")

    signal = getattr(fw.signals, name)
    with signal.connected_to(receive, app):
        fw.observe(outcome=fw.outcome(lambda: fw.client(app, record=False).get("/").status))
    fw.observe(log=log)


@scenario
def what_receivers_can_use(fw):
    app, log = fw.App("shop"), []
    app.secret_key = "key"
    app.add_url_rule("/here", "index", lambda: fw.session.update(a=1) or "")

    def note(name):
        def receive(sender, **arguments):
            path = fw.request.path if fw.has_request_context() else None
            log.append((name, fw.current_app.name, path))

        return receive

    receivers = [note(name) for name in REQUEST[:-1]]
    for name, receive in zip(REQUEST, receivers, strict=False):
        if name != "appcontext_tearing_down":
            getattr(fw.signals, name).connect(receive, app)
    fw.client(app).get("/here")
    fw.observe(log=log)


@scenario
def a_response_changed_by_a_receiver(fw):
    app = fw.App("shop")
    app.add_url_rule("/", "index", lambda: "view")

    def receive(sender, response, **arguments):
        response.headers["X-Signal"] = "yes"

    with fw.request_finished.connected_to(receive, app):
        fw.client(app).get("/")


@scenario
def the_exception_that_is_sent(fw):
    app, log = fw.App("shop"), []

    class OwnError(Exception):
        pass

    def view():
        raise OwnError("x")

    app.add_url_rule("/", "index", view)
    app.add_url_rule("/handled", "handled", lambda: {}["x"])
    app.register_error_handler(KeyError, lambda error: "handled")
    app.register_error_handler(500, lambda error: ("500", 500))

    def receive(sender, exception, **arguments):
        log.append(type(exception).__name__)

    with fw.got_request_exception.connected_to(receive, app):
        client = fw.client(app)
        client.get("/")
        client.get("/handled")
    fw.observe(log=log)


@scenario
def signals_of_templates_and_messages(fw):
    app, log = fw.App("shop"), []
    app.secret_key = "key"
    names = ("before_render_template", "template_rendered", "message_flashed")
    kept = listen(fw, names, log)

    def index():
        fw.flash("hello", "info")
        return fw.render_template_string("{{ a }}", a=1)

    app.add_url_rule("/", "index", index)
    fw.client(app).get("/")
    fw.observe(log=log, kept=len(kept))


@scenario
def a_namespace_of_ones_own(fw):
    signal = fw.signals.Namespace().signal("own")
    log = []
    signal.connect(log.append)
    signal.send("sender")
    fw.observe(log=log, name=signal.name)
