"""The two ceremonies of WebAuthn (level 3): what the browser is asked for, and what it answers.

The library ``webauthn`` knows their formats and checks them. Here is what it has to be told: who
we are, which challenge was given to this browser, and what is asked of the person.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from base64 import urlsafe_b64encode
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import BadRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, MutableMapping
    from types import ModuleType

    from cruse_auth.factors.store import Factor

__all__ = [
    "Ceremony",
    "Credential",
    "Party",
    "PasskeyRefused",
    "ask_for_login",
    "ask_for_registration",
    "check_login",
    "check_registration",
    "credential_id_of",
    "encode",
    "factor_id_of",
]

#: The key of the session for the ceremony that this browser is in: one at a time.
KEY = "_auth_passkey"
#: Seconds for one; the specification recommends five minutes (section 15.1).
LIFETIME = 300
#: The longest name of a passkey (section 7.1), and the biggest public key, in bytes.
LONGEST_ID, BIGGEST = 1023, 8192


class PasskeyRefused(BadRequest):
    """The 400 for a passkey that does not prove what it should. The log has the cause.

    Args:
        cause: What is wrong, for the log.
    """

    description = "The passkey was not accepted."

    def __init__(self, cause: str) -> None:
        super().__init__()
        self.cause = cause


@dataclass(frozen=True)
class Party:
    """Who we are to an authenticator."""

    #: The domain that passkeys are for.
    id: str
    name: str
    #: Where the pages may be that ask for them.
    origins: tuple[str, ...]


@dataclass(frozen=True)
class Ceremony:
    """A challenge that was given to a browser."""

    #: ``"register"`` or ``"login"``.
    purpose: str
    challenge: bytes
    #: Who it is about; ``None`` when the passkey will say who.
    user_id: str | None = None
    #: What an authenticator calls the user: random, and no name of theirs.
    handle: str = ""

    @classmethod
    def start(
        cls, session: MutableMapping[str, Any], purpose: str, user_id: str | None, handle: str = ""
    ) -> Ceremony:
        """Begin one, in place of the one that the browser is in."""
        ceremony = cls(purpose, secrets.token_bytes(32), user_id, handle)
        session[KEY] = [purpose, encode(ceremony.challenge), user_id, handle, int(time.time())]
        return ceremony

    @classmethod
    def end(cls, session: MutableMapping[str, Any], purpose: str) -> Ceremony:
        """Take the one that the browser is in out of its session.

        Raises:
            PasskeyRefused: When there is none of that kind, or it is too old.
        """
        match session.pop(KEY, None):
            case [str(kind), str(challenge), (str() | None) as user_id, str(handle), int(at)] if (
                kind == purpose and time.time() - at < LIFETIME
            ):
                return cls(purpose, _library().base64url_to_bytes(challenge), user_id, handle)
        raise PasskeyRefused("there is no challenge for it in the session")


@dataclass(frozen=True)
class Credential:
    """What is kept of a passkey, as text in the ``data`` of a factor."""

    #: Its own name, the public key (COSE) and the handle of its user, in base64url.
    id: str
    key: str
    handle: str
    #: How the browser reaches it.
    transports: tuple[str, ...] = ()

    @classmethod
    def of(cls, factor: Factor) -> Credential:
        """Return what is kept in a factor."""
        kept = json.loads(factor.data)
        return cls(kept["id"], kept["key"], kept["handle"], tuple(kept["transports"]))

    def dump(self) -> str:
        """Return it as text."""
        return json.dumps(
            {
                "id": self.id,
                "key": self.key,
                "handle": self.handle,
                "transports": list(self.transports),
            }
        )

    def describe(self) -> Any:
        """Return what tells a browser of it."""
        structs = _structs()
        transports = [structs.AuthenticatorTransport(each) for each in self.transports]
        raw_id = _library().base64url_to_bytes(self.id)
        return structs.PublicKeyCredentialDescriptor(id=raw_id, transports=transports or None)


def encode(raw: bytes) -> str:
    """Return bytes as base64url."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def credential_id_of(answer: Any) -> str:
    """Return the name of the passkey that a browser used.

    Raises:
        PasskeyRefused: When it says none.
    """
    found = answer.get("id") if isinstance(answer, dict) else None
    if not isinstance(found, str):
        raise PasskeyRefused("the answer of the browser names no passkey")
    return found


def factor_id_of(credential_id: str) -> str:
    """Return what a passkey is called in the store: its own name may have 1364 characters."""
    return encode(hashlib.sha256(credential_id.encode("utf-8", "surrogatepass")).digest())


# -- registration -------------------------------------------------------------------------------


