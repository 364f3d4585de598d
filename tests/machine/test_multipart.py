"""20,000 forms, cut anywhere, are what two other public parsers take them for.

Those get each form whole: werkzeug's is wrong at some edges of pieces, and streaming-form-data
refuses some.
"""

import io
import random

import pytest
from streaming_form_data import StreamingFormDataParser
from streaming_form_data.targets import ValueTarget
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder
from werkzeug.test import create_environ

from cruse import Cruse, request

BODIES = 20_000
BOUNDARIES = (
    "b",
    "--",
    "----WebKitFormBoundaryAb3dEf6hIj9lMn0p",
    "a'()+_,-./:=?z",
    "-" * 27 + "7",
)
NAMES = ("one", "two", "three", "four")


def make_content(chance, delimiter):
    """Bytes that come near to what ends a part, without ending it."""
    pieces = []
    for _ in range(chance.randrange(12)):
        near = delimiter[: chance.randrange(len(delimiter))]
        pieces.append(
            chance.choice(
                (near, near + b"\r\n", near + b"-", b"\r", b"\n", b"\r\n", b"\r\n--", b"\r\r\n",
                 b"--", chance.randbytes(chance.randrange(30)))
            )
        )  # fmt: skip
    return b"".join(pieces).replace(delimiter, b"\r\n")


def make_form(chance):
    """Return a boundary, a body and what is in it: names, file names and contents."""
    boundary = chance.choice(BOUNDARIES)
    delimiter = b"\r\n--" + boundary.encode()
    body, inside = b"", []
    for name in NAMES[: chance.randint(1, 4)]:
        filename = chance.choice((None, "a.bin", "a b.png"))
        head = f'Content-Disposition: form-data; name="{name}"'
        if filename is not None:
            head += f'; filename="{filename}"\r\nContent-Type: application/octet-stream'
        content = make_content(chance, delimiter)
        body += delimiter + f"\r\n{head}\r\n\r\n".encode() + content
        inside.append((name, filename, content))
    body = body[2:] + delimiter + b"--\r\n"
    # What two near misses make together could end a part after all.
    if body.count(b"--" + boundary.encode()) != len(inside) + 1:
        return make_form(chance)
    return boundary, body, inside


def make_pieces(chance, body):
    # A piece of one byte is what costs the time here, so few bodies come that way.
    pieces, at, most = [], 0, chance.choice((1, *[8] * 4, *[50] * 15, *[1000] * 30))
    while at < len(body):
        size = chance.randint(1, most)
        pieces.append(body[at : at + size])
        at += size
    return pieces


class Pieces(io.RawIOBase):
    """A body that comes in these pieces."""

    def __init__(self, pieces):
        self.pieces = iter(pieces)

    def read(self, size=-1):
        return next(self.pieces, b"")


def ours(app, boundary, pieces):
    environ = {
        **create_environ("/", method="POST"),
        "CONTENT_TYPE": f'multipart/form-data; boundary="{boundary}"',
        "CONTENT_LENGTH": str(sum(map(len, pieces))),
        "wsgi.input": Pieces(pieces),
    }
    with app.request_context(environ):
        return [(part.name, part.filename, b"".join(part)) for part in request.parts()]


def werkzeugs(boundary, body):
    decoder = MultipartDecoder(boundary.encode())
    decoder.receive_data(body)
    decoder.receive_data(None)
    found = []
    while not isinstance(event := decoder.next_event(), Epilogue):
        if isinstance(event, Field | File):
            found.append([event.name, getattr(event, "filename", None), b""])
        elif isinstance(event, Data):
            found[-1][2] += event.data
    return [tuple(each) for each in found]


def streamings(boundary, body):
    header = {"Content-Type": f'multipart/form-data; boundary="{boundary}"'}
    parser = StreamingFormDataParser(headers=header)
    targets = {name: ValueTarget() for name in NAMES}
    for name, target in targets.items():
        parser.register(name, target)
    parser.data_received(body)
    return {name: target.value for name, target in targets.items()}


@pytest.mark.timeout(1200)
def test_forms_are_what_other_parsers_take_them_for():
    chance = random.Random(9)  # noqa: S311 (the same bodies each time)
    app = Cruse(__name__)
    for number in range(BODIES):
        boundary, body, inside = make_form(chance)
        pieces = make_pieces(chance, body)
        assert ours(app, boundary, pieces) == inside, (number, boundary, pieces)
        assert werkzeugs(boundary, body) == inside, (number, boundary, body)
        contents = dict.fromkeys(NAMES, b"") | {name: data for name, _, data in inside}
        assert streamings(boundary, body) == contents, (number, boundary, body)
