"""What a set takes: types told by name and content together, and sizes."""

import pytest

from cruse_uploads import (
    ALL,
    ARCHIVES,
    AUDIO,
    DATA,
    DEFAULTS,
    DOCUMENTS,
    EXECUTABLES,
    IMAGES,
    SCRIPTS,
    SOURCE,
    TEXT,
    VIDEO,
    AllExcept,
    FileType,
    UploadNotAllowed,
)
from cruse_uploads.filetypes import find_type
from cruse_uploads.rules import Intake, Rules, parse_size

PICTURES = (*IMAGES, "avif")
ZIP = b"PK\x03\x04" + bytes(30)
EXE = b"MZ" + bytes(100)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
TAR = b"name".ljust(257, b"\0") + b"ustar" + bytes(250)


def take(allow, name, data, **limits):
    limits = {"max_size": None, "max_pixels": None, **limits}
    intake = Intake(Rules.make(allow, **limits), name)
    written = intake.feed(data) + intake.finish()
    assert written == data
    return intake


def refusal(allow, name, data, **limits):
    with pytest.raises(UploadNotAllowed) as caught:
        take(allow, name, data, **limits)
    return caught.value


PRESETS = (
    *(TEXT, DOCUMENTS, IMAGES, AUDIO, VIDEO, DATA, SCRIPTS, ARCHIVES, EXECUTABLES, SOURCE),
    DEFAULTS,
)


@pytest.mark.parametrize("preset", PRESETS)
def test_each_preset_can_be_allowed_and_added_up(preset):
    assert Rules.make(preset, None, None).types
    assert Rules.make((*preset, "pdf", "svg"), None, None).allows(find_type("svg"))


def test_pictures_come_without_svg():
    assert "svg" not in IMAGES
    assert refusal(IMAGES, "a.svg", SVG).reason == "name"
    assert take((*IMAGES, "svg"), "a.svg", SVG).type.media_type == "image/svg+xml"


@pytest.mark.parametrize("kind", ["png", "jpg", "gif", "webp", "bmp", "avif"])
def test_a_picture_is_what_its_content_says(make, kind):
    intake = take(PICTURES, f"a.{kind.upper()}", make[kind](30, 20))
    assert intake.type.extension == kind
    assert intake.dimensions == (30, 20)


@pytest.mark.parametrize("name", ["a.jpg", "a.jpe", "a.jpeg"])
def test_all_spellings_of_a_type_are_one(make, name):
    assert take(("jpg",), name, make["jpg"]()).type.extension == "jpg"


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("evil.png", EXE, "type"),
        ("evil.png", b"<html><script>alert(1)</script>", "mismatch"),
        ("evil.png", SVG, "mismatch"),
        ("evil.png", b"\x89PNG", "mismatch"),
        ("evil.exe", EXE, "name"),
        ("evil.php", b"<?php", "name"),
        ("evil", EXE, "type"),
        ("evil", b"text", "type"),
        ("evil.png.xyz", b"", "empty"),
        ("evil.png", b"", "empty"),
    ],
)
def test_what_is_no_picture_is_refused(name, data, reason):
    assert refusal(IMAGES, name, data).reason == reason


def test_a_picture_under_the_name_of_another_type_is_refused(make):
    error = refusal(IMAGES, "photo.png", make["gif"]())
    assert error.reason == "mismatch"
    assert error.description == "This file is named .png but holds GIF data."
    assert refusal(IMAGES, "photo.exe", make["gif"]()).reason == "name"


def test_a_script_in_a_picture_is_kept_as_the_picture_it_shows():
    polyglot = b"GIF89a/*\x0a\x00*/=1;alert(1);//".ljust(100)
    assert take(IMAGES, "a.gif", polyglot).type.media_type == "image/gif"


def test_a_name_without_extension_claims_nothing(make):
    intake = take(IMAGES, "blob", make["png"]())
    assert (intake.type.extension, intake.name) == ("png", "blob.png")
    assert take(DEFAULTS, None, b"some words").name == "file.txt"


@pytest.mark.parametrize(
    ("name", "data", "extension"),
    [
        ("a.docx", ZIP, "docx"),
        ("a.zip", ZIP, "zip"),
        ("a.tar", TAR, "tar"),
        ("a.tgz", b"\x1f\x8b\x08", "tgz"),
        ("a.pdf", b"%PDF-1.7\n", "pdf"),
        ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "doc"),
        ("a.mp3", b"ID3\4", "mp3"),
        ("a.wav", b"RIFF\0\0\0\0WAVEfmt ", "wav"),
        ("a.mp4", b"\0\0\0\x18ftypmp42", "mp4"),
        ("a.csv", b"name,age\r\n", "csv"),
        ("a.yml", b"a: 1", "yml"),
        ("a.txt", "naïve".encode(), "txt"),
        ("a.txt", "naïve".encode("utf-16"), "txt"),
        ("a.py", b"#!/usr/bin/env python", "py"),
        ("a.dll", EXE, "exe"),
        ("notes", b"words", "txt"),
        ("blob", b"\0\1\2", "bin"),
        ("a.xyz", b"\0\1\2", "bin"),
        ("a.xyz", ZIP, "zip"),
    ],
)
def test_where_all_is_allowed_the_content_still_has_to_fit(name, data, extension):
    assert take(ALL, name, data).type.extension == extension


