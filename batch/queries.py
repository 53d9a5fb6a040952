"""Queries that a catalog suggests of itself, to measure an index with; and how each kind weighs the two halves."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aisle.manifest import AttributeType, QueryKind
from aisle.products import PREFIX
from aisle.types import Encoder, ProductVectors, UnitVectors
from aisle.vectors import HalfWeights, query_vector, unit_norm
from batch.stored import StoredVectors

QUERIES = 200
"""Of each kind."""

_TEXT_BATCH = 32


def default_weights(*, images: int, texts: int) -> Mapping[QueryKind, HalfWeights]:
    """How much looking and reading count where a request does not say.

    A photo is compared with photos; a text with both halves alike. A half that no product has counts for nothing.

    Args:
        images: Products with a picture.
        texts: Products with a text.
    """
    if texts == 0:
        return dict.fromkeys(QueryKind, HalfWeights(image=1.0, text=0.0))
    if images == 0:
        return dict.fromkeys(QueryKind, HalfWeights(image=0.0, text=1.0))
    return {
        QueryKind.TEXT: HalfWeights(image=0.5, text=0.5),
        QueryKind.IMAGE: HalfWeights(image=1.0, text=0.0),
        QueryKind.MIXED: HalfWeights(image=0.5, text=0.5),
    }


def sample_queries(
    products: pa.Table,
    vectors: StoredVectors,
    *,
    attributes: Mapping[str, AttributeType],
    weights: Mapping[QueryKind, HalfWeights],
    encoder: Encoder,
    seed: int = 0,
) -> Mapping[QueryKind, ProductVectors]:
    """Queries of each kind that the catalog can be asked, laid out as they are searched.

    Texts are what people type: values of two attributes of one product ("Navy Blue Shirts"), and titles. Pictures are
    the products' own. A mixed query is the sum of a picture and the text of another product.

    Args:
        products: In release order, the columns of `products.arrow`.
        vectors: Of the same products.
        attributes: Names and types.
        weights: Of each kind.
        encoder: Of the texts.
        seed: Of the sample.

    Returns:
        float32 `[at most QUERIES, 2 * dimension]` per kind; without the kinds for which the catalog has nothing.
    """
    generator = np.random.default_rng(seed)
    rows = generator.permutation(len(products))[: 2 * QUERIES]
    texts = query_texts(products.take(pa.array(rows)), attributes)
    said = _encode(texts, encoder)
    halves = vectors.take(rows.astype(np.int64))[:, : vectors.dimension]
    shown = halves[np.linalg.norm(halves, axis=1) > 0][:QUERIES]
    found: dict[QueryKind, ProductVectors] = {}
    if len(said):
        found[QueryKind.TEXT] = query_vector(said, weights=weights[QueryKind.TEXT])
    if len(shown):
        found[QueryKind.IMAGE] = query_vector(unit_norm(shown), weights=weights[QueryKind.IMAGE])
    if len(said) and len(shown):
        pairs = min(len(said), len(shown))
        both = unit_norm(np.roll(shown[:pairs], 1, axis=0) + said[:pairs])
        found[QueryKind.MIXED] = query_vector(both, weights=weights[QueryKind.MIXED])
    return found


def drift_texts(products: pa.Table, attributes: Mapping[str, AttributeType], *, seed: int = 1) -> list[str]:
    """Text queries to compare two releases with; others than the recall is measured with.

    Args:
        products: In release order, the columns of `products.arrow`.
        attributes: Names and types.
        seed: Of the sample.
    """
    rows = np.random.default_rng(seed).permutation(len(products))[: 2 * QUERIES]
    return query_texts(products.take(pa.array(rows)), attributes)


def query_texts(products: pa.Table, attributes: Mapping[str, AttributeType]) -> list[str]:
    """At most `QUERIES` different texts: by turns two attribute values of a product, and the title of the next one.

    Args:
        products: The sample, in the columns of `products.arrow`.
        attributes: Names and types. The two categories with the most values are taken, the one with more of them
            last: a colour, then an article.
    """
    categories = [name for name, kind in attributes.items() if kind is AttributeType.CATEGORY]
    counts = {name: pc.count_distinct(products.column(PREFIX + name)).as_py() for name in categories}
    chosen = sorted(categories, key=lambda name: (counts[name], name))[-2:]
    values = [products.column(PREFIX + name).to_pylist() for name in chosen]
    said = [" ".join(value for value in row if value) for row in zip(*values, strict=True)] if values else []
    titles = products.column("title").to_pylist()
    turns = [text for pair in zip(said or titles, titles, strict=True) for text in pair]
    return list(dict.fromkeys(text for text in turns if text))[:QUERIES]


def _encode(texts: list[str], encoder: Encoder) -> UnitVectors:
    ordered = sorted(texts, key=lambda text: (len(text), text))
    return np.concatenate(
        [encoder.encode_texts(ordered[i : i + _TEXT_BATCH]) for i in range(0, max(1, len(ordered)), _TEXT_BATCH)]
    )
