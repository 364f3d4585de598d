"""The scenes: each paints a canvas from a seed and a few colours."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

from PIL import Image, ImageDraw, ImageFilter

from photowall.seeds.brush import (
    Canvas,
    Color,
    Point,
    fill_below,
    gradient,
    light,
    mix,
    ridge,
    swell,
)

if TYPE_CHECKING:
    from random import Random

__all__ = ["aurora", "balloons", "bokeh", "dunes", "forest", "meadow", "ranges", "sea", "stars"]

Size: TypeAlias = tuple[int, int]


def ranges(
    size: Size, rng: Random, *, sky: list[str], sun: Point, glow: str, far: str, near: str
) -> Canvas:
    """Mountain ranges behind each other, with haze in the valleys."""
    canvas = gradient(size, sky)
    light(canvas, sun, 0.55, glow, 0.75)
    _disc(canvas, sun, 0.028, glow, 1.0)
    layers = 6
    for layer in range(layers):
        part = layer / (layers - 1)
        top = mix(far, near, part)
        bottom = mix(mix(far, near, part), sky[-1], 0.55 * (1 - part))
        outline = ridge(rng, 0.05 + 0.05 * part, 0.47)
        fill_below(canvas, outline, 0.52 + 0.085 * layer, top, bottom)
    light(canvas, (sun[0], 0.62), 0.6, glow, 0.16)
    return canvas


def dunes(
    size: Size, rng: Random, *, sky: list[str], sun: Point, lit: str, shade: str, deep: str
) -> Canvas:
    """Sand dunes, each with a side in the light and one in the shade."""
    canvas = gradient(size, sky)
    light(canvas, sun, 0.5, "#fff4d6", 0.7)
    _disc(canvas, sun, 0.035, "#fff8e4", 0.95)
    layers = 5
    for layer in range(layers):
        part = layer / (layers - 1)
        outline = swell(rng, 0.035 + 0.02 * layer, 0.7 + 0.25 * (layers - layer))
        level = 0.55 + 0.1 * layer
        fill_below(canvas, outline, level, mix(lit, sky[-1], 0.45 * (1 - part)), lit)
        crest = max(range(40, 160), key=lambda at: outline[at][1])
        _shadow(canvas, outline, crest, level, mix(shade, deep, part))
    return canvas


def _shadow(canvas: Canvas, outline: list[Point], crest: int, level: float, color: Color) -> None:
    """Darken a dune's far side: from its crest along a curve down to the front."""
    width, height = canvas.size
    x0, y0 = outline[crest]
    edge = [
        (x0 - 0.16 * math.sin(step / 20 * 2.6) - 0.1 * step / 20, y0 - 0.5 * (step / 20) ** 1.3)
        for step in range(21)
    ]
    shape = [*outline[crest:], (1.0, -1.0), *reversed(edge)]
    mask = Image.new("L", canvas.size)
    points = [(x * width, (level - y) * height) for x, y in shape]
    ImageDraw.Draw(mask).polygon(points, fill=150)
    soft = mask.filter(ImageFilter.GaussianBlur(width / 500))
    canvas.paste(Image.new("RGB", canvas.size, color), (0, 0), soft)


def sea(
    size: Size, rng: Random, *, sky: list[str], water: list[str], lamp: Point, glow: str, land: str
) -> Canvas:
    """The sea with the sun or the moon above it, and its light on the water."""
    width, height = size
    canvas = gradient(size, sky)
    light(canvas, lamp, 0.45, glow, 0.6)
    _disc(canvas, lamp, 0.045, glow, 1.0)
    horizon = round(height * 0.6)
    canvas.paste(gradient((width, height - horizon), water), (0, horizon))
    island = [(x, max(0.0, y)) for x, y in ridge(rng, 0.05, 0.5)]
    cape = [(x, y * (1 - x) ** 1.5 if x < 0.55 else 0.0) for x, y in island]
    _fill_between(canvas, cape, 0.6, land)
    _glitter(canvas, rng, lamp[0], horizon, glow)
    return canvas


def _fill_between(canvas: Canvas, outline: list[Point], level: float, color: Color) -> None:
    width, height = canvas.size
    points = [(x * width, (level - y) * height + 1) for x, y in outline]
    ImageDraw.Draw(canvas).polygon([*points, (width, level * height), (0, level * height)], color)


