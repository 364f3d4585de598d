"""What a client sent, as WTForms takes it: form, files or JSON, made harmless first.

WTForms' fields are written for text. They get text only: a file sent for a text field stays with
the files, and JSON is flattened to the names and texts that an HTML form would have sent, its own
types being looked at afterwards (:mod:`cruse_forms.json_types`). Some input breaks WTForms or what
comes behind it, so it never gets there, and the form says why:

- ``items-²`` or 5,000 digits as the number of a row: ``str.isdigit`` says yes, ``int`` raises
- NUL characters, which databases refuse, and halves of surrogate pairs, which have no encoding
- more rows, or deeper JSON, than allowed (413)
"""

from __future__ import annotations

import logging
import re
from itertools import chain
from typing import TYPE_CHECKING, Any

from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import RequestEntityTooLarge

from cruse import current_app, has_app_context

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from werkzeug.datastructures import FileStorage

    from cruse import Request
    from cruse_forms.settings import FormsSettings

__all__ = ["FormData", "read_query", "read_submission"]

logger = logging.getLogger("cruse_forms")

ROW_DIGITS = 100  # of the number of a row; int() refuses more than 4,300
NAME_LENGTH = 500  # characters of a name that other names begin with
_LONG_NUMBER = re.compile(rf"\d{{{ROW_DIGITS + 1}}}")
_ROW = re.compile(r"[-_:/.](\d+)(?=[-_:/.]|$)")
SEPARATOR = "-"  # between the names of nested fields, unless a field was given another

BAD_NAME = "A row has a number that cannot be used."
BAD_TEXT = "This text has characters that cannot be used."
NO_OBJECT = "The body must be a JSON object."


class FormData:
    """A submission, with the interface that WTForms asks of form data.

    Args:
        texts: The fields' names, each with its texts.
        files: The uploaded files by name.
    """

    def __init__(
        self,
        texts: Iterable[tuple[str, list[str]]] = (),
        files: MultiDict[str, FileStorage] | None = None,
    ) -> None:
        self.files: MultiDict[str, FileStorage] = MultiDict() if files is None else files
        #: The values of a JSON body by the names of the fields; ``None`` for other bodies.
        self.json: dict[str, Any] | None = None
        #: What is wrong with the submission as a whole.
        self.errors: list[str] = []
        #: The names of fields with texts that cannot be used.
        self.bad_texts: set[str] = set()
        #: The names of fields that get files instead of texts.
        self.file_names: set[str] = set()
        self._texts: dict[str, list[str]] = dict(texts)
        if not _is_harmless(self._texts):
            texts, self._texts = self._texts.items(), {}
            for name, values in texts:
                self.add(name, values)
        if any(map(_breaks_rows, self.files)):
            self._note(BAD_NAME)
            good = (each for each in self.files.items(multi=True) if not _breaks_rows(each[0]))
            self.files = MultiDict(good)

    def add(self, name: str, texts: list[str]) -> None:
        """Add texts of a field; no texts say that it was sent, with nothing in it."""
        if _breaks_rows(name):
            self._note(BAD_NAME)
            return
        if any(map(_is_unusable, texts)):
            self.bad_texts.add(name)
            texts = ["" if _is_unusable(text) else text for text in texts]
        self._texts.setdefault(name, []).extend(texts)

    def _note(self, error: str) -> None:
        if error not in self.errors:
            self.errors.append(error)

    # -- what WTForms asks for -----------------------------------------------------------------

    def getlist(self, name: str) -> list[Any]:
        """Return the texts of a field, or its files where it takes files."""
        if name in self.file_names:
            if name in self._texts and self.json is None and has_app_context():
                _explain_text(name)
            return self.files.getlist(name)
        return list(self._texts.get(name, ()))

    def __contains__(self, name: object) -> bool:
        return name in self._texts or name in self.files

    def __iter__(self) -> Iterator[str]:
        yield from self._texts
        yield from (name for name in self.files if name not in self._texts)

    def __len__(self) -> int:
        return len(self._texts) + sum(name not in self._texts for name in self.files)

    def __bool__(self) -> bool:
        # Something was submitted, even if nothing is in it: the only box of a form, unchecked.
        return True

    def check_rows(self, max_rows: int) -> None:
        """Refuse a submission in which a list has too many rows.

        Raises:
            RequestEntityTooLarge: When one has more than ``max_rows``, or there are many fields
                and the name of one is too long to be looked through.
        """
        if len(self) <= max_rows:
            return
        rows: dict[str, set[str]] = {}
        for name in self:
            if len(name) > NAME_LENGTH:
                raise RequestEntityTooLarge("The name of a field in the form is too long.")
            for found in _ROW.finditer(name):
                of_list = rows.setdefault(name[: found.start()], set())
                of_list.add(found[1])
                if len(of_list) > max_rows:
                    raise RequestEntityTooLarge(
                        f"A list in the form has more than {max_rows} rows."
                    )


