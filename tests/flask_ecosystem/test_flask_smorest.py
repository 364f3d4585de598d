import marshmallow as ma
import pytest
from flask import Flask
from flask.views import MethodView
from flask_smorest import Api, Blueprint, abort


class MemoSchema(ma.Schema):
    id = ma.fields.Int(dump_only=True)
    text = ma.fields.Str(required=True)


class Query(ma.Schema):
    text = ma.fields.Str()


@pytest.fixture
def app():
    app = Flask(__name__)
    app.config.update(API_TITLE="Jars", API_VERSION="1", OPENAPI_VERSION="3.0.2")
    app.config.update(OPENAPI_URL_PREFIX="/", OPENAPI_JSON_PATH="api.json")
    blueprint = Blueprint("memos", __name__, url_prefix="/memos")

    @blueprint.route("/")
    class Memos(MethodView):
        @blueprint.arguments(Query, location="query")
        @blueprint.response(200, MemoSchema(many=True))
        @blueprint.paginate()
        def get(self, query, pagination_parameters):
            pagination_parameters.item_count = 1
            return [{"id": 1, "text": query.get("text", "jar")}]

        @blueprint.arguments(MemoSchema)
        @blueprint.response(201, MemoSchema)
        def post(self, memo):
            return {"id": 2, **memo}

    @blueprint.route("/<int:id>")
    @blueprint.response(200, MemoSchema)
    def memo(id):
        abort(404, message="no such memo")

    api = Api(app)
    api.register_blueprint(blueprint)
    return app


def test_arguments_are_checked_and_answers_shaped(app, client_of):
    client = client_of(app)
    answer = client.get("/memos/?text=lid")
    assert answer.json == [{"id": 1, "text": "lid"}]
    assert "X-Pagination" in answer.headers
    made = client.post("/memos/", json={"text": "jar"})
    assert (made.status_code, made.json) == (201, {"id": 2, "text": "jar"})
    wrong = client.post("/memos/", json={})
    assert (wrong.status_code, list(wrong.json["errors"]["json"])) == (422, ["text"])


def test_errors_are_json(app, client_of):
    client = client_of(app)
    assert client.get("/memos/7").json["message"] == "no such memo"
    assert client.get("/nowhere").json["code"] == 404


def test_it_is_documented(app, client_of):
    spec = client_of(app).get("/api.json").json
    assert spec["paths"]["/memos/{id}"]["parameters"][0]["schema"]["type"] == "integer"
