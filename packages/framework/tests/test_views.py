"""Views as classes."""

import threading

import pytest
from werkzeug.http import parse_set_header

from cruse import Cruse, g, request
from cruse.views import MethodView, View


@pytest.fixture
def app():
    app = Cruse(__name__)
    app.testing = True
    return app


@pytest.fixture(params=["wsgi", "asgi"])
def client(app, request):
    return app.test_client(gateway=request.param)


class Index(View):
    methods = ("GET", "POST")

    def dispatch_request(self):
        return request.method


class Methods(MethodView):
    def get(self):
        return "GET"

    def post(self):
        return "POST"


def test_a_view(app, client):
    app.add_url_rule("/", view_func=Index.as_view("index"))
    assert client.get("/").text == "GET"
    assert client.post("/").text == "POST"
    assert client.put("/").status_code == 405
    assert parse_set_header(client.open("/", method="OPTIONS").headers["Allow"]).as_set() == {
        "get",
        "head",
        "options",
        "post",
    }


def test_one_method_for_each_of_http_s(app, client):
    app.add_url_rule("/", view_func=Methods.as_view("index"))
    assert client.get("/").text == "GET"
    assert client.post("/").text == "POST"
    assert client.put("/").status_code == 405
    assert Methods.methods == {"GET", "POST"}


def test_variables_of_the_url_are_keyword_arguments(app, client):
    class Item(MethodView):
        def get(self, number):
            return f"item {number + 1}"

    app.add_url_rule("/<int:number>", view_func=Item.as_view("item"))
    assert client.get("/41").text == "item 42"


def test_methods_of_base_classes_count(app, client):
    class Delete(MethodView):
        def delete(self):
            return "DELETE"

    class Both(Methods, Delete):
        def propfind(self):
            return "not a method that is looked for"

    app.add_url_rule("/", view_func=Both.as_view("index"))
    assert Both.methods == {"GET", "POST", "DELETE"}
    assert client.delete("/").text == "DELETE"
    assert client.get("/").text == "GET"


def test_a_base_class_may_have_none(app, client):
    class Base(MethodView):
        """What several views share."""

    class Derived(Base):
        def get(self):
            return "GET"

    assert Base.methods is None
    app.add_url_rule("/", view_func=Derived.as_view("index"))
    assert client.get("/").text == "GET"


def test_methods_may_be_fewer_than_there_are(app, client):
    class OnlyGet(Methods):
        methods = ("GET",)

    app.add_url_rule("/", view_func=OnlyGet.as_view("index"))
    assert client.post("/").status_code == 405


def test_a_method_that_is_announced_but_missing_is_an_error(app, client):
    class Promising(MethodView):
        methods = ("GET", "PUT")

        def get(self):
            return ""

    app.add_url_rule("/", view_func=Promising.as_view("index"))
    with pytest.raises(AssertionError, match="Unimplemented method 'PUT'"):
        client.put("/")


def test_head_is_answered_by_get(app, client):
    app.add_url_rule("/", view_func=Methods.as_view("index"))
    response = client.head("/")
    assert (response.status_code, response.data) == (200, b"")
    assert response.content_length == 3


def test_head_may_be_its_own(app, client):
    class WithHead(Methods):
        def head(self):
            return "", {"X-Method": "HEAD"}

    app.add_url_rule("/", view_func=WithHead.as_view("index"))
    assert client.head("/").headers["X-Method"] == "HEAD"
    assert "X-Method" not in client.get("/").headers


def test_arguments_of_as_view_are_the_class_s(app, client):
    class Greeting(View):
        def __init__(self, greeting, *, mark):
            self.text = greeting + mark

        def dispatch_request(self):
            return self.text

    app.add_url_rule("/", view_func=Greeting.as_view("index", "hello", mark="!"))
    assert client.get("/").text == "hello!"


@pytest.mark.parametrize(("every", "counts"), [(True, ["1", "1"]), (False, ["1", "2"])])
def test_an_instance_for_each_request_or_for_all(app, client, every, counts):
    class Counter(View):
        init_every_request = every

        def __init__(self):
            self.count = 0

        def dispatch_request(self):
            self.count += 1
            return str(self.count)

    app.add_url_rule("/", view_func=Counter.as_view("index"))
    assert [client.get("/").text for _ in range(2)] == counts


def test_decorators_are_applied_in_order(app, client):
    def add(word):
        def decorator(function):
            def wrapper(**kwargs):
                return f"{function(**kwargs)} {word}"

            return wrapper

        return decorator

    class Decorated(View):
        """What it is for."""

        decorators = [add("a"), add("b")]

        def dispatch_request(self):
            return "view"

    view = Decorated.as_view("index")
    app.add_url_rule("/", view_func=view)
    assert client.get("/").text == "view a b"
    assert (view.__name__, view.__doc__, view.__module__) == (
        "index",
        "What it is for.",
        __name__,
    )
    assert view.view_class is Decorated


def test_options_can_be_answered_by_the_view(app, client):
    class Own(View):
        methods = ("GET", "OPTIONS")
        provide_automatic_options = False

        def dispatch_request(self):
            return "own"

    class Off(View):
        provide_automatic_options = False

        def dispatch_request(self):
            return ""

    app.add_url_rule("/own", view_func=Own.as_view("own"))
    app.add_url_rule("/off", view_func=Off.as_view("off"))
    assert client.options("/own").text == "own"
    assert client.options("/off").status_code == 405


def test_a_view_may_be_async(app, client):
    class Async(View):
        async def dispatch_request(self, name):
            return f"{name} {request.method}"

    app.add_url_rule("/<name>", view_func=Async.as_view("index"))
    assert client.get("/a").text == "a GET"


def test_async_and_plain_methods_side_by_side(app, client):
    class Mixed(MethodView):
        async def get(self):
            return f"async {threading.get_ident()}"

        def post(self):
            g.used = True  # the context is there
            return f"{request.form['a']} {threading.get_ident()}"

    app.add_url_rule("/", view_func=Mixed.as_view("index"))
    word, loop_thread = client.get("/").text.split()
    assert word == "async"
    word, thread = client.post("/", data={"a": "b"}).text.split()
    assert word == "b"
    assert thread != loop_thread  # it does not block the loop


def test_an_async_view_s_own_dispatch(app, client):
    class Logged(MethodView):
        def dispatch_request(self, **kwargs):
            g.seen = True
            return super().dispatch_request(**kwargs)

        async def get(self):
            return str(g.seen)

    app.add_url_rule("/", view_func=Logged.as_view("index"))
    assert client.get("/").text == "True"


def test_a_view_without_dispatch_says_so(app, client):
    app.add_url_rule("/", view_func=View.as_view("index"))
    with pytest.raises(NotImplementedError):
        client.get("/")
