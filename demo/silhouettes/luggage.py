"""Silhouettes of luggage: duffel bags, suitcases, backpacks."""

from demo.garment import Garment
from demo.silhouettes.cloth import (
    AXIS,
    box,
    closed,
    disc,
    fold,
    line,
    panel,
    shine,
    stitch,
    stroke,
    twin,
)


def duffel_bag(garment: Garment) -> str:
    """A barrel-shaped sports or weekend bag with two handles."""
    top, low = garment.vary(0, 122, 134), garment.vary(1, 232, 244)
    wide = garment.vary(2, 112, 122)
    rise = garment.vary(3, 70, 92)
    body = closed(
        (0, top),
        (wide - 30, top),
        (wide - 4, top + 2, wide, top + 34, wide, top + 60),
        (wide, low - 8, wide - 6, low, wide - 30, low),
        (0, low),
    )
    ends = twin(
        (wide - 30, top),
        (wide - 4, top + 2, wide, top + 34, wide, top + 60),
        (wide, low - 8, wide - 6, low, wide - 30, low),
        (wide - 22, low - 40, wide - 22, top + 40, wide - 30, top),
    )
    handles = line(
        (-46, low - 2),
        (-48, top + 20),
        (-44, rise, -20, rise - 4, 0, rise - 4),
        (20, rise - 4, 44, rise, 48, top + 20),
        (46, low - 2),
    )
    strap = garment.choose(4, (garment.tones.deep, garment.trim.base))
    return "".join(
        (
            stroke(
                line((-38, top + 6), (-34, rise + 8, 34, rise + 8, 38, top + 6)),
                colour=garment.tones.deep,
                width=8,
            ),
            panel(garment, body),
            stroke(
                line((-wide + 34, top + 7), (wide - 34, top + 7)),
                colour=garment.tones.deep,
                width=6,
                opacity=0.7,
            ),
            stroke(
                line((-wide + 34, top + 7), (wide - 34, top + 7)),
                colour="#d9dadd",
                width=2.6,
                dash="1.6 1.6",
                cap="butt",
            ),
            fold(
                twin(
                    (wide - 34, top + 4),
                    (wide - 26, top + 40, wide - 26, low - 40, wide - 34, low - 4),
                    shut=False,
                ),
                width=7,
                opacity=0.12,
            ),
            panel(garment, ends, fill=garment.choose(5, (garment.tones.dark, garment.trim.base))),
            panel(garment, closed((0, top + 44), (36, top + 44), (36, low - 14), (0, low - 14)), width=1),
            stitch(garment, line((-36, top + 52), (36, top + 52))),
            fold(handles, width=12, opacity=0.12),
            stroke(handles, colour=garment.tones.edge, width=9.6),
            stroke(handles, colour=strap, width=7.6),
            box(AXIS - 16, rise - 10, 32, 13, fill=garment.tones.dark, radius=5, edge=garment.tones.edge),
            "".join(
                box(AXIS + x - 6, top + 34, 12, 9, fill=garment.metal, radius=2, edge="#00000066") for x in (-48, 48)
            ),
            shine(line((-wide + 44, top + 20), (-60, top + 20)), width=6, opacity=0.16),
        )
    )


def suitcase(garment: Garment) -> str:
    """A hard cabin case with ribs, a telescopic handle and four wheels."""
    wide = garment.vary(0, 66, 80)
    top, low = garment.vary(1, 92, 112), 272.0
    ribbed = garment.choose(2, ("vertical", "horizontal", "none"))
    pull = (
        f"M{AXIS - 26:g} {top:g}V34Q{AXIS - 26:g} 26 {AXIS - 18:g} 26H{AXIS + 18:g}"
        f"Q{AXIS + 26:g} 26 {AXIS + 26:g} 34V{top:g}"
    )
    body = closed(
        (0, top),
        (wide - 20, top),
        (wide - 4, top, wide, top + 6, wide, top + 20),
        (wide, low - 20),
        (wide, low - 6, wide - 4, low, wide - 20, low),
        (0, low),
    )
    parts = [
        stroke(pull, colour="#55585e", width=7),
        stroke(pull, colour="#c9ccd2", width=3.6),
        box(AXIS - 24, 21, 48, 13, fill="#2e2f33", radius=6),
        "".join(
            box(AXIS + x - 9, low - 4, 18, 12, fill="#3a3b40", radius=3)
            + disc(AXIS + x, low + 11, radius=9, fill="#232326", edge="#00000088")
            + disc(AXIS + x, low + 11, radius=3.4, fill="#b9bcc2")
            for x in (-wide + 18, wide - 18)
        ),
        panel(garment, body),
    ]
    if ribbed == "vertical":
        for x in (0.18, 0.5, 0.8):
            groove = twin((wide * x, top + 12), (wide * x, low - 12), shut=False)
            parts += [
                fold(groove, width=6, opacity=0.16),
                shine(
                    twin((wide * x + 4.5, top + 14), (wide * x + 4.5, low - 14), shut=False),
                    width=2,
                    opacity=0.25,
                ),
            ]
    elif ribbed == "horizontal":
        for y in range(int(top) + 28, int(low) - 16, 26):
            parts += [
                fold(line((-wide + 8, y), (wide - 8, y)), width=6, opacity=0.16),
                shine(line((-wide + 10, y + 5), (wide - 10, y + 5)), width=2, opacity=0.25),
            ]
    parts += [
        stroke(line((-wide, (top + low) / 2), (wide, (top + low) / 2)), colour=garment.tones.deep, width=3.4)
        if ribbed == "none"
        else "",
        stroke(
            line((-20, top + 4), (-18, top - 10, 18, top - 10, 20, top + 4)),
            colour=garment.tones.deep,
            width=7,
        ),
        "".join(
            panel(garment, path, fill=garment.tones.dark, width=1)
            for path in (
                twin(
                    (wide - 1, top + 26),
                    (wide - 18, top + 22),
                    (wide - 22, top + 1),
                    (wide - 6, top + 2, wide, top + 8, wide, top + 20),
                ),
                twin(
                    (wide - 1, low - 26),
                    (wide - 18, low - 22),
                    (wide - 22, low - 1),
                    (wide - 6, low - 2, wide, low - 8, wide, low - 20),
                ),
            )
        ),
        box(AXIS - 15, top + 16, 30, 14, fill=garment.metal, radius=3, edge="#00000066"),
        stroke(f"M{AXIS - 8:g} {top + 23:g}h16", colour="#3a3b40", width=2.4),
        shine(line((-wide + 11, top + 34), (-wide + 11, low - 34)), width=7, opacity=0.22),
    ]
    return "".join(parts)


