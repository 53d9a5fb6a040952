"""A catalog's products with their vectors, made with a model directly: no release, no index in between."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from aisle.catalog import Product, Roles, check_roles, product_of
from aisle.errors import CatalogError, InvalidImage
from aisle.fetch import fetch_image
from aisle.images import DEFAULT_LIMITS
from aisle.preprocess import Preprocess, decode_for, prepare_image
from aisle.sources import ImageValue, Source
from aisle.types import Encoder, PixelBatch, RowIds, UnitVectors

_BATCH = 32
_BLOCK = 256
"""Rows of the catalog among which pictures are read together."""


class CatalogEncoder(Encoder, Protocol):
    """A model that says how it wants its pictures: a bundle, or a checkpoint before its export."""

    @property
    def preprocess(self) -> Preprocess:
        """What happens to a picture before it is encoded."""
        ...

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        ...


@dataclass(frozen=True, slots=True)
class CatalogProducts:
    """Rows of a catalog that are products.

    Attributes:
        products: What they are, in catalog order.
        rows: Where they are in the catalog, int64 `[n]`.
        left_out: How many other rows were asked for.
    """

    products: Sequence[Product]
    rows: RowIds
    left_out: int


@dataclass(frozen=True, slots=True)
class EncodedCatalog:
    """n products and both halves of their vectors, in catalog order.

    Attributes:
        products: What they are.
        rows: Where they are in the catalog, int64 `[n]`.
        images: float32 `[n, dimension]`, unit rows; zero where there is no usable picture.
        texts: float32 `[n, dimension]`, unit rows; zero where there is no text, or where texts were not asked for.
        pictured: Which products have a usable picture, bool `[n]`.
        left_out: How many rows were asked for and are no products.
    """

    products: Sequence[Product]
    rows: RowIds
    images: UnitVectors
    texts: UnitVectors
    pictured: NDArray[np.bool_]
    left_out: int = 0

    def take(self, places: RowIds) -> "EncodedCatalog":
        """Some of the products, in this order."""
        return EncodedCatalog(
            products=[self.products[place] for place in places],
            rows=self.rows[places],
            images=self.images[places],
            texts=self.texts[places],
            pictured=self.pictured[places],
            left_out=self.left_out,
        )


def encode_catalog(
    source: Source,
    roles: Roles,
    encoder: CatalogEncoder,
    *,
    rows: RowIds | None = None,
    with_texts: bool = True,
    progress: Callable[[int], None] | None = None,
) -> EncodedCatalog:
    """Encode products' pictures and texts. Rows that are no products (`read_products`) are left out.

    Args:
        source: The catalog.
        roles: Its column roles; with an image.
        encoder: The model.
        rows: Which rows of the catalog, in ascending order; None for all.
        with_texts: Whether products' texts are encoded as well.
        progress: Called with the number of products whose pictures are done.

    Raises:
        CatalogError: A column is missing, no column holds pictures, or no row is a product.
    """
    check_roles(roles, source.schema.names)
    if roles.image is None:
        raise CatalogError("the catalog's roles name no column of pictures: give `image`")
    found = read_products(source, roles, rows=rows)
    products = found.products
    if not products:
        raise CatalogError("no row of the catalog is a product to evaluate: there are none, or none with an id")
    images = np.zeros((len(products), encoder.dimension), dtype=np.float32)
    pictured = np.zeros(len(products), dtype=np.bool_)
    values = _pictures(source, roles.image, found.rows)
    for start in range(0, len(products), _BATCH):
        stop = min(start + _BATCH, len(products))
        pixels = [_prepared(next(values), source, encoder.preprocess) for _ in range(start, stop)]
        there = start + np.flatnonzero([picture is not None for picture in pixels])
        if len(there):
            images[there] = encoder.encode_images(np.stack([picture for picture in pixels if picture is not None]))
            pictured[there] = True
        if progress is not None:
            progress(stop)
    texts = np.zeros_like(images)
    if with_texts:
        spoken = [place for place, product in enumerate(products) if product.text]
        texts[spoken] = encode_texts([products[place].text for place in spoken], encoder)
    return EncodedCatalog(
        products=products, rows=found.rows, images=images, texts=texts, pictured=pictured, left_out=found.left_out
    )


def read_products(source: Source, roles: Roles, *, rows: RowIds | None = None) -> CatalogProducts:
    """Products without their pictures.

    Rows are left out as `aisle reindex` would: those without an id, with an id seen before, or with an attribute that
    does not fit its type.

    Args:
        source: The catalog.
        roles: Its column roles.
        rows: Which rows, in ascending order; None for all.
    """
    products: list[Product] = []
    places: list[int] = []
    seen = {""}  # an empty id is none
    asked = first = 0
    for table in source.scan(roles.columns):
        wanted = list(range(len(table))) if rows is None else _within(rows, first, first + len(table))
        for place, row in zip(wanted, table.take(wanted).to_pylist() if wanted else [], strict=True):
            try:
                product = product_of(row, roles)
            except ValueError:
                continue
            if product.id not in seen:
                seen.add(product.id)
                products.append(product)
                places.append(first + place)
        asked += len(wanted)
        first += len(table)
    return CatalogProducts(products, np.array(places, dtype=np.int64), left_out=asked - len(products))


def _within(rows: RowIds, start: int, stop: int) -> list[int]:
    low, high = np.searchsorted(rows, [start, stop])
    chosen: list[int] = (rows[low:high] - start).tolist()
    return chosen


def _pictures(source: Source, column: str, rows: RowIds) -> Iterator[ImageValue]:
    """The picture of each row; rows near each other are read together."""
    for start in range(0, int(rows[-1]) + 1, _BLOCK):
        inside = _within(rows, start, start + _BLOCK)
        if inside:
            values = source.images(column, start + inside[0], start + inside[-1] + 1)
            yield from (values[place - inside[0]] for place in inside)


def _prepared(value: ImageValue, source: Source, preprocess: Preprocess) -> PixelBatch | None:
    try:
        data = fetch_image(value, folder=source.folder, limits=DEFAULT_LIMITS)
        if data is None:
            return None
        return prepare_image(decode_for(data, preprocess), preprocess)
    except InvalidImage:
        return None


def encode_texts(texts: Sequence[str], encoder: Encoder) -> UnitVectors:
    """Encode any number of texts, a few at a time: float32 `[n, dimension]`, unit rows."""
    parts = [encoder.encode_texts(texts[start : start + _BATCH]) for start in range(0, len(texts), _BATCH)]
    return np.concatenate(parts) if parts else encoder.encode_texts([])
