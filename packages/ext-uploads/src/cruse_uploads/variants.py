"""Variants of images: smaller, in other formats; made once by Pillow (the extra ``images``).

A variant is kept beside its original, under a key that says what it is: ``qk3.480x480.webp``
beside ``qk3.png``. So it is made once, and a variant that is declared differently is another one.

What a URL may ask for is bounded: only the variants that a set declares are made for a request,
and only so many images are decoded at the same time.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, get_args

from werkzeug.exceptions import ServiceUnavailable

from cruse_uploads.errors import ObjectExistsError, ObjectNotFoundError, UploadNotAllowed
from cruse_uploads.filetypes import BY_EXTENSION
from cruse_uploads.images import count_scans
from cruse_uploads.names import stem_of
from cruse_uploads.storage import Meta, copy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from threading import BoundedSemaphore

    from cruse_uploads.rules import Rules
    from cruse_uploads.sets import UploadSet

__all__ = ["Format", "Variant", "make", "make_declared"]

#: What variants are encoded as.
Format = Literal["webp", "avif", "jpeg", "png"]

# Pixels to decode at most in a set without a limit of its own: 200 MB in memory.
MAX_PIXELS = 50_000_000
PATIENCE = 30  # seconds to wait until an image may be decoded
# A camera's JPEG has a dozen at most; each can cost 30 ms for 75 bytes.
MAX_SCANS = 100
LARGEST = 10_000  # pixels that a side of a variant has at most
# A hostile file should meet only the decoder that its type needs.
_DECODERS = {
    "png": "PNG",
    "jpg": "JPEG",
    "gif": "GIF",
    "webp": "WEBP",
    "bmp": "BMP",
    "avif": "AVIF",
}
_EXTENSIONS = {"jpeg": "jpg"}  # of formats; that of the others is their name
_QUALITIES = {"webp": 80, "avif": 60, "jpeg": 80}  # of 100; they look about the same


@dataclass(frozen=True)
class Variant:
    """What to make of an image.

    It is upright (the orientation in EXIF is applied) and has none of the original's metadata,
    such as where it was taken. It is never larger than the original; of an animation it is the
    first picture.

    Args:
        size: The width and height in pixels that it fits into; one number for both.
        format: What it is encoded as: ``"webp"``, ``"avif"``, ``"jpeg"`` or ``"png"``.
        quality: From 1 to 100, not for PNG; 80 unless given, 60 for AVIF.
        crop: Fill ``size`` and cut off what is outside, rather than fit into it.

    Raises:
        ValueError: When one of them is out of bounds.
    """

    size: int | tuple[int, int]
    format: Format = "webp"
    quality: int | None = None
    crop: bool = False

    def __post_init__(self) -> None:
        width, height = self.box
        if not (1 <= width <= LARGEST and 1 <= height <= LARGEST):
            raise ValueError(f"An image of {width} x {height} pixels can't be made.")
        if self.format not in get_args(Format):
            raise ValueError(f"Images can't be made as {self.format!r}; try 'webp' or 'avif'.")
        if self.quality is not None and (self.format == "png" or not 1 <= self.quality <= 100):
            raise ValueError("A quality is a number from 1 to 100, and PNG has none.")

    @property
    def box(self) -> tuple[int, int]:
        """The width and height that it fits into."""
        return (self.size, self.size) if isinstance(self.size, int) else self.size

    def key_for(self, key: str) -> str:
        """Return the key of this variant of an image.

        >>> Variant((480, 320), crop=True).key_for("2026/11/qk3.png")
        '2026/11/qk3.480x320-crop.webp'
        """
        width, height = self.box
        crop = "-crop" if self.crop else ""
        quality = "" if self.quality is None else f"-q{self.quality}"
        extension = _EXTENSIONS.get(self.format, self.format)
        return f"{stem_of(key)}.{width}x{height}{crop}{quality}.{extension}"


def check_pillow(variants: list[Variant]) -> None:
    """See whether variants can be made here.

    Raises:
        RuntimeError: When Pillow is not installed, or was built without one of their formats.
    """
    _, pillow_features = _pillow()
    for each in variants:
        if each.format in ("webp", "avif") and not pillow_features.check(each.format):
            raise RuntimeError(f"The Pillow that is installed can't write {each.format!r}.")


def make(upload_set: UploadSet, key: str, variant: Variant) -> str:
    """Return the key of a variant, which is made unless it is there.

    Raises:
        ObjectNotFoundError: When there is no original.
        UploadNotAllowed: When it can't be decoded.
        ServiceUnavailable: When too many others are being decoded (503).
        RuntimeError: When Pillow is not installed.
    """
    storage, made = upload_set.storage, variant.key_for(key)
    if upload_set.exists(made):
        return made
    meta = storage.stat(upload_set.storage_key(key)).meta
    name = meta.name if meta is not None else key.rpartition("/")[2]
    with _turn(upload_set.uploads.state.decoders):
        if upload_set.exists(made):  # somebody else made it while we waited
            return made
        with upload_set.open(key) as file:
            data = _encoded(file, upload_set.type_of(key).extension, variant, upload_set.rules)
    full_key, extension = upload_set.storage_key(made), made.rpartition(".")[2]
    meta = Meta(f"{name}.{extension}", BY_EXTENSION[extension].media_type)
    with suppress(ObjectExistsError):  # another process was faster, with the same result
        copy(BytesIO(data), storage.writer(full_key, meta))
    if not upload_set.exists(key):  # it was deleted meanwhile, with the variants that there were
        storage.delete(full_key)
        raise ObjectNotFoundError(key)
    return made


@contextmanager
def _turn(decoders: BoundedSemaphore) -> Iterator[None]:
    """Wait until an image may be decoded, but do not keep all threads of a server waiting."""
    if not decoders.acquire(timeout=PATIENCE):
        raise ServiceUnavailable(
            "Too many images are being made smaller just now.", retry_after=PATIENCE
        )
    try:
        yield
    finally:
        decoders.release()


def make_declared(upload_set: UploadSet, key: str) -> bool:
    """Make what a key names, if that is a declared variant of an image; whether it was.

    Raises:
        RuntimeError: When Pillow is not installed.
    """
    wanted = [each for each in upload_set.variants.values() if each.key_for(key) == key]
    for extension in _DECODERS if wanted else ():
        original = f"{stem_of(key)}.{extension}"
        if upload_set.rules.allows(BY_EXTENSION[extension]) and upload_set.exists(original):
            with suppress(ObjectNotFoundError, UploadNotAllowed):
                return make(upload_set, original, wanted[0]) == key
    return False


def _pillow() -> tuple[Any, Any]:
    try:
        from PIL import Image, features
    except ImportError as error:
        raise RuntimeError(
            "Variants of images need Pillow. Install it with 'pip install cruse-uploads[images]'."
        ) from error
    return Image, features


def _encoded(file: BinaryIO, extension: str, variant: Variant, rules: Rules) -> bytes:
    """Return the variant of an image.

    Raises:
        UploadNotAllowed: When it is no image, too large to decode, or damaged.
    """
    image_module, _ = _pillow()
    if extension not in _DECODERS:
        raise UploadNotAllowed("type", "There is no smaller copy of a file of this type.")
    limit = rules.max_pixels or MAX_PIXELS
    if extension == "jpg" and count_scans(file) > MAX_SCANS:
        raise UploadNotAllowed("damaged", "The image is damaged.")
    file.seek(0)
    try:
        with image_module.open(file, formats=[_DECODERS[extension]]) as image:
            if image.width * image.height > limit:
                raise rules.refuse("pixels")
            return _save(*_resized(image, variant), variant)
    except UploadNotAllowed:
        raise
    except Exception as error:  # Pillow's decoders raise of all kinds on what is not right
        raise UploadNotAllowed("damaged", "The image is damaged.") from error


def _resized(image: Any, variant: Variant) -> tuple[Any, bytes]:
    """Return an image upright and in its new size, and its colour profile."""
    from PIL import ImageOps

    width, height = variant.box
    longer = max(width, height)
    image.draft("RGB", (longer, longer))  # a JPEG at a fraction of its size
    small = ImageOps.exif_transpose(image)
    profile = small.info.get("icc_profile")
    if small.mode not in ("RGB", "RGBA"):  # whose profile would be another's
        small = small.convert("RGBA" if small.has_transparency_data else "RGB")
        profile = None
    if variant.crop:
        part = min(1.0, small.width / width, small.height / height)
        small = ImageOps.fit(small, (max(1, round(width * part)), max(1, round(height * part))))
    else:
        small.thumbnail((width, height))
    return small, profile or b""


def _save(image: Any, profile: bytes, variant: Variant) -> bytes:
    result = BytesIO()
    options: dict[str, Any] = {"icc_profile": profile, "exif": b""}
    if variant.format in _QUALITIES:
        options["quality"] = variant.quality or _QUALITIES[variant.format]
    if variant.format == "jpeg" and image.mode == "RGBA":  # which it does not know
        from PIL import Image

        ground = Image.new("RGB", image.size, "white")
        ground.paste(image, mask=image.getchannel("A"))
        image = ground
    image.save(result, variant.format.upper(), **options)
    return result.getvalue()
