import pytest
from flask import Flask, request
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


@pytest.fixture
def app():
    class Base(DeclarativeBase):
        pass

    db = SQLAlchemy(model_class=Base)

    class Memo(db.Model):
        id: Mapped[int] = mapped_column(primary_key=True)
        text: Mapped[str] = mapped_column(unique=True)

    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
    db.init_app(app)
    with app.app_context():
        db.create_all()
    app.sessions = []

    @app.post("/")
    def write():
        memo = Memo(text=request.form["text"])
        db.session.add(memo)
        if "forget" not in request.form:
            db.session.commit()
        return {"id": memo.id}

    @app.get("/<int:id>")
    def read(id):
        app.sessions.append(db.session())
        assert db.session() is app.sessions[-1]
        return db.get_or_404(Memo, id).text

    @app.get("/pages")
    async def pages():
        page = db.paginate(db.select(Memo).order_by(Memo.id), per_page=2)
        return {"memos": [memo.text for memo in page], "pages": page.pages}

    yield app
    with app.app_context():
        db.engine.dispose()


def test_what_one_request_commits_another_reads(app, client_of):
    client = client_of(app)
    made = client.post("/", data={"text": "fill the jar"}).json
    assert client.get(f"/{made['id']}").text == "fill the jar"
    assert client.get("/99").status_code == 404


def test_each_request_has_a_session_of_its_own(app, client_of):
    client = client_of(app)
    client.post("/", data={"text": "forgotten", "forget": "1"})
    client.post("/", data={"text": "kept"})
    assert client.get("/1").text == "kept"
    client.get("/1")
    assert len(set(map(id, app.sessions))) == 2


def test_an_async_view_pages_through_rows(app, client_of):
    client = client_of(app)
    for text in "abc":
        client.post("/", data={"text": text})
    assert client.get("/pages?page=2").json == {"memos": ["c"], "pages": 2}
