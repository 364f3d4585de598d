"""The photo wall in a real browser: what people do with it, and how it looks.

With ``PHOTOWALL_SCREENSHOTS`` in the environment, pictures of the pages are put into that folder.
"""

import base64
import os
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from PIL import Image
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from photowall.seeds import SEEDS, paint
from tests.machine.lines import Line
from tests.servers.serving import serve, wall_environment

PATIENCE = 60  # seconds for what should take less than one
SCREENS = {"desktop": (1280, 900), "phone": (390, 844)}
SCHEMES = ("light", "dark")
RUN = ["-m", "photowall", "--port", "{port}"]

#: Every text that can be seen, whose contrast with what is behind it is less than WCAG AA asks.
LOW_CONTRAST = """
const parse = (text) => text.match(/[\\d.]+/g).map(Number);
const channel = (c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
const shine = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
const behind = (element) => {
  for (let e = element; e; e = e.parentElement) {
    const color = parse(getComputedStyle(e).backgroundColor);
    if (color.length === 3 || color[3] === 1) return color;
  }
  return [255, 255, 255];
};
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const bad = [];
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  const style = getComputedStyle(element);
  const box = element.getBoundingClientRect();
  if (!walker.currentNode.data.trim() || box.width < 2 || style.visibility === "hidden") continue;
  const pair = [shine(parse(style.color)), shine(behind(element))].sort((a, b) => b - a);
  const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
  const size = parseFloat(style.fontSize);
  const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
  if (ratio < (large ? 3 : 4.5)) bad.push(`${walker.currentNode.data.trim()}: ${ratio}`);
}
return bad;
"""
#: Inputs without a label, pictures without alt, pages without what finds the way in them.
UNLABELLED = """
const bad = [];
for (const input of document.querySelectorAll("input:not([type=hidden]), textarea"))
  if (!input.labels.length) bad.push(input.outerHTML);
for (const image of document.querySelectorAll("img:not([alt])")) bad.push(image.outerHTML);
for (const one of ["main", "header", "footer", "h1", "html[lang]", "a.skip[href='#main']"])
  if (document.querySelectorAll(one).length !== 1) bad.push(one);
return bad;
"""


class Person:
    """Somebody in front of a browser with a wall in it."""

    def __init__(self, browser, url):
        self.browser = browser
        self.url = url
        # A page may change while it is read: look again.
        self.wait = WebDriverWait(
            browser, PATIENCE, ignored_exceptions=[StaleElementReferenceException]
        )

    def go(self, path="/"):
        self.browser.get(self.url + path)

    def find(self, selector):
        return self.wait.until(lambda b: b.find_element(By.CSS_SELECTOR, selector))

    def click(self, words):
        """Click a link or button by its words, and wait for the page it leads to."""
        path = f"//*[self::a or self::button][contains(normalize-space(), '{words}')]"
        page = self.browser.find_element(By.TAG_NAME, "html")
        self.wait.until(lambda b: b.find_element(By.XPATH, path)).click()
        self.wait.until(lambda b: b.find_element(By.TAG_NAME, "html") != page)

    def reads(self, words):
        """Wait until words can be read on the page."""
        self.wait.until(lambda b: words in b.find_element(By.TAG_NAME, "body").text)

    @property
    def path(self):
        return urlsplit(self.browser.current_url).path

    @property
    def captions(self):
        return [card.text for card in self.browser.find_elements(By.CSS_SELECTOR, ".card h2")]

    def sign_in(self, name="Ada Marlow"):
        self.go()
        self.click("Sign in")
        self.click("Sign in with")
        self.click(name)
        self.reads("Post a photo")

    def fill(self, file, caption):
        self.go("/post")
        self.find("[name=photo]").send_keys(str(file))
        self.find("[name=caption]").send_keys(caption)
        self.click("Post photo")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request):
    if request.param == "sqlite":
        return {}
    return {"PHOTOWALL_DB_URL": request.getfixturevalue("postgres_url")}


@pytest.fixture
def wall(database, tmp_path):
    """The wall as `python -m photowall` starts it."""
    environment = {**wall_environment(tmp_path / "instance"), **database}
    with serve(RUN, tmp_path, environment) as running:
        yield running


@pytest.fixture
def person(browser, wall):
    return Person(browser, wall.url)


@pytest.fixture
def photo(tmp_path):
    """A photo as cameras make them: lying on its side, with where it was taken."""
    exif = Image.Exif()
    exif[0x010F] = "A camera"
    exif[0x0112] = 6  # turn it to the right
    exif.get_ifd(0x8825)[1] = "N"
    path = tmp_path / "IMG_0001.jpg"
    upright = paint(replace(SEEDS[5], size=(2000, 3000), number=1))
    with Image.open(BytesIO(upright)) as image:
        image.transpose(Image.Transpose.ROTATE_90).save(path, exif=exif, quality=92)
    return path


def test_a_person_posts_a_photo_that_appears_in_another_window(person, photo, tmp_path):
    browser = person.browser
    person.sign_in()
    first = browser.current_window_handle
    browser.switch_to.new_window("window")
    second = browser.current_window_handle
    person.go()
    person.reads("Live")
    before = person.captions
    assert len(before) == 12
    browser.execute_script("window.untouched = true")

    browser.switch_to.window(first)
    person.fill(photo, "Fresh from the camera")
    person.reads("Your photo is on the wall.")
    assert person.captions[0] == "Fresh from the camera"

    browser.switch_to.window(second)
    person.wait.until(lambda _: person.captions[0] == "Fresh from the camera")
    assert person.captions == ["Fresh from the camera", *before[:11]]
    assert browser.execute_script("return window.untouched") is True
    assert person.find("#live-news").get_attribute("textContent") == "One new photo."
    picture = person.find(".card img")
    person.wait.until(lambda b: b.execute_script("return arguments[0].complete", picture))
    assert browser.execute_script("return arguments[0].naturalHeight", picture) == 640

    browser.switch_to.window(first)
    person.click("Fresh from the camera")
    person.click("Edit caption")
    caption = person.find("[name=caption]")
    caption.clear()
    caption.send_keys("A better caption")
    person.click("Save")
    person.reads("The caption is changed.")
    assert person.find("h1").text == "A better caption"

    person.click("Delete")
    person.click("Delete photo")
    person.reads("The photo is deleted.")
    assert person.captions == before

    person.click("Sign out")
    person.click("Sign out")
    person.reads("Sign in")
    person.go("/post")
    assert person.path == "/auth/login"
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


