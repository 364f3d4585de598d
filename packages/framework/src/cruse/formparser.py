"""Reading a whole form, urlencoded or multipart, into the dictionaries of a request."""

from __future__ import annotations

from io import BytesIO
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Any, cast
from urllib.parse import unquote_to_bytes

from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

from cruse.body import CHUNK, IN_MEMORY, PIECE_COST, BodyStream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cruse.parts import Part

__all__ = [
    "URLENCODED",
    "FormParser",
    "SpooledFile",
    "as_multidict",
    "parse_query",
    "parse_urlencoded",
]


URLENCODED = "application/x-www-form-urlencoded"
SPOOL_IN_MEMORY = 500 * 1024  # bytes of a file that somebody else writes, before it goes to disk


class SpooledFile(SpooledTemporaryFile[bytes]):
    """An uploaded file: in memory as long as the files of its form have room there, then on disk.

    What is written to it otherwise goes to disk by its size, as with any of its kind.
    """

    def __init__(self) -> None:
        super().__init__(SPOOL_IN_MEMORY)

    def fill(self, chunks: Iterator[bytes], room: int) -> int:
        """Take bytes in, on disk if they are more than ``room``; return what is left of that.

        They are held until it is known whether they fit: what does is put together once, and what
        goes to disk goes there at once.
        """
        held, left = [], room
        for chunk in chunks:
            held.append(chunk)
            left -= len(chunk) + PIECE_COST
            if left < 0:
                break
        else:
            # No copy of a single piece, nor when all of it is read.
            self._file = BytesIO(b"".join(held))
            return left
        self.rollover()
        self.writelines(held)
        del held
        self.writelines(chunks)
        self.seek(0)
        return room


def _new_file(**told: object) -> IO[bytes]:
    return cast("IO[bytes]", SpooledFile())


def parse_query(query: str, what: str, cls: type[MultiDict[str, Any]]) -> Any:
    """Split ``a=1&b=2`` into a dictionary of lists of text.

    Args:
        query: The encoded pairs.
        what: What it is, for the error message.
        cls: The class of the dictionary.

    Raises:
        BadRequest: When the percent-encoded bytes are not UTF-8.
    """
    if "+" in query:
        query = query.replace("+", " ")
    pairs: list[Any] = [pair.partition("=") for pair in query.split("&") if pair]
    if "%" in query:
        try:
            pairs = [
                (
                    unquote_to_bytes(name).decode() if "%" in name else name,
                    "",
                    unquote_to_bytes(value).decode() if "%" in value else value,
                )
                for name, _, value in pairs
            ]
        except ValueError:
            raise BadRequest(f"The {what} is not valid UTF-8.") from None
    if cls.__init__ is not MultiDict.__init__:
        return cls([(name, value) for name, _, value in pairs])
    made = cls.__new__(cls)  # its constructor would do nothing else
    add = dict.setdefault
    for name, _, value in pairs:
        add(made, name, []).append(value)
    return made


def as_multidict(cls: type[MultiDict[str, Any]], pairs: list[tuple[str, Any]]) -> Any:
    """Make a dictionary of lists of pairs: werkzeug's, which first asks what it is given."""
    if cls.__init__ is not MultiDict.__init__:
        return cls(pairs)
    made = cls.__new__(cls)
    for name, value in pairs:
        dict.setdefault(made, name, []).append(value)
    return made


def parse_urlencoded(
    stream: IO[bytes], limit: int | None, max_parts: int | None, cls: type[MultiDict[str, Any]]
) -> Any:
    """Read an urlencoded form (URL standard) into a dictionary of lists of text.

    Args:
        stream: The body.
        limit: The most bytes it may have; ``None`` for any number.
        max_parts: The most fields.
        cls: The class of the dictionary.

    Raises:
        BadRequest: When it is not UTF-8.
        RequestEntityTooLarge: When it is over a limit.
    """
    length = getattr(stream, "length", None)  # a body's own has one
    if limit is None or (length is not None and length <= limit):
        data = stream.read()  # the usual case: it is announced
    else:
        data = _read_at_most(stream, limit)
    if max_parts is not None and data.count(b"&") >= max_parts:
        raise RequestEntityTooLarge("The form has too many fields.")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise BadRequest("The form is not valid UTF-8.") from None
    return parse_query(text, "form", cls)


