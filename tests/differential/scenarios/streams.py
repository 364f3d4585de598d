"""Answers that are made while they are sent, and the context they keep."""

from tests.differential.harness import scenario


@scenario
def with_context(fw):
    app = fw.App(__name__)

    @app.get("/")
    def index():
        def lines():
            yield "Hello "
            yield fw.request.args["name"]
            yield fw.g.mark

        fw.g.mark = "!"
        return fw.Response(fw.stream_with_context(lines()))

    fw.client(app).get("/?name=Ada")


@scenario
def as_a_decorator(fw):
    app = fw.App(__name__)

    @app.get("/")
    def index():
        @fw.stream_with_context
        def lines(hello):
            yield hello
            yield fw.request.args["name"]

        return fw.Response(lines("Hello "))

    fw.client(app).get("/?name=Ada")


@scenario
def a_wrapped_iterator_is_closed(fw):
    app, log = fw.App(__name__), []

    class Lines:
        def __init__(self):
            self.rest = ["a", "b"]

        def __iter__(self):
            return self

        def __next__(self):
            if not self.rest:
                raise StopIteration
            return self.rest.pop(0) + fw.request.args["x"]

        def close(self):
            log.append("closed")

    app.add_url_rule("/", "index", lambda: fw.Response(fw.stream_with_context(Lines())))
    fw.client(app).get("/?x=1")
    fw.observe(log=log)


@scenario
def without_a_context(fw):
    fw.observe(outcome=fw.outcome(lambda: fw.stream_with_context(iter("ab"))))


@scenario
def an_app_context_is_not_enough_for_what_the_request_gives(fw):
    app = fw.App(__name__)
    with app.app_context():
        fw.observe(outcome=fw.outcome(lambda: fw.request.path))


@scenario
def the_session_read_while_streaming(fw):
    app = fw.App(__name__)
    app.secret_key = "k"

    @app.get("/set")
    def set_():
        fw.session["x"] = "kept"
        return ""

    @app.get("/")
    def index():
        def lines():
            yield fw.session["x"]

        return fw.stream_with_context(lines())

    client = fw.client(app)
    client.get("/set")
    client.get("/")


@scenario(each={"generator": 0, "iterator": 1, "map": 2})
def plain_iterators(fw, kind):
    app = fw.App(__name__)

    def lines():
        yield "a"
        yield "b"

    views = [lines, lambda: iter(["a", "b"]), lambda: map(str, range(3))]
    app.add_url_rule("/", "index", views[kind])
    fw.client(app).get("/")


@scenario
def bytes_with_type_and_status(fw):
    app = fw.App(__name__)

    def chunks():
        yield b"\x00\xff"
        yield b"\x01"

    app.add_url_rule("/", "index", lambda: (chunks(), 202, {"Content-Type": "image/x"}))
    fw.client(app).get("/")


@scenario
def a_head_request_closes_the_generator(fw):
    app, log = fw.App(__name__), []

    @app.get("/")
    def index():
        def lines():
            try:
                yield "a"
                yield "b"
            finally:
                log.append("closed")

        return fw.Response(fw.stream_with_context(lines()))

    fw.client(app).get("/")
    fw.observe(log=log)


@scenario
def an_error_half_way(fw):
    app, errors = fw.App(__name__), []
    app.testing = True

    @app.get("/")
    def index():
        def lines():
            yield "a"
            raise ZeroDivisionError

        return fw.stream_with_context(lines())

    fw.observe(outcome=fw.outcome(lambda: fw.client(app, record=False).get("/").data))
    fw.observe(errors=errors)


@scenario
def after_request_runs_before_the_stream(fw):
    app, log = fw.App(__name__), []

    @app.after_request
    def after(response):
        log.append("after")
        return response

    @app.get("/")
    def index():
        def lines():
            log.append("line")
            yield "a"

        return fw.stream_with_context(lines())

    fw.client(app).get("/")
    fw.observe(log=log)


@scenario
def streams_nested_in_streams(fw):
    app = fw.App(__name__)

    @app.get("/")
    def index():
        def inner():
            yield fw.request.path

        def outer():
            yield "<"
            yield from fw.stream_with_context(inner())
            yield fw.request.method
            yield ">"

        return fw.stream_with_context(outer())

    fw.client(app).get("/")


@scenario
def a_view_that_answers_with_the_chunks_of_the_request(fw):
    app = fw.App(__name__)

    @app.post("/")
    def index():
        def chunks():
            while piece := fw.request.stream.read(3):
                yield piece.upper()

        return fw.stream_with_context(chunks())

    fw.client(app).post("/", data=b"abcdefgh")


@scenario
def call_on_close(fw):
    app, log = fw.App(__name__), []

    @app.get("/")
    def index():
        response = fw.make_response(iter(["a"]))
        response.call_on_close(lambda: log.append("closed"))
        return response

    fw.client(app).get("/")
    fw.observe(log=log)
