"""``cruse static compress``: compressed siblings of the static files, made in advance."""

from __future__ import annotations

import mimetypes
import os
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cruse.cli.script import with_appcontext
from cruse.codings import CODINGS, load_compressor
from cruse.globals import current_app
from cruse.staticfiles import SIBLINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cruse.codings import Compressor

__all__ = ["static_group"]

SMALLEST = 512  # bytes; what fits into one packet anyway is not worth a file
WORTH = 0.9  # of the size, at most
#: Types whose files are compressed as they are.
_COMPRESSED = ("image/", "video/", "audio/", "font/woff", "application/zip", "application/pdf")


@click.group("static", short_help="Work on the static files.")
def static_group() -> None:
    """Work on the static files of the app and its blueprints."""


@static_group.command("compress")
@with_appcontext
def compress_command() -> None:
    """Write compressed siblings, which are sent instead to who accepts them.

    app.css gets app.css.gz, and app.css.br and app.css.zst where cruse[compress] is installed.
    What is up to date stays.
    """
    compressors = dict(_compressors())
    written = 0
    for folder in _folders():
        for file in _files(folder):
            for coding, compress in compressors.items():
                written += _write(file, SIBLINGS[coding], compress)
    names = ", ".join(compressors)
    click.echo(f"{written} {'file' if written == 1 else 'files'} written ({names}).")


def _folders() -> list[Path]:
    owners: list[Any] = [current_app, *current_app.iter_blueprints()]
    folders = {owner.static_folder for owner in owners if owner.has_static_folder}
    return sorted(map(Path, folders))


def _files(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder):
        for name in sorted(names):
            file = Path(parent, name)
            mimetype, coding = mimetypes.guess_type(name)
            if coding or file.suffix in SIBLINGS.values() or file.is_symlink():
                continue
            plain = mimetype == "image/svg+xml" or not (mimetype or "").startswith(_COMPRESSED)
            if plain and file.stat().st_size >= SMALLEST:
                yield file


def _write(file: Path, extension: str, compress: Callable[[bytes], bytes]) -> bool:
    """Write one sibling, if there is none that is up to date; remove one that is of no use."""
    sibling = file.with_name(file.name + extension)
    stat = file.stat()
    if sibling.exists() and sibling.stat().st_mtime_ns == stat.st_mtime_ns:
        return False
    content = compress(file.read_bytes())
    if len(content) > stat.st_size * WORTH:
        sibling.unlink(missing_ok=True)
        return False
    # Whole or not at all: somebody may ask for it meanwhile.
    unfinished = file.with_name(f"{sibling.name}.{os.getpid()}")
    unfinished.write_bytes(content)
    os.utime(unfinished, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    unfinished.replace(sibling)
    return True


def _compressors() -> Iterator[tuple[str, Callable[[bytes], bytes]]]:
    """Yield the codings that can be written here, each at its highest level."""
    for coding, (_, level) in CODINGS.items():
        with suppress(ImportError):
            yield coding, partial(_compress, load_compressor(coding), level)


def _compress(make: Callable[[int], Compressor], level: int, content: bytes) -> bytes:
    return make(level).finish(content)