def ask_for_registration(
    party: Party, ceremony: Ceremony, account: str, known: Iterable[Credential]
) -> dict[str, Any]:
    """Return the options of ``navigator.credentials.create()``, as JSON has them."""
    library, structs = _library(), _structs()
    options = library.generate_registration_options(
        rp_id=party.id,
        rp_name=party.name,
        user_id=library.base64url_to_bytes(ceremony.handle),
        user_name=account,
        challenge=ceremony.challenge,
        timeout=LIFETIME * 1000,
        authenticator_selection=structs.AuthenticatorSelectionCriteria(
            resident_key=structs.ResidentKeyRequirement.REQUIRED,
            user_verification=structs.UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[credential.describe() for credential in known],
    )
    return _as_json(options)


def check_registration(party: Party, ceremony: Ceremony, answer: Any) -> tuple[Credential, int]:
    """Return the new passkey, and its signature counter.

    Raises:
        PasskeyRefused: When the answer is not one to our challenge, or the person was not asked.
    """
    library = _library()
    with _refusing():
        verified = library.verify_registration_response(
            credential=answer,
            expected_challenge=ceremony.challenge,
            expected_rp_id=party.id,
            expected_origin=list(party.origins),
            require_user_verification=True,
        )
        _refuse_frames(answer)
        told = answer["response"].get("transports")
    if len(verified.credential_id) > LONGEST_ID or len(verified.credential_public_key) > BIGGEST:
        raise PasskeyRefused("its name is longer than 1023 bytes, or its key is very big")
    known = [transport.value for transport in _structs().AuthenticatorTransport]
    transports = [each for each in known if each in told] if isinstance(told, list) else []
    names = encode(verified.credential_id), encode(verified.credential_public_key)
    return Credential(*names, ceremony.handle, tuple(transports)), verified.sign_count


# -- login --------------------------------------------------------------------------------------


def ask_for_login(
    party: Party, ceremony: Ceremony, allowed: Iterable[Credential]
) -> dict[str, Any]:
    """Return the options of ``navigator.credentials.get()``, as JSON has them.

    A passkey that comes after a password need not ask the person once more who they are.
    """
    library, requirement = _library(), _structs().UserVerificationRequirement
    options = library.generate_authentication_options(
        rp_id=party.id,
        challenge=ceremony.challenge,
        timeout=LIFETIME * 1000,
        allow_credentials=[credential.describe() for credential in allowed],
        user_verification=(
            requirement.REQUIRED if ceremony.user_id is None else requirement.PREFERRED
        ),
    )
    return _as_json(options)


def check_login(
    party: Party, ceremony: Ceremony, answer: Any, factor: Factor
) -> tuple[int, tuple[str, ...]]:
    """Check that a browser has a passkey.

    Returns:
        The new signature counter, and how it was shown, by the names of RFC 8176.

    Raises:
        PasskeyRefused: When the answer is not one to our challenge by this passkey, the counter
            did not grow, or the person was not asked who had to be.
    """
    library, credential = _library(), Credential.of(factor)
    with _refusing():
        handle = answer["response"].get("userHandle")
        # Who did not say who they are is told by the handle (section 7.2, step 6).
        if handle != credential.handle and not (handle is None and ceremony.user_id):
            raise PasskeyRefused("the passkey is another user's")
        verified = library.verify_authentication_response(
            credential=answer,
            expected_challenge=ceremony.challenge,
            expected_rp_id=party.id,
            expected_origin=list(party.origins),
            credential_public_key=library.base64url_to_bytes(credential.key),
            credential_current_sign_count=factor.counter,
            require_user_verification=ceremony.user_id is None,
        )
        _refuse_frames(answer)
    bound = verified.credential_device_type == _structs().CredentialDeviceType.SINGLE_DEVICE
    ways = ("hwk" if bound else "swk", *(["user"] if verified.user_verified else []))
    return verified.new_sign_count, ways


@contextmanager
def _refusing() -> Iterator[None]:
    """Take every error for one of who has sent the answer.

    The library reads CBOR, JSON and certificates of anybody: whatever it stumbles over is in them.
    """
    try:
        yield
    except PasskeyRefused:
        raise
    except Exception as error:
        cause = error.__cause__ or error  # "malformed, see its cause", it says in some places
        raise PasskeyRefused(f"{type(cause).__name__}: {cause!s:.300}") from error


def _refuse_frames(answer: Any) -> None:
    """Refuse an answer that a page of another site could have asked for, having ours in a frame.

    The library does not look at it (section 7.1, step 10; section 7.2, step 13).
    """
    from webauthn.helpers import parse_client_data_json

    raw = _library().base64url_to_bytes(answer["response"]["clientDataJSON"])
    if parse_client_data_json(raw).cross_origin:
        raise PasskeyRefused("it was asked for in a frame of another site")


def _as_json(options: Any) -> dict[str, Any]:
    from webauthn.helpers import options_to_json_dict

    return options_to_json_dict(options)


def _structs() -> ModuleType:
    from webauthn.helpers import structs

    return structs


def _library() -> ModuleType:
    try:
        import webauthn
    except ImportError:
        raise RuntimeError(
            "Passkeys need the Python package 'webauthn'. Install it with:"
            " pip install 'cruse-auth[passkey]'"
        ) from None
    return webauthn
