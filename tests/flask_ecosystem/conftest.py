"""Every test here runs through both gateways, on applications made with ``flask.Flask``.

Without the alias, ``pytest -o addopts= tests/flask_ecosystem``, they run on the real Flask: a test
that fails there as well says something wrong about the extension.
"""

import pytest

from cruse_flask import is_installed


@pytest.fixture(params=["wsgi", "asgi"] if is_installed() else ["flask"])
def gateway(request):
    return request.param


@pytest.fixture
def client_of(gateway):
    """Makes a client of an application, on the gateway that is tried."""
    made = []

    def make(app, **options):
        if is_installed():
            options["gateway"] = gateway
        made.append((app, app.test_client(**options)))
        return made[-1][1]

    yield make
    for app, client in made:
        if is_installed():
            client.close()
            app.stop()
