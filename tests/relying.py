"""An application that is an authorization server, and a program with a browser that uses it."""

import base64
import hashlib
import html
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from joserfc.jwk import RSAKey

from cruse import Cruse, redirect, request
from cruse_auth import Auth, MemoryStore, UserMixin, current_user, safe_next
from cruse_auth.server import MemoryServerStore
from tests.colours import AsyncMethods

ISSUER = "https://id.example"
API = "https://api.example/v1"
CALLBACK = "https://shop.example/callback"
SECRET = "a secret of the shop that is long enough"
VERIFIER = "v" * 43
PAGE = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
#: Making a key takes longer than a test.
KEY = RSAKey.generate_key(2048, auto_kid=True)


def challenge_of(verifier):
    hashed = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(hashed).rstrip(b"=").decode()


@dataclass
class User(UserMixin):
    id: str
    name: str
    is_active: bool = True


@dataclass
class World:
    """The application, and what is in it."""

    app: Cruse
    auth: Auth[User]
    server: Any
    store: MemoryServerStore
    users: dict[str, User] = field(default_factory=dict)

    def add_client(self, client_id="shop", **metadata):
        """Register a client; the shop's secret is ``SECRET``."""
        values = {"redirect_uris": [CALLBACK], **metadata}
        method = values.get("token_endpoint_auth_method", "client_secret_basic")
        secret = SECRET if method.startswith("client_secret") else None
        with self.app.app_context():
            self.server.clients.add(
                "The Shop", client_id=client_id, client_secret=secret, **values
            )

    def count(self, kind):
        """How many records of a kind there are."""
        return len(self.store.find(kind, None, None))


def make_world(
    colour="sync", store=None, issuer=ISSUER, config=(), set_up=lambda app: None, **options
):
    """Make an application whose hooks and stores are plain, or async."""
    app = Cruse("id")
    app.config.update(TESTING=True, SECRET_KEY="a key of at least a few bytes", **dict(config))
    set_up(app)
    auth = Auth[User](store=MemoryStore())
    app.use(auth)
    memory = MemoryServerStore() if store is None else store
    server = auth.server(
        issuer=issuer,
        store=memory if colour == "sync" else AsyncMethods(memory),
        scopes={"read": "Read your things", "write": "Change your things"},
        **{"resources": [API], **options},
    )
    world = World(app, auth, server, memory)
    world.users = {name: User(name, name.title()) for name in ("ada", "bob")}
    _register_hooks(world, colour)
    _register_pages(world)
    with app.app_context():
        server.keys.rotate(key=KEY)
    return world


def make_sql_world(url, **options):
    """Make an application that keeps all in a database: needs cruse-db."""
    from sqlalchemy import MetaData

    from cruse_auth.sql import SQLServerStore
    from cruse_db import Database

    db = Database(metadata=MetaData())
    store = SQLServerStore(db)

    def set_up(app):
        app.use(db)
        with app.app_context():
            db.create_all()

    # On a machine with other work, it takes many threads long to write to SQLite in turn.
    config = {"DB_URL": url, "DB_BUSY_TIMEOUT": 60.0}
    return make_world(store=store, config=config, set_up=set_up, **options)


def _register_hooks(world, colour):
    def load(user_id):
        return world.users.get(user_id)

    def claims(user, scopes):
        return {"name": user.name, "email": f"{user.id}@example.com", "badge": "gold"}

    async def load_async(user_id):
        return load(user_id)

    async def claims_async(user, scopes):
        return claims(user, scopes)

    world.auth.user_loader(load if colour == "sync" else load_async)
    world.server.claims(claims if colour == "sync" else claims_async)


def _register_pages(world):
    world.app.config["AUTH_LOGIN_VIEW"] = "sign_in"

    @world.app.route("/sign-in", methods=["GET", "POST"])
    def sign_in():
        if request.method == "GET":
            return "who?"
        world.auth.login(world.users[request.form["who"]], amr=["pwd"], acr="bronze")
        return redirect(safe_next("/"), 303)

    @world.app.get("/whoami")
    def whoami():
        return current_user.id if current_user.is_authenticated else "nobody"


