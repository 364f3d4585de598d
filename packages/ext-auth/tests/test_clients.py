"""Test clients that begin logged in."""

import asyncio

import pytest

from cruse import Cruse
from cruse.testing import CruseClient
from cruse_auth import Auth, MemoryStore, current_user, login_fresh, login_remembered
from cruse_auth.testing import log_in


class Reader:
    id = 7
    name = "Ada"


@pytest.fixture(params=["store", "no store"])
def app(request):
    app = Cruse("shop")
    app.config.update(TESTING=True, SECRET_KEY="x" * 32)
    auth = Auth(app, store=MemoryStore() if request.param == "store" else None)
    auth.user_loader(lambda user_id: Reader() if user_id == "7" else None)

    @app.get("/")
    def index():
        return [current_user.name if current_user else "nobody", login_fresh(), login_remembered()]

    yield app
    app.stop()


@pytest.mark.parametrize(
    ("options", "answer"),
    [
        ({}, ["nobody", False, False]),
        ({"user": Reader()}, ["Ada", True, False]),
        ({"user": Reader(), "age": 3600}, ["Ada", False, False]),
        ({"user": Reader(), "fresh": False}, ["Ada", False, True]),
    ],
    ids=["visitor", "user", "old", "remembered"],
)
def test_a_client_begins_as_a_user(app, gateway, options, answer):
    client = app.test_client(gateway=gateway, **options)
    assert isinstance(client, CruseClient)
    assert client.get("/").json == answer


def test_somebody_can_log_in_later(app, gateway):
    client = app.test_client(gateway=gateway)
    log_in(client, Reader())
    assert client.get("/").json == ["Ada", True, False]


def test_an_async_client_too(app):
    async def story():
        async with app.async_test_client() as client:
            log_in(client, Reader(), fresh=False)
            return (await client.get("/")).json

    assert asyncio.run(story()) == ["Ada", False, True]


def test_a_client_class_of_the_applications_own_stays():
    class Client(CruseClient):
        pass

    app = Cruse("shop")
    app.test_client_class = Client
    Auth(app)
    assert type(app.test_client()) is Client
    app.stop()
