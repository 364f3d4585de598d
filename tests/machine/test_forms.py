"""Forms in a real browser: another origin cannot post, and the own one needs no token."""

import json
import shutil
from pathlib import Path

import pytest
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from tests.servers.serving import serve

RUN = ["-m", "cruse", "--app", "forms_app:app", "run", "--port", "{port}"]
APP = Path(__file__).with_name("forms_app.py")
WAIT = 60  # seconds, on a machine with other work

FETCH = """
const [url, options, done] = arguments;
const body = new URLSearchParams({words: "fetched"});
fetch(url, {method: "POST", body, ...options})
  .then(async (r) => done([r.status, r.type === "opaque" ? null : await r.text()]))
  .catch((error) => done(error.name));
"""


def serve_app(folder):
    folder.mkdir()
    shutil.copy(APP, folder)
    return serve(RUN, folder, {"PYTHONPATH": str(folder)})


@pytest.fixture
def site(tmp_path):
    with serve_app(tmp_path / "site") as running:
        yield running.url


@pytest.fixture(params=["another port", "another site"])
def hostile(request, tmp_path):
    """The origin of the attacker: of the same site as the browser sees it, or of another."""
    with serve_app(tmp_path / "hostile") as running:
        host = "127.0.0.1" if request.param == "another port" else "localhost"
        yield running.url.replace("127.0.0.1", host)


def press(browser, url):
    """Open a page, press its button, and return what the next page says."""
    browser.get(url)
    form = browser.find_element(By.TAG_NAME, "form")
    browser.find_element(By.TAG_NAME, "button").click()
    waiting = WebDriverWait(browser, WAIT, ignored_exceptions=[StaleElementReferenceException])
    waiting.until(lambda _: gone(form))
    return waiting.until(lambda _: browser.find_element(By.TAG_NAME, "body").text)


def gone(element):
    try:
        element.is_enabled()
    except Exception:  # stale, or without a page for a moment
        return True
    return False


def said(browser, site):
    browser.get(f"{site}/said")
    return json.loads(browser.find_element(By.TAG_NAME, "pre").text)


def test_the_own_pages_need_no_token(browser, site):
    browser.get(f"{site}/login")
    assert press(browser, f"{site}/page") == "said"
    browser.get(f"{site}/page")
    assert browser.execute_async_script(FETCH, "/say", {}) == [200, "said"]
    assert said(browser, site) == ["hello", "fetched"]


def test_pages_of_another_origin_cannot_post(browser, site, hostile):
    browser.get(f"{site}/login")
    assert "said" not in press(browser, f"{hostile}/hostile?to={site}/say")
    browser.get(f"{hostile}/hostile?to={site}/say")
    for mode in ("no-cors", "cors"):
        browser.execute_async_script(
            FETCH, f"{site}/say", {"mode": mode, "credentials": "include"}
        )
    assert said(browser, site) == []
