"""A journal: people sign in and write entries. Written for Flask 3.1."""

import os

from flask import Flask


def create_app(settings=None):
    app = Flask(__name__, instance_relative_config=True)
    app.config.from_mapping(
        SECRET_KEY="only here", DATABASE=os.path.join(app.instance_path, "journal.db")
    )
    if settings is None:
        app.config.from_prefixed_env()
    else:
        app.config.from_mapping(settings)

    from journal import db, entries, people

    db.init_app(app)
    app.register_blueprint(people.bp)
    app.register_blueprint(entries.bp)
    app.add_url_rule("/", endpoint="index")
    return app
