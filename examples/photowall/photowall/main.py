"""The application as servers want it: ``photowall.main:app``, the same object for all of them."""

from __future__ import annotations

from cruse.dotenv import load_dotenv
from photowall import create_app

__all__ = ["app"]

load_dotenv()
app = create_app()
