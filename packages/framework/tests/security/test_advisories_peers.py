"""The advisories of other frameworks whose mistakes a core could make as well.

Not here, because nothing of it is in the core:

- Names of uploads (Django CVE-2021-28658, -31542, -45452, CVE-2011-0698, CVE-2024-39330,
  CVE-2014-0481, CVE-2020-24583; python-multipart CVE-2026-24486; Flask-Reuploaded CVE-2026-27641):
  cruse-uploads chooses the names.
- Tokens against cross-site requests (Litestar CVE-2026-48060, Django CVE-2010-3082; Rails):
  cruse-forms.
- Accounts and tokens (Authlib; Flask-Security CVE-2021-21241; PyJWT): cruse-auth.
- Request smuggling (aiohttp CVE-2023-47627, -47641, CVE-2024-23829, CVE-2026-69243; waitress;
  gunicorn CVE-2018-1000164; uvicorn CVE-2020-7695): the server parses HTTP.
- Compression bombs of websockets and HPACK: the server's; bodies are never inflated, see
  ``test_faults.py``.
- Flask-CORS: the core has no CORS.
"""

import base64
import gzip

import pytest

from cruse import Cruse, redirect, request, send_file, session
from cruse.redirects import is_safe_url
from cruse.sessions import SecureCookieSessionInterface

URLENCODED = [(b"content-type", b"application/x-www-form-urlencoded")]
MULTIPART = [(b"content-type", b"multipart/form-data; boundary=b")]
FIELD = b'--b\r\nContent-Disposition: form-data; name="a"'
END = b"\r\n--b--\r\n"
CONTENT = b"0123456789" * 100


@pytest.fixture
def files(tmp_path):
    """An application with static files, and secrets beside them."""
    static = tmp_path / "static"
    static.mkdir()
    (static / "page.html").write_bytes(CONTENT)
    (tmp_path / "secret.txt").write_text("hidden words")
    (tmp_path / "static_secret").mkdir()
    (tmp_path / "static_secret" / "x.txt").write_text("hidden words")
    return Cruse("files", root_path=str(tmp_path))


@pytest.fixture
def forms(bare):
    bare.add_url_rule("/", "index", lambda: request.form.to_dict(flat=False), methods=["POST"])
    return bare


# -- forms and bodies ------------------------------------------------


def test_cve_2026_54283_urlencoded_forms_have_the_same_limits(forms, connect):
    """Starlette: the limits of multipart forms did not hold for urlencoded ones."""
    send = connect(forms)
    assert send("POST", "/", URLENCODED, b"&".join([b"a=1"] * 1000)).status == 200
    assert send("POST", "/", URLENCODED, b"&".join([b"a=1"] * 1001)).status == 413
    assert send("POST", "/", URLENCODED, b"a=" + b"x" * 500_000).status == 413


def test_cve_2022_23833_a_form_that_ends_nowhere_ends(forms, connect):
    """Django: an endless loop over a form that was cut in a certain place."""
    whole = FIELD + b"\r\n\r\nvalue" + END
    send = connect(forms)
    for length in range(len(whole) - 2):
        answer = send("POST", "/", MULTIPART, whole[:length] or b"-")
        assert answer.status == 400, whole[:length]


def test_cve_2026_33033_white_space_in_an_encoded_part(forms, connect):
    """Django: a base64 part of nothing but white space took quadratic time."""
    head = FIELD + b"\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    answer = connect(forms)("POST", "/", MULTIPART, head + b" " * 400_000 + END)
    assert answer.seconds < 3
    assert answer.status == 200


