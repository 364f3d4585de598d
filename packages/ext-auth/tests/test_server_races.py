"""Codes and refresh tokens that come many times at once, on every store."""

import importlib.util
from concurrent.futures import ThreadPoolExecutor

import pytest

from cruse_auth.server import MemoryServerStore
from tests.relying import make_sql_world, make_world

STORES = ["memory", *(["sql"] if importlib.util.find_spec("cruse_db") else [])]


@pytest.fixture(params=STORES)
def world(request, tmp_path):
    if request.param == "memory":
        world = make_world(store=MemoryServerStore())
    else:
        world = make_sql_world(f"sqlite:///{tmp_path}/server.db")
    world.add_client()
    yield world
    world.app.stop()


def at_once(times, send):
    with ThreadPoolExecutor(times) as pool:
        return [answer.status_code for answer in pool.map(send, range(times))]


def test_a4_of_twenty_with_one_code_one_is_served(shop):
    code = shop.code()
    answers = at_once(20, lambda number: shop.redeem(code))
    assert sorted(answers) == [200] + [400] * 19


def test_a5_of_ten_with_one_refresh_token_one_is_served(shop):
    token = shop.tokens()["refresh_token"]
    answers = at_once(10, lambda number: shop.refresh(token))
    assert sorted(answers) == [200] + [400] * 9


def test_of_ten_answers_to_one_page_one_is_taken(shop):
    page = shop.ask()
    answers = at_once(10, lambda number: shop.again().decide(page))
    assert sorted(answers) == [303] + [400] * 9


def test_two_who_make_the_first_key_at_once_go_on_with_the_same(world):
    with world.app.app_context():
        for kid in world.server.keys.all():
            world.server.keys.remove(kid)

    def sign(number):
        with world.app.app_context():
            here = type(world.app.extensions["auth"].server)(
                world.server, world.app.extensions["auth"]
            )
            from cruse_auth.steps import run

            return [each.key.kid for each in run(here.keys.all())]

    with ThreadPoolExecutor(4) as pool:
        kids = list(pool.map(sign, range(4)))
    assert all(each == kids[0] for each in kids)
    assert len(kids[0]) == 1
