"""Silhouettes of closed shoes, from the side with the toe to the right."""

from demo.garment import Garment
from demo.silhouettes.cloth import disc, fold, panel, ribs, seam, shape, shine, stitch, stroke


def sneakers(garment: Garment) -> str:
    """A laced trainer, low or high, with a chunky sole and a side mark."""
    high = garment.choose(0, (False, False, True))
    top = 78.0 if high else 126.0
    toe = garment.vary(1, 0, 10)
    sole = garment.choose(2, ("#f7f5ef", "#f7f5ef", garment.trim.base))
    lace = garment.choose(3, ("#f9f7f2", garment.trim.base))
    upper = (
        f"M60 {top}C54 {top + 26} 52 176 50 210L282 210C288 190 {270 - toe} 180 240 172"
        f"C214 164 196 148 178 {124 if not high else 96}C172 {top - 8} 164 {top - 10} 156 {top - 4}"
        f"C138 {top + 10} 112 {top + 14} 96 {top + 2}C84 {top - 8} 66 {top - 12} 60 {top}Z"
    )
    tongue = f"M140 {top + 2}C146 {top - 20} 166 {top - 26} 178 {top - 10}L206 154L190 162Z"
    cap = "M240 172C266 179 288 190 282 211L222 211C218 194 226 178 240 172Z"
    heel = (
        f"M60 {top}C54 {top + 26} 52 176 50 210L84 210C74 176 78 {top + 34} 84 {top - 3}"
        f"C74 {top - 8} 64 {top - 8} 60 {top}Z"
    )
    steps = 5 if high else 4
    start = 106 if high else 130
    laces = "".join(
        (f"M{176 + 12 * row + (0 if not high else -2)} {start + row * (38 / steps + (4 if high else 0)):g}l-17 11")
        for row in range(steps)
    )
    mark = garment.choose(4, ("swoosh", "stripes", "star"))
    ink = garment.trim.base
    marks = {
        "swoosh": shape("M92 188C120 196 160 186 206 158C176 192 130 210 100 204C90 202 88 194 92 188Z", fill=ink),
        "stripes": stroke("M124 204L146 158M142 204L164 160M160 204L182 164", colour=ink, width=8, cap="butt"),
        "star": shape("M134 158l7 15l16 2l-12 11l3 16l-14 -8l-14 8l3 -16l-12 -11l16 -2z", fill=ink),
    }[mark]
    return "".join(
        (
            panel(garment, tongue, fill=garment.tones.dark),
            panel(garment, upper),
            panel(garment, cap, fill=garment.choose(5, (garment.tones.base, garment.tones.dark, "#f7f5ef"))),
            panel(garment, heel, fill=garment.choose(6, (garment.tones.dark, garment.trim.base))),
            marks,
            seam(garment, f"M84 {top + 10}C90 {top + 26} 140 {top + 24} 158 {top + 8}"),
            stitch(garment, "M222 206C220 192 228 178 240 176"),
            stroke(
                f"M190 162C180 150 168 {top + 20} 160 {top + 2}",
                colour=garment.tones.line,
                width=2,
                opacity=0.5,
            ),
            fold(laces, width=6, opacity=0.2),
            stroke(laces, colour=lace, width=4.4),
            _sole(sole, line=garment.tones.base),
            shine("M262 188C270 192 274 196 276 202", width=3),
        )
    )


