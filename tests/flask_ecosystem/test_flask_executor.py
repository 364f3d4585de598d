import pytest
from flask import Flask, current_app, request
from flask_executor import Executor


@pytest.fixture
def app():
    app = Flask(__name__)
    executor = Executor(app)

    def described():
        return f"{request.path} of {current_app.name}"

    @app.get("/here")
    def here():
        return executor.submit(described).result()

    @app.get("/each")
    def each():
        return list(executor.map(lambda number: f"{request.path} {number}", range(3)))

    app.executor = executor
    return app


def test_a_function_in_a_thread_has_the_request(app, client_of):
    client = client_of(app)
    assert client.get("/here").text == f"/here of {app.name}"
    assert client.get("/each").json == ["/each 0", "/each 1", "/each 2"]


def test_a_failure_comes_with_the_result(app):
    with app.test_request_context("/"):
        future = app.executor.submit(lambda: 1 / 0)
        assert isinstance(future.exception(), ZeroDivisionError)
