"""Clients that register themselves (RFC 7591): for nobody, for who has a token, or for all.

What they say of themselves is what strangers say: nothing in it is asked for over the network, and
nothing makes them more than a program that has to ask people.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from cruse import jsonify, request
from cruse_auth.oidc.keys import import_key
from cruse_auth.oidc.signed import StrictDecoder
from cruse_auth.resources.dpop import PRIVATE
from cruse_auth.resources.errors import BearerError
from cruse_auth.server.addresses import check_redirect_uri
from cruse_auth.server.clients import INVITATION, adding, make_client
from cruse_auth.server.errors import InvalidClientMetadataError, InvalidRedirectURIError
from cruse_auth.server.grants.device import DEVICE_CODE
from cruse_auth.server.store import digest
from cruse_auth.steps import Call

if TYPE_CHECKING:
    from cruse import Response
    from cruse_auth.server.clients import NewClient, ServerClient
    from cruse_auth.server.state import ServerState
    from cruse_auth.steps import Steps

__all__ = ["register_client"]

#: The most bytes of a registration, addresses in it, and characters of a name.
MOST_BYTES = 64 * 1024
MOST_ADDRESSES = 20
LONGEST_NAME = 100
#: What is read of a registration; the rest is ignored (section 2). Not the addresses of keys: it
#: would let anybody make us ask addresses inside our own network.
TEXTS = ("client_name", "token_endpoint_auth_method", "scope", "application_type")
LINKS = ("client_uri", "policy_uri", "tos_uri", "backchannel_logout_uri")
LISTS = ("redirect_uris", "post_logout_redirect_uris", "grant_types")
SWITCHES = (
    "dpop_bound_access_tokens",
    "require_pushed_authorization_requests",
    "backchannel_logout_session_required",
)
#: What is kept of a key: RSA, EC or OKP (RFC 7518 section 6, RFC 8037).
KEY_MEMBERS = ("kty", "kid", "use", "alg", "n", "e", "crv", "x", "y")
#: What programs may use that act for people; a program that acts for itself is known to somebody.
GRANTS = frozenset({"authorization_code", "refresh_token", DEVICE_CODE})


def register_client(here: ServerState) -> Steps[Response]:
    """Register the client that a request describes (section 3).

    Raises:
        BearerError: When it takes a token and there is none that is good (401).
        OAuth2Error: When it makes no sense.
    """
    name = yield from _invited(here)
    new = _read(here, _document())
    # At last, so that a mistake does not use the token up; and of many with one, one is first.
    if name is not None and not (yield Call(here.store.remove, (INVITATION, name))):
        raise _refused(here, "invalid_token", "The token was used before.")
    yield from adding(here, new)
    here.state.app.logger.info("A client has registered itself: %r", new.client_id)
    answer: Response = jsonify(_told(new))
    answer.status_code = 201
    return answer


def _invited(here: ServerState) -> Steps[str | None]:
    """Return the name of the record of the token that came; ``None`` where none is needed."""
    if here.options.registration == "open":
        yield from here.state.auth.limits.hitting("registration", None)
        return None
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise _refused(here, None, "A token is required to register a client.")
    name = digest(token.strip())
    if (yield Call(here.store.get, (INVITATION, name))) is None:
        raise _refused(here, "invalid_token", "The token is not good.")
    return name


def _refused(here: ServerState, error: str | None, description: str) -> BearerError:
    return BearerError(401, error, description, {"realm": here.state.realm})


# -- what it says ---------------------------------------------------------------------------------


def _document() -> dict[str, Any]:
    if (request.content_length or 0) > MOST_BYTES:
        raise InvalidClientMetadataError("The registration is too long.")
    body = request.get_data()
    if len(body) > MOST_BYTES:
        raise InvalidClientMetadataError("The registration is too long.")
    try:
        document = json.loads(body, cls=StrictDecoder)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise InvalidClientMetadataError("The registration is not a JSON object.")
    return document


def _read(here: ServerState, document: dict[str, Any]) -> NewClient:
    values: dict[str, Any] = {}
    for names, kind in ((TEXTS, str), (LINKS, str), (LISTS, list), (SWITCHES, bool)):
        for name in names:
            if document.get(name) is not None:
                values[name] = _checked(name, document[name], kind)
    _check_redirects(values)
    _check_rest(here, values, document)
    values["stranger"] = here.options.registration == "open"
    name = values.pop("client_name", "")
    try:
        return make_client(name, None, None, values)
    except ValueError as error:
        raise InvalidClientMetadataError(_quotable(str(error))) from error


def _quotable(text: str) -> str:
    """Return a text of the characters that an error may have (RFC 6749 section 5.2)."""
    return "".join(c if " " <= c <= "~" and c not in '"\\' else "?" for c in text[:300])


def _checked(name: str, value: Any, kind: type[Any]) -> Any:
    """Return a value that has the type of its field."""
    texts = value if kind is list else [value]
    if not isinstance(value, kind) or not (
        kind is bool or all(isinstance(text, str) and text.isprintable() for text in texts)
    ):
        raise InvalidClientMetadataError(f"The field {name} is not what it should be.")
    if len(texts) > MOST_ADDRESSES:
        raise InvalidClientMetadataError(f"There is too much in the field {name}.")
    if name == "client_name" and len(value) > LONGEST_NAME:
        raise InvalidClientMetadataError("The client_name is too long.")
    return value


def _check_redirects(values: dict[str, Any]) -> None:
    for uri in values.get("redirect_uris", ()):
        try:
            check_redirect_uri(uri, values.get("application_type") == "native")
        except ValueError as error:
            raise InvalidRedirectURIError from error


def _check_rest(here: ServerState, values: dict[str, Any], document: dict[str, Any]) -> None:
    if document.get("jwks_uri") is not None:
        raise InvalidClientMetadataError("Send the keys themselves, as jwks: none are fetched.")
    if (keys := document.get("jwks")) is not None:
        if not isinstance(keys, dict) or not isinstance(keys.get("keys"), list):
            raise InvalidClientMetadataError("The jwks are no JSON Web Key Set.")
        if any(not isinstance(key, dict) or PRIVATE & key.keys() for key in keys["keys"]):
            raise InvalidClientMetadataError("The jwks are to have public keys only.")
        values["jwks"] = {"keys": [_plain_key(key) for key in keys["keys"]]}
    if document.get("response_types", ["code"]) != ["code"]:
        raise InvalidClientMetadataError("The only response_type is code.")
    if not set(values.get("grant_types", ())) <= GRANTS:
        raise InvalidClientMetadataError("There is a grant_type that cannot be had in this way.")
    if (scope := values.get("scope")) is not None:
        known = here.options.all_scopes
        values["scope"] = " ".join(name for name in scope.split() if name in known)
        if not values["scope"]:
            raise InvalidClientMetadataError("There is nothing that is known in the scope.")


def _plain_key(key: dict[str, Any]) -> dict[str, str]:
    """Return what we use of a key: the rest may be anything, also what no database can keep.

    Raises:
        InvalidClientMetadataError: When it is none that we can use.
    """
    found = {name: key[name] for name in KEY_MEMBERS if name in key}
    texts = all(isinstance(value, str) and value.isprintable() for value in found.values())
    if not texts or import_key(found) is None:
        raise InvalidClientMetadataError("There is a key in the jwks that cannot be read.")
    return found


def _told(new: NewClient) -> dict[str, Any]:
    """Return what is answered: the client as it was registered (section 3.2.1)."""
    client: ServerClient = new.client
    kept = client.to_record().content
    names = (*TEXTS, *LINKS, *LISTS, *SWITCHES, "jwks")
    answer: dict[str, Any] = {
        "client_id": client.client_id,
        "client_id_issued_at": int(time.time()),
        **{name: kept[name] for name in names if name in kept},
        "response_types": ["code"],
    }
    if new.secret is not None:
        answer |= {"client_secret": new.secret, "client_secret_expires_at": 0}
    return answer
