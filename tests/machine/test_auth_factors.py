"""Factors on PostgreSQL, and passkeys in a real browser, by the script of the handbook."""

import re
import threading
from contextlib import contextmanager
from pathlib import Path

from selenium.webdriver.common.virtual_authenticator import VirtualAuthenticatorOptions
from werkzeug.serving import make_server

from cruse import Cruse, request
from cruse_auth import Auth, MemoryFactors, UserMixin, current_user
from cruse_auth.factors.contract import FactorStoreContract
from cruse_auth.factors.sql import SQLFactors
from tests.machine.stores import OnPostgres

PAGE = Path(__file__).parents[2] / "docs/extensions/auth_factors.md"


class TestOnPostgres(OnPostgres, FactorStoreContract):
    store_class = SQLFactors


class User(UserMixin):
    def __init__(self, id):
        self.id, self.email = id, f"{id}@example.com"


def make_app():
    app = Cruse("shop")
    app.config["SECRET_KEY"] = "k" * 32
    auth = Auth(app, factors=MemoryFactors())
    auth.user_loader(User)
    (script,) = re.findall(r"```js\n(.*?)```", PAGE.read_text(), re.DOTALL)

    @app.get("/")
    def page():
        name = current_user.id if current_user.is_authenticated else "nobody"
        return f"<title>{name}</title><script>{script}</script>"

    @app.get("/password")
    def password():
        return list(auth.factors.login(User("ada")).needs)

    @app.get("/logout")
    def logout():
        auth.logout()
        return ""

    @app.post("/account/passkeys/options")
    def registration_options():
        return auth.passkeys.registration_options(current_user.email)

    @app.post("/account/passkeys")
    def register():
        return {"id": auth.passkeys.register(request.get_json()).id}, 201

    @app.post("/passkey/options")
    def login_options():
        return auth.passkeys.login_options()

    @app.post("/passkey")
    async def login():
        return {"welcome": (await auth.passkeys.alogin(request.get_json())).email}

    return app


@contextmanager
def served(app):
    server = make_server("localhost", 0, app.wsgi_app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        app.stop()


def test_a_passkey_of_a_real_browser_logs_in_alone_and_after_a_password(browser):
    options = VirtualAuthenticatorOptions(
        transport="internal",
        has_resident_key=True,
        has_user_verification=True,
        is_user_verified=True,
    )
    browser.add_virtual_authenticator(options)

    def call(function):
        """Call a function of the page; return its result, or what went wrong."""
        code = f"{function}().then(arguments[0], (e) => arguments[0](String(e)))"
        return browser.execute_async_script(code)

    with served(make_app()) as url:

        def go(path):
            browser.get(url + path)
            return browser.title

        go("/password")
        assert go("/") == "ada"
        assert set(call("addPasskey")) == {"id"}
        assert call("addPasskey").startswith("InvalidStateError"), "the device has one"

        go("/logout")
        assert go("/") == "nobody"
        assert call("signInWithPasskey") == {"welcome": "ada@example.com"}
        assert go("/") == "ada"

        go("/logout")
        go("/password")
        assert go("/") == "nobody", "the passkey is the second step now"
        assert call("signInWithPasskey") == {"welcome": "ada@example.com"}
        assert go("/") == "ada"

        go("/logout")
        go("/")
        browser.set_user_verified(False)
        assert call("signInWithPasskey").startswith("NotAllowedError")
