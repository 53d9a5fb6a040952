"""FAISS, read side: open an index, search it with per-call parameters, read vectors back.

Nothing is ever set on the shared index: `nprobe` and the filter travel in `SearchParameters` of one call, so
any number of threads may search at once.
"""

from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from aisle.errors import ReleaseCorrupt
from aisle.manifest import IndexKind, IndexParameters
from aisle.types import ProductVectors, RowIds, Scores

SCAN_ROWS = 4096
"""Filters that leave at most this many products of an IVF index are answered by scanning those exactly."""


class ProductIndex:
    """One FAISS index over two-half product vectors with explicit row ids, inner product."""

    def __init__(self, index: Any, parameters: IndexParameters) -> None:
        """Wrap an index.

        Args:
            index: A FAISS index whose ids are row numbers 0..n-1.
            parameters: How it is asked.
        """
        self._index = index
        self.parameters = parameters
        if parameters.kind is IndexKind.IVF:
            faiss.extract_index_ivf(index).make_direct_map(True)

    @classmethod
    def open(cls, path: Path, parameters: IndexParameters) -> "ProductIndex":
        """Read an index file.

        Raises:
            ReleaseCorrupt: FAISS cannot read it.
        """
        try:
            return cls(faiss.read_index(str(path)), parameters)
        except RuntimeError as error:
            raise ReleaseCorrupt(f"{path} cannot be read by FAISS: run `aisle reindex`") from error

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def width(self) -> int:
        """Length of a product vector: two halves."""
        return int(self._index.d)

    def search(
        self, queries: ProductVectors, *, k: int, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[Scores, RowIds]:
        """The k best products of each query, best first, ties by row number.

        Args:
            queries: float32 `[n, 2 * dimension]`.
            k: Hits wanted per query.
            allowed: bool `[products]`; False rows are left out. None allows all.

        Returns:
            Scores and row ids, both `[n, min(k, allowed products)]`: a filter never costs a result.
        """
        matches = len(self) if allowed is None else int(np.count_nonzero(allowed))
        k = min(k, matches)
        if k == 0:
            return np.zeros((len(queries), 0), np.float32), np.zeros((len(queries), 0), np.int64)
        if allowed is not None and matches <= SCAN_ROWS and self.parameters.kind is IndexKind.IVF:
            return self._scan(queries, np.flatnonzero(allowed), k=k)
        scores, rows = self._ask(queries, k=k, allowed=allowed, nprobe=self.parameters.nprobe)
        short = (rows < 0).any(axis=1)
        if short.any():  # too few lists visited to fill their page: those queries, and no other, visit them all
            scores[short], rows[short] = self._ask(queries[short], k=k, allowed=allowed, nprobe=self.parameters.nlist)
        return ordered(scores, rows)

    def _ask(
        self, queries: ProductVectors, *, k: int, allowed: NDArray[np.bool_] | None, nprobe: int
    ) -> tuple[Scores, RowIds]:
        selection: dict[str, Any] = {}
        if allowed is not None:
            selection["sel"] = faiss.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))
        if self.parameters.kind is IndexKind.IVF:
            parameters = faiss.SearchParametersIVF(nprobe=nprobe, **selection)
        else:
            parameters = faiss.SearchParameters(**selection)
        scores, rows = self._index.search(np.ascontiguousarray(queries, dtype=np.float32), k, params=parameters)
        return scores, rows

    def _scan(self, queries: ProductVectors, rows: RowIds, *, k: int) -> tuple[Scores, RowIds]:
        products = self.vectors(rows)
        scores = queries @ products.T
        best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        return np.take_along_axis(scores, best, axis=1), rows[best]

    def vectors(self, rows: RowIds) -> ProductVectors:
        """Product vectors as the index holds them.

        Args:
            rows: int64 `[n]`, each within 0..products-1.

        Returns:
            float32 `[n, 2 * dimension]`.
        """
        found: ProductVectors = self._index.reconstruct_batch(np.ascontiguousarray(rows, dtype=np.int64))
        return found


def ordered(scores: Scores, rows: RowIds) -> tuple[Scores, RowIds]:
    """Hits by falling score, ties by row number, so that equal products never swap between two requests."""
    order = np.lexsort((rows, -scores), axis=1)
    return np.take_along_axis(scores, order, axis=1), np.take_along_axis(rows, order, axis=1)
