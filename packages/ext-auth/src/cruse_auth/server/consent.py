"""What people allow: they are asked, and what they said is remembered."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from cruse import render_template
from cruse_auth.server.store import Record, digest
from cruse_auth.steps import Call

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cruse_auth.server.clients import ServerClient
    from cruse_auth.server.requests import Wish
    from cruse_auth.server.state import ServerState
    from cruse_auth.steps import Steps

__all__ = ["CONSENT", "ConsentRequest", "asking_person", "is_allowed", "remembering"]

#: The kind of its records.
CONSENT = "consent"


@dataclass(frozen=True)
class ConsentRequest:
    """What somebody is to be asked, as ``@server.consent`` gets it."""

    client: ServerClient
    user: Any
    #: The host that people are sent back to: a client's name is what it says itself. ``None`` for
    #: a program on their own machine.
    destination: str | None = field(default=None, kw_only=True)
    #: What is asked for: what people are told that it is, by the name of the scope.
    scopes: Mapping[str, str]
    #: The APIs that it is for.
    resources: tuple[str, ...]
    #: Where the form is sent, by POST.
    action: str
    #: The hidden fields that it needs. The button for yes has the name ``decision`` and the value
    #: ``allow``; every other one is a no.
    fields: Mapping[str, str] = field(repr=False)
    #: The code that a device shows which asks; ``None`` where the browser came with the request.
    user_code: str | None = None

    @property
    def hidden(self) -> Markup:
        """The hidden fields as HTML."""
        template = Markup('<input type="hidden" name="{}" value="{}">')
        return Markup("").join(template.format(*each) for each in self.fields.items())


def asking_person(here: ServerState, request: ConsentRequest) -> Steps[Any]:
    """Return the page that asks, or True or False where the application knows the answer."""
    hook = here.server.consent_function
    if hook is None:
        return render_template("auth/consent.html", consent=request)
    return (yield Call(hook, (request,)))


def is_allowed(here: ServerState, wish: Wish, user_id: str) -> Steps[bool]:
    """Whether somebody has allowed all of a wish before."""
    client = wish.client
    # Every program on the same machine could say that it is this one, also if it is one of our own
    # (RFC 8252 section 8.6); a secret that everybody has a copy of changes nothing (8.5).
    on_machine = client.public or client.native
    if on_machine and not wish.sender.redirect_uri.startswith("https:"):
        return False
    if client.trusted:
        return True
    kept: Record | None = yield Call(here.store.get, (CONSENT, _name(user_id, client.client_id)))
    return kept is not None and all(
        set(wish.scopes) <= set(kept.content["at"].get(place, ())) for place in _places(wish)
    )


def _places(wish: Wish) -> tuple[str, ...]:
    """Return where a wish's scopes are for: APIs, or this server, which has no name."""
    return wish.resources or ("",)


def remembering(here: ServerState, wish: Wish, user_id: str) -> Steps[None]:
    """Remember that somebody has allowed a wish, beside what they allowed before."""
    client_id = wish.client.client_id
    name = _name(user_id, client_id)
    for _ in range(3):
        kept: Record | None = yield Call(here.store.get, (CONSENT, name))
        # For each place by itself: who may read at one and write at another may not write at both.
        at = {} if kept is None else dict(kept.content["at"])
        for place in _places(wish):
            at[place] = sorted({*at.get(place, ()), *wish.scopes})
        content = {"at": at}
        if kept is None:
            now = int(time.time())
            new = Record(CONSENT, name, "", client_id, user_id, now, content=content)
            done = yield Call(here.store.add, (new,))
        else:
            done = yield Call(here.store.replace, (kept.changed(content=content), kept.version))
        if done:  # else another tab was quicker
            return


def _name(user_id: str, client_id: str) -> str:
    return digest(f"{user_id}\0{client_id}")
