"""The lending desk of a town's libraries, as it has been running on Flask for years."""

import os

from flask import Flask, g, render_template, request

from lending import accounts, api, branches, catalogue, commands, converters, db, display


class DefaultSettings:
    SECRET_KEY = "development"
    DATABASE = None
    LOAN_DAYS = 28
    MAX_LOANS = 3
    MAX_CONTENT_LENGTH = 64 * 1024
    PERMANENT_SESSION_LIFETIME = 7 * 24 * 3600
    not_a_setting = "lower case"


def create_app(settings=None, instance_path=None):
    app = Flask(__name__, instance_path=instance_path, instance_relative_config=True)
    app.config.from_object(DefaultSettings)
    app.config.from_pyfile("lending.cfg", silent=True)
    app.config.from_prefixed_env("LENDING")
    app.config.from_mapping(settings or {})
    if app.config["DATABASE"] is None:
        os.makedirs(app.instance_path, exist_ok=True)
        app.config["DATABASE"] = os.path.join(app.instance_path, "lending.sqlite")

    app.json = api.LendingJSON(app)
    app.url_map.converters["isbn"] = converters.ISBNConverter
    app.url_map.converters["list"] = converters.ListConverter

    @app.before_request
    def note_the_visit():
        g.steps = ["app before"]

    db.init_app(app)
    display.init_app(app)
    commands.init_app(app)
    app.register_blueprint(accounts.bp)
    app.register_blueprint(catalogue.bp)
    app.register_blueprint(branches.bp)
    app.register_blueprint(api.bp, url_prefix="/api")
    app.add_url_rule("/", endpoint="index", view_func=catalogue.index)

    @app.after_request
    def say_who_answered(response):
        response.headers["X-Lending"] = app.config.get("TOWN", "unnamed")
        return response

    @app.teardown_request
    def forget_the_visit(error):
        app.extensions.setdefault("visits", []).append((request.path, error))

    @app.errorhandler(404)
    def not_found(error):
        return render_template("error.html", error=error), 404

    @app.errorhandler(500)
    def broken(error):
        cause = type(error.original_exception).__name__
        return render_template("error.html", error=error, cause=cause), 500

    @app.route("/broken")
    def break_down():
        raise RuntimeError("the lift is stuck")

    return app
