"""Small catalogs with good and hostile rows, made on the spot."""

import io
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from aisle.catalog import Roles
from aisle.errors import ImageFault
from aisle.images import DEFAULT_LIMITS
from aisle.manifest import AttributeType

COLOURS = {"red": (220, 20, 20), "green": (20, 200, 20), "blue": (20, 20, 220), "white": (240,) * 3, "black": (15,) * 3}
ARTICLES = ("shirt", "shoe", "bag", "hat")
ROLES = Roles(
    id="id",
    image="image",
    title="title",
    attributes={
        "colour": AttributeType.CATEGORY,
        "article": AttributeType.CATEGORY,
        "price": AttributeType.NUMBER,
    },
)


def picture(number: int, *, format: str = "JPEG", size: tuple[int, int] = (48, 40)) -> bytes:
    """A picture of its own: a colour with noise."""
    generator = np.random.default_rng(number)
    colour = np.array(list(COLOURS.values())[number % len(COLOURS)])
    pixels = (colour + generator.normal(0, 25, size=(4, 4, 3))).clip(0, 255).astype(np.uint8)
    return encoded(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC), format=format)


def encoded(image: Image.Image, *, format: str = "JPEG", **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def row(number: int, image: bytes | None, **changes: Any) -> dict[str, Any]:
    colour = list(COLOURS)[number % len(COLOURS)]
    article = ARTICLES[number % len(ARTICLES)]
    values = {
        "id": f"p{number}",
        "title": f"{colour} {article} number {number}",
        "colour": colour,
        "article": article,
        "price": float(number),
        "image": image,
    }
    return values | changes


def good_rows(count: int) -> list[dict[str, Any]]:
    formats = ("JPEG", "PNG", "WEBP", "GIF")
    return [row(number, picture(number, format=formats[number % 4])) for number in range(count)]


def hostile_images() -> dict[str, tuple[bytes, ImageFault]]:
    """Twelve files that are not pictures we accept, each with the reason."""
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    jpeg, png = encoded(noise), encoded(noise, format="PNG")
    crc = bytearray(png)
    crc[len(png) // 2] ^= 0xFF
    return {
        "truncated JPEG": (jpeg[: len(jpeg) // 2], ImageFault.TRUNCATED),
        "truncated PNG": (png[: len(png) // 2], ImageFault.TRUNCATED),
        "stump of a JPEG": (jpeg[:20], ImageFault.TRUNCATED),
        "nothing": (b"", ImageFault.EMPTY),
        "text": (b"this is not a picture, it is a sentence", ImageFault.UNKNOWN_FORMAT),
        "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg"><rect/></svg>', ImageFault.UNKNOWN_FORMAT),
        "HTML": (b"<!doctype html><title>404 Not Found</title>", ImageFault.UNKNOWN_FORMAT),
        "PNG bomb": (_png_header(60_000, 60_000), ImageFault.TOO_MANY_PIXELS),
        "GIF garbage": (b"GIF89a" + bytes(range(256)) * 8, ImageFault.CORRUPT),
        "PNG with a wrong checksum": (bytes(crc), ImageFault.CORRUPT),
        "BMP named .jpg": (encoded(noise, format="BMP"), ImageFault.UNKNOWN_FORMAT),
        "too many bytes": (jpeg + bytes(DEFAULT_LIMITS.max_bytes), ImageFault.TOO_MANY_BYTES),
    }


def _png_header(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = b"IDAT" + zlib.compress(bytes(1000))
    chunks = [struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in (header, data, b"IEND")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def write_catalog(path: Path, rows: Sequence[dict[str, Any]], *, row_group: int = 50) -> str:
    kinds = {"id": pa.string(), "image": pa.binary(), "price": pa.float64()}
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in rows[0]])
    pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), path, row_group_size=row_group)
    return str(path)
