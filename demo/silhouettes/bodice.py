"""The upper body from which shirts, sweaters, jackets and dresses are cut."""

from dataclasses import dataclass
from typing import Literal

from demo.garment import Garment
from demo.silhouettes.cloth import (
    AXIS,
    Segment,
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

Sleeve = Literal["none", "cap", "short", "long"]

NECK_TOP = 56.0
ARMPIT = 126.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Measures of a bodice in SVG units; widths are half widths from the axis."""

    neck: float = 30
    drop: float = 24
    vee: bool = False
    shoulder: float = 66
    chest: float = 64
    waist: float = 62
    hem_width: float = 66
    hem: float = 264
    hem_curve: float = 5
    sleeve: Sleeve = "long"
    reach: float = 236
    looseness: float = 0


def fit(garment: Garment, *, roomy: float = 0) -> tuple[float, float, float, float]:
    """Half widths of shoulder, chest, waist and hem for whom the garment is made."""
    if garment.fitted:
        shoulder, chest, waist, hem = 58.0, 58.0, 50.0, 61.0
    else:
        shoulder, chest, waist, hem = 67.0, 66.0, 64.0, 66.0
    grow = roomy + garment.vary(0, -3, 4) + (2 if garment.small else 0)
    return shoulder + grow * 0.6, chest + grow, waist + grow, hem + grow


def body(cut: Cut) -> str:
    """Path data of the torso."""
    bottom = NECK_TOP + cut.drop
    neckline: Segment
    if cut.vee:
        neckline = (
            cut.neck * 0.45,
            bottom - cut.drop * 0.5,
            cut.neck * 0.95,
            NECK_TOP + 12,
            cut.neck,
            NECK_TOP,
        )
    else:
        neckline = (cut.neck * 0.66, bottom, cut.neck * 0.98, NECK_TOP + cut.drop * 0.5, cut.neck, NECK_TOP)
    low = cut.hem + cut.hem_curve
    return closed(
        (0, bottom),
        neckline,
        (cut.neck + 12, NECK_TOP + 5, cut.shoulder - 10, NECK_TOP + 8, cut.shoulder, NECK_TOP + 15),
        (cut.shoulder - 5, 92, cut.chest - 8, 112, cut.chest, ARMPIT),
        (cut.chest - 1, 160, cut.waist, 176, cut.waist, 192),
        (cut.waist, 216, cut.hem_width - 1, 232, cut.hem_width, cut.hem),
        (cut.hem_width * 0.6, low, cut.hem_width * 0.3, low, 0, low),
    )


def sleeves(cut: Cut) -> str:
    """Path data of both sleeves; empty without sleeves."""
    top = NECK_TOP + 13
    inner: Segment = (cut.chest - 8, 112, cut.shoulder - 5, 92, cut.shoulder - 2, top)
    wide = cut.looseness
    if cut.sleeve == "none":
        return ""
    if cut.sleeve == "cap":
        return twin(
            (cut.shoulder - 2, top),
            (cut.shoulder + 12, top + 4, cut.shoulder + 19, 84, cut.shoulder + 22 + wide, 100),
            (cut.shoulder + 14, 110, cut.chest + 8, 116, cut.chest - 2, 118),
            inner,
        )
    if cut.sleeve == "short":
        reach = min(cut.reach, 152)
        return twin(
            (cut.shoulder - 2, top),
            (cut.shoulder + 16, top + 4, cut.shoulder + 26, 92, cut.shoulder + 40 + wide, reach - 16),
            (cut.shoulder + 30, reach - 6, cut.shoulder + 22, reach - 2, cut.shoulder + 12, reach),
            (cut.chest + 6, 140, cut.chest + 2, 132, cut.chest - 2, ARMPIT + 2),
            inner,
        )
    return twin(
        (cut.shoulder - 2, top),
        (cut.shoulder + 18, top + 5, cut.shoulder + 25 + wide, 100, cut.shoulder + 31 + wide, 140),
        (cut.shoulder + 37 + wide, 176, cut.shoulder + 42 + wide, 204, cut.shoulder + 45 + wide, cut.reach),
        (
            cut.shoulder + 37,
            cut.reach + 5,
            cut.shoulder + 30,
            cut.reach + 7,
            cut.shoulder + 22 - wide,
            cut.reach + 7,
        ),
        (cut.shoulder + 18, 196, cut.chest + 11, 156, cut.chest - 3, ARMPIT + 4),
        inner,
    )


def cuff_line(cut: Cut, *, lift: float) -> str:
    """A line across both sleeves, `lift` units above their ends."""
    if cut.sleeve == "long":
        y = cut.reach + 3 - lift
        slope = lift * 0.14
        return twin(
            (cut.shoulder + 46 + cut.looseness - slope, y - 2),
            (cut.shoulder + 21 - cut.looseness - slope * 0.8, y + 4),
            shut=False,
        )
    reach = min(cut.reach, 152)
    return twin(
        (cut.shoulder + 40 + cut.looseness - lift * 0.6, reach - 16 - lift * 0.9),
        (cut.shoulder + 12 - lift * 0.5, reach - lift * 0.95),
        shut=False,
    )


def neckline(cut: Cut) -> str:
    """The front neck edge, shoulder to shoulder."""
    bottom = NECK_TOP + cut.drop
    n = cut.neck
    if cut.vee:
        return line(
            (-n, NECK_TOP),
            (-n * 0.95, NECK_TOP + 12, -n * 0.45, bottom - cut.drop * 0.5, 0, bottom),
            (n * 0.45, bottom - cut.drop * 0.5, n * 0.95, NECK_TOP + 12, n, NECK_TOP),
        )
    return line(
        (-n, NECK_TOP),
        (-n * 0.98, NECK_TOP + cut.drop * 0.5, -n * 0.66, bottom, 0, bottom),
        (n * 0.66, bottom, n * 0.98, NECK_TOP + cut.drop * 0.5, n, NECK_TOP),
    )


def hem_line(cut: Cut, *, lift: float) -> str:
    """A line along the hem, `lift` units above it."""
    y = cut.hem - lift
    low = y + cut.hem_curve
    w = cut.hem_width - 0.5
    return line((-w, y), (-w * 0.6, low, -w * 0.3, low, 0, low), (w * 0.3, low, w * 0.6, low, w, y))


def inside(garment: Garment, cut: Cut, *, fill: str | None = None) -> str:
    """The back of the collar that shows through the neck, with a brand label."""
    bottom = NECK_TOP + cut.drop
    back = closed(
        (0, NECK_TOP - 1),
        (cut.neck * 0.5, NECK_TOP - 1, cut.neck * 0.8, NECK_TOP - 3, cut.neck + 1, NECK_TOP - 2),
        (cut.neck, NECK_TOP + cut.drop * 0.5, cut.neck * 0.66, bottom + 3, 0, bottom + 3),
    )
    label = f'<rect x="152" y="{NECK_TOP + 3:g}" width="16" height="6" rx="1" fill="#fffdf6" fill-opacity=".85"/>'
    return panel(garment, back, fill=fill or garment.tones.deep) + (label if cut.drop > 14 else "")


def drape(cut: Cut) -> str:
    """Soft creases of a torso that hangs."""
    chest, waist = cut.chest, cut.waist
    below_arm = twin((chest - 4, 134), (chest - 12, 148, chest - 18, 154, chest - 24, 157), shut=False)
    at_waist = twin((waist - 5, 194), (waist - 13, 199, waist - 18, 200, waist - 24, 199), shut=False)
    return fold(below_arm, width=6, opacity=0.07) + fold(at_waist, width=6, opacity=0.07)


def bodice(garment: Garment, cut: Cut, *, lined: str | None = None) -> str:
    """Sleeves, torso, armhole seams and creases, back to front."""
    parts = [inside(garment, cut, fill=lined)] if cut.drop > 4 else []
    if cut.sleeve != "none":
        parts.append(panel(garment, sleeves(cut)))
    if cut.sleeve == "long":
        crease = twin(
            (cut.shoulder + 20, 160),
            (cut.shoulder + 24, 178, cut.shoulder + 29, 196, cut.shoulder + 30, 214),
            shut=False,
        )
        elbow = twin((cut.chest + 12, 168), (cut.chest + 22, 172, cut.chest + 26, 171, cut.chest + 34, 166), shut=False)
        parts += [fold(crease, width=6, opacity=0.07), fold(elbow, width=4, opacity=0.1)]
    armhole = twin(
        (cut.shoulder - 1, NECK_TOP + 16),
        (cut.shoulder - 5, 92, cut.chest - 8, 112, cut.chest, ARMPIT),
        (cut.chest - 1, 160, cut.waist, 176, cut.waist, 192),
        shut=False,
    )
    if cut.sleeve != "none":
        parts.append(fold(armhole, width=6, opacity=0.12))
    parts += [panel(garment, body(cut)), drape(cut)]
    return "".join(parts)


def knitted(garment: Garment, cut: Cut, *, band: str) -> str:
    """Ribbed neck, cuffs and hem in the paint `band`."""
    tones = garment.tones
    hem = hem_line(cut, lift=8)
    cuffs = cuff_line(cut, lift=8)
    neck = neckline(cut)
    return "".join(
        (
            stroke(hem, colour=band, width=16, cap="butt"),
            ribs(hem, colour=tones.line, width=16),
            seam(garment, hem_line(cut, lift=16)),
            stroke(cuffs, colour=band, width=15, cap="butt"),
            ribs(cuffs, colour=tones.line, width=15),
            seam(garment, cuff_line(cut, lift=16)),
            stroke(neck, colour=band, width=8, cap="butt"),
            ribs(neck, colour=tones.line, width=8, pitch=3.4),
        )
    )


def hemmed(garment: Garment, cut: Cut) -> str:
    """Double stitching at hem and sleeve ends."""
    rows = stitch(garment, hem_line(cut, lift=7)) + stitch(garment, hem_line(cut, lift=10))
    return rows + (stitch(garment, cuff_line(cut, lift=7)) if cut.sleeve in ("short", "long") else "")


def placket(garment: Garment, *, top: float, bottom: float, buttons: int, fill: str, half: float = 6) -> str:
    """A button band on the axis."""
    band = f"M{AXIS - half:g} {top:g}H{AXIS + half:g}V{bottom:g}H{AXIS - half:g}Z"
    step = (bottom - top - 14) / max(1, buttons - 1)
    return (
        shape(band, fill="#ffffff", opacity=0.07)
        + seam(garment, f"M{AXIS - half:g} {top:g}V{bottom:g}M{AXIS + half:g} {top:g}V{bottom:g}")
        + fold(f"M{AXIS + half + 2:g} {top:g}V{bottom:g}", width=3.5, opacity=0.09)
        + "".join(button(AXIS, top + 7 + step * row, fill=fill) for row in range(buttons))
    )
