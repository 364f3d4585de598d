from __future__ import annotations

from pyramid.config import Configurator
from pyramid.response import Response
from pyramid.session import JSONSerializer, SignedCookieSessionFactory

from benchmarks.peers.common import (
    ANSWER,
    CHUNK,
    CHUNKS,
    DYNAMIC_RULE,
    EVENTS,
    ROWS,
    SECRET,
    STATIC,
    STATIC_RULE,
    TEMPLATES,
    TITLE,
)


def _app(path, view, renderer=None, method="GET", **options):
    with Configurator(**options) as config:
        if renderer == "rows.html":
            config.include("pyramid_jinja2")
            config.add_jinja2_renderer(".html")
            config.add_jinja2_search_path(TEMPLATES, ".html")
        config.add_route("view", path, request_method=method)
        config.add_view(view, route_name="view", renderer=renderer)
        return config.make_wsgi_app()


def hello():
    return _app("/", lambda request: Response("hello"))


not_found = hello


def give_json():
    return _app("/json", lambda request: ANSWER, "json")


def parameter():
    def view(request):
        number, page = int(request.matchdict["number"]), int(request.params.get("page", 1))
        return Response(f"{number} {request.params['q']} {page}")

    return _app(r"/items/{number:\d+}", view)


def template():
    return _app("/page", lambda request: {"title": TITLE, "rows": ROWS}, "rows.html")


def form():
    def view(request):
        return Response(f"{request.POST['name']} {request.POST['email']}")

    return _app("/form", view, method="POST")


def echo():
    return _app("/echo", lambda request: request.json_body, "json", method="POST")


def use_session():
    def view(request):
        session = request.session
        session["visits"] = session.get("visits", 0) + 1
        return Response(str(session["visits"]))

    factory = SignedCookieSessionFactory(SECRET, serializer=JSONSerializer(), httponly=True)
    return _app("/session", view, session_factory=factory)


def routes(count):
    with Configurator() as config:
        for n in range(count // 2):
            config.add_route(f"static{n}", STATIC_RULE.format(n))
            config.add_view(lambda request: Response("static"), route_name=f"static{n}")
            config.add_route(f"dynamic{n}", rf"{DYNAMIC_RULE.format(n)}/{{number:\d+}}")
            config.add_view(
                lambda request: Response(str(int(request.matchdict["number"]))),
                route_name=f"dynamic{n}",
            )
        return config.make_wsgi_app()


def upload():
    def view(request):
        return Response(str(len(request.POST["file"].file.read())))

    return _app("/upload", view, method="POST")


def file():
    with Configurator() as config:
        config.add_static_view("static", STATIC)
        return config.make_wsgi_app()


def hook(n):
    def factory(handler, registry):
        def tween(request):
            request.before = getattr(request, "before", 0) + 1
            response = handler(request)
            response.headers[f"X-After-{n}"] = "1"
            return response

        return tween

    return factory


first, second, third = map(hook, range(3))  # tweens are added by their dotted names


def hooks():
    def inner(config):
        config.add_route("view", "/view")
        config.add_view(lambda request: Response(str(request.before)), route_name="view")

    def outer(config):
        config.include(inner, route_prefix="b1")

    with Configurator() as config:
        for name in ("first", "second", "third"):
            config.add_tween(f"{__name__}.{name}")
        config.include(outer, route_prefix="b0")
        return config.make_wsgi_app()


def stream():
    def view(request):
        chunks = (CHUNK.encode() for _ in range(CHUNKS))
        return Response(app_iter=chunks, content_type="text/plain")

    return _app("/stream", view)


def events():
    def view(request):
        events = (f"data: {n}\n\n".encode() for n in range(EVENTS))
        return Response(app_iter=events, content_type="text/event-stream")

    return _app("/events", view)
