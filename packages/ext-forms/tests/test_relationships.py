"""Forms that choose rows of a database: the relationships of models, sync and async."""

import re
import uuid

import pytest

pytest.importorskip("cruse_db")

from sqlalchemy import Column, ForeignKey, MetaData, String, Table, event, select
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    aliased,
    mapped_column,
    relationship,
    selectinload,
)

from cruse import Cruse
from cruse_db import Database
from cruse_forms import Form, Forms
from cruse_forms.models import (
    QuerySelectField,
    QuerySelectMultipleField,
    model_form,
)


class Own(DeclarativeBase):
    metadata = MetaData()


class Author(Own):
    __tablename__ = "author"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40), unique=True)
    books: Mapped[list["Book"]] = relationship(back_populates="author")


class Shelf(Own):
    __tablename__ = "shelf"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    place: Mapped[int]

    def __str__(self):
        return f"Shelf {self.place}"


class Tag(Own):
    __tablename__ = "tag"

    word: Mapped[str] = mapped_column(String(20), primary_key=True)


class Pair(Own):
    __tablename__ = "pair"

    one: Mapped[int] = mapped_column(primary_key=True)
    two: Mapped[int] = mapped_column(primary_key=True)
    book_id: Mapped[int | None] = mapped_column(ForeignKey("book.id"))


tagged = Table(
    "tagged",
    Own.metadata,
    Column("book_id", ForeignKey("book.id"), primary_key=True),
    Column("word", ForeignKey("tag.word"), primary_key=True),
)
flagged = Table(
    "flagged",
    Own.metadata,
    Column("book_id", ForeignKey("book.id"), primary_key=True),
    Column("word", ForeignKey("tag.word"), primary_key=True),
)


class Book(Own):
    __tablename__ = "book"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(40))
    author_id: Mapped[int] = mapped_column(ForeignKey("author.id"))
    shelf_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("shelf.id"))
    author: Mapped[Author] = relationship(back_populates="books")
    shelf: Mapped[Shelf | None] = relationship()
    tags: Mapped[list[Tag]] = relationship(secondary=tagged)
    flags: Mapped[set[Tag]] = relationship(secondary=flagged)
    pairs: Mapped[list[Pair]] = relationship()


SHELF = uuid.UUID(int=7)
LOADED = (selectinload(Book.author), selectinload(Book.shelf), selectinload(Book.tags))
PAGE = "<title>Book</title><form method=post>{{ form.render() }}</form>"


@pytest.fixture
def db():
    return Database(metadata=Own.metadata)


@pytest.fixture(params=["wsgi", "asgi"])
def client(db, tmp_path, request):
    """A client of an application with two authors, a shelf, three tags and one book."""
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "page.html").write_text(PAGE)
    app = Cruse("books", root_path=str(tmp_path), extensions=[db, Forms()])
    app.config.update(TESTING=True, SECRET_KEY="x", DB_URL=f"sqlite:///{tmp_path}/books.db")
    with app.app_context():
        db.create_all()
        with db.transaction() as session:
            ada, bea = Author(id=1, name="Ada"), Author(id=2, name="Bea <3")
            tags = [Tag(word=word) for word in ("b", "a", "c")]
            shelf = Shelf(id=SHELF, place=3)
            book = Book(id=1, title="Old", author=ada, shelf=shelf, tags=tags[:2])
            session.add_all([ada, bea, *tags, shelf, book])
    client = app.test_client(gateway=request.param)
    yield client
    client.close()
    app.stop()


