"""Silhouettes of scarves, ties, gloves, belts and umbrellas."""

from demo.garment import Garment
from demo.silhouettes.cloth import (
    AXIS,
    box,
    closed,
    disc,
    fold,
    line,
    panel,
    ribs,
    seam,
    shape,
    shine,
    stitch,
    stroke,
    twin,
)
from demo.silhouettes.hoop import Hoop, looped


def scarf(garment: Garment) -> str:
    """A looped scarf with two fringed ends."""
    long = garment.vary(0, 240, 258)
    short = long - garment.vary(1, 10, 40)
    ring = closed((0, 52), (58, 52, 84, 78, 80, 108), (70, 146, 40, 158, 0, 158))
    hollow = closed((0, 74), (34, 74, 48, 84, 46, 94), (38, 112, 22, 116, 0, 116))
    left = f"M122 132C112 170 108 200 104 {long}H156C160 200 164 172 166 140Z"
    right = f"M160 136C166 170 172 196 174 {short}H222C220 190 212 160 204 126Z"
    fringe = "".join(f"M{x} {long}v17" for x in range(107, 156, 6)) + "".join(
        f"M{x} {short:g}v17" for x in range(177, 222, 6)
    )
    band = garment.choose(2, (True, False))
    parts = [
        stroke(fringe, colour=garment.tones.edge, width=3.6),
        stroke(fringe, colour=garment.tones.base, width=2.2),
        panel(garment, right),
        fold("M184 150C190 180 196 200 198 " + f"{short - 8:g}", width=8, opacity=0.09),
        fold("M168 150C166 180 164 210 161 " + f"{long - 6:g}", width=7, opacity=0.13),
        panel(garment, left),
        fold("M140 160C134 190 130 216 128 " + f"{long - 8:g}", width=8, opacity=0.09),
        panel(garment, ring),
        panel(garment, hollow, fill=garment.tones.deep),
        fold(line((-66, 110), (-50, 132, -24, 138, 0, 138), (30, 138, 54, 130, 68, 106)), width=6, opacity=0.12),
        fold(line((-58, 92), (-44, 118, -20, 126, 0, 126), (24, 126, 44, 116, 56, 92)), width=5, opacity=0.1),
    ]
    if band and garment.plain:
        parts.append(
            stroke(f"M105 {long - 14:g}H155M107 {long - 26:g}H156", colour=garment.trim.base, width=5, cap="butt")
        )
        parts.append(
            stroke(
                f"M175 {short - 14:g}H221M174 {short - 26:g}H220",
                colour=garment.trim.base,
                width=5,
                cap="butt",
            )
        )
    return "".join(parts)


def tie(garment: Garment) -> str:
    """A knotted necktie with its loop."""
    wide = garment.vary(0, 24, 34)
    low = garment.vary(1, 270, 288)
    loop = line((-16, 62), (-50, 40, -56, 22, 0, 20), (56, 22, 50, 40, 16, 62))
    knot = closed((0, 52), (22, 50), (24, 58, 18, 72, 13, 80), (0, 82))
    blade = closed((0, 78), (12, 78), (16, 120, wide - 3, 190, wide, low - 28), (0, low))
    return "".join(
        (
            stroke(loop, colour=garment.tones.edge, width=15),
            stroke(loop, colour=garment.tones.dark, width=12.6),
            panel(
                garment,
                (
                    f"M{AXIS + 4:g} 80L{AXIS + 15:g} 80L{AXIS + wide + 9:g} {low - 42:g}"
                    f"L{AXIS + wide - 6:g} {low - 24:g}Z"
                ),
                fill=garment.tones.deep,
            ),
            panel(garment, blade),
            fold(line((0, 84), (-5, 110, -6, 130, -4, 160)), width=6, opacity=0.13),
            fold(line((-11, 84), (0, 88), (11, 84)), width=5, opacity=0.18),
            panel(garment, knot),
            shine(line((-wide + 8, 180), (-wide + 5, low - 34)), width=6, opacity=0.14),
            seam(garment, line((-wide + 2, low - 32), (0, low - 5), (wide - 2, low - 32)), opacity=0.35),
        )
    )


