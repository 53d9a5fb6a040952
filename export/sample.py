"""What a candidate is compared on: pictures and texts of the user's catalog, or drawn ones without a catalog."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from aisle.catalog import Product, Roles, check_roles, infer_roles, product_of
from aisle.errors import InvalidImage, SettingsError
from aisle.fetch import fetch_image
from aisle.images import DEFAULT_LIMITS, decode_image
from aisle.sources import ImageValue, Source, first_rows, open_source
from export.drawn import draw_pictures, draw_texts
from export.odd import with_odd_pictures

SIZE = 256
SMALLEST = 48
"""Pictures and texts below which drawn ones fill up: a top 10 of fewer says little."""

_GUESS = 500
"""Rows that roles are guessed from."""

_PLACES = 16
"""Stretches of the catalog that are read: a Parquet file hands out pictures a row group at a time."""


@dataclass(frozen=True, slots=True)
class ParitySample:
    """Pictures and texts of a comparison.

    Attributes:
        images: Files' bytes, each of which `aisle.images.decode_image` accepts.
        texts: Non-empty.
        source: For people, where they are from: `catalog`, `drawn`, `given`.

    Raises:
        SettingsError: There are no pictures or no texts.
    """

    images: tuple[bytes, ...]
    texts: tuple[str, ...]
    source: str = "given"

    def __post_init__(self) -> None:
        if not self.images or not self.texts:
            raise SettingsError(
                f"a parity sample has {len(self.images)} pictures and {len(self.texts)} texts; it needs some of both"
            )


def drawn_sample(size: int = SIZE, seed: int = 0) -> ParitySample:
    """Shapes, gradients and noise, and short product-like texts.

    Args:
        size: Number of pictures and of texts.
        seed: The same seed gives the same bytes.
    """
    return ParitySample(
        images=with_odd_pictures(draw_pictures(size, seed=seed)), texts=draw_texts(size, seed=seed), source="drawn"
    )


def catalog_sample(catalog: str, roles: Roles | None = None, size: int = SIZE) -> ParitySample:
    """Pictures and texts spread over a catalog; rows that cannot be used are passed over.

    Half of the texts are products' own, half their first three words, which is what people type.

    Args:
        catalog: As `aisle.sources.open_source` takes it.
        roles: Which column is what; guessed when None.
        size: Number of pictures and of texts; fewer when the catalog has fewer, but at least `SMALLEST`, with
            drawn ones added.

    Raises:
        CatalogError: The catalog cannot be opened or does not fit the roles.
    """
    source = open_source(catalog)
    if roles is None:
        roles = infer_roles(source.schema, first_rows(source, most=_GUESS))
    check_roles(roles, source.schema.names)
    rows = sum(len(table) for table in source.scan([roles.id]))
    images = tuple(islice(_pictures(source, roles, rows, size), size)) if roles.image else ()
    texts = tuple(islice(_texts(source, roles, rows, size), size))
    return ParitySample(
        images=with_odd_pictures(images + draw_pictures(max(0, SMALLEST - len(images)), seed=0)),
        texts=texts + draw_texts(max(0, SMALLEST - len(texts)), seed=0),
        source="catalog",
    )


def _stretches(rows: int, size: int) -> list[range]:
    """Ranges of row numbers, in order and apart, of at least `size` rows together where there are as many."""
    if rows <= 2 * size:
        return [range(rows)]
    length = -(-size // _PLACES)
    starts = np.linspace(0, rows - length, _PLACES).astype(int)
    return [range(int(start), int(start) + length) for start in starts]


def _pictures(source: Source, roles: Roles, rows: int, size: int) -> Iterator[bytes]:
    for stretch in _stretches(rows, size):
        for value in source.images(str(roles.image), stretch.start, stretch.stop):
            picture = _usable(value, folder=source.folder)
            if picture is not None:
                yield picture


def _usable(value: ImageValue, *, folder: str) -> bytes | None:
    try:
        data = fetch_image(value, folder=folder, limits=DEFAULT_LIMITS)
        if data is not None:
            decode_image(data)
    except InvalidImage:
        return None  # indexing rejects it with its reason; a sample only passes it over
    return data


def _texts(source: Source, roles: Roles, rows: int, size: int) -> Iterator[str]:
    wanted = _stretches(rows, size)
    first = 0
    for table in source.scan(roles.columns):
        for stretch in wanted:
            low, high = max(stretch.start, first), min(stretch.stop, first + len(table))
            if low < high:
                for place, row in enumerate(table.slice(low - first, high - low).to_pylist()):
                    product = _product(row, roles)
                    if product is not None and product.text:
                        yield product.text if place % 2 == 0 else " ".join(product.text.lower().split()[:3])
        first += len(table)


def _product(row: dict[str, object], roles: Roles) -> Product | None:
    try:
        return product_of(row, roles)
    except ValueError:
        return None
