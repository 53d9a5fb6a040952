"""Exact search: which rows score best, for many queries, a block of them at a time."""

import numpy as np
from numpy.typing import NDArray

from aisle.types import RowIds

PLACES = 100
"""Hits that are looked at: what the reciprocal rank sees."""

_CELLS = 1 << 24
"""Most scores held at once, 64 MiB of float32."""


def best_rows(
    asked: NDArray[np.float32], vectors: NDArray[np.float32], *, places: int = PLACES, own: RowIds | None = None
) -> RowIds:
    """The rows of highest inner product, best first; of equal ones the earlier row.

    Args:
        asked: float32 `[queries, dimension]`.
        vectors: float32 `[n, dimension]`.
        places: Hits per query; fewer when there are fewer rows.
        own: One row per query that is no hit of it, int64 `[queries]`: a picture is not its own neighbour.

    Returns:
        int64 `[queries, min(places, rows that can be hits)]`.
    """
    hits = min(places, len(vectors) - (own is not None))
    best = np.zeros((len(asked), hits), dtype=np.int64)
    block = max(1, _CELLS // max(1, len(vectors)))
    for start in range(0, len(asked), block):
        scores = asked[start : start + block] @ vectors.T
        if own is not None:
            scores[np.arange(len(scores)), own[start : start + block]] = -np.inf
        best[start : start + block] = np.argsort(-scores, axis=1, kind="stable")[:, :hits]
    return best
