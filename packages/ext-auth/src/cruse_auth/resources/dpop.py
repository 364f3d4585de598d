"""Proofs that who sends a token has the key that it was issued for (DPoP, RFC 9449)."""

from __future__ import annotations

import hashlib
import hmac
import time
from base64 import urlsafe_b64encode
from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from cruse.colors import inline
from cruse_auth.oidc.keys import KINDS, import_key
from cruse_auth.oidc.signed import check_signature, read_header
from cruse_auth.resources.errors import ProofError
from cruse_auth.steps import Call

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from cruse_auth.oidc.keys import PublicKey
    from cruse_auth.steps import Steps

__all__ = [
    "MemoryProofs",
    "Proof",
    "ProofStore",
    "SignedProof",
    "check_proof",
    "is_bound",
    "read_proof",
]

#: The longest proof that is looked at, in characters.
MAX_PROOF = 8 * 1024
#: The longest name of a proof, in characters.
MAX_JTI = 256
#: Members of a key that must not leave its owner (RFC 7518 section 6).
PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


class ProofStore(Protocol):
    """Remembers which proofs were used. With several processes they have to share it."""

    def add(self, proof: str, seconds: float) -> bool | Awaitable[bool]:
        """Remember a proof, in one step; plain or async.

        Args:
            proof: Its name: 43 characters of ASCII.
            seconds: How long it has to be remembered.

        Returns:
            Whether it is new.
        """


class MemoryProofs:
    """Remembers proofs in this process.

    Args:
        most: How many. When there are more, the oldest are forgotten.
    """

    def __init__(self, most: int = 100_000) -> None:
        self.most = most
        self._until: OrderedDict[str, float] = OrderedDict()
        self._lock = Lock()

    @inline
    def add(self, proof: str, seconds: float) -> bool:
        """Remember a proof; return whether it is new."""
        now = time.monotonic()
        with self._lock:
            # All are remembered equally long, so the oldest end first.
            while self._until and (
                len(self._until) >= self.most or next(iter(self._until.values())) <= now
            ):
                self._until.popitem(last=False)
            if proof in self._until:
                return False
            self._until[proof] = now + seconds
            return True

    @inline
    def discard(self, proof: str) -> None:
        """Forget a proof: what it was for has failed."""
        with self._lock:
            self._until.pop(proof, None)


@dataclass(frozen=True)
class Proof:
    """A proof, and what it is for."""

    #: The value of the ``DPoP`` header field; ``None`` without one.
    value: str | None
    method: str
    #: The URL of the request as the client sees it.
    url: str
    #: The token that goes with it; ``None`` where one is asked for.
    access_token: str | None = field(repr=False)


def check_proof(
    proof: Proof,
    token: Mapping[str, Any],
    store: ProofStore,
    *,
    algorithms: frozenset[str],
    lifetime: float,
    leeway: float,
) -> Steps[None]:
    """Check a proof (RFC 9449 section 4.3).

    Args:
        proof: The proof.
        token: The claims of the access token.
        store: Remembers which proofs were used.
        algorithms: Signature algorithms to accept.
        lifetime: Seconds after its making for which a proof is good.
        leeway: Seconds by which clocks may differ.

    Raises:
        ProofError: When it does not prove what it should.
    """
    signed = read_proof(proof, algorithms)
    if not is_bound(token, signed.thumbprint):
        raise ProofError("the access token is not bound to the key of the DPoP proof")
    name, seconds = signed.used(lifetime, leeway)
    if not (yield Call(store.add, (name, seconds))):
        raise ProofError("the DPoP proof was used before")


def is_bound(token: Mapping[str, Any], thumbprint: str) -> bool:
    """Whether a token is bound to a key, given by its thumbprint (section 6.1)."""
    confirmation = token.get("cnf")
    bound_to = confirmation.get("jkt") if isinstance(confirmation, dict) else None
    return isinstance(bound_to, str) and _same(bound_to, thumbprint)


