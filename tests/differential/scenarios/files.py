"""Files: sending them, their headers, parts of them, and opening those beside the code."""

import io
import os
from datetime import UTC, datetime, timedelta

from tests.differential.harness import scenario

TEXT = "0123456789" * 20
MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def application(fw, **options):
    """An application with a file in its root folder and one in its static folder."""
    (fw.folder / "static" / "deep").mkdir(parents=True)
    for name in ("file.txt", "static/file.txt", "static/deep/style.css", "static/x.gz"):
        (fw.folder / name).write_text(TEXT)
        os.utime(fw.folder / name, (MOMENT.timestamp(), MOMENT.timestamp()))
    return fw.App("shop", root_path=str(fw.folder), **options)


def fetch(fw, app, *requests):
    client = fw.client(app)
    for path, headers in requests:
        client.get(path, headers=headers).close()


@scenario(
    each={
        "plain": {},
        "attachment": {"as_attachment": True},
        "name": {"as_attachment": True, "download_name": "ä b.txt"},
        "inline name": {"download_name": "x.html"},
        "type": {"mimetype": "application/x-shop"},
        "no etag": {"etag": False},
        "own etag": {"etag": "mine"},
        "modified": {"last_modified": 1_700_000_000},
        "modified datetime": {"last_modified": MOMENT},
        "age": {"max_age": 3600},
        "age 0": {"max_age": 0},
        "age function": {"max_age": lambda name: 5 if name else 6},
        "unconditional": {"conditional": False},
    }
)
def options_of_send_file(fw, options):
    app = application(fw)
    app.add_url_rule("/", "index", lambda: fw.send_file("file.txt", **options))
    fetch(fw, app, ("/", {}), ("/", {"Range": "bytes=0-4"}))


@scenario(
    each={
        "none of": lambda etag: {"If-None-Match": etag},
        "none of others": lambda etag: {"If-None-Match": '"other"'},
        "star": lambda etag: {"If-None-Match": "*"},
        "match": lambda etag: {"If-Match": etag},
        "match others": lambda etag: {"If-Match": '"other"'},
        "modified": lambda etag: {"If-Modified-Since": "Fri, 02 Jan 2026 03:04:05 GMT"},
        "modified before": lambda etag: {"If-Modified-Since": "Fri, 02 Jan 2026 03:04:04 GMT"},
        "unmodified": lambda etag: {"If-Unmodified-Since": "Fri, 02 Jan 2026 03:04:04 GMT"},
        "bad date": lambda etag: {"If-Modified-Since": "nonsense"},
        "range": lambda etag: {"Range": "bytes=10-19"},
        "open range": lambda etag: {"Range": "bytes=190-"},
        "past the end": lambda etag: {"Range": "bytes=190-500"},
        "beyond": lambda etag: {"Range": "bytes=500-"},
        "other unit": lambda etag: {"Range": "lines=1-2"},
        "nonsense": lambda etag: {"Range": "bytes=x-y"},
        "several": lambda etag: {"Range": "bytes=0-1,5-6"},
        "if range": lambda etag: {"Range": "bytes=0-4", "If-Range": etag},
        "if other range": lambda etag: {"Range": "bytes=0-4", "If-Range": '"other"'},
    }
)
def conditions(fw, headers):
    app = application(fw)
    etag = fw.client(app, record=False).get("/static/file.txt").headers["ETag"]
    fetch(fw, app, ("/static/file.txt", headers(etag)))


@scenario
def a_suffix_range(fw):
    fetch(fw, application(fw), ("/static/file.txt", {"Range": "bytes=-5"}))


@scenario
def head_of_a_file(fw):
    client = fw.client(application(fw))
    client.head("/static/file.txt").close()
    client.head("/static/file.txt", headers={"Range": "bytes=0-4"}).close()
    client.options("/static/file.txt")
    client.post("/static/file.txt")


@scenario(
    each={
        "bytes": lambda fw: fw.send_file(io.BytesIO(b"abc"), mimetype="text/x"),
        "named": lambda fw: fw.send_file(io.BytesIO(b"abc"), download_name="a.json"),
        "no type": lambda fw: fw.send_file(io.BytesIO(b"abc")),
        "etag": lambda fw: fw.send_file(io.BytesIO(b"abc"), mimetype="text/x", etag="e"),
        "attachment": lambda fw: fw.send_file(
            io.BytesIO(b"abc"), as_attachment=True, download_name="a.txt"
        ),
        "attachment without name": lambda fw: fw.send_file(io.BytesIO(b"a"), as_attachment=True),
        "text": lambda fw: fw.send_file(io.StringIO("abc"), mimetype="text/x"),
        "missing": lambda fw: fw.send_file("missing.txt"),
    }
)
def an_open_file(fw, view):
    app = application(fw)
    app.testing = True
    app.add_url_rule("/", "index", lambda: view(fw))

    client = fw.client(app)
    headers = {"Range": "bytes=1-1"}
    fw.observe(outcome=fw.outcome(lambda: client.get("/", headers=headers).close()))


