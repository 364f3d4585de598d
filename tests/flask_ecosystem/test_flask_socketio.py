import pytest
from flask import Flask, request, session
from flask_socketio import Namespace, SocketIO, emit, join_room


@pytest.fixture
def app():
    app = Flask(__name__)
    app.secret_key = "key"
    app.socketio = socketio = SocketIO(app, async_mode="threading")

    @app.get("/")
    def index():
        session["name"] = "Ada"
        return "page"

    @socketio.on("connect")
    def connect():
        emit("welcome", {"name": session.get("name"), "path": request.namespace})

    @socketio.on("say")
    def say(text):
        session["said"] = text
        emit("said", text, broadcast=True)
        return len(text)

    @socketio.on("remember")
    def remember():
        emit("remembered", session.get("said"))

    class Room(Namespace):
        def on_enter(self, name):
            join_room(name)
            emit("entered", name, to=name)

    socketio.on_namespace(Room("/rooms"))
    return app


def test_pages_go_on_beside_it(app, client_of):
    assert client_of(app).get("/").text == "page"


def test_a_client_connects_by_long_polling(app, client_of):
    client = client_of(app)
    opened = client.get("/socket.io/?transport=polling&EIO=4")
    assert opened.status_code == 200
    assert opened.text.startswith('0{"sid"')
    assert opened.headers["Content-Type"].startswith("text/plain")


def test_events_are_handled_in_the_session_of_the_page(app, client_of):
    client = client_of(app)
    client.get("/")
    socket = app.socketio.test_client(app, flask_test_client=client)
    assert socket.get_received()[0]["args"] == [{"name": "Ada", "path": "/"}]
    assert socket.emit("say", "hello", callback=True) == 5
    assert socket.get_received()[0] == {"name": "said", "args": ["hello"], "namespace": "/"}
    socket.emit("remember")
    assert socket.get_received()[0]["args"] == ["hello"]
    socket.disconnect()


def test_a_namespace_has_rooms(app):
    socket = app.socketio.test_client(app, namespace="/rooms")
    socket.emit("enter", "kitchen", namespace="/rooms")
    assert socket.get_received("/rooms")[0]["args"] == ["kitchen"]
