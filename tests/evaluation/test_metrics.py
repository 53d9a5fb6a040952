"""Figures of rankings, worked out by hand."""

import numpy as np
import pytest

from evaluation.metrics import mean_reciprocal_rank, precision_at_k, recall_at_k

RANKINGS = np.array([[1, 0, 1, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 0]], dtype=np.bool_)


def test_precision_counts_the_first_k() -> None:
    assert precision_at_k(RANKINGS, k=1) == pytest.approx((1 + 0 + 0) / 3)
    assert precision_at_k(RANKINGS, k=3) == pytest.approx((2 / 3 + 0 + 0) / 3)
    assert precision_at_k(RANKINGS, k=10) == pytest.approx((2 / 10 + 1 / 10 + 0) / 3)  # missing places are misses


def test_recall_divides_by_what_there_is() -> None:
    relevant = np.array([4, 1, 2])
    assert recall_at_k(RANKINGS, relevant, k=3) == pytest.approx((2 / 4 + 0 + 0) / 3)
    assert recall_at_k(RANKINGS, relevant, k=5) == pytest.approx((2 / 4 + 1 + 0) / 3)
    assert recall_at_k(RANKINGS, relevant, k=3, capped=True) == pytest.approx((2 / 3 + 0 + 0) / 3)


def test_what_comes_later_counts_as_not_found() -> None:
    late = np.array([[1, 0, 0, 1]], dtype=np.bool_)
    assert recall_at_k(late, np.array([2]), k=2) == pytest.approx(1 / 2)


def test_reciprocal_rank_looks_at_the_first_relevant_hit() -> None:
    assert mean_reciprocal_rank(RANKINGS) == pytest.approx((1 + 1 / 4 + 0) / 3)


def test_what_has_no_average_is_refused() -> None:
    none = np.zeros((0, 5), dtype=np.bool_)
    with pytest.raises(ValueError, match="no queries"):
        precision_at_k(none, k=1)
    with pytest.raises(ValueError, match="no queries"):
        mean_reciprocal_rank(none)
    with pytest.raises(ValueError, match="k is 0"):
        precision_at_k(RANKINGS, k=0)
    with pytest.raises(ValueError, match="each at least 1"):
        recall_at_k(RANKINGS, np.array([1, 0, 1]), k=1)
    with pytest.raises(ValueError, match="as many counts"):
        recall_at_k(RANKINGS, np.array([1, 1]), k=1)
    with pytest.raises(ValueError, match="k is 0"):
        recall_at_k(RANKINGS, np.array([4, 1, 2]), k=0)
    with pytest.raises(ValueError, match="query 0 has 1 relevant products and more hits"):
        recall_at_k(RANKINGS, np.array([1, 1, 2]), k=1)


def test_many_queries_keep_their_order() -> None:
    """The library names queries by text, where "10" comes before "9"."""
    rankings = np.zeros((12, 4), dtype=np.bool_)
    rankings[[3, 9, 10], [0, 1, 3]] = True
    relevant = np.array([1, 1, 1, 2, 1, 1, 1, 1, 1, 4, 5, 1])
    assert recall_at_k(rankings, relevant, k=4) == pytest.approx((1 / 2 + 1 / 4 + 1 / 5) / 12)
    assert recall_at_k(rankings, relevant, k=2, capped=True) == pytest.approx((1 / 2 + 1 / 2) / 12)
    assert mean_reciprocal_rank(rankings) == pytest.approx((1 + 1 / 2 + 1 / 4) / 12)
