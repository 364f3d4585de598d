"""Signatures: those of itsdangerous, which Flask reads and writes, made here with fewer steps."""

import hmac
from hashlib import md5, sha1, sha256, sha512

from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import BadData, URLSafeTimedSerializer

from cruse.json.tag import TaggedJSONSerializer
from cruse.signing import HMAC, SigningSerializer

DIGESTS = st.sampled_from([md5, sha1, sha256, sha512])
KEYS = st.binary(min_size=1, max_size=300)
DERIVATIONS = st.sampled_from(["hmac", "concat", "django-concat", "none"])
CONTENTS = st.dictionaries(st.text(), st.text(max_size=200) | st.integers() | st.none())
DAY = 86_400  # seconds


def both(keys, derivation, digest):
    """Ours, and the one of itsdangerous, for the same keys."""
    options = {"key_derivation": derivation, "digest_method": digest}
    ours = {**options, "algorithm": HMAC(digest)}
    tags = TaggedJSONSerializer()
    return (
        SigningSerializer(keys, salt="test", serializer=tags, signer_kwargs=ours),
        URLSafeTimedSerializer(keys, salt="test", serializer=tags, signer_kwargs=options),
    )


@given(DIGESTS, KEYS, st.lists(st.binary(max_size=300), min_size=1, max_size=3))
def test_a_signature_is_the_standard_library_s_hmac(digest, key, values):
    algorithm = HMAC(digest)
    for value in values:
        assert algorithm.get_signature(key, value) == hmac.digest(key, value, digest().name)


@given(CONTENTS, st.lists(KEYS, min_size=1, max_size=3), DERIVATIONS, DIGESTS)
def test_each_reads_what_the_other_has_signed(content, keys, derivation, digest):
    ours, theirs = both(keys, derivation, digest)
    for writer, reader in ((ours, theirs), (theirs, ours)):
        assert reader.loads(writer.dumps(content), max_age=DAY) == content
        assert reader.loads(writer.dumps(content, salt="other"), DAY, salt="other") == content


@given(CONTENTS, st.data())
def test_both_say_the_same_of_what_was_changed(content, data):
    ours, theirs = both(["key"], "hmac", sha1)
    signed = ours.dumps(content)
    at = data.draw(st.integers(0, len(signed) - 1))
    changed = signed[:at] + data.draw(st.sampled_from("Aa0-_.=!")) + signed[at + 1 :]
    said = []
    for serializer in (ours, theirs):
        try:
            said.append(serializer.loads(changed, max_age=DAY))
        except BadData as error:
            said.append(type(error))
    assert said[0] == said[1]


def test_what_is_signed_in_two_seconds_has_two_times(monkeypatch):
    ours, theirs = both(["key"], "hmac", sha1)
    for now in (1_800_000_000, 1_800_000_001, 1_800_000_000):
        monkeypatch.setattr("time.time", lambda now=now: now + 0.5)
        _, when = theirs.loads(ours.dumps({}), return_timestamp=True)
        assert when.timestamp() == now


def test_a_signer_of_your_own_makes_the_signatures():
    class Upper(SigningSerializer.default_signer):
        def get_signature(self, value):
            return super().get_signature(value).upper()

    serializer = SigningSerializer("key", signer=Upper)
    assert serializer.dumps({"a": 1}).rpartition(".")[2].isupper()
