"""Small pictures as data URIs, for a page that is one file."""

import base64
import io
from collections.abc import Iterable

from PIL import Image

from aisle.fetch import fetch_image
from aisle.images import DEFAULT_LIMITS, decode_image
from aisle.sources import Source

LONGEST_SIDE = 192
"""In pixels: twice what a page shows, for dense screens."""

QUALITY = 80


def thumbnails(source: Source, column: str, rows: Iterable[int]) -> dict[int, str]:
    """The pictures of some rows as JPEG data URIs by row; small pictures keep their size.

    Args:
        source: The catalog.
        column: Of pictures.
        rows: Rows whose pictures could be read before.

    Raises:
        InvalidImage: A picture cannot be read any more.
    """
    made: dict[int, str] = {}
    for row in sorted(set(rows)):
        (value,) = source.images(column, row, row + 1)
        data = fetch_image(value, folder=source.folder, limits=DEFAULT_LIMITS)
        made[row] = _data_uri(decode_image(data or b"", at_least=LONGEST_SIDE))
    return made


def _data_uri(image: Image.Image) -> str:
    small = image.copy()
    small.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.BICUBIC, reducing_gap=2.0)
    stream = io.BytesIO()
    small.save(stream, "JPEG", quality=QUALITY, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode('ascii')}"
