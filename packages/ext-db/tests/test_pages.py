"""Pages of rows, and rows or 404."""

from urllib.parse import urljoin

import pytest
from sqlalchemy import MetaData, event

from cruse import Cruse, render_template_string, request
from cruse_db import Database, Mapped, Model, Page, column, select


class Base(Model):
    __abstract__ = True
    metadata = MetaData()


class Row(Base):
    id: Mapped[int] = column(primary_key=True)
    kind: Mapped[str]


db = Database(metadata=Base.metadata)
ROWS = select(Row).order_by(Row.id)


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    app = Cruse(__name__, instance_path=str(tmp_path_factory.mktemp("instance")))
    app.use(db)
    add_views(app)
    with app.app_context():
        db.create_all()
        with db.begin() as session:
            session.add_all(
                [Row(id=n, kind="even" if n % 2 == 0 else "odd") for n in range(1, 46)]
            )
    yield app
    app.stop()


@pytest.fixture
def inside(app):
    with app.app_context():
        yield


def add_answers(app):
    @app.get("/<path:anything>", merge_slashes=False)
    def anywhere(anything):
        return db.paginate(ROWS).map(lambda row: row.id)

    @app.get("/json")
    def as_json():
        return db.paginate(ROWS).map(lambda row: {"id": row.id})

    @app.get("/html")
    def as_html():
        return render_template_string(
            '{% from "db/pages.html" import page_links %}{{ page_links(page) }}',
            page=db.paginate(ROWS, max_per_page=50),
        )


def add_views(app):
    def shown(page):
        return {
            "ids": [row.id for row in page],
            "page": page.page,
            "pages": page.pages,
            "next": page.next_num,
            "prev": page.prev_num,
        }

    @app.get("/sync/rows")
    def rows():
        return shown(db.paginate(ROWS, max_per_page=30))

    @app.get("/async/rows")
    async def rows_async():
        return shown(await db.aio.paginate(ROWS, max_per_page=30))

    add_answers(app)

    @app.get("/sync/row/<int:id>")
    def row(id):
        return db.get_or_404(Row, id, description="No such row.").kind

    @app.get("/async/row/<int:id>")
    async def row_async(id):
        return (await db.aio.get_or_404(Row, id, description="No such row.")).kind

    @app.get("/sync/first/<kind>")
    def first(kind):
        return str(db.first_or_404(ROWS.where(Row.kind == kind)).id)

    @app.get("/async/first/<kind>")
    async def first_async(kind):
        return str((await db.aio.first_or_404(ROWS.where(Row.kind == kind))).id)

    @app.get("/sync/one")
    def one():
        ids = [int(number) for number in request.args.getlist("id")]
        return db.one_or_404(select(Row.kind).where(Row.id.in_(ids)))

    @app.get("/async/one")
    async def one_async():
        ids = [int(number) for number in request.args.getlist("id")]
        return await db.aio.one_or_404(select(Row.kind).where(Row.id.in_(ids)))


@pytest.fixture(params=["sync", "async"])
def colour(request):
    return request.param


# -- or 404 ----------------------------------------------------------------------------------


def test_an_object_by_key_or_404(client, colour):
    assert client.get(f"/{colour}/row/7").text == "odd"
    missing = client.get(f"/{colour}/row/99")
    assert missing.status_code == 404
    assert "No such row." in missing.text


@pytest.mark.parametrize("key", [2**31, 2**63, 10**300])
def test_a_key_that_no_row_can_have_is_a_404(client, colour, key):
    """The driver of SQLite fails for it with an OverflowError, PostgreSQL with a DataError."""
    assert client.get(f"/{colour}/row/{key}").status_code == 404


@pytest.mark.parametrize("key", [-(2**63) - 1, 2**63])
def test_there_is_no_object_for_a_key_that_no_row_can_have(inside, key):
    assert db.get(Row, key) is None
    assert db.get(Row, key, populate_existing=True) is None


def test_the_first_or_404(client, colour):
    assert client.get(f"/{colour}/first/even").text == "2"
    assert client.get(f"/{colour}/first/neither").status_code == 404


def test_the_only_one_or_404(client, colour):
    assert client.get(f"/{colour}/one?id=2").text == "even"
    assert client.get(f"/{colour}/one?id=99").status_code == 404
    assert client.get(f"/{colour}/one?id=1&id=2").status_code == 404


def test_an_object_by_key_or_none(inside):
    assert db.get(Row, 3).kind == "odd"
    assert db.get(Row, 99) is None


# -- pages -----------------------------------------------------------------------------------


def test_the_first_page_needs_no_query_string(client, colour):
    answer = client.get(f"/{colour}/rows").json
    assert answer == {"ids": [*range(1, 21)], "page": 1, "pages": 3, "next": 2, "prev": None}


