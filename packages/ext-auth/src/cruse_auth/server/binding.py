"""Tokens bound to a key of the client: a copy of one is worth nothing (DPoP, RFC 9449)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from cruse import request
from cruse_auth.options import ALGORITHMS
from cruse_auth.resources.dpop import Proof, read_proof
from cruse_auth.resources.errors import ProofError
from cruse_auth.server.errors import InvalidDPoPProofError
from cruse_auth.server.store import Record
from cruse_auth.steps import Call

if TYPE_CHECKING:
    from cruse_auth.server.clients import ServerClient
    from cruse_auth.server.state import ServerState
    from cruse_auth.steps import Steps

__all__ = ["PROOF_ALGORITHMS", "binding", "checking_proof"]

#: What may sign a proof.
PROOF_ALGORITHMS = ALGORITHMS
#: Seconds after its making for which a proof is good.
LIFETIME = 60
#: The kind of the records of those that were used.
PROOF = "proof"


def binding(here: ServerState, client: ServerClient, path: str) -> Steps[dict[str, str]]:
    """Return what the tokens of a request are to be bound to, as ``cnf`` says it (section 6.1).

    Args:
        here: The server's state.
        client: Who asks.
        path: That of the endpoint, below the issuer's.

    Raises:
        InvalidDPoPProofError: When there is a proof that is not good; or none, and this client or
            this server does not do without.
    """
    if "DPoP" not in request.headers:
        if client.dpop_bound_access_tokens or here.options.dpop == "required":
            raise InvalidDPoPProofError("A DPoP proof is required.")
        return {}
    try:
        return {"jkt": (yield from checking_proof(here, path, None))}
    except ProofError as error:
        here.state.app.logger.info("A DPoP proof of %r was refused: %s", client.client_id, error)
        raise InvalidDPoPProofError from error


def checking_proof(here: ServerState, path: str, access_token: str | None) -> Steps[str]:
    """Return the thumbprint of the key that the proof of a request shows; it is good once.

    Args:
        here: The server's state.
        path: That of the endpoint, below the issuer's.
        access_token: The token that goes with it, if one does.

    Raises:
        ProofError: When it does not prove what it should.
    """
    found = request.headers.getlist("DPoP")
    if len(found) != 1:  # section 4.3
        raise ProofError("there is not one DPoP proof")
    proof = Proof(found[0], request.method, f"{here.base}{path}", access_token)
    signed = read_proof(proof, frozenset(PROOF_ALGORITHMS))
    name, seconds = signed.used(LIFETIME, here.state.settings.leeway)
    used = Record(PROOF, name, expires_at=int(time.time() + seconds) + 1)
    if not (yield Call(here.store.add, (used,))):
        raise ProofError("the DPoP proof was used before")
    return signed.thumbprint
