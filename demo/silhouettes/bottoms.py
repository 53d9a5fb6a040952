"""Silhouettes of trousers in every length."""

from demo.garment import Garment
from demo.silhouettes.cloth import (
    AXIS,
    button,
    closed,
    fold,
    line,
    panel,
    ribs,
    seam,
    shine,
    stitch,
    stroke,
    twin,
)


def jeans(garment: Garment) -> str:
    """Denim with curved pockets, rivets, contrast stitches and a worn thigh."""
    ankle = garment.vary(0, 24, 36)
    top, low = 24.0, garment.vary(1, 292, 304)
    thread = garment.choose(2, ("#d99a3d", "#d99a3d", garment.tones.light))
    pockets = twin((21, top + 13), (23, top + 32, 33, top + 40, 49, top + 40), shut=False)
    fly = f"M{AXIS + 8:g} {top + 14:g}V{top + 48:g}Q{AXIS + 8:g} {top + 62:g} {AXIS:g} {top + 66:g}"
    knee = top + 148
    worn = twin((30, top + 78), (32, top + 110, 32, top + 140, 29, top + 168), shut=False)
    sides = twin((43, top + 16), (48, top + 40, 49, top + 90, 46, top + 130), shut=False)
    return "".join(
        (
            legs(garment, top=top, low=low, waist=42, hip=52, ankle=ankle, gap=9),
            "".join(shine(worn, width=width, opacity=0.05) for width in (22, 15, 8)),
            fold(
                twin((16, knee), (24, knee + 4, 31, knee + 3, 37, knee - 1), shut=False),
                width=4,
                opacity=0.06,
            ),
            seam(garment, sides, opacity=0.35),
            seam(garment, pockets) + stitch(garment, pockets, colour=thread),
            seam(garment, f"M{AXIS:g} {top + 14:g}V{top + 84:g}"),
            stitch(garment, fly, colour=thread),
            stitch(garment, twin((ankle + 9, low - 7), (9, low - 5), shut=False), colour=thread),
            _waistband(garment, top=top, half=42, thread=thread),
            _loops(garment, top=top, reach=28),
            button(AXIS, top + 7, fill="#c98a4a", radius=4.2),
            "".join(button(AXIS + x, top + 39, fill="#c98a4a", radius=1.8) for x in (-46, 46)),
        )
    )


def trousers(garment: Garment) -> str:
    """Pressed trousers with a crease and slanted pockets."""
    ankle = garment.vary(0, 26, 36)
    top, low = 24.0, garment.vary(1, 292, 304)
    crease = twin((26, top + 20), (27, 120, 27, 200, ankle / 2 + 8, low - 2), shut=False)
    return "".join(
        (
            legs(garment, top=top, low=low, waist=41, hip=51, ankle=ankle, gap=8),
            fold(crease, width=5, opacity=0.09),
            seam(garment, crease, opacity=0.6),
            seam(garment, twin((33, top + 14), (46, top + 50), shut=False)),
            stitch(garment, twin((30.5, top + 16), (43.5, top + 50), shut=False)),
            seam(garment, f"M{AXIS:g} {top + 14:g}V{top + 84:g}"),
            seam(
                garment,
                f"M{AXIS + 8:g} {top + 14:g}V{top + 46:g}Q{AXIS + 8:g} {top + 60:g} {AXIS:g} {top + 64:g}",
                opacity=0.5,
            ),
            _waistband(garment, top=top, half=41, thread=garment.tones.line),
            _loops(garment, top=top, reach=28),
            button(AXIS + 3, top + 7, fill=garment.trim.base, radius=3),
        )
    )


def leggings(garment: Garment) -> str:
    """Tight leggings with a broad waistband and a side stripe or seam."""
    top, low = 22.0, garment.vary(0, 292, 306)
    stripe = garment.choose(1, (garment.trim.base, garment.tones.line))
    side = twin((38, top + 40), (42, 130, 32, 210, 23, low - 6), shut=False)
    band = closed((0, top), (34, top), (37.5, top + 24), (0, top + 27))
    return "".join(
        (
            legs(garment, top=top, low=low, waist=34, hip=43, ankle=17, gap=9),
            stroke(side, colour=stripe, width=3.4, opacity=0.9),
            fold(twin((16, 180), (24, 185, 30, 184, 36, 179), shut=False), width=4),
            fold(twin((16, low - 22), (20, low - 18, 24, low - 18, 28, low - 21), shut=False), width=3),
            panel(garment, band, fill=garment.tones.dark),
            seam(garment, f"M{AXIS:g} {top + 27:g}V{top + 92:g}"),
            stitch(garment, twin((25, low - 6), (10, low - 5), shut=False)),
        )
    )


