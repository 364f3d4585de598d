"""Names: what clients call their files, and the keys that we store them under.

The two never mix. A key is made here, from random bits and the type that the content showed; the
client's name is text to show and to offer for download, and so it is only cleaned.
"""

from __future__ import annotations

import re
import secrets
import unicodedata
from datetime import UTC, datetime
from string import Formatter
from urllib.parse import quote

__all__ = ["KeyTemplate", "clean_name", "content_disposition", "extension_of", "is_key", "stem_of"]

NAME_BYTES = 200  # file systems end at 255, and browsers add " (1)" and ".crdownload"
KEY_CHARS = 1_000  # S3 ends at 1,024 bytes, prefix included
# Windows finds these devices in any folder and under any extension.
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(?:\.|$)", re.I)
# Never a dot in front: what begins with one is our own book-keeping. Room for it is left.
_KEY_PART = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}")
_JOINERS = "\u200c\u200d"  # Persian and Indic spelling, and composed emoji, need them
_QUOTED_SAFE = "!#$&+-.^_`|~"  # attr-char of RFC 8187 that quote() would escape


def clean_name(name: str | None) -> str:
    r"""Return a client's file name as text that is safe to show and to offer for download.

    Folders, control characters and characters that only change the direction of the text are
    taken out, equal characters become the same code points (NFC), and it is cut to 200 bytes of
    UTF-8, extension kept. The result is ``"file"`` when nothing is left.

    >>> clean_name("C:\\photos\\holi\u202egpj.exe")
    'holigpj.exe'
    >>> clean_name("../../..")
    'file'
    """
    last = re.split(r"[/\\]", name or "")[-1]
    text = unicodedata.normalize("NFC", "".join(map(_printable, last)))
    text = " ".join(text.split()).strip(" .")  # Windows drops dots and spaces at the end
    if _DEVICE.match(text):
        text = f"_{text}"
    return _shorten(text) or "file"


def _printable(char: str) -> str:
    category = unicodedata.category(char)
    if category[0] == "Z":
        return " "
    # Cc control, Cf format (direction overrides, soft hyphen), Cs surrogate, Cn not a character.
    return "" if category in {"Cc", "Cf", "Cs", "Cn"} and char not in _JOINERS else char


def _shorten(text: str) -> str:
    if len(text.encode()) <= NAME_BYTES:
        return text
    extension = extension_of(text)
    tail = f".{extension}" if extension.isascii() and 0 < len(extension) <= 20 else ""
    room = NAME_BYTES - len(tail)
    return text.encode()[:room].decode(errors="ignore").rstrip(" .") + tail


def extension_of(name: str) -> str:
    """Return the extension of a cleaned name in lower case, ``""`` when it has none.

    >>> extension_of("shell.php.PNG")
    'png'
    """
    stem, dot, extension = name.rpartition(".")
    return extension.lower() if dot and stem else ""


def content_disposition(kind: str, name: str) -> str:
    r"""Return a ``Content-Disposition`` header (RFC 6266) that gives a name in any alphabet.

    Browsers take ``filename*`` (RFC 8187); the plain one is for what does not know it.

    Args:
        kind: ``"inline"`` or ``"attachment"``.
        name: A name from :func:`clean_name`.

    >>> content_disposition("inline", "日 1.png")
    'inline; filename="_ 1.png"; filename*=UTF-8\'\'%E6%97%A5%201.png'
    """
    plain = "".join(c if " " <= c <= "~" and c not in '"\\%' else "_" for c in name)
    header = f'{kind}; filename="{plain}"'
    if plain == name:
        return header
    return f"{header}; filename*=UTF-8''{quote(name, safe=_QUOTED_SAFE)}"


def is_key(key: str) -> bool:
    r"""Whether a text can be a key: it leads nowhere else, on no system.

    >>> is_key("2026/11/qk3.png"), is_key("../secret"), is_key("a\0.png"), is_key(".meta")
    (True, False, False, False)
    """
    return len(key) <= KEY_CHARS and all(
        _KEY_PART.fullmatch(part) and part[-1] != "." and not _DEVICE.match(part)
        for part in key.split("/")
    )


def stem_of(key: str) -> str:
    """Return a key without its extension and without what marks it as a variant.

    >>> stem_of("2026/11/qk3.320x320.webp")
    '2026/11/qk3'
    """
    folder, slash, last = key.rpartition("/")
    return folder + slash + last.partition(".")[0]


class KeyTemplate:
    """Makes keys such as ``2026/11/9f86d081….png``.

    Args:
        template: ``{id}`` are 128 random bits, ``{ext}`` is the extension of the content's type,
            ``{yyyy}``, ``{mm}`` and ``{dd}`` are the date in UTC. It ends in ``{id}.{ext}``.

    Raises:
        ValueError: When a field is unknown, or the end is another.
    """

    FIELDS = frozenset({"id", "ext", "yyyy", "mm", "dd"})

    def __init__(self, template: str) -> None:
        self.template = template
        fields = {field for _, field, _, _ in Formatter().parse(template) if field is not None}
        if fields - self.FIELDS:
            known = ", ".join(f"{{{field}}}" for field in sorted(self.FIELDS))
            raise ValueError(f"The key template {template!r} has unknown fields; known: {known}.")
        last = template.rpartition("/")[2]
        if not last.endswith("{id}.{ext}") or last.count(".") != 1:
            raise ValueError(
                f"The key template {template!r} must end in '{{id}}.{{ext}}', without other dots "
                "behind the last slash."
            )
        if not is_key(self.make("png")):
            raise ValueError(f"The key template {template!r} makes keys that are not allowed.")

    def make(self, extension: str) -> str:
        """Return a new key."""
        now = datetime.now(UTC)
        return self.template.format(
            id=secrets.token_hex(16),  # the same on file systems that fold case
            ext=extension,
            yyyy=f"{now:%Y}",
            mm=f"{now:%m}",
            dd=f"{now:%d}",
        )
