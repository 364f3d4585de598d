"""A program written for Flask behaves the same on Cruse when its import lines are changed."""

import datetime
import gc
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ported.frameworks import FLASK_IMPORT, copy_for, load

PROGRAM = Path(__file__).with_name("lending")
DUNE, EMMA, HOBBIT = "9780441013593", "9780141439587", "9780547928227"
BOOKS = [
    {"isbn": DUNE, "title": "Dune", "author": "Frank Herbert", "subject": "desert"},
    {"isbn": EMMA, "title": "Emma <3", "author": "Jane Austen", "subject": "love"},
    {"isbn": HOBBIT, "title": "The Hobbit", "author": "J. R. R. Tolkien"},
]


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    return {
        framework: copy_for(framework, PROGRAM, tmp_path_factory.mktemp(framework))
        for framework in ("flask", "cruse")
    }


@pytest.fixture(scope="session")
def programs(folders):
    return {framework: load(folder, "lending") for framework, folder in folders.items()}


@pytest.fixture(params=["flask-wsgi", "cruse-wsgi", "cruse-asgi"])
def framework(request):
    return request.param.partition("-")


@pytest.fixture
def lending(framework, programs, monkeypatch):
    """The package, as its modules find one another while a test runs."""
    for name, module in programs[framework[0]].items():
        monkeypatch.setitem(sys.modules, name, module)
    return sys.modules["lending"]


@pytest.fixture
def app(lending, tmp_path, monkeypatch):
    monkeypatch.setenv("LENDING_MAX_LOANS", "2")
    (tmp_path / "lending.cfg").write_text("TOWN = 'Bree'\nMAX_LOANS = 9\n")
    settings = {"TODAY": datetime.date(2026, 5, 1), "TESTING": True}
    app = lending.create_app(settings, instance_path=str(tmp_path))
    runner = app.test_cli_runner()
    stock = tmp_path / "stock.json"
    stock.write_text(json.dumps(BOOKS))
    assert runner.invoke(args=["init-db"]).output == "The shelves are empty.\n"
    loaded = runner.invoke(args=["books", "load", str(stock)])
    assert loaded.output == "3 books are in north.\n"
    return app


@pytest.fixture
def client(app, framework):
    if framework[2] == "wsgi":
        yield app.test_client()
    else:
        client = app.test_client(gateway="asgi")
        yield client
        client.close()


@pytest.fixture
def reader(client):
    """A client that is signed in as Ada."""
    client.post("/accounts/register", data={"name": "ada", "password": "pw"})
    client.post("/accounts/sign-in", data={"name": "ada", "password": "pw"})
    return client


@pytest.fixture
def librarian(app, reader):
    app.test_cli_runner().invoke(args=["staff", "promote", "ada"], catch_exceptions=False)
    return reader


def place(response):
    """Where a redirect goes that a form's answer may be."""
    assert response.status_code in (302, 303)
    return response.location


def test_nothing_but_the_import_lines_differs(folders):
    changed = 0
    for file in PROGRAM.rglob("*.*"):
        if file.suffix == ".pyc":
            continue
        name = file.relative_to(PROGRAM.parent)
        before = (folders["flask"] / name).read_text().splitlines()
        after = (folders["cruse"] / name).read_text().splitlines()
        for old, new in zip(before, after, strict=True):
            if old != new:
                assert FLASK_IMPORT.match(old)
                changed += 1
    assert changed > 10


def test_no_flask_is_left_in_the_ported_program(programs):
    values = [value for module in programs["cruse"].values() for value in vars(module).values()]
    homes = {str(getattr(value, "__module__", "")).partition(".")[0] for value in values}
    assert "cruse" in homes
    assert "flask" not in homes


# -- pages --


def test_the_first_page(client):
    page = client.get("/")
    assert page.content_type == "text/html; charset=utf-8"
    assert "<h1>Hello, stranger</h1>" in page.text
    assert '<span class="stars">★★★</span> Loans last 28 days. You are at /.' in page.text
    assert 'href="/static/style.css' in page.text  # Cruse adds a hash of the content
    assert "<title>Bree</title>" in page.text
    assert page.headers["X-Lending"] == "Bree"


