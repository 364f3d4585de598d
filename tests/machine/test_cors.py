"""Pages of another origin, in a real browser: what they may read, and what it keeps from them."""

import shutil
from pathlib import Path

import pytest

from tests.servers.serving import serve

RUN = ["-m", "cruse", "--app", "cors_app:app", "run", "--port", "{port}"]
APP = Path(__file__).with_name("cors_app.py")

FETCH = """
const [url, options, done] = arguments;
fetch(url, options)
  .then(async (r) => done([r.status, await r.text(), r.headers.get("X-Total")]))
  .catch((error) => done(error.name));
"""


@pytest.fixture
def page(tmp_path):
    """An origin whose pages may read; a port of its own makes one."""
    with serve_app(tmp_path / "page", "https://nobody.example") as running:
        yield running


@pytest.fixture
def api(page, tmp_path):
    with serve_app(tmp_path / "api", page.url) as running:
        yield running


@pytest.fixture
def fetch(browser, api):
    def fetch(path, **options):
        return browser.execute_async_script(FETCH, api.url + path, options)

    return fetch


def serve_app(folder, origin):
    folder.mkdir()
    shutil.copy(APP, folder)
    return serve(RUN, folder, {"PYTHONPATH": str(folder), "CRUSE_CORS__origins": origin})


def test_a_page_of_an_allowed_origin_reads_what_it_may(browser, page, fetch):
    browser.get(page.url)
    assert fetch("/things") == [200, "things", "7"]
    put = {"method": "PUT", "headers": {"Content-Type": "application/json", "X-Own": "1"}}
    assert fetch("/things", body="{}", **put) == [200, "put by nobody", None]
    assert fetch("/missing")[0] == 404
    assert fetch("/private") == "TypeError"  # the blueprint has CORS off


def test_cookies_go_along_where_the_policy_says_so(browser, page, fetch):
    browser.get(page.url)
    put = {"method": "PUT", "headers": {"X-Own": "1"}, "credentials": "include"}
    assert fetch("/login", credentials="include")[0] == 200
    assert fetch("/things", **put) == [200, "put by ada", None]


def test_a_page_of_another_origin_reads_nothing(browser, page, api, fetch):
    browser.get(page.url.replace("127.0.0.1", "localhost"))
    assert fetch("/things") == "TypeError"
    assert fetch("/things", method="PUT", body="{}") == "TypeError"
