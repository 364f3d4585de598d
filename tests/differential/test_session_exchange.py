"""A session that one framework signed is read by the other: users stay logged in on a move."""

import flask
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cruse

SCALARS = st.none() | st.booleans() | st.integers() | st.text() | st.binary() | st.uuids()
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=4) | st.sampled_from([" t", " b"]), inner, max_size=2)
    ),
    max_leaves=6,
)
KEYS = st.binary(min_size=1) | st.text(st.characters(codec="utf-8"), min_size=1)


def serializer(app, key, fallbacks):
    app.secret_key, app.config["SECRET_KEY_FALLBACKS"] = key, fallbacks
    return app.session_interface.get_signing_serializer(app)


@pytest.mark.parametrize("old_key", [False, True])
@pytest.mark.parametrize("signs", ["flask", "cruse"])
def test_what_one_signs_the_other_reads(signs, old_key):
    apps = [flask.Flask("shop", static_folder=None), cruse.Cruse("shop", static_folder=None)]
    signer, reader = apps if signs == "flask" else reversed(apps)

    @settings(max_examples=60, deadline=None, database=None)
    @given(st.dictionaries(st.text(max_size=5), VALUES, max_size=3), KEYS)
    def exchange(session, key):
        text = serializer(signer, key, None).dumps(session)
        known = ("another key", [key]) if old_key else (key, None)
        assert serializer(reader, *known).loads(text) == session

    exchange()
