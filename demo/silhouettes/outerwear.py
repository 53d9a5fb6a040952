"""Silhouettes worn over others: jackets, coats, tailoring."""

from demo.garment import Garment
from demo.silhouettes.bodice import NECK_TOP, Cut, bodice, cuff_line, fit, hem_line, knitted
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
    zipper,
)


def jacket(garment: Garment) -> str:
    """A zipped jacket: a bomber with ribbed bands or a quilted puffer."""
    shoulder, chest, waist, hem = fit(garment, roomy=6)
    puffer = garment.choose(1, (False, True))
    cut = Cut(
        neck=25,
        drop=16,
        shoulder=shoulder,
        chest=chest,
        waist=waist,
        hem_width=hem - 4,
        hem=garment.vary(2, 244, 260),
        reach=garment.vary(3, 228, 238),
        looseness=4,
    )
    parts = [bodice(garment, cut)]
    if puffer:
        for y in range(104, int(cut.hem) - 10, 27):
            row = line((-cut.waist + 1, y), (-30, y + 6, 30, y + 6, cut.waist - 1, y))
            parts += [fold(row, width=7, opacity=0.1), seam(garment, row)]
            if y > 110:
                arm = twin(
                    (cut.chest + 2 + (y - 110) * 0.12, y + 2),
                    (cut.shoulder + 26 + (y - 110) * 0.14, y - 6),
                    shut=False,
                )
                parts += [fold(arm, width=5, opacity=0.1), seam(garment, arm)]
        parts.append(seam(garment, hem_line(cut, lift=6)) + seam(garment, cuff_line(cut, lift=8)))
    else:
        parts.append(knitted(garment, cut, band=garment.choose(4, (garment.tones.dark, garment.trim.base))))
        pockets = twin((26, 224), (42, 190), shut=False)
        parts += [
            stroke(pockets, colour=garment.tones.deep, width=5),
            stroke(pockets, colour=garment.metal, width=1.6),
        ]
    collar = closed((0, 42), (16, 42, 24, 44, 27, 50), (29, 66), (18, 80, 8, 84, 0, 85))
    parts += [
        zipper(garment, AXIS, 76, cut.hem + 5),
        panel(garment, collar, fill=None if puffer else garment.tones.dark),
    ]
    parts.append(fold(line((-24, 54), (-12, 64, 12, 64, 24, 54)), width=5, opacity=0.16))
    if not puffer:
        parts.append(ribs(line((-27, 60), (-12, 70, 12, 70, 27, 60)), colour=garment.tones.line, width=24, opacity=0.3))
    parts.append(stroke(f"M{AXIS:g} 66V86", colour=garment.tones.deep, width=2))
    return "".join(parts)


def denim_jacket(garment: Garment) -> str:
    """A trucker jacket with flap pockets and contrast stitches."""
    shoulder, chest, waist, hem = fit(garment, roomy=3)
    cut = Cut(
        neck=25,
        drop=20,
        shoulder=shoulder,
        chest=chest,
        waist=waist - 2,
        hem_width=hem - 6,
        hem=garment.vary(1, 232, 246),
        reach=garment.vary(2, 226, 236),
        looseness=2,
    )
    thread = garment.choose(3, ("#d99a3d", garment.trim.base))
    yoke = line((-cut.chest + 6, 108), (-20, 112, 20, 112, cut.chest - 6, 108))
    sides = twin((16, 112), (12, cut.hem - 10), shut=False) + twin((44, 112), (30, cut.hem - 10), shut=False)
    flaps = twin((20, 114), (46, 113), (46, 124), (33, 132), (20, 124))
    band = hem_line(cut, lift=12)
    return "".join(
        (
            bodice(garment, cut),
            seam(garment, yoke) + stitch(garment, yoke, colour=thread),
            seam(garment, sides) + stitch(garment, sides, colour=thread),
            seam(garment, band) + stitch(garment, hem_line(cut, lift=9), colour=thread),
            seam(garment, cuff_line(cut, lift=16)) + stitch(garment, cuff_line(cut, lift=13), colour=thread),
            fold(flaps, width=4, opacity=0.1),
            panel(garment, flaps, width=1.1),
            stitch(garment, twin((22, 123), (33, 129), (44, 122), shut=False), colour=thread),
            "".join(button(x, 125, fill=garment.metal, radius=2.8) for x in (AXIS - 33, AXIS + 33)),
            stroke(
                f"M{AXIS - 6:g} 80V{cut.hem + 4:g}M{AXIS + 6:g} 80V{cut.hem + 4:g}",
                colour=thread,
                width=1,
                dash="3.4 2.2",
                cap="butt",
            ),
            seam(garment, f"M{AXIS + 8:g} 80V{cut.hem + 4:g}"),
            "".join(button(AXIS, y, fill=garment.metal) for y in range(92, int(cut.hem), 29)),
            _spread_collar(garment, thread=thread),
        )
    )


