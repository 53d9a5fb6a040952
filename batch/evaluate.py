"""How many of the true ten best an index finds, per kind of query, and how many lists it must visit for that."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from aisle.errors import ReleaseError
from aisle.index import ProductIndex, ordered
from aisle.manifest import IndexKind, IndexParameters, QueryKind
from aisle.types import ProductVectors, RowIds, Scores
from batch.index_plan import IndexPlan
from batch.stored import StoredVectors

K = 10

TIE = 1e-5
"""Scores this close are equal: sums of a thousand float32 products differ that much by their order alone."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What was measured.

    Attributes:
        parameters: How the index is to be asked.
        recall: recall@10 against exact search, per kind of query.
        queries: How many were asked, per kind.
    """

    parameters: IndexParameters
    recall: Mapping[QueryKind, float]
    queries: Mapping[QueryKind, int]


@dataclass(frozen=True, slots=True)
class ExactHits:
    """The true k best of each query, best first.

    Attributes:
        scores: float32 `[n, k]`.
        rows: int64 `[n, k]`.
    """

    scores: Scores
    rows: RowIds


def evaluate_index(
    path: Path,
    plan: IndexPlan,
    queries: Mapping[QueryKind, ProductVectors],
    vectors: StoredVectors,
    *,
    recall_target: float,
) -> Evaluation:
    """Measure an index as it will be asked; for `ivf` double `nprobe` until every kind reaches the target.

    Args:
        path: The index file.
        plan: How it was built.
        queries: float32 `[n, 2 * dimension]` per kind.
        vectors: What it was built from: the truth it is compared with.
        recall_target: Least recall@10, for every kind.

    Raises:
        ReleaseCorrupt: The file is not an index.
        ReleaseError: The target cannot be reached even when every list is visited.
    """
    exact = {kind: exact_search(asked, vectors, k=K) for kind, asked in queries.items()}
    index = ProductIndex.open(path, IndexParameters(kind=plan.kind, nlist=plan.nlist, nprobe=min(1, plan.nlist)))
    while True:
        recall = {kind: recall_at_k(index, queries[kind], exact[kind], vectors) for kind in queries}
        if all(found >= recall_target for found in recall.values()):
            return Evaluation(
                parameters=index.parameters,
                recall=recall,
                queries={kind: len(asked) for kind, asked in queries.items()},
            )
        if plan.kind is IndexKind.EXACT or index.parameters.nprobe == plan.nlist:
            raise ReleaseError(_unreached(recall, recall_target, index.parameters))
        index.parameters = replace(index.parameters, nprobe=min(2 * index.parameters.nprobe, plan.nlist))


def _unreached(recall: Mapping[QueryKind, float], target: float, parameters: IndexParameters) -> str:
    figures = ", ".join(f"{kind} {found:.3f}" for kind, found in recall.items())
    asked = f"{parameters.kind}, nprobe {parameters.nprobe} of {parameters.nlist}" if parameters.nlist else "exact"
    return (
        f"recall@10 is {figures} and the target {target} ({asked}): the index disagrees with the vectors it was built "
        "from; nothing was published. Run again, or lower --recall-target"
    )


def exact_search(queries: ProductVectors, vectors: StoredVectors, *, k: int) -> ExactHits:
    """The k best by brute force over the stored vectors in float32, a block at a time.

    Args:
        queries: float32 `[n, 2 * dimension]`.
        vectors: To search.
        k: Hits wanted per query.

    Returns:
        min(k, vectors) hits per query.
    """
    scores = np.zeros((len(queries), 0), dtype=np.float32)
    rows = np.zeros((len(queries), 0), dtype=np.int64)
    for first, block in vectors.blocks():
        numbers = np.broadcast_to(np.arange(first, first + len(block)), (len(queries), len(block)))
        scores, rows = ordered(
            np.concatenate([scores, queries @ block.T], axis=1), np.concatenate([rows, numbers], axis=1)
        )
        scores, rows = scores[:, :k], rows[:, :k]
    return ExactHits(scores=scores, rows=rows)


def recall_at_k(index: ProductIndex, queries: ProductVectors, exact: ExactHits, vectors: StoredVectors) -> float:
    """Share of the k best that the index finds; whatever ties with the k-th best counts as well as it.

    Args:
        index: To be measured.
        queries: float32 `[n, 2 * dimension]`.
        exact: Their true hits, `[n, k]`.
        vectors: The stored vectors, which settle what is a tie: the index's own scores are not trusted.
    """
    k = exact.rows.shape[1]
    scores, rows = index.search(queries, k=k)
    found = (rows[:, :, None] == exact.rows[:, None, :]).any(axis=2)
    least = exact.scores[:, -1:] - TIE
    asked, places = np.nonzero(~found & (scores >= least) & (rows >= 0))
    if len(asked):
        hits, where = np.unique(rows[asked, places], return_inverse=True)
        true = np.einsum("nd,nd->n", queries[asked], vectors.take(hits)[where])
        found[asked, places] = true >= least[asked, 0]
    return float(found.sum() / (len(queries) * k))
