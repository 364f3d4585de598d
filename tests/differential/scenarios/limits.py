"""Limits of what a request may send: of the configuration, and of one request."""

import io

from tests.differential.harness import scenario


def application(fw, **config):
    app = fw.App(__name__)
    app.config.update(config)

    @app.post("/data")
    def data():
        return str(len(fw.request.get_data()))

    @app.post("/form")
    def form():
        return {
            "form": {k: len(v) for k, v in fw.request.form.items()},
            "n": len(fw.request.files),
        }

    @app.post("/lower")
    def lower():
        fw.request.max_content_length = 5
        return str(len(fw.request.get_data()))

    @app.post("/higher")
    def higher():
        fw.request.max_content_length = 500
        return str(len(fw.request.get_data()))

    @app.post("/parts")
    def parts():
        fw.request.max_form_parts = 1
        return str(len(fw.request.form))

    @app.post("/memory")
    def memory():
        fw.request.max_form_memory_size = 2
        return str(len(fw.request.form))

    @app.post("/unread")
    def unread():
        return "unread"

    return app


@scenario(each={"short": 10, "exact": 20, "long": 21})
def content_length(fw, size):
    app = application(fw, MAX_CONTENT_LENGTH=20)
    client = fw.client(app)
    client.post("/data", data=b"x" * size)
    client.post("/unread", data=b"x" * size)


@scenario
def content_length_of_one_request(fw):
    client = fw.client(application(fw, MAX_CONTENT_LENGTH=20))
    for path in ("/lower", "/higher"):
        client.post(path, data=b"x" * 4)
        client.post(path, data=b"x" * 100)


@scenario(each={"few": 2, "many": 4})
def parts_of_a_form(fw, parts):
    client = fw.client(application(fw, MAX_FORM_PARTS=3))
    data = {f"f{number}": "x" for number in range(parts)}
    client.post("/form", data=data, content_type="multipart/form-data")
    client.post("/form", data=data)


@scenario(each={"small": 10, "large": 60})
def memory_of_a_form(fw, size):
    client = fw.client(application(fw, MAX_FORM_MEMORY_SIZE=50))
    client.post("/form", data={"a": "x" * size})
    client.post("/form", data={"a": "x" * size}, content_type="multipart/form-data")
    client.post("/form", data={"f": (io.BytesIO(b"x" * size), "f.txt")})


@scenario
def limits_of_one_request_on_its_form(fw):
    client = fw.client(application(fw))
    data = {"a": "xxx", "b": "yyy"}
    for path in ("/parts", "/memory"):
        client.post(path, data=data, content_type="multipart/form-data")


@scenario
def the_numbers_a_request_knows(fw):
    app = fw.App(__name__)
    app.config.update(MAX_CONTENT_LENGTH=7, MAX_FORM_PARTS=8, MAX_FORM_MEMORY_SIZE=9)
    with app.test_request_context():
        request = fw.request
        fw.observe(
            config=[
                request.max_content_length,
                request.max_form_parts,
                request.max_form_memory_size,
            ]
        )
        request.max_content_length = None
        request.max_form_parts = None
        request.max_form_memory_size = 1
        fw.observe(
            own=[request.max_content_length, request.max_form_parts, request.max_form_memory_size]
        )


@scenario
def the_numbers_without_an_application(fw):
    request = fw.Request({"REQUEST_METHOD": "GET", "wsgi.input": io.BytesIO()})
    fw.observe(
        limits=[request.max_content_length, request.max_form_memory_size, request.max_form_parts]
    )


@scenario
def an_error_handler_for_too_much(fw):
    app = application(fw, MAX_CONTENT_LENGTH=3)
    app.register_error_handler(413, lambda error: ("too much", 413))
    fw.client(app).post("/data", data=b"xxxx")


@scenario
def files_of_a_form_and_what_is_missing(fw):
    app = fw.App(__name__)

    @app.post("/")
    def index():
        file = fw.request.files["doc"]
        return [file.filename, file.content_type, file.read().decode(), fw.request.form["a"]]

    client = fw.client(app)
    client.post("/", data={"a": "1", "doc": (io.BytesIO(b"text"), "a.txt", "text/x")})
    client.post("/", data={"a": "1"})
    client.post("/", data={"doc": (io.BytesIO(b""), "a.txt")})


@scenario(each={"debug": True, "not": False})
def a_file_from_a_form_that_was_not_sent_as_one(fw, debug):
    app = fw.App(__name__)
    app.debug = debug
    app.testing = True

    @app.post("/")
    def index():
        return fw.request.files["doc"].filename

    def post():
        return fw.client(app, record=False).post("/", data={"doc": "a.txt"}).status

    fw.observe(outcome=fw.outcome(post))
