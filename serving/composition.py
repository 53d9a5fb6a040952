"""A query as one vector, made of its parts, and a score taken apart into them again.

A query has one vector per half of a product. Text, picture and raw vector are vectors of the shared space and go into
both. Products to resemble (`like`) have two vectors of their own: what they look like goes into the half that is
compared with pictures, what they say into the half that is compared with texts, as each is the better probe of its
own half (image and text vectors of CLIP lie in different cones). Where one lacks a half, the other stands in. Each
part of the query has norm 1 before its weight, and each half has norm 1 after the sum, so scores stay cosines.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aisle.errors import InvalidQuery
from aisle.index import ProductIndex
from aisle.types import ProductVectors, RowIds, UnitVectors
from aisle.vectors import HalfWeights, unit_norm
from serving.query import Contribution, ImagePart, LikePart, Part, TextPart

_NOTHING = 1e-6
"""A half of a query shorter than this is rounding noise of parts that cancel out."""


@dataclass(frozen=True, slots=True, eq=False)
class Composition:
    """What each part of a query adds to the vector that is searched.

    Attributes:
        terms: float32 `[parts, 2, dimension]`: the summands of both halves, weighted and scaled.
        direction: float32 `[1, dimension]`, norm 1: what both halves are multiples of, by the weights of the product's
            halves; None when they are two different vectors.
    """

    terms: NDArray[np.float32]
    direction: UnitVectors | None

    @property
    def vector(self) -> ProductVectors:
        """float32 `[1, 2 * dimension]`."""
        total: ProductVectors = self.terms.sum(axis=0).reshape(1, -1)
        return total


def compose(parts: Sequence[Part], vectors: Sequence[UnitVectors], *, halves: HalfWeights) -> Composition:
    """Lay the parts of a query out.

    Args:
        parts: At least one, each with a weight other than 0.
        vectors: Of each part: float32 `[dimension]` for both halves, or `[2, dimension]` for one each.
        halves: Weights of the two halves of a product.

    Raises:
        InvalidQuery: The parts cancel each other out.
    """
    largest = max(abs(part.weight) for part in parts)  # only ratios matter, and huge ones must not overflow
    given = [
        np.float32(part.weight / largest) * np.broadcast_to(vector, (2, vector.shape[-1]))
        for part, vector in zip(parts, vectors, strict=True)
    ]
    terms = np.stack(given).astype(np.float32, copy=False)
    totals = terms.sum(axis=0)
    norms = np.linalg.norm(totals, axis=1)
    weights = np.array([halves.image, halves.text], dtype=np.float32)
    scale = np.divide(weights, norms, out=np.zeros_like(weights), where=norms >= _NOTHING)
    if not scale.any():
        raise InvalidQuery("the parts of the query cancel each other out: change their weights")
    alike = all(vector.ndim == 1 for vector in vectors)
    return Composition(terms=terms * scale[:, np.newaxis], direction=totals[:1] / norms[0] if alike else None)


def resemblance(index: ProductIndex, rows: Sequence[int]) -> UnitVectors:
    """float32 `[2, dimension]`: what products look like, and what they say."""
    vectors = index.vectors(np.array(rows, dtype=np.int64))
    pictures, texts = (unit_norm(half) for half in np.split(vectors, 2, axis=1))
    pictured, worded = pictures.any(axis=1, keepdims=True), texts.any(axis=1, keepdims=True)
    looks, words = np.where(pictured, pictures, texts), np.where(worded, texts, pictures)
    return unit_norm(np.stack([looks.sum(axis=0), words.sum(axis=0)]))


def explain(
    composition: Composition, parts: Sequence[Part], index: ProductIndex, rows: RowIds
) -> list[tuple[Contribution, ...]]:
    """What each part adds to the score of each of some products; of one product they add up to its score."""
    products = index.vectors(rows).reshape(len(rows), 2, -1)
    added = np.einsum("phd,nhd->nph", composition.terms, products)
    return [
        tuple(
            Contribution(kind=part.kind, value=_value(part), weight=part.weight, image=float(image), text=float(text))
            for part, (image, text) in zip(parts, row, strict=True)
        )
        for row in added
    ]


def _value(part: Part) -> str | tuple[str, ...] | None:
    match part:
        case TextPart():
            return part.text
        case LikePart():
            return part.ids
        case ImagePart() | _:
            return None