def backpack(garment: Garment) -> str:
    """A backpack with a top handle, side pockets, straps and a zipped front pocket."""
    wide = garment.vary(0, 76, 88)
    top = garment.vary(1, 52, 64)
    panelled = garment.choose(2, (True, False))
    front = garment.tones.dark if panelled else None
    body = closed(
        (0, top),
        (50, top),
        (wide, top + 4, wide, top + 56, wide, top + 84),
        (wide + 4, 252),
        (wide + 4, 276, wide - 12, 280, wide - 24, 280),
        (0, 281),
    )
    pocket = closed(
        (0, 182),
        (wide - 32, 182),
        (wide - 18, 184, wide - 17, 194, wide - 17, 204),
        (wide - 14, 258),
        (wide - 14, 268, wide - 22, 270, wide - 30, 270),
        (0, 271),
    )
    zip_line = line(
        (-wide + 12, 150),
        (-wide + 12, top + 40, -50, top + 18, 0, top + 18),
        (50, top + 18, wide - 12, top + 40, wide - 12, 150),
    )
    straps = twin(
        (34, top + 4),
        (wide + 12, top + 20, wide + 26, 150, wide + 18, 236),
        (wide + 6, 240),
        (wide + 4, 150, wide - 10, top + 40, 24, top + 12),
    )
    sides = twin((wide + 1, 186), (wide + 18, 190), (wide + 18, 256), (wide + 14, 272, wide + 8, 274, wide - 2, 274))
    return "".join(
        (
            stroke(
                line((-20, top + 6), (-20, top - 26, 20, top - 26, 20, top + 6)),
                colour=garment.tones.deep,
                width=9,
            ),
            panel(garment, straps, fill=garment.tones.deep),
            panel(garment, sides, fill=garment.tones.dark),
            panel(garment, body),
            stroke(zip_line, colour=garment.tones.deep, width=5, opacity=0.7),
            stroke(zip_line, colour="#d9dadd", width=2.4, dash="1.6 1.6", cap="butt"),
            box(AXIS + wide - 15, 138, 6, 16, fill=garment.metal, radius=2.5, edge="#00000055"),
            fold(pocket, width=7, opacity=0.1),
            panel(garment, pocket, fill=front),
            stroke(line((-wide + 30, 194), (wide - 30, 194)), colour=garment.tones.deep, width=4.6, opacity=0.8),
            stroke(
                line((-wide + 30, 194), (wide - 30, 194)),
                colour="#d9dadd",
                width=2.2,
                dash="1.6 1.6",
                cap="butt",
            ),
            box(AXIS - wide + 34, 194, 6, 16, fill=garment.metal, radius=2.5, edge="#00000055"),
            stitch(
                garment,
                line(
                    (-wide + 24, 204),
                    (-wide + 22, 258),
                    (-wide + 26, 264),
                    (wide - 26, 264),
                    (wide - 22, 258),
                    (wide - 24, 204),
                ),
            ),
            box(AXIS - 17, 136, 34, 24, fill=garment.trim.base, radius=4, edge=garment.trim.edge),
            stroke(f"M{AXIS - 9:g} 145h18M{AXIS - 9:g} 151h12", colour=garment.trim.line, width=2),
            shine(line((-wide + 16, top + 60), (-wide + 14, 170)), width=9, opacity=0.1),
        )
    )
