"""The extensions of the wall. Made here, without an application; ``create_app`` binds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cruse_auth import Auth
from cruse_db import Database
from cruse_forms import Forms
from cruse_uploads import Uploads, Variant

if TYPE_CHECKING:
    from photowall.models import User

__all__ = ["auth", "db", "forms", "pictures", "uploads"]

auth: Auth[User] = Auth()
db = Database()
forms = Forms()
uploads = Uploads()

#: The pictures on the wall. Their types are told by their content, whatever their names say.
pictures = uploads.set(
    "photos",
    allow=("jpg", "png", "webp"),
    max_size="10 MB",
    max_pixels=40_000_000,
    # Pixels that the longer side has at most: on a photo's own page, and on the wall.
    variants={"large": Variant(1600), "small": Variant(640)},
)
