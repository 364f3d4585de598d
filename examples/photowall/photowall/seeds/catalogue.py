"""Which pictures a new wall starts with, oldest first."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from io import BytesIO
from random import Random
from typing import TYPE_CHECKING

from photowall.seeds import scenes
from photowall.seeds.brush import grain

if TYPE_CHECKING:
    from collections.abc import Callable

    from photowall.seeds.brush import Canvas

__all__ = ["SEEDS", "Seed", "paint"]

LANDSCAPE = (1120, 840)
PORTRAIT = (840, 1120)
WIDE = (1280, 720)


@dataclass(frozen=True)
class Seed:
    """A picture to paint, and what is said about it."""

    caption: str
    description: str
    owner: str
    scene: Callable[..., Canvas]
    number: int
    size: tuple[int, int] = LANDSCAPE


def paint(seed: Seed) -> bytes:
    """Paint a picture and return it as a JPEG; the same bytes each time."""
    # For the same pictures everywhere, nothing more.
    rng = Random(seed.number)  # noqa: S311
    width, height = seed.size
    canvas = seed.scene((width, height), rng)
    file = BytesIO()
    grain(canvas, rng).save(file, "JPEG", quality=88)
    return file.getvalue()


ADA, NOOR, TEO = "Ada Marlow", "Noor Haddad", "Teo Lindqvist"

SEEDS = (
    Seed(
        "Harbour lights through a wet window",
        "Round, blurred lights in amber, red and teal against a dark blue evening.",
        NOOR,
        partial(
            scenes.bokeh,
            sky=["#0b1026", "#1a1e45", "#2b1f3d"],
            lamps=["#ffb347", "#ff7e5f", "#ffd27a", "#5fd3c8", "#f25f8c"],
        ),
        11,
    ),
    Seed(
        "White sands, noon",
        "Pale dunes with soft blue shadows under a clear sky.",
        TEO,
        partial(
            scenes.dunes,
            sky=["#5aa5d8", "#a9d5ee", "#f3efe2"],
            sun=(0.72, 0.16),
            lit="#f4ead6",
            shade="#b9b3bd",
            deep="#8f91a8",
        ),
        5,
    ),
    Seed(
        "Milky Way above the hut",
        "A band of stars rises over the black outline of hills.",
        ADA,
        partial(
            scenes.stars,
            sky=["#070b1f", "#141a44", "#3b3768"],
            far="#1c2142",
            near="#05070f",
            lamp=None,
        ),
        8,
        PORTRAIT,
    ),
    Seed(
        "Poppies, the week they all opened",
        "Red flowers cover a green hillside below small white clouds.",
        NOOR,
        partial(
            scenes.meadow,
            sky=["#4d9ad6", "#9fd0ee", "#e8f4f4"],
            grass=["#8fb88a", "#3f7a35"],
            flower="#d9382c",
        ),
        21,
    ),
    Seed(
        "Winter pines",
        "Dark pines stand in rows, the farther ones fading into pale fog.",
        TEO,
        partial(
            scenes.forest,
            sky=["#9fb4c9", "#cbd8e4", "#eef2f5"],
            far="#b4c4d3",
            near="#1e3140",
            glow="#ffffff",
        ),
        13,
    ),
    Seed(
        "Red canyon, last light",
        "Layer upon layer of red ridges under an orange sky.",
        ADA,
        partial(
            scenes.ranges,
            sky=["#43305c", "#b5546a", "#f09a62", "#ffd9a0"],
            sun=(0.3, 0.5),
            glow="#ffc27a",
            far="#d8745a",
            near="#3a1226",
        ),
        34,
        WIDE,
    ),
    Seed(
        "Moonrise over the bay",
        "A full moon above calm water, its light a silver path to the shore.",
        NOOR,
        partial(
            scenes.sea,
            sky=["#0a1230", "#1d2f5c", "#56618f"],
            water=["#4a5784", "#16224a", "#0a1130"],
            lamp=(0.64, 0.3),
            glow="#e6ebff",
            land="#0d142e",
        ),
        55,
    ),
    Seed(
        "Six of them, and hardly a sound",
        "Hot-air balloons drift over hazy hills in the pink light of the morning.",
        TEO,
        partial(
            scenes.balloons,
            sky=["#7b8fc7", "#c9a9c6", "#f6c9a8", "#ffe7c7"],
            colors=["#d8433b", "#2f7f8f", "#e9a03b", "#8a4f9e"],
            hills="#5a4a6e",
        ),
        3,
    ),
    Seed(
        "Blue hour, after the rain",
        "Blue mountain ranges, each paler than the one before it.",
        ADA,
        partial(
            scenes.ranges,
            sky=["#1d3461", "#4f7cac", "#a9c6dd", "#dfeaf0"],
            sun=(0.7, 0.36),
            glow="#e8f3ff",
            far="#8eb0cc",
            near="#0f2237",
        ),
        19,
        PORTRAIT,
    ),
    Seed(
        "Low tide, and all of it gold",
        "The sun stands low over the sea and paints a golden path on the water.",
        NOOR,
        partial(
            scenes.sea,
            sky=["#5b4a8a", "#d9788a", "#ffb97a", "#ffe0a6"],
            water=["#e8a67a", "#8a5a80", "#3a2f5e"],
            lamp=(0.4, 0.46),
            glow="#ffdf9e",
            land="#4a2f4f",
        ),
        144,
        WIDE,
    ),
    Seed(
        "The dunes, an hour before dark",
        "Orange dunes with long violet shadows.",
        TEO,
        partial(
            scenes.dunes,
            sky=["#6d6aa8", "#e39a8b", "#ffd3a1"],
            sun=(0.34, 0.4),
            lit="#eba45e",
            shade="#9a5a5e",
            deep="#4e2f4d",
        ),
        17,
    ),
    Seed(
        "They came at two in the morning",
        "Green and violet northern lights hang over snow-covered mountains.",
        ADA,
        partial(
            scenes.aurora,
            sky=["#050b1c", "#0b2036", "#15384a"],
            lights=["#3fe0a0", "#58f0c8", "#9a6bf0"],
            snow="#cfe4ee",
        ),
        7,
    ),
    Seed(
        "Fog in the pines, on the way to school",
        "Green pines on both sides of a valley, half hidden by warm morning fog.",
        NOOR,
        partial(
            scenes.forest,
            sky=["#d8c9a8", "#efe2c2", "#f6ecd4"],
            far="#b9bd9c",
            near="#1f3527",
            glow="#fff6da",
        ),
        29,
        PORTRAIT,
    ),
    Seed(
        "First light over the ridges",
        "The sun comes up behind mountain ranges with mist between them.",
        TEO,
        partial(
            scenes.ranges,
            sky=["#35507f", "#8f86b3", "#f3b58f", "#ffe3bd"],
            sun=(0.6, 0.44),
            glow="#fff0c9",
            far="#c79fa6",
            near="#1c2440",
        ),
        2,
    ),
)