def _glitter(canvas: Canvas, rng: Random, x: float, horizon: int, color: Color) -> None:
    """Put glints on the water below a light: many and small far away, few and wide near."""
    width, height = canvas.size
    mask = Image.new("L", canvas.size)
    draw = ImageDraw.Draw(mask)
    for _ in range(520):
        depth = rng.random() ** 1.7
        y = horizon + 3 + depth * (height - horizon - 6)
        spread = (0.035 + 0.16 * depth) * width
        middle = rng.gauss(x * width, spread / 2)
        length = (6 + 60 * depth) * rng.uniform(0.3, 1.1) * width / 1200
        thick = (1 + 3.2 * depth) * width / 1200
        shine = round(rng.uniform(60, 210) * (1 - 0.45 * depth))
        draw.ellipse((middle - length, y - thick, middle + length, y + thick), fill=shine)
    canvas.paste(Image.new("RGB", canvas.size, color), (0, 0), mask)


def forest(size: Size, rng: Random, *, sky: list[str], far: str, near: str, glow: str) -> Canvas:
    """Rows of pines that come out of the fog."""
    canvas = gradient(size, sky)
    light(canvas, (0.5, 0.3), 0.6, glow, 0.55)
    rows = 6
    for row in range(rows):
        part = row / (rows - 1)
        color = mix(far, near, part)
        ground = swell(rng, 0.03, 0.8)
        level = 0.44 + 0.115 * row
        fog = mix(color, sky[-1], 0.6 * (1 - part))
        fill_below(canvas, ground, level, color, fog)
        trees = round(34 - 25 * part)
        for index in range(trees):
            x = (index + rng.uniform(-0.2, 1.0)) / trees
            foot = level - ground[min(200, max(0, round(x * 200)))][1]
            tall = (0.08 + 0.24 * part) * rng.uniform(0.6, 1.15)
            _pine(canvas, rng, (x, foot + 0.02), tall, color)
        if row < rows - 2:
            light(canvas, (rng.uniform(0.2, 0.8), level + 0.1), 0.5, sky[-1], 0.3)
    return canvas


def _pine(canvas: Canvas, rng: Random, foot: Point, tall: float, color: Color) -> None:
    width, height = canvas.size
    x, bottom = foot[0] * width, foot[1] * height
    tip = bottom - tall * height
    half = tall * height * 0.19
    tiers = 9
    left, right = [(x, tip)], [(x, tip)]
    for tier in range(1, tiers + 1):
        y = tip + (bottom - tip) * tier / tiers * 0.94
        reach = half * (tier / tiers) ** 0.9
        for side, sign in ((left, -1), (right, 1)):
            side.append((x + sign * reach * rng.uniform(0.85, 1.1), y))
            side.append((x + sign * reach * 0.45, y - half * 0.08))
    draw = ImageDraw.Draw(canvas)
    draw.polygon([*left, *reversed(right)], fill=color)
    draw.rectangle((x - half * 0.07, bottom - tall * height * 0.1, x + half * 0.07, bottom), color)


def stars(
    size: Size, rng: Random, *, sky: list[str], far: str, near: str, lamp: Point | None
) -> Canvas:
    """A night full of stars over dark hills."""
    canvas = gradient(size, sky)
    _milky_way(canvas, rng)
    _star_field(canvas, rng, 620, 0.8)
    if lamp is not None:
        light(canvas, lamp, 0.35, "#dfe6ff", 0.35)
        _disc(canvas, lamp, 0.03, "#f4f1e4", 1.0)
    for layer in range(4):
        color = mix(far, near, layer / 3)
        outline = ridge(rng, 0.04 + 0.01 * layer, 0.45)
        fill_below(canvas, outline, 0.72 + 0.075 * layer, color, color)
    return canvas


def _milky_way(canvas: Canvas, rng: Random) -> None:
    width, height = canvas.size
    cloud = Image.new("L", canvas.size)
    draw = ImageDraw.Draw(cloud)
    for _ in range(420):
        along = rng.random()
        x = (0.05 + 0.9 * along) * width + rng.gauss(0, width * 0.03)
        y = (0.75 - 0.75 * along) * height + rng.gauss(0, height * 0.07)
        radius = rng.uniform(0.006, 0.03) * width
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=rng.randrange(20, 75))
    soft = cloud.filter(ImageFilter.GaussianBlur(width / 45))
    canvas.paste(Image.new("RGB", canvas.size, "#b7b9f2"), (0, 0), soft)


