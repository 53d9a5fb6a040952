"""A catalog's products with their vectors, made with a bundle directly: no release, no index in between."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aisle.catalog import Product, Roles, check_roles, product_of
from aisle.encoder import OnnxEncoder
from aisle.errors import CatalogError, InvalidImage
from aisle.fetch import fetch_image
from aisle.images import DEFAULT_LIMITS
from aisle.preprocess import decode_for, prepare_image
from aisle.sources import ImageValue, Source
from aisle.types import PixelBatch, UnitVectors

_BATCH = 32


@dataclass(frozen=True, slots=True)
class EncodedCatalog:
    """n products and both halves of their vectors, in catalog order.

    Attributes:
        products: What they are.
        images: float32 `[n, dimension]`, unit rows; zero where there is no usable picture.
        texts: float32 `[n, dimension]`, unit rows; zero where there is no text.
        pictured: Which products have a usable picture, bool `[n]`.
    """

    products: Sequence[Product]
    images: UnitVectors
    texts: UnitVectors
    pictured: NDArray[np.bool_]

    def take(self, rows: NDArray[np.int64]) -> "EncodedCatalog":
        """Some of the products, in this order."""
        return EncodedCatalog(
            products=[self.products[row] for row in rows],
            images=self.images[rows],
            texts=self.texts[rows],
            pictured=self.pictured[rows],
        )


def encode_catalog(source: Source, roles: Roles, encoder: OnnxEncoder) -> EncodedCatalog:
    """Encode every product's picture and text.

    Args:
        source: The catalog.
        roles: Its column roles; with an image.
        encoder: The model.

    Raises:
        CatalogError: A column is missing, no column holds pictures, or there are no rows.
    """
    check_roles(roles, source.schema.names)
    if roles.image is None:
        raise CatalogError("the catalog's roles name no column of pictures: give `image`")
    products = [product_of(row, roles) for table in source.scan(roles.columns) for row in table.to_pylist()]
    if not products:
        raise CatalogError("the catalog has no rows: there is nothing to evaluate")
    images = np.zeros((len(products), encoder.dimension), dtype=np.float32)
    pictured = np.zeros(len(products), dtype=np.bool_)
    for start in range(0, len(products), _BATCH):
        values = source.images(roles.image, start, min(start + _BATCH, len(products)))
        pixels = [_prepared(value, source, encoder) for value in values]
        there = np.array([start + place for place, picture in enumerate(pixels) if picture is not None], dtype=np.int64)
        if len(there):
            images[there] = encoder.encode_images(np.stack([picture for picture in pixels if picture is not None]))
            pictured[there] = True
    return EncodedCatalog(
        products=products,
        images=images,
        texts=_encoded_texts([product.text for product in products], encoder),
        pictured=pictured,
    )


def _prepared(value: ImageValue, source: Source, encoder: OnnxEncoder) -> PixelBatch | None:
    try:
        data = fetch_image(value, folder=source.folder, limits=DEFAULT_LIMITS)
        if data is None:
            return None
        return prepare_image(decode_for(data, encoder.preprocess), encoder.preprocess)
    except InvalidImage:
        return None


def _encoded_texts(texts: Sequence[str], encoder: OnnxEncoder) -> UnitVectors:
    vectors = np.zeros((len(texts), encoder.dimension), dtype=np.float32)
    rows = [row for row, text in enumerate(texts) if text]
    for start in range(0, len(rows), _BATCH):
        part = rows[start : start + _BATCH]
        vectors[part] = encoder.encode_texts([texts[row] for row in part])
    return vectors
