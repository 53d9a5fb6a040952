"""FAISS, read side: open an index, search it with per-call parameters, read vectors back.

Nothing is ever set on the shared index: which lists are visited and which rows are allowed travel in
`SearchParameters` of one call, so any number of threads may search at once.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from aisle.entries import Entries, read_entries
from aisle.errors import ReleaseCorrupt
from aisle.hits import Allowed, Hits, Remaining
from aisle.index_families import Family, Graph, Listed, Refined, Scan, Wanted
from aisle.layout import ENTRIES, INDEX, VECTORS, part_name
from aisle.manifest import IndexKind, IndexParameters, QueryKind
from aisle.types import ProductVectors, RowIds
from aisle.vector_file import VectorFiles


class ProductIndex:
    """FAISS over two-half product vectors with explicit row ids, inner product: one index, or several parts of one."""

    def __init__(
        self,
        parts: Sequence[Any],
        parameters: IndexParameters,
        *,
        entries: Entries | None = None,
        vectors: VectorFiles | None = None,
    ) -> None:
        """Wrap an index.

        Args:
            parts: FAISS indexes whose ids are their places 0..n-1; several only where they have lists, the same lists.
            parameters: How it is asked.
            entries: Which product stands where; None where place and row are one.
            vectors: Of all products, for the kinds whose index holds only codes.

        Raises:
            ReleaseCorrupt: The index is not of the kind that `parameters` say, or the vectors are not its own.
        """
        entries = entries or Entries([index.ntotal for index in parts])
        self._products = entries.products
        self._family = _family(parts, parameters.kind, entries, vectors)
        self.parameters = parameters
        self.width = int(parts[0].d)
        """Length of a product vector: two halves."""

    @classmethod
    def open(cls, folder: Path, parameters: IndexParameters) -> "ProductIndex":
        """Open the index in a folder, memory-mapped where FAISS can, and map the vectors where its kind needs them.

        Processes that open the same release share its pages, and a release that is swapped out leaves no copy behind.
        So do releases that have a part in common.

        Args:
            folder: Of the release.
            parameters: How it is built and asked.

        Raises:
            ReleaseCorrupt: FAISS cannot read a file, or it is of another kind, or holds another number of vectors.
        """
        names = [part_name(INDEX, part) for part in range(max(1, len(parameters.parts)))]
        try:
            parts = [_mapped(folder / name, parameters.kind) for name in names]
            sizes = [int(part.ntotal) for part in parts]
            if parameters.parts and tuple(sizes) != parameters.parts:
                raise ReleaseCorrupt(
                    f"{folder}: the parts of the index hold {sizes} vectors, its manifest says "
                    f"{list(parameters.parts)}: run `aisle reindex --compact`"
                )
            entries = Entries(sizes, read_entries(folder / ENTRIES) if parameters.parts else None)
            vectors = None
            if parameters.kind.refined:
                vectors = VectorFiles([folder / part_name(VECTORS, part) for part in range(len(parts))], entries)
            return cls(parts, parameters, entries=entries, vectors=vectors)
        except RuntimeError as error:
            raise ReleaseCorrupt(f"{folder}: its index cannot be read by FAISS: run `aisle reindex`") from error

    def __len__(self) -> int:
        return self._products

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


def _family(parts: Sequence[Any], kind: IndexKind, entries: Entries, vectors: VectorFiles | None) -> Family:
    index = parts[0]
    if len(parts) > 1 and not kind.has_lists:
        raise ReleaseCorrupt(f"an index of the kind {kind} has {len(parts)} parts: run `aisle reindex --compact`")
    if kind is IndexKind.EXACT:
        return Scan(index)
    if kind is IndexKind.HNSW:
        if not isinstance(index, faiss.IndexHNSW):
            raise ReleaseCorrupt(f"the index is a {type(index).__name__}, not an HNSW graph: run `aisle reindex`")
        return Graph(index)
    for part in parts:
        if not isinstance(part, faiss.IndexIVF):
            raise ReleaseCorrupt(f"the index is a {type(part).__name__}, not an IVF index: run `aisle reindex`")
        if (part.d, part.nlist) != (index.d, index.nlist):
            raise ReleaseCorrupt("the parts of the index differ in their lists: run `aisle reindex --compact`")
    if kind is IndexKind.IVF:
        return Listed(parts, entries)
    coded = [(part.ntotal, part.d) for part in parts]
    beside = [] if vectors is None else vectors.shapes
    if vectors is None or beside != coded:
        raise ReleaseCorrupt(
            f"the index holds codes of {_in_words(coded)}, and the vectors beside it are {_in_words(beside)}: "
            "run `aisle reindex`"
        )
    return Refined(parts, entries, vectors)


def _in_words(shapes: Sequence[tuple[int, ...]]) -> str:
    return " and ".join(f"{shape[0]:,} of length {shape[1]}" for shape in shapes) or "none"
