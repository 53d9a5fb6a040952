"""Motifs that patterns are printed from: flowers, leaves, blots, stars and hearts.

All measures are SVG units; inks are SVG paints.
"""

import math
from random import Random


def blossom(x: float, y: float, *, radius: float, petal: str, heart: str, turn: float) -> str:
    """A flower of five petals at (x, y), turned by `turn` petals."""
    spots = ""
    for step in range(5):
        angle = 2 * math.pi * (step + turn) / 5
        spots += (
            f'<circle cx="{x + radius * math.cos(angle):.1f}" '
            f'cy="{y + radius * math.sin(angle):.1f}" r="{radius * 0.72:.1f}"/>'
        )
    return f'<g fill="{petal}">{spots}</g><circle cx="{x:.1f}" cy="{y:.1f}" r="{radius * 0.5:.1f}" fill="{heart}"/>'


def leaf(x: float, y: float, *, length: float, turn: float, ink: str, vein: str | None = None) -> str:
    """A leaf about (x, y), turned by `turn` degrees, with a middle vein at will."""
    half, wide = length / 2, length * 0.32
    body = (
        f'<path d="M0 {-half:.1f}C{wide:.1f} {-half * 0.4:.1f} {wide:.1f} {half * 0.5:.1f} 0 '
        f"{half:.1f}C{-wide:.1f} {half * 0.5:.1f} {-wide:.1f} {-half * 0.4:.1f} 0 {-half:.1f}"
        f'Z" fill="{ink}"/>'
    )
    middle = f'<path d="M0 {-half * 0.7:.1f}V{half:.1f}" stroke="{vein}" stroke-width="1.6"/>' if vein else ""
    return f'<g transform="translate({x:.1f} {y:.1f}) rotate({turn:.0f})">{body}{middle}</g>'


def blot(random: Random, *, radius: float) -> str:
    """Path data of an irregular soft blot about the origin, wider than high."""
    count = 9
    points = []
    for step in range(count):
        reach = radius * random.uniform(0.5, 1.4)
        angle = 2 * math.pi * step / count
        points.append((reach * 1.5 * math.cos(angle), reach * math.sin(angle)))
    middles = [((a + c) / 2, (b + d) / 2) for (a, b), (c, d) in zip(points, points[1:] + points[:1], strict=True)]
    path = f"M{middles[-1][0]:.1f} {middles[-1][1]:.1f}"
    for point, middle in zip(points, middles, strict=True):
        path += f"Q{point[0]:.1f} {point[1]:.1f} {middle[0]:.1f} {middle[1]:.1f}"
    return path + "Z"


def claw(angle: float, *, radius: float, span: float) -> str:
    """Path data of a crescent about the origin: one piece of a leopard's rosette, at `angle` radians."""

    def at(turn: float, reach: float) -> str:
        return f"{1.25 * reach * math.cos(angle + turn):.1f} {reach * math.sin(angle + turn):.1f}"

    return f"M{at(-span, radius)}Q{at(0, radius * 2)} {at(span, radius)}Q{at(0, radius * 0.7)} {at(-span, radius)}Z"


def wrapped(path: str, x: float, y: float, *, size: int, reach: float, ink: str) -> str:
    """The path at (x, y) and wherever else it crosses the tile's edge."""
    copies = ""
    for shift_x in (-size, 0, size):
        for shift_y in (-size, 0, size):
            at_x, at_y = x + shift_x, y + shift_y
            if -reach < at_x < size + reach and -reach < at_y < size + reach:
                copies += f'<path d="{path}" transform="translate({at_x:.1f} {at_y:.1f})" fill="{ink}"/>'
    return copies


def star(x: float, y: float, *, radius: float) -> str:
    """Path data of a five-pointed star at (x, y)."""
    points = []
    for step in range(10):
        reach = radius if step % 2 == 0 else radius * 0.42
        angle = math.pi * step / 5 - math.pi / 2
        points.append(f"{x + reach * math.cos(angle):.1f} {y + reach * math.sin(angle):.1f}")
    return "M" + "L".join(points) + "Z"


def heart(x: float, y: float, *, radius: float) -> str:
    """Path data of a heart at (x, y)."""
    r = radius
    return (
        f"M{x:.1f} {y + r:.1f}C{x - 1.5 * r:.1f} {y:.1f} {x - r:.1f} {y - 1.1 * r:.1f} {x:.1f} "
        f"{y - 0.35 * r:.1f}"
        f"C{x + r:.1f} {y - 1.1 * r:.1f} {x + 1.5 * r:.1f} {y:.1f} {x:.1f} {y + r:.1f}Z"
    )
