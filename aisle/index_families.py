"""How each family of indexes proposes and compares products: a scan, inverted lists, codes with vectors, a graph.

Each answers in tiers, best first: what the first one holds follows from the query, its effort and the filter alone, and
so do all others, whatever depth is asked for.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import faiss
import numpy as np
from numpy.typing import NDArray

from aisle import inverted_lists
from aisle.entries import Entries
from aisle.hits import Allowed, Hits, Remaining, best, ordered, sorted_by, with_ties
from aisle.inverted_lists import InvertedLists, Lists, selection
from aisle.manifest import Effort
from aisle.types import ProductVectors, RowIds
from aisle.vector_file import VectorFiles


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is wanted of one query.

    Attributes:
        depth: Hits.
        order: int64 `[products]`: of two products with equal scores the one with the smaller number comes first.
        effort: How hard to look.
    """

    depth: int
    order: NDArray[np.int64]
    effort: Effort


class Family(Protocol):
    """A kind of index, open."""

    def search(self, queries: ProductVectors, effort: Effort, /, *, k: int) -> Hits:
        """Of many queries the k best, `[n, k]`, by falling score, ties by row number; k is at most the products."""
        ...

    def tiers(self, query: ProductVectors, left: Remaining, wanted: Wanted, /) -> Iterator[Hits]:
        """Of one query hits without end, each tier by falling score, ties by `order`.

        Whoever iterates removes each tier from `left` before asking for the next, and stops at the depth wanted.
        """
        ...

    def vectors(self, rows: RowIds, /) -> ProductVectors:
        """Vectors of some rows."""
        ...


class Scan:
    """Compares everything."""

    def __init__(self, index: Any) -> None:
        """Wrap a flat index, with ids or without."""
        self._index = index

    def search(self, queries: ProductVectors, _effort: Effort, /, *, k: int) -> Hits:
        """See `Family`."""
        return ordered(*self.ask(queries, k=k))

    def tiers(self, query: ProductVectors, left: Remaining, wanted: Wanted, /) -> Iterator[Hits]:
        """See `Family`: a single tier."""
        yield best(lambda k: _of_one(self.ask(query, k=k, allowed=left.mask)), k=wanted.depth, order=wanted.order)

    def vectors(self, rows: RowIds, /) -> ProductVectors:
        """See `Family`."""
        return _reconstructed(self._index, rows)

    def ask(self, queries: ProductVectors, *, k: int, allowed: Allowed | None = None) -> Hits:
        """One call of FAISS."""
        parameters = faiss.SearchParameters(**selection(allowed))
        scores, rows = self._index.search(np.ascontiguousarray(queries, dtype=np.float32), k, params=parameters)
        return scores, rows


class Listed:
    """Vectors in inverted lists, as float16."""

    def __init__(self, parts: Sequence[Any], entries: Entries) -> None:
        """Wrap the IVF indexes that hold the products."""
        for index in parts:
            index.make_direct_map(True)
        self._parts = parts
        self._entries = entries
        self._lists = InvertedLists(parts, entries)

    def search(self, queries: ProductVectors, effort: Effort, /, *, k: int) -> Hits:
        """See `Family`."""
        return ordered(*_filled(self._lists, queries, k=k, asked=k, nprobe=effort.nprobe))

    def tiers(self, query: ProductVectors, left: Remaining, wanted: Wanted, /) -> Iterator[Hits]:
        """See `Family`: the best `HEAD_ROWS` of the lists the query chose, then the best of all that is left."""
        head = inverted_lists.HEAD_ROWS
        lists = self._lists.chosen(query, left, nprobe=wanted.effort.nprobe)
        yield self._best(query, left, k=min(wanted.depth, head), order=wanted.order, lists=lists)
        yield self._best(query, left, k=wanted.depth - head, order=wanted.order, lists=self._lists.every(query))

    def vectors(self, rows: RowIds, /) -> ProductVectors:
        """See `Family`."""
        found = np.empty((len(rows), self._parts[0].d), dtype=np.float32)
        for part, mine, places in self._entries.located(rows):
            found[mine] = _reconstructed(self._parts[part], places)
        return found

    def _best(self, query: ProductVectors, left: Remaining, *, k: int, order: NDArray[np.int64], lists: Lists) -> Hits:
        return best(
            lambda asked: _of_one(self._lists.ask(query, k=asked, lists=lists, allowed=left.mask)), k=k, order=order
        )


