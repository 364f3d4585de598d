"""A photo wall: the showcase of how an application on Cruse looks.

:func:`create_app` puts it together; ``photowall.main:app`` is what servers are given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from werkzeug.routing import IntegerConverter

from cruse import Cruse
from photowall import account, api, errors, provider, wall
from photowall.config import configure
from photowall.extensions import auth, db, forms, uploads
from photowall.live import Live
from photowall.seed import prepare
from photowall.wall.uploads import blueprint as uploads_in_pieces

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["create_app"]


class KeyConverter(IntegerConverter):
    """A primary key in a URL: ``<key:photo_id>``. A larger number than databases have is 404."""

    def __init__(self, url_map: Any) -> None:
        super().__init__(url_map, min=1, max=2**31 - 1)


def create_app(config: Mapping[str, Any] | None = None, instance_path: str | None = None) -> Cruse:
    """Return a photo wall.

    Args:
        config: Settings that go before those of the environment, for tests.
        instance_path: The folder for database and pictures; ``instance`` beside the package
            unless given.
    """
    app = Cruse(__name__, instance_path=instance_path)
    configure(app, config)
    app.url_map.converters["key"] = KeyConverter
    app.use(db, forms, uploads, auth, Live())
    for part in (wall, account, api):
        app.register_blueprint(part.blueprint)
    app.register_blueprint(uploads_in_pieces, url_prefix="/post/uploads")
    provider.init_app(app)
    errors.init_app(app)
    app.startup(lambda: prepare(app))
    return app
