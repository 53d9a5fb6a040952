"""Silhouettes of open and light shoes: sandals from the side, flats and flip flops from above."""

from demo.garment import Garment
from demo.silhouettes.cloth import disc, fold, panel, shape, shine, stitch, stroke


def sandals(garment: Garment) -> str:
    """Open sandals with broad straps, an ankle strap and a buckle on a shaped sole."""
    wedge = garment.vary(0, 0, 34)
    cork = garment.choose(1, ("#c79a62", "#e9d8b8", "#5a3b28"))
    bed = (
        f"M44 {206 - wedge}C84 {200 - wedge} 120 {204 - wedge * 0.7:g} 168 208"
        "C206 216 246 214 284 204L286 222C280 238 254 240 232 240H60"
        f"C46 240 40 230 44 {206 - wedge}Z"
    )
    front = (
        "M182 214C176 160 206 146 230 156C258 166 270 190 270 208L242 214"
        "C240 196 236 182 222 178C210 176 208 196 212 216Z"
    )
    middle = f"M118 {208 - wedge * 0.6:g}C116 150 140 122 168 130L176 158C160 154 150 176 154 212Z"
    ankle = f"M58 {204 - wedge}C52 150 50 116 60 92L82 90C76 118 80 160 88 {204 - wedge * 0.9:g}Z"
    wrap = "M60 104C90 88 142 86 168 128L166 150C150 116 104 108 62 124Z"
    buckled = garment.choose(2, (True, False))
    return "".join(
        (
            panel(garment, "M62 98C90 84 140 84 166 130L158 134C136 100 96 98 64 108Z", fill=garment.tones.deep),
            panel(garment, bed, fill=cork, edge="#4a3622"),
            stroke(f"M46 {228 if wedge < 20 else 230}H284", colour="#2b2019", width=5, opacity=0.8),
            stroke(
                (f"M46 {207 - wedge}C84 {201 - wedge} 120 {205 - wedge * 0.7:g} 168 209C206 217 246 215 283 205"),
                colour="#f6e6cb",
                width=3,
                opacity=0.8,
            ),
            fold("M186 220C196 224 230 224 268 214", width=5, opacity=0.16),
            panel(garment, ankle),
            panel(garment, middle),
            panel(garment, front),
            panel(garment, wrap),
            stitch(garment, "M188 212C184 172 206 154 228 162C248 170 260 186 263 206"),
            stitch(garment, "M64 111C96 97 138 98 160 128"),
            (
                '<rect x="112" y="93" width="18" height="22" rx="4" fill="none" '
                f'stroke="{garment.metal}" stroke-width="4" transform="rotate(14 121 104)"/>'
            ),
            disc(228, 164, radius=5, fill=garment.metal, edge="#00000066") if buckled else "",
            shine("M200 176C206 164 218 160 228 164", width=4, opacity=0.24),
        )
    )


def ballet_flats(garment: Garment) -> str:
    """A pair of ballet flats from above, with bows."""
    width = garment.vary(0, 36, 42)
    parts = []
    for middle in (104.0, 216.0):
        parts.append(
            panel(
                garment,
                f"M{middle} 46C{middle + width} 46 {middle + width + 6} 96 {middle + width - 4} 150"
                f"C{middle + width - 8} 184 {middle + width} 220 {middle + width - 6} 252"
                f"C{middle + 22} 288 {middle - 22} 288 {middle - width + 6} 252"
                f"C{middle - width} 220 {middle - width + 8} 184 {middle - width + 4} 150"
                f"C{middle - width - 6} 96 {middle - width} 46 {middle} 46Z",
            )
        )
        inner = (
            f"M{middle} 122C{middle + 24} 122 {middle + width - 12} 136 {middle + width - 13} 156"
            f"C{middle + width - 16} 190 {middle + width - 10} 222 {middle + width - 15} 248"
            f"C{middle + 14} 270 {middle - 14} 270 {middle - width + 15} 248"
            f"C{middle - width + 10} 222 {middle - width + 16} 190 {middle - width + 13} 156"
            f"C{middle - width + 12} 136 {middle - 24} 122 {middle} 122Z"
        )
        parts += [
            panel(garment, inner, fill="#e6d0b4", edge=garment.tones.edge),
            fold(
                f"M{middle - 18} 134C{middle - 8} 128 {middle + 8} 128 {middle + 18} 134",
                width=8,
                opacity=0.16,
            ),
        ]
        parts.append(
            shine(
                f"M{middle - width + 14} 104C{middle - width + 14} 82 {middle - 14} 64 {middle - 4} 62",
                width=6,
                opacity=0.3,
            )
        )
        bow = f"M{middle} 112l-16 -9v18zM{middle} 112l16 -9v18z"
        parts += [
            panel(garment, bow, fill=garment.trim.base, edge=garment.trim.edge),
            disc(middle, 112, radius=4, fill=garment.trim.dark),
        ]
        parts.append(shape(f"M{middle - 9} 226h18v8h-18z", fill="#b08d5e", opacity=0.7))
    return "".join(parts)


def flip_flops(garment: Garment) -> str:
    """A pair of flip flops from above: coloured footbeds and straps that meet at the toe."""
    width = garment.vary(0, 37, 43)
    bed = garment.choose(1, (True, True, False))
    strap = garment.trim if bed else garment.tones
    parts = []
    for middle, lean in ((104.0, 4.0), (216.0, -4.0)):
        outline = (
            f"M{middle + lean} 40C{middle + width + lean} 38 {middle + width + 4} 96 "
            f"{middle + width - 6} 146C{middle + width - 12} 186 {middle + width - 4} 226 "
            f"{middle + width - 10} 258"
            f"C{middle + 18} 288 {middle - 18} 288 {middle - width + 10} 258"
            f"C{middle - width + 4} 226 {middle - width + 12} 186 {middle - width + 6} 146"
            f"C{middle - width - 4} 96 {middle - width + lean} 38 {middle + lean} 40Z"
        )
        toe = middle + lean * 2.4
        thong = (
            f"M{middle - width + 8} 162C{middle - width + 8} 128 {toe - 8} 108 {toe} 92"
            f"C{toe + 8} 108 {middle + width - 8} 128 {middle + width - 8} 162"
        )
        parts += [
            shape(f"{outline}", fill=garment.tones.deep),
            f'<g transform="translate(0 -4)">{panel(garment, outline)}</g>',
            stroke(outline, colour="#ffffff", width=1.6, opacity=0.0),
            fold(thong, width=13, opacity=0.14),
            stroke(thong, colour=strap.edge, width=11.5),
            stroke(thong, colour=strap.base if bed else garment.tones.light, width=9.4),
            shine(thong, width=2, opacity=0.35),
            disc(toe, 92, radius=5, fill=strap.dark),
            stroke(
                f"M{middle - 12} 206q12 8 24 0M{middle - 13} 218q13 8 26 0M{middle - 12} 230q12 8 24 0",
                colour=garment.tones.line,
                width=2,
                opacity=0.5,
            ),
        ]
    return "".join(parts)
