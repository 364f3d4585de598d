"""What cruse-auth keeps, on PostgreSQL: by the contracts, and with several processes."""

import subprocess
import sys
import textwrap
import threading
from urllib.parse import urlencode

import pytest
from sqlalchemy import MetaData
from werkzeug.serving import make_server

from cruse import Cruse
from cruse_auth import Auth, StoredTokens
from cruse_auth.contract import SessionStoreContract, TokenStoreContract
from cruse_auth.limits import Rule
from cruse_auth.sealing import Sealer
from cruse_auth.server.contract import ServerStoreContract
from cruse_auth.sql import SQLServerStore, SQLStore, SQLTokenStore
from cruse_auth.testing import FakeOAuth2Provider
from cruse_auth.tokens.sets import Tokens
from cruse_db import Database
from tests.machine.stores import OnPostgres
from tests.relying import CALLBACK, SECRET, VERIFIER, Shop, make_sql_world


class TestOnPostgres(OnPostgres, SessionStoreContract):
    store_class = SQLStore


class TestTokensOnPostgres(OnPostgres, TokenStoreContract):
    store_class = SQLTokenStore


class TestServerOnPostgres(OnPostgres, ServerStoreContract):
    store_class = SQLServerStore


PROGRAM = """
    import sys
    from sqlalchemy import MetaData
    from cruse import Cruse
    from cruse_auth import Auth, current_user
    from cruse_auth.sql import SQLStore
    from cruse_db import Database

    def make(url):
        app = Cruse("shop")
        app.config.update(SECRET_KEY="k" * 32, DB_URL=url, TESTING=True)
        db = Database(app, metadata=MetaData())
        auth = Auth(app, store=SQLStore(db))
        auth.user_loader(lambda user_id: type("User", (), {"id": user_id})())

        @app.get("/whoami")
        def whoami():
            return current_user.id if current_user else "nobody"

        return app

    app = make(sys.argv[1])
    client = app.test_client()
    client.set_cookie("remember_token", sys.argv[2])
    print("ready", flush=True)
    sys.stdin.readline()
    answer = client.get("/whoami")
    new = any("remember_token" in line for line in answer.headers.getlist("Set-Cookie"))
    print(answer.text, new, flush=True)
    app.stop()
"""


@pytest.fixture
def cookie(postgres_url):
    """The remember cookie of somebody who has logged in."""
    app = Cruse("shop")
    app.config.update(SECRET_KEY="k" * 32, DB_URL=postgres_url, TESTING=True)
    db = Database(app, metadata=MetaData())
    auth = Auth(app, store=SQLStore(db))

    @app.post("/in")
    def log_in():
        return str(auth.login(type("User", (), {"id": "ada"})(), remember=True))

    with app.app_context():
        db.create_all()
    client = app.test_client()
    assert client.post("/in").text == "True"
    yield client.get_cookie("remember_token").value
    app.stop()


def test_of_many_processes_that_bring_one_cookie_at_once_one_gets_the_new_one(
    postgres_url, cookie
):
    answers = ask_at_once(4, PROGRAM, postgres_url, cookie)
    assert answers == ["ada False"] * 3 + ["ada True"]


def ask_at_once(processes, program, *arguments):
    """Run a program in several processes that begin together; return what each has to say."""
    command = [sys.executable, "-c", textwrap.dedent(program), *arguments]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    started = [subprocess.Popen(command, **pipes) for _ in range(processes)]
    for process in started:
        assert process.stdout.readline() == "ready\n"
    for process in started:
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = sorted(process.communicate(timeout=60)[0].strip() for process in started)
    assert [process.returncode for process in started] == [0] * processes
    return answers


TOKEN_PROGRAM = """
    import sys
    from concurrent.futures import ThreadPoolExecutor
    from sqlalchemy import MetaData
    from cruse import Cruse
    from cruse_auth import Auth
    from cruse_auth.sql import SQLTokenStore
    from cruse_db import Database

    app = Cruse("shop")
    url, address, secret = sys.argv[1:]
    app.config.update(SECRET_KEY="k" * 32, DB_URL=url, TESTING=True)
    db = Database(app, metadata=MetaData())
    auth = Auth(app, token_store=SQLTokenStore(db))
    endpoints = {name: address + path for name, path in [
        ("issuer", ""), ("authorization_endpoint", "/a"), ("token_endpoint", "/t"),
        ("userinfo_endpoint", "/me"), ("api_url", "")]}
    app.config["AUTH_PROVIDERS"] = {"op": {
        "client_id": "fake", "client_secret": secret, "scope": "", "claims": {"sub": "id"},
        **endpoints}}

    def call(_=None):
        with app.app_context():
            return auth.api("op", "ada").get("/me").status

    print("ready", flush=True)
    sys.stdin.readline()
    with ThreadPoolExecutor(5) as pool:
        print(*pool.map(call, range(5)))
    app.stop()
"""


