"""An application that is a provider."""

from dataclasses import dataclass

from cruse import Cruse
from cruse_auth import Auth
from cruse_auth.server import ConsentRequest, MemoryServerStore, NewClient, ServerStore


@dataclass
class User:
    id: str
    name: str


app = Cruse(__name__)
auth = Auth[User](app)
store: ServerStore = MemoryServerStore()
server = auth.server(issuer="https://id.example.com", store=store, scopes={"orders": "Orders"})
bad = auth.server(issuer="https://x.example", store="x")  # wrong: arg-type, reportArgumentType


@server.claims
def claims(user: User, scopes: frozenset[str]) -> dict[str, str]:
    return {"name": user.name} if "profile" in scopes else {}


@server.consent
async def ask(asked: ConsentRequest) -> bool | str:
    if asked.client.trusted:
        return True
    return f"{asked.client.client_name}: {', '.join(asked.scopes.values())}{asked.hidden}"


def register() -> str | None:
    new: NewClient = server.clients.add("Shop", redirect_uris=["https://shop.example/cb"])
    return new.secret


async def manage(client_id: int) -> list[str]:
    await server.clients.aremove(client_id)  # wrong: arg-type, reportArgumentType
    await server.keys.arotate()
    await server.arevoke("ada")
    return [client.client_id for client in await server.clients.aall()]


def told() -> dict[str, str]:
    return claims(User("1", "Ada"), frozenset())
