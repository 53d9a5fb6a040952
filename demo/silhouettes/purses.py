"""Silhouettes of clutches and wallets."""

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


def clutch(garment: Garment) -> str:
    """A flat evening clutch: an envelope or a framed purse, with a clasp and wrist chain."""
    top, low = garment.vary(0, 106, 118), garment.vary(1, 220, 236)
    wide = garment.vary(2, 108, 120)
    tip = garment.vary(3, 176, 194)
    body = closed(
        (0, top),
        (wide - 8, top),
        (wide, top, wide, top + 4, wide, top + 10),
        (wide + 1, low - 10),
        (wide, low, wide - 6, low, wide - 12, low),
        (0, low),
    )
    chain = (
        f"M{AXIS + wide - 4:g} {top + 16:g}C{AXIS + wide + 34:g} {top + 60:g} "
        f"{AXIS + wide - 6:g} {low + 30:g} {AXIS + wide - 40:g} {low + 34:g}"
    )
    parts = [
        stroke(chain, colour="#00000055", width=5, dash="1 6"),
        stroke(chain, colour=garment.metal, width=4.4, dash="1 6"),
        panel(garment, body),
        stitch(garment, closed((0, top + 7), (wide - 8, top + 7), (wide - 6, low - 8), (0, low - 7))),
    ]
    if garment.choose(4, (True, True, False)):
        parts += [
            fold(line((-wide, top + 12), (0, tip + 9), (wide, top + 12)), width=8, opacity=0.13),
            panel(
                garment,
                closed(
                    (0, top),
                    (wide - 6, top),
                    (wide, top + 8),
                    (8, tip - 2),
                    (4, tip + 2, 2, tip + 2, 0, tip + 2),
                ),
            ),
        ]
        parts += [
            seam(garment, line((-wide + 14, top + 8), (0, tip - 8), (wide - 14, top + 8)), opacity=0.6),
            disc(AXIS, tip - 8, radius=9, fill=garment.metal, edge="#00000066"),
            disc(AXIS, tip - 8, radius=4, fill=garment.trim.base),
        ]
    else:
        frame = line(
            (-wide + 2, top + 10),
            (-wide + 4, top - 4, -wide + 10, top - 4, 0, top - 4),
            (wide - 10, top - 4, wide - 4, top - 4, wide - 2, top + 10),
        )
        parts += [
            stroke(frame, colour="#00000066", width=10),
            stroke(frame, colour=garment.metal, width=8),
            disc(AXIS - 7, top - 12, radius=7, fill=garment.metal, edge="#00000066"),
            disc(AXIS + 7, top - 14, radius=7, fill=garment.metal, edge="#00000066"),
        ]
        parts += [
            fold(twin((20, top + 6), (26, top + 40), shut=False), width=7),
            fold(twin((60, top + 6), (70, top + 36), shut=False), width=7),
        ]
    parts.append(shine(line((-wide + 14, top + 60), (-wide + 16, low - 20)), width=9, opacity=0.16))
    return "".join(parts)


def wallet(garment: Garment) -> str:
    """A folded wallet with stitched edges, cards that peep out and a snap or an emblem."""
    top, low = garment.vary(0, 102, 112), garment.vary(1, 224, 236)
    wide = garment.vary(2, 92, 108)
    cards = "".join(
        box(
            AXIS - wide + 18 + 9 * row,
            top - 20 + 8 * row,
            wide * 1.35,
            40,
            fill=fill,
            radius=5,
            edge="#00000033",
        )
        for row, fill in enumerate(("#f4efe4", garment.trim.base, "#dfe3e8"))
    )
    body = closed(
        (0, top),
        (wide - 8, top),
        (wide, top, wide, top + 2, wide, top + 10),
        (wide, low - 10),
        (wide, low, wide - 4, low, wide - 10, low),
        (0, low),
    )
    snap = garment.choose(3, (True, False))
    parts = [
        cards,
        panel(
            garment,
            closed((0, top - 5), (wide - 10, top - 5), (wide - 2, top + 4), (0, top + 14)),
            fill=garment.tones.deep,
        ),
        panel(garment, body),
        stitch(garment, closed((0, top + 6), (wide - 8, top + 6), (wide - 6, low - 7), (0, low - 7)), width=1.5),
        seam(garment, line((-wide, top + 42), (wide, top + 42)), opacity=0.55),
    ]
    if snap:
        tab = (
            f"M{AXIS + wide + 3:g} {top + 46:g}H{AXIS + wide - 44:g}"
            f"Q{AXIS + wide - 58:g} {top + 62:g} {AXIS + wide - 44:g} {top + 78:g}"
            f"H{AXIS + wide + 3:g}Z"
        )
        parts += [
            fold(tab, width=6, opacity=0.12),
            panel(garment, tab, fill=garment.tones.dark),
            disc(AXIS + wide - 38, top + 62, radius=6.4, fill=garment.metal, edge="#00000066"),
        ]
    else:
        parts += [box(AXIS + wide - 46, low - 38, 28, 16, fill=garment.metal, radius=3, edge="#00000055")]
    parts.append(shine(line((-wide + 16, top + 58), (-wide + 14, low - 22)), width=9, opacity=0.14))
    return "".join(parts)