def test_the_catalogue_escapes_titles(client):
    page = client.get("/books/")
    assert f'<a href="/books/978-{EMMA[3:]}">Emma &lt;3</a>' in page.text
    assert page.text.index("Dune") < page.text.index("Emma")


def test_of_several_templates_the_first_that_exists_is_used(client):
    assert client.get("/books/?style=wide").text.startswith("Dune by Frank Herbert; Emma")
    assert "<ul>" in client.get("/books/?style=unheard-of").text


def test_a_url_without_its_last_slash_leads_to_it(client):
    answer = client.get("/books?style=wide")
    assert (answer.status_code, answer.location) == (308, "http://localhost/books/?style=wide")


def test_a_list_in_a_url(client):
    page = client.get("/books/subjects/love+desert/")
    assert "<h1>love and desert</h1>" in page.text
    assert "Hobbit" not in page.text


@pytest.mark.parametrize("isbn", [DUNE, f"978-{DUNE[3:]}"])
def test_a_book_is_found_with_and_without_a_hyphen(client, isbn):
    page = client.get(f"/books/{isbn}")
    assert "<title>Dune - Bree</title>" in page.text
    assert "Herbert, Frank" in page.text
    assert f'{{"isbn": "{DUNE}", "title": "Dune"}}' in page.text
    assert client.get_cookie("last_book").value == DUNE


def test_json_in_a_script_can_not_end_it(client):
    assert r'"title": "Emma \u003c3"' in client.get(f"/books/{EMMA}").text


def test_a_wrong_check_digit_is_no_url_of_a_book(client):
    page = client.get("/books/9780441013590")
    assert page.status_code == 404
    assert "<title>Sorry - Bree</title>" in page.text


def test_a_book_that_nobody_has(client):
    page = client.get("/books/9780000000002")
    assert (page.status_code, page.headers["X-Missing"]) == (404, "9780000000002")
    assert "No such book." in page.text


def test_an_error_becomes_a_page_and_teardown_is_told_nothing_of_handled_ones(app, client, caplog):
    app.config["PROPAGATE_EXCEPTIONS"] = False
    page = client.get("/broken")
    assert page.status_code == 500
    assert "(RuntimeError)" in page.text
    assert page.headers["X-Lending"] == "Bree"
    assert [r.message for r in caplog.records if r.name == app.name] == [
        "Exception on /broken [GET]"
    ]
    client.get("/nowhere")
    assert app.extensions["visits"][-1] == ("/nowhere", None)


def test_the_test_client_raises_what_a_view_raises(app, client):
    with pytest.raises(RuntimeError, match="the lift is stuck"):
        client.get("/broken")


def test_a_static_file_and_its_second_request(client):
    with client.get("/static/style.css") as first:
        assert first.text == "nav { color: #333; }\n"
        assert first.content_type.startswith("text/css")
    etag = first.headers["ETag"]
    with client.get("/static/style.css", headers={"If-None-Match": etag}) as again:
        assert (again.status_code, again.data) == (304, b"")


def test_text_in_a_template_from_a_string_is_escaped(client):
    assert client.get("/books/motto?text=<b>").text == "nobody <&lt;b&gt;>"


# -- accounts --


def test_registering_and_signing_in(client):
    data = {"name": "ada", "password": "pw"}
    assert place(client.post("/accounts/register", data=data)) == "/accounts/sign-in"
    assert '<p class="message">Welcome! Now sign in.</p>' in client.get("/accounts/sign-in").text
    assert "Welcome" not in client.get("/accounts/sign-in").text
    assert place(client.post("/accounts/sign-in", data=data)) == "/"
    page = client.get("/")
    assert "Hello, ada" in page.text
    assert page.headers["Vary"] == "Cookie"
    client.get("/accounts/sign-out")
    assert "Hello, stranger" in client.get("/").text


def test_a_name_is_given_once(reader):
    data = {"name": "ada", "password": "other"}
    page = reader.post("/accounts/register", data=data)
    assert '<p class="error">ada is taken.</p>' in page.text


def test_a_wrong_password_is_told_in_the_same_answer(client):
    page = client.post("/accounts/sign-in", data={"name": "ada", "password": "x"})
    assert page.status_code == 422
    assert '<p class="error">Name or password is wrong.</p>' in page.text


