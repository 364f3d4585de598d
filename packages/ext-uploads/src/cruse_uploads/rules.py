"""The rules of an upload set, and their check over one file while it arrives.

This is sans I/O: an :class:`Intake` is fed with chunks, says what may be written, and raises at
the first byte that breaks a rule. Where the bytes come from and go to is not known here.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cruse_uploads.errors import UploadNotAllowed
from cruse_uploads.filetypes import (
    BINARY,
    BY_EXTENSION,
    HEAD,
    AllExcept,
    FileType,
    find_type,
    looks_like_text,
    recognised,
    resolve,
)
from cruse_uploads.images import HeaderReader, ImageError, has_header_reader
from cruse_uploads.names import clean_name, extension_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cruse_uploads.errors import Reason

__all__ = ["Intake", "Rules", "known_digest", "parse_size"]

_UNITS = {
    "": 1,
    "b": 1,
    "kb": 1000,
    "mb": 1000**2,
    "gb": 1000**3,
    "kib": 1024,
    "mib": 1024**2,
    "gib": 1024**3,
}
#: Digests of which nobody has found two contents that have the same.
_STRONG = frozenset({"blake2b", "blake2s", "sha256", "sha384", "sha512", "sha3_256", "sha3_512"})
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmg]?i?b?)\s*", re.I)


def parse_size(size: int | str | None) -> int | None:
    """Return a size in bytes.

    >>> parse_size("10 MB"), parse_size("1.5 KiB"), parse_size(64)
    (10000000, 1536, 64)

    Raises:
        ValueError: When the text is not a number with a unit.
    """
    if size is None or isinstance(size, int):
        return size
    match = _SIZE.fullmatch(size)
    if match is None or match[2].lower() not in _UNITS:
        raise ValueError(f"{size!r} is not a size; write it like '10 MB' or '512 KiB'.")
    return int(float(match[1]) * _UNITS[match[2].lower()])


def tell_size(size: int) -> str:
    """Return a size for people.

    >>> tell_size(10_000_000), tell_size(1_500)
    ('10 MB', '1.5 kB')
    """
    for unit, factor in (("GB", 1000**3), ("MB", 1000**2), ("kB", 1000)):
        if size >= factor:
            return f"{size / factor:.4g} {unit}"
    return f"{size} bytes"


def known_digest(digest: str | None, dedupe: bool) -> str | None:
    """Return the hash algorithm of a set.

    Args:
        digest: What it asks for.
        dedupe: Whether files are told equal by it.

    Raises:
        ValueError: When there is none of this name, or it tells nothing equal.
    """
    if digest is None:
        return "blake2b" if dedupe else None
    if digest not in hashlib.algorithms_available:
        raise ValueError(f"There is no digest {digest!r}; try 'blake2b' or 'sha256'.")
    if dedupe and digest not in _STRONG:
        raise ValueError(
            f"Files can't be told equal by {digest!r}: somebody could make another file with the "
            "same digest. Use 'blake2b' or 'sha256'."
        )
    return digest


@dataclass(frozen=True)
class Rules:
    """What a set takes.

    Args:
        types: The types it allows; ``None`` for all.
        refused: Types it refuses when it allows all.
        max_size: The most bytes a file may have; ``None`` for any number.
        max_pixels: The most pixels an image may have, width x height; ``None`` for any number.
    """

    types: tuple[FileType, ...] | None
    refused: frozenset[FileType]
    max_size: int | None
    max_pixels: int | None

    @classmethod
    def make(
        cls,
        allow: Iterable[str | FileType] | AllExcept,
        max_size: int | str | None,
        max_pixels: int | None,
    ) -> Rules:
        """Make rules of what a set is declared with.

        Raises:
            ValueError: When nothing is allowed, or an extension or a size is not understood.
        """
        size = parse_size(max_size)
        if isinstance(allow, AllExcept):
            return cls(None, allow.refused, size, max_pixels)
        if isinstance(allow, str):  # a tuple without its comma
            allow = (allow,)
        types = resolve(allow)
        if not types:
            raise ValueError("An upload set that allows no type can't receive anything.")
        return cls(types, frozenset(), size, max_pixels)

    def allows(self, kind: FileType) -> bool:
        """Whether files of a type are taken."""
        return kind not in self.refused if self.types is None else kind in self.types

    def named(self, extension: str) -> FileType | None:
        """Return the allowed type that an extension claims; ``None`` when it claims nothing.

        Raises:
            UploadNotAllowed: When files of this name are not taken.
        """
        if not extension:
            return None
        if self.types is None:
            known = BY_EXTENSION.get(extension)
            if known is not None and not self.allows(known):
                raise self.refuse("name")
            return known
        for kind in self.types:
            if extension in (kind.extension, *kind.aliases):
                return kind
        raise self.refuse("name")

    def identify(self, extension: str, head: bytes) -> FileType:
        """Return the type of a file, told by its name and its first bytes together.

        Raises:
            UploadNotAllowed: When it is not allowed, or name and content disagree.
        """
        named = self.named(extension)
        if named is None:
            return self._told_by_content(head)
        if not named.matches(head):
            raise self._mismatch(extension, recognised(head))
        return named

    def _told_by_content(self, head: bytes) -> FileType:
        """Return the type of a file whose name claims none, such as ``blob``."""
        text = (find_type("txt"),) if looks_like_text(head) else ()
        if self.types is not None:
            shown = tuple(kind for kind in self.types if kind.recognises(head))
            choices = shown or text
        else:
            # A refused type must not pass as mere bytes, so what it shows goes first.
            choices = (*recognised(head), *text, BINARY)
        if not choices or not self.allows(choices[0]):
            raise self.refuse("type")
        return choices[0]

    def _mismatch(self, extension: str, shown: tuple[FileType, ...]) -> UploadNotAllowed:
        content = f"holds {shown[0].extension.upper()} data" if shown else "is not of that kind"
        allowed = not shown or any(map(self.allows, shown))
        text = f"This file is named .{extension} but {content}."
        return UploadNotAllowed("mismatch" if allowed else "type", text)

    def refuse(self, reason: Reason) -> UploadNotAllowed:
        """Return the error for a rule, in words for the user."""
        return UploadNotAllowed(reason, self._words(reason))

    def _words(self, reason: Reason) -> str:
        if reason in ("name", "type"):
            if self.types is None:
                return "Files of this type cannot be uploaded here."
            *most, last = [kind.extension.upper() for kind in self.types]
            names = f"{', '.join(most)} or {last}" if most else last
            return f"Files of this type cannot be uploaded here; choose {names}."
        if reason == "too_large":
            return f"The file is larger than {tell_size(self.max_size or 0)}."
        if reason == "pixels":
            return f"The image has more than {self.max_pixels or 0:,} pixels."
        return _WORDS[reason]


_WORDS: dict[Reason, str] = {
    "missing": "No file was sent.",
    "empty": "The file is empty.",
    "too_many": "Send one file at a time.",
    "scan": "The file was found to be harmful.",
    "damaged": "The image is damaged: its size cannot be read.",
}


class Intake:
    """One file on its way in, checked as it comes.

    Args:
        rules: The rules of the set.
        name: The client's file name.
    """

    def __init__(self, rules: Rules, name: str | None) -> None:
        self.rules = rules
        #: The client's name, cleaned.
        self.name = clean_name(name)
        #: The bytes that came so far.
        self.size = 0
        #: The type, once enough came to tell it.
        self.type: FileType | None = None
        self._extension = extension_of(self.name)
        self._head = b""
        self._header: HeaderReader | None = None

    def feed(self, chunk: bytes) -> bytes:
        """Take the next bytes and return those that may be written now, maybe none.

        Raises:
            UploadNotAllowed: When the file breaks a rule.
        """
        self.size += len(chunk)
        if self.rules.max_size is not None and self.size > self.rules.max_size:
            raise self.rules.refuse("too_large")
        if self.type is None:
            self._head += chunk
            if len(self._head) < HEAD:
                return b""
            return self._identify()
        self._look(chunk)
        return chunk

    def finish(self) -> bytes:
        """End the file and return what is left to be written.

        Raises:
            UploadNotAllowed: When the file breaks a rule.
        """
        if not self.size:
            raise self.rules.refuse("empty")
        rest = self._identify() if self.type is None else b""
        if self._header is not None:
            raise self.rules.refuse("damaged")
        return rest

    @property
    def known_type(self) -> FileType:
        """The type; it is known before any bytes are given out.

        Raises:
            RuntimeError: When too little came yet.
        """
        if self.type is None:
            raise RuntimeError("The type of this file is not known yet.")
        return self.type

    @property
    def is_settled(self) -> bool:
        """Whether what is still to come can change nothing but the size."""
        return self.type is not None and self._header is None

    #: Width and height in pixels, of an image whose header can be read.
    dimensions: tuple[int, int] | None = None

    def _identify(self) -> bytes:
        self.type = kind = self.rules.identify(self._extension, self._head[:HEAD])
        if not self._extension:
            self.name = f"{self.name}.{kind.extension}"
        if has_header_reader(kind.media_type):
            self._header = HeaderReader(kind.media_type)
        head, self._head = self._head, b""
        self._look(head)
        return head

    def _look(self, chunk: bytes) -> None:
        """Read on in the header of an image and hold the limit of pixels."""
        if self._header is None:
            return
        try:
            done = self._header.feed(chunk)
        except ImageError:
            raise self.rules.refuse("damaged") from None
        if done and self._header.size is not None:
            self.dimensions = width, height = self._header.size
            self._header = None
            limit = self.rules.max_pixels
            if limit is not None and width * height > limit:
                raise self.rules.refuse("pixels")