def _explain_text(name: str) -> None:
    """Tell who develops the application why a file that was chosen is missing."""
    if current_app.debug:
        logger.warning(
            "Of the file for the field %r only its name came: a form with files needs "
            '<form method="post" enctype="{{ form.enctype }}">.',
            name,
        )


def read_submission(request: Request, settings: FormsSettings) -> FormData:
    """Return what a request submits; an empty submission when its body is neither form nor JSON.

    Args:
        request: The request; on an event loop its body has to be loaded already.
        settings: The application's settings.

    Raises:
        BadRequest: When the body is malformed.
        RequestEntityTooLarge: When it is over a limit.
    """
    if request.is_json:
        data = _from_json(request.get_json(), settings.max_depth, request.max_form_parts)
    else:
        data = FormData(request.form.lists(), request.files)
    data.check_rows(settings.max_rows)
    return data


def read_query(request: Request, settings: FormsSettings) -> FormData | None:
    """Return what the query of a request's URL asks for; ``None`` when there is no query.

    Raises:
        RequestEntityTooLarge: When it is over a limit.
    """
    args = request.args
    if not args:
        return None
    data = FormData(args.lists())
    data.check_rows(settings.max_rows)
    return data


def _from_json(body: Any, max_depth: int, max_values: int | None) -> FormData:
    data = FormData()
    data.json = {}
    if not isinstance(body, dict):
        data.errors.append(NO_OBJECT)
        return data
    most = float("inf") if max_values is None else max_values
    for name, value in _flatten(body, max_depth, most):
        data.json[name] = value
        _add_json(data, name, value)
    return data


def _flatten(body: dict[str, Any], max_depth: int, max_values: float) -> Iterator[tuple[str, Any]]:
    """Yield every value of a JSON object, nested ones too, with the name of its field.

    What is within a value is counted before it gets names, which repeat the name of the value:
    a long one for millions of values takes more memory than there is. The stack is a list, not
    Python's: bodies may be nested deeper than functions may call.

    Raises:
        RequestEntityTooLarge: When it has too many values, too deep ones, or they too long names.
    """
    stack: list[tuple[str, Any, int]] = [("", body, 0)]
    while stack:
        name, value, depth = stack.pop()
        inner = value if isinstance(value, dict | list) else ()
        max_values -= len(inner)
        if inner and (max_values < 0 or depth >= max_depth or len(name) > NAME_LENGTH):
            raise RequestEntityTooLarge(
                "The JSON body has too many values, is nested too deeply or has too long names."
            )
        if depth:
            yield name, value
        start = f"{name}{SEPARATOR}" if depth else ""
        items: Iterable[tuple[Any, Any]]
        items = inner.items() if isinstance(inner, dict) else enumerate(inner)
        stack += reversed([(f"{start}{key}", each, depth + 1) for key, each in items])


def _add_json(data: FormData, name: str, value: Any) -> None:
    """Add a JSON value as an HTML form would send it; an empty row, too, is a row."""
    items = value if isinstance(value, list) else [value]
    data.add(name, [json_text(item) for item in items if not isinstance(item, dict | list | None)])


def json_text(value: bool | float | str) -> str:
    """Return the text for a JSON value that holds no others, and is not null."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _breaks_rows(name: str) -> bool:
    """Whether WTForms would fail on a name, taking a part of it for the number of a row."""
    if len(name) > ROW_DIGITS and _LONG_NUMBER.search(name):
        return True
    return not name.isascii() and any(c.isdigit() and not c.isdecimal() for c in name)


def _is_harmless(texts: dict[str, list[str]]) -> bool:
    """Whether names and texts are plainly good: a quick look at all of them at once."""
    everything = "".join([*texts, *chain.from_iterable(texts.values())])
    if not everything.isascii() or "\0" in everything:
        return False
    return max(map(len, texts), default=0) <= ROW_DIGITS


def _is_unusable(text: str) -> bool:
    if text.isascii():
        return "\0" in text
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return "\0" in text
