"""A wall of its own for each test, visitors to it, and pictures to hang."""

import re
from html import unescape
from io import BytesIO

import pytest
from PIL import Image

from cruse_db import func, select
from photowall import create_app
from photowall.extensions import db
from photowall.models import Photo, User

KEY = "the same in all tests"
HERE = "http://localhost"
FORM = "multipart/form-data; boundary=limit"
SETTINGS = {"TESTING": True, "SEED": False, "UPLOADS_FSYNC": False}
PAGE = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def make_app(tmp_path):
    """Make walls in one folder; they are stopped at the end."""
    made = []

    def make(**config):
        made.append(create_app({**SETTINGS, **config}, instance_path=str(tmp_path / "instance")))
        return made[-1]

    yield make
    for app in made:
        app.stop()


@pytest.fixture
def app(make_app):
    """An empty wall."""
    return make_app()


@pytest.fixture(params=["wsgi", "asgi"])
def gateway(request):
    return request.param


class Visitor:
    """Somebody with a browser: it keeps cookies and says where its forms come from."""

    def __init__(self, app, gateway):
        self.client = app.test_client(gateway=gateway)

    def get(self, url, **kwargs):
        return self.client.get(url, **{"headers": PAGE, "buffered": True, **kwargs})

    def post(self, url, data=None, **kwargs):
        headers = {**PAGE, "Origin": HERE, **kwargs.pop("headers", {})}
        return self.client.post(url, data=data, headers=headers, **kwargs)

    def sign_in(self, name):
        """Go through the sign-in as a browser does, by the forms of its pages."""
        start = self.post(action_of(self.get("/auth/login")))
        choice = self.get(start.location, follow_redirects=True)
        subject = re.search(rf'name="person" value="([^"]+)">\s*{name}', choice.text)[1]
        done = self.post(action_of(choice), {"person": subject}, follow_redirects=True)
        assert done.request.path == "/"
        return self

    def hang(self, caption="A caption", picture=None, **fields):
        """Post a photo on the page for it."""
        name = fields.pop("name", "photo.jpg")
        content = make_picture() if picture is None else picture
        body = make_form(content, name, caption=caption, **fields)
        return self.post("/post", body, content_type=FORM)


def make_form(content, name="photo.jpg", **fields):
    """The bytes of a form with a photo, as browsers send it."""
    parts = [f'; name="{field}"\r\n\r\n{value}'.encode() for field, value in fields.items()]
    parts.append(
        f'; name="photo"; filename="{name}"\r\nContent-Type: image/jpeg\r\n\r\n'.encode() + content
    )
    written = [b"--limit\r\nContent-Disposition: form-data" + part for part in parts]
    return b"\r\n".join([*written, b"--limit--\r\n"])


def action_of(page):
    """Where the form of a page leads."""
    return unescape(re.search(r'<form method="post" action="([^"]+)"', page.text)[1])


@pytest.fixture
def make_visitor(app, gateway):
    return lambda: Visitor(app, gateway)


@pytest.fixture
def visitor(make_visitor):
    """Somebody who is not signed in."""
    return make_visitor()


@pytest.fixture(scope="session")
def signed_in(tmp_path_factory):
    """The cookies and rows of people after their sign-in, which need not be repeated each time."""
    folder = tmp_path_factory.mktemp("signed-in")
    app = create_app({**SETTINGS, "SECRET_KEY": KEY}, instance_path=str(folder))
    people = {}
    for name in ("Ada", "Noor"):
        cookie = Visitor(app, "wsgi").sign_in(name).client.get_cookie("session").value
        with app.app_context():
            user = db.session.scalars(select(User).order_by(User.id.desc())).first()
            people[name] = cookie, (user.id, user.issuer, user.subject, user.name)
    app.stop()
    return people


@pytest.fixture
def come_back(app, gateway, signed_in):
    """Let a person come back who has signed in before."""

    def come(name):
        cookie, (number, issuer, subject, full_name) = signed_in[name]
        app.config["SECRET_KEY"] = KEY
        app.start()
        with app.app_context(), db.transaction() as session:
            session.add(User(id=number, issuer=issuer, subject=subject, name=full_name))
        visitor = Visitor(app, gateway)
        visitor.client.set_cookie("session", cookie)
        return visitor

    return come


@pytest.fixture
def ada(come_back):
    return come_back("Ada")


@pytest.fixture
def noor(come_back):
    return come_back("Noor")


def make_picture(size=(64, 48), kind="JPEG", color="#a3401a", **options):
    """The bytes of a picture."""
    file = BytesIO()
    Image.new("RGB", size, color).save(file, kind, **options)
    return file.getvalue()


@pytest.fixture
def picture():
    return make_picture


@pytest.fixture
def form():
    return make_form


@pytest.fixture
def stored(app, tmp_path):
    """Count what is stored: rows of photos, files of pictures, not those of unfinished forms."""

    def count():
        with app.app_context():
            rows = db.session.scalar(select(func.count()).select_from(Photo))
        folder = tmp_path / "instance" / "uploads"
        files = [path for path in folder.rglob("*") if path.suffix in {".jpg", ".png", ".webp"}]
        return rows, len([path for path in files if "_temporary" not in path.parts])

    return count