def test_a_form_without_a_field_is_a_bad_request(app, client):
    assert client.post("/accounts/sign-in", data={"name": "ada"}).status_code == 400


def test_a_remembered_reader_has_a_cookie_that_lasts(reader, client):
    data = {"name": "ada", "password": "pw", "remember": "1"}
    answer = client.post("/accounts/sign-in", data=data)
    cookie = answer.headers["Set-Cookie"]
    assert "Expires=" in cookie
    assert "HttpOnly" in cookie


def test_signing_in_sends_the_programs_own_signal(app, lending, reader):
    seen = []

    def note(sender, name):
        seen.append((sender, name))

    signal = sys.modules["lending.accounts"].reader_signed_in
    with signal.connected_to(note, app):
        reader.post("/accounts/sign-in", data={"name": "ada", "password": "pw"})
    assert seen == [(app, "ada")]


def test_a_page_for_readers_leads_to_the_sign_in(client):
    answer = client.get(f"/books/label/{DUNE}?x=1")
    assert place(answer) == f"/accounts/sign-in?next=/books/label/{DUNE}?x%3D1"


def test_a_handler_of_a_blueprint_answers_for_its_views_only(app, client):
    assert client.get("/accounts/nowhere").status_code == 404
    assert "<title>Sorry" in client.get("/accounts/nowhere").text


# -- the catalogue's back door --


def test_only_librarians_edit(reader):
    page = reader.get(f"/books/{DUNE}/edit")
    assert page.status_code == 403
    assert "This desk is for librarians." in page.text


def test_a_librarian_edits_a_title(librarian):
    assert 'value="Dune"' in librarian.get(f"/books/{DUNE}/edit").text
    answer = librarian.post(f"/books/{DUNE}/edit", data={"title": "Dune, again"})
    assert place(answer) == f"/books/978-{DUNE[3:]}"
    page = librarian.get(answer.location).text
    assert "Dune, again" in page
    assert '<p class="message">Saved.</p>' in page


@pytest.mark.parametrize("by_form", [True, False])
def test_a_cover_comes_back_as_it_was_sent(librarian, by_form):
    url, image = f"/books/{DUNE}/cover", bytes(range(256)) * 40
    if by_form:
        sent = librarian.post(url, data={"image": (io.BytesIO(image), "dune.png")})
    else:
        sent = librarian.put(url, data=image)
    assert (sent.status_code, sent.headers["Location"]) == (201, f"/books/978-{DUNE[3:]}/cover")
    got = librarian.get(url)
    assert got.data == image
    assert got.content_type == "image/png"
    assert got.headers["ETag"] == f'"{DUNE}"'
    assert "max-age=60" in got.headers["Cache-Control"]
    part = librarian.get(url, headers={"Range": "bytes=5-9"})
    assert (part.status_code, part.data) == (206, image[5:10])
    assert librarian.get(url, headers={"If-None-Match": f'"{DUNE}"'}).status_code == 304


def test_a_cover_larger_than_the_limit_gets_the_blueprints_app_wide_answer(librarian):
    answer = librarian.put(f"/books/{DUNE}/cover", data=b"x" * 70_000)
    assert (answer.status_code, answer.text) == (413, "That is more than our shelves hold.")


def test_a_list_is_streamed_out_of_the_database(app, client):
    answer = client.get("/books/export.csv?mark=m")
    assert answer.content_type == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == "attachment; filename=books.csv"
    assert "Content-Length" not in answer.headers
    assert answer.text.splitlines() == [
        f"{EMMA},Emma <3,Jane Austen,m",
        f"{DUNE},Dune,Frank Herbert,m",
        f"{HOBBIT},The Hobbit,J. R. R. Tolkien,m",
    ]


def test_a_streamed_page_is_the_page(client):
    assert client.get("/books/all").text == client.get("/books/").text


def test_every_request_closes_its_connection(app, client):
    before = app.extensions["closed_connections"][0]
    for path in ("/books/", "/books/export.csv", "/books/all", f"/books/{DUNE}"):
        client.get(path).close()
    gc.collect()
    assert app.extensions["closed_connections"][0] == before + 4