@pytest.fixture
def provider():
    """A provider behind a socket, and its address."""
    answer = {"expires_in": 3600}
    fake = FakeOAuth2Provider("/t", {"/me": {"id": 1}}, token_answer=answer)
    server = make_server("127.0.0.1", 0, fake.app.wsgi_app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield fake, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_of_ten_calls_in_two_processes_one_renews_an_expired_token(postgres_url, provider):
    fake, address = provider
    app = Cruse("shop")
    app.config.update(SECRET_KEY="k" * 32, DB_URL=postgres_url)
    db = Database(app, metadata=MetaData())
    store = SQLTokenStore(db)
    fake.refresh_tokens.add("good for once")
    tokens = Tokens("1", address, "an old one", "good for once", expires_at=1)
    with app.app_context():
        db.create_all()
        sealed = tokens.sealed(Sealer(["k" * 32]), "ada", "op")
        store.put(StoredTokens("ada", "op", "first", sealed))
    app.stop()
    answers = ask_at_once(2, TOKEN_PROGRAM, postgres_url, address, fake.client_secret)
    assert answers == ["200 200 200 200 200"] * 2
    assert [form["grant_type"] for form in fake.token_requests] == ["refresh_token"]


CODE_PROGRAM = """
    import sys
    from concurrent.futures import ThreadPoolExecutor
    from sqlalchemy import MetaData
    from cruse import Cruse
    from cruse_auth import Auth
    from cruse_auth.sql import SQLServerStore
    from cruse_db import Database

    url, code, redirect_uri, verifier, secret = sys.argv[1:]
    app = Cruse("id")
    app.config.update(SECRET_KEY="a key of at least a few bytes", DB_URL=url, TESTING=True)
    db = Database(app, metadata=MetaData())
    auth = Auth(app)
    auth.user_loader(lambda user_id: type("User", (), {"id": user_id})())
    auth.server(issuer="https://id.example", store=SQLServerStore(db))
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri,
            "code_verifier": verifier}

    def redeem(_=None):
        client = app.test_client()
        return client.post("/oauth/token", data=form, auth=("shop", secret)).status_code

    print("ready", flush=True)
    sys.stdin.readline()
    with ThreadPoolExecutor(10) as pool:
        print(*sorted(pool.map(redeem, range(10))))
    app.stop()
"""


def test_of_twenty_with_one_code_in_two_processes_one_is_served(postgres_url):
    world = make_sql_world(postgres_url)
    world.add_client()
    shop = Shop(world, "wsgi")
    shop.log_in()
    code = shop.code()
    answers = ask_at_once(2, CODE_PROGRAM, postgres_url, code, CALLBACK, VERIFIER, SECRET)
    assert sorted(" ".join(answers).split()) == ["200"] + ["400"] * 19
    world.app.stop()


PROGRAMS = ("/oauth/token", "/oauth/par", "/oauth/introspect", "/oauth/revoke")
FORM = {"code": "x", "code_verifier": VERIFIER, "refresh_token": "x", "token": "x"}


@pytest.mark.parametrize("value", ["%00", "a%00b", "%ed%a0%80", "%ff", "x" * 5000, "9" * 400])
def test_what_a_database_cannot_keep_is_refused_before_it_gets_there(postgres_url, value):
    world = make_sql_world(postgres_url)
    world.auth.limits.rules["client"] = Rule()
    world.add_client()
    shop = Shop(world, "wsgi")
    shop.log_in()
    fields = {**shop.wish(), **FORM, "resume": "x", "ticket": "x", "request_uri": "x"}
    for name in (*fields, "client_secret", "client_assertion", "id_token_hint", "other"):
        rest = urlencode({key: each for key, each in shop.wish().items() if key != name})
        answers = [shop.get(f"/oauth/authorize?{rest}&{name}={value}")]
        answers += [shop.get(f"/oauth/logout?{name}={value}")]
        for path in ("/oauth/consent", *PROGRAMS):
            for grant in ("authorization_code", "refresh_token"):
                rest = {key: each for key, each in fields.items() if key not in (name, "state")}
                body = f"{urlencode({**rest, 'grant_type': grant})}&{name}={value}"
                kind = "application/x-www-form-urlencoded"
                answers.append(shop.browser.post(path, data=body, content_type=kind))
        assert max(answer.status_code for answer in answers) < 500, name
    world.app.stop()
