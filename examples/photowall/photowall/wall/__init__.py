"""The wall: its pages, for everybody to see and for those signed in to change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cruse import Blueprint, current_app, flash, redirect, render_template, request, url_for
from cruse_auth import login_required
from cruse_uploads import UploadNotAllowed
from photowall import extensions
from photowall.extensions import auth, db, pictures
from photowall.models import Photo
from photowall.photos import neighbours, newest_first, own_photo, publish, remove
from photowall.wall.dates import ago
from photowall.wall.forms import DetailsForm, PhotoForm

if TYPE_CHECKING:
    from cruse.typing import ResponseReturnValue

__all__ = ["blueprint"]

blueprint = Blueprint("wall", __name__, template_folder="templates")
blueprint.add_app_template_filter(ago)


@blueprint.get("/")
def index() -> str:
    """Show the newest photos."""
    page = db.paginate(newest_first(), per_page=current_app.config["PER_PAGE"])
    newest = page.items[0].id if page else 0
    return render_template("wall/index.html", page=page, newest=newest)


@blueprint.get("/photos/<key:photo_id>")
def photo(photo_id: int) -> str:
    """Show one photo."""
    found = db.get_or_404(Photo, photo_id, description="There is no such photo, or not any more.")
    newer, older = neighbours(found)
    return render_template("wall/photo.html", photo=found, newer=newer, older=older)


@blueprint.route("/post", methods=["GET", "POST"])
@login_required
@extensions.forms.form(PhotoForm, "wall/post.html")
def post(form: PhotoForm) -> ResponseReturnValue:
    """Post a photo."""
    stored = form.photo.data
    pictures.promote(stored.key)
    try:
        publish(
            stored,
            auth.current_user.id,
            caption=form.caption.data or "",
            description=form.description.data or "",
        )
    except UploadNotAllowed as error:  # its pixels cannot be read; another one has to be chosen
        form.photo.kept = None
        form.photo.errors = [str(error.description)]
        return form.respond("wall/post.html")
    flash("Your photo is on the wall.", "success")
    return redirect(url_for("wall.index"))


@blueprint.route("/photos/<key:photo_id>/edit", methods=["GET", "POST"])
@login_required
def edit(photo_id: int) -> ResponseReturnValue:
    """Change what is said about an own photo."""
    found = own_photo(photo_id)
    form = DetailsForm.bind(found)
    if form.validate_on_submit():
        with db.transaction():
            form.apply(found)
        flash("The caption is changed.", "success")
        return redirect(url_for("wall.photo", photo_id=photo_id))
    return form.respond("wall/edit.html", photo=found)


@blueprint.route("/photos/<key:photo_id>/delete", methods=["GET", "POST"])
@login_required
def delete(photo_id: int) -> ResponseReturnValue:
    """Delete an own photo, once its page was asked and answered."""
    found = own_photo(photo_id)
    if request.method == "GET":
        return render_template("wall/delete.html", photo=found)
    remove(found)
    flash("The photo is deleted.", "success")
    return redirect(url_for("wall.index"))
