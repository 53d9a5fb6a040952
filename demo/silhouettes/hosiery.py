"""Silhouettes of socks."""

from demo.garment import Garment
from demo.silhouettes.cloth import fold, panel, ribs, stroke


def socks(garment: Garment) -> str:
    """A pair of crew socks with ribbed cuffs, heel and toe at times in another colour."""
    cuff = garment.vary(0, 38, 60)
    tipped = garment.choose(1, (True, False))
    tip = garment.trim.base if tipped else garment.tones.dark
    return "".join(
        f'<g transform="translate({right} {down})">{_sock(garment, cuff=cuff, tip=tip)}</g>'
        for right, down in ((62, -10), (0, 8))
    )


def _sock(garment: Garment, *, cuff: float, tip: str) -> str:
    leg = f"M74 {cuff:g}L136 {cuff:g}C136 130 138 160 142 176"
    sock = leg + (
        f"C154 192 186 204 212 220"
        f"C236 236 228 262 200 264"
        f"C164 264 122 252 94 232"
        f"C74 218 76 190 78 170"
        f"C80 130 76 90 74 {cuff:g}Z"
    )
    toe = "M186 206C196 210 204 215 212 220C236 236 228 262 200 264C190 264 182 263 174 262C172 240 176 220 186 206Z"
    heel = "M78 176C100 180 122 204 122 248C112 244 102 238 94 232C74 218 76 196 78 176Z"
    band = f"M74 {cuff + 13:g}H136"
    return "".join(
        (
            fold(sock, width=8, opacity=0.08),
            panel(garment, sock),
            panel(garment, toe, fill=tip, width=1),
            panel(garment, heel, fill=tip, width=1),
            stroke(band, colour=tip, width=26, cap="butt"),
            ribs(band, colour=garment.tones.line, width=26, pitch=4.4),
            fold(
                ("M82 164C100 172 120 172 136 164"),
                width=5,
            ),
            fold(
                (f"M126 {cuff + 34:g}C127 120 128 140 130 156"),
                width=7,
                opacity=0.08,
            ),
        )
    )
