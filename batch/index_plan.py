"""Which index a release gets, and why."""

import math
from dataclasses import dataclass

from aisle.manifest import IndexKind

EXACT_UP_TO = 50_000
"""Products up to which an exact scan is fast enough: about 2 ms a query on one core at 2 x 512 dimensions."""

LEAST_TRAINING_ROWS = 39
"""Per list: below it FAISS warns that the k-means is poor."""

TRAINING_ROWS = 64
"""Per list, where there are that many."""


@dataclass(frozen=True, slots=True)
class IndexPlan:
    """How an index is built.

    Attributes:
        kind: The family.
        nlist: Inverted lists; 0 for `exact`.
        training_rows: Products that the lists are learnt from; 0 for `exact`.
        reason: Why, in words.
    """

    kind: IndexKind
    nlist: int
    training_rows: int
    reason: str


def plan_index(products: int, *, forced: IndexKind | None = None) -> IndexPlan:
    """Choose by the number of products.

    Args:
        products: At least 1.
        forced: The kind that was asked for; None chooses.
    """
    kind = forced or (IndexKind.EXACT if products <= EXACT_UP_TO else IndexKind.IVF)
    why = f"{products:,} products, and exact is the choice up to {EXACT_UP_TO:,}"
    if forced is not None:
        why = f"{products:,} products, and {forced} was asked for"
    if kind is IndexKind.EXACT:
        return IndexPlan(kind=kind, nlist=0, training_rows=0, reason=why)
    by_size, by_training = round(4 * math.sqrt(products)), products // LEAST_TRAINING_ROWS
    nlist = max(1, min(by_size, by_training))
    chosen = "4 x the square root" if by_size <= by_training else f"{LEAST_TRAINING_ROWS} products to learn each"
    return IndexPlan(
        kind=kind,
        nlist=nlist,
        training_rows=min(products, nlist * TRAINING_ROWS),
        reason=f"{why}; {nlist:,} lists: {chosen}",
    )
