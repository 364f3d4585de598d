"""One application per test, and one view per form: on both gateways, sync and async."""

import pytest

from cruse import Cruse
from cruse_forms import Forms

PAGE = """<!doctype html>
<title>Form</title>
<form method="post" enctype="{{ form.enctype }}">{{ form.render() }}</form>
"""


@pytest.fixture
def forms():
    return Forms()


@pytest.fixture
def app(forms, tmp_path):
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "page.html").write_text(PAGE)
    app = Cruse("shop", root_path=str(tmp_path), extensions=[forms])
    app.config.update(TESTING=True, SECRET_KEY="not secret here")
    yield app
    app.stop()


@pytest.fixture(params=["wsgi", "asgi"])
def client(app, request):
    client = app.test_client(gateway=request.param)
    yield client
    client.close()


@pytest.fixture(params=["sync", "async"])
def view_of(app, request):
    """Registers a view at ``/`` that hands what it gets to a function, in one colour."""

    def register(function, rule="/", **options):
        options.setdefault("methods", ["GET", "POST", "PUT", "PATCH", "DELETE"])
        if request.param == "sync":

            def view():
                return function()

        else:

            async def view():
                return function()

        options.setdefault("endpoint", function.__name__)
        return app.route(rule, **options)(view)

    return register
