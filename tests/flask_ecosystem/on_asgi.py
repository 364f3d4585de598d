"""A plug-in for pytest: ``flask`` is Cruse, and every test client calls the ASGI face."""

from typing import Any

import cruse_flask

cruse_flask.install()

from cruse_flask.application import Flask  # noqa: E402 - after the alias

_test_client = Flask.test_client


def test_client(
    self: Flask, use_cookies: bool = True, gateway: str = "asgi", **options: Any
) -> Any:
    """Return a client for tests."""
    return _test_client(self, use_cookies, gateway, **options)


Flask.test_client = test_client  # type: ignore[method-assign]
