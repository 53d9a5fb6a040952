"""All pictures of a catalog, decoded once into one memory-mapped array a little above the model's size."""

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aisle.errors import InvalidImage
from aisle.fetch import fetch_image
from aisle.files import digest, write_atomically, write_json
from aisle.images import DEFAULT_LIMITS, decode_image
from aisle.machine import cpu_quota
from aisle.preprocess import Preprocess, prepare_image
from aisle.sources import ImageValue, Source
from aisle.types import PixelBatch

MARGIN = 8 / 7
"""Stored side to model side: what a random crop may cut away without reading beyond the model's resolution."""

_CHUNK = 256


@dataclass(frozen=True, slots=True)
class Pictures:
    """Pictures of n products.

    Attributes:
        pixels: uint8 `[n, side, side, 3]`, RGB, memory-mapped; zero where there is no picture.
        faults: Row number to the reason why there is none.
    """

    pixels: PixelBatch
    faults: dict[int, str]

    @property
    def present(self) -> NDArray[np.bool_]:
        """Which products have a picture: bool `[n]`."""
        there = np.ones(len(self.pixels), dtype=np.bool_)
        there[list(self.faults)] = False
        return there


def stored_side(image_size: int) -> int:
    """Side at which pictures are kept for a model of this size, in pixels."""
    return round(image_size * MARGIN)


def decode_pictures(
    source: Source, column: str, ids: Sequence[str], *, side: int, folder: Path, location: str
) -> Pictures:
    """Decode a catalog's pictures, or map what an earlier run of the same folder decoded.

    Geometry is serving's own (shorter side to `side`, centre crop), so that training sees what search will.

    Args:
        source: The catalog.
        column: Its column of pictures.
        ids: Of all its rows, in order.
        side: In pixels.
        folder: Where the array is kept.
        location: The catalog's name, part of the array's.
    """
    stem = folder / digest(location, column, str(side), *ids)
    array, faults = stem.with_suffix(".npy"), stem.with_suffix(".json")
    if not faults.is_file():
        found: dict[int, str] = {}

        def write(temporary: Path) -> None:
            pixels = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.uint8, shape=(len(ids), side, side, 3))
            for row, picture in _decoded(source, column, len(ids), side):
                if isinstance(picture, str):
                    found[row] = picture
                else:
                    pixels[row] = picture
            pixels.flush()

        write_atomically(array, write)
        write_json(faults, {str(row): reason for row, reason in found.items()})
    mapped: PixelBatch = np.load(array, mmap_mode="r", allow_pickle=False)
    reasons = json.loads(faults.read_text(encoding="utf-8"))
    return Pictures(pixels=mapped, faults={int(row): reason for row, reason in reasons.items()})


def _decoded(source: Source, column: str, rows: int, side: int) -> Iterator[tuple[int, PixelBatch | str]]:
    rules = Preprocess(shortest_edge=side, crop=side, resample="bicubic", max_length=3)

    def decode(value: ImageValue) -> PixelBatch | str:
        try:
            data = fetch_image(value, folder=source.folder, limits=DEFAULT_LIMITS)
            if data is None:
                return "the product has no picture"
            return prepare_image(decode_image(data, at_least=side), rules)
        except InvalidImage as error:
            return str(error)

    with ThreadPoolExecutor(cpu_quota()) as pool:
        for start in range(0, rows, _CHUNK):
            values = source.images(column, start, min(start + _CHUNK, rows))
            yield from enumerate(pool.map(decode, values), start=start)
