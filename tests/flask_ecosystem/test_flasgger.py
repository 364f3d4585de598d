import pytest
from flasgger import Swagger, swag_from
from flask import Flask, request
from flask.views import MethodView


@pytest.fixture
def app():
    app = Flask(__name__)
    swagger = Swagger(app)

    @app.get("/memos/<int:id>")
    def memo(id):
        """One memo.
        ---
        parameters:
          - {name: id, in: path, type: integer, required: true}
        responses:
          200: {description: The memo}
        """
        return {"id": id}

    class Memos(MethodView):
        @swag_from({"responses": {201: {"description": "Made"}}})
        def post(self):
            return "made", 201

    app.add_url_rule("/memos", view_func=Memos.as_view("memos"))

    @app.post("/checked")
    @swagger.validate("Text")
    def checked():
        """Checked.
        ---
        parameters:
          - name: body
            in: body
            schema: {id: Text, required: [text], properties: {text: {type: string}}}
        responses: {200: {description: Fine}}
        """
        return request.get_json()

    return app


def test_views_are_documented_from_their_docstrings(app, client_of):
    client = client_of(app)
    spec = client.get("/apispec_1.json").json
    assert spec["paths"]["/memos/{id}"]["get"]["summary"] == "One memo."
    assert "201" in spec["paths"]["/memos"]["post"]["responses"]
    assert "swagger" in client.get("/apidocs/").text.lower()
    assert client.get("/memos/3").json == {"id": 3}


def test_bodies_are_checked(app, client_of):
    client = client_of(app)
    assert client.post("/checked", json={"text": "jar"}).json == {"text": "jar"}
    assert client.post("/checked", json={"text": 5}).status_code == 400
