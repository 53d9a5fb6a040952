"""What a run over a catalog will take, told before it starts. Everything counts as new: what is known costs nothing.

Rates of the encoder are those that `aisle export` measured with this model and kept in its manifest; the index is
counted in multiplications. Memory and disk follow from the plan.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aisle.manifest import IndexKind
from batch.index_plan import GRAPH_NEIGHBOURS, IndexPlan

FLOPS = 6e10
"""A core's float32 multiplications and additions a second in large products of matrices: `benchmarks/index.py` built
and tuned an index over a million vectors at 8e10 on a core with AVX-512."""

TRAINING_ROUNDS = 10
"""Of k-means, for the lists."""

GRAPH_COMPARISONS = 60
"""Products that are compared for one neighbour that is found, while a graph is built."""

THUMBNAIL_BYTES = 5_900
"""Of one picture, about: the mean of product photos."""

QUERIES = 600
"""Asked exactly when the index is tuned."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What is expected.

    Attributes:
        products: Rows of the catalog that can become products.
        shards: Files of embeddings.
        index: What will be built, and why.
        memory_bytes: Most that the run's main process needs while it builds; each worker holds the model beside it.
        embeddings_bytes: On the disk, kept for the next run.
        release_bytes: On the disk, for each release that is kept.
        embed_minutes: None where the model's rates are not known.
        index_minutes: Learning, adding and measuring.
    """

    products: int
    shards: int
    index: IndexPlan
    memory_bytes: int
    embeddings_bytes: int
    release_bytes: int
    embed_minutes: float | None
    index_minutes: float


def predict(
    index: IndexPlan,
    *,
    products: int,
    table_bytes: int,
    width: int,
    images: bool,
    texts: bool,
    parity: Mapping[str, Any],
    workers: int,
    shard_rows: int,
    part_bytes: int,
) -> Prediction:
    """Count.

    Args:
        index: Over these products.
        products: At least 1.
        table_bytes: Of the products' table in memory.
        width: Length of a product vector.
        images: Whether products have pictures.
        texts: Whether products have texts.
        parity: Of the model's manifest.
        workers: That run at the same time.
        shard_rows: Rows of one shard, about.
        part_bytes: Size from which an index with lists is kept in several files.
    """
    building = index.memory_bytes
    if index.kind.has_lists:
        # A parallel build merges copies, and fast scans are packed from what was merged: twice a part for a moment.
        building = 2 * min(building, part_bytes) + 2 * 4 * width * index.training_rows
    if index.kind is IndexKind.IVF_PQ:
        building = max(building, index.memory_bytes)  # it cannot be mapped when it is measured
    thumbnails = THUMBNAIL_BYTES * products if images else 0
    return Prediction(
        products=products,
        shards=-(-products // shard_rows),
        index=index,
        memory_bytes=building + 2 * table_bytes,
        embeddings_bytes=2 * width * products + thumbnails + 100 * products,
        release_bytes=index.disk_bytes + thumbnails + table_bytes,
        embed_minutes=_embed_minutes(products, images=images, texts=texts, parity=parity, workers=workers),
        index_minutes=_operations(index, products=products, width=width) / (FLOPS * workers) / 60,
    )


def _embed_minutes(
    products: int, *, images: bool, texts: bool, parity: Mapping[str, Any], workers: int
) -> float | None:
    figures = parity.get("candidates", {}).get(parity.get("chosen"), {})
    rates = [figures.get(name) for name, asked in (("images_per_s", images), ("texts_per_s", texts)) if asked]
    if not all(rates):
        return None
    threads = parity.get("threads") or workers
    share = workers / threads if parity.get("provider") == "cpu" else workers
    return float(sum(products / (rate * share) for rate in rates if rate) / 60)


def _operations(index: IndexPlan, *, products: int, width: int) -> float:
    if index.kind is IndexKind.HNSW:
        return 2.0 * width * products * GRAPH_NEIGHBOURS * GRAPH_COMPARISONS + 2.0 * width * products * QUERIES
    compared = TRAINING_ROUNDS * index.training_rows + products
    return 2.0 * width * (compared * index.nlist + products * QUERIES)
