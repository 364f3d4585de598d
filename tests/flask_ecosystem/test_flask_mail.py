import pytest
from flask import Flask, render_template_string
from flask_mail import Mail, Message


@pytest.fixture
def app():
    app = Flask(__name__)
    app.config.update(MAIL_DEFAULT_SENDER="jar@cruse.example", TESTING=True)
    app.mail = mail = Mail(app)

    @app.post("/send")
    def send():
        message = Message("Welcome", recipients=["ada@cruse.example"])
        message.html = render_template_string("<b>{{ name }}</b>", name="Ada")
        mail.send(message)
        return "sent"

    @app.post("/send-async")
    async def send_async():
        mail.send_message("Hello", recipients=["ada@cruse.example"], body="text")
        return "sent"

    return app


@pytest.mark.parametrize("path", ["/send", "/send-async"])
def test_a_view_sends_mail(app, client_of, path):
    with app.mail.record_messages() as outbox:
        assert client_of(app).post(path).text == "sent"
    (message,) = outbox
    assert message.sender == "jar@cruse.example"
    assert message.recipients == ["ada@cruse.example"]
