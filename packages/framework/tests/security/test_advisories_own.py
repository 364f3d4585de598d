"""The advisories of what Cruse stands on, and of what it replaces: Flask, Quart, Werkzeug, Jinja.

Each test has the number of an advisory in its name, and its docstring says what went wrong there.

Not here, because nothing of it is in the core:

- Werkzeug CVE-2022-29361 is about the development server's own parsing of HTTP.
- Jinja's sandbox escapes (CVE-2016-10745, CVE-2019-10906, GHSA-q2x7-8rv6-6q7h,
  GHSA-gmj6-6f8f-6699, GHSA-cpwx-vrp4-4pq7): the core has no sandbox; templates are the
  application's own code.
- CVE-2020-28493 (``urlize``), GHSA-h5c8-rqwp-cp95 and GHSA-h75v-3vvj-5mfj (``xmlattr``) are
  filters of Jinja's, mended below the version that the core demands.
"""

import pytest
from werkzeug.test import Client

from cruse import Cruse, request, session
from cruse.debugger import Debugger
from cruse.sessions import SecureCookieSessionInterface

BOUNDARY = [(b"content-type", b"multipart/form-data; boundary=b")]
FIELD = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n'
FILE = b'--b\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\n'
END = b"\r\n--b--\r\n"


@pytest.fixture
def keyed(bare):
    bare.secret_key = "the key"
    return bare


def cookie(app, **values):
    """A session's cookie, as a browser sends it."""
    text = SecureCookieSessionInterface().get_signing_serializer(app).dumps(values)
    return [(b"cookie", f"session={text}".encode())]


# -- Flask ------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-32", "utf-32-be"])
@pytest.mark.parametrize("cut", [0, 1, 3])
def test_cve_2018_1000656_cve_2019_1010083_json_in_another_encoding(bare, connect, encoding, cut):
    """Flask: JSON that is in another encoding than announced took memory without end."""
    bare.add_url_rule("/", "index", lambda: [request.get_json()], methods=["POST"])
    body = ('"' + "ä" * 100_000 + '"').encode(encoding)
    answer = connect(bare)(
        "POST", "/", [(b"content-type", b"application/json; charset=utf-7")], body[cut:]
    )
    assert answer.status in (200, 400)
    assert answer.status == 200 or cut
    assert answer.seconds < 3


def test_cve_2023_30861_a_refreshed_session_is_not_for_caches(keyed, connect):
    """Flask: a permanent session, sent anew but not touched, came without ``Vary: Cookie``."""
    keyed.add_url_rule("/", "index", lambda: str(session.permanent))
    answer = connect(keyed)(headers=cookie(keyed, _permanent=True))
    assert answer.headers["Set-Cookie"]
    assert "Cookie" in answer.headers["Vary"]


@pytest.mark.parametrize(
    "look", [lambda: "a" in session, lambda: len(session), lambda: [*session]]
)
def test_ghsa_68rp_wp8r_4726_any_look_into_a_session_counts(keyed, connect, look):
    """Flask: looking by ``in`` or ``len`` did not count, and came without ``Vary: Cookie``."""
    keyed.add_url_rule("/", "index", lambda: str(look()))
    assert "Cookie" in connect(keyed)(headers=cookie(keyed, a=1)).headers["Vary"]


def test_ghsa_4grg_w6v8_c28g_the_new_key_signs(keyed, connect):
    """Flask, Quart: with SECRET_KEY_FALLBACKS, sessions were signed by the stale key."""

    def view():
        session["seen"] = session.get("seen", 0) + 1
        return str(session["seen"])

    keyed.add_url_rule("/", "index", view)
    old = cookie(keyed, seen=1)
    keyed.config.update(SECRET_KEY="a new key", SECRET_KEY_FALLBACKS=["the key"])
    send = connect(keyed)
    answer = send(headers=old)
    assert answer.text == "2"
    keyed.config["SECRET_KEY_FALLBACKS"] = None
    pair = answer.headers["Set-Cookie"].partition(";")[0].encode()
    assert send(headers=[(b"cookie", pair)]).text == "3"


# -- Werkzeug ------------------------------------------------


@pytest.fixture
def failing():
    app = Cruse("failing", static_folder=None)
    app.debug = True
    app.add_url_rule("/<text>", "fail", lambda text: {}[text])
    return app


def test_cve_2016_10516_the_debugger_s_page_escapes_what_it_shows(failing):
    """Werkzeug: text of the exception was markup in the debugger's page."""
    client = Client(Debugger(failing, lambda: failing, "localhost"))
    page = client.get("/--><img src=x>").text
    shown, _, comment = page.rpartition("<!--")  # the last holds the traceback as plain text
    assert "KeyError" in shown
    assert "<img src=x>" not in shown
    assert "--><img" not in comment


@pytest.mark.parametrize("command", ["printpin", "pinauth&pin=1"])
def test_cve_2019_14806_cve_2024_34069_another_site_cannot_use_the_debugger(failing, command):
    """Werkzeug: a guessable PIN, and commands accepted under the name of any host."""
    client = Client(Debugger(failing, lambda: failing, "localhost"))
    page = client.get("/x").text
    secret = page.partition('SECRET = "')[2].partition('"')[0]
    path = f"/?__debugger__=yes&cmd={command}&s={secret}"
    assert client.get(path, base_url="http://evil.example").status_code == 400
    assert client.get(path, base_url="http://localhost").status_code != 400


