"""The names that clients send, and the keys we store under."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cruse_uploads.names import (
    KeyTemplate,
    clean_name,
    content_disposition,
    extension_of,
    is_key,
    stem_of,
)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("holiday.jpg", "holiday.jpg"),
        ("图片.png", "图片.png"),
        ("ملف.png", "ملف.png"),
        ("e\u0301te\u0301.png", "été.png"),  # NFC
        ("e\0\u0301.png", "é.png"),
        ("🏖️.png", "🏖️.png"),
        ("👩‍🚀.png", "👩‍🚀.png"),  # a joiner that matters
        ("photo\u202egnp.exe", "photognp.exe"),  # right-to-left override
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("C:\\fakepath\\a.png", "a.png"),
        ("..", "file"),
        ("", "file"),
        (None, "file"),
        ("/", "file"),
        ("...", "file"),
        (" . ", "file"),
        ("a\0b.png", "ab.png"),
        ("a\r\nX-Evil: 1.png", "aX-Evil: 1.png"),
        ("\ud800.png", "png"),  # half a character; what is left is no extension
        ("CON", "_CON"),
        ("nul.png", "_nul.png"),
        ("com¹.txt", "_com¹.txt"),
        ("console.png", "console.png"),
        ("a.png. . ", "a.png"),
        ("a \u00a0\t  b.png", "a b.png"),
        (".htaccess", "htaccess"),
    ],
)
def test_a_name_is_cleaned(sent, kept):
    assert clean_name(sent) == kept


def test_a_long_name_is_cut_and_keeps_its_extension():
    name = clean_name("名" * 300 + ".jpeg")
    assert name.endswith("名.jpeg")
    assert 190 < len(name.encode()) <= 200
    assert len(clean_name("a" * 500)) == 200
    assert len(clean_name("a." + "b" * 500)) == 200
    assert len(clean_name("a" * 300 + "." + "ř" * 9).encode()) == 200


@settings(max_examples=300)
@given(st.text() | st.text("a .\0\u0301řİ/日", min_size=60, max_size=200))
def test_any_name_becomes_one_that_is_safe(sent):
    name = clean_name(sent)
    assert 0 < len(name.encode()) <= 200
    assert not re.search(r"[/\\\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", name)
    assert name not in (".", "..")
    assert clean_name(name) == name


@given(st.text())
def test_any_name_makes_one_header_that_gives_it_back(sent):
    name = clean_name(sent)
    header = content_disposition("attachment", name)
    assert header.isascii()
    assert header.isprintable()
    quoted = re.fullmatch(
        r'attachment; filename="([^"\\]*)"(?:; filename\*=UTF-8\'\'(\S+))?', header
    )
    assert quoted
    if quoted[2] is None:
        assert quoted[1] == name
    else:
        assert re.fullmatch(r"(?:%[0-9A-F]{2}|[A-Za-z0-9!#$&+.^_`|~-])+", quoted[2])  # RFC 8187
        assert bytes.fromhex("".join(_hex(quoted[2]))).decode() == name


def _hex(encoded):
    for escaped, plain in re.findall(r"%(..)|(.)", encoded):
        yield escaped or f"{ord(plain):02x}"


@pytest.mark.parametrize(
    ("name", "extension"),
    [("a.PNG", "png"), ("a.tar.gz", "gz"), ("README", ""), (".png", ""), ("a.", "")],
)
def test_the_extension_is_what_is_behind_the_last_dot(name, extension):
    assert extension_of(name) == extension


@pytest.mark.parametrize("key", ["a", "a.png", "a/b/c.png", "2026/11/0_-.webp", "A" * 200])
def test_a_key_is_a_plain_relative_path(key):
    assert is_key(key)


@pytest.mark.parametrize(
    "key",
    [
        *("", "/", "a/", "/a", "a//b", ".", "..", "a/../b", ".a", "a/.b", "a.", "a b", "a%2fb"),
        *("a\\b", "c:a", "a\0", "a\n", "ä", "con", "a/CON.png", "lpt1", "*", "~", "-/" * 600),
        "a" * 201,
    ],
)
def test_what_could_lead_elsewhere_is_no_key(key):
    assert not is_key(key)


def test_a_key_is_made_of_the_date_and_random_bits():
    keys = {KeyTemplate("{yyyy}/{mm}-{dd}/{id}.{ext}").make("png") for _ in range(100)}
    assert len(keys) == 100
    assert all(re.fullmatch(r"20\d\d/[01]\d-[0-3]\d/[0-9a-f]{32}\.png", key) for key in keys)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{name}.{id}.{ext}", "unknown fields"),
        ("{yyyy}/photo.{ext}", "must end in"),
        ("{id}", "must end in"),
        ("v1.{id}.{ext}", "without other dots"),
        ("../{id}.{ext}", "not allowed"),
        ("/{id}.{ext}", "not allowed"),
        ("über/{id}.{ext}", "not allowed"),
    ],
)
def test_a_template_that_makes_bad_keys_is_refused_at_once(template, message):
    with pytest.raises(ValueError, match=message):
        KeyTemplate(template)


def test_a_copy_belongs_to_what_it_is_a_copy_of():
    assert stem_of("2026/11/ab.png") == stem_of("2026/11/ab.320x320.webp") == "2026/11/ab"
    assert stem_of("ab") == "ab"
