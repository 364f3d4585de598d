"""The wall as JSON. Reading is for everybody; writing is for those signed in, as on the pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cruse import Blueprint, current_app, request, url_for
from cruse.problems import problem
from cruse_auth import login_required
from photowall.extensions import auth, db, pictures
from photowall.models import Photo
from photowall.photos import newest_first, own_photo, publish, remove
from photowall.wall.forms import DetailsForm

if TYPE_CHECKING:
    from cruse.typing import ResponseReturnValue

__all__ = ["blueprint"]

blueprint = Blueprint("api", __name__, url_prefix="/api", error_format="problem", owns_prefix=True)


@blueprint.get("/photos")
async def index() -> dict[str, Any]:
    """Return a page of photos, the newest first (``page``, ``per_page`` up to 100)."""
    wanted = request.args.get("per_page", type=int)
    per_page = current_app.config["PER_PAGE"] if wanted is None else wanted
    page = await db.aio.paginate(newest_first(), per_page=per_page)
    return {
        "photos": [describe(photo) for photo in page],
        "page": page.page,
        "pages": page.pages,
        "total": page.total,
        "next": _page_url(page.next_num, wanted),
        "previous": _page_url(page.prev_num, wanted),
    }


@blueprint.get("/photos/<key:photo_id>")
async def photo(photo_id: int) -> dict[str, Any]:
    """Return one photo."""
    return describe(await db.aio.get_or_404(Photo, photo_id))


@blueprint.post("/photos", stream=True)
@login_required
def post() -> ResponseReturnValue:
    """Post a photo: a multipart form with ``photo``, ``caption`` and maybe ``description``.

    The picture goes from the socket to its place while it arrives (``stream=True``); what is
    refused is not even read to its end.
    """
    received = pictures.receive("photo")
    form = DetailsForm(received.form)
    if not form.validate():
        received.delete()
        return problem(422, "The form is not valid.", errors=form.errors)
    made = publish(
        received,
        auth.current_user.id,
        caption=form.caption.data or "",
        description=form.description.data or "",
    )
    location = url_for("api.photo", photo_id=made.id)
    return describe(made), 201, {"Location": location}


@blueprint.patch("/photos/<key:photo_id>")
@login_required
def edit(photo_id: int) -> ResponseReturnValue:
    """Change ``caption`` or ``description`` of an own photo: a JSON object."""
    found = own_photo(photo_id)
    form = DetailsForm.bind(found, partial=True)
    if not form.validate():
        return problem(422, "The object is not valid.", errors=form.errors)
    with db.transaction():
        form.apply(found, only="sent")
    return describe(found)


@blueprint.delete("/photos/<key:photo_id>")
@login_required
def delete(photo_id: int) -> ResponseReturnValue:
    """Delete an own photo."""
    remove(own_photo(photo_id))
    return "", 204


def describe(photo: Photo) -> dict[str, Any]:
    """Return a photo as programs get it."""
    return {
        "id": photo.id,
        "caption": photo.caption,
        "description": photo.description,
        "owner": photo.owner.name,
        "posted_at": photo.posted_at.isoformat(timespec="seconds"),
        "width": photo.width,
        "height": photo.height,
        "image": pictures.url_for(photo.key),
        "thumbnail": pictures.url_for(photo.key, variant="small"),
        "url": url_for("api.photo", photo_id=photo.id),
        "page": url_for("wall.photo", photo_id=photo.id),
    }


def _page_url(number: int | None, per_page: int | None) -> str | None:
    return None if number is None else url_for("api.index", page=number, per_page=per_page)
