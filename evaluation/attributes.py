"""Queries out of a catalog's own attributes ("red shirts"): which products they find, by their pictures alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aisle.catalog import Product, template_columns
from aisle.types import Encoder
from evaluation.encoded import EncodedCatalog, encode_texts
from evaluation.judged import KindReport
from evaluation.ranking import best_rows

NOTHING = -1
"""The answer of a product that lacks one of a template's attributes."""


@dataclass(frozen=True, slots=True)
class Questions:
    """What one template says of n products: each distinct text is a query, true of the products that say it.

    Attributes:
        template: Over category attributes, such as `"{baseColour} {articleType}"`.
        texts: q distinct texts in lower case, sorted.
        values: The attributes' values behind each text, as the first product writes them.
        answers: Which text is true of each product, or `NOTHING`: int64 `[n]`.
    """

    template: str
    texts: Sequence[str]
    values: Sequence[Mapping[str, str]]
    answers: NDArray[np.int64]

    @property
    def relevant(self) -> NDArray[np.int64]:
        """How many products each text is true of: int64 `[q]`, each at least 1."""
        return np.bincount(self.answers[self.answers != NOTHING], minlength=len(self.texts)).astype(np.int64)


def questions(products: Sequence[Product], template: str) -> Questions:
    """Fill a template in for each product; `evaluation.tasks` checks that its columns are category attributes."""
    names = template_columns(template)
    found = [{name: product.attributes[name] for name in names} for product in products]
    written = [
        " ".join(template.format_map(values).split()).lower() if all(values.values()) else "" for values in found
    ]
    texts = sorted(set(written) - {""})
    places = {"": NOTHING} | {text: place for place, text in enumerate(texts)}
    first = dict(zip(reversed(written), reversed(found), strict=True))
    return Questions(
        template=template,
        texts=texts,
        values=[{name: str(value) for name, value in first[text].items()} for text in texts],
        answers=np.array([places[text] for text in written], dtype=np.int64),
    )


def attributes_to_products(catalog: EncodedCatalog, asked: Questions, encoder: Encoder) -> KindReport:
    """Search all pictures for each text.

    Args:
        catalog: Products with pictures.
        asked: Over the same products; at least one text.
        encoder: The model that encoded them.
    """
    best = best_rows(encode_texts(asked.texts, encoder), catalog.images)
    rankings = asked.answers[best] == np.arange(len(asked.texts))[:, None]
    return KindReport.of(asked.template, rankings, asked.relevant)


def pictures_to_pictures(catalog: EncodedCatalog, asked: Questions) -> KindReport | None:
    """Search by each product's picture for others that give the same answer, such as the same article type.

    The own picture is no hit. A product whose answer no other gives is not asked for, but is searched among.

    Args:
        catalog: Products with pictures.
        asked: Over the same products.

    Returns:
        None when no two products give one answer.
    """
    if not asked.texts:
        return None
    others = asked.relevant[asked.answers] - 1
    rows = np.flatnonzero((asked.answers != NOTHING) & (others > 0))
    if not len(rows):
        return None
    best = best_rows(catalog.images[rows], catalog.images, own=rows)
    return KindReport.of(asked.template, asked.answers[best] == asked.answers[rows][:, None], others[rows])
