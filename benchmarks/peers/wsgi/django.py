"""Django with the middleware that each workload needs, of those that ``startproject`` switches on.

Files: its documentation leaves them to the web server.
"""

from __future__ import annotations

import asyncio
import json
import sys
import types

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from benchmarks.peers.common import (
    ANSWER,
    CHUNK,
    CHUNKS,
    DYNAMIC_RULE,
    EVENTS,
    ROWS,
    SECRET,
    STATIC_RULE,
    TEMPLATES,
    TITLE,
)

#: Of the default project: what is about users, messages and CSRF is left out.
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]


def _app(*urls, middleware=(), **options):
    urlconf = types.ModuleType("benchmark_urls")
    urlconf.urlpatterns = list(urls)
    sys.modules["benchmark_urls"] = urlconf
    if not settings.configured:  # once in a process
        settings.configure(
            ALLOWED_HOSTS=["localhost", "127.0.0.1"],
            MIDDLEWARE=[*MIDDLEWARE, *middleware],
            ROOT_URLCONF="benchmark_urls",
            SECRET_KEY=SECRET,
            TEMPLATES=[
                {"BACKEND": "django.template.backends.jinja2.Jinja2", "DIRS": [TEMPLATES]},
            ],
            **options,
        )
        django.setup()
    return get_wsgi_application()


def hello():
    @require_GET
    def view(request):
        return HttpResponse("hello")

    return _app(path("", view))


not_found = hello


def give_json():
    return _app(path("json", require_GET(lambda request: JsonResponse(ANSWER))))


def parameter():
    @require_GET
    def view(request, number):
        return HttpResponse(f"{number} {request.GET['q']} {int(request.GET.get('page', 1))}")

    return _app(path("items/<int:number>", view))


def template():
    @require_GET
    def view(request):
        return render(request, "rows.html", {"title": TITLE, "rows": ROWS})

    return _app(path("page", view))


def form():
    @csrf_exempt
    @require_POST
    def view(request):
        return HttpResponse(f"{request.POST['name']} {request.POST['email']}")

    return _app(path("form", view))


def echo():
    @csrf_exempt
    @require_POST
    def view(request):
        return JsonResponse(json.loads(request.body))

    return _app(path("echo", view))


def use_session():
    @require_GET
    def view(request):
        request.session["visits"] = request.session.get("visits", 0) + 1
        return HttpResponse(str(request.session["visits"]))

    return _app(
        path("session", view),
        middleware=["django.contrib.sessions.middleware.SessionMiddleware"],
        SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
    )


def routes(count):
    urls = []
    for n in range(count // 2):
        urls.append(path(STATIC_RULE.format(n)[1:], lambda request: HttpResponse("static")))
        urls.append(
            path(
                f"{DYNAMIC_RULE.format(n)[1:]}/<int:number>",
                lambda request, number: HttpResponse(number),
            )
        )
    return _app(*urls)


def upload():
    @csrf_exempt
    @require_POST
    def view(request):
        return HttpResponse(len(request.FILES["file"].read()))

    return _app(path("upload", view))


def hook(n):
    def factory(get_response):
        def middleware(request):
            request.before = getattr(request, "before", 0) + 1
            response = get_response(request)
            response.headers[f"X-After-{n}"] = "1"
            return response

        return middleware

    return factory


first, second, third = map(hook, range(3))


def hooks():
    view = path("view", require_GET(lambda request: HttpResponse(request.before)))
    return _app(
        path("b0/", include([path("b1/", include([view]))])),
        middleware=[f"{__name__}.{name}" for name in ("first", "second", "third")],
    )


def stream():
    @require_GET
    def view(request):
        return StreamingHttpResponse((CHUNK for _ in range(CHUNKS)), content_type="text/plain")

    return _app(path("stream", view))


def async_view():
    async def view(request):
        await asyncio.sleep(0)
        return HttpResponse("hello")

    return _app(path("async", view))


def events():
    @require_GET
    def view(request):
        events = (f"data: {n}\n\n" for n in range(EVENTS))
        return StreamingHttpResponse(events, content_type="text/event-stream")

    return _app(path("events", view))