@pytest.mark.parametrize("length", [None, b"10"])
@pytest.mark.parametrize("kind", ["plain", "async"])
def test_cve_2026_33034_a_body_longer_than_announced(bare, connect, length, kind):
    """Django: under ASGI, without a Content-Length or with one too small, no limit held."""
    bare.config["MAX_CONTENT_LENGTH"] = 1000

    def view():
        return str(len(request.get_data()))

    async def from_async():
        return view()

    function = view if kind == "plain" else from_async
    bare.add_url_rule("/", "index", function, methods=["POST"])
    headers = [] if length is None else [(b"content-length", length)]
    answer = connect(bare)("POST", "/", headers, [b"x" * 500] * 1000, announced=False)
    # What is behind the announced length is no part of the body.
    assert (answer.status, answer.text) == (200, "10") if length else answer.status == 413


def test_cve_2024_52581_a_large_file_does_not_stay_in_memory(bare, connect):
    """Litestar: the whole of a multipart body in memory."""
    bare.add_url_rule(
        "/", "index", lambda: str(request.files["a"].stream._rolled), methods=["POST"]
    )
    head = FIELD + b'; filename="x"\r\n\r\n'
    answer = connect(bare)("POST", "/", MULTIPART, [head, *[b"x" * 65_536] * 33, END])
    assert answer.text == "True"


def test_cve_2025_69223_a_compressed_body_is_not_inflated(forms, connect):
    """aiohttp: a small compressed body became gigabytes."""
    headers = [*URLENCODED, (b"content-encoding", b"gzip")]
    assert connect(forms)("POST", "/", headers, gzip.compress(b"a=1")).status == 400


def test_cve_2025_69227_malformed_forms_are_refused_without_assertions(forms, connect):
    """aiohttp: an assertion in the parser, so an endless loop with ``python -O``."""
    for body in (b"--b\r\n\r\nx" + END, b"--b" + END, b"--b\r\n" + END, b"\r\n--b\r\nA:" + END):
        assert connect(forms)("POST", "/", MULTIPART, body).status == 400


def test_cve_2025_69228_the_limit_is_that_of_the_whole_form(forms, connect):
    """aiohttp: each field had the limit for itself."""
    part = FIELD + b"\r\n\r\n" + b"x" * 60_000 + b"\r\n"
    assert connect(forms)("POST", "/", MULTIPART, part * 9 + b"--b--\r\n").status == 413


def test_cve_2025_69229_many_tiny_chunks(bare, connect):
    """aiohttp: a body in very many very small chunks kept the server busy."""
    bare.add_url_rule("/", "index", lambda: str(len(request.get_data())), methods=["POST"])
    answer = connect(bare)("POST", "/", [], [b"x"] * 10_000, announced=False)
    assert answer.text == "10000"
    assert answer.seconds < 3


@pytest.mark.parametrize("size", [10, 100_000])
def test_cve_2024_24762_content_types_take_no_time(bare, connect, size):
    """python-multipart, FastAPI: a regular expression that backtracks over a Content-Type."""
    bare.add_url_rule("/", "index", lambda: dict(request.form), methods=["POST"])
    kind = b'application/x-www-form-urlencoded; !="' + b"\\" * size
    answer = connect(bare)("POST", "/", [(b"content-type", kind)], b"a=1")
    assert answer.status < 500
    assert answer.seconds < 3


def test_cve_2024_53981_cve_2026_40347_what_is_around_a_form(forms, connect, caplog):
    """python-multipart, Tornado CVE-2025-47287: a log line for each byte behind the last
    boundary, or for each bad part; time for a huge preamble or epilogue."""
    send = connect(forms)
    form = FIELD + b"\r\n\r\n1" + END
    for body in (form + b"\r\n" * 500_000, b"x" * 2_000_000 + b"\r\n" + form):
        answer = send("POST", "/", MULTIPART, body)
        assert answer.text == '{"a":["1"]}\n'
        assert answer.seconds < 3
    assert caplog.records == []


def test_cve_2026_42561_the_headers_of_a_part_are_bounded(forms, connect):
    """python-multipart, Tornado CVE-2025-67726: any number of headers of any size."""
    send = connect(forms)
    for header in (b"\r\nX-A: b" * 1000, b"\r\nX-A: " + b"b" * 100_000):
        assert send("POST", "/", MULTIPART, FIELD + header + b"\r\n\r\n1" + END).status == 413