def test_the_basket_is_kept_in_the_session(client):
    assert client.get("/books/basket").json == {"basket": []}
    client.post("/books/basket", data={"isbn": [DUNE, EMMA]})
    answer = client.post("/books/basket", data={"isbn": HOBBIT})
    assert answer.json == {"basket": [DUNE, EMMA, HOBBIT]}
    assert answer.headers["X-Basket"] == "3"
    assert "3 in the basket" in client.get("/").text
    with client.session_transaction() as session:
        assert session["basket"] == [DUNE, EMMA, HOBBIT]
    assert client.delete("/books/basket").headers["X-Basket"] == "0"
    assert client.get_cookie("session") is None


def test_the_methods_of_a_url(client):
    answer = client.options(f"/books/{DUNE}/cover")
    assert set(answer.allow) == {"GET", "HEAD", "OPTIONS", "POST", "PUT"}
    assert client.delete(f"/books/{DUNE}/cover").status_code == 405


def test_a_macro_used_from_python(reader):
    assert reader.get(f"/books/label/{DUNE}").text == "<div>Herbert, Frank: Dune @ Bree</div>"


def test_the_context_of_a_request_can_be_looked_at(framework, client, programs):
    names = vars(programs[framework[0]]["lending.catalogue"])
    with client:
        client.get("/books/motto?text=hi")
        assert names["request"].args["text"] == "hi"
        assert names["g"].steps == ["app before", "accounts before"]
        assert "reader" not in names["session"]


def test_a_url_is_made_for_a_request_that_nobody_sent(app, framework, programs):
    names = vars(programs[framework[0]]["lending.catalogue"])
    with app.test_request_context("/branches/north/"):
        assert names["url_for"]("catalogue.by_subject", subjects=["a b", "c"]) == (
            "/books/subjects/a%20b+c/"
        )


# -- branches --


def test_a_branch_knows_its_own_name_from_the_url(client):
    page = client.get("/branches/north/")
    assert "<h1>North Street (branch)</h1>" in page.text
    assert '<a href="/branches/north/desk/">' in page.text
    assert '<a href="/branches/harbour/">' in page.text
    assert page.headers["X-Steps"] == "app before, accounts before, branch before, branch after"


def test_a_branch_that_is_none(client):
    page = client.get("/branches/moon/")
    assert page.status_code == 404
    assert "There is no such branch." in page.text


def test_borrowing_and_giving_back(reader):
    url = "/branches/north/desk"
    answer = reader.post(f"{url}/borrow", data={"isbn": DUNE})
    assert place(answer) == f"{url}/"
    page = reader.get(f"{url}/")
    assert '<p class="loan">Back by 29.05.2026.</p>' in page.text
    assert "<h1>North Street (desk)</h1>" in page.text
    assert "<p>Dune</p>" in page.text
    assert page.headers["X-Steps"] == (
        "app before, accounts before, branch before, desk before, desk after, branch after"
    )
    reader.post(f"{url}/return/1")
    assert "Dune" not in reader.get(f"{url}/").text


def test_what_can_not_be_lent(reader):
    url = "/branches/north/desk/borrow"
    assert reader.post(url, data={"isbn": DUNE}).status_code in (302, 303)
    none_left = reader.post(url, data={"isbn": DUNE})
    assert (none_left.status_code, none_left.text) == (409, "North Street: no copy is here")
    elsewhere = reader.post("/branches/harbour/desk/borrow", data={"isbn": EMMA})
    assert elsewhere.text == "Old Harbour: no copy is here"
    reader.post(url, data={"isbn": EMMA})
    enough = reader.post(url, data={"isbn": HOBBIT})
    assert enough.text == "North Street: you have all you may"


def test_copies_are_added_in_the_office_of_a_desk_of_a_branch(librarian):
    answer = librarian.post(
        "/branches/harbour/desk/office/copies", data={"isbn": DUNE, "count": "2"}
    )
    assert answer.status_code == 201
    assert answer.text == "branch.desk.office branch.desk.office < branch.desk < branch"


# -- the interface for programs --


