"""Judged queries over products whose vectors, and so whose rankings, are known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from aisle.catalog import Product
from aisle.errors import CatalogError
from aisle.types import UnitVectors
from aisle.vectors import HalfWeights
from evaluation.encoded import EncodedCatalog
from evaluation.judged import judge

AXES = {"red": 0, "blue": 1, "bag": 2}


@dataclass(frozen=True)
class Query:
    text: str
    kind: str
    relevant: Mapping[str, str] = field(default_factory=dict)


class AxisEncoder:
    """A text is the axis of its first word."""

    def encode_texts(self, texts: Sequence[str], /) -> UnitVectors:
        return np.eye(3, dtype=np.float32)[[AXES[text.split()[0]] for text in texts]]

    def encode_images(self, pixels: np.ndarray, /) -> UnitVectors:
        raise NotImplementedError


def _catalog() -> EncodedCatalog:
    """Twelve products; picture i has cosine 1 - i/20 with "red", so pictures rank in catalog order."""
    reds = np.array([1 - i / 20 for i in range(12)], dtype=np.float32)
    images = np.stack([reds, np.sqrt(1 - reds**2), np.zeros(12, dtype=np.float32)], axis=1)
    products = [
        Product(
            id=str(i),
            title="red bag" if i == 3 else "blue bag",
            text="",
            attributes={"colour": "red" if i % 2 == 0 else "blue", "tags": ["new"] if i == 1 else []},
        )
        for i in range(12)
    ]
    texts = np.roll(images, 1, axis=0)
    return EncodedCatalog(
        products=products, rows=np.arange(12), images=images, texts=texts, pictured=np.ones(12, dtype=np.bool_)
    )


def test_figures_per_kind() -> None:
    queries = [
        Query("red bag", "colour", {"colour": "red"}),  # relevant places 1, 3, 5, 7, 9 of the first ten
        Query("blue bag", "colour", {"colour": "blue"}),  # pictures in reverse: 11, 10, ..: places 1, 3, 5, 7, 9
        Query("red", "tag", {"tags": "new"}),  # second place only
    ]
    colour, tag = judge(_catalog(), queries, AxisEncoder())
    assert (colour.kind, colour.queries) == ("colour", 2)
    assert colour.precision_at_1 == 1.0
    assert colour.precision_at_10 == pytest.approx(0.5)
    assert colour.recall_at_10 == pytest.approx(5 / 6)
    assert (tag.precision_at_1, tag.precision_at_10, tag.recall_at_10) == pytest.approx((0.0, 0.1, 1.0))
    assert tag.mean_reciprocal_rank == pytest.approx(0.5)


def test_weights_choose_between_pictures_and_texts() -> None:
    query = [Query("red", "tag", {"tags": "new"})]
    (read,) = judge(_catalog(), query, AxisEncoder(), weights=HalfWeights(image=0.0, text=1.0))
    assert read.mean_reciprocal_rank == 1.0  # texts are shifted by one: product 1 reads as red as picture 0 looks


def test_queries_that_cannot_be_judged_are_refused() -> None:
    with pytest.raises(CatalogError, match="no product is relevant to 'red hat'"):
        judge(_catalog(), [Query("red hat", "colour", {"colour": "green"})], AxisEncoder())
    with pytest.raises(CatalogError, match="'material'"):
        judge(_catalog(), [Query("red hat", "material", {"material": "wool"})], AxisEncoder())
    assert judge(_catalog(), [], AxisEncoder()) == []
