"""Silhouettes of caps and hats."""

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
    stitch,
    stroke,
    twin,
)


def cap(garment: Garment) -> str:
    """A baseball cap from the side with its peak to the right."""
    crown = garment.vary(0, 72, 90)
    dome = f"M52 202C48 130 78 {crown} 140 {crown}C204 {crown} 228 134 230 196C180 210 100 214 52 202Z"
    peak = garment.choose(1, (garment.tones.dark, garment.trim.base, garment.tones.base))
    brim = (
        "M150 204C186 190 214 188 232 190C266 196 300 212 304 226C304 234 296 236 286 234"
        "C246 220 196 220 150 222C144 216 144 208 150 204Z"
    )
    emblem = garment.choose(2, ("circle", "bars", "star"))
    marks = {
        "circle": disc(186, 148, radius=17, fill=garment.trim.base, edge=garment.trim.edge)
        + disc(186, 148, radius=8, fill=garment.trim.dark),
        "bars": stroke("M172 158V140M183 158V128M194 158V146", colour=garment.trim.base, width=7, cap="butt"),
        "star": shape("M186 126l6 14l15 1l-11 10l4 15l-14 -8l-13 8l3 -15l-11 -10l15 -1z", fill=garment.trim.base),
    }[emblem]
    return "".join(
        (
            panel(garment, dome),
            seam(garment, f"M140 {crown}C150 120 152 170 150 206M140 {crown}C104 110 88 160 88 206"),
            stitch(garment, f"M144 {crown + 2}C155 120 157 170 155 204M135 {crown + 2}C99 110 83 160 83 204"),
            disc(140, crown, radius=6, fill=peak, edge=garment.tones.edge),
            "".join(disc(x, y, radius=2.6, fill=garment.tones.deep) for x, y in ((116, 122), (172, 112))),
            marks,
            fold("M54 198C100 208 180 204 230 192", width=6, opacity=0.12),
            fold("M152 214C200 200 240 204 290 230", width=6, opacity=0.12),
            panel(garment, brim, fill=peak),
            stitch(garment, "M158 210C190 198 220 196 236 198C264 204 284 212 294 224"),
            stitch(garment, "M158 215C200 206 240 208 284 226"),
        )
    )


def hat(garment: Garment) -> str:
    """A brimmed hat with a ribbon: a fedora or a broad sun hat."""
    sun = garment.choose(0, (False, True))
    wide = garment.vary(1, 124, 136) if sun else garment.vary(1, 104, 116)
    crown = garment.vary(2, 76, 92)
    brim = closed((0, 178), (60, 178, wide, 182, wide, 202), (wide, 226, 70, 238, 0, 238))
    dome = (
        closed((0, crown), (50, crown - 2, 70, 120, 72, 200), (40, 212, 20, 214, 0, 214))
        if sun
        else closed(
            (0, crown + 12),
            (18, crown - 8, 44, crown - 12, 54, crown + 16),
            (66, 130, 70, 170, 72, 200),
            (40, 212, 20, 214, 0, 214),
        )
    )
    ribbon = closed((0, 190), (40, 190, 58, 184, 70.5, 176), (72, 201), (40, 212, 20, 215, 0, 215))
    return "".join(
        (
            panel(garment, brim),
            fold(
                closed((0, 206), (60, 206, 76, 200, 80, 196), (70, 220, 40, 226, 0, 226)),
                width=5,
                opacity=0.14,
            ),
            stitch(
                garment,
                line(
                    (-wide + 6, 206),
                    (-wide + 12, 224, -70, 231, 0, 231),
                    (70, 231, wide - 12, 224, wide - 6, 206),
                ),
            ),
            panel(garment, dome),
            ""
            if sun
            else fold(
                line((-14, crown + 22), (-6, crown + 46, 6, crown + 46, 14, crown + 22)),
                width=9,
                opacity=0.12,
            ),
            ""
            if sun
            else fold(
                twin((44, crown + 22), (50, crown + 44, 48, crown + 54, 42, crown + 64), shut=False),
                width=8,
                opacity=0.1,
            ),
            panel(garment, ribbon, fill=garment.trim.base, edge=garment.trim.edge),
            panel(
                garment,
                f"M{AXIS + 46:g} 190l20 -16l4 22zM{AXIS + 46:g} 190l-18 -6l2 24z",
                fill=garment.trim.dark,
                edge=garment.trim.edge,
                width=1,
            ),
        )
    )


def beanie(garment: Garment) -> str:
    """A knitted cap with a turned cuff and a bobble at times."""
    crown = garment.vary(0, 78, 96)
    wide = garment.vary(1, 82, 94)
    dome = closed((0, crown), (52, crown, wide - 2, 132, wide, 206), (0, 214))
    cuff = closed(
        (0, 196),
        (50, 196, wide, 192, wide + 3, 190),
        (wide + 7, 206, wide + 6, 230, wide + 3, 244),
        (wide - 20, 252, 40, 254, 0, 254),
    )
    middle = line((-wide - 4, 220), (-40, 226, 40, 226, wide + 4, 220))
    fill = garment.choose(2, (garment.tones.dark, garment.trim.base, garment.tones.base))
    parts = []
    if garment.choose(3, (True, True, False)):
        tuft = garment.choose(4, (garment.tones, garment.trim))
        parts += [disc(AXIS, crown - 12, radius=27, fill=tuft.base, edge=tuft.edge, width=1.2)]
        parts.append(
            f'<circle cx="{AXIS:g}" cy="{crown - 12:g}" r="24" fill="none" stroke="{tuft.line}" '
            'stroke-opacity=".45" stroke-width="6" stroke-dasharray="2 4"/>'
        )
        parts.append(
            f'<circle cx="{AXIS:g}" cy="{crown - 12:g}" r="13" fill="none" stroke="{tuft.line}" '
            'stroke-opacity=".4" stroke-width="9" stroke-dasharray="2 4"/>'
        )
    parts += [panel(garment, dome)]
    if garment.plain:
        wales = "".join(
            twin(
                (wide * share, 196),
                (wide * share, 150, wide * share * 0.7, crown + 24, wide * share * 0.2, crown + 5),
                shut=False,
            )
            for share in (0.12, 0.36, 0.6, 0.84)
        )
        parts += [
            stroke(wales, colour=garment.tones.line, width=5, opacity=0.3, dash="4 3", cap="butt"),
            seam(garment, wales, opacity=0.3),
        ]
    parts += [
        fold(line((-wide, 190), (-40, 194, 40, 194, wide, 190)), width=7, opacity=0.14),
        panel(garment, cuff, fill=fill),
        ribs(middle, colour=garment.tones.line, width=52, pitch=6.4, opacity=0.4),
    ]
    parts.append(
        box(
            AXIS + 26,
            214,
            26,
            18,
            fill=garment.trim.base if fill != garment.trim.base else garment.tones.base,
            radius=2,
            edge="#00000033",
        )
    )
    return "".join(parts)
