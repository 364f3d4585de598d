"""The signatures of itsdangerous, which Flask reads and writes too, at a fraction of its calls.

What is good is signed and read here. What is not (no signature of ours, too old, damaged) is left
to itsdangerous itself, which says why.
"""

from __future__ import annotations

import hashlib
from binascii import Error, a2b_base64, b2a_base64
from functools import lru_cache, partial
from hmac import compare_digest
from typing import TYPE_CHECKING, Any

from itsdangerous import SignatureExpired, TimestampSigner, URLSafeTimedSerializer
from itsdangerous.signer import Signer, SigningAlgorithm

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Protocol

    class _HasKeys(Protocol):
        @property  # read-only, so that a subclass may have a key and a config of its own
        def secret_key(self) -> str | bytes | None: ...

        @property
        def config(self) -> Mapping[str, Any]: ...


__all__ = ["HMAC", "SigningSerializer", "secret_keys"]

#: Seconds by which the clock of another machine, whose signatures count here, may be ahead. Times
#: are whole seconds: without it the hundredth of one between two machines loses a session that one
#: has written and the other is asked for at once, as after a login that redirects.
_LEEWAY = 60
_WORTH_COMPRESSING = 60  # bytes; of less nothing is saved, and trying costs more than all else
_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_", b"+/")
_INNER, _OUTER = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))


def secret_keys(app: _HasKeys) -> tuple[Any, ...]:
    """Return the keys of an application as itsdangerous takes them; none without a secret key.

    It signs with the last one and accepts all: those of ``SECRET_KEY_FALLBACKS``, too. Each is
    text or bytes.
    """
    key = app.secret_key
    return (*(app.config["SECRET_KEY_FALLBACKS"] or ()), key) if key else ()


def _encode(data: bytes) -> bytes:
    return b2a_base64(data).rstrip(b"=\n").translate(_TO_URL)


def _decode(text: bytes) -> bytes:
    return a2b_base64(text.translate(_FROM_URL) + b"==")  # what is too much is not looked at


class HMAC(SigningAlgorithm):
    """An HMAC (RFC 2104) that begins with what it made of a key before, which is half of its work.

    It keeps the two hashes as they are behind the padded key. To copy them is done in C, where
    :class:`hmac.HMAC` takes four calls of Python for each signature.

    Args:
        digest: A function that makes a hash, as those of :mod:`hashlib`, or the name of one.
    """

    def __init__(self, digest: Any) -> None:
        self.digest = partial(hashlib.new, digest) if isinstance(digest, str) else digest
        #: What signs with a key; there are as many as the signer has keys.
        self._begun: dict[bytes, Callable[[bytes], bytes]] = {}

    def get_signature(self, key: bytes, value: bytes) -> bytes:
        """Return the signature of a value."""
        return self.signature_with(key)(value)

    def signature_with(self, key: bytes) -> Callable[[bytes], bytes]:
        """Return what makes the signatures with a key."""
        return self._begun.get(key) or self._begin(key)

    def _begin(self, key: bytes) -> Callable[[bytes], bytes]:
        size: int = self.digest().block_size
        padded = (key if len(key) <= size else self.digest(key).digest()).ljust(size, b"\0")
        new_inner = self.digest(padded.translate(_INNER)).copy
        new_outer = self.digest(padded.translate(_OUTER)).copy

        def signature_of(value: bytes) -> bytes:
            inner, outer = new_inner(), new_outer()
            inner.update(value)
            outer.update(inner.digest())
            signature: bytes = outer.digest()
            return signature

        self._begun[key] = signature_of
        return signature_of


