import pytest
from flask import Flask
from flask_mailman import EmailMessage, Mail


@pytest.fixture
def app():
    app = Flask(__name__)
    app.config.update(MAIL_DEFAULT_SENDER="jar@cruse.example", TESTING=True)
    app.mail = Mail(app)

    @app.post("/send")
    def send():
        EmailMessage("Welcome", "text", to=["ada@cruse.example"]).send()
        return "sent"

    return app


def test_a_view_sends_mail(app, client_of):
    assert client_of(app).post("/send").text == "sent"
    (message,) = app.extensions["mailman"].outbox
    assert (message.subject, message.to) == ("Welcome", ["ada@cruse.example"])
    assert message.from_email == "jar@cruse.example"
