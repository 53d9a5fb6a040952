"""Bytes of a picture to upright RGB, with the caps checked before any pixel is decoded."""

import base64
import binascii
import io
import struct
import zlib
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps

from aisle.errors import ImageFault, InvalidImage

FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
"""What we decode. Everything else Pillow knows stays closed: fewer parsers face hostile bytes."""

ORIENTATION = 0x0112

_DECODER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    IndexError,
    KeyError,
    EOFError,
    OverflowError,
    struct.error,
    zlib.error,
)


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """Caps on what is decoded.

    Attributes:
        max_bytes: Longest accepted file.
        max_pixels: Largest accepted width x height, as the header states it.
    """

    max_bytes: int = 32 * 1024 * 1024
    max_pixels: int = 64_000_000


DEFAULT_LIMITS = ImageLimits()


def decode_image(data: bytes, *, limits: ImageLimits = DEFAULT_LIMITS, at_least: int | None = None) -> Image.Image:
    """Decode JPEG, PNG, WebP or GIF (first frame) to an upright RGB picture.

    CMYK is converted, transparency is laid over white, 16-bit grey is scaled to 8 bit, the EXIF
    orientation is applied.

    Args:
        data: The file's bytes.
        limits: Caps, checked against the header.
        at_least: The shorter side the caller needs, in pixels. A JPEG at least four times that large is
            decoded at 1/2, 1/4 or 1/8 scale inside the decoder, never below twice `at_least`.

    Returns:
        A Pillow image of mode RGB.

    Raises:
        InvalidImage: With the fault and a message that names what was found.
    """
    if not data:
        raise InvalidImage("the picture is empty (0 bytes)", fault=ImageFault.EMPTY)
    if len(data) > limits.max_bytes:
        raise InvalidImage(
            f"the picture has {len(data):,} bytes; at most {limits.max_bytes:,} are accepted",
            fault=ImageFault.TOO_MANY_BYTES,
        )
    image = _open(data, limits)
    if at_least is not None and image.format in {"JPEG", "MPO"}:
        image.draft(None, (2 * at_least, 2 * at_least))
    try:
        image.load()
        return _rgb(_upright(image))
    except _DECODER_ERRORS as error:
        fault = ImageFault.TRUNCATED if _is_truncation(error) else ImageFault.CORRUPT
        raise InvalidImage(f"the picture cannot be decoded: {error}", fault=fault) from error


def decode_base64(text: str) -> bytes:
    """Bytes of standard base64.

    Raises:
        InvalidImage: `text` is not base64.
    """
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidImage(f"the picture is not valid base64: {error}", fault=ImageFault.CORRUPT) from error


def _open(data: bytes, limits: ImageLimits) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InvalidImage(
            f"the picture has too many pixels; at most {limits.max_pixels:,} are accepted ({error})",
            fault=ImageFault.TOO_MANY_PIXELS,
        ) from error
    except _DECODER_ERRORS as error:
        raise _unopened(data, error) from error
    width, height = image.size
    if width * height > limits.max_pixels:
        raise InvalidImage(
            f"the picture is {width} x {height} pixels; at most {limits.max_pixels:,} in all are accepted",
            fault=ImageFault.TOO_MANY_PIXELS,
        )
    return image


_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"RIFF")


def _unopened(data: bytes, error: Exception) -> InvalidImage:
    """A known signature that will not open is damage; anything else is a format we do not take."""
    if data.startswith(_SIGNATURES):
        return InvalidImage(
            f"the picture's header cannot be read ({len(data):,} bytes): {_first_line(error)}",
            fault=ImageFault.TRUNCATED if _is_short(data) else ImageFault.CORRUPT,
        )
    return InvalidImage(
        f"not a {', '.join(FORMATS)} picture: it starts with {data[:8]!r}", fault=ImageFault.UNKNOWN_FORMAT
    )


def _is_short(data: bytes) -> bool:
    """WebP states its length in the header; of the others fewer than 1 KiB without a readable header is a stump."""
    if data.startswith(b"RIFF"):
        return len(data) < 8 + int.from_bytes(data[4:8], "little")
    return len(data) < 1024


def _first_line(error: Exception) -> str:
    text = str(error).split("<_io", maxsplit=1)[0].strip()
    return text.splitlines()[0] if text else type(error).__name__


def _is_truncation(error: Exception) -> bool:
    text = str(error).lower()
    return isinstance(error, EOFError) or "truncated" in text or "unexpected end" in text


def is_upright(image: Image.Image) -> bool:
    """Whether a picture is shown as it is stored. Damaged EXIF says nothing about how it stands."""
    try:
        return image.getexif().get(ORIENTATION, 1) not in range(2, 9)
    except _DECODER_ERRORS:
        return True


def _upright(image: Image.Image) -> Image.Image:
    return image if is_upright(image) else ImageOps.exif_transpose(image)


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith("I"):
        grey = np.asarray(image).astype(np.int64).clip(0, 65535) >> 8
        return Image.fromarray(grey.astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        white = Image.new("RGBA", layer.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, layer).convert("RGB")
    return image.convert("RGB")
