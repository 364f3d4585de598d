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
from cruse_db.columns import UTCDateTime as UTCDateTime
from cruse_db.extension import Database as Database
from cruse_db.extension import DatabaseState as DatabaseState
from cruse_db.models import Model as Model
from cruse_db.pages import Page as Page
from cruse_db.settings import DatabaseSettings as DatabaseSettings

__all__ = [
    "AsyncDatabase",
    "Database",
    "DatabaseSettings",
    "DatabaseState",
    "ForeignKey",
    "Mapped",
    "Model",
    "Page",
    "UTCDateTime",
    "column",
    "delete",
    "func",
    "insert",
    "relationship",
    "select",
    "update",
]
