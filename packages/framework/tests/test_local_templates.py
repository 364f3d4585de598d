"""Templates of one owner: ``"./name"`` and ``"owner:name"``, and files that hide one another."""

import logging

import pytest
from jinja2 import TemplateNotFound

from cruse import Blueprint, Cruse, get_template_attribute, render_template, render_template_string


def write(folder, files):
    for name, source in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)


@pytest.fixture
def app(tmp_path):
    write(
        tmp_path / "site",
        {
            "templates/index.html": "site index",
            "templates/layout.html": "site[{% block body %}{% endblock %}]",
            "templates/part.html": "site part",
            "templates/uses_part.html": "{% include './part.html' %}",
        },
    )
    return Cruse(__name__, root_path=str(tmp_path / "site"))


@pytest.fixture
def shop(app, tmp_path):
    write(
        tmp_path / "shop",
        {
            "templates/index.html": "shop index",
            "templates/layout.html": "shop<{% block body %}{% endblock %}>",
            "templates/part.html": "shop part",
            "templates/macros.html": "{% macro m() %}shop macro{% endmacro %}",
            "templates/page.html": (
                "{% extends './layout.html' %}{% from './macros.html' import m %}"
                "{% block body %}{% include './part.html' %}, {{ m() }}{% endblock %}"
            ),
            "templates/of_the_site.html": (
                "{% extends ':layout.html' %}"
                "{% block body %}{% include 'part.html' %}{% endblock %}"
            ),
        },
    )
    return Blueprint(
        "shop", __name__, url_prefix="/shop", root_path=str(tmp_path / "shop"),
        template_folder="templates",
    )  # fmt: skip


@pytest.fixture(params=["wsgi", "asgi"])
def client(app, request):
    client = app.test_client(gateway=request.param)
    yield client
    client.close()


def test_a_blueprint_finds_its_own_template_before_the_application_s(app, shop, client):
    shop.get("/own")(lambda: render_template("./index.html"))
    shop.get("/any", endpoint="any")(lambda: render_template("index.html"))
    app.register_blueprint(shop)
    assert client.get("/shop/own").text == "shop index"
    assert client.get("/shop/any").text == "site index"


def test_an_owner_can_be_named_from_anywhere(app, shop, client):
    app.get("/")(lambda: render_template("shop:index.html"))
    shop.get("/")(lambda: render_template(":index.html"))
    app.register_blueprint(shop)
    assert client.get("/").text == "shop index"
    assert client.get("/shop/").text == "site index"


def test_inside_of_templates_a_local_name_is_the_including_template_s(app, shop):
    app.register_blueprint(shop)
    with app.test_request_context("/"):
        assert render_template("shop:page.html") == "shop<shop part, shop macro>"
        # found in the blueprint's folder, without saying so
        assert render_template("page.html") == "shop<shop part, shop macro>"
        assert render_template("shop:of_the_site.html") == "site[site part]"
        assert render_template("uses_part.html") == "site part"


def test_a_string_and_a_list_have_local_names_too(app, shop, client):
    shop.get("/string")(lambda: render_template_string("{% include './part.html' %}"))
    shop.get("/list", endpoint="list")(lambda: render_template(["./none.html", "./part.html"]))
    app.register_blueprint(shop)
    assert client.get("/shop/string").text == "shop part"
    assert client.get("/shop/list").text == "shop part"


def test_a_nested_blueprint_has_the_full_name_it_is_registered_under(app, shop, client):
    shop.get("/")(lambda: render_template("./index.html"))
    outer = Blueprint("outer", __name__, url_prefix="/outer")
    outer.register_blueprint(shop)
    app.register_blueprint(outer)
    assert client.get("/outer/shop/").text == "shop index"
    with app.app_context():
        assert render_template("outer.shop:part.html") == "shop part"


def test_outside_of_blueprints_the_own_folder_is_the_application_s(app, shop):
    app.register_blueprint(shop)
    with app.app_context():
        assert render_template("./part.html") == "site part"
        assert get_template_attribute("shop:macros.html", "m")() == "shop macro"


