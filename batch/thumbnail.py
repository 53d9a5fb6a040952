"""The small picture that the page shows."""

import io

from PIL import Image

from aisle.images import FORMATS, is_upright

LONGEST_SIDE = 384
MOST_BYTES = 64 * 1024
QUALITY = 85

_PASSED_THROUGH = ("JPEG", "PNG", "WEBP")
_MODES = ("RGB", "L")


def make_thumbnail(data: bytes, image: Image.Image) -> bytes:
    """A file of at most 384 pixels on its longer side that any browser shows as it is.

    Files that are small and plain already are kept to the byte: no work, and no second generation of JPEG.

    Args:
        data: The original file, which `aisle.images.decode_image` accepted.
        image: What it was decoded to: upright RGB, perhaps at reduced scale.

    Returns:
        A JPEG, PNG or WebP file.
    """
    if len(data) <= MOST_BYTES and _is_plain(data):
        return data
    small = image.copy()
    small.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.BICUBIC, reducing_gap=2.0)
    stream = io.BytesIO()
    small.save(stream, "JPEG", quality=QUALITY, optimize=True)
    return stream.getvalue()


def _is_plain(data: bytes) -> bool:
    with Image.open(io.BytesIO(data), formats=FORMATS) as header:
        return (
            header.format in _PASSED_THROUGH  # and not MPO, which hides in a JPEG
            and max(header.size) <= LONGEST_SIDE
            and header.mode in _MODES
            and "transparency" not in header.info
            and getattr(header, "n_frames", 1) == 1
            and is_upright(header)
        )
