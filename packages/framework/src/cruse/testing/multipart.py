"""Encodes a form as ``multipart/form-data`` (RFC 7578), as browsers do.

werkzeug's test encoder leaves out the line end of an empty part, which strict parsers take for a
form cut short, and writes large forms to a temporary file that nobody closes.
"""

from __future__ import annotations

import secrets
from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from werkzeug.datastructures import FileMultiDict, FileStorage, MultiDict

__all__ = ["encode_form"]

# The URL standard's "form data set encoding": these three and nothing else are escaped in names.
_ESCAPES = str.maketrans({"\r": "%0D", "\n": "%0A", '"': "%22"})


def encode_form(form: MultiDict[str, str], files: FileMultiDict) -> tuple[BytesIO, str]:
    """Return the encoded form and its boundary.

    Args:
        form: The fields.
        files: The files; they are read, and left where they were.
    """
    boundary = f"cruse-{secrets.token_hex(16)}"
    body = BytesIO()
    for name, value in form.items(multi=True):
        _write(body, boundary, _disposition(name), str(value).encode())
    for name, file in files.items(multi=True):
        header = f'{_disposition(name)}; filename="{(file.filename or "").translate(_ESCAPES)}"'
        for key, text in file.headers.items():
            if key.lower() != "content-disposition":
                header += f"\r\n{key}: {text}"
        if "content-type" not in file.headers:
            header += "\r\nContent-Type: application/octet-stream"
        _write(body, boundary, header, _content(file))
    body.write(f"--{boundary}--\r\n".encode())
    body.seek(0)
    return body, boundary


def _disposition(name: str) -> str:
    return f'Content-Disposition: form-data; name="{name.translate(_ESCAPES)}"'


def _write(body: BytesIO, boundary: str, header: str, content: bytes) -> None:
    body.write(f"--{boundary}\r\n{header}\r\n\r\n".encode() + content + b"\r\n")


def _content(file: FileStorage) -> bytes:
    """Read a file; leave it where it was, for a request that is repeated after a redirect."""
    position = file.stream.tell() if file.stream.seekable() else None
    content = file.stream.read()
    if position is not None:
        file.stream.seek(position)
    return content