def shorts(garment: Garment) -> str:
    """Shorts: chino with a fly, or sporty with an elastic waist and cord."""
    top, low = 74.0, garment.vary(0, 214, 246)
    wide = garment.vary(1, 76, 86)
    sporty = garment.choose(2, (True, False))
    path = closed(
        (0, top),
        (58, top - 2),
        (66, top + 30, wide - 6, low - 50, wide, low - 6),
        (wide - 24, low + 2, 36, low + 4, 10, low + 4),
        (7, low - 30, 4, top + 96, 0, top + 88),
    )
    hem = twin((wide - 1, low - 15), (wide - 24, low - 8, 36, low - 6, 10, low - 6), shut=False)
    parts = [
        panel(garment, path),
        fold(twin((12, low - 60), (30, low - 48, 40, low - 46, 54, low - 52), shut=False)),
    ]
    parts += [stitch(garment, hem), seam(garment, f"M{AXIS:g} {top + 16:g}V{top + 88:g}")]
    if sporty:
        band = line((-58, top + 8), (58, top + 8))
        parts.append(
            stroke(
                twin((wide - 7, low - 6), (wide - 16, low - 60, 62, top + 50, 53, top + 18), shut=False),
                colour=garment.trim.base,
                width=5,
                cap="butt",
            )
        )
        parts += [
            stroke(band, colour=garment.tones.dark, width=18, cap="butt"),
            ribs(band, colour=garment.tones.line, width=18, pitch=5),
        ]
        parts.append(
            stroke(
                twin((3, top + 12), (8, top + 24, 4, top + 34, 9, top + 44), shut=False),
                colour="#f4f1ea",
                width=2.6,
            )
        )
    else:
        parts.append(
            seam(garment, twin((44, top + 14), (61, top + 52), shut=False))
            + stitch(garment, twin((41, top + 14), (59, top + 54), shut=False))
        )
        parts.append(
            seam(
                garment,
                f"M{AXIS + 9:g} {top + 14:g}V{top + 46:g}Q{AXIS + 9:g} {top + 60:g} {AXIS:g} {top + 64:g}",
            )
        )
        parts += [
            _waistband(garment, top=top, half=58, thread=garment.tones.line),
            _loops(garment, top=top, reach=40),
        ]
        parts.append(button(AXIS + 3, top + 7, fill=garment.trim.base))
    return "".join(parts)


def legs(garment: Garment, *, top: float, low: float, waist: float, hip: float, ankle: float, gap: float) -> str:
    """Two trouser legs from waist to hem; every measure is a half width or a height in SVG units."""
    outer = ankle + gap
    path = closed(
        (0, top + 2),
        (waist, top),
        (waist + 4, top + 22, hip, top + 44, hip, top + 70),
        (hip, top + 130, outer + 5, low - 80, outer, low - 2),
        (outer - 8, low + 2, gap + 8, low + 3, gap, low + 2),
        (gap + 1, low - 90, 7, top + 130, 0, top + 84),
    )
    shadow = twin((2, top + 90), (8, top + 136, gap + 3, low - 90, gap + 3, low), shut=False)
    rise = twin((6, top + 86), (16, top + 81, 24, top + 76, 32, top + 68), shut=False)
    return panel(garment, path) + fold(shadow, width=6, opacity=0.12) + fold(rise, width=4, opacity=0.08)


def _waistband(garment: Garment, *, top: float, half: float, thread: str) -> str:
    band = closed((0, top + 2), (half, top), (half + 4, top + 13), (0, top + 16))
    return panel(garment, band) + stitch(
        garment, line((-half - 3, top + 11), (0, top + 13.5), (half + 3, top + 11)), colour=thread
    )


def _loops(garment: Garment, *, top: float, reach: float) -> str:
    return "".join(
        f'<rect x="{AXIS + x - 2.5:g}" y="{top - 1:g}" width="5" height="18" rx="1" '
        f'fill="{garment.tones.base}" '
        f'stroke="{garment.tones.edge}" stroke-width="1"/>'
        for x in (-reach, reach)
    )
