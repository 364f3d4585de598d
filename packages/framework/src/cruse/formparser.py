"""Reading a whole form, urlencoded or multipart, into the dictionaries of a request."""

from __future__ import annotations

from codecs import unicode_escape_decode
from functools import partial
from io import BytesIO
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import unquote_to_bytes

from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.datastructures import ImmutableMultiDict as WerkzeugImmutableMultiDict
from werkzeug.exceptions import BadRequest, BadRequestKeyError, RequestEntityTooLarge

from cruse.body import CHUNK, IN_MEMORY, PIECE_COST, BodyStream
from cruse.outages import fill_temporary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cruse.parts import Part

__all__ = [
    "URLENCODED",
    "FormParser",
    "ImmutableMultiDict",
    "SpooledFile",
    "as_multidict",
    "parse_query",
    "parse_urlencoded",
    "read_fields",
]


URLENCODED = "application/x-www-form-urlencoded"
SPOOL_IN_MEMORY = 500 * 1024  # bytes of a file that somebody else writes, before it goes to disk
#: Bytes of a file that stays in memory whatever room there is: a thousand of one byte each would
#: use up the files that a process may have open.
SMALL = 64 * 1024


class SpooledFile(SpooledTemporaryFile[bytes]):
    """An uploaded file: in memory as long as the files of its form have room there, then on disk.

    A small one is in memory in any case. What is written to it otherwise goes to disk by its size,
    as with any of its kind.
    """

    def __init__(self) -> None:
        super().__init__(SPOOL_IN_MEMORY)

    def fill(self, runs: Iterator[list[bytes]], room: int) -> int:
        """Take bytes in, on disk if they are many and more than ``room``; return what is left.

        They are held until it is known whether they fit: what does is put together once, and what
        goes to disk goes there at once.
        """
        held: list[bytes] = []
        left = room
        for pieces in runs:
            held += pieces
            left -= sum(map(len, pieces)) + PIECE_COST * len(pieces)
            if left < 0 and room - left > SMALL:
                break
        else:
            # No copy of a single piece, nor when all of it is read.
            self._file = BytesIO(b"".join(held))
            return left
        self.rollover()
        self.writelines(held)
        del held
        for pieces in runs:
            self.writelines(pieces)
        return room


def _new_file(**told: object) -> IO[bytes]:
    return cast("IO[bytes]", SpooledFile())


K = TypeVar("K")
V = TypeVar("V")
_values_of: Any = dict.get
_new: Any = dict.__new__
_add: Any = dict.setdefault
_init = MultiDict.__init__


class ImmutableMultiDict(WerkzeugImmutableMultiDict[K, V]):
    """Werkzeug's, in which a value is found in one call and not in two or three."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.__getitem__ is not ImmutableMultiDict.__getitem__:  # `get` has to ask that
            cls.get = cls.__dict__.get("get", WerkzeugImmutableMultiDict.get)  # type: ignore[method-assign]

    def __getitem__(self, key: K) -> V:
        """Return the first value of a key.

        Raises:
            BadRequestKeyError: When there is none; answered with 400.
        """
        values: list[V] | None = _values_of(self, key)
        if values:
            return values[0]
        raise BadRequestKeyError(key)

    if not TYPE_CHECKING:

        def get(self, key: K, default: Any = None, type: Any = None) -> Any:  # noqa: A002
            """Return the first value of a key, or ``default``.

            Args:
                key: The key.
                default: What is returned when there is none, or ``type`` does not take it.
                type: Makes something else of it; raises ``ValueError`` or ``TypeError`` if not.
            """
            values = _values_of(self, key)
            if not values:
                return default
            if type is None:
                return values[0]
            try:
                return type(values[0])
            except (ValueError, TypeError):
                return default

    def __reduce_ex__(self, protocol: Any) -> Any:
        return WerkzeugImmutableMultiDict, (list(self.items(multi=True)),)


def parse_query(query: str, what: str, cls: type[MultiDict[str, Any]]) -> Any:
    """Split ``a=1&b=2`` into a dictionary of lists of text.

    Args:
        query: The encoded pairs.
        what: What it is, for the error message.
        cls: The class of the dictionary.

    Raises:
        BadRequest: When the percent-encoded bytes are not UTF-8.
    """
    if cls is ImmutableMultiDict:
        made: Any = _new(cls)  # its constructor would do nothing else
    elif cls.__init__ is _init:
        made = cls.__new__(cls)
    else:  # pair by pair, in whose order it may take an interest
        each = [parse_query(pair, what, ImmutableMultiDict) for pair in query.split("&")]
        return cls([item for one in each for item in one.items()])
    add = _add
    for pair in (query.replace("+", " ") if "+" in query else query).split("&"):
        if pair:
            name, _, value = pair.partition("=")
            if "%" in pair:
                try:
                    name = _unescape(name) if "%" in name else name
                    value = _unescape(value) if "%" in value else value
                except ValueError:
                    raise BadRequest(f"The {what} is not valid UTF-8.") from None
            add(made, name, []).append(value)
    return made


def _unescape(text: str) -> str:
    """Decode percent-encoded text (RFC 3986 section 2.1); what is no escape stays as it is.

    Python's own escapes of bytes are the same but for how they begin, and are read in C.

    Raises:
        ValueError: When the bytes are not UTF-8.
    """
    try:
        given = unicode_escape_decode(text.replace("\\", "\\\\").replace("%", "\\x"))[0]
    except ValueError:  # a percent sign that begins no escape
        return unquote_to_bytes(text).decode()
    return given if given.isascii() else given.encode("latin-1").decode()


def as_multidict(cls: type[MultiDict[str, Any]], pairs: list[tuple[str, Any]]) -> Any:
    """Make a dictionary of lists of pairs: werkzeug's, which first asks what it is given."""
    if cls.__init__ is not _init:
        return cls(pairs)
    made = cls.__new__(cls)
    add = dict.setdefault
    for name, value in pairs:
        add(made, name, []).append(value)
    return made


def read_fields(stream: IO[bytes], limit: int | None) -> bytes:
    """Read the body of an urlencoded form.

    Args:
        stream: The body.
        limit: The most bytes it may have; ``None`` for any number.

    Raises:
        RequestEntityTooLarge: When it has more.
    """
    length = getattr(stream, "length", None)  # a body's own has one
    if limit is None or (length is not None and length <= limit):
        return stream.read()  # the usual case: it is announced
    whole = BytesIO()
    while data := stream.read(CHUNK):
        whole.write(data)
        if whole.tell() > limit:
            raise RequestEntityTooLarge("The form's fields are too large.")
    return whole.getvalue()


def parse_urlencoded(data: bytes, max_parts: int | None, cls: type[MultiDict[str, Any]]) -> Any:
    """Split an urlencoded form (URL standard) into a dictionary of lists of text.

    Args:
        data: The form.
        max_parts: The most fields.
        cls: The class of the dictionary.

    Raises:
        BadRequest: When it is not UTF-8.
        RequestEntityTooLarge: When it has more fields.
    """
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
            data = read_fields(stream, self.max_form_memory_size)
            return stream, parse_urlencoded(data, self.max_form_parts, self.cls), self.cls()
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
        make = partial(
            self.stream_factory,
            total_content_length=None,
            filename=part.filename,
            content_type=part.content_type,
            content_length=None,
        )
        with fill_temporary(make) as target:
            if type(target) is SpooledFile:
                room = target.fill(part.in_pieces(), room)
            else:
                for chunk in part:
                    target.write(chunk)
        return FileStorage(target, part.filename, part.name, headers=part.headers), room
