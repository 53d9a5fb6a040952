"""Figures of ranked lists, by trec_eval's own code, which retrieval papers quote.

It is reached through `ir-measures` and its provider pytrec_eval: three packages that import in 0.05 s and judge 1,000
queries of 100 places in 0.06 s. The other library of the field, `ranx`, would bring twenty, numba among them, which
compiles before it counts.

A ranking is a row of booleans, best hit first: whether the hit at each place is relevant.
"""

import numpy as np
from ir_measures import RR, Measure, P, R, pytrec_eval
from numpy.typing import NDArray

Rankings = NDArray[np.bool_]
"""One row per query, one column per place, best first: bool `[queries, places]`."""


def precision_at_k(rankings: Rankings, *, k: int) -> float:
    """Share of the first k hits that are relevant, averaged over queries. Missing places count as misses.

    Raises:
        ValueError: There is no query, or k is below 1.
    """
    return float(_precisions(rankings, k).mean())


def recall_at_k(rankings: Rankings, relevant: NDArray[np.int64], *, k: int, capped: bool = False) -> float:
    """Share of a query's relevant products that the first k hits hold, averaged over queries.

    Args:
        rankings: bool `[queries, places]`.
        relevant: How many products are relevant to each query, int64 `[queries]`, each at least 1.
        k: Places looked at.
        capped: Divide by k where more than k products are relevant, so that 1 can be reached (as BEIR does: Thakur et
            al. 2021, arXiv:2104.08663). trec_eval has no such figure: it is its precision, divided otherwise.

    Raises:
        ValueError: There is no query, k is below 1, or a query has no relevant product, or fewer than its hits.
    """
    if len(relevant) != len(rankings) or (relevant < 1).any():
        raise ValueError(f"{len(rankings)} queries need as many counts of relevant products, each at least 1")
    unfound = relevant - rankings.sum(axis=1)
    if (unfound < 0).any():
        query = int(unfound.argmin())
        raise ValueError(f"query {query} has {relevant[query]} relevant products and more hits than that")
    if capped:
        return float((_precisions(rankings, k) * k / np.minimum(relevant, k)).mean())
    _check(rankings, k)
    return float(_by_query(rankings[:, :k], R @ k, unfound=relevant - rankings[:, :k].sum(axis=1)).mean())


def mean_reciprocal_rank(rankings: Rankings) -> float:
    """1 / place of the first relevant hit, 0 where there is none, averaged over queries.

    Raises:
        ValueError: There is no query.
    """
    _check(rankings, 1)
    return float(_by_query(rankings, RR, unfound=_one(rankings)).mean())


def _precisions(rankings: Rankings, k: int) -> NDArray[np.float64]:
    _check(rankings, k)
    return _by_query(rankings[:, :k], P @ k, unfound=_one(rankings))


def _check(rankings: Rankings, k: int) -> None:
    if k < 1:
        raise ValueError(f"k is {k}; it must be at least 1")
    if not len(rankings):
        raise ValueError("there are no queries to average over")


def _one(rankings: Rankings) -> NDArray[np.int64]:
    """trec_eval skips a query without relevant documents; one that was not found changes neither P nor RR."""
    return np.ones(len(rankings), dtype=np.int64)


def _by_query(rankings: Rankings, measure: Measure, *, unfound: NDArray[np.int64]) -> NDArray[np.float64]:
    """One figure per query: float64 `[queries]`. Documents are named by their place; those not ranked by a number."""
    places = [f"place {place}" for place in range(rankings.shape[1])]
    run = {name: float(-place) for place, name in enumerate(places)}
    judged = {
        str(query): {
            **{places[place]: 1 for place in np.flatnonzero(row)},
            **{f"unfound {number}": 1 for number in range(missing)},
        }
        for query, (row, missing) in enumerate(zip(rankings, unfound.tolist(), strict=True))
    }
    figures = np.zeros(len(rankings), dtype=np.float64)
    for figure in pytrec_eval.iter_calc([measure], judged, dict.fromkeys(judged, run)):
        figures[int(figure.query_id)] = figure.value
    return figures
