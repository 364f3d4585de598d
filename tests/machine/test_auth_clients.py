"""Clients of others log people in with our server, over a socket: npm's and requests-oauthlib."""

import json
import subprocess
import threading
from urllib.parse import urlsplit

import pytest
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from requests_oauthlib import OAuth2Session
from werkzeug.serving import make_server

from tests.relying import API, CALLBACK, SECRET, VERIFIER, Shop, form_of, make_world


@pytest.fixture
def world(request):
    """The application behind a socket; the issuer is where it listens."""
    worlds, options = [], getattr(request, "param", {})
    server = make_server("127.0.0.1", 0, lambda *wsgi: worlds[0].app(*wsgi), threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    issuer = f"http://127.0.0.1:{server.server_port}"
    worlds.append(make_world("async", issuer=issuer, **options))
    yield worlds[0]
    server.shutdown()
    thread.join()
    server.server_close()
    worlds[0].app.stop()


@pytest.fixture
def shop(world):
    shop = Shop(world, "wsgi")
    shop.log_in()
    return shop


def approve(shop, url):
    """Let somebody say yes in the browser; return where it is sent."""
    parts = urlsplit(url)
    return shop.decide(shop.get(f"{parts.path}?{parts.query}")).location


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "none"])
def test_a_certified_client_finds_everything_by_itself(world, shop, node_programs, method):
    world.add_client(token_endpoint_auth_method=method)
    said = run_client(world, shop, node_programs, method=method)
    assert (said["subject"], said["email"]) == ("ada", "ada@example.com")
    assert said.get("active") is (None if method == "none" else True)
    # What is taken back, used up or sent again is refused.
    assert said["revoked"] not in ("accepted", None)
    assert (said["refreshed"], said["replayed"]) == ("invalid_grant", "invalid_grant")


def test_it_gets_a_token_for_an_api(world, shop, node_programs):
    world.add_client()
    said = run_client(world, shop, node_programs, method="client_secret_basic", resource=API)
    assert said["audience"] == API


EVERYTHING = {"registration": "token", "device": True}


@pytest.mark.parametrize("world", [EVERYTHING, {**EVERYTHING, "par": "required"}], indirect=True)
def test_it_registers_pushes_proves_a_key_and_is_a_device(world, shop, node_programs):
    with world.app.app_context():
        token = world.server.clients.invite()
    program = ["node", "everything.mjs", world.server.options.issuer, token, CALLBACK]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(program, cwd=node_programs, **pipes) as client:

        def tell(line):
            client.stdin.write(f"{line}\n")
            client.stdin.flush()

        start = json.loads(client.stdout.readline())
        assert start["pushed"] == ["client_id", "request_uri"]
        tell(approve(shop, start["go"]))
        code = json.loads(client.stdout.readline())["type"]
        action, fields = form_of(shop.get("/oauth/device"))
        shop.decide(shop.browser.post(action, data={**fields, "user_code": code}))
        tell("done")
        out, _ = client.communicate(timeout=60)
    said = json.loads(out)
    assert said["name"] == "openid-client"
    assert said["type"] == "dpop"
    assert (said["email"], said["device"]) == ("ada@example.com", "ada")


def run_client(world, shop, programs, **options):
    values = {"id": "shop", "secret": SECRET, "callback": CALLBACK, **options}
    program = ["node", "client.mjs", world.server.options.issuer, json.dumps(values)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(program, cwd=programs, **pipes) as client:
        url = json.loads(client.stdout.readline())["go"]
        out, _ = client.communicate(approve(shop, url) + "\n", timeout=60)
    return json.loads(out)


def metadata(world, session):
    issuer = world.server.options.issuer
    url = f"{issuer}/.well-known/oauth-authorization-server"
    return session.get(url, withhold_token=True).json()


def test_requests_oauthlib(world, shop, monkeypatch):
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")  # it is this machine
    world.add_client()
    options = {"redirect_uri": CALLBACK, "scope": ["openid", "email"], "pkce": "S256"}
    with OAuth2Session("shop", **options) as session:
        server = metadata(world, session)
        url, _ = session.authorization_url(server["authorization_endpoint"])
        back = approve(shop, url)
        token_url = server["token_endpoint"]
        session.fetch_token(token_url, authorization_response=back, client_secret=SECRET)
        assert session.get(server["userinfo_endpoint"]).json()["email"] == "ada@example.com"
        before = session.access_token
        session.refresh_token(token_url, auth=("shop", SECRET))
        assert session.access_token != before
        assert session.get(server["userinfo_endpoint"]).json()["sub"] == "ada"


def test_authlib_on_requests(world, shop):
    world.add_client()
    options = {"client_id": "shop", "client_secret": SECRET, "redirect_uri": CALLBACK}
    with AuthlibSession(**options, scope="openid", code_challenge_method="S256") as session:
        server = metadata(world, session)
        url, state = session.create_authorization_url(
            server["authorization_endpoint"], code_verifier=VERIFIER
        )
        session.fetch_token(
            server["token_endpoint"],
            authorization_response=approve(shop, url),
            state=state,
            code_verifier=VERIFIER,
        )
        assert session.get(server["userinfo_endpoint"]).json()["sub"] == "ada"
