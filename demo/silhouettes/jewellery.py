"""Silhouettes of glasses and jewellery."""

import math
from itertools import pairwise

from demo.garment import Garment
from demo.silhouettes.cloth import (
    AXIS,
    disc,
    line,
    panel,
    seam,
    shape,
    shine,
    stroke,
    twin,
)
from demo.silhouettes.hoop import Hoop, looped


def sunglasses(garment: Garment) -> str:
    """Sunglasses from the front: round, cat-eye or square frames with tinted lenses."""
    style = garment.choose(0, ("square", "round", "cat"))
    heavy = garment.vary(1, 13, 17)
    y = 156.0
    lens = {
        "square": twin(
            (20, y - 32),
            (60, y - 36, 100, y - 36, 118, y - 30),
            (122, y + 2, 116, y + 38, 92, y + 42),
            (62, y + 46, 34, y + 44, 28, y + 28),
            (22, y + 8, 18, y - 12, 20, y - 32),
        ),
        "round": twin(
            (66, y - 42),
            (96, y - 42, 116, y - 20, 116, y + 4),
            (116, y + 30, 94, y + 50, 66, y + 50),
            (38, y + 50, 18, y + 30, 18, y + 4),
            (18, y - 20, 38, y - 42, 66, y - 42),
        ),
        "cat": twin(
            (20, y - 20),
            (50, y - 38, 100, y - 40, 130, y - 52),
            (130, y - 8, 116, y + 34, 76, y + 38),
            (44, y + 40, 22, y + 20, 20, y - 20),
        ),
    }[style]
    tint = garment.choose(2, ("#2b2a30", garment.tones.deep, "#4a3426"))
    bridge = line((-22, y - 14), (-10, y - 26, 10, y - 26, 22, y - 14))
    arms = twin((112, y - 26), (132, y - 36, 142, y - 20, 144, y + 26), shut=False)
    glare = "".join(f"M{AXIS + x:g} {y + 22:g}l26 -40M{AXIS + x + 16:g} {y + 26:g}l14 -22" for x in (-92, 40))
    return "".join(
        (
            stroke(arms, colour=garment.tones.edge, width=heavy * 0.7),
            stroke(arms, colour=garment.tones.dark, width=heavy * 0.7 - 2.2),
            stroke(bridge, colour=garment.tones.edge, width=heavy),
            stroke(bridge, colour=garment.tones.base, width=heavy - 2.4),
            shape(lens, fill=tint, opacity=0.88),
            shine(glare, width=6, opacity=0.18),
            stroke(lens, colour=garment.tones.edge, width=heavy),
            stroke(lens, colour=garment.fabric, width=heavy - 2.4),
            stroke(lens, colour="#ffffff", width=2, opacity=0.28),
            "".join(disc(AXIS + x, y - 24, radius=3, fill=garment.metal) for x in (-112, 112)),
        )
    )


def earrings(garment: Garment) -> str:
    """A pair of earrings: drops, hoops with a bead, or blossoms."""
    style = garment.choose(0, ("drop", "tassel", "blossom"))
    y = garment.vary(1, 150, 168)
    parts = []
    for x in (AXIS - 58, AXIS + 58):
        hook = f"M{x:g} {y - 42:g}V{y - 66:g}C{x:g} {y - 96:g} {x + 26:g} {y - 96:g} {x + 24:g} {y - 62:g}"
        parts += [
            stroke(hook, colour="#00000066", width=4.6),
            stroke(hook, colour=garment.metal, width=3.4),
            disc(x, y - 42, radius=7, fill=garment.metal, edge="#00000066"),
        ]
        if style == "drop":
            drop = (
                f"M{x:g} {y - 34:g}C{x + 12:g} {y:g} {x + 40:g} {y + 24:g} {x + 40:g} {y + 54:g}"
                f"C{x + 40:g} {y + 100:g} {x - 40:g} {y + 100:g} {x - 40:g} {y + 54:g}"
                f"C{x - 40:g} {y + 24:g} {x - 12:g} {y:g} {x:g} {y - 34:g}Z"
            )
            parts += [
                panel(garment, drop),
                shape(
                    f"M{x:g} {y - 34:g}L{x + 20:g} {y + 46:g}L{x:g} {y + 88:g}L{x - 20:g} {y + 46:g}Z",
                    fill="#ffffff",
                    opacity=0.1,
                ),
            ]
            parts += [
                stroke(drop, colour=garment.metal, width=4),
                shine(
                    (f"M{x - 24:g} {y + 48:g}C{x - 24:g} {y + 36:g} {x - 18:g} {y + 28:g} {x - 14:g} {y + 20:g}"),
                    width=5,
                    opacity=0.5,
                ),
            ]
        elif style == "tassel":
            strands = "".join(f"M{x + step * 0.55:g} {y - 14:g}L{x + step:g} {y + 92:g}" for step in range(-20, 21, 8))
            parts += [
                stroke(strands, colour=garment.tones.edge, width=8.4),
                stroke(strands, colour=garment.tones.base, width=3.6),
            ]
            parts += [
                panel(
                    garment,
                    (f"M{x - 14:g} {y - 8:g}C{x - 14:g} {y - 40:g} {x + 14:g} {y - 40:g} {x + 14:g} {y - 8:g}Z"),
                ),
                stroke(f"M{x - 15:g} {y - 6:g}h30", colour=garment.metal, width=6),
            ]
        else:
            petals = "".join(
                disc(
                    x + 26 * math.cos(turn),
                    y + 6 + 26 * math.sin(turn),
                    radius=19,
                    fill=garment.tones.base,
                    edge=garment.tones.edge,
                )
                for turn in (2 * math.pi * step / 5 - math.pi / 2 for step in range(5))
            )
            parts += [
                petals,
                disc(x, y + 6, radius=12, fill=garment.metal, edge="#00000066"),
                shine(f"M{x - 12:g} {y - 26:g}q6 -8 14 -8", width=4, opacity=0.4),
            ]
    return "".join(parts)