def test_cve_2026_53539_long_query_strings_take_no_time(bare, connect):
    """python-multipart: a query string in quadratic time."""
    bare.add_url_rule("/", "index", lambda: str(len(request.args)))
    answer = connect(bare)(target="/?" + "&".join(f"%61{n}=+" for n in range(50_000)))
    assert answer.text == "50000"
    assert answer.seconds < 3


@pytest.mark.parametrize("length", [b"-1", b"-99999999", b"+5", b"0x5"])
def test_python_multipart_0_0_31_a_length_that_is_no_number(forms, connect, length):
    """python-multipart: a negative Content-Length meant no limit."""
    headers = [*URLENCODED, (b"content-length", length)]
    assert connect(forms)("POST", "/", headers, b"a=1").status < 500


@pytest.mark.parametrize("separator", [b";", b"%3b"])
def test_cve_2020_28473_cve_2026_53538_semicolons_separate_nothing(bare, connect, separator):
    """Bottle, python-multipart: a cache sees one parameter where the application sees two."""
    bare.add_url_rule("/", "index", lambda: [*request.args], methods=["GET"])
    assert connect(bare)(target=b"/?a=1" + separator + b"b=2").text == '["a"]\n'


@pytest.mark.parametrize("kind", [b"text/plain", b"text/plain;application/json", b""])
def test_cve_2021_32677_cve_2014_3137_only_json_is_read_as_json(bare, connect, kind):
    """FastAPI, Bottle: a browser sends text/plain to other sites without asking them first."""
    bare.add_url_rule("/", "index", lambda: request.get_json(), methods=["POST"])
    assert connect(bare)("POST", "/", [(b"content-type", kind)], b"{}").status == 415


# -- paths and files ------------------------------------------------


@pytest.mark.parametrize(
    "path",
    ["/static/../static_secret/x.txt", "/static/%2e%2e/static_secret/x.txt",
     "/static/../secret.txt", "/static//secret.txt", "/static/..%2fsecret.txt",
     "/static/%2e%2e%5csecret.txt", "/static_secret/x.txt"],
)  # fmt: skip
def test_cve_2023_29159_cve_2024_32982_nothing_beside_the_folder(files, connect, path):
    """Starlette, Litestar, Tornado 4.2.1: a folder whose name only begins alike; dots."""
    assert b"hidden words" not in connect(files)(target=path).data


def test_starlette_1_1_0_an_absolute_path_is_not_taken_for_one(files, connect, tmp_path):
    """Starlette: joining an absolute path to a folder gives the absolute path."""
    for path in (f"/static/{tmp_path}/secret.txt", f"/static/%2f{tmp_path}/secret.txt"):
        assert b"hidden words" not in connect(files)(target=path).data


def test_cve_2024_23334_links_out_of_the_folder(files, connect, tmp_path):
    """aiohttp (and PYSEC-2026-1108, for compressed siblings): links were followed out."""
    static = tmp_path / "static"
    (static / "link.txt").symlink_to(tmp_path / "secret.txt")
    (static / "page.html.gz").symlink_to(tmp_path / "secret.txt")
    (static / "folder").symlink_to(tmp_path)
    send = connect(files)
    for name in ("link.txt", "page.html", "page.html.gz", "folder/secret.txt"):
        answer = send(target=f"/static/{name}", headers=[(b"accept-encoding", b"gzip, br, zstd")])
        assert b"hidden words" not in answer.data


def test_cve_2025_69226_what_must_not_be_seen_is_as_if_it_was_not_there(files, connect, tmp_path):
    """aiohttp: another status for what exists outside told that it does."""
    send = connect(files)
    (tmp_path / "static" / "link").symlink_to(tmp_path / "secret.txt")
    answers = [send(target=f"/static/{name}") for name in ("link", "nothing", "..%2fsecret.txt")]
    assert len({(answer.status, answer.data) for answer in answers}) == 1


