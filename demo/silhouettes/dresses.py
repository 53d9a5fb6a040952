"""Silhouettes of dresses, skirts and jumpsuits."""

from demo.garment import Garment
from demo.silhouettes.bottoms import legs
from demo.silhouettes.cloth import (
    AXIS,
    button,
    closed,
    fold,
    line,
    panel,
    seam,
    stitch,
    stroke,
    twin,
)


def skirt(garment: Garment) -> str:
    """A skirt: flared, pleated or pencil."""
    style = garment.choose(0, ("flared", "pleated", "pencil"))
    top = 64.0
    low = garment.vary(1, 220, 262)
    wide = {
        "flared": garment.vary(2, 92, 108),
        "pleated": garment.vary(2, 84, 98),
        "pencil": garment.vary(2, 46, 52),
    }[style]
    low += 20 if style == "pencil" else 0
    waist = 42.0
    side = (waist + 12, top + 50, wide * 0.84, low - 60, wide, low - 8)
    if style == "pencil":
        side = (waist + 22, top + 40, waist + 18, top + 90, wide, low - 4)
    path = closed((0, top + 3), (waist, top), side, (wide * 0.6, low + 6, wide * 0.3, low + 8, 0, low + 8))
    parts = [panel(garment, path)]
    if style == "flared":
        for share in (0.22, 0.55, 0.82):
            parts.append(
                fold(
                    twin(
                        (waist * share, top + 36),
                        (waist * share * 1.3, top + 80, wide * share * 0.9, low - 60, wide * share, low - 2),
                        shut=False,
                    ),
                    width=8,
                    opacity=0.08,
                )
            )
        parts.append(
            stitch(
                garment,
                line((-wide + 2, low - 15), (-wide * 0.5, low + 1, wide * 0.5, low + 1, wide - 2, low - 15)),
            )
        )
    elif style == "pleated":
        for share in (0.0, 0.28, 0.56, 0.82):
            pleat = twin((waist * share, top + 16), (wide * share, low + 6 - 10 * share * share), shut=False)
            parts += [fold(pleat, width=7, opacity=0.09), seam(garment, pleat)]
    else:
        parts += [
            seam(garment, twin((20, top + 16), (22, top + 60), shut=False)),
            stitch(garment, line((-wide, low - 8), (-20, low, 20, low, wide, low - 8))),
        ]
        parts.append(
            seam(garment, f"M{AXIS:g} {low - 50:g}V{low + 8:g}")
            + fold(f"M{AXIS + 3:g} {low - 48:g}V{low + 6:g}", width=4)
        )
    band = garment.choose(3, (garment.tones.dark, garment.tones.dark, garment.trim.base))
    parts.append(panel(garment, closed((0, top + 3), (waist, top), (waist + 3, top + 14), (0, top + 18)), fill=band))
    if garment.choose(4, (True, False)):
        parts += [button(AXIS + x, top + 9, fill=garment.metal, radius=3) for x in (-10, 10)]
    return "".join(parts)


