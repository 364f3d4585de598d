"""What becomes of pictures: which are taken, and what is kept of them."""

from io import BytesIO

import pytest
from PIL import Image


def test_a_picture_is_kept_upright_and_small_without_its_metadata(ada, visitor, picture, stored):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright: turn it to the right
    exif.get_ifd(0x8825)[1] = "N"  # GPS
    ada.hang(picture=picture((2400, 1200), exif=exif))
    described = visitor.get("/api/photos/1").json
    assert (described["width"], described["height"]) == (800, 1600)
    for name, longest in (("image", 1600), ("thumbnail", 640)):
        with Image.open(BytesIO(visitor.get(described[name]).data)) as kept:
            assert max(kept.size) == longest
            assert not kept.getexif()
    assert stored() == (1, 2)  # the original, which says where it was taken, is gone


TUS = {"Tus-Resumable": "1.0.0", "Origin": "http://localhost"}  # as scripts of its pages send
APPEND = {**TUS, "Content-Type": "application/offset+octet-stream"}


def begin(visitor, content):
    fields = {"Upload-Length": str(len(content)), "Upload-Metadata": "filename YS5qcGc="}
    return visitor.client.post("/post/uploads", headers={**TUS, **fields})


def test_a_picture_may_come_in_pieces_before_its_form(ada, noor, picture, stored):
    content = picture((800, 600))
    url = begin(ada, content).location
    start, rest = content[:500], content[500:]
    assert noor.client.head(url, headers=TUS).status_code == 404
    ada.client.patch(url, data=start, headers={**APPEND, "Upload-Offset": "0"})
    last = ada.client.patch(url, data=rest, headers={**APPEND, "Upload-Offset": "500"})
    assert stored() == (0, 0)
    form = {"caption": "In pieces", "photo-kept": last.headers["X-Kept"]}
    assert noor.post("/post", form).status_code == 422  # it is Ada's
    assert ada.post("/post", form).status_code == 303
    assert stored() == (1, 2)


def test_pieces_are_taken_from_who_is_signed_in(visitor, picture):
    assert begin(visitor, picture()).status_code == 403


@pytest.mark.parametrize(
    ("kind", "name"), [("JPEG", "a.jpg"), ("JPEG", "a.JPEG"), ("PNG", "a.png"), ("WEBP", "a.webp")]
)
def test_the_usual_kinds_are_taken(ada, picture, kind, name, stored):
    assert ada.hang(picture=picture(kind=kind), name=name).status_code == 303
    assert stored() == (1, 2)


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (b"<svg onload=alert(1)>", "a.svg", "JPG, PNG or WEBP"),
        (b"MZ\x90\0 an executable", "a.jpg", "named .jpg but"),
        (b"<html><script>alert(1)</script>", "a.png", "named .png but"),
        (b"GIF89a\1\0\1\0\0\0\0;", "a.gif", "JPG, PNG or WEBP"),
        (b"", "a.jpg", "empty"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF cut off", "a.jpg", "damaged"),
    ],
)
def test_what_is_no_such_picture_is_refused_with_a_reason(ada, content, name, said, stored):
    page = ada.hang("Kept in the form", content, name=name)
    assert page.status_code == 422
    assert said in page.text
    assert "Kept in the form" in page.text
    assert stored() == (0, 0)


def test_a_picture_whose_pixels_are_cut_off_leaves_nothing_behind(ada, picture, stored):
    whole = picture((800, 600), "PNG")
    page = ada.hang(picture=whole[: len(whole) // 2], name="a.png")
    assert page.status_code == 422
    assert "damaged" in page.text
    assert stored() == (0, 0)


def test_a_picture_of_too_many_bytes_is_refused(ada, picture, stored):
    page = ada.hang(picture=picture() + bytes(10_000_001))
    assert page.status_code == 422
    assert "larger than 10 MB" in page.text
    assert stored() == (0, 0)


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(ada, picture, stored):
    page = ada.hang(picture=picture((10_000, 4_001), "PNG"), name="a.png")
    assert page.status_code == 422
    assert "40,000,000 pixels" in page.text
    assert stored() == (0, 0)


def test_pictures_are_served_so_that_browsers_take_them_for_nothing_else(ada, visitor):
    ada.hang()
    answer = visitor.get(visitor.get("/api/photos/1").json["thumbnail"])
    assert answer.content_type == "image/webp"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
