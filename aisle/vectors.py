"""Unit vectors, the two-half product vector, and the query that is searched against it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aisle.errors import InvalidQuery
from aisle.types import ProductVectors, UnitVectors


@dataclass(frozen=True, slots=True)
class HalfWeights:
    """How much each half of a product counts.

    Attributes:
        image: Weight of `cos(query, image of the product)`.
        text: Weight of `cos(query, text of the product)`.
    """

    image: float
    text: float

    @classmethod
    def of_balance(cls, balance: float) -> "HalfWeights":
        """Weights that sum to 1.

        Args:
            balance: 0 looks at pictures only, 1 reads texts only.

        Raises:
            InvalidQuery: `balance` is outside 0..1.
        """
        if not 0.0 <= balance <= 1.0:
            raise InvalidQuery(f"balance is {balance}; it runs from 0 (pictures only) to 1 (texts only)")
        return cls(image=1.0 - balance, text=balance)


def unit_norm(vectors: NDArray[np.floating]) -> UnitVectors:
    """Scale every row to Euclidean norm 1; zero rows stay zero ("absent").

    Args:
        vectors: `[n, dimension]` of any floating dtype.

    Returns:
        float32 `[n, dimension]`.
    """
    rows = np.asarray(vectors, dtype=np.float32)
    norms = np.linalg.norm(rows, axis=-1, keepdims=True)
    scaled: UnitVectors = np.divide(rows, norms, out=np.zeros_like(rows), where=norms > 0)
    return scaled


def product_vectors(images: UnitVectors, texts: UnitVectors) -> ProductVectors:
    """Join both halves `[image ; text]`; a missing picture or text is a zero half.

    Args:
        images: float32 `[n, dimension]`, unit or zero rows.
        texts: float32 `[n, dimension]`, unit or zero rows.

    Returns:
        float32 `[n, 2 * dimension]`.
    """
    return np.concatenate([images, texts], axis=1, dtype=np.float32)


def query_vector(query: UnitVectors, *, weights: HalfWeights) -> ProductVectors:
    """Lay a query out so that its inner product with a product vector is the weighted cosine sum.

    `<[w_image*q ; w_text*q], [image ; text]> = w_image*cos(q, image) + w_text*cos(q, text)`.

    Args:
        query: float32 `[n, dimension]`, unit rows.
        weights: The weight of each half.

    Returns:
        float32 `[n, 2 * dimension]`.
    """
    return np.concatenate([weights.image * query, weights.text * query], axis=1, dtype=np.float32)
