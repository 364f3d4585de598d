"""Fields and validators for files."""

from io import BytesIO

import pytest

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


def test_the_ends_of_names_may_be_limited(errors_of):
    allowed = FileAllowed(["png", ".JPG"])
    for name in ("cat.png", "CAT.PNG", "cat.jpg", "cat.gif.png"):
        assert errors_of(allowed, data={"file": file(name)}) == []
    for name in ("cat.gif", "png", "cat.png.exe", "cat.png."):
        assert errors_of(allowed, data={"file": file(name)}) == [
            "File does not have an approved extension: png, jpg"
        ]
    assert errors_of(allowed, data={}) == []
    assert errors_of(FileAllowed(["png"], "Only PNG."), data={"file": file("x")}) == ["Only PNG."]


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
