"""``cruse auth client`` and ``cruse auth keys``: a provider looked after from the command line."""

import pytest

from tests.relying import CALLBACK, Shop, make_world


@pytest.fixture
def world(colour):
    world = make_world(colour, registration="token")
    yield world
    world.app.stop()


@pytest.fixture
def invoke(world):
    def invoke(*arguments, **options):
        return world.app.test_cli_runner().invoke(args=["auth", *arguments], **options)

    return invoke


def told(said):
    """What a command has told, by the name of each line."""
    assert said.exit_code == 0, said.output
    return dict(line.split(": ", 1) for line in said.stdout.splitlines())


def test_a_client_that_was_registered_logs_somebody_in(world, invoke, gateway):
    said = told(invoke("client", "add", "The Shop", "--redirect-uri", CALLBACK))
    shop = Shop(world, gateway, said["client_id"], secret=said["client_secret"])
    shop.log_in()
    page = shop.ask()
    assert "The Shop" in page.text
    assert shop.redeem(shop.answer(shop.decide(page))["code"]).status_code == 200


def test_a_client_may_be_of_any_kind(world, invoke):
    said = told(
        invoke(
            *("client", "add", "An App", "--client-id", "app", "--public", "--native"),
            *("--redirect-uri", "com.example.app:/login", "--scope", "openid"),
            *("--grant-type", "authorization_code", "--trusted"),
        )
    )
    assert said == {"client_id": "app"}
    with world.app.app_context():
        client = world.server.clients.get("app")
    assert (client.public, client.native, client.trusted) == (True, True, True)
    assert (client.scope, client.grant_types) == ("openid", ("authorization_code",))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "needs redirect_uris"),
        (("--redirect-uri", "http://shop.example/"), "neither an https:// address"),
        (("--redirect-uri", CALLBACK, "--client-id", "shop"), "There is a client 'shop' already"),
    ],
)
def test_what_makes_no_sense_is_told(world, invoke, arguments, words):
    world.add_client()
    said = invoke("client", "add", "The Shop", *arguments)
    assert said.exit_code == 1
    assert words in said.output
    assert "Traceback" not in said.output


def test_clients_are_listed_without_their_secrets(world, invoke):
    world.add_client()
    said = invoke("client", "list").output
    assert said.startswith("shop  The Shop  client_secret_basic  authorization_code")
    assert "secret of the shop" not in said


def test_a_client_is_revoked_with_all_that_it_has(world, invoke, gateway):
    world.add_client()
    shop = Shop(world, gateway)
    shop.log_in()
    token = shop.tokens()["access_token"]
    assert invoke("client", "revoke", "shop", input="n\n").exit_code == 1
    assert shop.userinfo(token).status_code == 200
    assert invoke("client", "revoke", "shop", "--yes").exit_code == 0
    assert shop.userinfo(token).status_code == 401
    again = invoke("client", "revoke", "shop", "--yes")
    assert (again.exit_code, "There is no client 'shop'" in again.output) == (1, True)


def test_a_client_gets_another_secret(world, invoke, gateway):
    world.add_client()
    shop = Shop(world, gateway)
    shop.log_in()
    old, shop.secret = shop.secret, told(invoke("client", "renew-secret", "shop"))["client_secret"]
    assert shop.redeem(shop.code()).status_code == 200
    assert shop.redeem(shop.code(), auth=("shop", old)).status_code == 401
    assert invoke("client", "renew-secret", "nobody").exit_code == 1


def test_a_client_is_invited(world, invoke):
    token = invoke("client", "invite").output.strip()
    answer = world.app.test_client().post(
        "/oauth/register",
        json={"redirect_uris": [CALLBACK]},
        headers={"Authorization": f"Bearer {token}"},
    )
    assert answer.status_code == 201


def test_nobody_is_invited_to_where_it_is_closed(colour):
    world = make_world(colour)
    said = world.app.test_cli_runner().invoke(args=["auth", "client", "invite"])
    assert (said.exit_code, "'registration' is not" in said.output) == (1, True)
    world.app.stop()


def test_keys_are_changed(world, invoke, gateway):
    (before,) = invoke("keys", "list").output.split()
    new = invoke("keys", "rotate").output.strip()
    assert invoke("keys", "list").output.split() == [before, new]
    assert invoke("keys", "remove", new, input="n\n").exit_code == 1
    removed = invoke("keys", "remove", new, "--yes")
    assert removed.exit_code == 0
    assert "within 60 seconds" in removed.stderr
    assert invoke("keys", "remove", new, "--yes").exit_code == 1
    assert invoke("keys", "list").output.split() == [before]


def test_a_name_may_begin_as_options_do(world, invoke):
    invoke("client", "add", "The shop", "--client-id=-r3v0k3", "--redirect-uri", "https://shop/cb")
    assert invoke("client", "renew-secret", "-r3v0k3").exit_code == 0
    assert invoke("client", "revoke", "-r3v0k3", "--yes").output == "Forgotten: -r3v0k3.\n"


def test_a_stolen_key_signs_nothing_any_more(world, invoke, gateway):
    world.add_client()
    shop = Shop(world, gateway)
    shop.log_in()
    new = invoke("keys", "rotate", "--at-once").output.strip()
    shop.tokens()
    keys = shop.backend.get("/oauth/jwks").json["keys"]
    assert new in [key["kid"] for key in keys]


def test_without_a_server_there_are_no_such_commands(make_world):
    said = make_world().app.test_cli_runner().invoke(args=["auth", "--help"])
    assert "doctor" in said.output
    assert "client" not in said.output
