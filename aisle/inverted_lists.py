"""The inverted lists of an IVF index: which of them one query visits, and what it finds there."""

from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from aisle.hits import Allowed, Hits, Remaining
from aisle.types import ProductVectors, RowIds, Scores

HEAD_ROWS = 1000
"""Depth to which the lists that a query chose are ranked; deeper, every list is visited."""

LEAST_COMPARED = 32_768
"""Under a filter at least this many of the products it leaves are compared, or all of them when there are fewer."""

NEARLY_ALL = 0.9
"""A filter that leaves at least this share of the products changes nothing about which lists are visited."""

Lists = tuple[Scores, RowIds]
"""Inverted lists to visit, best first: the query's inner products with their centroids, and their numbers."""


class InvertedLists:
    """Lists of a shared IVF index, on which nothing is ever set."""

    def __init__(self, index: Any) -> None:
        """Note where each product lies.

        Args:
            index: A FAISS IVF index whose ids are row numbers 0..n-1.
        """
        self._index = index
        self._list_of = lists_of(index)
        self._sizes = np.bincount(self._list_of, minlength=index.nlist)

    @property
    def count(self) -> int:
        """Number of lists."""
        return int(self._index.nlist)

    def nearest(self, queries: ProductVectors, count: int) -> Lists:
        """The `count` lists nearest to each query."""
        scores, lists = self._index.quantizer.search(np.ascontiguousarray(queries, dtype=np.float32), count)
        return scores, lists

    def every(self, queries: ProductVectors) -> Lists:
        """All lists, nearest first."""
        return self.nearest(queries, self.count)

    def chosen(self, query: ProductVectors, among: Remaining, *, nprobe: int) -> Lists:
        """Lists to visit for one query: enough for the recall that was tuned, and for `HEAD_ROWS` hits.

        Where a filter takes part of the products away, the nearest of those that are left lie further out than
        `nprobe` was tuned for, and possibly in no list nearby: then by how many of them the lists hold.

        Args:
            query: float32 `[1, 2 * dimension]`.
            among: What a filter leaves.
            nprobe: As tuned, without a filter.
        """
        products, matches = among.products, among.count
        if among.mask is None or matches >= NEARLY_ALL * products:
            likely = min(self.count, max(nprobe, 2 * -(-HEAD_ROWS * self.count // products)))
            for asked in (likely, self.count):
                nearest = self.nearest(query, asked)
                held = np.cumsum(self._sizes[nearest[1][0]]) - (products - matches)
                if held[-1] >= HEAD_ROWS:
                    break
            least = HEAD_ROWS
        else:
            nearest = self.every(query)
            if matches <= LEAST_COMPARED:
                return nearest
            held = np.cumsum(np.bincount(self._list_of[among.mask], minlength=self.count)[nearest[1][0]])
            least = LEAST_COMPARED
        visited = max(nprobe, int(np.searchsorted(held, least)) + 1)
        return nearest[0][:, :visited], nearest[1][:, :visited]

    def ask(self, queries: ProductVectors, *, k: int, lists: Lists, allowed: Allowed | None = None) -> Hits:
        """The k best of the named lists, by the index's own scores; row -1 stands for no hit."""
        queries = np.ascontiguousarray(queries, dtype=np.float32)
        centroids, numbers = (np.ascontiguousarray(part) for part in lists)
        scores, rows = np.empty((len(queries), k), np.float32), np.empty((len(queries), k), np.int64)
        parameters = faiss.SearchParametersIVF(nprobe=numbers.shape[1], **selection(allowed))
        # FAISS' own wrapper takes no parameters here, and would set `nprobe` on the shared index.
        arrays = (faiss.swig_ptr(array) for array in (numbers, centroids, scores, rows))
        self._index.search_preassigned_c(len(queries), faiss.swig_ptr(queries), k, *arrays, False, parameters)
        return scores, rows


def lists_of(index: Any) -> NDArray[np.int32]:
    """The list that each row of an IVF index lies in: int32 `[products]`."""
    found = np.zeros(index.ntotal, dtype=np.int32)
    lists = index.invlists
    for number in range(index.nlist):
        size = lists.list_size(number)
        if size:
            found[faiss.rev_swig_ptr(lists.get_ids(number), size)] = number
    return found


def selection(allowed: Allowed | None) -> dict[str, Any]:
    """What FAISS' search parameters take to leave rows out."""
    if allowed is None:
        return {}
    return {"sel": faiss.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))}