class FormParser:
    """Reads a form, urlencoded (URL standard) or multipart (RFC 7578), from a body.

    It has the interface of ``werkzeug.formparser.FormDataParser`` so that
    ``Request.form_data_parser_class`` stays what Flask users know.

    Args:
        stream_factory: Makes the file that an uploaded file is written to. Without one these are
            in memory as long as there is room, else temporary ones on disk.
        max_form_memory_size: The most bytes all fields that are not files may have together.
        max_content_length: Held by the stream already.
        cls: The class of the results.
        max_form_parts: The most fields and files together.
    """

    def __init__(
        self,
        stream_factory: Any = None,
        max_form_memory_size: int | None = None,
        max_content_length: int | None = None,
        cls: type[MultiDict[str, Any]] | None = None,
        *,
        max_form_parts: int | None = None,
    ) -> None:
        self.stream_factory = stream_factory or _new_file
        self.max_form_memory_size = max_form_memory_size
        self.max_content_length = max_content_length
        self.max_form_parts = max_form_parts
        self.cls: type[MultiDict[str, Any]] = cls or MultiDict

    def parse(
        self,
        stream: IO[bytes],
        mimetype: str,
        content_length: int | None,
        options: dict[str, str] | None = None,
    ) -> tuple[IO[bytes], MultiDict[str, Any], MultiDict[str, Any]]:
        """Return ``(stream, form, files)``, both empty when the body is no form.

        Raises:
            BadRequest: When the form is malformed or cut short.
            RequestEntityTooLarge: When it is over a limit.
        """
        if mimetype == "multipart/form-data":
            fields, files = self._multipart(stream, (options or {}).get("boundary", ""))
            return stream, as_multidict(self.cls, fields), as_multidict(self.cls, files)
        if mimetype == URLENCODED:
            most, parts = self.max_form_memory_size, self.max_form_parts
            return stream, parse_urlencoded(stream, most, parts, self.cls), self.cls()
        return stream, self.cls(), self.cls()

    def _multipart(
        self, stream: IO[bytes], boundary: str
    ) -> tuple[list[tuple[str, str]], list[tuple[str, FileStorage]]]:
        fields: list[tuple[str, str]] = []
        files: list[tuple[str, FileStorage]] = []
        from cruse.parts import MemoryBudget, Parts

        memory, room = MemoryBudget(self.max_form_memory_size), IN_MEMORY
        body = stream if isinstance(stream, BodyStream) else BodyStream(stream, None, None)
        try:
            for part in Parts(body, boundary, self.max_form_parts, memory, whole=True):
                if part.filename is None:
                    fields.append((part.name, part.text()))
                else:
                    file, room = self._store(part, room)
                    files.append((part.name, file))
        except BaseException:
            for _, file in files:
                file.close()
            raise
        return fields, files

    def _store(self, part: Part, room: int) -> tuple[FileStorage, int]:
        """Return the file of a part, and the bytes of memory that are left for other files."""
        target = self.stream_factory(
            total_content_length=None,
            filename=part.filename,
            content_type=part.content_type,
            content_length=None,
        )
        try:
            if type(target) is SpooledFile:
                room = target.fill(iter(part), room)
            else:
                for chunk in part:
                    target.write(chunk)
                target.seek(0)
        except BaseException:
            target.close()
            raise
        return FileStorage(target, part.filename, part.name, headers=part.headers), room


def _read_at_most(stream: IO[bytes], limit: int) -> bytes:
    chunks, size = [], 0
    while data := stream.read(CHUNK):
        size += len(data)
        if size > limit:
            raise RequestEntityTooLarge("The form's fields are too large.")
        chunks.append(data)
    return b"".join(chunks)
