"""Named colours, the tones that a drawing needs of each, and jitter that never blurs two names."""

import math
from dataclasses import dataclass
from random import Random

Rgb = tuple[int, int, int]
"""Red, green and blue, each 0..255 (sRGB)."""


@dataclass(frozen=True, slots=True)
class Colour:
    """A named colour and the other words that shoppers use for it."""

    name: str
    rgb: Rgb
    synonyms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tones:
    """The hex colours that shade one material: `base` is its own colour, `line` reads as a seam on it."""

    base: str
    light: str
    dark: str
    shade: str
    deep: str
    line: str
    edge: str


PALETTE: tuple[Colour, ...] = (
    Colour("black", (30, 30, 33), ("jet black",)),
    Colour("white", (247, 246, 243), ("off-white", "snow white")),
    Colour("grey", (142, 145, 150), ("gray", "slate grey")),
    Colour("navy", (30, 42, 86), ("navy blue", "midnight blue")),
    Colour("blue", (38, 96, 204), ("royal blue", "cobalt")),
    Colour("light blue", (140, 196, 238), ("sky blue", "pale blue")),
    Colour("teal", (14, 124, 124), ("petrol",)),
    Colour("mint", (158, 222, 190), ("mint green",)),
    Colour("green", (44, 146, 68), ("emerald green",)),
    Colour("olive", (104, 106, 44), ("khaki green", "olive green")),
    Colour("yellow", (248, 214, 52), ("lemon yellow",)),
    Colour("mustard", (204, 154, 34), ("ochre",)),
    Colour("orange", (242, 120, 32), ("tangerine",)),
    Colour("red", (210, 32, 44), ("scarlet",)),
    Colour("burgundy", (108, 22, 44), ("wine", "maroon")),
    Colour("pink", (244, 152, 186), ("rose pink", "blush pink")),
    Colour("fuchsia", (212, 36, 132), ("hot pink", "magenta")),
    Colour("purple", (104, 54, 164), ("violet",)),
    Colour("lavender", (188, 168, 226), ("lilac",)),
    Colour("brown", (108, 66, 40), ("chocolate", "chestnut")),
    Colour("beige", (218, 196, 158), ("sand", "tan")),
)

COLOURS: dict[str, Colour] = {colour.name: colour for colour in PALETTE}

_NEUTRALS = ("white", "black", "navy", "beige")


def oklab(rgb: Rgb) -> tuple[float, float, float]:
    """Oklab coordinates of an sRGB colour (bottosson.github.io/posts/oklab): lightness 0..1, a, b."""
    red, green, blue = (_linear(channel / 255) for channel in rgb)
    long = math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue)
    medium = math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue)
    short = math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue)
    return (
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )


def distance(one: Rgb, other: Rgb) -> float:
    """Euclidean distance in Oklab; 0.02 is just noticeable, black to white is 1."""
    return math.dist(oklab(one), oklab(other))


def nearest(rgb: Rgb) -> Colour:
    """The named colour nearest to `rgb` in Oklab."""
    return min(PALETTE, key=lambda colour: distance(colour.rgb, rgb))


def jittered(colour: Colour, *, random: Random) -> Rgb:
    """A shade of `colour`, at most a fifth of the way to its nearest neighbour."""
    reach = 0.2 * _distance_to_neighbour(colour)
    _, green_red, blue_yellow = oklab(colour.rgb)
    tint = min(0.5, 5 * math.hypot(green_red, blue_yellow))
    amount = 14.0
    while True:
        lift = random.uniform(-amount, amount)
        red, green, blue = (_clamped(channel + lift + random.uniform(-amount, amount) * tint) for channel in colour.rgb)
        if distance(colour.rgb, (red, green, blue)) <= reach:
            return (red, green, blue)
        amount *= 0.9


def companion(main: Rgb, *, random: Random) -> Rgb:
    """A second colour that is seen clearly beside `main`: mostly a neutral, at times another named colour."""
    neutral = random.random() < 0.65
    names = _NEUTRALS if neutral else tuple(COLOURS)
    seen = [name for name in names if distance(COLOURS[name].rgb, main) > 0.28]
    return COLOURS[random.choice(seen)].rgb


def mixed(one: Rgb, other: Rgb, *, share: float) -> Rgb:
    """`one` with `share` (0..1) of `other` in it."""
    red, green, blue = (_clamped(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return (red, green, blue)


def hexadecimal(rgb: Rgb) -> str:
    """The SVG spelling of a colour, such as `#1e2a56`."""
    return "#{:02x}{:02x}{:02x}".format(*rgb)


def tones(rgb: Rgb) -> Tones:
    """The tones of one material. On near-black the seams are lighter than the cloth, elsewhere darker."""
    lightness = oklab(rgb)[0]
    shadow = (24, 18, 40)
    ink = mixed(rgb, (255, 255, 255), share=0.26) if lightness < 0.32 else mixed(rgb, shadow, share=0.42)
    return Tones(
        base=hexadecimal(rgb),
        light=hexadecimal(mixed(rgb, (255, 255, 255), share=0.22)),
        dark=hexadecimal(mixed(rgb, shadow, share=0.16)),
        shade=hexadecimal(mixed(rgb, shadow, share=0.22)),
        deep=hexadecimal(mixed(rgb, shadow, share=0.45)),
        line=hexadecimal(ink),
        edge=hexadecimal(mixed(rgb, shadow, share=0.34)),
    )


def _distance_to_neighbour(colour: Colour) -> float:
    return min(distance(colour.rgb, other.rgb) for other in PALETTE if other != colour)


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4


def _clamped(channel: float) -> int:
    return max(0, min(255, round(channel)))
