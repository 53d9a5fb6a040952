"""`vectors.npy` of a release: every product vector as float16, memory-mapped, for indexes that keep only codes.

Stock numpy opens it. Only the rows that are asked for are read, so it need not fit into memory.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aisle.errors import ReleaseCorrupt
from aisle.files import write_atomically
from aisle.types import ProductVectors, RowIds, Scores


class VectorFile:
    """Product vectors by row number."""

    def __init__(self, path: Path) -> None:
        """Map the file.

        Raises:
            ReleaseCorrupt: It is missing or holds something else.
        """
        try:
            self._rows: NDArray[np.float16] = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise ReleaseCorrupt(f"{path} cannot be read ({error}): run `aisle reindex`") from error
        if self._rows.ndim != 2 or self._rows.dtype != np.float16:
            raise ReleaseCorrupt(
                f"{path} holds {self._rows.dtype} {self._rows.shape}, not rows of float16: run `aisle reindex`"
            )

    @property
    def shape(self) -> tuple[int, int]:
        """Products, and the length of a product vector."""
        count, width = self._rows.shape
        return count, width

    def take(self, rows: RowIds) -> ProductVectors:
        """Some vectors.

        Args:
            rows: int64 `[n]`.

        Returns:
            float32 `[n, 2 * dimension]`.
        """
        found: ProductVectors = self._rows[rows].astype(np.float32)
        return found

    def scores(self, query: ProductVectors, rows: RowIds) -> Scores:
        """Inner products of one query with some products; the same for equal products, wherever they stand.

        Args:
            query: float32 `[2 * dimension]`.
            rows: int64 `[n]`.

        Returns:
            float32 `[n]`.
        """
        # Not a product of matrices: BLAS sums the rows at the end of a block in another order than those before.
        found: Scores = np.einsum("nd,d->n", self.take(rows), query)
        return found


def write_vectors(blocks: Iterable[ProductVectors], path: Path, *, shape: tuple[int, int]) -> None:
    """Write `vectors.npy`, a block at a time, atomically.

    Args:
        blocks: float32 `[n, 2 * dimension]` each, in row order.
        path: Where to.
        shape: Of all blocks together.

    Raises:
        ReleaseCorrupt: The blocks hold another number of rows.
    """

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            header = {"descr": np.lib.format.dtype_to_descr(np.dtype(np.float16)), "fortran_order": False}
            np.lib.format.write_array_header_1_0(file, {**header, "shape": shape})
            count = 0
            for block in blocks:
                file.write(np.ascontiguousarray(block, dtype=np.float16).data)
                count += len(block)
        if count != shape[0]:
            raise ReleaseCorrupt(f"{path}: {count:,} vectors where there should be {shape[0]:,}; run `aisle reindex`")

    write_atomically(path, write)