def boots(garment: Garment) -> str:
    """An ankle boot: laced worker or elastic-sided chelsea, with a heel."""
    shaft = garment.vary(0, 44, 84)
    laced = garment.choose(1, (True, False))
    sole = garment.choose(2, ("#2a2320", "#8a6238", "#f0e6d2"))
    upper = (
        f"M88 {shaft}C112 {shaft - 6} 146 {shaft - 6} 172 {shaft}C168 110 170 132 182 148"
        "C206 162 250 166 270 190C280 204 280 214 278 220L78 220C72 180 92 132 88 " + f"{shaft}Z"
    )
    parts = [panel(garment, upper)]
    if laced:
        parts.append(
            panel(
                garment,
                (f"M140 {shaft - 4}L176 {shaft - 6}C172 112 176 132 188 148L218 162L204 180C176 168 150 150 146 128Z"),
                fill=garment.tones.dark,
            )
        )
        rows = range(int(shaft) + 14, 150, 16)
        cords = "".join(
            f"M{146 + max(0, (y - 110) * 0.35):g} {y + 4}L{174 + max(0, (y - 120) * 0.5):g} {y - 2}" for y in rows
        )
        parts += [
            fold(cords, width=5, opacity=0.2),
            stroke(cords, colour=garment.choose(3, ("#e6c98a", garment.trim.light)), width=3.6),
        ]
        parts += [
            disc(143 + max(0, (y - 110) * 0.35), y + 5, radius=2.4, fill=garment.metal, edge="#00000055") for y in rows
        ]
        parts.append(seam(garment, "M204 180C220 176 232 168 236 166"))
    else:
        parts += [panel(garment, f"M116 {shaft - 4}L150 {shaft - 4}L142 150L124 150Z", fill=garment.tones.deep)]
        parts.append(ribs(f"M133 {shaft - 2}V148", colour=garment.tones.light, width=16, opacity=0.25, pitch=3.6))
        parts.append(
            stroke(
                f"M92 {shaft + 4}C88 {shaft - 16} 100 {shaft - 18} 102 {shaft}",
                colour=garment.tones.dark,
                width=5,
            )
        )
        parts.append(seam(garment, "M142 150C150 176 156 200 158 220M124 150C112 170 104 196 102 220"))
    parts += [
        fold("M96 150C118 160 150 156 172 142", width=5),
        fold("M186 166C198 176 204 190 204 204", width=5, opacity=0.08),
        shine("M236 176C254 182 264 190 268 200", width=5, opacity=0.25),
        shine(f"M104 {shaft + 14}C106 110 102 130 98 150", width=5, opacity=0.13),
        panel(
            garment,
            "M76 216H280C284 228 280 236 268 236H146L128 234L122 250H78C74 240 74 226 76 216Z",
            fill=sole,
            edge="#1a1412",
        ),
        stroke(
            "M78 219.5H279",
            colour="#f3d9a0" if laced else "#000000",
            width=1.4,
            opacity=0.8,
            dash="4 2.6",
            cap="butt",
        ),
        stroke(
            "M150 233v4M166 233v4M182 233v4M198 233v4M214 233v4M230 233v4M246 233v4",
            colour="#000000",
            width=3,
            opacity=0.35,
        ),
    ]
    return "".join(parts)


def heels(garment: Garment) -> str:
    """A court shoe on a high heel; an ankle strap at times."""
    lift = garment.vary(0, -10, 14)
    back = 112 + lift
    thick = garment.choose(1, (5.0, 8.0, 18.0))
    tip = garment.choose(2, (286.0, 276.0))
    stem = (
        f"M60 {back + 44}C56 {back + 70} 62 210 {70 - thick / 3:g} 246H{70 + thick:g}"
        f"C{72 + thick:g} 216 84 196 104 {back + 66}Z"
    )
    upper = (
        f"M60 {back}C52 {back + 24} 54 {back + 48} 66 {back + 62}"
        f"C104 {back + 66} 138 {196 + lift / 2:g} 184 226"
        f"C206 246 256 246 {tip} 240C292 232 280 222 262 212C240 200 216 190 200 172C190 178 174 186 160 182"
        f"C128 172 106 {back + 30} 92 {back}C84 {back - 10} 66 {back - 12} 60 {back}Z"
    )
    inner = (
        f"M66 {back + 4}C96 {back + 8} 120 170 160 184C176 188 190 180 200 172"
        f"C192 166 176 176 164 172C136 162 112 {back + 20} 92 {back}"
        f"C84 {back - 8} 68 {back - 8} 66 {back + 4}Z"
    )
    parts = [panel(garment, stem, fill=garment.tones.dark), panel(garment, upper)]
    parts += [panel(garment, inner, fill="#e8d2b8", edge=garment.tones.edge, width=1)]
    parts.append(
        stroke(
            f"M66 {back + 62}C104 {back + 66} 138 {198 + lift / 2:g} 184 227C206 247 256 247 {tip} 241",
            colour=garment.tones.deep,
            width=3.4,
        )
    )
    if garment.choose(3, (True, False)):
        parts += [
            stroke(
                (
                    f"M66 {back - 20}C90 {back - 32} 124 {back - 28} 138 {back - 12}"
                    f"C128 {back} 92 {back + 2} 66 {back - 6}"
                ),
                colour=garment.tones.base,
                width=7,
            )
        ]
        parts += [
            stroke(f"M66 {back + 6}L66 {back - 20}", colour=garment.tones.dark, width=8),
            disc(132, back - 10, radius=4.5, fill=garment.metal, edge="#00000066"),
        ]
    if garment.choose(4, (True, False, False)):
        parts.append(
            panel(
                garment,
                "M212 176l16 -10l-3 18l17 6l-18 6l-10 -8z",
                fill=garment.trim.base,
                edge=garment.trim.edge,
            )
        )
    parts += [
        shine("M216 202C232 212 252 220 266 228", width=5, opacity=0.4),
        shine(f"M70 {back + 20}C70 {back + 34} 76 {back + 44} 88 {back + 48}", width=5, opacity=0.3),
    ]
    parts.append(shine("M72 200C72 216 74 226 74 236", width=2.4, opacity=0.3))
    return "".join(parts)


