"""Patterns as SVG tiles that repeat without a seam.

The ground of every tile is the main colour and its largest part, so that the product keeps its colour.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from demo import motifs
from demo.palette import Rgb, companion, hexadecimal, mixed, oklab


class Pattern(StrEnum):
    """What is printed on, or woven into, a fabric."""

    SOLID = "solid"
    STRIPED = "striped"
    CHECKED = "checked"
    POLKA_DOT = "polka dot"
    FLORAL = "floral"
    CAMOUFLAGE = "camouflage"
    ZIGZAG = "zigzag"
    HERRINGBONE = "herringbone"
    LEOPARD = "leopard"
    STAR = "star"
    HEART = "heart"
    LEAF = "leaf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inks:
    """The colour of the ground and the colour of the marks."""

    main: Rgb
    second: Rgb


@dataclass(frozen=True, slots=True)
class Tile:
    """One repeat of a pattern: its size in whole SVG units and what is drawn on the ground."""

    width: int
    height: int
    marks: str


def fabric(pattern: Pattern, *, main: Rgb, second: Rgb, zoom: float, random: Random) -> str:
    """An SVG `<pattern id="fabric">` of the main colour with marks of the second; empty for a solid.

    `zoom` is pixels per SVG unit where the fabric is used: tiles of whole pixels show no seams.
    """
    if pattern is Pattern.SOLID:
        return ""
    tile = _TILES[pattern](Inks(main=main, second=second), random)
    width, height = (round(side * zoom) / zoom for side in (tile.width, tile.height))
    shift_x, shift_y = (random.randrange(round(side * zoom)) / zoom for side in (tile.width, tile.height))
    return (
        f'<pattern id="fabric" patternUnits="userSpaceOnUse" x="{shift_x:.5f}" y="{shift_y:.5f}" '
        f'width="{width:.5f}" height="{height:.5f}" viewBox="0 0 {tile.width} {tile.height}" '
        f'preserveAspectRatio="none"><rect x="-1" y="-1" width="{tile.width + 2}" height="{tile.height + 2}" '
        f'fill="{hexadecimal(main)}"/>{tile.marks}</pattern>'
    )


def second_colour(pattern: Pattern, main: Rgb, *, random: Random) -> Rgb:
    """The colour of the marks: a contrast for most patterns, a tone of the main colour for some."""
    dark = oklab(main)[0] < 0.5
    if pattern is Pattern.HERRINGBONE:
        return mixed(main, (255, 255, 255) if dark else (20, 14, 30), share=0.36 if dark else 0.3)
    if pattern is Pattern.LEOPARD:
        return mixed(main, (255, 244, 226), share=0.62) if dark else mixed(main, (28, 18, 12), share=0.82)
    if pattern is Pattern.CAMOUFLAGE:
        return mixed(main, (255, 250, 235), share=0.34) if dark else mixed(main, (22, 24, 16), share=0.42)
    return companion(main, random=random)


def _striped(inks: Inks, random: Random) -> Tile:
    ink = hexadecimal(inks.second)
    pitch = random.choice((14, 18, 22, 28))
    band = max(4, round(pitch * random.uniform(0.26, 0.42)))
    style = random.choice(("across", "across", "upright", "diagonal"))
    if style == "across":
        return Tile(pitch, pitch, f'<rect width="{pitch}" height="{band}" fill="{ink}"/>')
    if style == "upright":
        return Tile(pitch, pitch, f'<rect width="{band}" height="{pitch}" fill="{ink}"/>')
    size = pitch + 6
    lines = f"M-4 4L4 -4M0 {size}L{size} 0M{size - 4} {size + 4}L{size + 4} {size - 4}"
    return Tile(size, size, f'<path d="{lines}" stroke="{ink}" stroke-width="{band}"/>')


def _checked(inks: Inks, random: Random) -> Tile:
    ink = hexadecimal(inks.second)
    size = random.choice((24, 30, 36))
    style = random.choice(("gingham", "tartan", "window"))
    if style == "gingham":
        half = round(size * 0.3)
        marks = (
            f'<rect width="{size}" height="{half}" fill="{ink}" fill-opacity=".5"/>'
            f'<rect width="{half}" height="{size}" fill="{ink}" fill-opacity=".5"/>'
        )
    elif style == "tartan":
        shadow = hexadecimal(mixed(inks.main, (16, 12, 30), share=0.45))
        third = size // 3
        marks = (
            f'<rect width="{size}" height="{third}" fill="{shadow}" fill-opacity=".55"/>'
            f'<rect width="{third}" height="{size}" fill="{shadow}" fill-opacity=".55"/>'
            f'<path d="M0 {third + 7}H{size}M{third + 7} 0V{size}" stroke="{ink}" stroke-width="3"/>'
            f'<path d="M0 {third // 2}H{size}M{third // 2} 0'
            f'V{size}" stroke="{ink}" stroke-opacity=".5" stroke-width="1.4"/>'
        )
    else:
        marks = f'<path d="M0 6H{size}M6 0V{size}" stroke="{ink}" stroke-width="3.4"/>'
    return Tile(size, size, marks)


def _polka_dot(inks: Inks, random: Random) -> Tile:
    size = random.choice((18, 24, 30, 36))
    radius = size * random.uniform(0.17, 0.22)
    spots = ((size / 4, size / 4), (size * 3 / 4, size * 3 / 4))
    dots = "".join(f'<circle cx="{x:g}" cy="{y:g}" r="{radius:.1f}"/>' for x, y in spots)
    return Tile(size, size, f'<g fill="{hexadecimal(inks.second)}">{dots}</g>')


def _floral(inks: Inks, random: Random) -> Tile:
    size = random.choice((44, 54))
    green = hexadecimal(mixed((70, 128, 70), inks.main, share=0.2))
    petal, heart = hexadecimal(inks.second), hexadecimal(companion(inks.second, random=random))
    big, small = size * 0.115, size * 0.075
    turns = random.random(), random.random()
    marks = motifs.blossom(size * 0.27, size * 0.28, radius=big, petal=petal, heart=heart, turn=turns[0])
    marks += motifs.blossom(size * 0.76, size * 0.74, radius=big * 0.85, petal=petal, heart=heart, turn=turns[1])
    marks += motifs.blossom(size * 0.76, size * 0.24, radius=small * 0.7, petal=heart, heart=petal, turn=0.3)
    marks += motifs.leaf(size * 0.26, size * 0.62, length=size * 0.2, turn=40, ink=green) + motifs.leaf(
        size * 0.3, size * 0.86, length=size * 0.16, turn=-50, ink=green
    )
    return Tile(size, size, marks)


def _camouflage(inks: Inks, random: Random) -> Tile:
    size = 72
    third = hexadecimal(mixed(inks.main, (196, 178, 140), share=0.55))
    marks = ""
    for ink, count, low, high in (
        (hexadecimal(inks.second), 3, 8, 13),
        (third, 4, 5, 9),
        (hexadecimal(inks.second), 2, 4, 6),
    ):
        for place in range(count):
            blob = motifs.blot(random, radius=random.uniform(low, high))
            x = (place % 2 + random.uniform(0.1, 0.9)) * size / 2
            y = (place // 2 + random.uniform(0.1, 0.9)) * size / 2
            marks += motifs.wrapped(blob, x, y, size=size, reach=high * 2.2, ink=ink)
    return Tile(size, size, marks)


def _zigzag(inks: Inks, random: Random) -> Tile:
    wide, high = random.choice(((24, 20), (30, 24), (36, 28)))
    rise = wide // 3
    line = f"M-2 {high - 4 + 1}L{wide / 2:g} {high - 4 - rise}L{wide + 2} {high - 4 + 1}"
    width = high * random.uniform(0.26, 0.34)
    up = f'<path d="{line}" transform="translate(0 -{high})"/>'
    down = f'<path d="{line}" transform="translate(0 {high})"/>'
    paths = f'{up}<path d="{line}"/>{down}'
    return Tile(
        wide, high, f'<g fill="none" stroke="{hexadecimal(inks.second)}" stroke-width="{width:.1f}">{paths}</g>'
    )


def _herringbone(inks: Inks, random: Random) -> Tile:
    half, pitch = random.choice(((11, 10), (14, 12)))
    lines = ""
    for row in range(-2, 4):
        y = row * pitch
        lines += f"M0 {y}L{half} {y + half}M{half} {y + half - pitch / 2:g}L{2 * half} {y - pitch / 2:g}"
    stroke = f'stroke="{hexadecimal(inks.second)}" stroke-width="{pitch * 0.25:.1f}"'
    return Tile(2 * half, pitch, f'<path d="{lines}" fill="none" {stroke}/>')


def _leopard(inks: Inks, random: Random) -> Tile:
    size, places = 84, 4
    ink, core = hexadecimal(inks.second), hexadecimal(mixed(inks.main, inks.second, share=0.4))
    marks = ""
    for place in range(places * places):
        row, column = divmod(place, places)
        x = (column + (row % 2) * 0.5 + random.uniform(-0.18, 0.18)) * size / places
        y = (row + random.uniform(-0.18, 0.18)) * size / places
        if random.random() < 0.2:
            marks += motifs.wrapped(motifs.blot(random, radius=3.2), x, y, size=size, reach=8, ink=ink)
            continue
        radius = random.uniform(5.6, 7.8)
        marks += motifs.wrapped(motifs.blot(random, radius=radius * 0.8), x, y, size=size, reach=12, ink=core)
        start = random.uniform(0, 2 * math.pi)
        for piece in range(3):
            angle = start + 2 * math.pi * (piece + random.uniform(-0.12, 0.12)) / 3
            claw = motifs.claw(angle, radius=radius * random.uniform(0.85, 1.15), span=random.uniform(0.6, 0.9))
            marks += motifs.wrapped(claw, x, y, size=size, reach=12, ink=ink)
    return Tile(size, size, marks)


def _star(inks: Inks, random: Random) -> Tile:
    size = random.choice((34, 42))
    big, small = size * 0.2, size * 0.13
    paths = motifs.star(size * 0.27, size * 0.28, radius=big) + motifs.star(
        size * 0.76, size * 0.76, radius=random.choice((big, small))
    )
    return Tile(size, size, f'<path d="{paths}" fill="{hexadecimal(inks.second)}"/>')


def _heart(inks: Inks, random: Random) -> Tile:
    size = random.choice((30, 38))
    paths = motifs.heart(size * 0.26, size * 0.27, radius=size * 0.2) + motifs.heart(
        size * 0.76, size * 0.77, radius=size * 0.2
    )
    return Tile(size, size, f'<path d="{paths}" fill="{hexadecimal(inks.second)}"/>')


def _leaf_print(inks: Inks, random: Random) -> Tile:
    size = random.choice((50, 60))
    ink, vein = hexadecimal(inks.second), hexadecimal(inks.main)
    marks = ""
    for x, y, turn in ((0.27, 0.28, 35), (0.75, 0.3, -40), (0.3, 0.78, -30), (0.77, 0.78, 50)):
        marks += motifs.leaf(
            size * x, size * y, length=size * 0.4, turn=turn + random.uniform(-12, 12), ink=ink, vein=vein
        )
    return Tile(size, size, marks)


_TILES: dict[Pattern, Callable[[Inks, Random], Tile]] = {
    Pattern.STRIPED: _striped,
    Pattern.CHECKED: _checked,
    Pattern.POLKA_DOT: _polka_dot,
    Pattern.FLORAL: _floral,
    Pattern.CAMOUFLAGE: _camouflage,
    Pattern.ZIGZAG: _zigzag,
    Pattern.HERRINGBONE: _herringbone,
    Pattern.LEOPARD: _leopard,
    Pattern.STAR: _star,
    Pattern.HEART: _heart,
    Pattern.LEAF: _leaf_print,
}