def test_cve_2025_62727_many_ranges_take_no_time(files, connect):
    """Starlette: ranges were merged in quadratic time."""
    ranges = b"bytes=" + b",".join(b"%d-%d" % (n, n) for n in range(0, 50_000, 2))
    answer = connect(files)(target="/static/page.html", headers=[(b"range", ranges)])
    assert answer.seconds < 3
    assert (answer.status, answer.data) == (200, CONTENT)


def test_starlette_1_3_0_a_suffix_longer_than_the_file_is_all_of_it(files, connect):
    """Starlette, Werkzeug: 416, or negative positions."""
    answer = connect(files)(target="/static/page.html", headers=[(b"range", b"bytes=-99999")])
    assert (answer.status, answer.data) == (206, CONTENT)


def test_cve_2025_69225_digits_of_other_scripts_in_a_range(files, connect):
    """aiohttp: digits of every script made ranges."""
    answer = connect(files)(target="/static/page.html", headers=[(b"range", b"bytes=\xb2-\xb3")])
    assert answer.status == 200


@pytest.mark.parametrize("path", ["//evil.example/..", "//evil.example/%2e%2e", "//evil.example"])
def test_cve_2018_14574_no_redirect_of_ours_leaves_the_site(files, connect, path):
    """Django CVE-2017-7234, aiohttp CVE-2021-21330, Tornado CVE-2023-28370: slash redirects."""
    files.add_url_rule("/<path:rest>/", "folder", lambda rest: rest)
    send = connect(files)
    for target in (path, f"/static/{path}", f"/static{path}"):
        location = send(target=target).headers.get("Location", "/")
        assert location.startswith(("http://localhost/", "/")), location
        assert not location.startswith("//"), location


def test_cve_2022_36359_a_download_s_name_stays_one(bare, connect):
    """Django: a quote in the name of a download added parameters to Content-Disposition."""

    @bare.get("/")
    def download():
        return send_file(__file__, as_attachment=True, download_name='a.txt"; dummy=".bat')

    disposition = connect(bare)().headers["Content-Disposition"]
    assert '\\"; dummy=\\".bat"' in disposition


def test_cve_2015_0221_files_are_read_in_pieces_not_lines(files, tmp_path):
    """Django: a file of one long line was read at once."""
    (tmp_path / "static" / "long").write_bytes(b"x" * 5_000_000)
    environ = files.test_request_context("/static/long").environ
    body = files(environ, lambda status, headers, exc_info=None: None)
    sizes = [len(piece) for piece in body]
    body.close()
    assert sum(sizes) == 5_000_000
    assert max(sizes) <= 1024 * 1024


# -- hosts, headers, cookies ------------------------------------------------


def test_cve_2026_48710_a_path_in_the_host_is_no_host(bare, connect):
    """Starlette: ``Host: good/../admin`` became a part of the path of the URL."""
    bare.add_url_rule("/", "index", lambda: request.url)
    assert connect(bare)(headers=[(b"host", b"good/../admin")]).status == 400


@pytest.mark.parametrize(
    "host", [b"user@good.example", b"good.example:x", b"evil.example", b"a b"]
)
def test_cve_2012_4520_cve_2011_4139_cve_2016_9014_hosts_are_checked(bare, connect, host):
    """Django: poisoned hosts in links; in debug mode any host, so rebinding."""
    bare.config["TRUSTED_HOSTS"] = ["good.example"]
    bare.add_url_rule("/", "index", lambda: "reached")
    for debug in (False, True):
        bare.debug = debug
        assert connect(bare)(headers=[(b"host", host)]).status == 400


@pytest.mark.parametrize("host", [b"goodxexample", b"xgood.example", b"good.example.evil"])
def test_cve_2026_25478_cve_2026_25479_an_allowed_host_is_no_pattern(bare, connect, host):
    """Litestar: names became regular expressions in which a dot is any character."""
    bare.config["TRUSTED_HOSTS"] = ["good.example"]
    bare.add_url_rule("/", "index", lambda: "reached")
    assert connect(bare)(headers=[(b"host", host)]).status == 400


