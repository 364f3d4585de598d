"""What users write about people, logins and rights."""

from dataclasses import dataclass
from datetime import timedelta

from cruse import Cruse, Request
from cruse_auth import (
    Auth,
    Identity,
    MemoryStore,
    MemoryTokenStore,
    SessionRecord,
    auth_required,
    login_required,
)
from cruse_auth.testing import AuthClient


@dataclass
class Person:
    id: int
    name: str


app = Cruse(__name__)
auth = Auth[Person](app, store=MemoryStore(), token_store=MemoryTokenStore())
github = auth.providers.preset("github", client_id="shop")
people: dict[str, Person] = {}


@auth.user_loader
def load(user_id: str) -> Person | None:
    return people.get(user_id)


@auth.request_loader
async def load_by_key(request: Request) -> Person | None:
    return people.get(request.headers.get("X-Key", ""))


@auth.user_loader  # wrong: arg-type, reportArgumentType
def load_text(user_id: str) -> str:
    return user_id


@github.on_login
def find(identity: Identity) -> Person | None:
    return people.get(identity.subject)


@auth.on_link
async def link(person: Person, identity: Identity) -> bool:
    return people.setdefault(identity.subject, person) is person


@auth.on_link  # wrong: arg-type, reportArgumentType
def link_nothing(person: Person, identity: Identity) -> str:
    return identity.subject


@app.get("/repositories")
@auth_required("session", acr="urn:example:mfa")
async def repositories() -> str:
    reply = await auth.api("github").aget("/user/repos")
    return str(len(reply.json_list()))


@app.get("/name")
@login_required
def name() -> str:
    return auth.current_user.name


@app.get("/mistake")
@login_required
def mistake() -> str:
    return auth.current_user.nickname  # wrong: attr-defined, reportAttributeAccessIssue


@app.get("/maybe")
@auth_required("session", roles=["staff"], within=timedelta(minutes=5))
async def maybe(page: int = 1) -> str:
    person = auth.user
    return person.name if person is not None else "nobody"


async def kept() -> str:
    """A decorated view is called as before."""
    return await maybe(page=2)


@app.post("/in")
async def log_in() -> dict[str, bool]:
    return {"in": await auth.alogin(people["1"], remember=True, duration=timedelta(days=3))}


@app.get("/devices")
def devices() -> list[str]:
    records: list[SessionRecord] = auth.sessions()
    return [record.user_agent for record in records]


@app.post("/register")
def register() -> str:
    return auth.passwords.hash("correct horse battery", words=["shop"])


def test_client() -> AuthClient:
    return AuthClient(app, user=people["1"], age=timedelta(hours=1))