@scenario(
    each={
        "there": "file.txt",
        "deep": "deep/style.css",
        "missing": "missing.txt",
        "folder": "deep",
        "above": "../file.txt",
        "hidden above": "deep/../../file.txt",
        "absolute": "/etc/hostname",
        "windows": "..\\file.txt",
        "empty": "",
        "nul": "a\0b",
    }
)
def send_from_directory(fw, name):
    app = application(fw)
    app.add_url_rule("/", "index", lambda: fw.send_from_directory("static", name))
    fetch(fw, app, ("/", {}))


@scenario(each={"../file.txt": 1, "%2e%2e/file.txt": 2, "deep/../file.txt": 3, "deep/": 4, "": 5})
def odd_static_paths(fw, number):
    path = ["", "../file.txt", "%2e%2e/file.txt", "deep/../file.txt", "deep/", ""][number]
    fetch(fw, application(fw), (f"/static/{path}", {}))


@scenario(each={"compressed": "/static/x.gz", "css": "/static/deep/style.css"})
def types_of_static_files(fw, path):
    fetch(fw, application(fw), (path, {}))


@scenario(each={"none": None, "number": 60, "timedelta": timedelta(hours=1), "zero": 0})
def the_default_age(fw, age):
    app = application(fw)
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = age
    app.add_url_rule("/", "index", lambda: fw.send_file("file.txt"))
    fetch(fw, app, ("/", {}), ("/static/file.txt", {}))
    with app.app_context():
        fw.observe(age=app.get_send_file_max_age("x"))


@scenario
def the_age_by_file(fw):
    class Own(fw.App):
        def get_send_file_max_age(self, filename):
            return 10 if filename.lower().endswith("txt") else 20

    class OwnBlueprint(fw.Blueprint):
        def get_send_file_max_age(self, filename):
            return 30

    fw_app = application(fw)
    app = Own("shop", root_path=str(fw.folder))
    bp = OwnBlueprint("bp", "shop", root_path=str(fw.folder), static_folder="static")
    app.register_blueprint(bp, url_prefix="/bp")
    fetch(
        fw, app, ("/static/file.txt", {}), ("/static/deep/style.css", {}), ("/bp/static/x.gz", {})
    )
    fw.observe(default=fw_app.config["SEND_FILE_MAX_AGE_DEFAULT"])


@scenario
def a_server_that_sends_files_itself(fw):
    app = application(fw)
    app.use_x_sendfile = True  # of Flask before 2.0
    app.config["USE_X_SENDFILE"] = True
    fetch(fw, app, ("/static/file.txt", {}))


@scenario
def a_blueprints_static_files(fw):
    app = application(fw, static_folder=None)
    bp = fw.Blueprint("bp", "shop", root_path=str(fw.folder), static_folder="static")
    app.register_blueprint(bp, url_prefix="/bp")
    fetch(fw, app, ("/bp/static/file.txt", {}), ("/static/file.txt", {}))
    with app.test_request_context("/bp/"):
        url = fw.url_for("bp.static", filename="file.txt")
    fw.observe(url=url.partition("?")[0])


@scenario
def send_static_file_without_a_folder(fw):
    app = fw.App("shop", root_path=str(fw.folder), static_folder=None)
    with app.test_request_context():
        fw.observe(outcome=fw.outcome(lambda: app.send_static_file("x")))


@scenario(each={"app": True, "blueprint": False})
def resources(fw, of_app):
    (fw.folder / "a.txt").write_text("ä", encoding="utf-8")
    kind = fw.App if of_app else lambda *args, **kw: fw.Blueprint("bp", *args, **kw)
    scaffold = kind("shop", root_path=str(fw.folder))
    seen = {}
    for mode in ("r", "rt", "rb", "w", "a", "r+", "wb", "x"):

        def read(mode=mode):
            with scaffold.open_resource("a.txt", mode) as file:
                return file.read()

        seen[mode] = fw.outcome(read)
    fw.observe(seen=seen, missing=fw.outcome(lambda: scaffold.open_resource("b.txt")))


@scenario
def the_encoding_of_a_resource(fw):
    (fw.folder / "a.txt").write_text("ä", encoding="latin-1")
    app = fw.App("shop", root_path=str(fw.folder))
    with app.open_resource("a.txt", "r", encoding="latin-1") as file:
        fw.observe(latin=file.read())
    with app.open_resource("a.txt") as file:
        fw.observe(bytes=file.read())


@scenario
def resources_of_the_instance(fw):
    app = fw.App("shop", root_path=str(fw.folder), instance_path=str(fw.folder))
    with app.open_instance_resource("new.txt", "w") as file:
        file.write("ä")
    with app.open_instance_resource("new.txt") as file:
        fw.observe(bytes=file.read())
    with app.open_instance_resource("new.txt", "r", encoding="utf-8") as file:
        fw.observe(text=file.read())


@scenario
def an_etag_for_any_response(fw):
    app = fw.App(__name__)

    @app.get("/")
    def index():
        response = fw.make_response("the answer")
        response.add_etag()
        return response.make_conditional(fw.request)

    client = fw.client(app)
    etag = client.get("/").headers["ETag"]
    client.get("/", headers={"If-None-Match": etag})
