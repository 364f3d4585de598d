"""The commands ``cruse uploads ...``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click
from werkzeug.utils import import_string

from cruse.cli import AppGroup
from cruse_uploads import upkeep
from cruse_uploads.errors import StorageRefused
from cruse_uploads.rules import tell_size
from cruse_uploads.storage import Storage
from cruse_uploads.storage.local import LocalStorage

if TYPE_CHECKING:
    from cruse_uploads.extension import Uploads

__all__ = ["make_group"]

_SECONDS = {"s": 1, "m": 60, "h": 60 * 60, "d": 24 * 60 * 60}


def _duration(text: str) -> float:
    """Return seconds."""
    match = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if match is None:
        raise click.BadParameter(f"{text!r} is no duration; write it like '90m', '24h' or '7d'.")
    return float(int(match[1]) * _SECONDS[match[2]])


def _storage(text: str) -> Storage:
    """Return the storage that a folder is, or that a name in a module leads to."""
    if ":" not in text:
        return LocalStorage(text)
    try:
        found = import_string(text)
    except ImportError as error:
        raise click.BadParameter(f"{text!r} can't be imported: {error}") from error
    made = found() if callable(found) else found
    if not isinstance(made, Storage):
        raise click.BadParameter(f"{text!r} is no storage, and makes none.")
    return made


class _Group(AppGroup):
    """Commands that tell in a line what an object store refuses."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except StorageRefused as error:
            raise click.ClickException(str(error)) from None


def make_group(uploads: Uploads) -> AppGroup:
    """Return the group of the commands of an application's uploads."""
    group = _Group("uploads", help="Look after uploaded files.")
    _add_looks(group, uploads)
    _add_changes(group, uploads)
    return group


def _add_looks(group: AppGroup, uploads: Uploads) -> None:
    @group.command()
    def verify() -> None:
        """Name the files that something is wrong with; end with 1 when there are any."""
        wrong = 0
        for key, what in upkeep.verify(uploads):
            click.echo(f"{key} {what}")
            wrong += 1
        click.echo(f"{wrong} files are not as they should be." if wrong else "All is well.")
        if wrong:
            raise click.exceptions.Exit(1)

    @group.command()
    def stats() -> None:
        """Count the files of each set, and their bytes."""
        for name, total in upkeep.stats(uploads).items():
            click.echo(f"{name:20} {total.files:>10,} files {tell_size(total.size):>12}")


def _add_changes(group: AppGroup, uploads: Uploads) -> None:
    @group.command()
    @click.option(
        "--older",
        type=_duration,
        default="24h",
        show_default=True,
        help="Leave what is younger than this: 90m, 24h, 7d.",
    )
    def sweep(older: float) -> None:
        """Remove temporary files nobody kept, expired uploads, and what killed processes left."""
        done = upkeep.sweep(uploads, older)
        click.echo(
            f"Removed {done.temporary} temporary files, {done.quarantined} from quarantine, "
            f"{done.expired} expired uploads and {done.pieces} pieces of broken uploads; promoted "
            f"{done.promoted} that are in use."
        )

    @group.command()
    @click.argument("target", type=_storage)
    def migrate(target: Storage) -> None:
        """Copy all files to TARGET: a folder, or a storage as 'package.module:name'.

        What is there already is left, so it can be interrupted and started again.
        """
        source = uploads.state.storage
        copied, keys = 0, source.keys()
        with click.progressbar(
            upkeep.migrate(keys, source, target), length=len(keys), label="Copying"
        ) as steps:
            for _, was_copied in steps:
                copied += was_copied
        click.echo(f"Copied {copied} files.")