def necklace(garment: Garment) -> str:
    """A necklace of beads, or a chain with a pendant."""
    beads = garment.choose(1, (True, True, False))
    deep = garment.vary(0, 206, 236) if beads else garment.vary(0, 176, 200)
    parts = []
    points = _chain(deep=deep)
    chain = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points[::6])
    parts += [stroke(chain, colour="#00000055", width=4.4), stroke(chain, colour=garment.metal, width=3.2)]
    if beads:
        middle, accents = len(points) // 2, garment.choose(3, (True, False))
        reach, radius, count = 0.0, garment.vary(2, 13, 16), 0
        while reach < len(points) * 0.3:
            tone = garment.trim if accents and count % 3 == 2 else garment.tones
            for place in {middle + round(reach), middle - round(reach)}:
                x, y = points[place]
                parts += [
                    disc(x, y, radius=radius, fill=tone.base, edge=tone.edge),
                    disc(x - radius * 0.3, y - radius * 0.35, radius=radius * 0.28, fill="#ffffffa0"),
                ]
            reach += radius
            radius = max(7.0, radius * 0.95)
            reach += radius
            count += 1
    else:
        y = deep - 2
        gem = f"M{AXIS:g} {y:g}L{AXIS + 40:g} {y + 30:g}L{AXIS:g} {y + 82:g}L{AXIS - 40:g} {y + 30:g}Z"
        parts += [
            panel(garment, gem),
            shape(
                f"M{AXIS:g} {y:g}L{AXIS + 16:g} {y + 30:g}L{AXIS:g} {y + 82:g}L{AXIS - 16:g} {y + 30:g}Z",
                fill="#ffffff",
                opacity=0.2,
            ),
        ]
        parts += [
            seam(garment, f"M{AXIS - 40:g} {y + 30:g}H{AXIS + 40:g}", opacity=0.6),
            stroke(gem, colour=garment.metal, width=5),
            disc(AXIS, y - 2, radius=6, fill=garment.metal, edge="#00000066"),
        ]
        for share in (0.26, 0.36, 0.64, 0.74):
            bead_x, bead_y = _on_chain(share, deep=deep)
            parts.append(disc(bead_x, bead_y, radius=9.5, fill=garment.tones.base, edge=garment.tones.edge))
    return "".join(parts)


def bracelet(garment: Garment) -> str:
    """A bracelet: round beads on a cord, or a solid bangle."""
    beads = garment.choose(0, (True, False))
    wide, high = garment.vary(1, 94, 106), garment.vary(2, 66, 80)
    parts = []
    if beads:
        count = garment.choose(3, (20, 24))
        for step in range(count):
            turn = 2 * math.pi * step / count - math.pi / 2
            x, y = AXIS + wide * math.cos(turn), 164 + high * math.sin(turn)
            radius = 12.5 + 2.5 * math.sin(turn)
            tone = garment.trim if step % 6 == 3 else garment.tones
            parts += [
                disc(x, y, radius=radius, fill=tone.base, edge=tone.edge),
                disc(x - radius * 0.3, y - radius * 0.35, radius=radius * 0.28, fill="#ffffffa0"),
            ]
        parts.append(disc(AXIS, 164 + high + 24, radius=11, fill=garment.metal, edge="#00000066"))
        return "".join(parts)
    hoop = Hoop(wide=wide, high=high, band=garment.vary(4, 32, 50))
    gleam = f"M{AXIS - wide * 0.84:g} {hoop.top + high * 0.55 + 14:g}Q{AXIS - wide * 0.5:g} {hoop.top + high + 8:g}"
    return "".join(
        (
            looped(garment, hoop),
            stroke(hoop.rim(lift=3), colour=garment.metal, width=5),
            stroke(hoop.rim(lift=hoop.band - 3), colour=garment.metal, width=5),
            shine(f"{gleam} {AXIS - 16:g} {hoop.top + high + 16:g}", width=6, opacity=0.35),
        )
    )


def _chain(*, deep: float) -> list[tuple[float, float]]:
    """Points of a hanging chain, a unit apart, from upper left to upper right."""
    rough = [_on_chain(step / 1200, deep=deep) for step in range(1201)]
    points, walked = [rough[0]], 0.0
    for before, after in pairwise(rough):
        walked += math.dist(before, after)
        if walked >= 1:
            points.append(after)
            walked -= 1
    return points


def _on_chain(share: float, *, deep: float) -> tuple[float, float]:
    """A point of a hanging chain: a catenary-like curve from upper left to upper right."""
    x = -1 + 2 * share
    reach = 84 * math.sin(x * math.pi / 2) if abs(x) < 1 else 84 * x
    return AXIS + reach, 44 + (deep - 44) * (1 - abs(x) ** 2.6)
