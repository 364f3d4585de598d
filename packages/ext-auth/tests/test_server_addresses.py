"""Which addresses are the same as one that was registered: that one, and nothing like it."""

import string

from hypothesis import given
from hypothesis import strategies as st

from cruse_auth.server.addresses import check_redirect_uri, is_registered

ADDRESS = "https://shop.example/callback?tenant=1"
LOOPBACK = "http://127.0.0.1/callback"

anything = st.text(st.characters(max_codepoint=0x2FF), max_size=40)


@given(anything, st.booleans())
def test_what_is_not_the_same_text_is_another_address(text, native):
    assert not is_registered(text, [ADDRESS], native) or text == ADDRESS


@given(st.integers(0, len(ADDRESS)), st.integers(0, 3), anything, st.booleans())
def test_a_change_anywhere_makes_another_one(at, cut, inserted, native):
    changed = ADDRESS[:at] + inserted + ADDRESS[at + cut :]
    assert is_registered(changed, [ADDRESS], native) is (changed == ADDRESS)


@given(st.integers(0, len(LOOPBACK)), st.integers(0, 3), anything)
def test_on_the_same_machine_the_port_may_differ_and_nothing_else(at, cut, inserted):
    changed = LOOPBACK[:at] + inserted + LOOPBACK[at + cut :]
    if is_registered(changed, [LOOPBACK], native=True):
        port = changed.removeprefix("http://127.0.0.1").removesuffix("/callback")
        digits = port.removeprefix(":")
        assert port == "" or (set(digits) <= set(string.digits) and int(digits) <= 65535)
    if is_registered(changed, [LOOPBACK], native=False):
        assert changed == LOOPBACK


@given(st.integers(0, 65535))
def test_any_port_will_do(port):
    assert is_registered(f"http://127.0.0.1:{port}/callback", [LOOPBACK], native=True)
    assert is_registered(f"http://[::1]:{port}/", ["http://[::1]:1/"], native=True)


@given(anything, st.booleans())
def test_whatever_is_registered_is_checked_without_an_accident(text, native):
    for uri in (text, f"https:{text}", f"http://127.0.0.1{text}", f"com.example:{text}"):
        try:
            check_redirect_uri(uri, native)
        except ValueError:
            continue
        assert uri.isascii()
        assert uri.isprintable()
        assert not set('#\\" <>') & set(uri)
        assert is_registered(uri, [uri], native)
