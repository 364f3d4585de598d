"""A browser opens what a stranger has uploaded, and no script in it runs."""

import threading
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from cruse import Cruse
from cruse_uploads import MemoryStorage, Uploads

SCRIPT = "new Image().src = '/hit?who=' + document.location.pathname; document.title = 'ran'"
HOSTILE = {
    "svg": f'<svg xmlns="http://www.w3.org/2000/svg" onload="{SCRIPT}">'
    f'<script>{SCRIPT}</script><circle r="9"/></svg>',
    "html": f'<!doctype html><title>quiet</title><body onload="{SCRIPT}"><script>{SCRIPT}</script>'
    '<p id="end">end</p>',
}


class Silent(WSGIRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture
def site():
    """An application with hostile files: its URL, the keys of the files, and who was hit."""
    uploads = Uploads(storage=lambda app: MemoryStorage())
    files = uploads.set("files", allow=("svg", "html"))
    app = Cruse(__name__, extensions=[uploads])
    hits = []

    @app.get("/hit")
    def hit():
        hits.append("hit")
        return ""

    @app.get("/shown/<path:key>")
    def show(key):
        return files.send(key, as_attachment=False)

    @app.get("/control")
    def control():
        return HOSTILE["html"]

    with app.app_context():
        keys = {}
        for kind, text in HOSTILE.items():
            writer = files.storage.writer(f"files/a.{kind}", None)
            writer.write(text.encode())
            writer.commit()
            keys[kind] = f"a.{kind}"
    server = make_server("127.0.0.1", 0, app.wsgi_app, handler_class=Silent)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", keys, hits
    server.shutdown()
    thread.join()
    server.server_close()
    app.stop()


def test_no_script_in_an_upload_runs(site, browser):
    url, keys, hits = site
    # First that it would: without our header fields the same page reaches its target.
    browser.get(f"{url}/control")
    WebDriverWait(browser, 60).until(lambda _: len(hits) >= 2)
    assert browser.title == "ran"
    browser.get("about:blank")
    hits.clear()
    for kind, key in keys.items():
        browser.get(f"{url}/shown/{key}")  # returns once the page is loaded
        if kind == "html":
            assert browser.find_element(By.ID, "end").text == "end"
        assert "ran" not in browser.title
        browser.get(f"{url}/_uploads/files/{key}")  # where it is for saving alone
        assert "ran" not in browser.title
    assert hits == []
    browser.get(f"{url}/control")  # whatever was on its way has come
    WebDriverWait(browser, 60).until(lambda _: len(hits) >= 2)
    assert len(hits) == 2  # those of the control: its script, and its load
