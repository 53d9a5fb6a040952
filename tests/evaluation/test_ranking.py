"""Exact search: order, ties, blocks, and pictures that are not their own neighbours."""

import numpy as np
import pytest

from evaluation import ranking
from evaluation.ranking import best_rows

VECTORS = np.array([[1, 0], [0, 1], [1, 0], [-1, 0]], dtype=np.float32)


def test_best_first_and_of_equal_ones_the_earlier() -> None:
    asked = np.array([[1, 0], [0, -1]], dtype=np.float32)
    assert best_rows(asked, VECTORS).tolist() == [[0, 2, 1, 3], [0, 2, 3, 1]]
    assert best_rows(asked, VECTORS, places=2).tolist() == [[0, 2], [0, 2]]


def test_the_own_row_is_no_hit() -> None:
    found = best_rows(VECTORS, VECTORS, own=np.arange(4))
    assert found.shape == (4, 3)
    assert found[0].tolist() == [2, 1, 3]
    assert found[2].tolist() == [0, 1, 3]
    assert not (found == np.arange(4)[:, None]).any()


@pytest.mark.parametrize("own", [None, np.arange(40)])
def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch, own: np.ndarray | None) -> None:
    random = np.random.default_rng(0)
    vectors = random.normal(size=(40, 5)).astype(np.float32)
    whole = best_rows(vectors, vectors, own=own)
    monkeypatch.setattr(ranking, "_CELLS", 7 * 40)
    np.testing.assert_array_equal(best_rows(vectors, vectors, own=own), whole)
