"""What a search found, and what is left to be found: equal scores told apart, no row shown twice."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from aisle.types import RowIds, Scores

Hits = tuple[Scores, RowIds]
"""Scores and row numbers, best first; row -1 stands for no hit."""

Allowed = NDArray[np.bool_]
"""bool `[products]`: False rows are left out."""


class Remaining:
    """Rows that may still be shown."""

    def __init__(self, allowed: Allowed | None, *, products: int) -> None:
        """Begin with all rows that are allowed.

        Args:
            allowed: None allows all. Never written to.
            products: Rows in all.
        """
        self.mask = allowed
        self.products = products
        self.count = products if allowed is None else int(np.count_nonzero(allowed))
        self._own: Allowed | None = None

    def rows(self) -> RowIds:
        """All of them: int64 `[count]`, rising."""
        rows = np.arange(self.products) if self.mask is None else np.flatnonzero(self.mask)
        return rows.astype(np.int64, copy=False)

    def remove(self, rows: RowIds) -> None:
        """These were shown."""
        if self._own is None:
            self._own = np.ones(self.products, dtype=np.bool_) if self.mask is None else self.mask.copy()
            self.mask = self._own
        self._own[rows] = False
        self.count -= len(rows)


def ordered(scores: Scores, rows: RowIds) -> Hits:
    """Hits of many queries by falling score, ties by row number, so that equal products never swap places."""
    order = np.lexsort((rows, -scores), axis=1)
    return np.take_along_axis(scores, order, axis=1), np.take_along_axis(rows, order, axis=1)


def best_of(scores: Scores, rows: RowIds, *, k: int) -> Hits:
    """The k best of what several searches found, `[n, k]`, by falling score."""
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(scores, order, axis=1), np.take_along_axis(rows, order, axis=1)


def best(ask: Callable[[int], Hits], *, k: int, order: NDArray[np.int64]) -> Hits:
    """The k best hits of one query, ties by `order`, even where the k-th place itself is contested.

    Args:
        ask: Finds so many hits at most.
        k: Wanted.
        order: int64 `[products]`.
    """
    scores, rows = with_ties(ask, k=k)
    scores, rows = sorted_by(order, scores, rows)
    return scores[:k], rows[:k]


def with_ties(ask: Callable[[int], Hits], *, k: int) -> Hits:
    """The k best hits of one query and every other that scores as well as the k-th; fewer where there are fewer."""
    asked = k + 1  # one more, which tells
    while True:
        scores, rows = ask(asked)
        found = int(np.count_nonzero(rows >= 0))
        if found < asked or scores[-1] < scores[k - 1]:
            break
        asked *= 2
    scores, rows = scores[:found], rows[:found]
    if found > k:
        held = scores >= scores[k - 1]
        scores, rows = scores[held], rows[held]
    return scores, rows


def sorted_by(order: NDArray[np.int64], scores: Scores, rows: RowIds) -> Hits:
    """Hits of one query by falling score, ties by `order`."""
    places = np.lexsort((order[rows], -scores))
    return scores[places], rows[places]