def test_books_as_json_with_the_programs_own_order(client):
    answer = client.get("/api/v1/books")
    assert answer.content_type == "application/json"
    assert [book["title"] for book in answer.json] == ["Emma <3", "Dune", "The Hobbit"]
    assert answer.text.startswith(f'[{{"isbn":"{EMMA}","title":')


def test_a_book_is_made_through_json(client):
    book = {"isbn": "9780140449136", "title": "Odyssey", "author": "Homer"}
    answer = client.post("/api/v1/books", json=book)
    url = "http://localhost/api/v1/books/978-0140449136"
    assert (answer.status_code, answer.json) == (201, {"url": url})
    assert answer.location == url
    assert client.get(url).json == [book, {"late_fee": "0.50", "asked": "01.05.2026"}]
    assert client.delete(url).status_code == 204


@pytest.mark.parametrize("body", ["[1]", "{", '{"isbn": "1"}'])
def test_bad_json_is_answered_in_json(client, body):
    answer = client.post("/api/v1/books", data=body, content_type="application/json")
    assert (answer.status_code, answer.json) == (400, {"code": 400, "name": "Bad Request"})


def test_a_body_of_another_type_is_refused(client):
    answer = client.post("/api/v1/books", data={"isbn": "1"})
    assert answer.status_code == 415
    assert answer.json["name"] == "Unsupported Media Type"


def test_a_missing_book_is_json_here_and_a_missing_page_is_not(client):
    assert client.get("/api/v1/books/9780000000002").json["code"] == 404
    assert "<title>" in client.get("/api/v1/nowhere").text


def test_pages_of_a_search(client):
    first = client.get("/api/v1/search?q=e")
    assert first.json["books"] == ["Dune", "Emma <3"]
    assert first.json["next"] == "/api/v1/search/page/2?q=e"
    assert client.get(first.json["next"]).json["books"] == ["The Hobbit"]
    short = client.get("/api/v1/search/page/1?q=e")
    assert (short.status_code, short.location) == (308, "http://localhost/api/v1/search?q=e")


def test_head_has_the_headers_of_get_and_no_body(client):
    got, asked = client.get("/api/v1/books"), client.head("/api/v1/books")
    assert asked.data == b""
    assert asked.headers["Content-Length"] == got.headers["Content-Length"]


# -- commands --


def test_who_is_late(app, reader):
    reader.post("/branches/north/desk/borrow", data={"isbn": DUNE})
    runner = app.test_cli_runner()
    assert runner.invoke(args=["books", "overdue"]).output == "Nobody is late.\n"
    app.config["TODAY"] = datetime.date(2026, 6, 1)
    assert runner.invoke(args=["books", "overdue"]).output == "ada: 2026-05-29\n"
    assert "Dune is late" in reader.get("/branches/north/desk/").text


def test_a_command_of_a_blueprint_refuses_an_unknown_name(app):
    result = app.test_cli_runner().invoke(args=["staff", "promote", "nobody"])
    assert result.exit_code == 2
    assert "There is no reader nobody." in result.output


def test_a_command_makes_urls(app):
    assert app.test_cli_runner().invoke(args=["demo"]).output == "See /books/\n"


def test_the_command_line_finds_the_factory(framework, folders, tmp_path):
    name = framework[0]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("FLASK", "CRUSE"))}
    environment["LENDING_DATABASE"] = str(tmp_path / "db.sqlite")

    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-m", name, "--app", "lending", *arguments],
            cwd=folders[name],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    assert run("demo") == "See /books/\n"
    routes = run("routes")
    assert re.search(r"branch\.desk\.office\.add_copies +POST +/branches/", routes)
    assert "books" in run("--help")
    shelf = "from flask import g; print(app.name)".replace("flask", name)
    before = datetime.date.today()
    shell = subprocess.run(
        [sys.executable, "-m", name, "--app", "lending", "shell"],
        cwd=folders[name],
        env=environment,
        input=f"{shelf}\nprint(today())\n",
        capture_output=True,
        text=True,
        check=True,
    )
    assert "lending" in shell.stdout
    days = {before, datetime.date.today()}  # it may have been midnight
    assert any(day.isoformat() in shell.stdout for day in days)