def coat(garment: Garment) -> str:
    """A long coat with lapels, single or double breasted, at times belted."""
    shoulder, chest, waist, hem = fit(garment, roomy=-9)
    cut = Cut(
        neck=24,
        drop=garment.vary(1, 50, 62),
        vee=True,
        shoulder=shoulder - 2,
        chest=chest - 2,
        waist=waist - 2,
        hem_width=hem + 7,
        hem=garment.vary(2, 300, 336),
        hem_curve=4,
        reach=garment.vary(3, 200, 212),
        looseness=2,
    )
    bottom = NECK_TOP + cut.drop
    double = garment.choose(4, (True, False))
    fill = garment.choose(5, (garment.tones.deep, garment.trim.base, "#6b4527"))
    parts = [
        bodice(garment, cut, lined=garment.trim.dark),
        seam(garment, f"M{AXIS + 5:g} {bottom:g}V{cut.hem + 3:g}"),
    ]
    parts.append(fold(f"M{AXIS + 8:g} {bottom:g}V{cut.hem + 2:g}", width=6, opacity=0.1))
    parts.append(fold(twin((36, 204), (40, 240, 43, 276, 45, cut.hem - 4), shut=False), width=8, opacity=0.08))
    parts.append(seam(garment, cuff_line(cut, lift=18)))
    for y in range(int(bottom) + 12, 244, 30):
        parts += [button(x, y, fill=fill, radius=4.4) for x in ((AXIS - 17, AXIS + 17) if double else (AXIS,))]
    parts += [panel(garment, twin((26, 222), (54, 218), (55, 230), (27, 234)), width=1.2)]
    if garment.choose(6, (True, False)):
        belt = closed((0, 186), (cut.waist + 2, 184), (cut.waist + 2, 200), (0, 202))
        parts += [
            fold(line((-cut.waist, 206), (cut.waist, 206)), width=5),
            panel(garment, belt, fill=garment.tones.dark),
        ]
        parts.append(
            f'<rect x="{AXIS - 13:g}" y="182" width="26" height="23" rx="3" fill="none" '
            f'stroke="{garment.metal}" stroke-width="4"/>'
        )
    parts.append(_lapels(garment, bottom=bottom, wide=garment.vary(7, 36, 44)))
    return "".join(parts)


def blazer(garment: Garment) -> str:
    """A tailored jacket with notched lapels and flap pockets."""
    shoulder, chest, waist, hem = fit(garment, roomy=1)
    cut = Cut(
        neck=25,
        drop=garment.vary(1, 92, 112),
        vee=True,
        shoulder=shoulder,
        chest=chest,
        waist=waist - 4,
        hem_width=hem + 1,
        hem=garment.vary(2, 254, 266),
        hem_curve=9,
        reach=garment.vary(3, 230, 240),
    )
    bottom = NECK_TOP + cut.drop
    fill = garment.choose(4, (garment.tones.deep, "#3b2a1e", garment.metal))
    opening = line((0, bottom), (4, bottom + 40, 6, 230, 18, cut.hem + 8))
    darts = twin((30, 150), (30, 176, 31, 196, 31, 206), shut=False)
    parts = [
        bodice(garment, cut, lined=garment.choose(8, (garment.tones.deep, garment.trim.base))),
        fold(opening, width=6, opacity=0.12) + seam(garment, opening),
        seam(garment, darts, opacity=0.5),
        fold(twin((22, 216), (54, 211), shut=False), width=6),
        panel(garment, twin((22, 206), (53, 202), (54, 213), (23, 217)), width=1.2),
        panel(garment, f"M{AXIS + 22:g} 134l26 -5l1 8l-26 5z", fill=garment.tones.dark, width=1),
        "".join(
            button(AXIS, bottom + 5 + 25 * row, fill=fill, radius=4.4) for row in range(garment.choose(5, (1, 2, 2)))
        ),
        "".join(
            button(AXIS + side * (cut.shoulder + 26), cut.reach - 6 - 8 * row, fill=fill, radius=2)
            for side in (-1, 1)
            for row in range(3)
        ),
        _lapels(garment, bottom=bottom, wide=garment.vary(6, 36, 44)),
    ]
    if garment.choose(7, (False, True)):
        parts.append(
            panel(
                garment,
                f"M{AXIS + 25:g} 132l5 -12l7 7l5 -9l5 10z",
                fill=garment.trim.light,
                edge=garment.trim.edge,
                width=0.9,
            )
        )
    return "".join(parts)