@lru_cache(1)
def _stamp(seconds: int) -> bytes:
    """Return a time as it stands in signed values: the same one for all of a second."""
    return _encode(seconds.to_bytes((seconds.bit_length() + 7) // 8, "big"))


class _Signer(TimestampSigner):
    """A signer that derives each secret key once, not for each signature."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._derived: dict[Any, bytes] = {}
        #: What makes the signature with the newest key, from its first use on.
        self._signature_of: Callable[[bytes], bytes] | None = None

    def derive_key(self, secret_key: str | bytes | None = None) -> bytes:
        key = self._derived.get(secret_key)
        if key is None:
            key = self._derived[secret_key] = super().derive_key(secret_key)
        return key

    def _begin(self) -> Callable[[bytes], bytes]:
        algorithm, key = self.algorithm, self.derive_key()
        if type(algorithm) is HMAC:
            self._signature_of = made = algorithm.signature_with(key)
        else:
            self._signature_of = made = partial(algorithm.get_signature, key)
        return made

    def get_signature(self, value: str | bytes) -> bytes:
        data = value.encode() if isinstance(value, str) else value
        return _encode((self._signature_of or self._begin())(data))

    def sign(self, value: str | bytes) -> bytes:
        data = value.encode() if isinstance(value, str) else value
        signed: bytes = data + self.sep + _stamp(self.get_timestamp())
        if type(self) is not _Signer:
            return signed + self.sep + self.get_signature(signed)
        return signed + self.sep + _encode((self._signature_of or self._begin())(signed))

    def value_of(self, signed: bytes, max_age: int) -> bytes | None:
        """Return what was signed with the newest key and is not too old, else ``None``."""
        value, _, signature = signed.rpartition(self.sep)
        signature_of = self._signature_of or self._begin()
        if not compare_digest(_encode(signature_of(value)), signature):
            return None
        value, _, stamp = value.rpartition(self.sep)
        try:
            age = self.get_timestamp() - int.from_bytes(_decode(stamp), "big")
        except Error:
            return None
        return value if -_LEEWAY <= age <= max_age else None

    def unsign(
        self, signed_value: str | bytes, max_age: int | None = None, return_timestamp: bool = False
    ) -> Any:
        """Return what was signed, and when if asked to.

        Raises:
            BadData: When the signature is wrong, older than ``max_age`` seconds, or of a time to
                come.
        """
        value, when = super().unsign(signed_value, return_timestamp=True)
        age = self.get_timestamp() - int(when.timestamp())
        if max_age is not None and not -_LEEWAY <= age <= max_age:
            raise SignatureExpired(
                f"It is {age} seconds old, and {max_age} are allowed.", value, when
            )
        return (value, when) if return_timestamp else value


class SigningSerializer(URLSafeTimedSerializer):
    """A serializer that keeps its signer, which has no state but keys."""

    default_signer = _Signer

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._kept: Signer | None = None

    def make_signer(self, salt: str | bytes | None = None) -> Signer:
        """Return the signer for a salt."""
        if salt is not None and salt != self.salt:
            return super().make_signer(salt)
        if self._kept is None:
            self._kept = super().make_signer(salt)
        return self._kept

    def loads(  # type: ignore[override]
        self,
        s: str | bytes,
        max_age: int | None = None,
        return_timestamp: bool = False,
        salt: str | bytes | None = None,
    ) -> Any:
        """Return what was signed.

        Raises:
            BadData: When the signature is wrong or older than ``max_age`` seconds.
        """
        signer = (salt is None and self._kept) or self.make_signer(salt)
        if max_age is not None and not return_timestamp and type(signer) is _Signer:
            value = signer.value_of(s.encode() if isinstance(s, str) else s, max_age)
            if value is not None:
                return self.load_payload(value)
        return super().loads(s, max_age, return_timestamp, salt)

    def dumps(self, obj: Any, salt: str | bytes | None = None) -> Any:
        """Return it signed, as text if the serializer writes that."""
        signer = (salt is None and self._kept) or self.make_signer(salt)
        signed = signer.sign(self.dump_payload(obj))
        return signed.decode() if self.is_text_serializer else signed

    def load_payload(self, payload: bytes, *args: Any, **kwargs: Any) -> Any:
        """Read what stands in front of the signature."""
        if self.is_text_serializer and payload[:1] != b".":  # a point: it is compressed
            try:
                return self.serializer.loads(_decode(payload).decode())
            except Exception:  # noqa: S110 - said by whom it is given to next
                pass
        return super().load_payload(payload, *args, **kwargs)

    def dump_payload(self, obj: Any) -> bytes:
        """Return what stands in front of the signature."""
        options = self.serializer_kwargs
        text = self.serializer.dumps(obj, **options) if options else self.serializer.dumps(obj)
        if not self.is_text_serializer or len(text) > _WORTH_COMPRESSING:
            return super().dump_payload(obj)
        return _encode(text.encode())
