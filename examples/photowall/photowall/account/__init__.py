"""The pages about the person who is signed in."""

from __future__ import annotations

from cruse import Blueprint, Cruse, current_app, render_template
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


def _stub(app: Cruse) -> None:
    from cruse_auth.development import DevelopmentProvider, Person

    if app.config.get("AUTH_PROVIDERS"):
        return
    p = DevelopmentProvider(
        [
            Person("ada", "Ada Marlow", "ada@example.com"),
            Person("noor", "Noor Haddad", "noor@example.com"),
        ]
    )
    p.init_app(app)
    app.config["AUTH_PROVIDERS"] = {"local": p.options(label="the local provider")}
    app.config["AUTH_DEVELOPMENT_PROVIDER"] = True
