"""Array aliases and the one seam both halves share."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

PixelBatch = NDArray[np.uint8]
"""RGB pictures ready for the image graph: uint8, `[n, size, size, 3]`."""

TokenBatch = NDArray[np.int64]
"""Token ids padded to the longest text of the batch: int64, `[n, sequence]`."""

UnitVectors = NDArray[np.float32]
"""Rows of Euclidean norm 1 (or all zero for "absent"): float32, `[n, dimension]`."""

ProductVectors = NDArray[np.float32]
"""Two halves `[image ; text]` per row: float32, `[n, 2 * dimension]`."""

RowIds = NDArray[np.int64]
"""Row numbers of products within one release: int64, `[n]`; -1 means "no hit"."""

Scores = NDArray[np.float32]
"""Inner products of a query with product vectors: float32."""


class Encoder(Protocol):
    """What turns prepared pictures and texts into vectors of one space."""

    def encode_images(self, pixels: PixelBatch, /) -> UnitVectors:
        """Encode `[n, size, size, 3]` uint8 pictures into `[n, dimension]` unit vectors."""
        ...

    def encode_texts(self, texts: Sequence[str], /) -> UnitVectors:
        """Encode n texts into `[n, dimension]` unit vectors."""
        ...
