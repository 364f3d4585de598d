"""The application as servers want it: ``photowall.main:app``, the same object for all of them."""

from __future__ import annotations

import os

from cruse.dotenv import load_dotenv
from photowall import create_app

__all__ = ["app"]

load_dotenv()
folder = os.environ.get("PHOTOWALL_INSTANCE")
app = create_app(instance_path=os.path.abspath(folder) if folder else None)
