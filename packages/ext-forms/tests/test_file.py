"""Fields and validators for files."""

from io import BytesIO

import pytest
from werkzeug.exceptions import UnprocessableEntity

from cruse_forms import Form
from cruse_forms.file import (
    FileAllowed,
    FileField,
    FileRequired,
    FileSize,
    MultipleFileField,
    file_allowed,
    file_required,
    file_size,
)


def file(name="cat.png", data=b"data"):
    return (BytesIO(data), name)


@pytest.fixture
def errors_of(client, view_of):
    form_class = []

    def check():
        form = form_class[0]()
        form.validate()
        return {"errors": form.errors.get("file", [])}

    view_of(check)

    def errors_of(*validators, field=FileField, **sent):
        class Upload(Form):
            pass

        Upload.file = field(validators=validators)
        form_class[:] = [Upload]
        return client.post("/", **sent).json["errors"]

    return errors_of


def test_a_file_may_be_demanded(errors_of):
    assert errors_of(FileRequired(), data={"file": file()}) == []
    assert errors_of(FileRequired(), data={}) == ["This field is required."]
    # What browsers send when nothing was chosen: a part without a file name and content.
    body = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename=""\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n\r\n--b--\r\n"
    )
    sent = {"data": body, "content_type": "multipart/form-data; boundary=b"}
    assert errors_of(FileRequired(), **sent) == ["This field is required."]
    assert errors_of(FileRequired(), data={"file": "text"}) == ["This field is required."]
    assert errors_of(FileRequired("Where is it?"), data={}) == ["Where is it?"]
    assert errors_of(FileRequired(), field=MultipleFileField, data={}) != []


PNG, JPEG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"\xff\xd8\xff\xe0\0\x10JFIF"


def test_the_ends_of_names_may_be_limited(errors_of):
    allowed = FileAllowed(["png", ".JPG"])
    for name in ("cat.png", "CAT.PNG", "cat.gif.png"):
        assert errors_of(allowed, data={"file": file(name, PNG)}) == []
    assert errors_of(allowed, data={"file": file("cat.jpg", JPEG)}) == []
    for name in ("cat.gif", "png", "cat.png.exe", "cat.png."):
        assert errors_of(allowed, data={"file": file(name)}) == [
            "File does not have an approved extension: png, jpg"
        ]
    assert errors_of(allowed, data={}) == []
    assert errors_of(FileAllowed(["png"], "Only PNG."), data={"file": file("x")}) == ["Only PNG."]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("cat.png", b"MZ\x90\0\x03\0\0\0"),
        ("cat.png", JPEG),
        ("cat.png", b"<svg xmlns='http://www.w3.org/2000/svg'>"),
        ("cat.png", b""),
        ("cat.jpg", PNG),
        ("cat.webp", b"RIFF\x10\0\0\0WAVEfmt "),
        ("cat.pdf", b"<!doctype html>"),
        ("cat.docx", b"MZ"),
    ],
)
def test_a_file_has_to_be_what_its_name_says(errors_of, name, data):
    allowed = FileAllowed(["png", "jpg", "webp", "pdf", "docx"])
    wrong = ["The content of the file is not what its name says."]
    assert errors_of(allowed, data={"file": file(name, data)}) == wrong


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("cat.webp", b"RIFF\x10\0\0\0WEBPVP8 "),
        ("cat.mp4", b"\0\0\0\x18ftypisom\0\0"),
        ("cat.docx", b"PK\x03\x04\x14\0"),
        ("cat.txt", b"MZ, said the cat"),
    ],
)
def test_a_file_that_is_what_its_name_says_is_taken_from_its_beginning(
    client, view_of, name, data
):
    class Upload(Form):
        file = FileField(validators=[FileAllowed(["webp", "mp4", "docx", "txt"])])

    def read():
        form = Upload()
        assert form.validate()
        return form.file.data.read()

    view_of(read)
    assert client.post("/", data={"file": file(name, data)}).data == data


def test_a_set_that_looks_into_files_says_what_is_wrong(errors_of):
    class Photos:
        def check(self, file):
            if file.read() != PNG:
                raise UnprocessableEntity("That is no photo.")
            file.seek(0)

    assert errors_of(FileAllowed(Photos()), data={"file": file("a", PNG)}) == []
    assert errors_of(FileAllowed(Photos()), data={"file": file("a")}) == ["That is no photo."]
    own = FileAllowed(Photos(), "A photo, please.")
    assert errors_of(own, data={"file": file("a")}) == ["A photo, please."]


def test_an_object_may_say_which_files_it_takes(errors_of):
    class Cats:
        def file_allowed(self, storage, filename):
            return filename.startswith("cat") and storage.filename is not None

    assert errors_of(FileAllowed(Cats()), data={"file": file("Cat.png")}) == []
    assert errors_of(FileAllowed(Cats()), data={"file": file("dog.png")}) == [
        "File does not have an approved extension."
    ]


def test_sizes_may_be_limited(errors_of):
    size = FileSize(max_size=4, min_size=2)
    assert errors_of(size, data={"file": file(data=b"1234")}) == []
    for data in (b"1", b"12345"):
        assert errors_of(size, data={"file": file(data=data)}) == [
            "File must be between 2 and 4 bytes."
        ]
    assert errors_of(FileSize(1, message="Too big."), data={"file": file()}) == ["Too big."]
    many = {"file": [file(data=b"1234"), file(data=b"12345")]}
    assert errors_of(size, field=MultipleFileField, data=many) != []


def test_checking_the_size_leaves_the_file_where_it_was(client, view_of):
    class Upload(Form):
        file = FileField(validators=[FileSize(10)])

    def read():
        form = Upload()
        assert form.validate()
        return form.file.data.read()

    view_of(read)
    assert client.post("/", data={"file": file(data=b"content")}).data == b"content"


def test_several_files_come_in_order(client, view_of):
    class Upload(Form):
        file = MultipleFileField()

    view_of(lambda: {"names": [each.filename for each in Upload().file.data]}, endpoint="names")
    sent = {"file": [file("b.png"), file("a.png")]}
    assert client.post("/", data=sent).json == {"names": ["b.png", "a.png"]}
    assert client.post("/", data={}).json == {"names": []}


def test_the_short_names_are_the_same():
    assert (file_allowed, file_required, file_size) == (FileAllowed, FileRequired, FileSize)


def test_a_form_with_files_says_how_it_must_be_sent():
    class Upload(Form):
        file = FileField()

    class Plain(Form):
        pass

    assert Upload(formdata=None).enctype == "multipart/form-data"
    assert Plain(formdata=None).enctype == "application/x-www-form-urlencoded"


@pytest.mark.parametrize("debug", [True, False])
def test_a_page_that_forgot_its_enctype_is_told_in_debug_mode(app, client, caplog, debug):
    app.debug = debug

    class Portrait(Form):
        picture = FileField(validators=[FileRequired()])

    @app.post("/")
    def add():
        form = Portrait()
        form.validate_on_submit()
        return form.errors

    response = client.post("/", data={"picture": "me.png"})
    assert response.json == {"picture": ["This field is required."]}
    assert ('enctype="{{ form.enctype }}"' in caplog.text) is debug
