"""The pages about the person who is signed in."""

from __future__ import annotations

from cruse import Blueprint, current_app, render_template
from cruse_auth import login_required
from photowall.account import users as users  # it registers what finds users
from photowall.extensions import auth, db
from photowall.photos import newest_first

__all__ = ["blueprint"]

blueprint = Blueprint("account", __name__, url_prefix="/account", template_folder="templates")


@blueprint.get("/")
@login_required
def own() -> str:
    """Show the person's own photos."""
    page = db.paginate(newest_first(auth.current_user), per_page=current_app.config["PER_PAGE"])
    return render_template("account/own.html", page=page)
