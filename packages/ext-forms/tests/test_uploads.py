"""A file that was chosen is kept while the rest of the form is corrected."""

import re
from io import BytesIO

import pytest
from wtforms import StringField
from wtforms.validators import InputRequired

pytest.importorskip("cruse_uploads")

from cruse_forms import Form
from cruse_forms.uploads import UploadField, reference_to
from cruse_uploads import IMAGES, Uploads

PNG = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0"


def chosen(data=PNG, name="me.png"):
    return (BytesIO(data), name)


def as_browser(client):
    client.environ_base["HTTP_SEC_FETCH_SITE"] = "same-origin"
    return client


@pytest.fixture
def sets(app, tmp_path):
    app.config["UPLOADS_FOLDER"] = str(tmp_path / "files")
    uploads = Uploads()
    app.use(uploads)
    return {name: uploads.set(name, allow=IMAGES) for name in ("avatars", "covers")}


@pytest.fixture
def stored(tmp_path):
    """Returns the files that are in storage."""
    return lambda: [each for each in (tmp_path / "files").rglob("*.png") if each.is_file()]


@pytest.fixture
def pages(client, sets, forms, view_of):
    """Registers a page for each set: a name and a file."""
    as_browser(client)
    for each in sets.values():

        class Profile(Form):
            name = StringField(validators=[InputRequired()])
            image = UploadField(each, required=True)

        def profile(form_class=Profile):
            form = form_class()
            if form.validate_on_submit():
                data = form.image.data
                return {"name": data.name, "key": data.key, "size": data.size}
            return form.respond("page.html")

        view = view_of(profile, f"/{each.name}", endpoint=each.name)
        forms.reshow(view)


def reference_in(page):
    found = re.search(r'name="image-kept" value="([^"]+)"', page.text)
    return found and found[1]


@pytest.mark.usefixtures("pages")
class TestKept:
    def test_a_file_is_sent_once(self, client, stored):
        failed = client.post("/avatars", data={"image": chosen()})
        assert failed.status_code == 422
        assert "me.png" in failed.text
        assert "required" not in re.search(r'<input[^>]*type="file"[^>]*>', failed.text)[0]
        again = {"name": "Ada", "image-kept": reference_in(failed)}
        done = client.post("/avatars", data=again)
        assert done.json["name"] == "me.png"
        assert done.json["size"] == len(PNG)
        assert len(stored()) == 1

    def test_a_file_that_is_chosen_later_counts(self, client):
        failed = client.post("/avatars", data={"image": chosen()})
        other = chosen(PNG + b"more", "other.png")
        again = {"name": "Ada", "image-kept": reference_in(failed), "image": other}
        assert client.post("/avatars", data=again).json["name"] == "other.png"

    def test_a_file_is_required(self, client):
        none = client.post("/avatars", data={"name": "Ada"})
        assert none.status_code == 422
        assert "This field is required." in none.text
        assert reference_in(none) is None

    def test_a_file_that_the_set_refuses_is_not_kept(self, client, stored):
        refused = client.post("/avatars", data={"name": "Ada", "image": chosen(b"MZ")})
        assert refused.status_code == 422
        assert reference_in(refused) is None
        assert stored() == []

    def test_a_reference_is_good_for_one_set_only(self, client):
        reference = reference_in(client.post("/avatars", data={"image": chosen()}))
        again = {"name": "Ada", "image-kept": reference}
        assert client.post("/covers", data=again).status_code == 422
        assert client.post("/avatars", data=again).status_code == 200

    def test_a_reference_is_good_for_one_session_only(self, client, app):
        reference = reference_in(client.post("/avatars", data={"image": chosen()}))
        again = {"name": "Ada", "image-kept": reference}
        other = as_browser(app.test_client())
        other.post("/avatars", data={"image": chosen()})  # it has references of its own
        assert other.post("/avatars", data=again).status_code == 422
        nobody = as_browser(app.test_client())
        assert nobody.post("/avatars", data=again).status_code == 422

    @pytest.mark.parametrize("change", [str.swapcase, lambda text: "", lambda text: text + "x"])
    def test_a_reference_that_was_changed_is_worthless(self, client, change):
        reference = reference_in(client.post("/avatars", data={"image": chosen()}))
        again = {"name": "Ada", "image-kept": change(reference)}
        assert client.post("/avatars", data=again).status_code == 422

    def test_a_file_that_was_deleted_has_to_be_chosen_again(self, client, stored):
        reference = reference_in(client.post("/avatars", data={"image": chosen()}))
        for file in stored():
            file.unlink()
        again = {"name": "Ada", "image-kept": reference}
        assert client.post("/avatars", data=again).status_code == 422

    def test_a_request_without_its_token_stores_nothing(self, client, stored):
        del client.environ_base["HTTP_SEC_FETCH_SITE"]
        client.set_cookie("login", "ambient")
        refused = client.post("/avatars", data={"name": "Ada", "image": chosen()})
        assert refused.status_code == 403
        assert stored() == []


def test_a_temporary_file_is_kept_apart_until_it_is_promoted(client, sets, view_of):
    avatars = sets["avatars"]

    class Profile(Form):
        name = StringField(validators=[InputRequired()])
        image = UploadField(avatars, temporary=True)

    def profile():
        form = Profile()
        if not form.validate_on_submit():
            return form.respond("page.html")
        key = form.image.data.key
        before = avatars.exists(key)
        avatars.promote(key)
        return {"before": before, "after": avatars.exists(key)}

    view_of(profile)
    failed = as_browser(client).post("/", data={"image": chosen()})
    again = {"name": "Ada", "image-kept": reference_in(failed)}
    assert client.post("/", data=again).json == {"before": False, "after": True}


def test_a_file_that_came_otherwise_is_taken_by_a_reference_to_it(client, sets, view_of, app):
    avatars = sets["avatars"]

    class Profile(Form):
        image = UploadField(avatars, required=True, temporary=True)

    def profile():
        form = Profile()
        if not form.validate_on_submit():
            return form.respond("page.html")
        return {"name": form.image.data.name}

    view_of(profile)

    @app.post("/pieces")
    def come_in_pieces():
        return reference_to(avatars.save(BytesIO(PNG), name="a.png", temporary=True))

    as_browser(client)
    reference = client.post("/pieces").text
    assert client.post("/", data={"image-kept": reference}).json == {"name": "a.png"}
    client.delete_cookie("session")
    assert client.post("/", data={"image-kept": reference}).status_code == 422


def test_what_an_object_has_is_kept_where_nothing_is_sent(client, sets, view_of):
    class Profile(Form):
        image = UploadField(sets["avatars"], required=True)

    class Person:
        image = "2026/11/before.png"

    def profile():
        form = Profile(obj=Person())
        valid = form.validate_on_submit()
        person = Person()
        form.apply(person)
        return {"valid": valid, "image": person.image}

    view_of(profile)
    assert client.post("/", data={}).json == {"valid": True, "image": Person.image}
