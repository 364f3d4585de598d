"""An application that people log in to, its provider, and a browser for both."""

import threading
import time
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from joserfc.jwk import RSAKey
from werkzeug.serving import make_server

from cruse import Cruse, session
from cruse_auth import Auth, UserMixin, current_user, fresh_login_required, login_required
from cruse_auth.testing import Client, FakeProvider, Person
from tests.relying import Shop
from tests.relying import make_world as make_server_world

PEOPLE = [
    Person("ada", "Ada Lovelace", "ada@example.com"),
    Person("bob", "Bob", claims={"picture": "https://example.com/bob.png"}),
]
PAGE = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


#: Making a key takes longer than a test.
KEY = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)


@dataclass
class User(UserMixin):
    id: str
    name: str
    is_active: bool = True


@dataclass
class World:
    """One application with everything around it."""

    app: Cruse
    auth: Auth[User]
    provider: FakeProvider
    users: dict[str, User] = field(default_factory=dict)
    identities: list = field(default_factory=list)
    loads: list[str] = field(default_factory=list)


class Browser:
    """A browser: it keeps cookies and follows the provider's redirects."""

    def __init__(self, world, gateway):
        self.world = world
        self.client = world.app.test_client(gateway=gateway)

    def get(self, url, **kwargs):
        return self.client.get(url, **{"headers": PAGE, **kwargs})

    def start(self, provider="op", **data):
        """Press the button; return the URL of the provider that it leads to."""
        response = self.client.post(f"/auth/{provider}/login", data=data)
        assert response.status_code == 303, response.text
        return response.location

    def login(self, subject="ada", **data):
        """Log in, and return the answer to the callback."""
        return self.get(self.world.provider.approve(self.start(**data), subject))

    def cookies(self):
        """Every cookie that the browser has, by its name."""
        return {cookie.key: cookie.decoded_value for cookie in self.client._cookies.values()}

    @property
    def whoami(self):
        return self.get("/whoami").text


def register_hooks(world, colour):
    """Register the application's functions: plain ones, or async."""

    def found(identity):
        world.identities.append(identity)
        if identity.subject not in world.users:
            world.users[identity.subject] = User(identity.subject, identity.name)
        return world.users[identity.subject]

    def load(user_id):
        world.loads.append(user_id)
        return world.users.get(user_id)

    async def found_async(identity):
        return found(identity)

    async def load_async(user_id):
        return load(user_id)

    world.auth.on_login(found if colour == "sync" else found_async)
    world.auth.user_loader(load if colour == "sync" else load_async)


def register_views(app):
    @app.get("/")
    def index():
        return "anybody"

    @app.get("/whoami")
    def whoami():
        return current_user.name if current_user.is_authenticated else "nobody"

    @app.get("/whoami-async")
    async def whoami_async():
        return current_user.name if current_user.is_authenticated else "nobody"

    @app.route("/account", methods=["GET", "POST"])
    @login_required
    def account():
        return f"account of {current_user.name}"

    @app.route("/account-async", methods=["GET", "POST"])
    @login_required
    async def account_async():
        return f"account of {current_user.name}"

    @app.get("/danger")
    @fresh_login_required
    def danger():
        return "fresh"

    @app.post("/cart")
    def cart():
        session["cart"] = ["a book"]
        return "ok"

    @app.get("/session")
    def show_session():
        return dict(session)


@pytest.fixture(params=["wsgi", "asgi"])
def gateway(request):
    return request.param


@pytest.fixture(params=["sync", "async"])
def colour(request):
    """The colour of the application's hooks."""
    return request.param


@pytest.fixture
def shop(world, gateway):
    """A client of the world's authorization server, with the browser of a person."""
    shop = Shop(world, gateway)
    shop.log_in()
    return shop


@pytest.fixture
def open_shop(colour, gateway):
    """Make an authorization server with ``options``, and a client of it, with a browser."""
    worlds = []

    def open_shop(kind=Shop, **options):
        world = make_server_world(colour, **options)
        world.add_client()
        worlds.append(world)
        shop = kind(world, gateway)
        shop.log_in()
        return shop

    yield open_shop
    for world in worlds:
        world.app.stop()


@pytest.fixture
def make_world():
    """Make an application; ``options`` are those of the provider ``op``."""
    worlds = []

    def make(colour="sync", options=(), provider=None, config=(), store=None):
        app = Cruse("shop")
        app.config.update(TESTING=True, SECRET_KEY="a key of at least a few bytes")
        provider = provider or FakeProvider(PEOPLE)
        provider.signing_key = KEY
        auth = Auth[User](store=store)
        app.use(auth)
        world = World(app, auth, provider)
        provider.init_app(app)
        app.config["AUTH_PROVIDERS"] = {"op": provider.options(**dict(options))}
        app.config.update(config)
        register_hooks(world, colour)
        register_views(app)
        worlds.append(world)
        return world

    yield make
    for world in worlds:
        world.app.stop()


@pytest.fixture
def world(make_world):
    return make_world()


@pytest.fixture
def browser(world, gateway):
    return Browser(world, gateway)


@pytest.fixture
def open_browser():
    """Open a browser on a world; ``open_browser(world, "asgi")``."""
    return Browser


class Clock:
    """The time of day, which goes on only when a test moves it.

    On a machine with other work, seconds may pass between two lines of a test, and tokens end.
    """

    def __init__(self):
        moment = time.time()
        self.now = lambda: moment
        self.moved = 0.0

    def move(self, **units):
        self.moved += timedelta(**units).total_seconds()

    def time(self):
        return self.now() + self.moved


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(time, "time", clock.time)
    return clock


@pytest.fixture
def serve():
    """Serve a WSGI application on loopback, in a thread; return its address."""
    servers = []

    def start(app, threaded=True):
        server = make_server("127.0.0.1", 0, app, threaded=threaded)
        # The interval is how long it takes to notice that it is to stop.
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def remote(serve):
    """A provider behind a socket, and the options of the application that logs in with it."""
    provider = FakeProvider(PEOPLE)
    provider.signing_key = KEY
    provider.issuer = serve(provider.app.wsgi_app) + "/provider"
    callback = "http://localhost/auth/op/callback"
    provider.add_client(Client("shop", "s3cr:t/%", [callback], ["http://localhost/"]))
    options = {
        "issuer": provider.issuer,
        "client_id": "shop",
        "client_secret": "s3cr:t/%",
        "transport": None,
    }
    return provider, options
