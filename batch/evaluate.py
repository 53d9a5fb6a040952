"""How many of the true ten best an index finds, per kind of query, and how hard it must look for that."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from aisle.errors import ReleaseError
from aisle.hits import best_of
from aisle.index import ProductIndex
from aisle.manifest import Effort, IndexKind, IndexParameters, QueryKind
from aisle.types import ProductVectors, RowIds, Scores
from batch.stored import StoredVectors

K = 10

CANDIDATES = (16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
"""How many products codes or a graph may propose per query; the fewest that do are taken."""

TIE = 1e-5
"""Scores this close are equal: sums of a thousand float32 products differ that much by their order alone."""


class RecallUnreached(ReleaseError):
    """The recall target cannot be reached even with the greatest effort.

    Attributes:
        figures: recall@10 of each kind of query, in words.
    """

    def __init__(self, figures: str, *, target: float, effort: str) -> None:
        """Say what was found, what was wanted and what helps."""
        self.figures = f"recall@10 is {figures} and the target {target}"
        super().__init__(
            f"{self.figures} ({effort}): the index disagrees with the vectors it was built from, or its codes are too "
            "coarse for them; nothing was published. Run again with another --index or more --memory, or lower "
            "--recall-target"
        )


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
    folder: Path,
    built: IndexParameters,
    queries: Mapping[QueryKind, ProductVectors],
    vectors: StoredVectors,
    *,
    recall_target: float,
) -> Evaluation:
    """Measure an index as it will be asked, tuned for each kind of query by itself.

    Texts lie elsewhere than pictures in CLIP's space, so that what suffices for the one is too little for the other.

    Args:
        folder: Where its files are.
        built: How it was built.
        queries: float32 `[n, 2 * dimension]` per kind.
        vectors: What it was built from: the truth it is compared with.
        recall_target: Least recall@10, for every kind.

    Raises:
        ReleaseCorrupt: The files are not an index.
        RecallUnreached: The target cannot be reached even with the greatest effort.
    """
    index = ProductIndex.open(folder, built)
    efforts: dict[str, Effort] = {}
    recall: dict[QueryKind, float] = {}
    for kind, asked in queries.items():
        exact = exact_search(asked, vectors, k=K)
        efforts[kind], recall[kind] = tune(index, asked, exact, vectors, recall_target=recall_target)
    if any(found < recall_target for found in recall.values()):
        figures = ", ".join(f"{kind} {found:.3f}" for kind, found in recall.items())
        effort = f"{built.kind}, at most {built.nlist} lists visited" if built.nlist else str(built.kind)
        raise RecallUnreached(figures, target=recall_target, effort=effort)
    return Evaluation(
        parameters=replace(
            index.parameters,
            nprobe=max((effort.nprobe for effort in efforts.values()), default=min(1, built.nlist)),
            candidates=max((effort.candidates for effort in efforts.values()), default=0),
            efforts={} if built.kind is IndexKind.EXACT else efforts,
        ),
        recall=recall,
        queries={kind: len(asked) for kind, asked in queries.items()},
    )


def tune(
    index: ProductIndex,
    queries: ProductVectors,
    exact: ExactHits,
    vectors: StoredVectors,
    *,
    recall_target: float,
) -> tuple[Effort, float]:
    """The least effort that reaches the target, and the recall that it has; the greatest where none does.

    The fewest lists that can reach it, with the fewest candidates; twice the lists, where that halves the candidates:
    comparing one of them exactly costs as much as hundreds of codes.

    Args:
        index: To be tuned; its parameters are left at the last that were tried.
        queries: float32 `[n, 2 * dimension]` of one kind.
        exact: Their true hits.
        vectors: What the index was built from.
        recall_target: Least recall@10.
    """
    kind, nlist = index.parameters.kind, index.parameters.nlist
    proposes = kind.refined or kind is IndexKind.HNSW
    # One more step than it takes: where all are candidates there is nothing left to miss.
    sizes = [size for size in CANDIDATES if size < 2 * len(vectors)] if proposes else [0]
    probes = [min(2**step, nlist) for step in range(max(0, nlist - 1).bit_length() + 1)]

    def measure(effort: Effort) -> float:
        index.parameters = replace(index.parameters, nprobe=effort.nprobe, candidates=effort.candidates)
        return recall_at_k(index, queries, exact, vectors)

    def fewest(nprobe: int) -> tuple[Effort, float]:
        """With so many lists: the least number of candidates that suffices, or the most."""
        most = Effort(nprobe=nprobe, candidates=sizes[-1])
        found = most, measure(most)
        if found[1] >= recall_target:
            for size in sizes[:-1]:
                effort = Effort(nprobe=nprobe, candidates=size)
                if (recall := measure(effort)) >= recall_target:
                    return effort, recall
        return found

    reached = None
    for nprobe in probes:
        effort, recall = fewest(nprobe)
        if reached is not None:
            return (effort, recall) if 2 * effort.candidates <= reached[0].candidates else reached
        if recall >= recall_target:
            reached = effort, recall
            if not kind.refined:
                return reached
    return reached or (effort, recall)


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
        found = queries @ block.T
        numbers = np.broadcast_to(np.arange(first, first + len(block)), found.shape)
        # The block's own best first: a sort of all with what was found before holds several times as much.
        best, best_rows = best_of(found, numbers, k=k)
        scores, rows = best_of(np.concatenate([scores, best], axis=1), np.concatenate([rows, best_rows], axis=1), k=k)
    return ExactHits(scores=scores, rows=rows)


def recall_at_k(
    index: ProductIndex,
    queries: ProductVectors,
    exact: ExactHits,
    vectors: StoredVectors,
    *,
    kind: QueryKind | None = None,
) -> float:
    """Share of the k best that the index finds; whatever ties with the k-th best counts as well as it.

    Args:
        index: To be measured.
        queries: float32 `[n, 2 * dimension]`.
        exact: Their true hits, `[n, k]`.
        vectors: The stored vectors, which settle what is a tie: the index's own scores are not trusted.
        kind: Of the queries; None asks with the effort for any kind.
    """
    k = exact.rows.shape[1]
    scores, rows = index.search(queries, k=k, kind=kind)
    found = (rows[:, :, None] == exact.rows[:, None, :]).any(axis=2)
    least = exact.scores[:, -1:] - TIE
    asked, places = np.nonzero(~found & (scores >= least) & (rows >= 0))
    if len(asked):
        hits, where = np.unique(rows[asked, places], return_inverse=True)
        true = np.einsum("nd,nd->n", queries[asked], vectors.take(hits)[where])
        found[asked, places] = true >= least[asked, 0]
    return float(found.sum() / (len(queries) * k))
