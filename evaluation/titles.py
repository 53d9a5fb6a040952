"""Does a product's own title find its picture? The task that fashion retrieval benchmarks call text to image."""

from dataclasses import dataclass

import numpy as np

from aisle.types import Encoder, UnitVectors
from evaluation.encoded import EncodedCatalog, encode_texts
from evaluation.metrics import mean_reciprocal_rank, recall_at_k
from evaluation.ranking import best_rows

_PLACES = (1, 2, 5, 10, 20, 50, 100)


@dataclass(frozen=True, slots=True)
class TitlePairs:
    """All products with a title and a picture.

    Attributes:
        titles: float32 `[n, dimension]`, unit rows.
        images: float32 `[n, dimension]`, unit rows, of the same products.
    """

    titles: UnitVectors
    images: UnitVectors


@dataclass(frozen=True, slots=True)
class RecallAt:
    """Recall at one depth: share of titles whose own product is among the first k."""

    k: int
    recall: float


@dataclass(frozen=True, slots=True)
class TitleReport:
    """Figures over all pairs; each product is relevant to its own title only, even where titles are equal.

    Attributes:
        products: How many were searched, which is how many titles were asked.
        recall_at_1: Share of titles whose own product comes first.
        recall_at_10: Share whose own product is among the first ten.
        mean_reciprocal_rank: Of the own product, 0 where it is not among the first hundred.
        curve: Recall at 1, 2, 5, 10, 20, 50 and 100, as far as there are products.
    """

    products: int
    recall_at_1: float
    recall_at_10: float
    mean_reciprocal_rank: float
    curve: tuple[RecallAt, ...]


def pair_titles(catalog: EncodedCatalog, encoder: Encoder) -> TitlePairs:
    """Encode the title of each product that has a picture as well; there may be none."""
    rows = np.array([r for r, p in enumerate(catalog.products) if p.title and catalog.pictured[r]], dtype=np.int64)
    return TitlePairs(
        titles=encode_texts([catalog.products[row].title for row in rows], encoder), images=catalog.images[rows]
    )


def titles_to_pictures(pairs: TitlePairs) -> TitleReport | None:
    """Ask each title among all pictures.

    Returns:
        None when there are no pairs.
    """
    count = len(pairs.titles)
    if not count:
        return None
    rankings = best_rows(pairs.titles, pairs.images) == np.arange(count)[:, None]
    one = np.ones(count, dtype=np.int64)
    curve = tuple(RecallAt(k, recall_at_k(rankings, one, k=k)) for k in _PLACES if k <= max(count, 10))
    recall = {point.k: point.recall for point in curve}
    return TitleReport(
        products=count,
        recall_at_1=recall[1],
        recall_at_10=recall[10],
        mean_reciprocal_rank=mean_reciprocal_rank(rankings),
        curve=curve,
    )