@pytest.mark.parametrize(("name", "data"), [("a.pdf", ZIP), ("a.txt", EXE), ("a.png", b"text")])
def test_where_all_is_allowed_a_false_name_is_still_refused(name, data):
    assert refusal(ALL, name, data).reason == "mismatch"


def test_all_but_some_refuses_those_by_name_and_by_content():
    but = AllExcept((*SCRIPTS, *EXECUTABLES))
    assert refusal(but, "a.sh", b"#!/bin/sh").reason == "name"
    assert refusal(but, "a.dll", EXE).reason == "name"
    assert refusal(but, "report", EXE).reason == "type"
    assert refusal(but, "report.xyz", EXE).reason == "type"
    assert refusal(but, "report.pdf", EXE).reason == "type"
    assert take(but, "report", b"%PDF-1.7").type.extension == "pdf"
    assert repr(ALL) == "ALL"
    assert repr(AllExcept(["exe"])) == "AllExcept(['exe'])"


def test_a_type_of_ones_own_is_told_by_its_signature():
    blend = FileType("blend", "application/x-blender", signatures=(((0, b"BLENDER"),),))
    assert take((blend,), "a.blend", b"BLENDER-v300").type is blend
    assert take((blend,), "a", b"BLENDER-v300").type is blend
    assert refusal((blend,), "a.blend", b"MIXER").reason == "mismatch"


def test_a_type_of_ones_own_may_take_any_content():
    raw = FileType("raw", "application/octet-stream")
    assert take((raw,), "a.raw", EXE).type is raw
    assert refusal((raw,), "a", EXE).reason == "type"


def test_what_a_set_is_declared_with_is_checked_at_once():
    with pytest.raises(ValueError, match="FileType"):
        Rules.make(("xyz",), None, None)
    with pytest.raises(ValueError, match="no type"):
        Rules.make((), None, None)
    with pytest.raises(ValueError, match="not a size"):
        Rules.make(IMAGES, "ten", None)
    assert Rules.make("png", None, None).types == (find_type("png"),)  # a forgotten comma


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("10 MB", 10_000_000),
        ("10mb", 10_000_000),
        ("1.5 GiB", 1_610_612_736),
        ("512 KiB", 524_288),
        ("7 B", 7),
        ("7", 7),
        (7, 7),
        (None, None),
    ],
)
def test_a_size_is_written_as_people_write_it(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "MB", "-1 MB", "1 M", "1 XB", "1 MB 2"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(ValueError, match="not a size"):
        parse_size(text)


def test_the_largest_file_is_taken_and_one_byte_more_is_not():
    assert take(("txt",), "a.txt", b"x" * 1000, max_size=1000).size == 1000
    error = refusal(("txt",), "a.txt", b"x" * 1001, max_size=1000)
    assert (error.reason, error.code) == ("too_large", 413)
    assert error.description == "The file is larger than 1 kB."
    assert "7 bytes" in refusal(("txt",), "a.txt", b"x" * 8, max_size=7).description


def test_a_file_is_refused_at_the_first_byte_too_many():
    intake = Intake(Rules.make(("txt",), 1000, None), "a.txt")
    intake.feed(b"x" * 1000)
    with pytest.raises(UploadNotAllowed):
        intake.feed(b"x")


@pytest.mark.parametrize("kind", ["png", "jpg", "gif", "webp", "bmp", "avif"])
def test_a_pixel_bomb_is_refused(make, kind):
    assert take(PICTURES, f"a.{kind}", make[kind](1000, 1000), max_pixels=1_000_000).size
    error = refusal(PICTURES, f"a.{kind}", make[kind](1000, 1001), max_pixels=1_000_000)
    assert (error.reason, error.code) == ("pixels", 413)
    assert "1,000,000 pixels" in error.description


@pytest.mark.parametrize("data", [b"\x89PNG\r\n\x1a\n", b"\x89PNG\r\n\x1a\n" + b"x" * 100])
def test_a_picture_without_a_readable_header_is_refused(data):
    error = refusal(IMAGES, "a.png", data)
    assert (error.reason, error.code) == ("damaged", 415)


def test_the_type_is_told_at_the_latest_after_the_first_bytes(make):
    intake = Intake(Rules.make(IMAGES, None, None), "a.png")
    data = make["png"](30, 20)
    assert intake.feed(data[:30]) == b""
    with pytest.raises(RuntimeError, match="not known yet"):
        _ = intake.known_type
    assert intake.feed(bytes(600))  # what is not the beginning can be anything
    assert intake.known_type.extension == "png"


def test_words_for_people_name_what_may_be_chosen():
    assert refusal(IMAGES, "a.exe", EXE).description == (
        "Files of this type cannot be uploaded here; choose JPG, PNG, GIF, WEBP or BMP."
    )
    assert refusal(("pdf",), "a.exe", EXE).description.endswith("choose PDF.")
    refused = refusal(AllExcept(["exe"]), "a.exe", EXE)
    assert refused.description == "Files of this type cannot be uploaded here."