def bow_tie(garment: Garment) -> str:
    """A bow tie with a band around the neck."""
    wide = garment.vary(0, 98, 112)
    high = garment.vary(1, 40, 54)
    wings = twin(
        (6, 160),
        (30, 160 - high * 0.5, wide - 30, 160 - high, wide, 160 - high),
        (wide + 10, 150, wide + 10, 170, wide, 160 + high),
        (wide - 30, 160 + high, 30, 160 + high * 0.5, 6, 160),
    )
    under = twin((6, 166), (40, 160, wide - 30, 176, wide - 12, 168 + high), (wide - 40, 170 + high, 30, 190, 6, 170))
    return "".join(
        (
            stroke(
                line((-70, 146), (-84, 96, -40, 84, 0, 84), (40, 84, 84, 96, 70, 146)),
                colour=garment.tones.edge,
                width=13,
            ),
            stroke(
                line((-70, 146), (-84, 96, -40, 84, 0, 84), (40, 84, 84, 96, 70, 146)),
                colour=garment.tones.dark,
                width=10.6,
            ),
            panel(garment, under, fill=garment.tones.dark),
            panel(garment, wings),
            fold(twin((16, 158), (36, 150, 54, 140, 68, 136), shut=False), width=6, opacity=0.15),
            fold(twin((16, 164), (36, 170, 54, 178, 66, 184), shut=False), width=6, opacity=0.15),
            stitch(
                garment,
                twin((wide - 6, 164 - high), (wide + 1, 150, wide + 1, 170, wide - 6, 156 + high), shut=False),
            ),
            panel(garment, closed((0, 138), (14, 138), (20, 152, 20, 168, 14, 184), (0, 184))),
            fold(line((-5, 146), (-3, 158, -3, 166, -5, 176)), width=5, opacity=0.13),
        )
    )


def gloves(garment: Garment) -> str:
    """A pair of gloves with stitched backs and ribbed cuffs."""
    band = garment.choose(0, (garment.tones.dark, garment.trim.base))
    tips = garment.vary(1, -6, 8)
    parts = []
    for shift, side in ((-64.0, -1), (64.0, 1)):
        x = AXIS + shift

        def at(dx: float, y: float, *, x: float = x, side: int = side) -> str:
            return f"{x + side * dx:g} {y:g}"

        hand = (
            f"M{at(-34, 222)}C{at(-38, 190)} {at(-40, 160)} {at(-38, 140)}L{at(-42, 84 + tips)}"
            f"C{at(-42, 70 + tips)} {at(-24, 70 + tips)} {at(-23, 84 + tips)}L{at(-19, 124)}"
            f"L{at(-19, 60 + tips)}C{at(-18, 46 + tips)} {at(0, 46 + tips)} {at(0, 60 + tips)}"
            f"L{at(1, 122)}L{at(4, 64 + tips)}C{at(5, 50 + tips)} {at(22, 52 + tips)} "
            f"{at(21, 66 + tips)}L{at(19, 126)}"
            f"L{at(25, 88 + tips)}C{at(28, 76 + tips)} {at(43, 79 + tips)} {at(41, 92 + tips)}"
            f"L{at(35, 150)}C{at(35, 180)} {at(33, 204)} {at(31, 222)}Z"
        )
        thumb = (
            f"M{at(-36, 146)}C{at(-44, 148)} {at(-48, 126)} {at(-54, 132)}"
            f"C{at(-62, 140)} {at(-56, 172)} {at(-37, 192)}Z"
        )
        cuff = f"M{at(-34, 238)}L{at(32, 238)}"
        lines = f"M{at(-20, 136)}L{at(-19, 170)}M{at(0, 132)}L{at(0, 172)}M{at(18, 136)}L{at(17, 170)}"
        parts += [
            panel(garment, thumb),
            panel(garment, hand),
            stitch(garment, lines, width=1.6),
            fold(f"M{at(-26, 206)}C{at(-10, 212)} {at(10, 212)} {at(24, 206)}", width=5),
        ]
        parts += [
            stroke(cuff, colour=garment.tones.edge, width=40, cap="butt"),
            stroke(cuff, colour=band, width=37.6, cap="butt"),
            ribs(cuff, colour=garment.tones.line, width=37.6, pitch=5),
        ]
    return "".join(parts)


