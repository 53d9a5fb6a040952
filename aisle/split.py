"""Which products are held out: by the hash of their ids, so that no order, run or seed moves one across.

Training leaves them out and evaluation asks for them alone: both must mean the same products.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from aisle.files import digest

_BUCKETS = 1 << 32


def held_out(ids: Sequence[str], *, share: float) -> NDArray[np.bool_]:
    """Whether each product belongs to the held-out split.

    Args:
        ids: n product ids.
        share: Of all products, 0 to 1; the split holds about this many, and a larger one holds a smaller one.

    Returns:
        bool `[n]`.
    """
    limit = share * _BUCKETS
    return np.array([int(digest("split", id_)[:8], 16) < limit for id_ in ids], dtype=np.bool_)