def loafers(garment: Garment) -> str:
    """A slip-on with a penny strap or tassels, a moccasin seam and a low heel."""
    sole = garment.choose(0, ("#33261d", "#8a6238", "#efe6d6"))
    toe = garment.vary(1, 170, 180)
    upper = (
        f"M54 142C48 164 46 190 48 214L280 214C294 206 284 188 256 {toe + 6}C234 {toe - 1} 218 160 200 146"
        "C190 138 178 138 168 146C142 166 106 164 84 146C74 136 58 134 54 142Z"
    )
    hollow = "M58 143C82 140 150 166 180 140C168 142 158 154 146 158C120 166 96 158 84 147C76 140 62 136 58 143Z"
    strap = "M168 146C178 138 190 138 200 146C206 152 210 154 214 158L204 213H160C160 192 162 166 168 146Z"
    ridge = f"M214 158C230 170 246 {toe + 4} 258 {toe + 12}C250 {toe + 18} 228 {toe + 16} 208 {toe + 10}"
    parts = [panel(garment, upper), panel(garment, hollow, fill="#d9b98f", width=1)]
    parts += [stitch(garment, ridge, width=1.8), fold(ridge, width=6, opacity=0.08)]
    if garment.choose(2, (True, False)):
        parts += [
            fold("M162 212C160 190 160 168 166 150M208 212L217 160", width=5, opacity=0.12),
            panel(garment, strap, fill=garment.tones.dark),
            stitch(garment, "M165 212C164 192 166 170 171 150M200 212L209 158"),
            shape("M176 164l24 3l-1 7l-24 -3z", fill=garment.tones.deep),
        ]
    else:
        tassels = "M198 158l-12 26M204 160l-4 30M210 162l6 26"
        parts += [
            stroke(tassels, colour=garment.tones.deep, width=8),
            stroke(tassels, colour=garment.tones.light, width=5.4),
            stroke("M172 150C184 158 198 160 212 158", colour=garment.tones.dark, width=6),
            disc(205, 158, radius=6, fill=garment.metal, edge="#00000055"),
        ]
    parts += [
        seam(garment, "M96 160C92 180 92 200 94 214"),
        stitch(garment, "M56 152C62 160 72 162 86 156C106 168 142 170 166 152"),
        shine("M248 190C262 194 270 200 274 206", width=5, opacity=0.32),
        shine("M62 166C60 178 60 190 62 202", width=5, opacity=0.18),
        panel(
            garment,
            "M46 212H284C288 220 284 226 274 226H132L126 228L124 242H52C46 236 44 222 46 212Z",
            fill=sole,
            edge="#1a1412",
        ),
        stroke("M48 214.5H282", colour="#000000", width=1.6, opacity=0.35),
    ]
    return "".join(parts)


def _sole(fill: str, *, line: str) -> str:
    body = (
        "M46 206C42 222 46 236 58 238H266C286 236 292 224 287 208C285 203 280 203 274 204"
        "C200 212 120 212 62 204C54 203 48 202 46 206Z"
    )
    return (
        f'<path d="{body}" fill="{fill}" stroke="#00000055" stroke-width="1.3"/>'
        + stroke("M50 224C110 230 220 230 286 220", colour=line, width=2.6, opacity=0.85)
        + stroke("M58 235.5H268", colour="#3a3430", width=4, opacity=0.6)
        + stroke("M52 214C110 220 220 220 284 212", colour="#000000", width=1.2, opacity=0.2, dash="5 3")
    )
