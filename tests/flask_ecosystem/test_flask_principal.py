import pytest
from flask import Flask, session
from flask_principal import (
    Identity,
    Permission,
    PermissionDenied,
    Principal,
    RoleNeed,
    identity_changed,
    identity_loaded,
)


@pytest.fixture
def app():
    app = Flask(__name__)
    app.secret_key = "key"
    Principal(app)
    admin = Permission(RoleNeed("admin"))

    @identity_loaded.connect_via(app)
    def load(sender, identity):
        if identity.id == "ada":
            identity.provides.add(RoleNeed("admin"))

    @app.get("/sign-in/<name>")
    def sign_in(name):
        identity_changed.send(app, identity=Identity(name))
        return session["identity.id"]

    @app.get("/admin")
    @admin.require(http_exception=403)
    def page():
        return "admin"

    @app.get("/block")
    def block():
        with admin.require():
            return "inside"

    @app.errorhandler(PermissionDenied)
    def denied(error):
        return "denied", 403

    app.kept = load
    return app


def test_a_role_opens_views(app, client_of):
    client = client_of(app)
    assert client.get("/admin").status_code == 403
    client.get("/sign-in/eve")
    assert client.get("/block").text == "denied"
    client.get("/sign-in/ada")
    assert client.get("/admin").text == "admin"
    assert client.get("/block").text == "inside"
