"""The photo studio: light, shadow and backdrop around a flat drawing.

resvg spends milliseconds on every gradient, so the drawing is flat and the light is computed here, from the
drawing's own outline: a surface that rises towards its middle, lit from the upper left.
"""

import io
from dataclasses import dataclass
from functools import cache
from random import Random

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageFilter

from demo.palette import Rgb

SIDE = 320
"""Width and height of a picture in pixels."""

_COARSE = 80
_QUALITY = 88
_BACKDROPS: tuple[Rgb, ...] = (
    (244, 243, 240),
    (240, 240, 242),
    (245, 240, 233),
    (234, 239, 243),
    (244, 236, 235),
    (235, 240, 234),
    (239, 236, 244),
    (230, 230, 229),
)

Field = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shoot:
    """How one picture is lit.

    Attributes:
        backdrop: colour of the studio wall.
        standing: whether the product stands on a floor; otherwise it lies flat.
        relief: strength of the light on the outline's slopes.
        creases: strength of the random drape, 0 for hard goods.
        noise: seeds the drape.
    """

    backdrop: Rgb
    standing: bool
    relief: float
    creases: float
    noise: int


def arranged(*, standing: bool, soft: bool, random: Random) -> Shoot:
    """The studio for one product: a backdrop and a light that vary a little."""
    return Shoot(
        backdrop=random.choice(_BACKDROPS),
        standing=standing,
        relief=random.uniform(0.85, 1.15),
        creases=random.uniform(0.035, 0.06) if soft else 0.015,
        noise=random.getrandbits(32),
    )


def photographed(drawing: Image.Image, shoot: Shoot) -> bytes:
    """A JPEG of the drawing in its studio.

    Args:
        drawing: RGBA, `SIDE` x `SIDE` pixels, transparent around the product.
        shoot: light and backdrop.

    Returns:
        JPEG bytes, RGB, `SIDE` x `SIDE` pixels.
    """
    alpha = drawing.getchannel("A")
    coarse = alpha.reduce(SIDE // _COARSE)
    light = _light(coarse, shoot)
    picture = _backdrop(coarse, shoot)
    product = ImageChops.multiply(drawing.convert("RGB"), _grey(np.minimum(light, 1) * 255))
    product = ImageChops.add(product, _grey(np.maximum(light - 1, 0) * 150))
    picture.paste(product, mask=alpha)
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=_QUALITY)
    return data.getvalue()


def _light(coarse: Image.Image, shoot: Shoot) -> Field:
    """Brightness of the product, coarse; exposed so that its mean over the product is just above 1."""
    mask = _numbers(coarse)
    fine = _numbers(coarse.filter(ImageFilter.GaussianBlur(1.6)))
    broad = _numbers(coarse.filter(ImageFilter.GaussianBlur(5)))
    height = fine * 0.35 + broad * 0.65
    down, across = np.gradient(height)
    slope = across * 0.55 + down * 0.85
    light = 1 + shoot.relief * (slope * 1.5 + np.clip(height * 1.25 - 1, -0.3, 0) * 0.2)
    light += shoot.creases * _drape(shoot.noise) + _falloff()
    light += 1.02 - np.average(light, weights=mask + 1e-6)
    return np.asarray(light, dtype=np.float32)


def _backdrop(coarse: Image.Image, shoot: Shoot) -> Image.Image:
    """The wall with the product's shadow on it, RGB."""
    if shoot.standing:
        left, _, right, bottom = coarse.getbbox() or (0, 0, _COARSE, _COARSE)
        rows, columns = np.mgrid[0:_COARSE, 0:_COARSE].astype(np.float32)
        middle, half = (left + right) / 2, (right - left) / 2
        spread = ((columns - middle) / (half * 1.02)) ** 2 + ((rows - bottom + 0.6) / 3.4) ** 2
        shadow = 0.5 * np.exp(-(spread**1.3) * 1.3)
        shadow += 0.12 * _shifted(_numbers(coarse.filter(ImageFilter.GaussianBlur(4))), right=2, down=2)
    else:
        shadow = 0.2 * _shifted(_numbers(coarse.filter(ImageFilter.GaussianBlur(3.2))), right=2, down=3)
        shadow += 0.16 * _shifted(_numbers(coarse.filter(ImageFilter.GaussianBlur(1.1))), right=0, down=1)
    brightness = _wall(standing=shoot.standing) * (1 - shadow)
    wall = brightness[:, :, None] * np.asarray(shoot.backdrop, dtype=np.float32)
    return _full(Image.fromarray(np.clip(wall + 0.5, 0, 255).astype(np.uint8)))


@cache
def _wall(*, standing: bool) -> Field:
    """Brightness of the empty studio, coarse: a soft pool of light, and a floor below standing products."""
    rows, columns = np.mgrid[0:_COARSE, 0:_COARSE].astype(np.float32) / np.float32(_COARSE) - np.float32(0.5)
    wall = 1.035 - 0.17 * (columns**2 + (rows + 0.08) ** 2)
    if standing:
        wall -= 0.045 / (1 + np.exp(-(rows - 0.2) * 34))
    return np.asarray(wall, dtype=np.float32)


@cache
def _falloff() -> Field:
    """The light fades a little from the upper left to the lower right, coarse."""
    rows, columns = np.mgrid[0:_COARSE, 0:_COARSE].astype(np.float32) / np.float32(_COARSE) - np.float32(0.5)
    return np.asarray(-0.07 * rows - 0.05 * columns, dtype=np.float32)


def _drape(noise: int) -> Field:
    """Random soft creases, longer downwards than across, of unit spread; coarse."""
    grid = np.random.default_rng(noise).standard_normal((6, 10), dtype=np.float32)
    full = Image.fromarray(grid).resize((_COARSE, _COARSE), Image.Resampling.BICUBIC)
    return np.asarray(full, dtype=np.float32)


def _shifted(field: Field, *, right: int, down: int) -> Field:
    moved = np.zeros_like(field)
    moved[down:, right:] = field[: _COARSE - down, : _COARSE - right]
    return moved


def _numbers(mask: Image.Image) -> Field:
    return np.asarray(mask, dtype=np.float32) * np.float32(1 / 255)


def _grey(coarse: Field) -> Image.Image:
    """A full-size RGB picture of one coarse channel."""
    small = Image.fromarray(np.clip(coarse + 0.5, 0, 255).astype(np.uint8))
    full = _full(small)
    return Image.merge("RGB", (full, full, full))


def _full(coarse: Image.Image) -> Image.Image:
    return coarse.resize((SIDE, SIDE), Image.Resampling.BILINEAR)
