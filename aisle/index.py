"""FAISS, read side: open an index, search it with per-call parameters, read vectors back.

Nothing is ever set on the shared index: which lists are visited and which rows are allowed travel in
`SearchParameters` of one call, so any number of threads may search at once.
"""

from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from aisle.errors import ReleaseCorrupt
from aisle.manifest import IndexKind, IndexParameters
from aisle.types import ProductVectors, RowIds, Scores

HEAD_ROWS = 1000
"""Depth to which an IVF index ranks what it finds in the lists it chose; deeper, every list is visited."""

LEAST_COMPARED = 32_768
"""Under a filter at least this many of the products it leaves are compared, or all of them when there are fewer."""

NEARLY_ALL = 0.9
"""A filter that leaves at least this share of the products changes nothing about which lists are visited."""

Lists = tuple[Scores, RowIds]
"""Inverted lists to visit, best first: the query's inner products with their centroids, and their numbers."""


class ProductIndex:
    """One FAISS index over two-half product vectors with explicit row ids, inner product."""

    def __init__(self, index: Any, parameters: IndexParameters) -> None:
        """Wrap an index.

        Args:
            index: A FAISS index whose ids are row numbers 0..n-1.
            parameters: How it is asked.

        Raises:
            ReleaseCorrupt: The index is not of the kind that `parameters` say.
        """
        self._index = index
        self.parameters = parameters
        if parameters.kind is IndexKind.IVF:
            if not isinstance(index, faiss.IndexIVF):
                raise ReleaseCorrupt(f"the index is a {type(index).__name__}, not an IVF index: run `aisle reindex`")
            index.make_direct_map(True)
            # The direct map holds one number per row: its list above, its place in the list below.
            self._list_of: NDArray[np.int64] = faiss.vector_to_array(index.direct_map.array) >> 32
            self._list_sizes = np.bincount(self._list_of, minlength=index.nlist)

    @classmethod
    def open(cls, path: Path, parameters: IndexParameters) -> "ProductIndex":
        """Read an index file.

        Raises:
            ReleaseCorrupt: FAISS cannot read it, or it is of another kind.
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

    def search(self, queries: ProductVectors, *, k: int) -> tuple[Scores, RowIds]:
        """The k best products of each of many queries, best first, ties by row number.

        Args:
            queries: float32 `[n, 2 * dimension]`.
            k: Hits wanted per query.

        Returns:
            Scores and row ids, both `[n, min(k, products)]`.
        """
        k = min(k, len(self))
        if k == 0:
            return np.zeros((len(queries), 0), np.float32), np.zeros((len(queries), 0), np.int64)
        if self.parameters.kind is IndexKind.EXACT:
            return ordered(*self._ask(queries, k=k))
        scores, rows = self._ask(queries, k=k, lists=self._nearest_lists(queries, self.parameters.nprobe))
        short = (rows < 0).any(axis=1)
        if short.any():  # too few lists visited to fill their page: those queries, and no other, visit them all
            every = self._nearest_lists(queries[short], self._index.nlist)
            scores[short], rows[short] = self._ask(queries[short], k=k, lists=every)
        return ordered(scores, rows)

    def rank(
        self, query: ProductVectors, *, depth: int, order: NDArray[np.int64], allowed: NDArray[np.bool_] | None = None
    ) -> tuple[Scores, RowIds]:
        """The best products of one query: always the same ones in the same order, however deep one looks.

        What comes first at one depth comes first at every other, so pages never repeat or skip a product: which
        products an IVF index compares follows from the query and the filter alone, and equal scores are told apart by
        `order` even at the last place. Beyond `HEAD_ROWS` an IVF index adds the best of all that is left; what its
        chosen lists had missed comes there, and may score higher than what stands before it.

        Args:
            query: float32 `[1, 2 * dimension]`.
            depth: Hits wanted.
            order: int64 `[products]`: of two products with equal scores the one with the smaller number comes first.
            allowed: bool `[products]`; False rows are left out. None allows all.

        Returns:
            Scores and row ids, both `[min(depth, allowed products)]`: a filter never costs a result.
        """
        matches = len(self) if allowed is None else int(np.count_nonzero(allowed))
        depth = min(depth, matches)
        if depth == 0:
            return np.zeros(0, np.float32), np.zeros(0, np.int64)
        if self.parameters.kind is IndexKind.EXACT:
            return self._best(query, k=depth, order=order, allowed=allowed)
        lists = self._lists(query, allowed=allowed, matches=matches)
        scores, rows = self._best(query, k=min(depth, HEAD_ROWS), order=order, allowed=allowed, lists=lists)
        if depth <= HEAD_ROWS:
            return scores, rows
        left = np.ones(len(self), dtype=np.bool_) if allowed is None else allowed.copy()
        left[rows] = False
        every = self._nearest_lists(query, self._index.nlist)
        more_scores, more_rows = self._best(query, k=depth - HEAD_ROWS, order=order, allowed=left, lists=every)
        return np.concatenate([scores, more_scores]), np.concatenate([rows, more_rows])

    def vectors(self, rows: RowIds) -> ProductVectors:
        """Product vectors as the index holds them.

        Args:
            rows: int64 `[n]`, each within 0..products-1.

        Returns:
            float32 `[n, 2 * dimension]`.
        """
        found: ProductVectors = self._index.reconstruct_batch(np.ascontiguousarray(rows, dtype=np.int64))
        return found

    def _lists(self, query: ProductVectors, *, allowed: NDArray[np.bool_] | None, matches: int) -> Lists:
        """Lists to visit for one query: enough for the recall that was tuned, and for `HEAD_ROWS` hits.

        Where a filter takes part of the products away, the nearest of those that are left lie further out than
        `nprobe` was tuned for, and possibly in no list nearby: then by how many of them the lists hold.
        """
        nlist, excluded = self._index.nlist, len(self) - matches
        if matches >= NEARLY_ALL * len(self):
            likely = min(nlist, max(self.parameters.nprobe, 2 * -(-HEAD_ROWS * nlist // len(self))))
            for asked in (likely, nlist):
                nearest = self._nearest_lists(query, asked)
                held = np.cumsum(self._list_sizes[nearest[1][0]]) - excluded
                if held[-1] >= HEAD_ROWS:
                    break
            least = HEAD_ROWS
        else:
            nearest = self._nearest_lists(query, nlist)
            if matches <= LEAST_COMPARED:
                return nearest
            held = np.cumsum(np.bincount(self._list_of[allowed], minlength=nlist)[nearest[1][0]])
            least = LEAST_COMPARED
        visited = max(self.parameters.nprobe, int(np.searchsorted(held, least)) + 1)
        return nearest[0][:, :visited], nearest[1][:, :visited]

    def _nearest_lists(self, queries: ProductVectors, count: int) -> Lists:
        scores, lists = self._index.quantizer.search(np.ascontiguousarray(queries, dtype=np.float32), count)
        return scores, lists

    def _best(
        self,
        query: ProductVectors,
        *,
        k: int,
        order: NDArray[np.int64],
        allowed: NDArray[np.bool_] | None,
        lists: Lists | None = None,
    ) -> tuple[Scores, RowIds]:
        """The k best rows, ties by `order`, even where the k-th place itself is contested."""
        asked = k + 1  # one more, which tells
        while True:
            scores, rows = (found[0] for found in self._ask(query, k=asked, allowed=allowed, lists=lists))
            found = int(np.count_nonzero(rows >= 0))
            if found < asked or scores[k] < scores[k - 1]:
                break
            asked *= 2
        scores, rows = scores[:found], rows[:found]
        best = np.lexsort((order[rows], -scores))[:k]
        return scores[best], rows[best]

    def _ask(
        self,
        queries: ProductVectors,
        *,
        k: int,
        allowed: NDArray[np.bool_] | None = None,
        lists: Lists | None = None,
    ) -> tuple[Scores, RowIds]:
        """One call of FAISS: all of an exact index, or the named lists of an IVF index. Row -1 stands for no hit."""
        queries = np.ascontiguousarray(queries, dtype=np.float32)
        selection: dict[str, Any] = {}
        if allowed is not None:
            selection["sel"] = faiss.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))
        if lists is None:
            scores, rows = self._index.search(queries, k, params=faiss.SearchParameters(**selection))
            return scores, rows
        centroids, numbers = (np.ascontiguousarray(part) for part in lists)
        scores, rows = np.empty((len(queries), k), np.float32), np.empty((len(queries), k), np.int64)
        parameters = faiss.SearchParametersIVF(nprobe=numbers.shape[1], **selection)
        # FAISS' own wrapper takes no parameters here, and would set `nprobe` on the shared index.
        arrays = (faiss.swig_ptr(array) for array in (numbers, centroids, scores, rows))
        self._index.search_preassigned_c(len(queries), faiss.swig_ptr(queries), k, *arrays, False, parameters)
        return scores, rows


def ordered(scores: Scores, rows: RowIds) -> tuple[Scores, RowIds]:
    """Hits by falling score, ties by row number, so that equal products never swap between two requests."""
    order = np.lexsort((rows, -scores), axis=1)
    return np.take_along_axis(scores, order, axis=1), np.take_along_axis(rows, order, axis=1)
