"""Queries with known answers: how many of the first ten hits are what was asked for, per kind of query."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from aisle.catalog import Product
from aisle.errors import CatalogError
from aisle.types import Encoder
from aisle.vectors import HalfWeights, product_vectors, query_vector
from evaluation.encoded import EncodedCatalog, encode_texts
from evaluation.metrics import Rankings, mean_reciprocal_rank, precision_at_k, recall_at_k
from evaluation.ranking import best_rows

PICTURES_ONLY = HalfWeights(image=1.0, text=0.0)


class JudgedQuery(Protocol):
    """A query and what makes a product relevant to it."""

    @property
    def text(self) -> str:
        """What is typed."""
        ...

    @property
    def kind(self) -> str:
        """By which figures are grouped."""
        ...

    @property
    def relevant(self) -> Mapping[str, str]:
        """Attribute name to the value that a relevant product has; all must hold."""
        ...


@dataclass(frozen=True, slots=True)
class KindReport:
    """Figures of all queries of one kind, each an average from 0 to 1.

    Attributes:
        kind: The kind.
        queries: How many.
        precision_at_1: Share whose first hit is relevant.
        precision_at_10: Share of the first ten hits that are relevant.
        recall_at_10: Share of the relevant products, or of ten when there are more, that the first ten hold.
        mean_reciprocal_rank: Of the first relevant hit among the first hundred.
    """

    kind: str
    queries: int
    precision_at_1: float
    precision_at_10: float
    recall_at_10: float
    mean_reciprocal_rank: float

    @classmethod
    def of(cls, kind: str, rankings: Rankings, relevant: NDArray[np.int64]) -> "KindReport":
        """The figures of these rankings.

        Args:
            kind: The kind.
            rankings: bool `[queries, places]`, at least one query.
            relevant: How many products are relevant to each query, int64 `[queries]`, each at least 1.
        """
        return cls(
            kind=kind,
            queries=len(rankings),
            precision_at_1=precision_at_k(rankings, k=1),
            precision_at_10=precision_at_k(rankings, k=10),
            recall_at_10=recall_at_k(rankings, relevant, k=10, capped=True),
            mean_reciprocal_rank=mean_reciprocal_rank(rankings),
        )


def judge(
    catalog: EncodedCatalog,
    queries: Sequence[JudgedQuery],
    encoder: Encoder,
    *,
    weights: HalfWeights = PICTURES_ONLY,
) -> list[KindReport]:
    """Search a catalog exactly for each query and count relevant hits.

    Args:
        catalog: The products.
        queries: Each must have a relevant product in the catalog.
        encoder: The model that encoded it.
        weights: How much pictures and texts count.

    Returns:
        One report per kind, in order of first appearance.

    Raises:
        CatalogError: A query names an attribute that the catalog lacks, or has no relevant product.
    """
    if not queries:
        return []
    wanted = np.stack([relevance(catalog.products, query) for query in queries])
    for query, row in zip(queries, wanted, strict=True):
        if not row.any():
            raise CatalogError(f"no product is relevant to {query.text!r} ({dict(query.relevant)}): leave it out")
    asked = query_vector(encode_texts([query.text for query in queries], encoder), weights=weights)
    best = best_rows(asked, product_vectors(catalog.images, catalog.texts))
    rankings = np.take_along_axis(wanted, best, axis=1)
    kinds = np.array([query.kind for query in queries])
    return [
        KindReport.of(str(kind), rankings[kinds == kind], wanted[kinds == kind].sum(axis=1))
        for kind in dict.fromkeys(kinds.tolist())
    ]


def relevance(products: Sequence[Product], query: JudgedQuery) -> NDArray[np.bool_]:
    """Which products a query asks for: bool `[n]`. A list attribute holds a value when one of its items is it.

    Raises:
        CatalogError: A product lacks an attribute that the query names.
    """
    try:
        return np.array(
            [all(_holds(product, name, value) for name, value in query.relevant.items()) for product in products],
            dtype=np.bool_,
        )
    except KeyError as error:
        raise CatalogError(
            f"query {query.text!r} asks for the attribute {error}, which the catalog's roles do not name"
        ) from error


def _holds(product: Product, name: str, value: str) -> bool:
    found = product.attributes[name]
    return value in found if isinstance(found, list) else found == value