def belt(garment: Garment) -> str:
    """A belt laid in a loop, buckle to the front."""
    hoop = Hoop(wide=134, high=garment.vary(1, 54, 72), band=garment.vary(0, 36, 46), top=134)
    low = hoop.top + hoop.high
    middle = low + hoop.band / 2
    tall = hoop.band + 18
    radius = garment.choose(2, (4, 12))
    frame = f'x="{AXIS - 27:g}" y="{middle - tall / 2:g}" width="54" height="{tall:g}" rx="{radius}" fill="none"'
    holes = ((54, 0.935), (68, 0.885), (82, 0.82))
    return "".join(
        (
            looped(garment, hoop),
            stitch(garment, hoop.rim(lift=5), width=1.4),
            stitch(garment, hoop.rim(lift=hoop.band - 5), width=1.4),
            shine(hoop.rim(lift=hoop.band * 0.3), width=4, opacity=0.12),
            "".join(
                disc(AXIS + x, hoop.top + hoop.high * rise + hoop.band / 2 - 1, radius=2.8, fill="#1c1512")
                for x, rise in holes
            ),
            box(AXIS - 18, low - 1, 36, hoop.band + 2, fill=garment.tones.dark, edge=garment.tones.edge),
            f'<rect {frame} stroke="#00000066" stroke-width="9"/>',
            f'<rect {frame} stroke="{garment.metal}" stroke-width="7"/>',
            stroke(f"M{AXIS - 27:g} {middle:g}H{AXIS + 26:g}", colour="#00000066", width=6.4),
            stroke(f"M{AXIS - 27:g} {middle:g}H{AXIS + 25:g}", colour="#c9ccd2", width=4.4),
            box(
                AXIS + 34,
                low - 5,
                12,
                hoop.band + 4,
                fill=garment.tones.dark,
                radius=2,
                edge=garment.tones.edge,
            ),
        )
    )


def umbrella(garment: Garment) -> str:
    """An open umbrella with ribs, a scalloped hem and a hooked handle."""
    peak = garment.vary(0, 44, 60)
    rim = garment.vary(1, 158, 172)
    wood = garment.choose(2, ("#7a4e2d", "#2d2c30", "#c39a66"))
    canopy = closed(
        (0, peak),
        (72, peak, 126, 96, 134, rim),
        (118, rim - 20, 98, rim - 20, 84, rim),
        (68, rim - 18, 44, rim - 18, 30, rim),
        (20, rim - 14, 8, rim - 16, 0, rim - 16),
    )
    spokes = twin((0, peak), (44, peak + 24, 78, 110, 84, rim), shut=False) + twin(
        (0, peak), (16, peak + 26, 28, 110, 30, rim), shut=False
    )
    gores = twin(
        (1, peak + 2),
        (72, peak, 126, 96, 134, rim),
        (118, rim - 20, 98, rim - 20, 84, rim),
        (78, 110, 44, peak + 24, 1, peak + 2),
    )
    return "".join(
        (
            stroke(f"M{AXIS:g} {rim - 18:g}V254", colour="#6d7076", width=5, cap="butt"),
            stroke(f"M{AXIS - 1:g} {rim - 18:g}V254", colour="#d5d8dc", width=2, cap="butt"),
            stroke(
                f"M{AXIS:g} 236V264C{AXIS:g} 290 {AXIS - 32:g} 290 {AXIS - 32:g} 266",
                colour="#00000066",
                width=12,
            ),
            stroke(f"M{AXIS:g} 236V264C{AXIS:g} 290 {AXIS - 32:g} 290 {AXIS - 32:g} 266", colour=wood, width=10),
            shine(f"M{AXIS - 2:g} 240V262", width=2.4),
            stroke(f"M{AXIS:g} {peak - 16:g}V{peak + 4:g}", colour="#8b8e94", width=5),
            panel(garment, canopy),
            shape(gores, fill="#140c28", opacity=0.07),
            seam(garment, spokes),
            fold(twin((84, rim), (98, rim - 20, 118, rim - 20, 134, rim), shut=False), width=4, opacity=0.12),
            "".join(
                disc(AXIS + side * x, rim, radius=2.8, fill=garment.metal) for side in (-1, 1) for x in (30, 84, 134)
            ),
            shine(line((-70, 86), (-50, 70, -34, 64, -20, 60)), width=8, opacity=0.16),
        )
    )