@pytest.fixture(params=["sync", "async"])
def edit(client, db, request):
    """A page at ``/<id>`` that changes a book, or makes one, and says what it has become."""

    def told(book):
        shelf = None if book.shelf is None else book.shelf.place
        return f"{book.title} by {book.author.name} on {shelf}: {[t.word for t in book.tags]}"

    if request.param == "sync":
        made = model_form(Book, session=lambda: db.session, exclude=["flags"])

        def view(number):
            book = db.session.get(Book, number) or Book()
            form = made(obj=book if number else None)
            if form.validate_on_submit():
                form.apply(book)
                db.session.add(book)
                db.session.commit()
                return told(book)
            return form.respond("page.html")

    else:
        made = model_form(Book, session=lambda: db.aio.session, exclude=["flags"])

        async def view(number):
            session = db.aio.session
            book = await session.get(Book, number, options=LOADED) or Book()
            form = await made.abind(obj=book if number else None)
            if await form.avalidate_on_submit():
                form.apply(book)
                session.add(book)
                await session.commit()
                return told(book)
            return form.respond("page.html")

    client.application.add_url_rule("/<int:number>", view_func=view, methods=["GET", "POST"])


GOOD = {"title": "New", "author": "2", "shelf": str(SHELF), "tags": ["c", "a"]}


def options(html, name):
    """Return the options of a select: value, text, whether it is selected."""
    inside = re.search(rf'<select[^>]* name="{name}"[^>]*>(.*?)</select>', html)[1]
    found = re.findall(r"<option( selected)?[^>]*? value=\"([^\"]*)\">(.*?)</option>", inside)
    return [(value, text, bool(selected)) for selected, value, text in found]


@pytest.mark.usefixtures("edit")
def test_what_is_related_can_be_chosen(client):
    page = client.get("/1").text
    assert options(page, "author") == [("1", "Ada", True), ("2", "Bea &lt;3", False)]
    assert options(page, "shelf") == [("", "", False), (str(SHELF), "Shelf 3", True)]
    assert options(page, "tags") == [("a", "a", True), ("b", "b", True), ("c", "c", False)]
    # Where something has to be chosen, nothing is, rather than what happens to come first.
    assert options(client.get("/0").text, "author")[0] == ("", "", True)


@pytest.mark.usefixtures("edit")
def test_what_is_chosen_is_stored(client):
    assert client.post("/1", data=GOOD).text == "New by Bea <3 on 3: ['c', 'a']"
    made = client.post("/0", data={**GOOD, "shelf": "", "tags": []})
    assert made.text == "New by Bea <3 on None: []"
    sent = {"title": "Sent", "author": 1, "shelf": None, "tags": ["b"]}
    assert client.post("/1", json=sent).text == "Sent by Ada on None: ['b']"


@pytest.mark.usefixtures("edit")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("author", "3"),
        ("author", "x"),
        ("author", "²"),
        ("author", "9" * 99),
        ("shelf", "7"),
        ("shelf", str(uuid.UUID(int=8))),
        ("tags", ["a", "x"]),
    ],
)
def test_what_was_not_offered_is_refused(client, name, value):
    response = client.post("/1", data={**GOOD, name: value})
    assert response.status_code == 422
    assert "Not a valid choice." in response.text
    assert options(response.text, "shelf")[0][1] == ""


@pytest.mark.usefixtures("edit")
def test_what_was_chosen_is_kept_when_something_else_is_wrong(client):
    response = client.post("/1", data={**GOOD, "title": ""})
    assert response.status_code == 422
    assert options(response.text, "author")[1] == ("2", "Bea &lt;3", True)
    assert [value for value, _, chosen in options(response.text, "tags") if chosen] == ["a", "c"]
    assert "This field is required." in client.post("/1", data={**GOOD, "author": ""}).text


