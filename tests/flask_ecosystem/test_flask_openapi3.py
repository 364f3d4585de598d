import pytest
from flask import Flask
from flask_openapi3 import APIBlueprint, Info, OpenAPI, Tag
from pydantic import BaseModel, Field


class Path(BaseModel):
    id: int


class Query(BaseModel):
    text: str = Field("jar", max_length=5)


class Memo(BaseModel):
    text: str


@pytest.fixture
def app():
    app = OpenAPI(__name__, info=Info(title="Jars", version="1"))
    blueprint = APIBlueprint("memos", __name__, url_prefix="/memos", abp_tags=[Tag(name="memo")])

    @blueprint.get("/<int:id>", responses={200: Memo})
    def read(path: Path, query: Query):
        return {"id": path.id, "text": query.text}

    @blueprint.post("/")
    async def write(body: Memo):
        return {"text": body.text}, 201

    app.register_api(blueprint)
    return app


def test_parts_of_the_request_are_checked(app, client_of):
    assert isinstance(app, Flask)
    client = client_of(app)
    assert client.get("/memos/3").json == {"id": 3, "text": "jar"}
    wrong = client.get("/memos/3?text=much+too+long")
    assert (wrong.status_code, wrong.json[0]["loc"]) == (422, ["text"])
    assert client.post("/memos/", json={"text": "lid"}).status_code == 201


def test_it_is_documented(app, client_of):
    spec = client_of(app).get("/openapi/openapi.json").json
    assert set(spec["paths"]) == {"/memos/{id}", "/memos/"}
