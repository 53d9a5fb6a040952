"""Pictures as shops really have them: not square, transparent, of a palette, lying on their side, tiny, huge."""

import io
from collections.abc import Callable, Sequence

from PIL import Image

from aisle.images import ORIENTATION, decode_image

EVERY = 4
"""One picture in so many is changed."""


def with_odd_pictures(pictures: Sequence[bytes]) -> tuple[bytes, ...]:
    """Replace every fourth picture by an odd version of itself, each kind in turn.

    Args:
        pictures: Files' bytes.

    Returns:
        As many files.
    """
    return tuple(
        ODD[index // EVERY % len(ODD)](decode_image(data)) if index % EVERY == EVERY - 1 else data
        for index, data in enumerate(pictures)
    )


def _saved(image: Image.Image, format: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format=format, **options)
    return stream.getvalue()


def landscape(image: Image.Image) -> bytes:
    """The middle band, five wide to two high."""
    width, height = image.size
    band = max(1, min(height, width * 2 // 5))
    return _saved(image.crop((0, (height - band) // 2, width, (height + band) // 2)), "JPEG", quality=90)


def portrait(image: Image.Image) -> bytes:
    """The middle column, one wide to three high."""
    width, height = image.size
    column = max(1, min(width, height // 3))
    return _saved(image.crop(((width - column) // 2, 0, (width + column) // 2, height)), "WEBP", quality=90)


def transparent(image: Image.Image) -> bytes:
    """A PNG whose alpha fades from left to right."""
    layer = image.copy()
    layer.putalpha(Image.linear_gradient("L").rotate(90).resize(image.size))
    return _saved(layer, "PNG")


def palette(image: Image.Image) -> bytes:
    """A GIF of 64 colours."""
    return _saved(image.quantize(64, method=Image.Quantize.FASTOCTREE), "GIF")


def lying(image: Image.Image) -> bytes:
    """A JPEG turned by 90 degrees whose EXIF orientation turns it back."""
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    return _saved(image.transpose(Image.Transpose.ROTATE_90), "JPEG", quality=90, exif=exif)


def tiny(image: Image.Image) -> bytes:
    """Nineteen by thirteen pixels."""
    return _saved(image.resize((19, 13)), "PNG")


def large(image: Image.Image) -> bytes:
    """A JPEG of 2,400 by 1,800 pixels, which is decoded at reduced scale."""
    return _saved(image.resize((2400, 1800), Image.Resampling.BICUBIC), "JPEG", quality=85)


ODD: tuple[Callable[[Image.Image], bytes], ...] = (landscape, portrait, transparent, palette, lying, tiny, large)
