"""What the tests of requests share; each module has its own ``app``."""

import pytest


@pytest.fixture(params=["wsgi", "asgi"])
def client(app, request):
    client = app.test_client(gateway=request.param)
    yield client
    client.close()