class Shop:
    """A program that is a client, with the browser of somebody who uses it."""

    def __init__(self, world, gateway, client_id="shop", callback=CALLBACK, secret=SECRET):
        self.world = world
        self.browser = world.app.test_client(gateway=gateway)
        self.gateway = gateway
        self.client_id = client_id
        self.callback = callback
        self.secret = secret

    def again(self):
        """The same browser, for another thread."""
        copy = Shop(self.world, self.gateway, self.client_id, self.callback, self.secret)
        copy.browser._cookies = dict(self.browser._cookies)
        return copy

    def log_in(self, who="ada"):
        """Log somebody in, in this browser."""
        assert self.browser.post("/sign-in", data={"who": who}).status_code == 303

    # -- the browser's way -----------------------------------------------------------------------

    def wish(self, **changes):
        """The parameters of an authorization request; ``None`` leaves one out."""
        parameters = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.callback,
            "scope": "openid read",
            "state": "s t&te",
            "nonce": "n1",
            "code_challenge": challenge_of(VERIFIER),
            "code_challenge_method": "S256",
            **changes,
        }
        return {name: value for name, value in parameters.items() if value is not None}

    def get(self, url):
        """Read a page to its end, as browsers do; threads may then look at it together."""
        page = self.browser.get(url, headers=PAGE)
        page.get_data()
        return page

    def ask(self, **changes):
        """Send the browser to the server; return what it shows, or where it sends it."""
        query = urlencode(self.wish(**changes), doseq=True)
        return self.get(f"/oauth/authorize?{query}")

    def decide(self, page, decision="allow", **changes):
        """Press a button of the page that asks for permission."""
        action, fields = form_of(page)
        return self.browser.post(action, data={**fields, "decision": decision, **changes})

    def answer(self, response):
        """The parameters that the browser was sent back with."""
        assert response.status_code == 303, response.text
        assert response.location.startswith(self.callback), response.location
        return dict(parse_qsl(urlsplit(response.location).query))

    def code(self, **changes):
        """Go the whole way, as somebody who says yes, and return the code."""
        response = self.ask(**changes)
        if response.status_code == 200:
            response = self.decide(response)
        return self.answer(response)["code"]

    @property
    def backend(self):
        """A connection of the program's own; each thread needs another one."""
        return self.world.app.test_client(gateway=self.gateway)

    # -- the program's own -----------------------------------------------------------------------

    def post(self, path, data, auth=True):
        """Send a form to an endpoint, as the client unless told otherwise."""
        if auth is True:
            auth = (self.client_id, self.secret) if self.secret else None
        if auth is None and self.secret is None:
            data = {"client_id": self.client_id, **data}
        data = {name: value for name, value in data.items() if value is not None}
        return self.backend.post(path, data=data, auth=auth)

    def redeem(self, code, /, auth=True, **changes):
        """Ask for tokens with a code."""
        data = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.callback,
            "code_verifier": VERIFIER,
            **changes,
        }
        return self.post("/oauth/token", data, auth)

    def refresh(self, token, auth=True, **changes):
        """Ask for tokens with a refresh token."""
        data = {"grant_type": "refresh_token", "refresh_token": token, **changes}
        return self.post("/oauth/token", data, auth)

    def tokens(self, **changes):
        """Go the whole way, to the tokens."""
        answer = self.redeem(self.code(**changes))
        assert answer.status_code == 200, answer.text
        return answer.json

    def userinfo(self, token):
        return self.backend.get("/oauth/userinfo", headers={"Authorization": f"Bearer {token}"})

    def is_active(self, token, **of):
        """Whether the server says that a token is good."""
        answer = self.post("/oauth/introspect", {"token": token}, **of)
        assert answer.status_code == 200, answer.text
        return answer.json["active"]


def form_of(page):
    """The address of a page's form, and its hidden fields."""
    assert page.status_code == 200, page.text
    action = html.unescape(re.search(r'<form[^>]*action="([^"]+)"', page.text)[1])
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text)
    return action, {name: html.unescape(value) for name, value in hidden}
