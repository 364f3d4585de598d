"""A provider that can everything, on a database; servers start ``app``, tests make their own.

What a process needs to know is in its environment: PEER_ISSUER, PEER_DB, PEER_API, and what else
``auth.server`` is to be told, as JSON in PEER_OPTIONS.
"""

import json
import os

from cruse import Cruse, redirect, request
from cruse_auth import Auth, UserMixin, safe_next
from cruse_auth.sql import SQLServerStore, SQLStore
from cruse_db import Database


class User(UserMixin):
    def __init__(self, name):
        self.id = name


def make_app(environment):
    app = Cruse("id")
    # TESTING: clients that are told of a logout are on this very machine.
    app.config.update(SECRET_KEY="one key for all processes", TESTING=True)
    app.config.update(DB_URL=environment["PEER_DB"], AUTH_LOGIN_VIEW="sign_in")
    # On a machine with other work, it takes many threads long to write to SQLite in turn.
    app.config["DB_BUSY_TIMEOUT"] = 60.0
    app.config.update(json.loads(environment.get("PEER_CONFIG", "{}")))
    db = Database(app)
    auth = Auth(app, store=SQLStore(db))
    server = auth.server(
        issuer=environment["PEER_ISSUER"],
        store=SQLServerStore(db),
        scopes={"read": "Read your things"},
        resources=[environment["PEER_API"]],
        **json.loads(environment.get("PEER_OPTIONS", "{}")),
    )

    @auth.user_loader
    async def load(user_id):
        return User(user_id)

    @server.claims
    def claims(user, scopes):
        return {"name": user.id.title(), "email": f"{user.id}@example.com"}

    @app.route("/sign-in", methods=["GET", "POST"])
    def sign_in():
        if request.method == "GET":
            return '<form method="post" action=""><input name="login"></form>'
        auth.login(User(request.form["login"]), amr=["pwd"])
        return redirect(safe_next("/"), 303)

    @app.get("/")
    def home():
        return f"{request.url_root} {request.remote_addr}"

    return app, server, db


if "PEER_ISSUER" in os.environ:
    app = make_app(os.environ)[0]
