"""A field that stores its file at once, so that it is still there when the form is shown again.

Browsers forget a chosen file when another field of the form was wrong. Here a file that passes
goes into its upload set (cruse-uploads) while the form is validated, and the form that is shown
again has a signed reference to it in a hidden input. A reference is good for the session that it
was made in, for its set and for a day.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from itsdangerous import BadData, URLSafeTimedSerializer
from markupsafe import Markup
from werkzeug.exceptions import HTTPException
from wtforms.utils import unset_value
from wtforms.validators import StopValidation
from wtforms.widgets import FileInput

from cruse import current_app, session
from cruse.signing import secret_keys
from cruse_forms.extension import refusal_to_show
from cruse_forms.file import FileField

if TYPE_CHECKING:
    from wtforms.form import BaseForm

    from cruse_uploads import Stored, UploadSet

__all__ = ["UploadField", "UploadInput", "reference_to"]

SESSION_KEY = "_form_uploads"
SALT = "cruse-forms.uploads"
MAX_AGE = 24 * 60 * 60  # seconds


class UploadInput(FileInput):
    """The input for a file, with the name of the one that was kept and a reference to it."""

    def __call__(self, field: Any, **kwargs: Any) -> Markup:
        """Return the HTML."""
        kept = field.kept
        if kept is None:
            return Markup(super().__call__(field, **kwargs))  # noqa: S704 - WTForms' HTML
        kwargs["required"] = False  # nothing has to be chosen again
        return Markup(
            '{}<input type="hidden" name="{}" value="{}"><span class="field-kept">{}</span>'
        ).format(super().__call__(field, **kwargs), field.kept_name, field.reference, kept.name)


class UploadField(FileField):
    """A field for one file that goes into an upload set; its data is a ``Stored``, or ``None``.

    The file is stored when the form is validated and its set has no objections. Whatever happens
    to the form then, it stays: a file of a form that nobody completes is the application's to
    delete, unless it is ``temporary``.

    Args:
        upload_set: A set of cruse-uploads.
        label: The field's label.
        validators: Validators, which get the stored file as ``field.data``.
        required: Whether there has to be a file.
        temporary: Store it apart, seen by nobody, until the set's ``promote`` is called with its
            key. What nobody promotes is removed by the sweep of cruse-uploads.
        kwargs: As for other fields.
    """

    widget = UploadInput()

    def __init__(
        self,
        upload_set: UploadSet,
        label: str | None = None,
        validators: Any = None,
        *,
        required: bool = False,
        temporary: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(label, validators, **kwargs)
        self.upload_set = upload_set
        self.required = required
        self.temporary = temporary
        self.flags.required = required
        #: The file that this submission, or an earlier one, has brought.
        self.kept: Stored | None = None
        self._references: list[str] = []

    @property
    def kept_name(self) -> str:
        """The name of the hidden input with the reference."""
        return f"{self.name}-kept"

    @property
    def reference(self) -> str:
        """The signed reference to the kept file."""
        if self.kept is None:
            raise RuntimeError(f"The field {self.name!r} has kept no file to refer to.")
        return reference_to(self.kept)

    def process(self, formdata: Any, data: Any = unset_value, extra_filters: Any = None) -> None:
        """Take the file that was sent, and the reference to one that was sent before."""
        self.kept = None
        self._references = []
        if formdata is not None:
            self._references = [str(each) for each in formdata.getlist(self.kept_name)]
        super().process(formdata, data, extra_filters)

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Keep what the form started with until the file that was sent is stored."""
        before = self.data
        super().process_formdata(valuelist)
        self.data = before

    def pre_validate(self, form: BaseForm) -> None:
        """Store the file, or find the one that was stored before.

        Raises:
            StopValidation: When the set refuses it, or there is none where one is required.
        """
        if self.raw_data and self.kept is None:
            self._store(self.raw_data[0])
        elif self._references and self.kept is None:
            self.kept = self._find(self._references[0])
        if self.kept is not None:
            self.data = self.kept
        elif self.required and not self.data and not self.raw_data:
            raise StopValidation(self.gettext("This field is required."))

    def _store(self, file: Any) -> None:
        try:
            if refusal_to_show() is None:
                self.kept = self.upload_set.save(file, temporary=self.temporary)
            else:  # another site may have sent it: nothing is stored
                self.upload_set.check(file)
        except HTTPException as error:
            if (error.code or 500) >= 500:
                raise
            raise StopValidation(str(error.description)) from None

    def _find(self, reference: str) -> Stored | None:
        try:
            visitor, name, key = _serializer().loads(reference, max_age=MAX_AGE)
            if visitor == session.get(SESSION_KEY) and name == self.upload_set.name:
                return self.upload_set.get(key, temporary=self.temporary)
        except (BadData, LookupError, TypeError, ValueError):
            pass  # forged, too old, or the file was deleted
        return None


def reference_to(stored: Stored) -> str:
    """Return what an :class:`UploadField` finds a file by that came otherwise, such as in pieces.

    A page puts it into the hidden input ``<name of the field>-kept`` and sends the form without a
    file. It is good for the session that it was made in, for its set and for a day.

    Args:
        stored: The file; a temporary one for a field with ``temporary=True``.

    Raises:
        RuntimeError: When there are no sessions, since the application has no secret key.
    """
    visitor = session.setdefault(SESSION_KEY, secrets.token_urlsafe(16))
    return _serializer().dumps([visitor, stored.upload_set.name, stored.key])


def _serializer() -> URLSafeTimedSerializer:
    keys = secret_keys(current_app)
    if not keys:
        raise RuntimeError(
            "A form with an UploadField needs sessions: set SECRET_KEY in the config."
        )
    return URLSafeTimedSerializer(list(keys), salt=SALT)
