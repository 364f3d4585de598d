"""Bad input: always an answer of the 400s, and nothing is stored."""

from io import BytesIO

import pytest

HERE = {"Origin": "http://localhost"}
ELSEWHERE = "https://evil.example"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": ELSEWHERE},
        {"Origin": "null"},
        {"Origin": ELSEWHERE, "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {},
    ],
)
@pytest.mark.parametrize("url", ["/post", "/api/photos"])
def test_a_forged_form_is_refused(ada, picture, stored, url, headers):
    data = {"photo": (BytesIO(picture()), "a.jpg"), "caption": "Forged"}
    answer = ada.client.post(url, data=data, headers=headers)
    assert answer.status_code == 403
    assert stored() == (0, 0)


def test_a_forged_token_does_not_help(ada, picture, stored):
    data = {"photo": (BytesIO(picture()), "a.jpg"), "caption": "x", "csrf_token": "A" * 43}
    assert ada.client.post("/post", data=data).status_code == 403
    assert stored() == (0, 0)


def test_a_forged_deletion_deletes_nothing(ada, stored):
    ada.hang()
    assert ada.client.post("/photos/1/delete", headers={"Origin": ELSEWHERE}).status_code == 403
    assert ada.client.delete("/api/photos/1", headers={"Origin": ELSEWHERE}).status_code == 403
    assert stored() == (1, 2)


def test_a_tampered_cookie_is_no_sign_in(ada, picture, stored):
    ada.hang()
    cookie = ada.client.get_cookie("session")
    for value in (cookie.value[:-4] + "AAAA", "x" + cookie.value, "garbage", '"\\377"', ""):
        ada.client.set_cookie("session", value)
        assert ada.get("/").status_code == 200
        assert ada.get("/post").status_code == 302
        answer = ada.client.post(
            "/api/photos", data={"photo": (BytesIO(picture()), "a.jpg")}, headers=HERE
        )
        assert answer.status_code == 401
        assert ada.client.post("/photos/1/delete", headers=HERE).status_code == 401
    assert stored() == (1, 2)


FORM = "multipart/form-data; boundary=limit"


@pytest.mark.parametrize("url", ["/post", "/api/photos"])
@pytest.mark.parametrize("missing", [1, 5, 12, 100, 500, 650])
def test_a_multipart_form_that_is_cut_off_is_refused(ada, picture, form, stored, url, missing):
    body = form(picture(), caption="Cut")
    answer = ada.post(url, body[:-missing], content_type=FORM)
    if missing == 1:  # the line break behind the last boundary is not part of the form
        assert answer.status_code in (201, 303)
        return
    assert answer.status_code == 400
    assert stored() == (0, 0)


@pytest.mark.parametrize("url", ["/post", "/api/photos"])
@pytest.mark.parametrize(
    "content_type", ["multipart/form-data", "multipart/form-data; boundary=", FORM]
)
@pytest.mark.parametrize("body", [b"", b"--limit", b"\0\xff" * 50, b"--limit\r\n\r\n\r\n"])
def test_what_is_no_multipart_form_is_refused(ada, stored, url, content_type, body):
    answer = ada.post(url, body, content_type=content_type)
    assert 400 <= answer.status_code < 500
    assert stored() == (0, 0)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b'{"caption": "x"',
        b"[" * 100_000,
        b'"text"',
        b"[1]",
        b"null",
        b'{"caption": null}',
        b'{"caption": {"a": 1}}',
        b'{"caption": ["x"]}',
        b'{"caption": 7}',
        b'{"caption": "nul \\u0000"}',
        b'{"caption": "half \\ud800"}',
        b'{"caption": NaN}',
    ],
)
def test_json_that_cannot_be_used_changes_nothing(ada, visitor, body):
    ada.hang("Before")
    answer = ada.client.patch(
        "/api/photos/1", data=body, content_type="application/json", headers=HERE
    )
    assert 400 <= answer.status_code < 500
    assert answer.content_type == "application/problem+json"
    assert visitor.get("/api/photos/1").json["caption"] == "Before"


@pytest.mark.parametrize("url", ["/%ff", "/photos/%ff", "/%c3%28", "/api/photos/%ed%a0%80"])
def test_a_path_that_is_not_utf_8_is_refused(visitor, url):
    assert visitor.get(url).status_code in (400, 404)


@pytest.mark.parametrize("url", ["/?page=%ff", "/live?after=%ff", "/api/photos?page=%c3%28"])
def test_a_query_that_is_not_utf_8_is_refused(visitor, url):
    assert visitor.get(url).status_code == 400


@pytest.mark.parametrize("url", ["/%00", "/photos/%00", "/static/%00", "/static/..%2fmain.py"])
def test_strange_paths_are_not_found(visitor, url):
    assert visitor.get(url).status_code == 404


@pytest.mark.parametrize(
    "key", ["../photowall.db", "..%2f..%2fsecret_key", "x.jpg", ".meta", "%00"]
)
def test_only_pictures_are_served_as_pictures(visitor, key):
    assert visitor.get(f"/_uploads/photos/{key}").status_code == 404


@pytest.mark.parametrize("after", ["x", "-1", "1.5", "9" * 40, "²"])
def test_live_photos_start_behind_a_number(visitor, after):
    assert visitor.get("/live", query_string={"after": after}).status_code == 400
    header = after.encode().decode("latin-1")
    assert visitor.get("/live", headers={"Last-Event-ID": header}).status_code == 400


def test_a_body_over_the_limit_is_refused_with_a_page(app, ada, picture, stored):
    app.config["MAX_CONTENT_LENGTH"] = 1000
    page = ada.hang(picture=picture() + bytes(2000))
    assert page.status_code == 413
    assert "Too big for the wall" in page.text
    assert stored() == (0, 0)


def test_the_api_refuses_a_picture_that_is_too_large_while_it_arrives(ada, picture, form, stored):
    body = form(picture() + bytes(10_000_001), caption="Large")
    answer = ada.post("/api/photos", body, content_type=FORM)
    assert answer.status_code == 413
    assert answer.json["detail"] == "The file is larger than 10 MB."
    assert stored() == (0, 0)


@pytest.mark.parametrize(
    ("content", "name"), [(b"MZ\x90\0", "a.jpg"), (b"<svg/>", "a.svg"), (b"<?php", "a.php")]
)
def test_the_api_refuses_what_is_no_picture(ada, stored, content, name):
    data = {"photo": (BytesIO(content * 100), name), "caption": "x"}
    assert ada.post("/api/photos", data).status_code == 415
    assert stored() == (0, 0)


def test_too_many_fields_are_refused(ada, stored):
    answer = ada.post("/post", {f"field{n}": "x" for n in range(2000)})
    assert answer.status_code == 413
    assert stored() == (0, 0)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "BREW"])
def test_a_method_that_a_page_does_not_have_is_refused(visitor, method):
    answer = visitor.client.open("/", method=method)
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]


def test_an_error_of_ours_is_told_in_general_terms(app, visitor):
    app.config.update(PROPAGATE_EXCEPTIONS=False)

    @app.get("/broken")
    def broken():
        raise RuntimeError("a secret detail")

    page = visitor.get("/broken")
    assert page.status_code == 500
    assert "We dropped something" in page.text
    assert "secret" not in page.text
