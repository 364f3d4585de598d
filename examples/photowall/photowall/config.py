"""The settings: defaults here, then the environment (``PHOTOWALL_...``), then what tests give.

``PHOTOWALL_DB_URL=postgresql://...`` moves the wall to PostgreSQL; every other setting of the
framework and its extensions can be set in the same way.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cruse import Cruse

__all__ = ["Defaults", "configure"]


class Defaults:
    """What holds unless the environment says otherwise."""

    #: The most bytes of a request. A photo may have ten million (see ``photowall.extensions``);
    #: what is a bit over that should get a form with a message back, not a torn connection.
    MAX_CONTENT_LENGTH = 32 * 1024 * 1024

    #: In the instance folder.
    DB_URL = "sqlite:///photowall.db"

    #: Photos on a page.
    PER_PAGE = 12
    #: Whether an empty wall starts with a few pictures.
    SEED = True


#: What pages may load and where their forms may lead: this site only, and no inline code.
CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        "base-uri 'none'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "img-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
    ]
)


def configure(app: Cruse, config: Mapping[str, Any] | None) -> None:
    """Load the settings of an application.

    Args:
        app: The application.
        config: Settings that go before all others.
    """
    app.config.from_object(Defaults)
    app.config["SECURITY_HEADERS"]["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    app.config.from_prefixed_env("PHOTOWALL")
    app.config.from_mapping(config)
    if not app.config["SECRET_KEY"]:
        app.config["SECRET_KEY"] = own_secret_key(Path(app.instance_path))


def own_secret_key(folder: Path) -> str:
    """Return the secret key kept in a folder, made when it is first asked for."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "secret_key"
    if not path.exists():
        # Complete before it has its name: another process may be starting at this moment.
        draft = folder / f"secret_key.{secrets.token_hex(8)}"
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(32))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text()
