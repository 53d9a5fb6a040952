"""FAISS, build side: an index of each kind, empty, learnt, and as it is written."""

from typing import Any

import faiss
import numpy as np

from aisle.machine import Provider
from aisle.manifest import IndexKind
from aisle.types import ProductVectors, RowIds
from batch.index_device import on_gpus
from batch.index_plan import GRAPH_NEIGHBOURS, IndexPlan

SEED = 0

CODE_DIMENSIONS = 2
"""Dimensions that one 4-bit code word of a product quantiser stands for."""

LEAST_SAMPLE = 16
"""Vectors that a product quantiser of 4 bits asks for; fewer are repeated."""

GRAPH_EFFORT = 80
"""Candidates kept while a node's neighbours are looked for."""


def untrained_index(plan: IndexPlan, *, width: int) -> Any:
    """An index with nothing in it that has learnt nothing.

    Vectors that an index keeps are float16, which is how the shards store them: what it returns is to the bit what was
    embedded. Codes keep what a vector adds to its list's centroid.
    """
    inner, half = faiss.METRIC_INNER_PRODUCT, faiss.ScalarQuantizer.QT_fp16
    if plan.kind is IndexKind.EXACT:
        return faiss.IndexIDMap2(faiss.IndexScalarQuantizer(width, half, inner))
    if plan.kind is IndexKind.HNSW:
        graph = faiss.IndexHNSWSQ(width, half, GRAPH_NEIGHBOURS, inner)
        graph.hnsw.efConstruction = GRAPH_EFFORT
        return graph
    centroids = faiss.IndexFlatIP(width)
    match plan.kind:
        case IndexKind.IVF_SQ8:
            eight = faiss.ScalarQuantizer.QT_8bit
            index = faiss.IndexIVFScalarQuantizer(centroids, width, plan.nlist, eight, inner, True)
        case IndexKind.IVF_PQ:
            index = faiss.IndexIVFPQ(centroids, width, plan.nlist, width // CODE_DIMENSIONS, 4, inner)
            index.pq.cp.seed = SEED
            index.pq.cp.min_points_per_centroid = 1
        case IndexKind.IVF_RABITQ:
            index = faiss.IndexIVFRaBitQ(centroids, width, plan.nlist, inner)
        case _:
            index = faiss.IndexIVFScalarQuantizer(centroids, width, plan.nlist, half, inner, False)
    index.cp.seed = SEED
    index.cp.min_points_per_centroid = 1  # the plan sees to it; a catalog of a dozen rows need not be warned of
    return index


def train(index: Any, sample: ProductVectors, *, device: Provider = Provider.CPU) -> None:
    """Learn lists and codes, where the kind has any; the fewest products will do.

    Args:
        index: From `untrained_index`.
        sample: float32 `[n, 2 * dimension]`, n at least 1 and at least the lists.
        device: Where the nearest of the centroids are looked for while they are learnt: `cpu` or `cuda`.
    """
    if not index.is_trained:
        if device is Provider.CUDA:
            index.clustering_index = on_gpus(faiss.IndexFlatIP(index.d))
        index.train(np.resize(sample, (max(len(sample), LEAST_SAMPLE), sample.shape[1])))


def add(index: Any, vectors: ProductVectors, *, first: int, quantizer: Any | None = None) -> None:
    """Add rows to a trained index.

    Args:
        index: From `untrained_index`, trained.
        vectors: float32 `[n, 2 * dimension]`.
        first: Number of the first. A graph numbers its rows itself: they come to it in order.
        quantizer: Finds the list of each: the index's own on a GPU (`gpu_quantizer`); None asks its own.
    """
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    rows: RowIds = np.arange(first, first + len(vectors), dtype=np.int64)
    if isinstance(index, faiss.IndexHNSW):
        index.add(vectors)
    elif quantizer is None:
        index.add_with_ids(vectors, rows)
    else:
        _, lists = quantizer.search(vectors, 1)
        arrays = (faiss.swig_ptr(array) for array in (vectors, rows, np.ascontiguousarray(lists[:, 0])))
        index.add_core(len(vectors), *arrays)


def gpu_quantizer(index: Any, device: Provider) -> Any | None:
    """The centroids of an index's lists on all GPUs; None on a CPU, and where the index has no lists."""
    if device is Provider.CPU or not isinstance(index, faiss.IndexIVF):
        return None
    return on_gpus(index.quantizer)


def finished(index: Any) -> Any:
    """The index as it is written: product quantisers are packed for fast scans, which cannot be merged as well."""
    return faiss.IndexIVFPQFastScan(index) if isinstance(index, faiss.IndexIVFPQ) else index
