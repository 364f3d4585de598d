"""What users write about files that come in, in one request, in pieces or directly."""

from typing import BinaryIO

from werkzeug.datastructures import MultiDict

from cruse import Cruse, Response
from cruse.typing import ResponseReturnValue
from cruse_uploads import (
    IMAGES,
    MemoryStorage,
    Received,
    ResumableUpload,
    Stored,
    Uploads,
    UploadSet,
    Variant,
)


def harmless(file: BinaryIO) -> bool:
    return b"EICAR" not in file.read()


uploads = Uploads(storage=lambda app: MemoryStorage())
photos = uploads.set("photos", allow=IMAGES, variants={"small": Variant(480)}, scan=harmless)
films: UploadSet = uploads.set("films", allow=("mp4",), max_size="2 GB")
app = Cruse(__name__, extensions=[uploads])


def on_file(form: MultiDict[str, str], name: str) -> None:
    app.logger.info("%s comes into %s", name, form["album"])


@app.post("/photos", stream=True)
def add() -> ResponseReturnValue:
    photo: Received = photos.receive("photo", on_file=on_file)
    return {"key": photo.key, "caption": photo.form["caption"]}, 201


@app.post("/later", stream=True)
async def add_later() -> str:
    photo = await photos.areceive(temporary=True)
    await photos.apromote(photo.key)
    return photo.url(variant="small")


@app.get("/photos/<path:key>")
def show(key: str) -> Response:
    return photos.send(key, name=photos.get(key).name)


def who(upload: ResumableUpload) -> int | None:
    return 7 if upload.length is not None else None


def keep(film: Stored, upload: ResumableUpload) -> dict[str, str]:
    return {"X-Film": film.key, "X-Owner": upload.owner or ""}


def keep_nothing(film: Stored) -> None:
    app.logger.info("%s came", film.key)


app.register_blueprint(films.resumable(authorize=who, on_finished=keep), url_prefix="/pieces")
app.register_blueprint(films.direct(authorize=who, on_finished=keep), url_prefix="/direct")
films.direct(authorize=who, on_finished=keep_nothing)  # wrong: arg-type, reportArgumentType
films.direct(on_finished=keep)  # wrong: call-arg, reportCallIssue
photos.receive(progress="loudly")  # wrong: arg-type, reportArgumentType
wrong: int = photos.get("a.png").name  # wrong: assignment, reportAssignmentType
