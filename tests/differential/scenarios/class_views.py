"""Views that are classes."""

from functools import wraps

from tests.differential.harness import scenario


def show(fw, app, path="/", methods=("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS")):
    client = fw.client(app)
    for method in methods:
        client.open(path, method=method)


@scenario(async_too=True)
def a_view(fw):
    class Index(fw.views.View):
        methods = ["GET", "POST"]

        @fw.colour
        def dispatch_request(self):
            return fw.request.method

    app = fw.App(__name__)
    app.add_url_rule("/", view_func=Index.as_view("index"))
    show(fw, app)


@scenario
def a_view_without_dispatch(fw):
    app = fw.App(__name__)
    app.testing = True
    app.add_url_rule("/", view_func=fw.views.View.as_view("index"))
    fw.observe(outcome=fw.outcome(lambda: fw.client(app).get("/")))


@scenario(async_too=True)
def a_method_view(fw):
    class Index(fw.views.MethodView):
        @fw.colour
        def get(self, number=0):
            return f"got {number}"

        @fw.colour
        def post(self):
            return "posted", 201

        @fw.colour
        def propfind(self):
            return "found"

    app = fw.App(__name__)
    app.add_url_rule("/", view_func=Index.as_view("index"))
    app.add_url_rule("/<int:number>", view_func=Index.as_view("item"), methods=["GET"])
    show(fw, app)
    show(fw, app, "/7", ("GET", "POST"))


@scenario(async_too=True)
def head_of_its_own(fw):
    class Index(fw.views.MethodView):
        @fw.colour
        def get(self):
            return "got"

        @fw.colour
        def head(self):
            return fw.Response("", headers={"X-Method": "HEAD"})

    app = fw.App(__name__)
    app.add_url_rule("/", view_func=Index.as_view("index"))
    show(fw, app, methods=("GET", "HEAD"))


@scenario
def options_of_its_own(fw):
    class Index(fw.views.MethodView):
        def get(self):
            return "got"

        def options(self):
            return "own"

    app = fw.App(__name__)
    app.add_url_rule("/", view_func=Index.as_view("index"))
    show(fw, app, methods=("GET", "OPTIONS"))


@scenario(
    each={
        "one base": lambda views: (views["Get"],),
        "two bases": lambda views: (views["Get"], views["Post"]),
        "named": lambda views: (views["Named"],),
        "named and base": lambda views: (views["Get"], views["Named"]),
        "of a child": lambda views: (views["Child"],),
    }
)
def methods_of_bases(fw, bases):
    class Get(fw.views.MethodView):
        def get(self):
            return "get"

    class Post(fw.views.MethodView):
        def post(self):
            return "post"

    class Named(fw.views.MethodView):
        methods = {"PUT", "DELETE"}

        def put(self):
            return "put"

        def delete(self):
            return "delete"

    class Child(Get):
        def patch(self):
            return "patch"

    views = {each.__name__: each for each in (Get, Post, Named, Child)}
    final = type("Final", bases(views), {})
    fw.observe(methods=final.methods and sorted(final.methods))
    app = fw.App(__name__)
    app.add_url_rule("/", view_func=final.as_view("index"))
    show(fw, app)


@scenario
def a_view_without_methods(fw):
    class Index(fw.views.MethodView):
        pass

    fw.observe(methods=Index.methods)
    app = fw.App(__name__)
    app.testing = True
    app.add_url_rule("/", view_func=Index.as_view("index"))
    fw.observe(outcome=fw.outcome(lambda: fw.client(app, record=False).get("/").status))


@scenario
def a_method_it_does_not_have(fw):
    class Index(fw.views.MethodView):
        methods = ["GET", "PUT"]

        def get(self):
            return "get"

    app = fw.App(__name__)
    app.testing = True
    app.add_url_rule("/", view_func=Index.as_view("index"))
    fw.observe(outcome=fw.outcome(lambda: fw.client(app).put("/")))


@scenario
def decorators_in_their_order(fw):
    def adding(mark):
        def decorator(view):
            @wraps(view)
            def wrapper(*args, **kwargs):
                return f"{mark}({view(*args, **kwargs)})"

            return wrapper

        return decorator

    class Index(fw.views.View):
        decorators = [adding("first"), adding("second")]

        def dispatch_request(self):
            return "view"

    app = fw.App(__name__)
    app.add_url_rule("/", view_func=Index.as_view("index"))
    show(fw, app, methods=("GET",))


@scenario(each={"each request": True, "once": False})
def when_it_is_made(fw, each_request):
    made = []

    class Index(fw.views.View):
        init_every_request = each_request

        def __init__(self, start):
            made.append(start)
            self.count = start

        def dispatch_request(self, step):
            self.count += step
            return str(self.count)

    app = fw.App(__name__)
    app.add_url_rule("/<int:step>", view_func=Index.as_view("index", start=10))
    show(fw, app, "/1", ("GET", "GET"))
    fw.observe(made=made)


@scenario(each={"positional": ((5,), {}), "named": ((), {"start": 6}), "wrong": ((), {"x": 1})})
def arguments_of_the_class(fw, arguments):
    args, kwargs = arguments

    class Index(fw.views.View):
        def __init__(self, start=1):
            self.start = start

        def dispatch_request(self):
            return str(self.start)

    app = fw.App(__name__)
    app.testing = True
    app.add_url_rule("/", view_func=Index.as_view("index", *args, **kwargs))
    fw.observe(outcome=fw.outcome(lambda: fw.client(app, record=False).get("/").text))


@scenario
def what_the_view_function_shows(fw):
    class Index(fw.views.MethodView):
        """Says hello."""

        def get(self):
            return ""

        def delete(self):
            return ""

    view = Index.as_view("the_name")
    fw.observe(
        name=view.__name__,
        doc=view.__doc__,
        module=view.__module__ == __name__,
        view_class=view.view_class is Index,
        methods=sorted(view.methods),
        options=view.provide_automatic_options,
    )


@scenario(each={"on": True, "off": False, "unset": None})
def automatic_options(fw, value):
    class Index(fw.views.View):
        provide_automatic_options = value

        def dispatch_request(self):
            return fw.request.method

    app = fw.App(__name__)
    app.add_url_rule("/", view_func=Index.as_view("index"))
    show(fw, app, methods=("GET", "OPTIONS"))


@scenario
def a_view_of_a_blueprint_with_one_name_twice(fw):
    class Index(fw.views.View):
        def dispatch_request(self):
            return fw.request.endpoint

    app, bp = fw.App(__name__), fw.Blueprint("bp", __name__)
    bp.add_url_rule("/a", view_func=Index.as_view("index"))
    fw.observe(
        again=fw.outcome(lambda: bp.add_url_rule("/b", view_func=Index.as_view("index"))),
        registered=fw.outcome(lambda: app.register_blueprint(bp)),
    )
    show(fw, app, "/a", ("GET",))
