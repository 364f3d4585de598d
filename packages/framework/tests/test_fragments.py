"""Blocks of templates without the page around them, and when htmx gets them."""

import pytest
from jinja2 import UndefinedError

from cruse import (
    Cruse,
    flash,
    render_block,
    render_htmx,
    stream_block,
)
from cruse.fragments import BlockNotFound
from cruse.signals import before_render_template, template_rendered

TEMPLATES = {
    "layout.html": (
        "<title>{% block title %}layout{% endblock %}</title>"
        "{% for message in get_flashed_messages() %}{{ message }}{% endfor %}"
        "{{ expensive() }}<main>{% block body %}{% endblock %}</main>"
        "{% block foot %}foot of {{ name }}{% endblock %}"
    ),
    "middle.html": (
        "{% extends 'layout.html' %}{% block title %}middle {{ super() }}{% endblock %}"
    ),
    "page.html": (
        "{% extends 'middle.html' %}{% from 'macros.html' import li %}{% set sign = '!' %}"
        "{% block title %}page {{ super() }}{% endblock %}"
        "{% block body %}<ul>{% block rows %}{% for row in rows %}{{ li(row) }}{{ sign }}"
        "{% endfor %}{% endblock %}</ul>{{ expensive() }}{% endblock %}"
    ),
    "plain.html": (
        "<h1>{{ name }}</h1>{% set after = 'set' %}{% block one %}one {{ after }}{% endblock %}"
        "{% for n in [1, 2] %}{% block scoped scoped %}{{ n }}{% endblock %}{% endfor %}"
        "{{ expensive() }}{% set later = 1 %}{% block two %}two {{ later }}{% endblock %}"
    ),
    "macros.html": "{% macro li(x) %}<li>{{ x }}</li>{% endmacro %}",
    "broken.html": "{% block rows %}{{ nope.nope }}{% endblock %}",
    "inner.html": "{% if 1 %}{% block deep %}deep {{ name }}{% endblock %}{% endif %}",
}


@pytest.fixture
def app(tmp_path):
    folder = tmp_path / "templates"
    folder.mkdir()
    for name, source in TEMPLATES.items():
        (folder / name).write_text(source)
    app = Cruse(__name__, root_path=str(tmp_path), static_folder=None)
    app.secret_key = "key"

    @app.template_global
    def expensive():
        raise AssertionError("this part is not to be rendered")

    return app


@pytest.fixture(params=["wsgi", "asgi"])
def client(app, request):
    client = app.test_client(gateway=request.param)
    yield client
    client.close()


def test_a_block_has_what_its_page_imports_and_sets(app):
    with app.app_context():
        assert render_block("page.html", "rows", rows=["<a>"]) == "<li>&lt;a&gt;</li>!"


def test_super_goes_through_all_layouts(app):
    with app.app_context():
        assert render_block("page.html", "title") == "page middle layout"


def test_a_block_of_the_layout_alone(app):
    with app.app_context():
        assert render_block("page.html", "foot", name="x") == "foot of x"


def test_blocks_of_a_page_without_a_layout(app):
    app.template_global("expensive")(lambda: "")
    with app.app_context():
        assert render_block("plain.html", "one", name="x") == "one set"
        assert render_block("plain.html", "scoped") == "1"
        assert render_block("plain.html", "two") == "two 1"
        assert render_block("inner.html", "deep", name="x") == "deep x"


def test_several_blocks_come_in_the_order_they_are_named(app):
    with app.app_context():
        assert render_block("page.html", "foot", "rows", name="x", rows="a") == (
            "foot of x<li>a</li>!"
        )


def test_a_block_that_is_not_there_is_an_error_that_names_those_that_are(app):
    with app.app_context():
        with pytest.raises(BlockNotFound, match=r"no block 'nope'.*'body', 'foot', 'rows'"):
            render_block("page.html", "nope")
        with pytest.raises(BlockNotFound, match="Its blocks: none"):
            render_block("macros.html", "nope")


def test_an_error_in_a_block_shows_the_template(app):
    with app.app_context(), pytest.raises(UndefinedError) as caught:
        render_block("broken.html", "rows")
    assert any(str(entry.path).endswith("broken.html") for entry in caught.traceback)


def test_processors_and_signals_work_as_for_pages(app, client):
    told = []
    app.context_processor(lambda: {"name": "everybody"})
    app.get("/")(lambda: render_block("page.html", "foot"))
    app.get("/stream", endpoint="stream")(lambda: stream_block("page.html", "foot"))

    def note(sender, template, context):
        told.append((template.name, context["name"]))

    with before_render_template.connected_to(note, app), template_rendered.connected_to(note, app):
        assert client.get("/").text == "foot of everybody"
        assert client.get("/stream").text == "foot of everybody"
    assert told == [("page.html", "everybody")] * 4


def test_flashed_messages_wait_for_a_page_that_shows_them(app, client):
    app.template_global("expensive")(lambda: "")

    @app.get("/")
    def index():
        if not told:
            told.append(True)
            flash("saved")
        return render_htmx("page.html", "rows", rows=[])

    told = []
    assert client.get("/", headers={"HX-Request": "true"}).text == ""
    assert "saved" in client.get("/").text
    assert "saved" not in client.get("/").text


# -- htmx --

HTMX = {"HX-Request": "true"}


@pytest.fixture
def shown(app, client):
    """Return a function that tells which part a request gets, and by what that was decided."""
    app.template_global("expensive")(lambda: "")
    app.get("/one")(lambda: render_htmx("page.html", "rows", rows="a"))
    app.get("/two", endpoint="two")(lambda: render_htmx("page.html", "rows", "foot", rows="a"))

    def ask(path, **headers):
        response = client.get(path, headers={k.replace("_", "-"): v for k, v in headers.items()})
        kinds = {"<li>a</li>!": "rows", "foot of ": "foot"}
        fields = [field for field in sorted(response.vary) if field.startswith("HX-")]
        return kinds.get(response.text, "page"), fields

    return ask


DECIDED = ["HX-Boosted", "HX-History-Restore-Request", "HX-Request"]


@pytest.mark.parametrize(
    ("headers", "part"),
    [
        ({}, "page"),
        ({"HX_Request": "false"}, "page"),
        ({"HX_Request": "true"}, "rows"),
        ({"HX_Request": "true", "HX_Target": "foot"}, "rows"),
        ({"HX_Request": "true", "HX_Boosted": "true"}, "page"),
        ({"HX_Request": "true", "HX_History_Restore_Request": "true"}, "page"),
    ],
)
def test_htmx_gets_the_block_unless_it_wants_the_page(shown, headers, part):
    assert shown("/one", **headers) == (part, sorted(DECIDED))


@pytest.mark.parametrize(
    ("target", "part"), [("foot", "foot"), ("rows", "rows"), ("other", "rows"), ("body", "rows")]
)
def test_of_several_blocks_the_target_decides(shown, target, part):
    assert shown("/two", HX_Request="true", HX_Target=target) == (
        part, sorted([*DECIDED, "HX-Target"]),
    )  # fmt: skip


def test_an_async_view_gets_its_block_too(app, client):
    @app.get("/async")
    async def view():
        return render_htmx("page.html", "rows", rows="a")

    response = client.get("/async", headers=HTMX)
    assert response.text == "<li>a</li>!"
    assert "HX-Request" in response.vary


def test_outside_of_a_request_it_is_the_page(app):
    with app.app_context():
        assert render_htmx("inner.html", "deep", name="x") == "deep x"
        assert "<h1>" in render_htmx("plain.html", "one", name="x", expensive=lambda: "")