def _star_field(canvas: Canvas, rng: Random, count: int, down_to: float) -> None:
    width, height = canvas.size
    draw = ImageDraw.Draw(canvas, "RGBA")
    for _ in range(count):
        x, y = rng.random() * width, rng.random() * height * down_to
        radius = 0.5 + 1.5 * rng.random() ** 5 * width / 1200
        draw.ellipse(
            (x - radius, y - radius, x + radius, y + radius),
            fill=(255, 250, rng.randrange(220, 256), rng.randrange(90, 255)),
        )


def aurora(size: Size, rng: Random, *, sky: list[str], lights: list[str], snow: str) -> Canvas:
    """Northern lights over snow."""
    width, height = size
    canvas = gradient(size, sky)
    _star_field(canvas, rng, 260, 0.7)
    for index, color in enumerate(lights):
        phase, sway = rng.uniform(0, math.tau), rng.uniform(0.05, 0.09)
        mask = Image.new("L", size)
        draw = ImageDraw.Draw(mask)
        for x in range(0, width, 2):
            at = x / width
            foot = 0.5 - 0.07 * index + sway * math.sin(at * 5 + phase)
            foot += 0.02 * math.sin(at * 23 + phase)
            shine = 95 + 85 * math.sin(at * 9 + phase * 2) + rng.uniform(-25, 25)
            for step in range(12):
                y = (foot - 0.032 * step) * height
                level = max(0, round(shine * (1 - step / 12) ** 1.3))
                draw.line((x, y, x, y - 0.034 * height), fill=level, width=2)
        soft = mask.filter(ImageFilter.GaussianBlur(width / 160))
        canvas.paste(Image.new("RGB", size, color), (0, 0), soft)
    for layer in range(3):
        top = mix("#16324a", snow, 0.1 + 0.35 * layer)
        outline = ridge(rng, 0.12 - 0.045 * layer, 0.5 - 0.05 * layer)
        fill_below(canvas, outline, 0.7 + 0.1 * layer, top, mix(top, snow, 0.7))
    light(canvas, (0.5, 0.85), 0.6, lights[0], 0.16)
    return canvas


