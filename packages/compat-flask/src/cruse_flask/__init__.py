"""Lets Flask's extensions, and programs written for Flask, run on Cruse as they are.

After ``install()`` every ``import flask`` of the process, and of its submodules, gives Cruse's own
classes under the names of Flask 3.1::

    import cruse_flask

    cruse_flask.install()  # before anything imports flask

    from flask import Flask
    from flask_login import LoginManager

``python -m cruse_flask run`` and ``cruse run --flask`` do that before they load an application.
"""

from __future__ import annotations

from cruse_flask.finder import FLASK_VERSION, install, is_installed

__all__ = ["FLASK_VERSION", "install", "is_installed"]