def test_cve_2025_59152_forwarded_addresses_are_not_believed_unasked(bare, connect):
    """Litestar (and PYSEC-2026-2603): X-Forwarded-For and -Host were trusted."""
    bare.add_url_rule("/", "index", lambda: [request.remote_addr, request.host])
    said = [(b"x-forwarded-for", b"6.6.6.6"), (b"x-forwarded-host", b"evil.example")]
    assert connect(bare)(headers=said).text == '["127.0.0.1","localhost"]\n'


def test_cve_2015_0219_cve_2026_3902_underscores_are_no_hyphens(bare):
    """Django: ``X_Auth_User`` was seen as ``X-Auth-User``. Under WSGI the server drops it."""
    bare.add_url_rule("/", "index", lambda: str(request.headers.get("X-Auth-User")))
    client = bare.test_client(gateway="asgi")
    inner = bare.asgi_app

    async def forging(scope, receive, send):
        if scope["type"] == "http":
            scope = {**scope, "headers": [*scope["headers"], (b"x_auth_user", b"admin")]}
        await inner(scope, receive, send)

    bare.asgi_app = forging
    assert client.get("/").text == "None"
    client.close()


@pytest.mark.parametrize("status", ["200 OK\r\nX-Evil: 1", "200 OK\nX-Evil: 1"])
def test_cve_2025_67724_the_reason_is_one_line(bare, connect, status):
    """Tornado: a reason with line breaks made headers."""
    bare.add_url_rule("/", "index", lambda: ("text", status))
    answer = connect(bare)()
    assert answer.status == 500
    assert "X-Evil" not in answer.headers


@pytest.mark.parametrize(
    "name", ["X-A\r\nX-Evil: 1", "X-A\nX-Evil", "X A", "X-A:", "", "X-\u00e4"]
)
@pytest.mark.parametrize("gateway", ["wsgi", "asgi"])
def test_the_name_of_a_header_field_is_a_token(bare, name, gateway):
    """A name that was made of what a client sent could end its line and begin another field."""
    bare.add_url_rule("/", "index", lambda: ("text", {name: "value"}))
    with pytest.raises(ValueError, match="no name of a header field"):
        bare.test_client(gateway=gateway).get("/")


def test_cve_2016_9964_cve_2012_2374_line_breaks_in_a_redirect(bare, connect):
    """Bottle, Tornado: line breaks in a location made headers."""
    bare.add_url_rule("/", "index", lambda: redirect("/\r\nSet-Cookie: a=b"))
    assert "Set-Cookie" not in connect(bare)().headers


@pytest.mark.parametrize("attribute", ["path", "domain", "samesite"])
def test_cve_2025_67725_attributes_of_cookies_cannot_add_others(bare, connect, attribute):
    """Tornado: what was given as a path or domain could end the attribute and add more."""
    from cruse import Response

    def view():
        response = Response("text")
        response.set_cookie("a", "b", **{attribute: "x; Domain=evil.example; y"})
        return response

    bare.add_url_rule("/", "index", view)
    cookie = connect(bare)().headers.get("Set-Cookie", "")
    assert "; Domain=evil.example" not in cookie


def test_tornado_quadratic_repeated_headers(bare, connect):
    """Tornado CVE-2025-67725: a field repeated very often took quadratic time."""
    bare.add_url_rule("/", "index", lambda: str(len(request.headers["X-A"])))
    answer = connect(bare)(headers=[(b"x-a", b"v")] * 20_000)
    assert answer.text == "39999"
    assert answer.seconds < 3


def test_cve_2016_7401_cookies_are_split_as_browsers_join_them(bare, connect):
    """Django, Tornado 4.4.2: another site's text within a value became a cookie of its own."""
    bare.add_url_rule("/", "index", lambda: dict(request.cookies))
    headers = [(b"cookie", b"a=[1]session=evil,session=evil b=x\tsession=evil; c=d")]
    assert sorted(connect(bare)(headers=headers).text.count(n) for n in ('"session"', '"c"')) == [
        0,
        1,
    ]


