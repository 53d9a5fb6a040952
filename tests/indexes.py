"""An index of any kind as a release holds it, for tests of what reads it."""

from pathlib import Path

import numpy as np

from aisle.entries import write_entries
from aisle.index import ProductIndex
from aisle.layout import ENTRIES
from aisle.manifest import IndexKind, IndexParameters
from batch.build import write_part
from batch.index_family import train, untrained_index
from batch.index_plan import IndexPlan


def write_index(
    kind: IndexKind,
    vectors: np.ndarray,
    folder: Path,
    *,
    nlist: int = 64,
    nprobe: int = 4,
    candidates: int = 32,
    parts: int = 1,
) -> IndexParameters:
    """Write the files of an index, asked with an effort that finds less than everything.

    Rows are added in another order than theirs, but to a graph, which numbers them itself. Of several parts the last
    one is small, the products stand all over them, and every sixth entry is nobody's: a product's vector once more.
    """
    plan = IndexPlan(kind=kind, nlist=nlist if kind.has_lists else 0, training_rows=0, reason="a test")
    held, sizes = vectors, [len(vectors)]
    folder.mkdir(parents=True, exist_ok=True)
    if parts > 1:
        total = len(vectors) + len(vectors) // 5
        entries = np.random.default_rng(5).permutation(total)[: len(vectors)]
        held = vectors[np.arange(total) % len(vectors)]
        held[entries] = vectors
        small = total // 20
        sizes = [len(part) for part in np.array_split(np.arange(total - small), parts - 1)] + [small]
        write_entries(entries, folder / ENTRIES)
    for number, part in enumerate(np.split(held, np.cumsum(sizes)[:-1])):
        index = untrained_index(plan, width=vectors.shape[1])
        train(index, vectors)
        if kind is IndexKind.HNSW:
            index.add(part)
        else:
            order = np.random.default_rng(4).permutation(len(part))
            index.add_with_ids(part[order], order)
        write_part(index, kind, folder, number=number, blocks=[part])
    proposes = kind.refined or kind is IndexKind.HNSW
    return IndexParameters(
        kind=kind,
        nlist=plan.nlist,
        nprobe=min(nprobe, plan.nlist),
        candidates=candidates if proposes else 0,
        parts=tuple(sizes) if parts > 1 else (),
        base_parts=parts - 1,
    )


def open_index(kind: IndexKind, vectors: np.ndarray, folder: Path, **options: int) -> ProductIndex:
    """Write one and open it."""
    return ProductIndex.open(folder, write_index(kind, vectors, folder, **options))
