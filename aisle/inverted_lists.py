"""The inverted lists of an IVF index: which of them one query visits, and what it finds there."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from aisle.entries import Entries
from aisle.hits import Allowed, Hits, Remaining, best_of
from aisle.types import ProductVectors, RowIds, Scores

HEAD_ROWS = 1000
"""Depth to which the lists that a query chose are ranked; deeper, every list is visited."""

LEAST_COMPARED = 32_768
"""Under a filter at least this many of the products it leaves are compared, or all of them when there are fewer."""

NEARLY_ALL = 0.9
"""A filter that leaves at least this share of the products changes nothing about which lists are visited."""

Lists = tuple[Scores, RowIds]
"""Inverted lists to visit, best first: the query's inner products with their centroids, and their numbers."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of an index.

    Attributes:
        index: FAISS IVF index whose ids are its places 0..n-1.
        rows: As in `aisle.entries.Entries`.
        there: bool `[places]`: somebody's; None where place and row are one.
        unfiltered: Search parameters that leave out what is nobody's, made once: a query must not look at every place.
    """

    index: Any
    rows: RowIds | None
    there: Allowed | None
    unfiltered: dict[str, Any]


class InvertedLists:
    """Lists of shared IVF indexes with the same centroids, on which nothing is ever set."""

    def __init__(self, parts: Sequence[Any], entries: Entries) -> None:
        """Note where each product lies.

        Args:
            parts: FAISS IVF indexes whose ids are their places 0..n-1.
            entries: Which product stands where.
        """
        self._parts = [_part(index, rows) for index, rows in zip(parts, entries.rows, strict=True)]
        self._index = parts[0]
        self._list_of = np.zeros(entries.products, dtype=np.int32)
        for part in self._parts:
            lists = lists_of(part.index)
            if part.rows is None:
                self._list_of[:] = lists
            else:
                self._list_of[part.rows[part.there]] = lists[part.there]
        self._sizes = np.bincount(self._list_of, minlength=self.count)

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
        lists = np.ascontiguousarray(lists[0]), np.ascontiguousarray(lists[1])
        found = [_asked(part, queries, k, lists, allowed=allowed) for part in self._parts]
        if len(found) == 1:
            return found[0]
        scores, places = (np.concatenate(side, axis=1) for side in zip(*found, strict=True))
        return best_of(scores, places, k=k)


def _part(index: Any, rows: RowIds | None) -> _Part:
    there = None if rows is None else rows >= 0
    gone = there is not None and not there.all()
    return _Part(index=index, rows=rows, there=there, unfiltered=selection(there if gone else None))


def _asked(part: _Part, queries: ProductVectors, k: int, lists: Lists, *, allowed: Allowed | None) -> Hits:
    """The k best of one part, by release rows."""
    rows, selected = part.rows, part.unfiltered
    if allowed is not None:
        if rows is not None and part.there is not None:
            allowed = part.there & allowed[rows]
        selected = selection(allowed)
    centroids, numbers = lists
    scores, places = np.empty((len(queries), k), np.float32), np.empty((len(queries), k), np.int64)
    parameters = faiss.SearchParametersIVF(nprobe=numbers.shape[1], **selected)
    # FAISS' own wrapper takes no parameters here, and would set `nprobe` on the shared index.
    arrays = (faiss.swig_ptr(array) for array in (numbers, centroids, scores, places))
    part.index.search_preassigned_c(len(queries), faiss.swig_ptr(queries), k, *arrays, False, parameters)
    return scores, places if rows is None else np.where(places >= 0, rows[places], -1)


def lists_of(index: Any) -> NDArray[np.int32]:
    """The list that each entry of an IVF index lies in: int32 `[ntotal]`."""
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
