"""What the painted pictures are made of: skies, glows, ridges, haze.

Everything is drawn from a seeded generator, so each picture is the same on every machine.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

from PIL import Image, ImageChops, ImageColor, ImageDraw, ImageFilter

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

__all__ = [
    "RGB",
    "Canvas",
    "Color",
    "Point",
    "fill_below",
    "gradient",
    "grain",
    "light",
    "mix",
    "rgb",
    "ridge",
    "swell",
]

RGB: TypeAlias = tuple[int, int, int]
#: Red, green and blue, or text such as ``"#ffcc00"``.
Color: TypeAlias = RGB | str
Point: TypeAlias = tuple[float, float]
Canvas: TypeAlias = Image.Image


def rgb(color: Color) -> RGB:
    """Return the red, green and blue of a colour."""
    if not isinstance(color, str):
        return color
    red, green, blue = ImageColor.getrgb(color)[:3]
    return red, green, blue


def mix(first: Color, second: Color, part: float) -> RGB:
    """Return a colour between two others; ``part`` 0 is the first, 1 the second."""
    pairs = zip(rgb(first), rgb(second), strict=True)
    red, green, blue = (round(a + (b - a) * part) for a, b in pairs)
    return red, green, blue


def gradient(size: tuple[int, int], colors: Sequence[Color]) -> Canvas:
    """Return a canvas that goes from the first colour at the top to the last at the bottom."""
    height = size[1]
    steps = len(colors) - 1
    column = Image.new("RGB", (1, height))
    for y in range(height):
        at = y / (height - 1) * steps
        index = min(int(at), steps - 1)
        column.putpixel((0, y), mix(colors[index], colors[index + 1], at - index))
    return column.resize(size, Image.Resampling.NEAREST)


def light(canvas: Canvas, center: Point, radius: float, color: Color, strength: float) -> None:
    """Let light of a colour fall around a point, as the sun lights up haze.

    Args:
        canvas: What to paint on.
        center: The point, in parts of width and height.
        radius: How far the light reaches, in parts of the width.
        color: Its colour.
        strength: 0 is none, 1 is the full colour in the middle.
    """
    reach = round(radius * canvas.width)
    falloff = ImageChops.invert(Image.radial_gradient("L")).resize((2 * reach, 2 * reach))
    # Pillow's gradient has 74 of 255 left where it meets the edge.
    curve = [strength * 255 * (max(0, level - 74) / 181) ** 2 for level in range(256)]
    mask = falloff.point([round(level) for level in curve])
    corner = (
        round(center[0] * canvas.width) - reach,
        round(center[1] * canvas.height) - reach,
    )
    canvas.paste(Image.new("RGB", mask.size, color), corner, mask)


def ridge(rng: Random, height: float, roughness: float) -> list[Point]:
    """Return the outline of a mountain range, by halving stretches and moving their middles.

    Args:
        rng: Where the chance comes from.
        height: How far the peaks reach, in parts of the canvas's height.
        roughness: 0.4 is worn down, 0.6 is jagged.
    """
    line = [(0.0, rng.uniform(-1, 1) * height), (1.0, rng.uniform(-1, 1) * height)]
    reach = height
    for _ in range(8):
        finer = [line[0]]
        for (x1, y1), (x2, y2) in pairwise(line):
            finer.append(((x1 + x2) / 2, (y1 + y2) / 2 + rng.uniform(-1, 1) * reach))
            finer.append((x2, y2))
        line = finer
        reach *= roughness
    return line


def swell(rng: Random, height: float, waves: float) -> list[Point]:
    """Return the outline of soft hills or dunes: a few waves on top of each other."""
    phases = [rng.uniform(0, math.tau) for _ in range(3)]
    return [
        (
            x / 200,
            height
            * sum(
                math.sin(x / 200 * math.tau * waves * (n + 1) / 1.7 + phase) / (n + 1) ** 1.6
                for n, phase in enumerate(phases)
            ),
        )
        for x in range(201)
    ]


def fill_below(canvas: Canvas, line: list[Point], level: float, top: Color, bottom: Color) -> None:
    """Paint everything below an outline, from one colour at its top to another at the bottom.

    Args:
        canvas: What to paint on.
        line: The outline, x and height over ``level`` in parts of the canvas's size.
        level: Where the outline's zero is, in parts of the height from the top.
        top: The colour at the outline.
        bottom: The colour at the bottom, as of haze in a valley.
    """
    width, height = canvas.size
    outline = [(x * width, (level - y) * height) for x, y in line]
    mask = Image.new("L", canvas.size)
    ImageDraw.Draw(mask).polygon([*outline, (width, height), (0, height)], fill=255)
    start = max(0, math.floor(min(y for _, y in outline)))
    paint = gradient((width, max(2, height - start)), [top, bottom])
    canvas.paste(paint, (0, start), mask.crop((0, start, width, start + paint.height)))


def grain(canvas: Canvas, rng: Random, amount: int = 7) -> Canvas:
    """Return the canvas with a little film grain, which hides the steps of gradients."""
    noise = Image.frombytes("L", canvas.size, rng.randbytes(canvas.width * canvas.height))
    soft = noise.filter(ImageFilter.GaussianBlur(0.6))
    layer = soft.point([round((level - 127) * amount / 127 + 128) for level in range(256)])
    return ImageChops.add(canvas, Image.merge("RGB", [layer] * 3), offset=-128)
