"""Photos that come in pieces, so that a broken line costs little: see ``static/upload.js``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cruse_forms.uploads import reference_to
from photowall.extensions import auth, pictures

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cruse_uploads import ResumableUpload, Stored

__all__ = ["blueprint"]


def whose(upload: ResumableUpload) -> int | None:
    """Tell who may go on with an upload: the person who began it."""
    return auth.current_user.id if auth.current_user.is_authenticated else None


def keep(stored: Stored, upload: ResumableUpload) -> Mapping[str, str]:
    """Tell the page what its form refers to the photo by."""
    return {"X-Kept": reference_to(stored)}


#: Temporary, as the field of the form is: nobody sees a photo before its form is sent.
blueprint = pictures.resumable(authorize=whose, on_finished=keep, temporary=True)
