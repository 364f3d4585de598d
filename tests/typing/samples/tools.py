"""Extensions, commands, signals, sessions and the test clients."""

from dataclasses import dataclass
from typing import Any, assert_type

import click

from cruse import Cruse, Extension, ExtensionState, request_started
from cruse.sessions import SecureCookieSessionInterface, SessionMixin
from cruse.stores import MemoryStore, RedisStore, SessionStore

app = Cruse(__name__)


@dataclass(frozen=True)
class MailSettings:
    url: str
    timeout: float = 5.0


class MailState(ExtensionState[MailSettings]):
    sent = 0


class Mail(Extension[MailState]):
    name = "mail"
    prefix = "MAIL_"
    settings = MailSettings
    state_class = MailState

    def setup(self, state: MailState) -> None:
        assert_type(state.settings, MailSettings)
        assert_type(state.settings.timeout, float)
        assert_type(state.app, Cruse)

    async def startup(self, state: MailState) -> None: ...


mail = Mail()
app.use(mail)
assert_type(mail.state_of(app), MailState)
assert_type(mail.state.sent, int)


@app.cli.command("hello")
@click.argument("name")
async def hello(name: str) -> None:
    click.echo(name)


@request_started.connect_via(app)
def started(sender: Cruse, **extra: Any) -> None: ...


class ForgetfulInterface(SecureCookieSessionInterface):
    salt = "mine"


app.session_interface = ForgetfulInterface()


class Shop(Cruse):
    session_interface = ForgetfulInterface()


class AsyncStore:
    async def get(self, key: str, /) -> bytes | None:
        return None

    async def set(self, key: str, text: str, lifetime: int, replace: bool, /) -> bool:
        return True

    async def touch(self, key: str, lifetime: int, /) -> bool:
        return True

    async def delete(self, key: str, /) -> None: ...


stores: list[SessionStore] = [MemoryStore(), RedisStore("redis://localhost"), AsyncStore()]


def test_client() -> None:
    with app.test_client() as client:
        response = client.get("/", query_string={"page": 1})
        assert_type(response.status_code, int)
        assert_type(response.text, str)
        with client.session_transaction() as session:
            assert_type(session, SessionMixin)
    result = app.test_cli_runner().invoke(args=["hello", "ada"])
    assert_type(result.exit_code, int)


async def test_async_client() -> None:
    client = app.async_test_client()
    response = await client.get("/")
    assert_type(response.status_code, int)


class NoStore:
    def get(self, key: str, /) -> None: ...


mistaken: SessionStore = NoStore()  # wrong: assignment, reportAssignmentType
mail.state.received()  # wrong: attr-defined, reportAttributeAccessIssue
app.use(Cruse(__name__))  # wrong: arg-type, reportArgumentType
app.test_client().get("/").status_code.upper()  # wrong: attr-defined, reportAttributeAccessIssue
