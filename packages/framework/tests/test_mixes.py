"""Any mix of plain and async functions gives the same order and the same answer, on every face."""

import asyncio
import itertools

import pytest
from jinja2 import BaseLoader

from cruse import (
    Blueprint,
    Cruse,
    after_this_request,
    before_render_template,
    g,
    render_template,
    request,
    request_finished,
    request_started,
    request_tearing_down,
    session,
)
from tests.faces import FACES, client_of

PLACES = ["before", "view", "after", "handler", "processor", "teardown", "receiver", "loader"]
SOURCES = {
    "page.html": "{% extends 'layout.html' %}{% block it %}{{ said }} {{ g.count }}{% endblock %}",
    "layout.html": "<{% block it %}{% endblock %}>",
}


class Program:
    """An application that notes in which order its functions were called.

    Args:
        colors: For each of ``PLACES``, whether its functions are async.
    """

    def __init__(self, colors):
        self.colors = dict(zip(PLACES, colors, strict=True))
        self.log = []
        self.app = Cruse("mixed", static_folder=None, template_folder=None)
        self.app.secret_key = "for tests"
        self.receivers = []
        self.blueprint = Blueprint("part", __name__)
        for name, scope in (("app", self.app), ("part", self.blueprint)):
            self.add_hooks(name, scope)
        self.add_views()
        self.add_receivers()
        self.app.register_blueprint(self.blueprint)
        self.app.jinja_env.loader = self.make_loader()

    def colored(self, place, function):
        """Return a function as an async one, if those of this place are."""
        if not self.colors[place]:
            return function

        async def from_async(*args, **values):
            await asyncio.sleep(0)
            return function(*args, **values)

        return from_async

    def note(self, place, name, result=lambda *args: None):
        """Return a function that writes its name down, with what it sees of the request."""

        def function(*args, **values):
            self.log.append((name, request.path, g.get("count")))
            return result(*args)

        return self.colored(place, function)

    def add_hooks(self, name, scope):
        def count():
            g.count = g.get("count", 0) + 1

        def mark(response):
            response.headers.add("X-Seen", name)
            session["seen"] = f"{session.get('seen', '')}{name} "
            return response

        scope.before_request(self.note("before", f"before {name}", count))
        scope.after_request(self.note("after", f"after {name}", mark))
        scope.teardown_request(self.note("teardown", f"teardown {name}"))
        scope.context_processor(
            self.note("processor", f"processor {name}", lambda: {"said": f"by {name}"})
        )
        scope.register_error_handler(
            {"app": KeyError, "part": LookupError}[name],
            self.note("handler", f"handler {name}", lambda error: (f"{name}: {error!r}", 418)),
        )

    def add_views(self):
        def page():
            after_this_request(self.note("after", "after this", lambda response: response))
            return render_template("page.html")

        def fail():
            raise IndexError("part's")

        self.blueprint.add_url_rule("/page", "page", self.note("view", "page", page))
        self.blueprint.add_url_rule("/fails", "fails", self.note("view", "fails", fail))

    def add_receivers(self):
        signals = {
            "started": request_started, "render": before_render_template,
            "finished": request_finished, "tearing down": request_tearing_down,
        }  # fmt: skip
        for name, signal in signals.items():
            receiver = self.note("receiver", f"receiver {name}")
            signal.connect(receiver, self.app)
            self.receivers.append((signal, receiver))

    def make_loader(self):
        """Templates that come from a store, which may be async."""
        log, fetch = self.log, self.app.ensure_sync(self.colored("loader", SOURCES.get))

        class Loader(BaseLoader):
            def get_source(self, environment, name):
                log.append(("load", name, g.count))
                return fetch(name), None, None

        return Loader()

    def end(self):
        for signal, receiver in self.receivers:
            signal.disconnect(receiver)
        self.app.stop()


def answers_of(colors, face):
    """Return what the client sees of a mix on one face, and what was called for it."""
    program = Program(colors)
    client, seen = client_of(program.app, face), []
    for path in ("/page", "/fails", "/nowhere", "/page"):
        answer = client.get(path)
        seen.append((answer.status_code, answer.text, answer.headers.getlist("X-Seen")))
    client.close()
    program.end()
    return seen, program.log


@pytest.fixture(scope="module")
def all_plain():
    return answers_of([False] * len(PLACES), "wsgi")


def test_the_order_is_the_one_that_the_handbook_tells(all_plain):
    seen, log = all_plain
    assert seen[0] == (200, "<by part 2>", ["part", "app"])
    assert seen[1] == (418, 'part: IndexError("part\'s")', ["part", "app"])
    assert [name for name, path, _ in log if path == "/page"][:14] == [
        "receiver started", "before app", "before part", "page",
        "processor app", "processor part", "receiver render",
        "after this", "after part", "after app", "receiver finished",
        "teardown part", "teardown app", "receiver tearing down",
    ]  # fmt: skip


@pytest.mark.parametrize("face", FACES)
def test_every_mix_of_colors_does_the_same(face, all_plain):
    mixes = set(itertools.product([False, True], repeat=len(PLACES)))
    # Every fifth of them, so that any few places meet in all their colors; and the two extremes.
    for colors in [*sorted(mixes)[::5], (True,) * len(PLACES)]:
        assert answers_of(colors, face) == all_plain, dict(zip(PLACES, colors, strict=True))