def dress(garment: Garment) -> str:
    """A dress: fitted bodice, sash, flared or straight skirt, sleeves at times."""
    straps = garment.choose(0, ("strap", "cap", "sleeve"))
    low = garment.vary(1, 278, 352)
    wide = garment.choose(2, (garment.vary(3, 88, 112), garment.vary(3, 64, 74)))
    waist = garment.vary(4, 36, 42)
    drop = garment.vary(5, 66, 82)
    outer = 34.0 if straps == "strap" else 46.0
    inner = 24.0 if straps == "strap" else 25.0
    neck = (inner * 0.8, drop, inner, drop - 14, inner, 38.0)
    bust = closed(
        (0, drop),
        neck,
        (outer, 42),
        (outer - 2, 66, 42, 84, 51, 98),
        (48, 120, waist, 132, waist, 148),
        (0, 152),
    )
    skirt_path = closed(
        (0, 148),
        (waist, 144),
        (waist + 10, 170, wide * 0.84, low - 70, wide, low - 8),
        (wide * 0.6, low + 4, wide * 0.3, low + 6, 0, low + 6),
    )
    parts = [
        panel(
            garment,
            closed((0, 50), (inner + 2, 40), (outer - 2, 44), (44, 96), (0, drop + 20)),
            fill=garment.tones.deep,
        )
    ]
    if straps == "cap":
        parts.append(panel(garment, twin((outer - 4, 41), (62, 46, 72, 60, 76, 76), (66, 86, 56, 90, 48, 92))))
    elif straps == "sleeve":
        parts.append(
            panel(
                garment,
                twin(
                    (outer - 4, 41),
                    (64, 46, 74, 80, 84, 128),
                    (74, 136, 68, 138, 62, 139),
                    (56, 116, 52, 106, 48, 92),
                ),
            )
        )
    parts += [panel(garment, skirt_path)]
    for share in (0.2, 0.52, 0.8):
        parts.append(
            fold(
                twin(
                    (waist * share, 162),
                    (waist * share * 1.3, 196, wide * share * 0.9, low - 50, wide * share, low - 3),
                    shut=False,
                ),
                width=8,
                opacity=0.08,
            )
        )
    parts += [panel(garment, bust), seam(garment, twin((24, 104), (22, 120, 20, 134, 19, 146), shut=False))]
    sash = garment.choose(6, (garment.tones.dark, garment.trim.base, garment.trim.base))
    parts.append(panel(garment, closed((0, 143), (waist + 1, 139), (waist + 2, 151), (0, 156)), fill=sash))
    edge = line(
        (-inner, 38),
        (-inner, drop - 14, -inner * 0.8, drop, 0, drop),
        (inner * 0.8, drop, inner, drop - 14, inner, 38),
    )
    parts += [
        stroke(edge, colour=garment.tones.dark, width=3.4),
        stitch(
            garment,
            line((-wide + 3, low - 15), (-wide * 0.5, low - 1, wide * 0.5, low - 1, wide - 3, low - 15)),
        ),
    ]
    return "".join(parts)


def jumpsuit(garment: Garment) -> str:
    """A jumpsuit: sleeveless or short-sleeved top, belt and wide legs in one."""
    ankle = garment.vary(0, 24, 42)
    low = garment.vary(1, 318, 336)
    sleeved = garment.choose(2, (True, False))
    drop = garment.vary(3, 50, 66)
    top = closed(
        (0, drop),
        (10, drop - 6, 20, 44, 22, 28),
        (36, 31, 42, 33, 46, 37),
        (43, 56, 42, 70, 50, 82),
        (48, 100, 40, 118, 39, 134),
        (0, 138),
    )
    parts = [panel(garment, closed((0, 30), (22, 28), (40, 36), (40, 90), (0, drop + 12)), fill=garment.tones.deep)]
    if sleeved:
        parts.append(
            panel(
                garment,
                twin((43, 34), (60, 38, 70, 56, 78, 78), (68, 86, 62, 88, 56, 89), (50, 84, 44, 72, 45, 60)),
            )
        )
    parts += [legs(garment, top=130, low=low, waist=39, hip=49, ankle=ankle, gap=8), panel(garment, top)]
    parts += [
        seam(garment, f"M{AXIS:g} {drop:g}V212"),
        "".join(button(AXIS + 4, y, fill=garment.trim.base, radius=2.6) for y in range(int(drop) + 12, 130, 18)),
    ]
    parts += [
        seam(garment, twin((24, 146), (40, 172), shut=False)),
        fold(twin((16, 246), (24, 250, 31, 249, 37, 245), shut=False), width=4, opacity=0.06),
    ]
    parts.append(
        panel(
            garment,
            closed((0, 130), (40, 127), (41, 139), (0, 142)),
            fill=garment.choose(4, (garment.tones.dark, garment.trim.base)),
        )
    )
    parts.append(
        f'<rect x="{AXIS - 9:g}" y="127" width="18" height="17" rx="3" fill="none" '
        f'stroke="{garment.metal}" stroke-width="3"/>'
    )
    return "".join(parts)
