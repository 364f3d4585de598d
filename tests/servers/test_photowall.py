"""The photo wall, unchanged, under every server."""

import re
from html import unescape
from io import BytesIO

import pytest
from PIL import Image


@pytest.fixture(
    scope="module",
    params=[
        "gunicorn",
        "waitress",
        "uvicorn",
        "hypercorn",
        "granian-wsgi",
        "granian-asgi",
        "granian-rsgi",
    ],
)
def server_name(request):
    """One server of each kind; test_hello.py has them all."""
    return request.param


@pytest.fixture
def picture():
    file = BytesIO()
    Image.new("RGB", (800, 600), "#2f7f8f").save(file, "JPEG")
    return file.getvalue()


def action_of(page):
    return unescape(re.search(r'<form method="post" action="([^"]+)"', page.text)[1])


@pytest.fixture
def ada(browser):
    """Somebody who signed in through the local provider."""
    start = browser.post(action_of(browser.get("/auth/login")))
    choice = browser.get(start.headers["Location"], follow_redirects=True)
    done = browser.post(action_of(choice), data={"person": "ada"}, follow_redirects=True)
    assert (done.status_code, done.url.path) == (200, "/")
    return browser


def events(stream):
    """Yield the numbers of the photos that arrive."""
    for line in stream.iter_lines():
        if line.startswith("id: "):
            yield int(line.removeprefix("id: "))


def test_the_wall_is_shown(browser):
    page = browser.get("/")
    assert page.status_code == 200
    assert page.text.count('class="card"') == 12
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    thumbnail = browser.get(re.search(r'src="(/_uploads/[^"]+)"', page.text)[1])
    assert thumbnail.headers["Content-Type"] == "image/webp"
    assert Image.open(BytesIO(thumbnail.content)).size == (640, 480)


def test_static_files_are_served_and_kept_by_browsers(browser):
    sheet = browser.get("/static/style.css")
    assert sheet.status_code == 200
    assert sheet.headers["Content-Type"] == "text/css; charset=utf-8"
    assert sheet.text.rstrip().endswith("}")
    again = browser.get("/static/style.css", headers={"If-None-Match": sheet.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_the_api_answers(browser):
    listed = browser.get("/api/photos").json()
    assert listed["total"] >= 14
    assert browser.get(listed["photos"][0]["url"]).json() == listed["photos"][0]


def test_what_is_not_there_is_not_found(browser):
    assert "Nothing hangs here" in browser.get("/nowhere").text
    answer = browser.get("/api/nowhere")
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_photo_is_posted_and_appears_on_open_pages(ada, browser, picture, wall):
    newest = browser.get("/api/photos").json()["photos"][0]["id"]
    with browser.stream("GET", f"/live?after={newest - 1}") as stream:
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        arriving = events(stream)
        assert next(arriving) == newest
        file = {"photo": ("photo.jpg", picture, "image/jpeg")}
        answer = ada.post("/post", data={"caption": "Through a socket"}, files=file)
        assert answer.status_code == 303
        assert next(arriving) > newest
    assert "Through a socket" in browser.get("/").text


def test_the_api_takes_a_photo_from_the_socket_and_deletes_it(ada, picture):
    file = {"photo": ("photo.jpg", picture, "image/jpeg")}
    made = ada.post("/api/photos", data={"caption": "From a program"}, files=file)
    assert made.status_code == 201
    where = made.headers["Location"]
    assert ada.get(where).json()["caption"] == "From a program"
    assert ada.delete(where).status_code == 204
    assert ada.get(where).status_code == 404


def test_what_is_no_picture_or_too_large_is_refused(ada, picture):
    for content, status in ((b"MZ" * 1000, 415), (picture + bytes(10_000_001), 413)):
        file = {"photo": ("photo.jpg", content, "image/jpeg")}
        page = ada.post("/post", data={"caption": "Kept in the form"}, files=file)
        assert page.status_code == 422
        assert "Kept in the form" in page.text
        if len(content) < 10_000:
            answer = ada.post("/api/photos", data={"caption": "x"}, files=file)
            assert answer.status_code == status


def test_a_forged_form_is_refused(ada, picture):
    file = {"photo": ("photo.jpg", picture, "image/jpeg")}
    headers = {"Origin": "https://evil.example"}
    assert ada.post("/post", data={"caption": "x"}, files=file, headers=headers).status_code == 403


def test_signing_out_works(ada):
    assert ada.get("/account/").status_code == 200
    assert ada.post("/auth/logout").status_code == 303
    assert ada.get("/account/").status_code == 302
