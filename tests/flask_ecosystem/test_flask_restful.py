import pytest
from flask import Blueprint, Flask
from flask_restful import Api, Resource, abort, fields, marshal_with, reqparse


class Memo(Resource):
    @marshal_with({"id": fields.Integer, "uri": fields.Url("memo")})
    def get(self, id):
        if id == 0:
            abort(404, message="no such memo")
        return {"id": id}

    def put(self, id):
        parser = reqparse.RequestParser()
        parser.add_argument("text", required=True, location="json")
        return {"text": parser.parse_args()["text"]}, 201, {"X-Made": "yes"}

    def delete(self, id):
        raise ValueError("broken")


@pytest.fixture
def app():
    app = Flask(__name__)
    Api(app, catch_all_404s=True).add_resource(Memo, "/memos/<int:id>", endpoint="memo")
    inner = Blueprint("inner", __name__, url_prefix="/inner")
    Api(inner).add_resource(Memo, "/memos/<int:id>", endpoint="other")
    app.register_blueprint(inner)
    return app


def test_a_resource_answers(app, client_of):
    client = client_of(app)
    assert client.get("/memos/1").json == {"id": 1, "uri": "/memos/1"}
    made = client.put("/memos/1", json={"text": "jar"})
    assert (made.status_code, made.json, made.headers["X-Made"]) == (201, {"text": "jar"}, "yes")
    assert client.put("/inner/memos/1", json={"text": "jar"}).status_code == 201


def test_errors_are_json(app, client_of):
    client = client_of(app)
    assert client.get("/memos/0").json == {"message": "no such memo"}
    assert client.put("/memos/1", json={}).json["message"]["text"]
    refused = client.post("/memos/1")
    assert refused.status_code == 405
    assert "GET" in refused.headers["Allow"]
    assert "message" in refused.json
    assert client.get("/nowhere").json["message"]


def test_an_unexpected_error_is_answered(app, client_of):
    app.config["PROPAGATE_EXCEPTIONS"] = False
    answer = client_of(app).delete("/memos/1")
    assert (answer.status_code, answer.json) == (500, {"message": "Internal Server Error"})
