import itertools

import pytest
from flask import Flask, render_template_string
from flask_caching import Cache


@pytest.fixture
def app():
    app = Flask(__name__)
    cache = Cache(app, config={"CACHE_TYPE": "SimpleCache"})
    numbers = itertools.count()

    @app.get("/view")
    @cache.cached(timeout=60, response_hit_indication=True)
    def view():
        return str(next(numbers))

    @app.get("/async")
    @cache.cached(timeout=60)
    async def slow():
        return str(next(numbers))

    @app.get("/query")
    @cache.cached(timeout=60, query_string=True)
    def query():
        return str(next(numbers))

    @cache.memoize(60)
    def add(a, b):
        return next(numbers)

    @app.get("/sum/<int:a>")
    def total(a):
        return str(add(a, 1))

    @app.get("/part")
    def part():
        return render_template_string(
            "{% cache 60, 'key' %}{{ number }}{% endcache %}", number=next(numbers)
        )

    @app.get("/clear")
    def clear():
        cache.clear()
        return "cleared"

    return app


def test_a_view_is_called_once(app, client_of):
    client = client_of(app)
    assert client.get("/view").text == client.get("/view").text
    before = client.get("/view").text
    client.get("/clear")
    assert client.get("/view").text != before


def test_a_hit_is_told_by_a_function_registered_while_the_request_is_answered(app, client_of):
    client = client_of(app)
    assert client.get("/view").headers.get("hit_cache") in (None, "False")
    assert client.get("/view").headers["hit_cache"] == "True"


def test_an_async_view_is_called_once(app, client_of):
    client = client_of(app)
    assert client.get("/async").text == client.get("/async").text


def test_queries_are_told_apart(app, client_of):
    client = client_of(app)
    assert client.get("/query?a=1&b=2").text == client.get("/query?b=2&a=1").text
    assert client.get("/query?a=1").text != client.get("/query?a=2").text


def test_functions_and_parts_of_templates_are_remembered(app, client_of):
    client = client_of(app)
    assert client.get("/sum/1").text == client.get("/sum/1").text != client.get("/sum/2").text
    assert client.get("/part").text == client.get("/part").text
