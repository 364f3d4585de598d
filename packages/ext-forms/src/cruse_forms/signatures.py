"""How the content of files begins, by the endings of their names.

A short list of what people upload. It tells a picture from a program that is called one; it does
not tell whether the rest of the file is sound.
"""

from __future__ import annotations

__all__ = ["HEAD", "may_be"]

HEAD = 16  # bytes of a file that are looked at

#: Pairs of offset and bytes; one of them has to be there.
Marks = tuple[tuple[int, bytes], ...]

_JPEG: Marks = ((0, b"\xff\xd8\xff"),)
_TIFF: Marks = ((0, b"II*\0"), (0, b"MM\0*"))
_HEIF: Marks = tuple((8, brand) for brand in (b"heic", b"heix", b"mif1", b"msf1"))
_OGG: Marks = ((0, b"OggS"),)
_MEDIA: Marks = ((4, b"ftyp"),)  # ISO 14496-12
_ZIP: Marks = ((0, b"PK\x03\x04"), (0, b"PK\x05\x06"))
_OLE: Marks = ((0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),)

MARKS: dict[str, Marks] = {
    "png": ((0, b"\x89PNG\r\n\x1a\n"),),
    **dict.fromkeys(("jpg", "jpeg", "jpe"), _JPEG),
    "gif": ((0, b"GIF87a"), (0, b"GIF89a")),
    "webp": ((8, b"WEBP"),),
    "avif": ((8, b"avif"), (8, b"avis"), (8, b"mif1")),
    **dict.fromkeys(("heic", "heif"), _HEIF),
    "bmp": ((0, b"BM"),),
    **dict.fromkeys(("tif", "tiff"), _TIFF),
    "pdf": ((0, b"%PDF-"),),
    "wav": ((8, b"WAVE"),),
    "mp3": ((0, b"ID3"), (0, b"\xff\xfb"), (0, b"\xff\xfa"), (0, b"\xff\xf3"), (0, b"\xff\xf2")),
    "flac": ((0, b"fLaC"),),
    **dict.fromkeys(("ogg", "oga", "ogv", "opus"), _OGG),
    **dict.fromkeys(("mp4", "m4a", "m4v", "mov"), _MEDIA),
    **dict.fromkeys(("webm", "mkv"), ((0, b"\x1a\x45\xdf\xa3"),)),
    "gz": ((0, b"\x1f\x8b"),),
    **dict.fromkeys(("zip", "docx", "xlsx", "pptx", "odt", "ods", "odp", "epub"), _ZIP),
    **dict.fromkeys(("doc", "xls", "ppt"), _OLE),
}


def may_be(ending: str, head: bytes) -> bool:
    """Whether a file may be what its name says; of endings that are not known here, any may.

    Args:
        ending: The end of its name, in lower case, without the dot.
        head: Its first 16 bytes.
    """
    marks = MARKS.get(ending)
    return marks is None or any(head.startswith(mark, offset) for offset, mark in marks)
