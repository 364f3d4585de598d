"""A passkey in software, for tests: what a browser answers, without a browser. Needs webauthn.

::

    key = SoftKey()
    options = client.post("/passkeys/options").json
    client.post("/passkeys", json=key.create(options))
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256

__all__ = ["PRESENT", "VERIFIED", "SoftKey"]

#: What a device says of the person: that they were there, and that it was them.
PRESENT, VERIFIED = 0x01, 0x04
#: That what it says has a new key in it.
_NEW = 0x40


class SoftKey:
    """One passkey. Both of its answers are made of options as JSON, and take lies to be refused.

    Args:
        origin: The address of the page that asks for it.
        counts: Whether it counts its signatures; those that are copied between devices do not.
    """

    def __init__(self, origin: str = "http://localhost", *, counts: bool = True) -> None:
        self.key = generate_private_key(SECP256R1())
        #: Its name, in base64url.
        self.id = _encode(os.urandom(32))
        self.origin = origin
        self.counts = counts
        self.counter = 0
        #: What it calls the user.
        self.handle: Any = None

    def create(
        self, options: dict[str, Any], flags: int = PRESENT | VERIFIED, **lies: Any
    ) -> dict[str, Any]:
        """Answer ``navigator.credentials.create()``.

        Args:
            options: What was asked.
            flags: What the device says of the person.
            lies: Other values for ``type``, ``challenge`` or ``origin``, or ``crossOrigin=True``.
        """
        self.handle = options["user"]["id"]
        numbers = self.key.public_key().public_numbers()
        point = {-2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        public = cbor2.dumps({1: 2, 3: -7, -1: 1, **point})  # COSE, RFC 9052: EC2, ES256, P-256
        raw_id = urlsafe_b64decode(f"{self.id}==")
        about = bytes(16) + struct.pack(">H", len(raw_id)) + raw_id + public
        data = self._data(options["rp"]["id"], flags | _NEW) + about
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        return self._answer(
            clientDataJSON=_encode(self._client("webauthn.create", options, lies)),
            attestationObject=_encode(attestation),
            transports=["internal"],
        )

    def get(
        self, options: dict[str, Any], flags: int = PRESENT | VERIFIED, **lies: Any
    ) -> dict[str, Any]:
        """Answer ``navigator.credentials.get()``.

        Args:
            options: What was asked.
            flags: What the device says of the person.
            lies: Other values for ``type``, ``challenge``, ``origin`` or ``rp_id``.
        """
        data = self._data(lies.pop("rp_id", options["rpId"]), flags)
        client = self._client("webauthn.get", options, lies)
        signature = self.key.sign(data + hashlib.sha256(client).digest(), ECDSA(SHA256()))
        return self._answer(
            clientDataJSON=_encode(client),
            authenticatorData=_encode(data),
            signature=_encode(signature),
            userHandle=self.handle,
        )

    def _data(self, rp_id: str, flags: int) -> bytes:
        self.counter += self.counts
        return hashlib.sha256(rp_id.encode()).digest() + struct.pack(">BI", flags, self.counter)

    def _client(self, kind: str, options: dict[str, Any], lies: dict[str, Any]) -> bytes:
        said = {"type": kind, "challenge": options["challenge"], "origin": self.origin}
        return json.dumps({**said, **lies}).encode()

    def _answer(self, **response: Any) -> dict[str, Any]:
        return {"id": self.id, "rawId": self.id, "type": "public-key", "response": response}


def _encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
