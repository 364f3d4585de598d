"""What a view may return, and how it becomes a response."""

from tests.differential.harness import scenario


@scenario
def a_redirect(fw):
    app = fw.App(__name__)
    app.add_url_rule("/", "index", lambda: fw.redirect("/elsewhere"))
    fw.client(app).get("/")


@scenario
def a_session_cookie(fw):
    app = fw.App(__name__)
    app.secret_key = "of this test"

    @app.get("/")
    def index():
        fw.session["name"] = "Ada"
        return repr(fw.g)

    client = fw.client(app)
    client.get("/")
    client.get("/")