@pytest.mark.parametrize("database", [{}])
def test_a_person_is_told_why_a_file_is_refused(person, photo, tmp_path):
    text = tmp_path / "notes.jpg"
    text.write_text("This is no picture.\n" * 100)
    large = tmp_path / "large.jpg"
    large.write_bytes(photo.read_bytes() + bytes(10_000_001))
    person.sign_in()
    before = person.captions
    for file, words in (
        (text, "This file is named .jpg but is not of that kind."),
        (large, "The file is larger than 10 MB."),
    ):
        person.fill(file, "Kept in the form")
        person.reads(words)
        assert person.find("[name=caption]").get_attribute("value") == "Kept in the form"
        assert person.find("[name=photo]").get_attribute("aria-invalid") == "true"
    person.go()
    assert person.captions == before


@pytest.mark.parametrize("database", [{}])
def test_a_photo_comes_in_over_a_line_that_breaks(person, wall, photo):
    person.sign_in()
    cuts = [100_000, 200_000, 300_000]  # bytes that a connection carries before it is cut
    assert photo.stat().st_size > sum(cuts)
    line = Line(wall.port, cuts)
    person.url = f"http://127.0.0.1:{line.port}"  # cookies are for all ports
    person.fill(photo, "Sent in pieces")
    person.reads("Your photo is on the wall.")
    line.listening.close()
    assert line.cuts == []
    assert person.captions[0] == "Sent in pieces"
    log = wall.log.read_text()
    assert "HEAD /post/uploads/" in log  # where it went on
    assert "PATCH /post/uploads/" in log


@pytest.mark.parametrize("database", [{}])
def test_the_wall_works_without_scripts(person, photo):
    person.browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    person.sign_in("Noor Haddad")
    person.fill(photo, "Without a script")
    person.reads("Your photo is on the wall.")
    assert person.captions[0] == "Without a script"
    assert not person.browser.find_element(By.ID, "live-status").is_displayed()


@pytest.mark.parametrize("database", [{}])
def test_whoever_uses_the_keyboard_gets_to_the_content_at_once(person):
    person.go()
    person.find("body").send_keys(Keys.TAB)
    skip = person.browser.switch_to.active_element
    assert skip.text == "Skip to the content"
    skip.send_keys(Keys.ENTER)
    assert person.browser.switch_to.active_element.get_attribute("id") == "main"
    person.browser.switch_to.active_element.send_keys(Keys.TAB)
    link = person.browser.switch_to.active_element
    assert link.get_attribute("href").endswith("/photos/14")
    assert (
        person.browser.execute_script("return getComputedStyle(arguments[0]).outlineStyle", link)
        == "solid"
    )


def look(browser, name, screen, scheme):
    """Show a page as on some screen; keep a picture of it where one is asked for."""
    width, height = SCREENS[screen]
    phone = screen == "phone"
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone},
    )
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {
            "features": [
                {"name": "prefers-color-scheme", "value": scheme},
                {"name": "prefers-reduced-motion", "value": "reduce"},
            ]
        },
    )
    folder = os.environ.get("PHOTOWALL_SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        shot = browser.execute_cdp_cmd("Page.captureScreenshot", {})["data"]
        content = base64.b64decode(shot)
        Image.open(BytesIO(content)).save(Path(folder) / f"{name}-{screen}-{scheme}.png")


@pytest.mark.parametrize("database", [{}])
def test_every_page_can_be_read_and_used_on_every_screen(person, photo):
    browser = person.browser
    person.go("/auth/login")
    inspect(browser, "sign-in")
    person.sign_in()
    pages = {
        "wall": "/",
        "wall-page-2": "/?page=2",
        "photo": "/photos/12",
        "photo-tall": "/photos/13",
        "own-empty": "/account/",
        "post": "/post",
        "not-found": "/nothing",
        "forbidden": "/photos/3/edit",
        "sign-out": "/auth/logout",
    }
    for name, path in pages.items():
        person.go(path)
        inspect(browser, name)
    person.go("/post")
    browser.execute_script("document.querySelector('main form').noValidate = true")
    person.click("Post photo")
    person.reads("Choose a picture.")
    inspect(browser, "post-refused")
    person.fill(photo, "Right off the camera")
    inspect(browser, "wall-posted")
    person.click("Right off the camera")
    inspect(browser, "photo-own")
    person.click("Edit caption")
    inspect(browser, "edit")
    browser.back()
    person.click("Delete")
    inspect(browser, "delete")


def inspect(browser, name):
    """Look at a page on all screens: nothing too faint, nameless or too wide."""
    for screen in SCREENS:
        for scheme in SCHEMES:
            look(browser, name, screen, scheme)
            assert browser.execute_script(LOW_CONTRAST) == [], (name, scheme)
    assert browser.execute_script(UNLABELLED) == [], name
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 360, "height": 640, "deviceScaleFactor": 1, "mobile": True},
    )
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 360, name
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
