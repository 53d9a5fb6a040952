"""Silhouettes of sweaters, cardigans and hoodies."""

from dataclasses import replace

from demo.garment import Garment
from demo.silhouettes.bodice import (
    NECK_TOP,
    Cut,
    bodice,
    fit,
    knitted,
)
from demo.silhouettes.cloth import (
    AXIS,
    button,
    closed,
    fold,
    line,
    panel,
    ribs,
    seam,
    stitch,
    stroke,
    twin,
)


def sweater(garment: Garment) -> str:
    """A knitted pullover: crew, V or roll neck."""
    shoulder, chest, waist, hem = fit(garment, roomy=4)
    style = garment.choose(1, ("crew", "vee", "roll"))
    cut = Cut(
        neck=26,
        drop={"crew": 20, "vee": 44, "roll": 14}[style],
        vee=style == "vee",
        shoulder=shoulder,
        chest=chest,
        waist=waist,
        hem_width=hem - 2,
        hem=garment.vary(2, 252, 266),
        reach=garment.vary(3, 228, 242),
        looseness=2,
    )
    band = garment.choose(4, (garment.tones.dark, garment.tones.dark, garment.trim.base))
    parts = [bodice(garment, cut), _knit(garment, cut), knitted(garment, cut, band=band)]
    if style == "roll":
        roll = closed((0, 40), (20, 40, 24, 42, 25, 46), (27, 56, 28, 62, 28, 68), (16, 78, 8, 78, 0, 78))
        parts += [panel(garment, roll, fill=garment.tones.dark)]
        parts.append(
            ribs(line((-27, 58), (-14, 62, 14, 62, 27, 58)), colour=garment.tones.line, width=32, opacity=0.35)
        )
    return "".join(parts)


def cardigan(garment: Garment) -> str:
    """A knitted jacket with a button band."""
    shoulder, chest, waist, hem = fit(garment, roomy=3)
    cut = Cut(
        neck=26,
        drop=garment.vary(1, 62, 92),
        vee=True,
        shoulder=shoulder,
        chest=chest,
        waist=waist,
        hem_width=hem - 1,
        hem=garment.vary(2, 254, 272),
        reach=garment.vary(3, 230, 242),
        looseness=2,
    )
    bottom = NECK_TOP + cut.drop
    fill = garment.choose(4, ("#8a5a34", garment.trim.base, "#f1e9d8"))
    band = garment.choose(5, (garment.tones.dark, garment.trim.base))
    front = f"M{AXIS:g} {bottom - 6:g}V{cut.hem + 5:g}"
    pockets = twin((18, 214), (50, 214), (50, 244), (18, 244))
    parts = [bodice(garment, cut), _knit(garment, cut), knitted(garment, cut, band=band)]
    parts += [
        panel(garment, pockets, width=1),
        stroke(twin((18, 216), (50, 216), shut=False), colour=band, width=6, cap="butt"),
    ]
    parts += [
        stroke(front, colour=band, width=15, cap="butt"),
        ribs(front, colour=garment.tones.line, width=15, opacity=0.3),
    ]
    parts.append(seam(garment, f"M{AXIS + 7.5:g} {bottom - 2:g}V{cut.hem + 5:g}"))
    step = (cut.hem - bottom - 20) / 4
    parts += [button(AXIS, bottom + 8 + step * row, fill=fill, radius=4.4) for row in range(5)]
    return "".join(parts)


def hoodie(garment: Garment) -> str:
    """A hooded sweatshirt with a kangaroo pocket and drawstrings."""
    shoulder, chest, waist, hem = fit(garment, roomy=5)
    cut = Cut(
        neck=30,
        drop=26,
        shoulder=shoulder,
        chest=chest,
        waist=waist,
        hem_width=hem - 3,
        hem=garment.vary(1, 256, 270),
        reach=garment.vary(2, 230, 242),
        looseness=3,
    )
    top = garment.vary(3, 22, 30)
    hood = closed((0, top), (30, top, 44, 44, 42, 66), (40, 84, 20, 98, 0, 100))
    hollow = closed((0, top + 14), (20, top + 14, 28, 50, 26, 66), (22, 80, 12, 92, 0, 94))
    pocket = closed((0, 186), (32, 186), (46, 216), (46, 238), (0, 240))
    cord = garment.choose(4, ("#f4f1ea", garment.trim.base))
    strings = twin((14, 84), (17, 100, 16, 116, 18, garment.vary(5, 130, 146)), shut=False)
    return "".join(
        (
            bodice(garment, cut),
            fold(line((-44, 72), (-36, 96, -18, 108, 0, 109), (18, 108, 36, 96, 44, 72)), width=7, opacity=0.12),
            panel(garment, hood),
            panel(garment, hollow, fill=garment.tones.deep),
            fold(
                closed((0, top + 18), (14, top + 18, 20, 52, 18, 66), (14, 76, 8, 84, 0, 86)),
                width=8,
                opacity=0.16,
            ),
            stitch(garment, closed((0, top + 8), (26, top + 8, 34, 48, 32, 66), (29, 84, 16, 94, 0, 97))),
            panel(garment, pocket),
            stitch(garment, twin((30, 190), (43, 216), (43, 236), shut=False)),
            fold(twin((33, 188), (46, 217), shut=False), width=4, opacity=0.14),
            knitted(garment, _without_neck(cut), band=garment.tones.dark),
            stroke(strings, colour="#140c28", width=4.4, opacity=0.18),
            stroke(strings, colour=cord, width=3),
        )
    )


def _without_neck(cut: Cut) -> Cut:
    return replace(cut, neck=0, drop=34)


def _knit(garment: Garment, cut: Cut) -> str:
    if not garment.plain:
        return ""
    if garment.choose(9, (True, False)):
        columns = twin((14, 104), (14, cut.hem - 14), shut=False) + twin((30, 96), (30, cut.hem - 14), shut=False)
        cables = stroke(columns, colour=garment.tones.line, width=7, opacity=0.3, dash="5 3", cap="butt")
        return cables + seam(garment, columns, opacity=0.25)
    rows = "".join(line((-cut.waist + 6, y), (cut.waist - 6, y)) for y in range(112, int(cut.hem) - 16, 9))
    return stroke(rows, colour=garment.tones.line, width=3, opacity=0.22, dash="3 3", cap="butt")
