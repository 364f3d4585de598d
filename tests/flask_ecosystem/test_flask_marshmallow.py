import pytest
from flask import Flask, request
from flask_marshmallow import Marshmallow
from flask_sqlalchemy import SQLAlchemy


@pytest.fixture
def app():
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
    db = SQLAlchemy(app)
    ma = Marshmallow(app)

    class Memo(db.Model):
        id = db.Column(db.Integer, primary_key=True)
        text = db.Column(db.String)

    class MemoSchema(ma.SQLAlchemyAutoSchema):
        class Meta:
            model = Memo
            load_instance = True

        links = ma.Hyperlinks({"self": ma.URLFor("memo", values={"id": "<id>"})})

    with app.app_context():
        db.create_all()

    @app.post("/")
    def write():
        memo = MemoSchema().load(request.get_json())
        db.session.add(memo)
        db.session.commit()
        return MemoSchema().dump(memo)

    @app.get("/<int:id>")
    def memo(id):
        return MemoSchema().jsonify(db.session.get(Memo, id))

    yield app
    with app.app_context():
        db.engine.dispose()


def test_rows_are_read_and_written_with_links(app, client_of):
    client = client_of(app)
    made = client.post("/", json={"text": "jar"}).json
    assert made == {"id": 1, "text": "jar", "links": {"self": "/1"}}
    assert client.get("/1").json == made
