import pytest
from flask import Flask, jsonify
from flask_classful import FlaskView, route


class PetsView(FlaskView):
    def before_request(self, name, **given):
        self.asked = name

    def index(self):
        return f"all by {self.asked}"

    def get(self, pet):
        return f"one: {pet}"

    def post(self):
        return jsonify(made=True), 201

    @route("/count", methods=["GET"])
    def count(self):
        return "3"


@pytest.fixture
def app():
    app = Flask(__name__)
    PetsView.register(app, trailing_slash=False)
    return app


def test_the_methods_of_a_class_are_views(app, client_of):
    client = client_of(app)
    assert client.get("/pets").text == "all by index"
    assert client.get("/pets/rex").text == "one: rex"
    assert client.post("/pets").json == {"made": True}
    assert client.get("/pets/count").text == "3"
    assert client.delete("/pets").status_code == 405
