"""Silhouettes of watches."""

import math

from demo.garment import Garment
from demo.silhouettes.cloth import (
    AXIS,
    box,
    closed,
    disc,
    panel,
    shape,
    shine,
    stitch,
    stroke,
    twin,
)


def watch(garment: Garment) -> str:
    """A wristwatch: strap above and below, metal case, dial with hands."""
    half = garment.vary(0, 25, 30)
    size = garment.vary(1, 50, 60)
    square = garment.choose(2, (False, False, True))
    dial = garment.choose(3, ("#fbfaf6", garment.tones.light, garment.tones.deep))
    ink = "#fbfaf6" if dial == garment.tones.deep else "#2a2b30"
    hour, minute = garment.variation[4] * 2 * math.pi, garment.variation[5] * 2 * math.pi
    upper = closed((0, 20), (half - 8, 20), (half - 3, 20, half - 2, 24, half - 2, 28), (half + 2, 122), (0, 122))
    lower = closed((0, 198), (half + 2, 198), (half - 3, 288), (half - 6, 302, 8, 306, 0, 306))
    parts = [panel(garment, upper), panel(garment, lower)]
    parts += [
        stitch(garment, twin((half - 6, 34), (half - 3, 108), shut=False)),
        stitch(garment, twin((half - 3, 212), (half - 8, 284), shut=False)),
    ]
    parts.append(
        f'<rect x="{AXIS - half - 1:g}" y="16" width="{2 * half + 2:g}" height="15" rx="4" '
        f'fill="none" stroke="{garment.metal}" stroke-width="4.4"/>'
    )
    parts += [disc(AXIS, y, radius=2.6, fill=garment.tones.deep) for y in (236, 252, 268, 284)]
    parts.append(shape(closed((0, 96), (half + 5, 96), (half + 9, 160), (half + 5, 224), (0, 224)), fill=garment.metal))
    parts.append(box(AXIS + size + 1, 153, 10, 15, fill=garment.metal, radius=3, edge="#00000077"))
    if square:
        parts.append(box(AXIS - size, 160 - size, 2 * size, 2 * size, fill=garment.metal, radius=16, edge="#00000088"))
        parts.append(
            box(
                AXIS - size + 8,
                168 - size,
                2 * size - 16,
                2 * size - 16,
                fill=dial,
                radius=10,
                edge="#00000077",
            )
        )
    else:
        parts += [
            disc(AXIS, 160, radius=size + 1, fill=garment.metal, edge="#00000088"),
            disc(AXIS, 160, radius=size - 8, fill=dial, edge="#00000077"),
        ]
    face = size - 14
    marks = "".join(
        (
            f"M{AXIS + math.sin(angle) * face:.1f} {160 - math.cos(angle) * face:.1f}"
            f"L{AXIS + math.sin(angle) * (face - 7):.1f} {160 - math.cos(angle) * (face - 7):.1f}"
        )
        for angle in (math.pi * step / 6 for step in range(12))
    )
    hands = [(hour, face * 0.5, 4.4), (minute, face * 0.76, 3.0)]
    parts.append(stroke(marks, colour=ink, width=2.4, cap="butt"))
    parts += [
        stroke(
            f"M{AXIS:g} 160L{AXIS + math.sin(angle) * reach:.1f} {160 - math.cos(angle) * reach:.1f}",
            colour=ink,
            width=width,
        )
        for angle, reach, width in hands
    ]
    parts += [
        disc(AXIS, 160, radius=4, fill=garment.trim.base),
        shine(
            (
                f"M{AXIS - size * 0.6:g} {160 - size * 0.3:g}"
                f"Q{AXIS - size * 0.4:g} {160 - size * 0.62:g} {AXIS:g} {160 - size * 0.68:g}"
            ),
            width=5,
            opacity=0.3,
        ),
    ]
    return "".join(parts)
