"""Databases for Cruse: typed SQLAlchemy models, a session per request, sync and async.

What models and queries need most is here under one roof; everything else is SQLAlchemy's, under
its own names.
"""

from sqlalchemy import ForeignKey as ForeignKey
from sqlalchemy import delete as delete
from sqlalchemy import func as func
from sqlalchemy import insert as insert
from sqlalchemy import select as select
from sqlalchemy import update as update
from sqlalchemy.orm import Mapped as Mapped
from sqlalchemy.orm import mapped_column as column
from sqlalchemy.orm import relationship as relationship

from cruse_db.aio import AsyncDatabase as AsyncDatabase
from cruse_db.bulk import Upserted as Upserted
from cruse_db.columns import Json as Json
from cruse_db.columns import UTCDateTime as UTCDateTime
from cruse_db.extension import Database as Database
from cruse_db.files import StoredFile as StoredFile
from cruse_db.keys import uuid7 as uuid7
from cruse_db.keyset import KeysetPage as KeysetPage
from cruse_db.mixins import IntegerKey as IntegerKey
from cruse_db.mixins import Slugged as Slugged
from cruse_db.mixins import SoftDelete as SoftDelete
from cruse_db.mixins import Timestamps as Timestamps
from cruse_db.mixins import UUIDKey as UUIDKey
from cruse_db.mixins import Versioned as Versioned
from cruse_db.mixins import slugify as slugify
from cruse_db.models import Model as Model
from cruse_db.pages import Page as Page
from cruse_db.secrets import EncryptedString as EncryptedString
from cruse_db.secrets import Password as Password
from cruse_db.secrets import PasswordHash as PasswordHash
from cruse_db.settings import DatabaseSettings as DatabaseSettings
from cruse_db.state import DatabaseState as DatabaseState

__all__ = [
    "AsyncDatabase",
    "Database",
    "DatabaseSettings",
    "DatabaseState",
    "EncryptedString",
    "ForeignKey",
    "IntegerKey",
    "Json",
    "KeysetPage",
    "Mapped",
    "Model",
    "Page",
    "Password",
    "PasswordHash",
    "Slugged",
    "SoftDelete",
    "StoredFile",
    "Timestamps",
    "UTCDateTime",
    "UUIDKey",
    "Upserted",
    "Versioned",
    "column",
    "delete",
    "func",
    "insert",
    "relationship",
    "select",
    "slugify",
    "update",
    "uuid7",
]
