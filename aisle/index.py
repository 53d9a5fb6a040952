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
from aisle.hits import Allowed, Hits, Remaining
from aisle.index_families import Family, Graph, Listed, Refined, Scan, Wanted
from aisle.layout import VECTORS
from aisle.manifest import IndexKind, IndexParameters, QueryKind
from aisle.types import ProductVectors, RowIds
from aisle.vector_file import VectorFile


class ProductIndex:
    """One FAISS index over two-half product vectors with explicit row ids, inner product."""

    def __init__(self, index: Any, parameters: IndexParameters, vectors: VectorFile | None = None) -> None:
        """Wrap an index.

        Args:
            index: A FAISS index whose ids are row numbers 0..n-1.
            parameters: How it is asked.
            vectors: Of all rows, for the kinds whose index holds only codes.

        Raises:
            ReleaseCorrupt: The index is not of the kind that `parameters` say, or the vectors are not its own.
        """
        self._index = index
        self._family = _family(index, parameters.kind, vectors)
        self.parameters = parameters

    @classmethod
    def open(cls, path: Path, parameters: IndexParameters) -> "ProductIndex":
        """Open an index file, memory-mapped where FAISS can, and map the vectors beside it where its kind needs them.

        Processes that open the same release share its pages, and a release that is swapped out leaves no copy behind.

        Raises:
            ReleaseCorrupt: FAISS cannot read it, or it is of another kind.
        """
        vectors = VectorFile(path.with_name(VECTORS)) if parameters.kind.refined else None
        try:
            return cls(_mapped(path, parameters.kind), parameters, vectors)
        except RuntimeError as error:
            raise ReleaseCorrupt(f"{path} cannot be read by FAISS: run `aisle reindex`") from error

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def width(self) -> int:
        """Length of a product vector: two halves."""
        return int(self._index.d)

    def search(self, queries: ProductVectors, *, k: int, kind: QueryKind | None = None) -> Hits:
        """The k best products of each of many queries, best first, ties by row number.

        Args:
            queries: float32 `[n, 2 * dimension]`.
            k: Hits wanted per query.
            kind: Of the queries: how hard to look.

        Returns:
            Scores and row ids, both `[n, min(k, products)]`.
        """
        k = min(k, len(self))
        if k == 0:
            return np.zeros((len(queries), 0), np.float32), np.zeros((len(queries), 0), np.int64)
        return self._family.search(queries, self.parameters.effort(kind), k=k)

    def rank(
        self,
        query: ProductVectors,
        *,
        depth: int,
        order: NDArray[np.int64],
        allowed: Allowed | None = None,
        kind: QueryKind | None = None,
    ) -> Hits:
        """The best products of one query: always the same ones in the same order, however deep one looks.

        What comes first at one depth comes first at every other, so pages never repeat or skip a product: which
        products an index compares follows from the query, its kind and the filter alone, and equal scores are told
        apart by `order` even at the last place. An approximate index ranks what it proposes first, and then, tier by
        tier, the best of the rest; what it had missed comes there, and may score higher than what stands before it.

        Args:
            query: float32 `[1, 2 * dimension]`.
            depth: Hits wanted.
            order: int64 `[products]`: of two products with equal scores the one with the smaller number comes first.
            allowed: bool `[products]`; False rows are left out. None allows all.
            kind: Of the query: how hard to look.

        Returns:
            Scores and row ids, both `[min(depth, allowed products)]`: a filter never costs a result.
        """
        left = Remaining(allowed, products=len(self))
        depth = min(depth, left.count)
        scores, rows = np.zeros(0, np.float32), np.zeros(0, np.int64)
        if depth == 0:
            return scores, rows
        wanted = Wanted(depth=depth, order=order, effort=self.parameters.effort(kind))
        for more_scores, more_rows in self._family.tiers(query, left, wanted):
            scores, rows = np.concatenate([scores, more_scores]), np.concatenate([rows, more_rows])
            if len(rows) >= depth:
                break
            left.remove(more_rows)
        return scores[:depth], rows[:depth]

    def vectors(self, rows: RowIds) -> ProductVectors:
        """Product vectors as the release holds them.

        Args:
            rows: int64 `[n]`, each within 0..products-1.

        Returns:
            float32 `[n, 2 * dimension]`.
        """
        return self._family.vectors(rows)


def _mapped(path: Path, kind: IndexKind) -> Any:
    """The index, its vectors or codes left on the disk; fast scans pack their codes in a way that FAISS cannot map."""
    if kind is IndexKind.IVF_PQ:
        return faiss.read_index(str(path))
    index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP if kind.has_lists else faiss.IO_FLAG_MMAP_IFC)
    if isinstance(index, faiss.IndexIVF):
        lists = faiss.downcast_InvertedLists(index.invlists)
        if isinstance(lists, faiss.OnDiskInvertedLists):
            lists.prefetch_nthread = 0  # else every search starts threads of its own, and joins those of the last one
    return index


def _family(index: Any, kind: IndexKind, vectors: VectorFile | None) -> Family:
    if kind is IndexKind.EXACT:
        return Scan(index)
    if kind is IndexKind.HNSW:
        if not isinstance(index, faiss.IndexHNSW):
            raise ReleaseCorrupt(f"the index is a {type(index).__name__}, not an HNSW graph: run `aisle reindex`")
        return Graph(index)
    if not isinstance(index, faiss.IndexIVF):
        raise ReleaseCorrupt(f"the index is a {type(index).__name__}, not an IVF index: run `aisle reindex`")
    if kind is IndexKind.IVF:
        return Listed(index)
    if vectors is None or vectors.shape != (index.ntotal, index.d):
        beside = "none" if vectors is None else f"{vectors.shape[0]:,} of length {vectors.shape[1]}"
        raise ReleaseCorrupt(
            f"the index holds codes of {index.ntotal:,} vectors of length {index.d}, and the vectors beside it are "
            f"{beside}: run `aisle reindex`"
        )
    return Refined(index, vectors)