@pytest.mark.parametrize("name", ["./none.html", "shop:none.html", "none:index.html", "./../x"])
def test_what_its_owner_does_not_have_is_not_looked_for_elsewhere(app, shop, name):
    app.register_blueprint(shop)
    with app.test_request_context("/"), pytest.raises(TemplateNotFound):
        render_template(name)


def test_a_colon_in_the_name_of_a_file_is_still_possible(app, tmp_path):
    write(tmp_path / "site", {"templates/mail:new.txt": "a mail"})
    with app.app_context():
        assert render_template("mail:new.txt") == "a mail"


def test_local_names_are_explained_too(app, shop, caplog):
    app.register_blueprint(shop)
    app.config["EXPLAIN_TEMPLATE_LOADING"] = True
    with app.app_context(), caplog.at_level(logging.INFO):
        assert render_template("shop:page.html") == "shop<shop part, shop macro>"
    assert "blueprint 'shop'" in caplog.text
    assert "application" not in caplog.text


# -- files that hide one another --


def warnings_of(app, caplog, debug=True):
    app.debug = debug
    with caplog.at_level(logging.WARNING):
        app.start()
    app.stop()
    return caplog.text


def blueprint(tmp_path, name, files, **options):
    write(tmp_path / name, files)
    return Blueprint(name, __name__, root_path=str(tmp_path / name), **options)


def test_in_debug_mode_hidden_templates_are_named_with_what_hides_them(app, tmp_path, caplog):
    for name in ("one", "two"):
        files = {"templates/a/list.html": name, f"templates/{name}.html": name}
        app.register_blueprint(blueprint(tmp_path, name, files, template_folder="templates"))
    text = warnings_of(app, caplog)
    assert (
        f"{tmp_path}/one/templates/a/list.html hides {tmp_path}/two/templates/a/list.html" in text
    )
    assert "one.html" not in text


def test_the_application_may_hide_what_somebody_else_s_package_brings(app, shop, caplog):
    app.register_blueprint(shop)
    assert warnings_of(app, caplog) == ""


def test_but_it_is_told_when_it_hides_its_own_blueprint_s(app, tmp_path, caplog):
    inside = tmp_path / "site" / "views"
    files = {"templates/index.html": "views index"}
    app.register_blueprint(blueprint(inside, "blog", files, template_folder="templates"))
    assert "site/views/blog/templates/index.html" in warnings_of(app, caplog)


def test_nothing_is_said_in_production_or_of_the_same_folder(app, tmp_path, caplog):
    one = blueprint(tmp_path, "one", {"templates/a.html": ""}, template_folder="templates")
    app.register_blueprint(one)
    app.register_blueprint(one, name="again", url_prefix="/again")
    assert warnings_of(app, caplog) == ""
    two = Cruse(__name__, root_path=str(tmp_path / "one"))
    write(tmp_path / "two", {"templates/a.html": ""})
    two.register_blueprint(
        Blueprint("b", __name__, root_path=str(tmp_path / "two"), template_folder="templates")
    )
    two.register_blueprint(one)
    assert warnings_of(two, caplog, debug=False) == ""


def test_static_folders_at_one_url_are_named(app, tmp_path, caplog):
    for name in ("one", "two"):
        files = {"static/app.css": name}
        app.register_blueprint(blueprint(tmp_path, name, files, static_folder="static"))
    app.register_blueprint(
        blueprint(
            tmp_path, "three", {"static/app.css": ""}, static_folder="static", url_prefix="/3"
        )
    )
    text = warnings_of(app, caplog)
    assert f"{tmp_path}/site/static (at /static/) hides {tmp_path}/one/static" in text
    assert "two" in text
    assert "three" not in text


def test_many_hidden_files_are_counted(app, tmp_path, caplog):
    for name in ("one", "two"):
        files = {f"templates/{number}.html": name for number in range(15)}
        app.register_blueprint(blueprint(tmp_path, name, files, template_folder="templates"))
    assert "... and 5 more" in warnings_of(app, caplog)