@dataclass(frozen=True)
class SignedProof:
    """A proof that its key has signed, for this very request. It may have been used before."""

    claims: Mapping[str, Any]
    #: That of the key (RFC 7638).
    thumbprint: str

    def used(self, lifetime: float, leeway: float) -> tuple[str, float]:
        """Return what to remember when it is used: a name, and for how many seconds.

        Args:
            lifetime: Seconds after its making for which a proof is good.
            leeway: Seconds by which clocks may differ.

        Raises:
            ProofError: When it is too old, or has no name.
        """
        made = self.claims.get("iat")
        if not isinstance(made, int | float) or isinstance(made, bool):
            raise ProofError("the DPoP proof does not say when it was made")
        now = time.time()
        # Compared, not subtracted: a number may be too large for that.
        if not now - lifetime - leeway <= made <= now + leeway:
            raise ProofError("the DPoP proof was made too long ago, or in the future")
        jti = self.claims.get("jti")
        if not isinstance(jti, str) or not 0 < len(jti) <= MAX_JTI:
            raise ProofError("the DPoP proof has no jti")
        # Hashed with its key, so that the store's entries are of one size, and clients can't name
        # each other's proofs.
        text = f"{self.thumbprint}:{jti}".encode("utf-8", "surrogatepass")
        name = urlsafe_b64encode(hashlib.sha256(text).digest()).rstrip(b"=").decode()
        # A proof from the future is good for longer: remember it until it surely is not.
        return name, lifetime + 2 * leeway


def read_proof(proof: Proof, algorithms: frozenset[str]) -> SignedProof:
    """Return what a proof says, whose signature is good, and which is for this request.

    Args:
        proof: The proof.
        algorithms: Signature algorithms to accept.

    Raises:
        ProofError: When it is not.
    """
    value = proof.value
    if not value or len(value) > MAX_PROOF:
        raise ProofError("there is no DPoP proof of a usual length")
    header = read_header(value, algorithms, "the DPoP proof", ProofError)
    if header.get("typ") != "dpop+jwt":
        raise ProofError(f"the DPoP proof is of type {header.get('typ')!r}")
    key = _own_key(header)
    claims = check_signature(value, header, key, "the DPoP proof", ProofError).claims
    _check_request(claims, proof)
    return SignedProof(claims, key.thumbprint())


def _own_key(header: Mapping[str, Any]) -> PublicKey:
    entry = header.get("jwk")
    if not isinstance(entry, dict) or PRIVATE & entry.keys():
        raise ProofError("the DPoP proof brings no public key")
    key = import_key(entry)
    if key is None or not isinstance(key, KINDS[header["alg"][:2]]):
        raise ProofError("the key of the DPoP proof is not one for its algorithm")
    return key


def _check_request(claims: Mapping[str, Any], proof: Proof) -> None:
    if claims.get("htm") != proof.method:
        raise ProofError(f"the DPoP proof is for the method {claims.get('htm')!r}")
    url = _plain_url(proof.url)
    if url is None or _plain_url(claims.get("htu")) != url:
        raise ProofError(f"the DPoP proof is for {claims.get('htu')!r}, not for {proof.url!r}")
    if proof.access_token is None:
        return
    digest = hashlib.sha256(proof.access_token.encode()).digest()
    expected = urlsafe_b64encode(digest).rstrip(b"=").decode()
    if not isinstance(claims.get("ath"), str) or not _same(claims["ath"], expected):
        raise ProofError("the DPoP proof is for another access token")


def _plain_url(url: Any) -> tuple[str, str, str] | None:
    """Return what is compared of a URL: without query and fragment, default ports left out."""
    try:
        parts = urlsplit(url if isinstance(url, str) else "")
        port = parts.port
    except ValueError:
        return None
    scheme, host = parts.scheme, parts.hostname or ""
    default = {"https": 443, "http": 80}.get(scheme)
    where = host if port in (None, default) else f"{host}:{port}"
    return scheme, where, parts.path or "/"


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode())
