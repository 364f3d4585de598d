import pytest
from apiflask import APIBlueprint, APIFlask, HTTPTokenAuth, Schema, abort
from apiflask.fields import Integer, String
from flask import Flask


class MemoIn(Schema):
    text = String(required=True)


class MemoOut(Schema):
    id = Integer()
    text = String()


@pytest.fixture
def app():
    app = APIFlask(__name__, title="Jars")
    auth = HTTPTokenAuth()
    auth.verify_token(lambda token: {"name": "ada"} if token == "token" else None)
    blueprint = APIBlueprint("memos", __name__, url_prefix="/memos")

    @blueprint.get("/<int:id>")
    @blueprint.output(MemoOut)
    def read(id):
        if id == 0:
            abort(404, "no such memo")
        return {"id": id, "text": "jar", "other": 1}

    @blueprint.post("/")
    @blueprint.input(MemoIn)
    @blueprint.output(MemoOut, status_code=201)
    @blueprint.auth_required(auth)
    async def write(json_data):
        return {"id": 1, **json_data}

    app.register_blueprint(blueprint)
    return app


def test_input_and_output_follow_schemas(app, client_of):
    assert isinstance(app, Flask)
    client = client_of(app)
    assert client.get("/memos/3").json == {"id": 3, "text": "jar"}
    token = {"Authorization": "Bearer token"}
    made = client.post("/memos/", json={"text": "lid"}, headers=token)
    assert (made.status_code, made.json) == (201, {"id": 1, "text": "lid"})
    wrong = client.post("/memos/", json={}, headers=token)
    assert (wrong.status_code, list(wrong.json["detail"]["json"])) == (422, ["text"])
    assert client.post("/memos/", json={"text": "lid"}).status_code == 401


def test_errors_are_json(app, client_of):
    client = client_of(app)
    assert client.get("/memos/0").json["message"] == "no such memo"
    assert client.get("/nowhere").json["message"] == "Not Found"
    assert client.delete("/memos/1").status_code == 405


def test_it_is_documented(app, client_of):
    client = client_of(app)
    spec = client.get("/openapi.json").json
    assert spec["info"]["title"] == "Jars"
    assert set(spec["paths"]) == {"/memos/{id}", "/memos/"}
    assert "swagger" in client.get("/docs").text