def bokeh(size: Size, rng: Random, *, sky: list[str], lamps: list[str]) -> Canvas:
    """The lights of a town, out of focus behind a wet window."""
    canvas = gradient(size, sky)
    width, height = size
    for depth in range(3):
        layer = Image.new("RGBA", size)
        draw = ImageDraw.Draw(layer)
        for _ in range(26 - 6 * depth):
            x = rng.random() * width
            y = height * min(1.0, max(0.05, rng.gauss(0.62, 0.17)))
            radius = width * rng.uniform(0.012, 0.03) * (1 + 0.75 * depth)
            red, green, blue = mix(rng.choice(lamps), "#ffffff", rng.uniform(0, 0.25))
            box = (x - radius, y - radius, x + radius, y + radius)
            draw.ellipse(box, fill=(red, green, blue, rng.randrange(70, 150)))
            draw.ellipse(box, outline=(red, green, blue, 190), width=max(1, width // 500))
        soft = layer.filter(ImageFilter.GaussianBlur(width / (260 + 120 * depth)))
        canvas.paste(soft, (0, 0), soft)
    return canvas


def meadow(size: Size, rng: Random, *, sky: list[str], grass: list[str], flower: str) -> Canvas:
    """Green hills with flowers on the nearest ones."""
    canvas = gradient(size, sky)
    light(canvas, (0.75, 0.2), 0.5, "#fffbe8", 0.6)
    _clouds(canvas, rng)
    for layer in range(4):
        part = layer / 3
        color = mix(grass[0], grass[1], part)
        ground = swell(rng, 0.05, 0.8 + 0.2 * layer)
        level = 0.58 + 0.1 * layer
        fill_below(canvas, ground, level, color, mix(color, "#10240f", 0.35))
    _flowers(canvas, rng, flower)
    return canvas


def _flowers(canvas: Canvas, rng: Random, color: str) -> None:
    """Strew flowers from the middle of the hills to our feet, those in front larger."""
    width, height = canvas.size
    draw = ImageDraw.Draw(canvas)
    for depth in sorted(rng.random() for _ in range(1500)):
        x, y = rng.random() * width, (0.74 + 0.27 * depth**1.4) * height
        radius = (0.7 + 6 * depth**2) * width / 1200 * rng.uniform(0.6, 1.2)
        tint = mix(mix(color, "#3f7a35", 0.45 * (1 - depth)), "#ffd9c4", rng.random() * 0.3)
        draw.ellipse((x - radius, y - radius * 0.8, x + radius, y + radius * 0.8), fill=tint)


def _clouds(canvas: Canvas, rng: Random) -> None:
    width, height = canvas.size
    mask = Image.new("L", canvas.size)
    draw = ImageDraw.Draw(mask)
    for _ in range(5):
        x, y = rng.random() * width, rng.uniform(0.08, 0.36) * height
        for _ in range(14):
            dx, dy = rng.gauss(0, width * 0.055), rng.gauss(0, height * 0.012)
            radius = width * rng.uniform(0.012, 0.032)
            left, right = x + dx - radius * 1.6, x + dx + radius * 1.6
            box = (left, y + dy - radius, right, y + dy + radius * 0.7)
            draw.ellipse(box, fill=rng.randrange(110, 200))
    canvas.paste("#ffffff", (0, 0), mask.filter(ImageFilter.GaussianBlur(width / 80)))


def balloons(size: Size, rng: Random, *, sky: list[str], colors: list[str], hills: str) -> Canvas:
    """Hot-air balloons over hills at dawn."""
    canvas = gradient(size, sky)
    light(canvas, (0.3, 0.62), 0.6, "#ffe9c2", 0.7)
    for layer in range(4):
        color = mix(hills, sky[-1], 0.6 * (1 - layer / 3))
        outline = ridge(rng, 0.03 + 0.008 * layer, 0.45)
        fill_below(canvas, outline, 0.72 + 0.075 * layer, color, mix(color, sky[-1], 0.25))
    places = [(0.7, 0.3, 0.1), (0.37, 0.2, 0.052), (0.2, 0.46, 0.034), (0.52, 0.5, 0.024)]
    places += [(0.86, 0.56, 0.02), (0.1, 0.22, 0.018)]
    for (x, y, radius), paint in zip(places, colors * 2, strict=False):
        _balloon(canvas, (x, y), radius, paint)
    return canvas


def _balloon(canvas: Canvas, at: Point, part: float, color: Color) -> None:
    width, height = canvas.size
    x, y, radius = at[0] * width, at[1] * height, part * width
    draw = ImageDraw.Draw(canvas)
    dark, pale = mix(color, "#301425", 0.3), mix(color, "#fff6e6", 0.75)
    neck = y + radius * 1.32
    tints: tuple[Color, ...] = (color, pale, color, dark)
    for index, reach in enumerate((1.0, 0.74, 0.46, 0.16)):
        half = radius * reach
        tint = tints[index]
        draw.ellipse((x - half, y - radius, x + half, y + radius), fill=tint)
        low = y + radius * 0.42
        edge = half * 0.91
        draw.polygon(
            [(x - edge, low), (x + edge, low), (x + half * 0.22, neck), (x - half * 0.22, neck)],
            fill=tint,
        )
    basket = radius * 0.16
    foot = neck + radius * 0.22
    draw.line((x - basket, neck, x - basket, foot), fill=dark, width=max(1, width // 900))
    draw.line((x + basket, neck, x + basket, foot), fill=dark, width=max(1, width // 900))
    draw.rectangle((x - basket, foot, x + basket, foot + basket * 1.5), fill="#5b3a29")


def _disc(canvas: Canvas, center: Point, part: float, color: Color, strength: float) -> None:
    width, height = canvas.size
    mask = Image.new("L", canvas.size)
    x, y, radius = center[0] * width, center[1] * height, part * width
    box = (x - radius, y - radius, x + radius, y + radius)
    ImageDraw.Draw(mask).ellipse(box, fill=round(255 * strength))
    pale = Image.new("RGB", canvas.size, mix(color, "#ffffff", 0.55))
    canvas.paste(pale, (0, 0), mask.filter(ImageFilter.GaussianBlur(width / 700)))
