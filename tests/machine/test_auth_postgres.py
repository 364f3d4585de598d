"""The records of logins on PostgreSQL: by the contract, and with several processes."""

import subprocess
import sys
import textwrap

import pytest
from sqlalchemy import MetaData

from cruse import Cruse
from cruse_auth import Auth
from cruse_auth.contract import SessionStoreContract
from cruse_auth.sql import SQLStore
from cruse_db import Database


class TestOnPostgres(SessionStoreContract):
    @pytest.fixture(autouse=True)
    def server(self, postgres_url):
        self.url = postgres_url

    def make_store(self, app):
        app.config["DB_URL"] = self.url
        db = Database(app, metadata=MetaData())
        store = SQLStore(db)
        db.create_all()
        return store


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
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM), postgres_url, cookie]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, **pipes) for _ in range(4)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = sorted(process.communicate(timeout=60)[0] for process in processes)
    assert answers == ["ada False\n"] * 3 + ["ada True\n"]
    assert [process.returncode for process in processes] == [0] * 4
