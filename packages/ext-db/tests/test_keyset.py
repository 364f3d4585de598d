"""Pages by key: nothing skipped, nothing repeated, nothing invented."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import MetaData, event, text

from cruse import Cruse
from cruse_db import Database, Mapped, Model, UUIDKey, column, select


class Base(Model):
    __abstract__ = True
    metadata = MetaData()


START = datetime(2026, 11, 1, tzinfo=UTC)


class Photo(Base):
    id: Mapped[int] = column(primary_key=True)
    kind: Mapped[str] = column(default="cat", index=True)
    posted: Mapped[datetime]
    note: Mapped[str | None]


class Sale(UUIDKey, Base):
    day: Mapped[date]
    price: Mapped[Decimal]


db = Database(metadata=Base.metadata)
NEWEST = (Photo.posted.desc(), Photo.id.desc())
MIXED = (Photo.kind, Photo.posted.desc())


@pytest.fixture
def app(tmp_path):
    app = Cruse(__name__, instance_path=str(tmp_path))
    app.secret_key = "of these tests"
    app.use(db)
    add_views(app)
    with app.app_context():
        db.create_all()
        with db.begin() as session:  # several in one moment, so that the time alone is not enough
            session.add_all(
                Photo(id=n, kind="dog" if n % 3 else "cat", posted=START + timedelta(days=n // 4))
                for n in range(1, 31)
            )
    yield app
    app.stop()


def add_views(app):
    @app.get("/sync/photos")
    def photos():
        page = db.paginate_by_key(select(Photo), *NEWEST, max_per_page=8)
        return page.map(lambda photo: photo.id)

    @app.get("/async/photos")
    async def photos_async():
        page = await db.aio.paginate_by_key(select(Photo), *NEWEST, max_per_page=8)
        return page.map(lambda photo: photo.id)

    @app.get("/oldest")
    def oldest():
        return db.paginate_by_key(select(Photo), Photo.posted).map(lambda photo: photo.id)


@pytest.fixture(params=["sync", "async"])
def colour(request):
    return request.param


@pytest.fixture
def inside(app):
    with app.app_context():
        yield


def walk(client, url, key="next"):
    pages = []
    while url:
        answer = client.get(url).json
        pages.append(answer["items"])
        url = answer[key]
    return pages


def test_all_rows_are_met_once_and_in_order(client, colour):
    pages = walk(client, f"/{colour}/photos?per_page=7")
    assert [number for page in pages for number in page] == [*range(30, 0, -1)]
    assert [len(page) for page in pages] == [7, 7, 7, 7, 2]


def test_the_way_back_is_the_same(client, colour):
    answer = client.get(f"/{colour}/photos?per_page=7").json
    forward = walk(client, f"/{colour}/photos?per_page=7")
    while answer["next"]:
        answer = client.get(answer["next"]).json
    back = [answer["items"], *walk(client, answer["prev"], "prev")]
    # The first page counted from the end is where the rows begin, and may be a short one.
    assert [number for page in back[::-1] for number in page] == [*range(30, 0, -1)]
    assert back[:2] == forward[::-1][:2]


def test_rows_that_come_and_go_meanwhile_shift_nothing(client, inside, colour):
    first = client.get(f"/{colour}/photos?per_page=7").json
    with db.begin() as session:
        session.add(Photo(id=99, posted=START + timedelta(days=99)))
        session.execute(text("DELETE FROM photo WHERE id IN (24, 25, 20)"))  # 24 was shown last
    rest = walk(client, first["next"])
    expected = [number for number in range(23, 0, -1) if number != 20]
    assert [number for page in rest for number in page] == expected


def test_nobody_gets_more_than_the_view_allows(client, colour):
    assert len(client.get(f"/{colour}/photos?per_page=1000000").json["items"]) == 8


@pytest.mark.parametrize(
    "change", [lambda c: c[:-1], lambda c: "x" + c, lambda c: "abc", lambda c: c * 100]
)
def test_a_cursor_that_was_tampered_with_is_a_400(client, colour, change):
    good = client.get(f"/{colour}/photos").json["next"].partition("cursor=")[2]
    assert client.get(f"/{colour}/photos?cursor={good}").status_code == 200
    assert client.get(f"/{colour}/photos?cursor={change(good)}").status_code == 400


def test_a_cursor_of_another_list_is_a_400(client):
    other = client.get("/oldest").json["next"].partition("cursor=")[2]
    assert client.get(f"/sync/photos?cursor={other}").status_code == 400


def test_cursors_outlive_a_change_of_the_secret_key(app, client):
    following = client.get("/sync/photos").json["next"]
    app.config.update(SECRET_KEY="a new one", SECRET_KEY_FALLBACKS=["of these tests"])
    assert client.get(following).status_code == 200


@pytest.mark.parametrize("key", [None, ""])
def test_without_a_secret_key_one_is_asked_for(app, client, key):
    following = client.get("/sync/photos").json["next"]
    app.config.update(TESTING=True, SECRET_KEY=key)
    for address in ("/sync/photos", following):  # already where there is one page only
        with pytest.raises(RuntimeError, match="set SECRET_KEY"):
            client.get(address)


def test_other_arguments_stay_in_the_addresses(client):
    following = client.get("/sync/photos?tag=a&tag=b%26c&per_page=3").json["next"]
    assert following.startswith("/sync/photos?tag=a&tag=b%26c&per_page=3&cursor=")


def test_directions_may_differ(inside):
    seen, cursor = [], None
    while True:
        page = db.paginate_by_key(select(Photo), *MIXED, per_page=4, cursor=cursor)
        seen += [(photo.kind, photo.posted, photo.id) for photo in page]
        cursor = page.next
        if cursor is None:
            break
    assert len(seen) == 30
    assert seen == sorted(seen, key=lambda row: (row[0], -row[1].timestamp(), -row[2]))
    assert [n for _, _, n in seen[:4]] == [30, 27, 24, 21]


def test_keys_may_be_dates_numbers_and_uuids(inside):
    with db.begin() as session:
        session.add_all(
            Sale(day=date(2026, 1, 1 + n // 3), price=Decimal(n) / 4) for n in range(12)
        )
    order = (Sale.day, Sale.price)
    first = db.paginate_by_key(select(Sale), *order, per_page=5)
    second = db.paginate_by_key(select(Sale), *order, per_page=7, cursor=first.next)
    assert [sale.price for sale in [*first, *second]] == [Decimal(n) / 4 for n in range(12)]
    assert second.next is None


def test_a_column_that_may_be_empty_is_refused(inside):
    with pytest.raises(ValueError, match="always has a value"):
        db.paginate_by_key(select(Photo), Photo.note)


def test_the_database_goes_straight_to_the_page(inside):
    """No sorting and no counting: the cost of a page does not depend on where it is."""
    db.session.execute(text("CREATE INDEX newest ON photo (posted, id)"))
    db.session.commit()
    sent = []

    def note(connection, cursor, statement, parameters, *rest):
        sent.append((statement, parameters))

    cursor = db.paginate_by_key(select(Photo), *NEWEST, per_page=5).next
    event.listen(db.engine, "before_cursor_execute", note)
    try:
        assert len(db.paginate_by_key(select(Photo), *NEWEST, per_page=5, cursor=cursor)) == 5
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    ((statement, parameters),) = sent
    explain = db.session.connection().exec_driver_sql
    plan = explain(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
    assert [row.detail.partition(" (")[0] for row in plan] == ["SEARCH photo USING INDEX newest"]
