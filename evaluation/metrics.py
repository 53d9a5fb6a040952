"""Figures of ranked lists (Manning, Raghavan and Schütze 2008, "Introduction to Information Retrieval", chapter 8).

A ranking is a row of booleans, best hit first: whether the hit at each place is relevant.
"""

import numpy as np
from numpy.typing import NDArray

Rankings = NDArray[np.bool_]
"""One row per query, one column per place, best first: bool `[queries, places]`."""


def precision_at_k(rankings: Rankings, *, k: int) -> float:
    """Share of the first k hits that are relevant, averaged over queries. Missing places count as misses.

    Raises:
        ValueError: There is no query, or k is below 1.
    """
    return float(_found(rankings, k).mean() / k)


def recall_at_k(rankings: Rankings, relevant: NDArray[np.int64], *, k: int, capped: bool = False) -> float:
    """Share of a query's relevant products that the first k hits hold, averaged over queries.

    Args:
        rankings: bool `[queries, places]`.
        relevant: How many products are relevant to each query, int64 `[queries]`, each at least 1.
        k: Places looked at.
        capped: Divide by k where more than k products are relevant, so that 1 can be reached.

    Raises:
        ValueError: There is no query, k is below 1, or a query has no relevant product.
    """
    if len(relevant) != len(rankings) or (relevant < 1).any():
        raise ValueError(f"{len(rankings)} queries need as many counts of relevant products, each at least 1")
    return float((_found(rankings, k) / (np.minimum(relevant, k) if capped else relevant)).mean())


def mean_reciprocal_rank(rankings: Rankings) -> float:
    """1 / place of the first relevant hit, 0 where there is none, averaged over queries.

    Raises:
        ValueError: There is no query.
    """
    _found(rankings, 1)
    places = np.arange(1, rankings.shape[1] + 1)
    return float((rankings / places).max(axis=1, initial=0.0).mean())


def _found(rankings: Rankings, k: int) -> NDArray[np.int64]:
    if k < 1:
        raise ValueError(f"k is {k}; it must be at least 1")
    if not len(rankings):
        raise ValueError("there are no queries to average over")
    counts: NDArray[np.int64] = rankings[:, :k].sum(axis=1)
    return counts