def test_only_what_was_sent_is_loaded_to_validate(client, db):
    """And to show the form, no more than its limit, but what is chosen in any case."""

    class Choose(Form):
        author = QuerySelectField(
            statement=lambda: select(Author).where(Author.name != "Cy").order_by(Author.name),
            session=lambda: db.session,
            get_label="name",
            limit=1,
        )

    @client.application.route("/", methods=["GET", "POST"])
    def view():
        form = Choose()
        return form.author.data.name if form.validate_on_submit() else form.respond("page.html")

    with client.application.app_context():
        with db.transaction() as session:
            session.add(Author(id=3, name="Cy"))
        statements = []
        event.listen(db.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
        assert client.post("/", data={"author": "2"}).text == "Bea <3"
        assert len(statements) == 1
        assert "IN (" in statements[0]
        assert "LIMIT" not in statements[0]
    assert len(options(client.get("/").text, "author")) == 2  # nothing, and one of them
    response = client.post("/", data={"author": "3"})
    assert response.status_code == 422  # there, but not offered


def test_a_set_of_objects_stays_a_set(client, db):
    with client.application.test_request_context("/", method="POST", data={"flags": ["a", "a"]}):
        form = model_form(Book, only=["flags"], session=db.session)()
        assert form.validate()
        book = Book()
        form.apply(book)
        assert {tag.word for tag in book.flags} == {"a"}
        assert form.changed == {"flags"}


def test_a_row_that_was_sent_in_two_spellings_is_chosen_once(client, db):
    class Choose(Form):
        authors = QuerySelectMultipleField(statement=select(Author), session=lambda: db.session)

    sent = {"authors": ["1", "01", "2"]}
    with client.application.test_request_context("/", method="POST", data=sent):
        form = Choose()
        assert form.validate()
        assert [author.id for author in form.authors.data] == [1, 2]


def test_what_may_be_chosen_is_up_to_the_condition_alone(client, db):
    """A limit in the statement would be one of the rows that were sent."""
    some = select(Author).order_by(Author.name).limit(1).offset(1)

    class Choose(Form):
        authors = QuerySelectMultipleField(statement=some, session=lambda: db.session)

    with client.application.test_request_context("/", method="POST", data={"authors": [1, 2]}):
        form = Choose()
        assert form.validate()
        assert [author.id for author in form.authors.data] == [1, 2]
        assert [choice.value for choice in form.authors.iter_choices()] == ["1", "2"]


def test_another_order_is_no_change(client, db):
    form_class = model_form(Book, only=["tags", "flags"], session=lambda: db.session)
    for words, changed in ((["a", "b"], set()), (["b"], {"tags"}), (["a", "b", "c"], {"tags"})):
        with client.application.test_request_context("/", method="POST", data={"tags": words}):
            form = form_class(obj=db.session.get(Book, 1))
            assert form.validate()
            assert form.changed == changed


def test_rows_of_an_alias_can_be_chosen(client, db):
    other = aliased(Author)

    class Choose(Form):
        author = QuerySelectField(statement=select(other), session=lambda: db.session)

    with client.application.test_request_context("/", method="POST", data={"author": "2"}):
        form = Choose()
        assert form.validate()
        assert form.author.data.name == "Bea <3"


def test_code_that_does_not_wait_is_told_to(client, db):
    made = model_form(Book, session=lambda: db.aio.session, only=["author"])

    @client.application.post("/")
    async def view():
        with pytest.raises(RuntimeError, match="avalidate"):
            made().validate()
        form = await made.abind()
        assert await form.avalidate()
        return form.author.data.name

    assert client.post("/", data={"author": "1"}).text == "Ada"


def test_which_relationships_get_a_field(db):
    def names(**options):
        return set(model_form(Book, **options)(formdata=None).data)

    session = object()
    assert names() == {"title"}
    assert names(session=session) == {"title", "author", "shelf", "tags", "flags"}
    assert names(session=session, only=["author"]) == {"author"}
    assert set(model_form(Author, session=session)(formdata=None).data) == {"name"}
    made = model_form(Author, session=session, only=["books"])(formdata=None)
    assert isinstance(made.books, QuerySelectMultipleField)
    with pytest.raises(TypeError, match="session"):
        model_form(Book, only=["author"])
    with pytest.raises(TypeError, match="Pair cannot be chosen"):
        model_form(Book, session=session, only=["pairs"])
