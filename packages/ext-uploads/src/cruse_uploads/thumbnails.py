"""Smaller copies of images, made once by Pillow (the extra ``images``) and kept beside them."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO

from cruse_uploads.errors import ObjectExistsError, ObjectNotFoundError, UploadNotAllowed
from cruse_uploads.names import stem_of
from cruse_uploads.storage import Meta

if TYPE_CHECKING:
    from cruse_uploads.rules import Rules
    from cruse_uploads.sets import UploadSet

__all__ = ["thumbnail"]

# Pixels to decode at most in a set without a limit of its own: 200 MB in memory.
MAX_PIXELS = 50_000_000
# A hostile file should meet only the decoder that its type needs.
_FORMATS = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/gif": "GIF",
    "image/webp": "WEBP",
    "image/bmp": "BMP",
}
_QUALITY = 80  # of 100


def thumbnail(upload_set: UploadSet, key: str, size: tuple[int, int]) -> str:
    """Return the key of a copy that fits into ``size``; see :meth:`UploadSet.thumbnail`."""
    width, height = size
    if width < 1 or height < 1:
        raise ValueError(f"A thumbnail of {width} x {height} pixels can't be made.")
    storage = upload_set.storage
    small_key = f"{stem_of(key)}.{width}x{height}.webp"
    full_key = upload_set.storage_key(small_key)
    try:
        storage.stat(full_key)
    except ObjectNotFoundError:
        meta = storage.stat(upload_set.storage_key(key)).meta
        with upload_set.open(key) as file:
            small = _shrink(file, upload_set.type_of(key).media_type, size, upload_set.rules)
        name = meta.name if meta is not None else key.rpartition("/")[2]
        writer = storage.writer(full_key, Meta(f"{name}.webp", "image/webp"))
        try:
            writer.write(small)
            writer.commit()
        except ObjectExistsError:
            pass  # somebody was faster, with the same result
        except BaseException:
            writer.abort()
            raise
    return small_key


def _shrink(file: BinaryIO, media_type: str, size: tuple[int, int], rules: Rules) -> bytes:
    """Return an image as WebP that fits into ``size``, upright, without its metadata.

    Raises:
        UploadNotAllowed: When it is no image, too large to decode, or damaged.
    """
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise RuntimeError(
            "Thumbnails need Pillow. Install it with 'pip install cruse-uploads[images]'."
        ) from error
    if media_type not in _FORMATS:
        raise UploadNotAllowed("type", "There is no thumbnail of a file of this type.")
    limit = rules.max_pixels or MAX_PIXELS
    result = BytesIO()
    try:
        with Image.open(file, formats=[_FORMATS[media_type]]) as image:
            if image.width * image.height > limit:
                raise rules.refuse("pixels")
            image.draft("RGB", (max(size), max(size)))  # a JPEG at a fraction of its size
            small = ImageOps.exif_transpose(image)
            profile = small.info.get("icc_profile")
            if small.mode not in ("RGB", "RGBA"):  # whose profile would be another's
                small = small.convert("RGBA" if small.has_transparency_data else "RGB")
                profile = None
            small.thumbnail(size)
            small.save(result, "WEBP", quality=_QUALITY, icc_profile=profile or b"", exif=b"")
    except UploadNotAllowed:
        raise
    except Exception as error:  # Pillow's decoders raise of all kinds on what is not right
        raise UploadNotAllowed("damaged", "The image is damaged.") from error
    return result.getvalue()
