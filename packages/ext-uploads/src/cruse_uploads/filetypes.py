"""Kinds of files: how content and name tell them, and the presets to allow them by.

A table of our own, because the packages for it answer another question: they name the most likely
of several hundred types. Here a known, short list has to be told from all else, with equal results
on every machine and a reviewable reason for each.

The presets have Flask-Uploads' names and, as there, are tuples of extensions to add up:
``IMAGES + ("pdf",)``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "ALL",
    "ARCHIVES",
    "AUDIO",
    "DATA",
    "DEFAULTS",
    "DOCUMENTS",
    "EXECUTABLES",
    "IMAGES",
    "SCRIPTS",
    "SOURCE",
    "TEXT",
    "VIDEO",
    "AllExcept",
    "FileType",
    "find_type",
    "looks_like_text",
]

HEAD = 512  # bytes of a file that decide its type; tar's mark is at 257

#: Marks that must all be there: pairs of offset and bytes.
Signature = tuple[tuple[int, bytes], ...]


@dataclass(frozen=True)
class FileType:
    """A kind of file.

    Args:
        extension: What its keys end in, without a dot.
        media_type: What it is served as.
        signatures: How its content may begin; one is enough.
        text: It has no signature, but must look like text.
        aliases: Other extensions that names of such files have.
        inline: Browsers may show it inside a page or a tab; otherwise they save it. Only for
            types that can carry no script.

    A type with neither signatures nor ``text`` takes any content.
    """

    extension: str
    media_type: str
    signatures: tuple[Signature, ...] = ()
    text: bool = False
    aliases: tuple[str, ...] = ()
    inline: bool = False

    def matches(self, head: bytes) -> bool:
        """Whether a file may be of this type.

        Args:
            head: Its first 512 bytes.
        """
        if self.text:
            return looks_like_text(head)
        return not self.signatures or self.recognises(head)

    def recognises(self, head: bytes) -> bool:
        """Whether a file shows a signature of this type."""
        return any(
            all(head.startswith(mark, offset) for offset, mark in signature)
            for signature in self.signatures
        )


# The "binary data bytes" of the MIME Sniffing standard, section 3.
_BINARY = bytes([*range(0x09), 0x0B, *range(0x0E, 0x1B), *range(0x1C, 0x20)])


def looks_like_text(head: bytes) -> bool:
    """Whether the beginning of a file is text: no control characters, unless it is UTF-16."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    return head.translate(None, _BINARY) == head


def _begins(*marks: bytes) -> tuple[Signature, ...]:
    return tuple(((0, mark),) for mark in marks)


def _brands(*brands: bytes) -> tuple[Signature, ...]:
    """The signatures of ISO base media files (ISO 14496-12), told apart by their brand."""
    return tuple(((4, b"ftyp" + brand),) for brand in brands)


def _riff(form: bytes) -> tuple[Signature, ...]:
    return (((0, b"RIFF"), (8, form)),)


