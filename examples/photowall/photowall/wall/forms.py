"""The forms of the wall."""

from __future__ import annotations

from wtforms import StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from cruse_forms import Form
from cruse_forms.uploads import UploadField
from photowall.extensions import pictures
from photowall.models import CAPTION_LENGTH, DESCRIPTION_LENGTH

__all__ = ["DetailsForm", "PhotoForm"]


def tidy(text: str | None) -> str:
    """Return a text without what can't be seen: control characters, spaces around and in rows."""
    visible = (char if char.isprintable() else " " for char in text or "")
    return " ".join("".join(visible).split())


class PictureForm(Form):
    """The picture."""

    #: Kept while something else is missing, and swept if nobody comes back to post it.
    photo = UploadField(
        pictures,
        "Photo",
        [DataRequired("Choose a picture.")],
        temporary=True,
        description="JPEG, PNG or WebP, up to 10 MB.",
        render_kw={"accept": "image/jpeg,image/png,image/webp"},
    )


class DetailsForm(Form):
    """What is said about a photo."""

    caption = StringField(
        "Caption",
        [DataRequired("Write a caption."), Length(max=CAPTION_LENGTH)],
        filters=[tidy],
        description=f"Up to {CAPTION_LENGTH} characters.",
        render_kw={"maxlength": CAPTION_LENGTH, "autocomplete": "off"},
    )
    description = TextAreaField(
        "What can be seen?",
        [Length(max=DESCRIPTION_LENGTH)],
        filters=[tidy],
        description="Optional. Read out to people who cannot see the picture.",
        render_kw={"maxlength": DESCRIPTION_LENGTH, "rows": 3},
    )


class PhotoForm(PictureForm, DetailsForm):
    """A photo to post: the picture, and what is said about it."""
