"""Silhouettes worn on the upper body, next to the skin."""

from demo.garment import Garment
from demo.silhouettes.bodice import (
    NECK_TOP,
    Cut,
    bodice,
    cuff_line,
    fit,
    hem_line,
    hemmed,
    neckline,
    placket,
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
    shape,
    stitch,
    stroke,
    twin,
)


def t_shirt(garment: Garment) -> str:
    """A crew or V neck tee with short sleeves."""
    shoulder, chest, waist, hem = fit(garment)
    cut = Cut(
        drop=garment.vary(1, 20, 30),
        vee=garment.choose(2, (False, False, True)),
        shoulder=shoulder,
        chest=chest,
        waist=waist,
        hem_width=hem,
        hem=garment.vary(3, 250, 270),
        sleeve="short",
        reach=garment.vary(4, 136, 150),
    )
    band = garment.choose(5, (garment.tones.dark, garment.tones.dark, garment.trim.base))
    neck = neckline(cut)
    parts = [
        bodice(garment, cut),
        hemmed(garment, cut),
        stroke(neck, colour=band, width=6, cap="butt"),
        seam(garment, neck, opacity=0.4),
    ]
    if band == garment.trim.base:
        parts.append(stroke(cuff_line(cut, lift=3), colour=band, width=5, cap="butt"))
    if garment.choose(6, (False, False, True)):
        parts.append(panel(garment, f"M{AXIS + 14:g} 112h28v24l-14 8l-14 -8z", width=1.1))
        parts.append(stitch(garment, f"M{AXIS + 14:g} 118h28"))
    return "".join(parts)


def tank_top(garment: Garment) -> str:
    """A sleeveless top with deep armholes."""
    _, chest, waist, hem = fit(garment, roomy=-6)
    strap = garment.vary(1, 14, 22)
    neck, bottom = 22 + garment.vary(2, 0, 4), NECK_TOP + garment.vary(3, 36, 50)
    low = garment.vary(4, 252, 270)
    outer = neck + strap
    back = closed(
        (0, 84),
        (neck * 0.7, 84, neck, 72, neck, 50),
        (outer, 52),
        (outer - 2, 90, chest - 14, 120, chest, 134),
        (0, 140),
    )
    front = closed(
        (0, bottom),
        (neck * 0.8, bottom, neck, bottom - 20, neck, 50),
        (outer, 52),
        (outer - 2, 100, chest - 14, 128, chest, 140),
        (chest - 2, 170, waist, 180, waist, 196),
        (waist, 220, hem, 236, hem, low),
        (hem * 0.5, low + 6, hem * 0.3, low + 6, 0, low + 6),
    )
    edge = line(
        (-neck, 50),
        (-neck, bottom - 20, -neck * 0.8, bottom, 0, bottom),
        (neck * 0.8, bottom, neck, bottom - 20, neck, 50),
    )
    arms = twin((outer, 52), (outer - 2, 100, chest - 14, 128, chest, 140), shut=False)
    band = garment.choose(5, (garment.tones.dark, garment.trim.base))
    rows = line((-hem, low - 8), (-hem * 0.5, low - 2, hem * 0.5, low - 2, hem, low - 8))
    return "".join(
        (
            panel(garment, back, fill=garment.tones.deep),
            panel(garment, front),
            fold(twin((waist - 4, 190), (waist - 14, 202, waist - 24, 204, waist - 34, 200), shut=False)),
            stroke(edge, colour=band, width=5, cap="butt"),
            stroke(arms, colour=band, width=5, cap="butt"),
            stitch(garment, rows),
        )
    )


def shirt(garment: Garment) -> str:
    """A buttoned shirt with a pointed collar."""
    shoulder, chest, waist, hem = fit(garment)
    short = garment.choose(1, (False, False, True))
    cut = Cut(
        neck=25,
        drop=18,
        shoulder=shoulder,
        chest=chest,
        waist=waist,
        hem_width=hem,
        hem=garment.vary(2, 244, 258),
        hem_curve=garment.vary(3, 12, 24),
        sleeve="short" if short else "long",
        reach=148 if short else garment.vary(4, 228, 242),
    )
    fill = garment.choose(5, ("#f5f1e6", garment.trim.base, garment.tones.line))
    parts = [bodice(garment, cut), stitch(garment, hem_line(cut, lift=6))]
    parts.append(placket(garment, top=78, bottom=cut.hem + cut.hem_curve, buttons=7, fill=fill))
    if short:
        parts.append(stitch(garment, cuff_line(cut, lift=8)))
    else:
        parts.append(seam(garment, cuff_line(cut, lift=20)) + stitch(garment, cuff_line(cut, lift=17)))
    if garment.choose(6, (True, False)):
        parts.append(panel(garment, f"M{AXIS + 18:g} 116h26v22l-13 9l-13 -9z", width=1.1))
        parts.append(stitch(garment, f"M{AXIS + 18:g} 122h26"))
    parts.append(fold(twin((26, 60), (24, 76, 22, 88, 19, 96), (2, 78), shut=False), width=5, opacity=0.13))
    parts.append(_collar(garment, point=garment.vary(7, 88, 96)))
    parts.append(button(AXIS, 79, fill=fill))
    return "".join(parts)


