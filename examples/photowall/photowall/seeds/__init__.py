"""The pictures that a new wall starts with, painted by the example itself."""

from __future__ import annotations

from photowall.seeds.catalogue import SEEDS, Seed, paint

__all__ = ["SEEDS", "Seed", "paint"]
