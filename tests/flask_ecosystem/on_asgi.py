"""A plug-in for pytest: ``flask`` is Cruse, and every test client calls the ASGI face."""

from typing import Any

import cruse_flask

cruse_flask.install()

from cruse_flask.application import Flask  # noqa: E402 - after the alias

_test_client = Flask.test_client


def client_of_asgi(self: Flask, *args: Any, **options: Any) -> Any:
    """Return a client for tests."""
    return _test_client(self, *args, **{"gateway": "asgi", **options})


Flask.test_client = client_of_asgi  # type: ignore[method-assign]
