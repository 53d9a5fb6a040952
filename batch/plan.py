"""The catalog without its pictures: which rows become products, and how they are cut into shards."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from aisle.catalog import (
    Product,
    RejectReason,
    Roles,
    check_roles,
    identifier,
    infer_roles,
    product_of,
)
from aisle.products import products_schema, products_table
from aisle.sources import ImageValue, ParquetSource, Source, TableSource, first_rows, holds_bytes
from aisle.stamps import Stamp
from batch.rejects import Reject

SAMPLE_ROWS = 500
_ROWS_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class Pictures:
    """Where the pictures of some rows are found. Small: it travels to the worker.

    Attributes:
        source: The catalog, when the pictures lie inside and the worker is to read them itself; else None.
        column: Their column.
        values: Otherwise what the catalog holds for each row: a path, a URL, base64, or None.
        folder: What relative paths are relative to.
    """

    source: Source | None
    column: str
    values: tuple[ImageValue, ...]
    folder: str

    def read(self, rows: NDArray[np.int64]) -> list[ImageValue]:
        """The picture of each row, as the catalog holds it.

        Args:
            rows: int64 `[n]`, rising: the rows that this was made for, or (where the worker reads) any.
        """
        if self.source is None:
            return list(self.values)
        first = int(rows[0])
        values = self.source.images(self.column, first, int(rows[-1]) + 1)
        return [values[row - first] for row in rows.tolist()]

    def stamps(self, rows: NDArray[np.int64]) -> list[Stamp | None]:
        """The state of the file that each picture lies in, where the worker reads them from the catalog itself.

        Args:
            rows: int64 `[n]`, rising.
        """
        if not isinstance(self.source, ParquetSource):
            return [None] * len(rows)
        first = int(rows[0])
        stamps = self.source.stamps(self.column, first, int(rows[-1]) + 1)
        return [stamps[row - first] for row in rows.tolist()]

    def part(self, start: int, stop: int) -> "Pictures":
        """Those of a range of the rows, `stop` excluded."""
        return Pictures(source=self.source, column=self.column, values=self.values[start:stop], folder=self.folder)


@dataclass(frozen=True, slots=True)
class CatalogPlan:
    """What is to be embedded. Position p of the plan is row `rows[p]` of the catalog.

    Attributes:
        source: The catalog.
        roles: Which column is what.
        rows_in_catalog: All rows, rejected ones included.
        rows: int64 `[n]`, rising: the rows that may become products.
        products: Those rows in the columns of `products.arrow`.
        rejects: The other rows.
    """

    source: Source
    roles: Roles
    rows_in_catalog: int
    rows: NDArray[np.int64]
    products: pa.Table
    rejects: tuple[Reject, ...]

    def pictures(self, start: int, stop: int) -> Pictures | None:
        """Where the pictures of positions `start` to `stop` are; None for a catalog of texts."""
        column = self.roles.image
        if column is None:
            return None
        if holds_bytes(self.source, column) and not isinstance(self.source, TableSource):
            return Pictures(source=self.source, column=column, values=(), folder=self.source.folder)
        rows = self.rows[start:stop]
        first = int(rows[0])
        values = self.source.images(column, first, int(rows[-1]) + 1)
        return Pictures(
            source=None,
            column=column,
            values=tuple(values[row - first] for row in rows.tolist()),
            folder=self.source.folder,
        )


def guess_roles(source: Source) -> Roles:
    """Roles from the column names and the first rows.

    Raises:
        CatalogError: No column looks like an id.
    """
    return infer_roles(source.schema, first_rows(source, most=SAMPLE_ROWS))


def plan_catalog(source: Source, *, roles: Roles) -> CatalogPlan:
    """Read every column but the pictures, and take each row for a product or reject it.

    Of rows with one id the first that is good is kept.

    Args:
        source: The catalog.
        roles: Which column is what.

    Raises:
        CatalogError: A column is missing, or the catalog cannot be read.
    """
    check_roles(roles, source.schema.names)
    rejects: list[Reject] = []
    rows: list[int] = []
    tables: list[pa.Table] = [products_schema(roles.attributes).empty_table()]
    seen: dict[str, int] = {}
    number = 0
    for records in _records(source, roles):
        products: list[Product] = []
        for record in records:
            product = _product(record, roles, number=number, seen=seen)
            if isinstance(product, Reject):
                rejects.append(product)
            else:
                seen[product.id] = number
                products.append(product)
                rows.append(number)
            number += 1
        tables.append(products_table(products, roles.attributes))
    return CatalogPlan(
        source=source,
        roles=roles,
        rows_in_catalog=number,
        rows=np.array(rows, dtype=np.int64),
        products=pa.concat_tables(tables).combine_chunks(),
        rejects=tuple(rejects),
    )


def _records(source: Source, roles: Roles) -> Iterator[list[dict[str, object]]]:
    for table in source.scan(roles.columns):
        for batch in table.to_batches(max_chunksize=_ROWS_AT_ONCE):
            yield batch.to_pylist()


def _product(record: dict[str, object], roles: Roles, *, number: int, seen: dict[str, int]) -> Product | Reject:
    product_id = identifier(record.get(roles.id))
    if not product_id:
        detail = f"column {roles.id!r} is empty"
        return Reject(row=number, id="", reason=RejectReason.MISSING_ID, detail=detail)
    if product_id in seen:
        detail = f"row {seen[product_id]} has the id {product_id!r} already and is kept"
        return Reject(row=number, id=product_id, reason=RejectReason.DUPLICATE_ID, detail=detail)
    try:
        return product_of(record, roles)
    except ValueError as error:
        return Reject(row=number, id=product_id, reason=RejectReason.INVALID_ATTRIBUTE, detail=str(error))


def cut(ids: Iterable[str], *, rows: int) -> Iterator[tuple[int, int]]:
    """Cut rows into shards of about `rows`, at places that the ids choose.

    A shard is cached under its content, and where it ends depends on the ids near its end alone: rows that are
    added or removed change one shard or two, not every shard behind them. (Content-defined chunking, as in
    LBFS, Muthitacharoen et al., 2001.)

    Args:
        ids: Product ids in catalog order.
        rows: Rows per shard on average, at least 2. A shard has between 3/8 and 3/2 of that, the last one may
            have fewer.

    Yields:
        First position and the one after the last.
    """
    least, most, odds = max(1, 3 * rows // 8), max(2, 3 * rows // 2), max(2, 3 * rows // 4)
    start, position = 0, -1
    for position, product_id in enumerate(ids):
        length = position - start
        if length >= most or (length >= least and _number(product_id) % odds == 0):
            yield start, position
            start = position
    if start <= position:
        yield start, position + 1


def _number(product_id: str) -> int:
    return int.from_bytes(hashlib.blake2b(product_id.encode(), digest_size=8).digest(), "little")
