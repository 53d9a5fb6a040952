"""Does a product's own title find its picture? The task that fashion retrieval benchmarks call text to image."""

from dataclasses import dataclass

import numpy as np

from aisle.errors import CatalogError
from aisle.types import Encoder
from evaluation.encoded import EncodedCatalog
from evaluation.metrics import mean_reciprocal_rank, recall_at_k


@dataclass(frozen=True, slots=True)
class TitleReport:
    """Figures over all products with a title and a picture; each product is relevant to its own title only.

    Attributes:
        products: How many were searched, which is how many titles were asked.
        recall_at_1: Share of titles whose own product comes first.
        recall_at_10: Share whose own product is among the first ten.
        mean_reciprocal_rank: Of the own product.
    """

    products: int
    recall_at_1: float
    recall_at_10: float
    mean_reciprocal_rank: float


def titles_to_pictures(catalog: EncodedCatalog, encoder: Encoder) -> TitleReport:
    """Ask each title among all pictures.

    Raises:
        CatalogError: No product has both a title and a picture.
    """
    rows = np.array([r for r, p in enumerate(catalog.products) if p.title and catalog.pictured[r]], dtype=np.int64)
    if not len(rows):
        raise CatalogError("no product has both a title and a picture: there is nothing to evaluate")
    asked = encoder.encode_texts([catalog.products[row].title for row in rows])
    order = np.argsort(-(asked @ catalog.images[rows].T), axis=1, kind="stable")
    rankings = order == np.arange(len(rows))[:, None]
    one = np.ones(len(rows), dtype=np.int64)
    return TitleReport(
        products=len(rows),
        recall_at_1=recall_at_k(rankings, one, k=1),
        recall_at_10=recall_at_k(rankings, one, k=10),
        mean_reciprocal_rank=mean_reciprocal_rank(rankings),
    )