@pytest.mark.parametrize(
    "path", ["/%0d%0aINFO: forged", "/%1b[2J", "/%e2%80%a8forged", "/%c2%85forged"]
)
def test_cve_2020_7694_cve_2024_1681_a_path_cannot_forge_a_log_line(bare, connect, path, caplog):
    """uvicorn, Flask-CORS, Litestar GHSA-674p-xv2x-rf3g: escapes of a path in the log."""
    bare.before_request(lambda: 1 / 0)
    assert connect(bare)(target=path.replace(" ", "%20")).status == 500
    (message,) = [record.getMessage() for record in caplog.records]
    assert message.isprintable()


def test_cve_2022_31799_an_error_while_the_request_is_bound(connect):
    """Bottle: an error before there was a view came out of the application."""
    app = Cruse("bound", static_folder=None, subdomain_matching=True)
    app.config["SERVER_NAME"] = "good.example"
    app.add_url_rule("/", "index", lambda name: name, subdomain="<name>")
    send = connect(app)
    for host in (b"[", b"a b.good.example", b"\xff", b"", b"a" * 70_000 + b".good.example"):
        assert send(headers=[(b"host", host)]).status < 500


# -- sessions and redirects ------------------------------------------------


@pytest.mark.parametrize("payload", [b"cos\nsystem\n(S'true'\ntR.", b"\x80\x04N."])
def test_cve_2021_33026_sessions_are_never_pickles(bare, connect, payload):
    """Flask-Caching, Bottle: who can write to the store, or knows the key, runs code."""
    bare.secret_key = "the key"
    serializer = SecureCookieSessionInterface().get_signing_serializer(bare)
    signed = serializer.make_signer(serializer.salt).sign(base64.urlsafe_b64encode(payload))
    bare.add_url_rule("/", "index", lambda: dict(session))
    assert connect(bare)(headers=[(b"cookie", b"session=" + signed)]).text == "{}\n"


@pytest.mark.parametrize("touch", ["read", "clear", "nothing"])
def test_cve_2015_5143_cve_2015_5963_empty_sessions_are_not_stored(bare, connect, touch):
    """Django (and CVE-2015-5964, -3982): visitors without a session filled the store."""
    from cruse.stores import MemoryStore

    class Watched(MemoryStore):
        def set(self, *args, **kwargs):
            raise AssertionError("an empty session was stored")

    bare.config["SESSION_STORE"] = Watched()
    views = {"read": lambda: str(session.get("a")), "clear": lambda: str(session.clear())}
    bare.add_url_rule("/", "index", views.get(touch, lambda: "nothing"))
    answer = connect(bare)()
    assert answer.status == 200
    assert "Set-Cookie" not in answer.headers or "Max-Age=0" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "///evil.example", "////evil.example", "/\\evil.example", "\\/evil.example",
     "\\\\\\evil.example", "/\t/evil.example", "\n//evil.example", "http:///evil.example",
     "http:evil.example", "https:evil.example", "javascript:alert(1)", " javascript:alert(1)",
     "java\nscript:alert(1)", "http://localhost@evil.example", "http://localhost:80@evil.example",
     "http://evil.example\\@localhost", "//localhost:x@evil.example", "\x08//evil.example",
     "data:text/html,x", "", "\x00//evil.example"],
)  # fmt: skip
def test_cve_2013_6044_cve_2015_2317_cve_2016_2512_cve_2017_7233_safe_redirects(bare, target):
    """Django's six bypasses of one check (with CVE-2014-3730, CVE-2015-0220); Flask-Security
    CVE-2021-23385, -32618, CVE-2023-49438, Flask-User, Flask-Unchained CVE-2021-23393."""
    with bare.test_request_context("/"):
        assert not is_safe_url(target)
