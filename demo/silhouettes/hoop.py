"""A band that lies in a loop and is seen from above: belts and bangles."""

from dataclasses import dataclass

from demo.garment import Garment
from demo.silhouettes.cloth import AXIS


@dataclass(frozen=True, slots=True, kw_only=True)
class Hoop:
    """Half axes of the loop's ellipse, height of the band, and where its upper rim is centred."""

    wide: float
    high: float
    band: float
    top: float = 140

    def rim(self, *, lift: float) -> str:
        """The front half of the loop, `lift` units below the upper rim."""
        y = self.top + lift
        return f"M{AXIS - self.wide:g} {y:g}A{self.wide:g} {self.high:g} 0 0 0 {AXIS + self.wide:g} {y:g}"


def looped(garment: Garment, hoop: Hoop) -> str:
    """The band in the garment's fabric, with its inner side and the open middle."""
    wide, high, top = hoop.wide, hoop.high, hoop.top
    left, right = AXIS - wide, AXIS + wide
    bottom, level = top + hoop.band, top + hoop.band / 2
    cross = wide * (1 - (hoop.band / 2 / high) ** 2) ** 0.5
    start, end = f"{AXIS - cross:g} {level:g}", f"{AXIS + cross:g} {level:g}"
    arc = f"A{wide:g} {high:g} 0"
    outside = f"M{left:g} {top:g}{arc} 0 1 {right:g} {top:g}V{bottom:g}{arc} 0 1 {left:g} {bottom:g}Z"
    opening = f"M{start}{arc} 0 1 {end}{arc} 0 1 {start}Z"
    inner_wall = f"M{start}{arc} 1 1 {end}{arc} 0 0 {start}Z"
    edge = f'stroke="{garment.tones.edge}" stroke-width="1.4"'
    return (
        f'<path d="{outside}{opening}" fill="{garment.fabric}" fill-rule="evenodd" {edge}/>'
        f'<path d="{inner_wall}" fill="{garment.tones.shade}" {edge}/>'
    )
