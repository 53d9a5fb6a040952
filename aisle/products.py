"""The tables of a release: products and thumbnails as memory-mapped Arrow, row number = id in the index.

`products.arrow` has the columns `id`, `title`, `text` and one `attribute.<name>` each; `thumbnails.arrow` has
`thumbnail`. Both are Arrow IPC files that stock pyarrow opens.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from aisle.catalog import Attribute, Product
from aisle.errors import ReleaseCorrupt, UnknownProduct
from aisle.files import write_atomically
from aisle.layout import PRODUCTS, THUMBNAILS
from aisle.manifest import AttributeType

PREFIX = "attribute."

_TYPES = {
    AttributeType.CATEGORY: pa.string(),
    AttributeType.NUMBER: pa.float64(),
    AttributeType.BOOLEAN: pa.bool_(),
    AttributeType.LIST: pa.list_(pa.string()),
}


def products_schema(attributes: Mapping[str, AttributeType]) -> pa.Schema:
    """Schema of `products.arrow`."""
    base = [pa.field(name, pa.string(), nullable=False) for name in ("id", "title", "text")]
    return pa.schema(base + [pa.field(PREFIX + name, _TYPES[kind]) for name, kind in attributes.items()])


def products_table(products: Sequence[Product], attributes: Mapping[str, AttributeType]) -> pa.Table:
    """Products as a table of `products_schema`."""
    columns: dict[str, list[Any]] = {
        "id": [product.id for product in products],
        "title": [product.title for product in products],
        "text": [product.text for product in products],
    }
    for name in attributes:
        columns[PREFIX + name] = [product.attributes.get(name) for product in products]
    return pa.table(columns, schema=products_schema(attributes))


def write_table(batches: Iterable[pa.Table], schema: pa.Schema, path: Path) -> None:
    """Write tables of one schema as one Arrow IPC file, atomically."""

    def write(temporary: Path) -> None:
        with pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
            for batch in batches:
                writer.write_table(batch)

    write_atomically(path, write)


THUMBNAILS_SCHEMA = pa.schema([pa.field("thumbnail", pa.binary(), nullable=False)])


class Products:
    """Products and thumbnails of one release, memory-mapped; row numbers are the index's ids.

    Attributes:
        attributes: Names and types.
        table: In the columns of `products_schema`.
        picture_bytes: Length of each thumbnail, int32 `[products]`; 0 where there is no picture.
    """

    def __init__(self, folder: Path, attributes: Mapping[str, AttributeType]) -> None:
        """Map both files.

        Args:
            folder: The release.
            attributes: Names and types, from its manifest.

        Raises:
            ReleaseCorrupt: A file is missing or not what the manifest says.
        """
        self.attributes = dict(attributes)
        self.table = _map(folder / PRODUCTS)
        self._thumbnails = _map(folder / THUMBNAILS).column("thumbnail")
        if self.table.schema.names != products_schema(attributes).names:
            raise ReleaseCorrupt(f"{folder / PRODUCTS} has columns {self.table.schema.names}: run `aisle reindex`")
        if len(self._thumbnails) != len(self.table):
            raise ReleaseCorrupt(
                f"{folder}: {len(self.table):,} products but {len(self._thumbnails):,} thumbnails: run `aisle reindex`"
            )
        self.picture_bytes: NDArray[np.int32] = pc.binary_length(self._thumbnails).to_numpy().astype(np.int32)

    def __len__(self) -> int:
        return len(self.table)

    @cached_property
    def ids(self) -> list[str]:
        """Of all products, in order. Made when asked for: a batch run does without some hundred bytes a product."""
        ids: list[str] = self.table.column("id").to_pylist()
        return ids

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {product_id: row for row, product_id in enumerate(self.ids)}

    def number(self) -> None:
        """Make now what the first `row` would make: for a service, before the first request."""
        _ = self._rows

    def row(self, product_id: str) -> int:
        """Row number of a product.

        Raises:
            UnknownProduct: There is none with this id.
        """
        try:
            return self._rows[product_id]
        except KeyError:
            raise UnknownProduct(f"no product has the id {product_id[:80]!r} in this release") from None

    def take(self, rows: Sequence[int]) -> list[Product]:
        """Products by row numbers, in their order."""
        records = self.table.take(pa.array(rows, pa.int64())).to_pylist()
        return [
            Product(
                id=record["id"],
                title=record["title"],
                text=record["text"],
                attributes={name: self._value(record, name) for name in self.attributes},
            )
            for record in records
        ]

    def _value(self, record: Mapping[str, Any], name: str) -> Attribute:
        value: Attribute = record[PREFIX + name]
        return [] if value is None and self.attributes[name] is AttributeType.LIST else value

    def column(self, name: str) -> pa.ChunkedArray:
        """All values of one attribute."""
        return self.table.column(PREFIX + name)

    def thumbnail(self, row: int) -> bytes:
        """A small JPEG, PNG or WebP file; empty when the product has no picture."""
        data: bytes = self._thumbnails[row].as_py()
        return data

    def has_picture(self, row: int) -> bool:
        """Whether there is a thumbnail, without reading it."""
        return bool(self.picture_bytes[row])

    def value_counts(self, name: str, *, most: int = 100) -> list[tuple[str, int]]:
        """Values of a category or list attribute with their counts, most frequent first, ties by value."""
        column = self.column(name)
        values = pc.list_flatten(column) if self.attributes[name] is AttributeType.LIST else column
        counts = [(c["values"], c["counts"]) for c in pc.value_counts(values).to_pylist() if c["values"] is not None]
        return sorted(counts, key=lambda pair: (-pair[1], pair[0]))[:most]


def _map(path: Path) -> pa.Table:
    try:
        return pa.ipc.open_file(pa.memory_map(str(path))).read_all()
    except (pa.ArrowException, OSError) as error:
        raise ReleaseCorrupt(f"{path} cannot be read ({error}): run `aisle reindex`") from error
