"""An application that takes resumable uploads, and keeps a list of those that came."""

import json
import os
from pathlib import Path
from typing import Any

from cruse import Cruse
from cruse_uploads import ALL, ResumableUpload, Stored, Uploads

FOLDER = Path(os.environ["TUS_FOLDER"])
uploads = Uploads()
files = uploads.set("files", allow=ALL, max_size="1 GB", digest="sha256")
app = Cruse(__name__)
app.config.update(UPLOADS_FOLDER=FOLDER / "files", UPLOADS_FSYNC=False)
app.use(uploads)


def authorize(upload: ResumableUpload) -> bool:
    return True


async def authorize_async(upload: ResumableUpload) -> bool:
    return True


def note(stored: Stored, upload: ResumableUpload) -> None:
    told: dict[str, Any] = {"name": stored.name, "size": stored.size, "digest": stored.digest}
    with (FOLDER / "finished").open("a") as file:  # of several processes
        file.write(json.dumps(told) + "\n")


hook = authorize_async if os.environ["TUS_SIDE"] == "async" else authorize
app.register_blueprint(files.resumable(authorize=hook, on_finished=note), url_prefix="/tus")
