"""Silhouettes of handbags and tote bags."""

from demo.garment import Garment
from demo.silhouettes.cloth import (
    AXIS,
    box,
    closed,
    disc,
    fold,
    line,
    panel,
    seam,
    shine,
    stitch,
    stroke,
    twin,
)


def handbag(garment: Garment) -> str:
    """A structured handbag with an arched handle, a flap or zip and metal hardware."""
    top = garment.vary(0, 132, 148)
    wide = garment.vary(1, 88, 104)
    low = garment.vary(2, 252, 268)
    arch = garment.vary(3, 42, 66)
    flap = garment.choose(4, (True, False))
    handle = line((-48, top + 14), (-48, arch, -26, arch - 8, 0, arch - 8), (26, arch - 8, 48, arch, 48, top + 14))
    body = closed(
        (0, top),
        (wide - 22, top),
        (wide - 12, top, wide - 10, top + 6, wide - 8, top + 14),
        (wide, low - 14),
        (wide, low, wide - 8, low, wide - 16, low),
        (0, low),
    )
    parts = [
        stroke(handle, colour=garment.tones.deep, width=11),
        stroke(handle, colour=garment.tones.dark, width=8.6),
        shine(handle, width=2, opacity=0.25),
        panel(garment, body),
        stitch(
            garment,
            closed((0, top + 6), (wide - 22, top + 6), (wide - 8, low - 16), (wide - 16, low - 6), (0, low - 6)),
        ),
    ]
    if flap:
        cover = closed(
            (0, top),
            (wide - 22, top),
            (wide - 12, top, wide - 10, top + 6, wide - 8, top + 14),
            (wide - 8, top + 46, wide - 44, top + 72, 0, top + 74),
        )
        parts += [
            fold(
                line(
                    (-wide + 8, top + 20),
                    (-wide + 10, top + 50, -wide + 46, top + 78, 0, top + 80),
                    (wide - 46, top + 78, wide - 10, top + 50, wide - 8, top + 20),
                ),
                width=7,
                opacity=0.13,
            )
        ]
        parts += [
            panel(garment, cover),
            stitch(
                garment,
                line(
                    (-wide + 14, top + 16),
                    (-wide + 14, top + 44, -wide + 48, top + 66, 0, top + 68),
                    (wide - 48, top + 66, wide - 14, top + 44, wide - 14, top + 16),
                ),
            ),
        ]
        parts += [
            box(AXIS - 12, top + 58, 24, 26, fill=garment.metal, radius=5, edge="#00000066"),
            disc(AXIS, top + 71, radius=4, fill="#3a332b"),
        ]
    else:
        parts += [
            seam(garment, line((-wide + 10, top + 22), (0, top + 26), (wide - 10, top + 22))),
            seam(garment, twin((wide - 32, top + 4), (wide - 26, low), shut=False)),
        ]
        parts += [
            panel(garment, closed((0, top + 60), (40, top + 60), (42, low - 16), (0, low - 14)), width=1),
            stitch(garment, line((-40, top + 66), (40, top + 66))),
        ]
        charm = f"M{AXIS - 48:g} {top + 22:g}l-5 34"
        parts += [
            stroke(charm, colour=garment.metal, width=2),
            disc(AXIS - 54, top + 62, radius=8, fill=garment.trim.base, edge=garment.trim.edge),
        ]
    for x in (-48, 48):
        parts.append(box(AXIS + x - 8, top + 4, 16, 20, fill=garment.tones.dark, radius=4, edge=garment.tones.edge))
        parts.append(
            f'<circle cx="{AXIS + x:g}" cy="{top + 4:g}" r="6.4" fill="none" '
            f'stroke="{garment.metal}" stroke-width="3.4"/>'
        )
    parts.append(shine(line((-wide + 20, top + 40), (-wide + 16, low - 40)), width=8, opacity=0.12))
    return "".join(parts)


def tote_bag(garment: Garment) -> str:
    """A soft open bag with two long handles."""
    top, low = garment.vary(0, 118, 134), garment.vary(1, 276, 290)
    wide = garment.vary(2, 76, 92)
    rise = garment.vary(3, 26, 48)
    body = closed(
        (0, top + 3),
        (wide * 0.5, top + 4, wide * 0.8, top + 2, wide, top),
        (wide + 2, top + 60, wide - 1, low - 50, wide + 2, low - 6),
        (wide * 0.6, low + 2, wide * 0.3, low + 2, 0, low + 2),
    )
    back = line((-34, top + 6), (-32, rise - 6, 32, rise - 6, 34, top + 6))
    front = line(
        (-40, top + 36),
        (-40, rise + 2, -22, rise + 8, 0, rise + 8),
        (22, rise + 8, 40, rise + 2, 40, top + 36),
    )
    strap = garment.choose(4, (garment.tones.dark, garment.trim.base))
    parts = [
        stroke(back, colour=garment.tones.deep, width=9),
        panel(
            garment,
            closed((0, top - 6), (wide * 0.5, top - 6, wide * 0.8, top - 4, wide, top), (0, top + 8)),
            fill=garment.tones.deep,
        ),
        panel(garment, body),
        stitch(garment, line((-wide, top + 12), (0, top + 15), (wide, top + 12))),
        fold(
            twin(
                (wide - 12, top + 40),
                (wide - 20, top + 90, wide - 14, low - 50, wide - 22, low - 14),
                shut=False,
            ),
            width=9,
            opacity=0.08,
        ),
        fold(front, width=12, opacity=0.1),
        stroke(front, colour=garment.tones.edge, width=10.5),
        stroke(front, colour=strap, width=8.4),
        "".join(stitch(garment, f"M{AXIS + x - 4:g} {top + 18:g}h8v16h-8zl8 16m0 -16l-8 16") for x in (-40, 40)),
    ]
    mark = garment.choose(5, ("none", "patch", "ring"))
    if garment.plain and mark == "patch":
        parts += [
            box(AXIS - 20, top + 64, 40, 28, fill=garment.trim.base, radius=3, edge=garment.trim.edge),
            stroke(
                f"M{AXIS - 12:g} {top + 74:g}h24M{AXIS - 12:g} {top + 82:g}h16",
                colour=garment.trim.line,
                width=2.4,
            ),
        ]
    elif garment.plain and mark == "ring":
        parts.append(
            f'<circle cx="{AXIS:g}" cy="{top + 88:g}" r="26" fill="none" '
            f'stroke="{garment.trim.base}" stroke-width="5"/>'
        )
        parts.append(
            stroke(
                line((-12, top + 96), (-4, top + 80), (2, top + 90), (12, top + 76)),
                colour=garment.trim.base,
                width=5,
            )
        )
    return "".join(parts)