_ZIP = _begins(b"PK\x03\x04", b"PK\x05\x06")
_OLE = _begins(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
_GZIP = _begins(b"\x1f\x8b\x08")
_OFFICE = "application/vnd.openxmlformats-officedocument."
_OPEN = "application/vnd.oasis.opendocument."

# The order decides for a file without an extension whose signature several types have.
_BINARY_TYPES = (
    FileType("png", "image/png", _begins(b"\x89PNG\r\n\x1a\n"), inline=True),
    FileType("jpg", "image/jpeg", _begins(b"\xff\xd8\xff"), aliases=("jpe", "jpeg"), inline=True),
    FileType("gif", "image/gif", _begins(b"GIF87a", b"GIF89a"), inline=True),
    FileType("webp", "image/webp", _riff(b"WEBP"), inline=True),
    FileType("bmp", "image/bmp", (((0, b"BM"), (6, bytes(4))),), inline=True),
    FileType("avif", "image/avif", _brands(b"avif", b"avis"), inline=True),
    FileType("heic", "image/heic", _brands(b"heic", b"heix", b"mif1"), aliases=("heif",)),
    FileType("tiff", "image/tiff", _begins(b"II*\0", b"MM\0*"), aliases=("tif",)),
    FileType("wav", "audio/wav", _riff(b"WAVE"), inline=True),
    FileType(
        "mp3",
        "audio/mpeg",
        _begins(b"ID3", b"\xff\xfb", b"\xff\xfa", b"\xff\xf3", b"\xff\xf2"),
        inline=True,
    ),
    FileType("aac", "audio/aac", _begins(b"\xff\xf1", b"\xff\xf9"), inline=True),
    FileType("ogg", "audio/ogg", _begins(b"OggS"), aliases=("oga", "opus"), inline=True),
    FileType("flac", "audio/flac", _begins(b"fLaC"), inline=True),
    FileType("m4a", "audio/mp4", _brands(b"M4A "), inline=True),
    FileType(
        "mp4", "video/mp4", _brands(b"isom", b"iso2", b"mp41", b"mp42", b"avc1"), inline=True
    ),
    FileType("webm", "video/webm", _begins(b"\x1a\x45\xdf\xa3"), inline=True),
    FileType("pdf", "application/pdf", _begins(b"%PDF-")),
    FileType("rtf", "application/rtf", _begins(b"{\\rtf")),
    FileType("zip", "application/zip", _ZIP),
    FileType("docx", f"{_OFFICE}wordprocessingml.document", _ZIP),
    FileType("xlsx", f"{_OFFICE}spreadsheetml.sheet", _ZIP),
    FileType("pptx", f"{_OFFICE}presentationml.presentation", _ZIP),
    FileType("odt", f"{_OPEN}text", _ZIP),
    FileType("ods", f"{_OPEN}spreadsheet", _ZIP),
    FileType("odp", f"{_OPEN}presentation", _ZIP),
    FileType("odf", f"{_OPEN}formula", _ZIP),
    FileType("doc", "application/msword", _OLE),
    FileType("xls", "application/vnd.ms-excel", _OLE),
    FileType("ppt", "application/vnd.ms-powerpoint", _OLE),
    FileType("gz", "application/gzip", _GZIP),
    FileType("tgz", "application/gzip", _GZIP),
    FileType("gnumeric", "application/x-gnumeric", _GZIP),
    FileType("bz2", "application/x-bzip2", _begins(b"BZh")),
    FileType("xz", "application/x-xz", _begins(b"\xfd7zXZ\0")),
    FileType("txz", "application/x-xz", _begins(b"\xfd7zXZ\0")),
    FileType("7z", "application/x-7z-compressed", _begins(b"7z\xbc\xaf\x27\x1c")),
    FileType("tar", "application/x-tar", (((257, b"ustar"),),)),
    FileType("exe", "application/x-msdownload", _begins(b"MZ"), aliases=("dll",)),
    FileType("so", "application/x-sharedlib", _begins(b"\x7fELF")),
)

#: Plain text.
TEXT: Final = ("txt",)
#: What offices write.
DOCUMENTS: Final = (
    *("pdf", "rtf", "odf", "odt", "ods", "odp", "gnumeric", "abw"),
    *("doc", "docx", "xls", "xlsx", "ppt", "pptx"),
)
#: Pictures that browsers show. Without ``svg``, which is a program as much as a picture: a browser
#: that opens one runs its scripts. Who wants it adds it, and it is served for saving only.
IMAGES: Final = ("jpg", "jpe", "jpeg", "png", "gif", "webp", "bmp")
#: Sound.
AUDIO: Final = ("wav", "mp3", "aac", "ogg", "oga", "opus", "flac", "m4a")
#: Moving pictures.
VIDEO: Final = ("mp4", "webm")
#: Structured data.
DATA: Final = ("csv", "ini", "json", "plist", "xml", "yaml", "yml")
#: Programs in source form that servers and desktops may run.
SCRIPTS: Final = ("js", "php", "pl", "py", "rb", "sh")
#: Archives.
ARCHIVES: Final = ("gz", "bz2", "zip", "tar", "tgz", "xz", "txz", "7z")
#: Programs in binary form.
EXECUTABLES: Final = ("so", "exe", "dll")
#: Source code of compiled languages.
SOURCE: Final = (
    *("c", "cpp", "c++", "cxx", "h", "hpp", "h++", "hxx"),
    *("cs", "d", "go", "hdl", "java", "rs", "swift", "zig"),
)
#: What a set allows unless told otherwise.
DEFAULTS: Final = TEXT + DOCUMENTS + IMAGES + DATA

_MARKUP = {
    "svg": "image/svg+xml",
    "html": "text/html",
    "xml": "application/xml",
    "json": "application/json",
    "csv": "text/csv",
    "plist": "application/xml",
    "abw": "application/xml",
}
_TEXT_TYPES = (
    FileType("txt", "text/plain", text=True, inline=True),
    *(FileType(name, media_type, text=True) for name, media_type in _MARKUP.items()),
    # Nothing here is served as what would make a browser run it.
    *(
        FileType(name, "text/plain", text=True)
        for name in (*DATA, *SCRIPTS, *SOURCE)
        if name not in _MARKUP
    ),
)
#: What is kept of a file of which nothing is known, where that is allowed.
BINARY: Final = FileType("bin", "application/octet-stream")

_TYPES = (*_BINARY_TYPES, *_TEXT_TYPES)
#: The media types that browsers may show, for they can carry no script.
INLINE: Final = frozenset(each.media_type for each in _TYPES if each.inline)
BY_EXTENSION: Final = {
    extension: each for each in _TYPES for extension in (each.extension, *each.aliases)
}


def find_type(extension: str) -> FileType:
    """Return the type that an extension stands for.

    Raises:
        ValueError: When the table has none; a :class:`FileType` says what to look for.
    """
    try:
        return BY_EXTENSION[extension.lower().lstrip(".")]
    except KeyError:
        raise ValueError(
            f"How the content of a {extension!r} file looks is not known here. Allow it by a "
            f"FileType({extension!r}, media_type, signatures=...)."
        ) from None


def recognised(head: bytes) -> tuple[FileType, ...]:
    """Return the types whose signature a file shows."""
    return tuple(each for each in _BINARY_TYPES if each.recognises(head))


def resolve(allow: Iterable[str | FileType]) -> tuple[FileType, ...]:
    """Return the types that extensions stand for, each once, in their order.

    Raises:
        ValueError: When an extension is not known.
    """
    types = (each if isinstance(each, FileType) else find_type(each) for each in allow)
    return tuple(dict.fromkeys(types))


class AllExcept:
    """Allows every type but some: ``AllExcept(SCRIPTS + EXECUTABLES)``.

    Args:
        refused: Extensions or types.
    """

    def __init__(self, refused: Iterable[str | FileType] = ()) -> None:
        self.refused = frozenset(resolve(refused))

    def __repr__(self) -> str:
        names = sorted(each.extension for each in self.refused)
        return f"AllExcept({names!r})" if names else "ALL"


#: Every type, also those nobody knows. Executables are stored as they are: mind who downloads.
ALL: Final = AllExcept()
