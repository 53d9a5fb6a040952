"""`vectors.npy` of a release: every product vector as float16, memory-mapped, for indexes that keep only codes.

Stock numpy opens it. Only the rows that are asked for are read, so it need not fit into memory.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aisle.entries import Entries
from aisle.errors import ReleaseCorrupt
from aisle.files import write_atomically
from aisle.types import ProductVectors, RowIds, Scores


class VectorFiles:
    """Product vectors by row number, in one file for each part of an index."""

    def __init__(self, paths: Sequence[Path], entries: Entries) -> None:
        """Map the files.

        Args:
            paths: In the order of the parts.
            entries: Where each product stands in them.

        Raises:
            ReleaseCorrupt: One is missing or holds something else.
        """
        self._parts = [_mapped(path) for path in paths]
        self._entries = entries

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Of each file: the vectors it holds, and their length."""
        return [part.shape for part in self._parts]

    def take(self, rows: RowIds) -> ProductVectors:
        """Some vectors.

        Args:
            rows: int64 `[n]`.

        Returns:
            float32 `[n, 2 * dimension]`.
        """
        found = np.empty((len(rows), self._parts[0].shape[1]), dtype=np.float32)
        for part, mine, places in self._entries.located(rows):
            found[mine] = self._parts[part][places]
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


def _mapped(path: Path) -> NDArray[np.float16]:
    try:
        rows: NDArray[np.float16] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise ReleaseCorrupt(f"{path} cannot be read ({error}): run `aisle reindex`") from error
    if rows.ndim != 2 or rows.dtype != np.float16:
        raise ReleaseCorrupt(f"{path} holds {rows.dtype} {rows.shape}, not rows of float16: run `aisle reindex`")
    return rows


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
