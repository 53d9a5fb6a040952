"""An index of any kind as a release holds it, for tests of what reads it."""

from pathlib import Path

import faiss
import numpy as np

from aisle.index import ProductIndex
from aisle.layout import INDEX, VECTORS
from aisle.manifest import IndexKind, IndexParameters
from aisle.vector_file import write_vectors
from batch.index_family import finished, train, untrained_index
from batch.index_plan import IndexPlan


def write_index(
    kind: IndexKind, vectors: np.ndarray, folder: Path, *, nlist: int = 64, nprobe: int = 4, candidates: int = 32
) -> IndexParameters:
    """Write the files of an index, asked with an effort that finds less than everything.

    Rows are added in another order than theirs, but to a graph, which numbers them itself.
    """
    count, width = vectors.shape
    plan = IndexPlan(kind=kind, nlist=nlist if kind.has_lists else 0, training_rows=0, reason="a test")
    index = untrained_index(plan, width=width)
    train(index, vectors)
    if kind is IndexKind.HNSW:
        index.add(vectors)
    else:
        order = np.random.default_rng(4).permutation(count)
        index.add_with_ids(vectors[order], order)
    folder.mkdir(parents=True, exist_ok=True)
    faiss.write_index(finished(index), str(folder / INDEX))
    if kind.refined:
        write_vectors([vectors], folder / VECTORS, shape=(count, width))
    proposes = kind.refined or kind is IndexKind.HNSW
    return IndexParameters(
        kind=kind, nlist=plan.nlist, nprobe=min(nprobe, plan.nlist), candidates=candidates if proposes else 0
    )


def open_index(kind: IndexKind, vectors: np.ndarray, folder: Path, **options: int) -> ProductIndex:
    """Write one and open it."""
    return ProductIndex.open(folder / INDEX, write_index(kind, vectors, folder, **options))