class Refined:
    """Codes in inverted lists propose products, and the vectors beside the index compare them."""

    def __init__(self, parts: Sequence[Any], entries: Entries, vectors: VectorFiles) -> None:
        """Wrap the IVF indexes that hold the products' codes, and the vectors of all of them."""
        self._lists = InvertedLists(parts, entries)
        self._products = entries.products
        self._vectors = vectors

    def search(self, queries: ProductVectors, effort: Effort, /, *, k: int) -> Hits:
        """See `Family`."""
        asked = min(max(k, effort.candidates), self._products)
        scores, rows = _filled(self._lists, queries, k=k, asked=asked, nprobe=effort.nprobe)
        for place, query in enumerate(queries):
            there = rows[place] >= 0
            scores[place, there] = self._vectors.scores(query, rows[place, there])
        scores, rows = ordered(scores, rows)
        return scores[:, :k], rows[:, :k]

    def tiers(self, query: ProductVectors, left: Remaining, wanted: Wanted, /) -> Iterator[Hits]:
        """See `Family`: the tuned number of candidates, then up to `HEAD_ROWS`, then ever twice as many of all lists.

        So a page costs vectors in proportion to how deep it is. Where no more are left than a tier holds, the codes are
        not asked: all of them are compared. Under a filter that is so up to `HEAD_ROWS` products; more of them lie
        further out than what was tuned for, where codes tell less apart: there twice as many are compared.
        """
        head, begun, everywhere = inverted_lists.HEAD_ROWS, left.count, False
        size = max(1, wanted.effort.candidates)
        if begun < inverted_lists.NEARLY_ALL * left.products:
            size = head if begun <= head else 2 * size
        lists: Lists | None = None
        while left.count:
            if left.count <= size:
                rows = left.rows()
            else:
                if lists is None:
                    lists = self._lists.chosen(query, left, nprobe=wanted.effort.nprobe)
                rows = self._proposed(query, left, k=size, lists=lists)
                if not len(rows) and everywhere:
                    rows = left.rows()  # codes that no search finds: a filter never costs a result all the same
            yield sorted_by(wanted.order, self._vectors.scores(query[0], rows), rows)
            shown = begun - left.count
            size = head - shown if shown < head else shown
            if not everywhere and (shown >= head or not len(rows)):
                lists, everywhere = self._lists.every(query), True

    def vectors(self, rows: RowIds, /) -> ProductVectors:
        """See `Family`."""
        return self._vectors.take(rows)

    def _proposed(self, query: ProductVectors, left: Remaining, *, k: int, lists: Lists) -> RowIds:
        _, rows = with_ties(lambda asked: _of_one(self._lists.ask(query, k=asked, lists=lists, allowed=left.mask)), k=k)
        return rows


class Graph:
    """A graph of neighbours (HNSW) over vectors as float16."""

    def __init__(self, index: Any) -> None:
        """Wrap an HNSW index."""
        self._index = index
        self._scan = Scan(faiss.downcast_index(index.storage))

    def search(self, queries: ProductVectors, effort: Effort, /, *, k: int) -> Hits:
        """See `Family`."""
        scores, rows = self._walk(queries, k=max(k, effort.candidates))
        scores, rows = np.array(scores[:, :k]), np.array(rows[:, :k])
        short = (rows < 0).any(axis=1)
        if short.any():
            scores[short], rows[short] = self._scan.ask(queries[short], k=k)
        return ordered(scores, rows)

    def tiers(self, query: ProductVectors, left: Remaining, wanted: Wanted, /) -> Iterator[Hits]:
        """See `Family`: what the graph finds with the tuned effort, then `HEAD_ROWS` of it, then a scan of the rest.

        A filter cuts the graph's paths, so under one that takes more than a little away everything left is scanned.
        """
        begun = left.count
        if begun >= inverted_lists.NEARLY_ALL * left.products:
            for size in (max(1, wanted.effort.candidates), inverted_lists.HEAD_ROWS):
                scores, rows = _of_one(self._walk(query, k=size, allowed=left.mask))
                if (rows < 0).any():
                    break  # no path leads on: among many equal products a graph has islands
                there = scores > scores[-1]  # others that score like the last may have been cut off: they come below
                yield sorted_by(wanted.order, scores[there], rows[there])
        yield from self._scan.tiers(query, left, replace(wanted, depth=wanted.depth - (begun - left.count)))

    def vectors(self, rows: RowIds, /) -> ProductVectors:
        """See `Family`."""
        return _reconstructed(self._index, rows)

    def _walk(self, queries: ProductVectors, *, k: int, allowed: Allowed | None = None) -> Hits:
        parameters = faiss.SearchParametersHNSW(efSearch=k, **selection(allowed))
        scores, rows = self._index.search(np.ascontiguousarray(queries, dtype=np.float32), k, params=parameters)
        return scores, rows


def _filled(lists: InvertedLists, queries: ProductVectors, *, k: int, asked: int, nprobe: int) -> Hits:
    """Hits of the nearest lists; queries whose page these do not fill, and no others, visit all of them."""
    scores, rows = lists.ask(queries, k=asked, lists=lists.nearest(queries, nprobe))
    short = (rows[:, :k] < 0).any(axis=1)
    if short.any():
        scores[short], rows[short] = lists.ask(queries[short], k=asked, lists=lists.every(queries[short]))
    return scores, rows


def _of_one(hits: Hits) -> Hits:
    scores, rows = hits
    return scores[0], rows[0]


def _reconstructed(index: Any, rows: RowIds) -> ProductVectors:
    found: ProductVectors = index.reconstruct_batch(np.ascontiguousarray(rows, dtype=np.int64))
    return found
