"""Uploads for Cruse: from the socket to storage, with rules for type, size and name."""

from cruse_uploads.errors import (
    ObjectExistsError,
    ObjectNotFoundError,
    StorageFull,
    StorageRefused,
    UploadNotAllowed,
)
from cruse_uploads.events import upload_received, upload_refused
from cruse_uploads.extension import Uploads, UploadsSettings, UploadsState
from cruse_uploads.filetypes import (
    ALL,
    ARCHIVES,
    AUDIO,
    DATA,
    DEFAULTS,
    DOCUMENTS,
    EXECUTABLES,
    IMAGES,
    SCRIPTS,
    SOURCE,
    TEXT,
    VIDEO,
    AllExcept,
    FileType,
)
from cruse_uploads.resumable import ResumableUpload
from cruse_uploads.sets import UploadSet
from cruse_uploads.storage import Meta, ObjectStat, PutRequest, Storage, Writer
from cruse_uploads.storage.local import LocalStorage
from cruse_uploads.storage.memory import MemoryStorage
from cruse_uploads.stored import Received, Stored
from cruse_uploads.variants import Variant

__all__ = [
    "ALL",
    "ARCHIVES",
    "AUDIO",
    "DATA",
    "DEFAULTS",
    "DOCUMENTS",
    "EXECUTABLES",
    "IMAGES",
    "SCRIPTS",
    "SOURCE",
    "TEXT",
    "VIDEO",
    "AllExcept",
    "FileType",
    "LocalStorage",
    "MemoryStorage",
    "Meta",
    "ObjectExistsError",
    "ObjectNotFoundError",
    "ObjectStat",
    "PutRequest",
    "Received",
    "ResumableUpload",
    "Storage",
    "StorageFull",
    "StorageRefused",
    "Stored",
    "UploadNotAllowed",
    "UploadSet",
    "Uploads",
    "UploadsSettings",
    "UploadsState",
    "Variant",
    "Writer",
    "upload_received",
    "upload_refused",
]
