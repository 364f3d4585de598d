"""Fields and validators for uploaded files; names and meaning as in Flask-WTF.

The values are :class:`werkzeug.datastructures.FileStorage` objects. A file is where the request's
body put it, in memory or in a temporary file, and is gone when the request ends: save it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import wtforms
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import HTTPException
from wtforms.validators import StopValidation, ValidationError

from cruse_forms.signatures import HEAD, may_be

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wtforms import Field
    from wtforms.form import BaseForm

__all__ = [
    "FileAllowed",
    "FileField",
    "FileRequired",
    "FileSize",
    "MultipleFileField",
    "file_allowed",
    "file_required",
    "file_size",
]


class FileField(wtforms.FileField):
    """A field for one file; its data is a ``FileStorage``, ``None`` without a file."""

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Take the first file that was sent; browsers send an empty one when none was chosen."""
        self.raw_data = _uploads(valuelist)
        self.data = next(iter(self.raw_data), None)


class MultipleFileField(wtforms.MultipleFileField):
    """A field for several files; its data is a list of ``FileStorage`` objects."""

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Take the files that were sent."""
        self.raw_data = self.data = _uploads(valuelist)


@runtime_checkable
class UploadSet(Protocol):
    """What knows by their names which files it takes."""

    def file_allowed(self, storage: FileStorage, filename: str, /) -> bool:
        """Whether a file with such a name is taken."""


@runtime_checkable
class CheckingSet(Protocol):
    """What looks into files, as the sets of cruse-uploads do."""

    def check(self, file: FileStorage, /) -> None:
        """Raise an exception of HTTP, whose description says what is wrong with a file."""


class FileRequired:
    """Demands a file.

    Args:
        message: The error's text.
    """

    def __init__(self, message: str | None = None) -> None:
        self.message = message
        self.field_flags = {"required": True}

    def __call__(self, form: BaseForm, field: Field) -> None:
        """Check a field.

        Raises:
            StopValidation: When it has no file.
        """
        if not _files_of(field):
            raise StopValidation(self.message or field.gettext("This field is required."))


class FileAllowed:
    """Demands files of certain kinds, as in ``FileAllowed(["jpg", "png"])``.

    Their names have to end so, and where it is known how such files begin (pictures, PDF, audio,
    video, archives, office documents) they have to begin so: a program called ``me.png`` is
    refused. More is not looked at; the sets of cruse-uploads do, and can be given here.

    Args:
        upload_set: The endings, a set of cruse-uploads, or an object with a method
            ``file_allowed(storage, filename)``.
        message: The error's text.
    """

    def __init__(
        self,
        upload_set: Iterable[str] | UploadSet | CheckingSet,
        message: str | None = None,
    ) -> None:
        self.upload_set: tuple[str, ...] | UploadSet | CheckingSet
        if isinstance(upload_set, UploadSet | CheckingSet):
            self.upload_set = upload_set
        else:
            self.upload_set = tuple(ending.lower().lstrip(".") for ending in upload_set)
        self.message = message

    def __call__(self, form: BaseForm, field: Field) -> None:
        """Check a field.

        Raises:
            StopValidation: When a file is not allowed.
        """
        for file in _files_of(field):
            objection = self._objection(file, field)
            if objection is not None:
                raise StopValidation(self.message or objection)

    def _objection(self, file: FileStorage, field: Field) -> str | None:
        name = (file.filename or "").lower()
        if isinstance(self.upload_set, tuple):
            return self._objection_to_ending(file, name, field)
        if isinstance(self.upload_set, CheckingSet):
            try:
                self.upload_set.check(file)
            except HTTPException as error:
                return str(error.description)
        elif not self.upload_set.file_allowed(file, name):
            return field.gettext("File does not have an approved extension.")
        return None

    def _objection_to_ending(self, file: FileStorage, name: str, field: Field) -> str | None:
        _, dot, ending = name.rpartition(".")
        if not dot or ending not in self.upload_set:  # type: ignore[operator]
            endings = ", ".join(self.upload_set)  # type: ignore[arg-type]
            return field.gettext("File does not have an approved extension: %s") % endings
        if not may_be(ending, _head(file)):
            return field.gettext("The content of the file is not what its name says.")
        return None


class FileSize:
    """Demands that each file has a certain size.

    Args:
        max_size: The most bytes.
        min_size: The least bytes.
        message: The error's text.
    """

    def __init__(self, max_size: int, min_size: int = 0, message: str | None = None) -> None:
        self.max_size = max_size
        self.min_size = min_size
        self.message = message

    def __call__(self, form: BaseForm, field: Field) -> None:
        """Check a field.

        Raises:
            ValidationError: When a file is too large or too small.
        """
        for file in _files_of(field):
            if not self.min_size <= _size(file) <= self.max_size:
                text = field.gettext("File must be between %(min)s and %(max)s bytes.")
                sizes = {"min": self.min_size, "max": self.max_size}
                raise ValidationError(self.message or text % sizes)


def _uploads(values: list[Any]) -> list[FileStorage]:
    return [each for each in values if isinstance(each, FileStorage) and each.filename]


def _files_of(field: Field) -> list[FileStorage]:
    """Return a field's files, also where the field is WTForms' own."""
    values = field.data if isinstance(field.data, list | tuple) else [field.data]
    return _uploads(list(values))


def _head(file: FileStorage) -> bytes:
    """Return the first bytes of a file, and leave its position where it was."""
    position = file.stream.tell()
    file.stream.seek(0)
    head = file.stream.read(HEAD)
    file.stream.seek(position)
    return head


def _size(file: FileStorage) -> int:
    """Return the size of a file in bytes, and leave its position where it was."""
    position = file.stream.tell()
    size = file.stream.seek(0, os.SEEK_END)
    file.stream.seek(position)
    return size


file_required = FileRequired
file_allowed = FileAllowed
file_size = FileSize
