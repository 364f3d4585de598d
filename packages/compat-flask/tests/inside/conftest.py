import pytest


@pytest.fixture(params=["wsgi", "asgi"])
def gateway(request):
    return request.param


@pytest.fixture
def client_of(gateway):
    """Makes a client of an application, on the gateway that is tried."""
    made = []

    def make(app, **options):
        made.append((app, app.test_client(gateway=gateway, **options)))
        return made[-1][1]

    yield make
    for app, client in made:
        client.close()
        app.stop()