def polo_shirt(garment: Garment) -> str:
    """A polo shirt with a knitted collar and three buttons."""
    shoulder, chest, waist, hem = fit(garment)
    cut = Cut(
        neck=25,
        drop=16,
        shoulder=shoulder,
        chest=chest,
        waist=waist,
        hem_width=hem,
        hem=garment.vary(1, 254, 268),
        sleeve="short",
        reach=garment.vary(2, 140, 150),
    )
    tipped = garment.choose(3, (False, True))
    band = garment.trim.base if tipped else garment.tones.dark
    fill = garment.choose(4, ("#f5f1e6", garment.trim.base))
    parts = [
        bodice(garment, cut),
        stitch(garment, hem_line(cut, lift=8)),
        stroke(cuff_line(cut, lift=4), colour=garment.tones.dark, width=9, cap="butt"),
        ribs(cuff_line(cut, lift=4), colour=garment.tones.line, width=9),
        stroke(cuff_line(cut, lift=2), colour=band, width=2.5, cap="butt"),
        placket(garment, top=74, bottom=126, buttons=3, fill=fill, half=7),
        stroke(f"M{AXIS - 7:g} 126h14", colour=garment.tones.line, width=1.3),
        _collar(garment, point=90, fill=garment.tones.dark),
    ]
    if tipped:
        parts.append(stroke(twin((20, 90), (3, 74), shut=False), colour=garment.trim.base, width=2.4))
        parts.append(stroke(twin((20, 90), (30, 62), shut=False), colour=garment.trim.base, width=2.4))
    if garment.choose(5, (True, False)):
        parts.append(shape(f"M{AXIS + 28:g} 112l3 5l6 1l-4 4l1 6l-6 -3l-6 3l1 -6l-4 -4l6 -1z", fill=garment.trim.base))
    return "".join(parts)


def blouse(garment: Garment) -> str:
    """A soft blouse with full sleeves, gathered cuffs and a bow or ruffle."""
    shoulder, chest, waist, hem = fit(garment, roomy=1)
    cut = Cut(
        neck=27,
        drop=garment.vary(1, 30, 46),
        vee=True,
        shoulder=shoulder - 4,
        chest=chest,
        waist=waist - 3,
        hem_width=hem + 8,
        hem=garment.vary(2, 236, 252),
        hem_curve=9,
        sleeve="long",
        reach=garment.vary(3, 210, 226),
        looseness=8,
    )
    bottom = NECK_TOP + cut.drop
    parts = [
        bodice(garment, cut),
        fold(twin((18, 150), (20, 190, 24, 220, 26, cut.hem - 2), shut=False), width=6, opacity=0.07),
        fold(twin((40, 200), (43, 220, 46, 236, 48, cut.hem - 4), shut=False), width=6, opacity=0.07),
        stroke(cuff_line(cut, lift=5), colour=garment.tones.dark, width=10, cap="butt"),
        ribs(cuff_line(cut, lift=13), colour=garment.tones.line, width=8, opacity=0.35, pitch=6),
        seam(garment, cuff_line(cut, lift=10)),
    ]
    if garment.choose(4, (True, False)):
        tails = twin(
            (0, bottom),
            (8, bottom + 14, 14, bottom + 34, 20, bottom + 52),
            (9, bottom + 54),
            (5, bottom + 30, 3, bottom + 14, 0, bottom + 8),
        )
        loops = twin(
            (0, bottom),
            (12, bottom - 20, 34, bottom - 18, 34, bottom - 4),
            (34, bottom + 12, 14, bottom + 12, 0, bottom + 2),
        )
        parts += [fold(loops, width=4, opacity=0.1), panel(garment, tails), panel(garment, loops)]
        parts.append(
            panel(
                garment,
                closed((0, bottom - 6), (7, bottom - 5), (6, bottom + 8), (0, bottom + 9)),
                fill=garment.tones.dark,
            )
        )
    else:
        wave = twin(
            (0, bottom + 2),
            (10, bottom - 8, 22, 76, 26, NECK_TOP),
            (33, NECK_TOP + 2),
            (34, 78, 26, bottom - 4, 0, bottom + 18),
        )
        parts += [panel(garment, wave), seam(garment, neckline(cut))]
        parts += [button(AXIS, y, fill=garment.trim.base, radius=2.8) for y in (bottom + 34, bottom + 54, bottom + 74)]
    return "".join(parts)


def _collar(garment: Garment, *, point: float, fill: str | None = None) -> str:
    stand = closed((0, 46), (10, 46, 19, 45, 25, 47), (29, 56), (22, 70, 12, 76, 0, 79))
    wings = twin((1.5, 76), (10, 72, 21, 62, 25, 47), (31, 58), (29, 72, 24, 84, 20, point))
    return (
        panel(garment, stand, fill=garment.tones.deep)
        + panel(garment, wings, fill=fill)
        + stitch(garment, twin((4.5, 77), (19.5, point - 4), (27.5, 60), shut=False))
    )
