import pytest
from dash import Dash, Input, Output, dcc, html
from flask import Flask


@pytest.fixture
def app():
    app = Flask(__name__)
    dash = Dash(__name__, server=app, url_base_pathname="/board/")
    dash.layout = html.Div([dcc.Input(id="name"), html.P(id="greeting")])

    @dash.callback(Output("greeting", "children"), Input("name", "value"))
    def greet(name):
        return f"Hello {name}"

    @app.get("/")
    def index():
        return "page"

    return app


def test_a_board_is_served_beside_pages(app, client_of):
    client = client_of(app)
    assert client.get("/").text == "page"
    assert "_dash-config" in client.get("/board/").text
    layout = client.get("/board/_dash-layout").json
    assert layout["props"]["children"][0]["props"]["id"] == "name"
    assert len(client.get("/board/_dash-dependencies").json) == 1


def test_a_callback_answers(app, client_of):
    answer = client_of(app).post(
        "/board/_dash-update-component",
        json={
            "output": "greeting.children",
            "outputs": {"id": "greeting", "property": "children"},
            "inputs": [{"id": "name", "property": "value", "value": "Ada"}],
            "changedPropIds": ["name.value"],
        },
    )
    assert answer.json["response"]["greeting"]["children"] == "Hello Ada"


def test_its_scripts_are_served(app, client_of):
    client = client_of(app)
    import re

    links = re.findall(r'src="(/board/_dash-component-suites/[^"]+)"', client.get("/board/").text)
    assert links
    assert {client.get(link).status_code for link in links} == {200}
