"""Attribute filters: columns prepared once per release, conditions checked per query, masks over the rows.

`{"colour": ["Red", "Blue"]}` means any of, a single string means itself; `{"price": {"min": 10, "max": 50}}` takes
either end; `{"in_stock": true}`. A list attribute matches when it holds any of the values. A product without a
value matches no condition on it. All conditions must hold.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from aisle.errors import InvalidQuery
from aisle.manifest import AttributeType
from aisle.products import Products
from aisle.types import RowIds

Mask = NDArray[np.bool_]
"""Which products pass: bool `[products]`."""

Condition = Callable[[], Mask]
"""A checked filter that can be computed later, in another thread."""

MAX_VALUES = 100
"""Most values of one any-of filter."""


class FilterColumn(Protocol):
    """One attribute, ready to be filtered by."""

    def condition(self, wanted: object, *, name: str) -> Condition:
        """Check what a query wants of this attribute.

        Raises:
            InvalidQuery: `wanted` is of the wrong type; the message names the attribute and the right one.
        """
        ...


@dataclass(frozen=True, slots=True)
class CategoryColumn:
    """One text per product, as codes.

    Attributes:
        codes: int32 `[products]`; -1 for none.
        code_of: Code of each value.
    """

    codes: NDArray[np.int32]
    code_of: Mapping[str, int]

    def condition(self, wanted: object, *, name: str) -> Condition:
        """Any of the wanted texts."""
        return partial(self._mask, _texts(wanted, name=name))

    def _mask(self, texts: Sequence[str]) -> Mask:
        mask = np.zeros(len(self.codes), dtype=np.bool_)
        for code in {self.code_of[text] for text in texts if text in self.code_of}:
            mask |= self.codes == code
        return mask


@dataclass(frozen=True, slots=True)
class ListColumn:
    """Several texts per product, as the rows of each text.

    Attributes:
        products: Number of products.
        rows_of: Rows that hold each value, ascending.
    """

    products: int
    rows_of: Mapping[str, RowIds]

    def condition(self, wanted: object, *, name: str) -> Condition:
        """Any of the wanted texts in the product's list."""
        return partial(self._mask, _texts(wanted, name=name))

    def _mask(self, texts: Sequence[str]) -> Mask:
        mask = np.zeros(self.products, dtype=np.bool_)
        for text in texts:
            if text in self.rows_of:
                mask[self.rows_of[text]] = True
        return mask


@dataclass(frozen=True, slots=True)
class NumberColumn:
    """One number per product.

    Attributes:
        values: float64 `[products]`; NaN for none.
    """

    values: NDArray[np.float64]

    def condition(self, wanted: object, *, name: str) -> Condition:
        """At least `min` and at most `max`, either of which may be left out."""
        if not isinstance(wanted, Mapping) or not wanted or set(wanted) - {"min", "max"}:
            raise InvalidQuery(f'filter {name!r} is {wanted!r}; a range is wanted: {{"min": 10, "max": 50}}')
        lowest, highest = (_bound(wanted.get(end), name=name) for end in ("min", "max"))
        if lowest is not None and highest is not None and lowest > highest:
            raise InvalidQuery(f"filter {name!r} runs from {lowest:g} to {highest:g}; min must not exceed max")
        return partial(self._mask, lowest, highest)

    def _mask(self, lowest: float | None, highest: float | None) -> Mask:
        mask: Mask = ~np.isnan(self.values)
        if lowest is not None:
            mask &= self.values >= lowest
        if highest is not None:
            mask &= self.values <= highest
        return mask


@dataclass(frozen=True, slots=True)
class BooleanColumn:
    """Yes, no or nothing per product.

    Attributes:
        values: int8 `[products]`: 1, 0, and -1 for none.
    """

    values: NDArray[np.int8]

    def condition(self, wanted: object, *, name: str) -> Condition:
        """Exactly yes, or exactly no."""
        if not isinstance(wanted, bool):
            raise InvalidQuery(f"filter {name!r} is {wanted!r}; true or false is wanted")
        return partial(np.equal, self.values, np.int8(wanted))


def filter_columns(products: Products) -> dict[str, FilterColumn]:
    """Prepare every attribute of a release, in catalog order."""
    return {name: _column(products.column(name), kind) for name, kind in products.attributes.items()}


def check_filters(filters: Mapping[str, object], columns: Mapping[str, FilterColumn]) -> tuple[Condition, ...]:
    """Check a query's filters without computing them.

    Raises:
        InvalidQuery: An attribute does not exist or is asked for something of the wrong type.
    """
    for name in filters:
        if name not in columns:
            known = f"known are {', '.join(columns)}" if columns else "this release has none"
            raise InvalidQuery(f"there is no attribute {name!r} to filter by; {known}")
    return tuple(columns[name].condition(wanted, name=name) for name, wanted in filters.items())


def select(conditions: Sequence[Condition], *, without: Sequence[int] = (), products: int) -> Mask | None:
    """Rows that meet every condition.

    Args:
        conditions: From `check_filters`.
        without: Rows left out whatever they hold.
        products: Number of products.

    Returns:
        bool `[products]`; None when every product passes.
    """
    if not conditions and not without:
        return None
    mask = np.ones(products, dtype=np.bool_)
    for condition in conditions:
        mask &= condition()
    mask[list(without)] = False
    return mask


def _column(values: pa.ChunkedArray, kind: AttributeType) -> FilterColumn:
    if kind is AttributeType.NUMBER:
        numbers = pc.fill_null(values, math.nan).to_numpy().astype(np.float64)
        return NumberColumn(values=numbers)
    if kind is AttributeType.BOOLEAN:
        flags = pc.fill_null(values.cast(pa.int8()), -1).to_numpy().astype(np.int8)
        return BooleanColumn(values=flags)
    if kind is AttributeType.LIST:
        return _list_column(values)
    codes, texts = _codes(values)
    return CategoryColumn(codes=codes, code_of={text: code for code, text in enumerate(texts)})


def _codes(values: pa.ChunkedArray) -> tuple[NDArray[np.int32], list[str]]:
    encoded = values.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):  # a column of no chunks stays chunked
        return np.zeros(0, dtype=np.int32), []
    codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int32)
    return codes, encoded.dictionary.to_pylist()


def _list_column(values: pa.ChunkedArray) -> ListColumn:
    parents = pc.list_parent_indices(values.combine_chunks())
    owners = parents.to_numpy(zero_copy_only=False) if isinstance(parents, pa.Array) else parents.to_numpy()
    codes, texts = _codes(pc.list_flatten(values))
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(len(texts) + 1))
    rows = owners[order].astype(np.int64)
    return ListColumn(
        products=len(values),
        rows_of={text: rows[starts[code] : starts[code + 1]] for code, text in enumerate(texts) if text is not None},
    )


def _texts(wanted: object, *, name: str) -> tuple[str, ...]:
    texts = (wanted,) if isinstance(wanted, str) else wanted
    if not isinstance(texts, list | tuple) or not texts or not all(isinstance(text, str) for text in texts):
        raise InvalidQuery(f'filter {name!r} is {wanted!r}; texts are wanted: ["this", "or that"]')
    if len(texts) > MAX_VALUES:
        raise InvalidQuery(f"filter {name!r} names {len(texts)} values; at most {MAX_VALUES} are accepted")
    return tuple(texts)


def _bound(value: object, *, name: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InvalidQuery(f"filter {name!r} has the bound {value!r}; a finite number is wanted")
    return float(value)
