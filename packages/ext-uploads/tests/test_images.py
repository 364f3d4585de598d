"""Image headers: width and height, however the file is cut, and what is not as it must be."""

import struct
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cruse_uploads.images import HeaderReader, ImageError, has_header_reader

MEDIA = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "bmp": "image/bmp",
    "avif": "image/avif",
}


def size_of(media_type, data, cuts=()):
    reader = HeaderReader(media_type)
    edges = [0, *sorted(cuts), len(data)]
    for start, end in pairwise(edges):
        reader.feed(data[start:end])
    return reader.size


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (640, 480), (16_000, 9_000)])
@pytest.mark.parametrize("kind", MEDIA)
def test_width_and_height_are_read(make, kind, size):
    assert size_of(MEDIA[kind], make[kind](*size)) == size


@pytest.mark.parametrize("kind", ["png", "jpg", "gif", "webp", "avif"])
def test_the_largest_sizes_are_read_from_the_header_alone(make, kind):
    data = make[kind](65_000, 65_000)
    assert len(data) < 250
    assert size_of(MEDIA[kind], data) == (65_000, 65_000)


@pytest.mark.parametrize("kind", ["VP8 ", "VP8L", "VP8X"])
def test_each_coding_of_webp_is_read(make, kind):
    assert size_of("image/webp", make["webp"](300, 200, kind)) == (300, 200)


@pytest.mark.parametrize("sof", [0xC0, 0xC1, 0xC2, 0xC9])
def test_each_coding_of_jpeg_is_read(make, sof):
    assert size_of("image/jpeg", make["jpg"](300, 200, sof=sof)) == (300, 200)


@pytest.mark.parametrize("kind", MEDIA)
def test_it_does_not_matter_where_the_file_is_cut(make, kind):
    data = make[kind](300, 200)
    for cut in range(len(data)):
        assert size_of(MEDIA[kind], data, [cut]) == (300, 200)
    assert size_of(MEDIA[kind], data, range(1, len(data))) == (300, 200)


def segment(marker, data):
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data


@given(st.lists(st.integers(0, 65_533), max_size=20), st.lists(st.integers(0, 400_000)))
def test_a_frame_is_found_behind_any_metadata(lengths, cuts):
    before = b"".join(segment(0xE1, b"\xff\xc0" * (n // 2) + b"x" * (n % 2)) for n in lengths)
    frame = segment(0xC0, b"\x08" + struct.pack(">HH", 200, 300) + b"\1\1\x11\0")
    data = b"\xff\xd8" + before + b"\xff\xff\xff" + frame[1:] + segment(0xDA, b"\1\1\0\0\x3f\0")
    assert size_of("image/jpeg", data, [cut for cut in cuts if cut < len(data)]) == (300, 200)


def test_a_bitmap_of_rows_from_the_top_has_a_height(make):
    assert size_of("image/bmp", make["bmp"](30, -20)) == (30, 20)


def test_a_bitmap_of_the_oldest_kind_is_read():
    data = b"BM" + bytes(12) + struct.pack("<IHHHH", 12, 30, 20, 1, 24)
    assert size_of("image/bmp", data) == (30, 20)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("png", b"\x89PNG\r\n\x1a\n\0\0\0\x0dIDAT" + bytes(20)),
        ("webp", b"RIFF\0\0\0\0WEBPVP9 " + bytes(30)),
        ("webp", b"RIFF\0\0\0\0WEBPVP8 " + bytes(30)),
        ("webp", b"RIFF\0\0\0\0WEBPVP8L" + bytes(30)),
        ("avif", b"\0\0\0\x0cftypavif\0\0\0\7meta" + bytes(30)),
        ("avif", b"\0\0\0\x0cftypavif" + bytes(30)),
        ("avif", b"\0\0\0\x0cftypavif\0\0\0\x08ipco" + bytes(30)),
        ("jpg", b"\xff\xd8\xff\xd9"),
        ("jpg", b"\xff\xd8\xff\xda\0\0"),
        ("jpg", b"\xff\xd8abc"),
        ("jpg", b"\xff\xd8\xff\xe1\0\1"),
        ("jpg", b"\xff\xd8\xff\xc0\0\4" + bytes(8)),
    ],
)
def test_a_header_that_is_not_one_is_refused(kind, data):
    with pytest.raises(ImageError):
        size_of(MEDIA[kind], data)


@pytest.mark.parametrize("kind", ["png", "jpg", "gif", "bmp"])
@pytest.mark.parametrize("size", [(0, 2), (3, 0)])
def test_an_image_without_pixels_is_refused(make, kind, size):
    with pytest.raises(ImageError):
        size_of(MEDIA[kind], make[kind](*size))


def test_a_second_frame_is_refused(make):
    first = make["jpg"](1, 1)
    frame = first[2:15]
    with pytest.raises(ImageError):
        size_of("image/jpeg", make["jpg"](65_000, 65_000, before=frame))


def test_a_box_of_64_bits_is_passed_over():
    ispe = b"\0\0\0\x14ispe" + struct.pack(">III", 0, 30, 20)
    large = struct.pack(">I4sQ", 1, b"free", 100) + bytes(84)
    assert size_of("image/avif", large + b"\0\0\0\x1cipco" + ispe) == (30, 20)


def test_markers_without_a_segment_are_passed_over(make):
    assert size_of("image/jpeg", make["jpg"](30, 20, before=b"\xff\x01\xff\xd0")) == (30, 20)


@pytest.mark.parametrize("filling", [b"\xff" * 10_000_000, b"\xff\xfe\0\2" * 2_500_000])
def test_a_header_without_end_is_given_up_soon(filling):
    began = time.process_time()
    with pytest.raises(ImageError):
        size_of("image/jpeg", b"\xff\xd8" + filling)
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize("kind", MEDIA)
def test_a_cut_header_tells_nothing(make, kind):
    assert size_of(MEDIA[kind], make[kind]()[:9]) is None


def test_it_is_known_which_headers_can_be_read():
    assert all(map(has_header_reader, MEDIA.values()))
    assert not has_header_reader("image/svg+xml")
