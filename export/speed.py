"""How fast each candidate runs here, measured in turns so that a busy moment hits all of them."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from aisle.encoder import OnnxEncoder
from aisle.manifest import Precision
from aisle.types import PixelBatch

BATCH = 8
"""Pictures or texts per call; the batch indexing uses."""

ROUNDS = 5
SHORTEST_SECONDS = 0.05
"""One round of a small model repeats its call until it has taken this long."""


@dataclass(frozen=True, slots=True)
class Speed:
    """Items per second, all cores of this process, the best of the rounds."""

    images_per_s: float
    texts_per_s: float


def measure_speed(
    encoders: Mapping[Precision, OnnxEncoder], pixels: PixelBatch, texts: Sequence[str]
) -> dict[Precision, Speed]:
    """Time every candidate.

    Args:
        encoders: One per candidate.
        pixels: uint8 `[n, size, size, 3]`; the first eight are used.
        texts: The first eight are used.
    """
    pictures, queries = pixels[:BATCH], list(texts[:BATCH])
    best: dict[Precision, list[float]] = {precision: [np.inf, np.inf] for precision in encoders}
    for _ in range(ROUNDS):
        for precision, encoder in encoders.items():
            seconds = (
                _seconds_per_call(partial(encoder.encode_images, pictures)),
                _seconds_per_call(partial(encoder.encode_texts, queries)),
            )
            best[precision] = [min(pair) for pair in zip(best[precision], seconds, strict=True)]
    return {
        precision: Speed(images_per_s=len(pictures) / image, texts_per_s=len(queries) / text)
        for precision, (image, text) in best.items()
    }


def _seconds_per_call(call: Callable[[], object]) -> float:
    """The fastest single call within one round; the best is what noise cannot fake."""
    fastest, spent = np.inf, 0.0
    while spent < SHORTEST_SECONDS:
        start = time.perf_counter()
        call()
        taken = time.perf_counter() - start
        fastest, spent = min(fastest, taken), spent + taken
    return fastest