def test_the_query_string_chooses_page_and_size(client, colour):
    answer = client.get(f"/{colour}/rows?page=5&per_page=10").json
    assert answer == {"ids": [*range(41, 46)], "page": 5, "pages": 5, "next": None, "prev": 4}


def test_nobody_gets_more_rows_than_the_view_allows(client, colour):
    answer = client.get(f"/{colour}/rows?per_page=1000000").json
    assert answer["ids"] == [*range(1, 31)]


def test_without_a_word_of_the_view_the_limit_is_a_hundred(inside):
    assert db.paginate(ROWS, per_page=10**6).per_page == 100


@pytest.mark.parametrize(
    "query",
    [
        "page=0",
        "page=-1",
        "page=abc",
        "page=",
        "page=1.5",
        "page=4",
        f"page={2**63}",
        f"page={'9' * 5000}",
        "per_page=0",
        "per_page=x",
    ],
)
def test_a_page_that_does_not_exist_is_a_404(client, colour, query):
    assert client.get(f"/{colour}/rows?{query}").status_code == 404


@pytest.mark.parametrize("page", [4, 2**63])
def test_a_page_that_does_not_exist_may_be_an_empty_one(inside, page):
    found = db.paginate(ROWS, page=page, error_out=False)
    assert (found.items, found.total, found.has_next) == ([], 45, False)
    assert not found


def test_an_empty_first_page_is_no_error(inside):
    page = db.paginate(ROWS.where(Row.kind == "neither"))
    assert (page.items, page.total, page.pages, page.has_next) == ([], 0, 0, False)
    assert list(page.iter_pages()) == []


def test_a_wrong_number_without_error_is_the_default(app):
    with app.test_request_context("/?page=x&per_page=-3"):
        page = db.paginate(ROWS, error_out=False)
    assert (page.page, page.per_page) == (1, 20)


def test_rows_are_counted_only_when_that_is_needed(inside):
    statements = []

    def note(connection, cursor, statement, *rest):
        statements.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        assert db.paginate(ROWS, page=3).total == 45  # the last: its rows say it
        assert db.paginate(ROWS, page=2, count=False).total is None
        assert len(statements) == 2
        assert db.paginate(ROWS, page=2).total == 45
        assert len(statements) == 4
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


def test_without_a_count_it_is_known_whether_more_follow(inside):
    first, last = (db.paginate(ROWS, page=page, count=False) for page in (1, 3))
    assert (first.has_next, first.next_num, first.pages) == (True, 2, None)
    assert (last.has_next, last.next_num) == (False, None)


def test_a_page_that_ends_at_the_last_row_is_the_last(inside):
    page = db.paginate(ROWS, page=3, per_page=15)
    assert (len(page), page.has_next, page.total, page.pages) == (15, False, 45, 3)


def test_columns_and_distinct_rows_can_be_paged(inside):
    page = db.paginate(select(Row.kind).distinct().order_by(Row.kind))
    assert (page.items, page.total) == (["even", "odd"], 2)


@pytest.mark.parametrize(
    ("page", "pages", "expected"),
    [
        (1, 1, [1]),
        (1, 5, [1, 2, 3, 4, 5]),
        (1, 20, [1, 2, 3, 4, 5, None, 19, 20]),
        (10, 20, [1, 2, None, 8, 9, 10, 11, 12, 13, 14, None, 19, 20]),
        (20, 20, [1, 2, None, 18, 19, 20]),
    ],
)
def test_links_to_pages_leave_gaps(page, pages, expected):
    assert list(Page([], page, 1, page < pages, pages).iter_pages()) == expected


# -- pages as answers ------------------------------------------------------------------------


def test_a_view_may_return_a_page(app, client):
    answer = client.get("/json?page=2&per_page=2&kind=a%26b").json
    assert answer == {
        "items": [{"id": 3}, {"id": 4}],
        "page": 2,
        "per_page": 2,
        "pages": 23,
        "total": 45,
        "next": "/json?per_page=2&kind=a%26b&page=3",
        "prev": "/json?per_page=2&kind=a%26b&page=1",
    }


def test_no_address_of_a_page_leads_to_another_host(client):
    path = {"PATH_INFO": "//other.example/rows"}
    place = client.get("/?page=1", environ_overrides=path).json["next"]
    assert urljoin("https://shop.example/", place) == (
        "https://shop.example/other.example/rows?page=2"
    )


def test_a_template_links_to_the_pages(client):
    html = client.get("/html?page=2&per_page=5&q=%3Cb%3E").text
    assert '<a href="/html?per_page=5&amp;q=%3Cb%3E&amp;page=1" rel="prev">Previous</a>' in html
    assert 'page=2" aria-current="page">2</a>' in html
    assert 'page=9">9</a>' in html
    assert 'rel="next">Next</a>' in html
    assert client.get("/html?per_page=50").text.strip() == ""
