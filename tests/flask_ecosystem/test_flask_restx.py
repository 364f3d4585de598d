import pytest
from flask import Flask
from flask_restx import Api, Resource, fields


@pytest.fixture
def app():
    app = Flask(__name__)
    api = Api(app, title="Jars", doc="/doc")
    space = api.namespace("memos")
    memo = api.model("Memo", {"text": fields.String(required=True)})

    @space.route("/<int:id>")
    class Memo(Resource):
        @space.marshal_with(memo)
        def get(self, id):
            if id == 0:
                api.abort(404, "no such memo")
            if id == 1:
                raise KeyError("broken")
            return {"text": "jar", "other": 1}

        @space.expect(memo, validate=True)
        def put(self, id):
            return api.payload, 201

    @api.errorhandler(KeyError)
    def broken(error):
        return {"message": "told"}, 409

    return app


def test_a_resource_answers(app, client_of):
    client = client_of(app)
    assert client.get("/memos/2").json == {"text": "jar"}
    assert client.put("/memos/2", json={"text": "jar"}).status_code == 201


def test_errors_are_json(app, client_of):
    client = client_of(app)
    assert client.get("/memos/0").json["message"].startswith("no such memo")
    assert client.put("/memos/2", json={}).json["errors"]
    refused = client.delete("/memos/2")
    assert refused.status_code == 405
    assert "message" in refused.json
    assert (client.get("/memos/1").status_code, client.get("/memos/1").json) == (
        409,
        {"message": "told"},
    )


def test_it_is_documented(app, client_of):
    client = client_of(app)
    assert "/memos/{id}" in client.get("/swagger.json").json["paths"]
    page = client.get("/doc")
    assert "swagger-ui" in page.text
    assert client.get("/swaggerui/swagger-ui.css").status_code == 200
