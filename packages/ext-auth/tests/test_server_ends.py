"""What programs were given ends with the login that it came from, unless it is to go on."""

import pytest

from cruse import Cruse
from cruse_auth import Auth, MemoryStore
from tests.relying import Shop, make_world


@pytest.fixture
def world(colour):
    world = make_world(colour)
    world.add_client()
    _register_views(world)
    yield world
    world.app.stop()


def _register_views(world):
    @world.app.post("/out")
    async def out():
        return str(await world.auth.alogout())

    @world.app.post("/end-all")
    async def end_all():
        return str(await world.auth.alogout_everywhere("ada"))


def is_over(shop, tokens):
    """Whether the tokens of a permission are worth nothing any more."""
    known = [shop.is_active(tokens[kind]) for kind in ("access_token", "refresh_token")]
    known.append(shop.userinfo(tokens["access_token"]).status_code == 200)
    assert len(set(known)) == 1
    if not known[0]:
        assert shop.refresh(tokens["refresh_token"]).json["error"] == "invalid_grant"
    return not known[0]


def end_from_outside(shop, **options):
    with shop.world.app.app_context():
        shop.world.auth.logout_everywhere("ada", **options)


@pytest.mark.parametrize("way", ["/out", "/auth/logout", "/end-all"])
def test_a_permission_ends_with_its_login(shop, way):
    tokens = shop.tokens()
    shop.browser.post(way)
    assert is_over(shop, tokens)


def test_one_for_while_they_are_away_does_not(shop):
    tokens = shop.tokens(scope="openid offline_access")
    shop.browser.post("/out")
    assert not is_over(shop, tokens)
    assert shop.refresh(tokens["refresh_token"]).status_code == 200


def test_a_code_that_was_not_fetched_is_worth_nothing_then(shop):
    code = shop.code()
    shop.browser.post("/out")
    assert shop.redeem(code).json["error"] == "invalid_grant"


def test_those_of_other_browsers_and_people_go_on(shop, world, gateway):
    tokens = shop.tokens()
    for who in ("ada", "bob"):
        other = Shop(world, gateway)
        other.log_in(who)
        other.browser.post("/out")
    assert not is_over(shop, tokens)


def test_a_login_of_the_same_person_goes_on_with_it_and_one_of_another_does_not(shop):
    tokens = shop.tokens()
    shop.log_in("ada")
    assert not is_over(shop, tokens)
    shop.log_in("ada")
    tokens = shop.tokens()
    shop.log_in("bob")
    assert is_over(shop, tokens)


def test_a_login_that_is_too_old_takes_it_along(shop, clock):
    tokens = shop.tokens()
    clock.move(days=10)
    tokens = shop.refresh(tokens["refresh_token"]).json
    clock.move(days=10)
    tokens = shop.refresh(tokens["refresh_token"]).json
    clock.move(days=10, seconds=1)
    assert is_over(shop, tokens)


def test_all_logins_end_with_all_that_programs_have_if_that_is_wanted(shop):
    tokens = shop.tokens(scope="openid offline_access")
    end_from_outside(shop)
    assert not is_over(shop, tokens)
    end_from_outside(shop, permissions=True)
    assert is_over(shop, tokens)
    with shop.world.app.app_context():
        assert "shop" in shop.world.server.allowed("ada"), "what they allowed is not forgotten"


def test_a_command_does_it_too(shop, world):
    tokens = shop.tokens(scope="openid offline_access")
    run = world.app.test_cli_runner().invoke
    revoke = ["auth", "sessions", "revoke", "ada", "--permissions"]
    assert run(args=[*revoke, "--sid", "x"]).exit_code == 2
    assert run(args=revoke).output == "Ended: 1.\n"
    assert is_over(shop, tokens)


def test_without_an_authorization_server_there_is_nothing_more_to_end():
    app = Cruse("plain")
    app.config.update(TESTING=True, SECRET_KEY="k" * 32)
    auth = Auth(app, store=MemoryStore())
    with app.app_context():
        assert auth.logout_everywhere("ada", permissions=True) == 0
    app.stop()