@pytest.mark.parametrize("path", ["//evil.example/folder", "//evil.example//folder", "///folder"])
def test_cve_2020_28724_two_slashes_name_no_host(bare, connect, path):
    """Werkzeug: a path with two slashes in front made a redirect to the host behind them."""
    bare.add_url_rule("/folder/", "folder", lambda: "folder")
    bare.add_url_rule("/evil.example/folder/", "nested", lambda: "nested")
    answer = connect(bare)(target=path)
    assert answer.headers.get("Location", "http://localhost/").startswith("http://localhost/")


def test_cve_2023_23934_a_cookie_without_a_name_is_not_another_one(bare, connect):
    """Werkzeug: ``=__Host-x=bad`` was read as a cookie of the name ``__Host-x``."""
    bare.add_url_rule("/", "index", lambda: [*request.cookies])
    answer = connect(bare)(headers=[(b"cookie", b"=__Host-x=bad; __Secure-y=good")])
    assert "__Host-x" not in answer.text
    assert "__Secure-y" in answer.text


def test_cve_2023_25577_too_many_parts(bare, connect):
    """Werkzeug (and Starlette CVE-2023-30798, Django CVE-2023-24580): any number of parts."""
    bare.add_url_rule("/", "index", lambda: dict(request.form), methods=["POST"])
    body = (FIELD + b"\r\n") * 1001 + b"--b--\r\n"
    assert connect(bare)("POST", "/", BOUNDARY, body).status == 413


@pytest.mark.parametrize("start", [b"\r", b"\n", b"\r\n"])
def test_cve_2023_46136_a_part_that_begins_with_a_line_break(bare, connect, start):
    """Werkzeug: quadratic time for a part of a line break and then megabytes without one."""
    bare.add_url_rule("/", "index", lambda: str(len(request.files["f"].read())), methods=["POST"])
    pieces = [FILE + start, *[b"a" * 65_536] * 150, END]
    answer = connect(bare)("POST", "/", BOUNDARY, pieces)
    assert answer.text == str(len(start) + 65_536 * 150)
    assert answer.seconds < 3


def test_ghsa_q34m_jh98_gwm2_a_large_field_keeps_to_the_memory(bare, connect):
    """Werkzeug CVE-2024-49767 (and Starlette CVE-2024-47874): a field ignored its limit."""
    bare.add_url_rule("/", "index", lambda: dict(request.form), methods=["POST"])
    pieces = [FIELD, *[b"a" * 10_000] * 51, END]
    assert connect(bare)("POST", "/", BOUNDARY, pieces).status == 413


@pytest.mark.parametrize(
    "name",
    ["//host/share/x", "CON", "con.txt", "sub/NUL", "AUX.tar.gz", "C:x", "x:stream", "COM\xb9"],
)
def test_cve_2025_66221_cve_2026_21860_cve_2026_27199_names_that_windows_reads_otherwise(
    connect, tmp_path, name
):
    """Werkzeug (and GHSA-f9vj-2wh5-fj8j): devices and shares of Windows got through."""
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "x").write_text("content")
    app = Cruse("windows", root_path=str(tmp_path))
    answer = connect(app)(target=f"/static/{name}".encode())
    assert (answer.status, b"content" in answer.data) == (404, False) or answer.status == 308


def test_werkzeug_issues_3065_3077_3118_3119_3285_every_split_point_of_a_form(bare):
    """Werkzeug, five times in ten months: bytes lost or added where a form is split."""
    from cruse.body import BodyStream
    from cruse.parts import MemoryBudget, Parts

    contents = [b"0123456789", b"\r\n", b"\r", b"\n--b", b"\r\n--", b"a\r\n-", b"", b"--b--"]
    body = b"".join(
        b'--b\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\n'
        + content
        + b"\r\n"
        for content in contents
    )
    body += b"--b--\r\n"

    class Split:
        def __init__(self, at):
            self.pieces = [body[:at], body[at:]]

        def read(self, size):
            return self.pieces.pop(0) if self.pieces else b""

    for at in range(1, len(body)):
        stream = BodyStream(Split(at), len(body), None)
        parts = Parts(stream, "b", None, MemoryBudget(None))
        assert [part.read() for part in parts] == contents, at


# -- Jinja ------------------------------------------------


def test_cve_2014_1402_cve_2014_0012_no_templates_are_kept_in_a_shared_folder(bare):
    """Jinja: compiled templates in files of predictable names below ``/tmp``."""
    assert bare.jinja_env.bytecode_cache is None


@pytest.mark.parametrize(
    "name",
    [
        *("page.html", "page.htm", "image.svg", "feed.xml", "page.xhtml", "PAGE.HTML"),
        *("page.html.j2", "page.html.jinja", "page.xml.jinja2", "page.j2", "v1.0/page.jinja"),
    ],
)
def test_values_in_templates_are_escaped_always(bare, name):
    assert bare.select_jinja_autoescape(name) is True


@pytest.mark.parametrize("name", ["mail.txt", "mail.txt.j2", "nginx.conf.jinja2", "page"])
def test_values_in_templates_of_other_texts_are_not(bare, name):
    assert bare.select_jinja_autoescape(name) is False
