"""Falcon without the three modules that its wheels have compiled, as its pure wheel is."""

from __future__ import annotations

import sys

sys.modules["falcon.cyutil"] = None  # type: ignore[assignment] # it falls back to Python then

from benchmarks.peers.asgi.falcon import *  # noqa: E402, F403 - the very same applications