def waistcoat(garment: Garment) -> str:
    """A sleeveless tailored waistcoat with pointed fronts."""
    _, chest, waist, hem = fit(garment, roomy=-4)
    bottom = garment.vary(1, 128, 150)
    low = garment.vary(2, 246, 256)
    back = closed((0, 54), (26, 54), (50, 60), (chest - 10, 110), (chest - 4, low - 12), (0, low - 10))
    front = closed(
        (0, bottom),
        (10, bottom - 24, 22, 84, 26, 50),
        (36, 54, 44, 56, 50, 60),
        (46, 90, chest - 12, 112, chest, 128),
        (chest - 2, 160, waist, 190, hem - 6, low - 10),
        (24, low + 24),
        (0, low),
    )
    fill = garment.choose(3, (garment.tones.deep, garment.trim.base, garment.metal))
    vee = line((-26, 50), (-22, 84, -10, bottom - 24, 0, bottom), (10, bottom - 24, 22, 84, 26, 50))
    step = (low - bottom - 20) / 4
    return "".join(
        (
            panel(garment, back, fill=garment.tones.deep),
            panel(garment, front),
            fold(twin((waist - 4, 180), (waist - 14, 194, waist - 22, 196, waist - 32, 192), shut=False)),
            seam(garment, f"M{AXIS + 6:g} {bottom:g}V{low + 3:g}"),
            fold(f"M{AXIS + 9:g} {bottom:g}V{low + 4:g}", width=5),
            panel(garment, twin((22, 208), (48, 202), (48, 211), (22, 217)), fill=garment.tones.dark, width=1.1),
            panel(garment, f"M{AXIS + 24:g} 146l22 -4l0 8l-22 4z", fill=garment.tones.dark, width=1.1),
            stroke(vee, colour=garment.tones.dark, width=5, cap="butt"),
            stitch(garment, twin((50, 64), (46, 92, chest - 14, 114, chest - 4, 130), shut=False)),
            "".join(button(AXIS, bottom + 10 + step * row, fill=fill, radius=3.8) for row in range(5)),
        )
    )


def _lapels(garment: Garment, *, bottom: float, wide: float) -> str:
    notch = NECK_TOP + 34
    lapels = twin(
        (0, bottom + 4),
        (8, bottom - 26, 20, 92, 25, 62),
        (30, notch - 4),
        (wide + 4, notch),
        (wide - 4, notch + 22, 16, bottom - 14, 0, bottom + 4),
    )
    collar = twin(
        (20, 70), (25, 50), (28, 44), (34, 54, 38, 66, wide, notch - 8), (29, notch), (26, 84, 24, 76, 20, 70)
    )
    return (
        fold(
            twin((wide + 4, notch + 2), (wide - 4, notch + 26, 16, bottom - 12, 1, bottom + 6), shut=False),
            width=6,
            opacity=0.12,
        )
        + panel(garment, lapels)
        + panel(
            garment,
            closed((0, 46), (18, 46, 24, 44, 28, 44), (22, 66), (14, 58, 6, 57, 0, 57)),
            fill=garment.tones.dark,
        )
        + panel(garment, collar)
    )


def _spread_collar(garment: Garment, *, thread: str) -> str:
    wings = twin((1, 80), (12, 74, 22, 62, 25, 46), (36, 64), (35, 80, 30, 92, 26, 100))
    return (
        panel(
            garment,
            closed((0, 45), (10, 45, 19, 44, 25, 46), (30, 58), (20, 72, 10, 78, 0, 82)),
            fill=garment.tones.deep,
        )
        + panel(garment, wings)
        + stitch(garment, twin((5, 81), (25, 96), (32, 66), shut=False), colour=thread)
    )
