"""The attributes of a release as columns: prepared once, filtered by and counted per query."""

import math
import reprlib
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
from serving.facets import MAX_VALUES, Facet, ValueCount

Mask = NDArray[np.bool_]
"""Which products pass: bool `[products]`."""

Condition = Callable[[], Mask]
"""A checked filter that can be computed later, in another thread. Every call gives a mask of its own."""

MAX_WANTED = 100
"""Most values that one condition may name."""


class FilterColumn(Protocol):
    """One attribute, ready to be filtered by and counted."""

    def condition(self, wanted: object, *, name: str) -> Condition:
        """Check what a query wants of this attribute.

        Raises:
            InvalidQuery: `wanted` is of the wrong type; the message names the attribute and the right one.
        """
        ...

    def facet(self, name: str, mask: Mask | None, *, most: int = MAX_VALUES) -> Facet:
        """Count the values of the products that pass; None passes all."""
        ...


@dataclass(frozen=True, slots=True)
class CategoryColumn:
    """One text per product, as codes.

    Attributes:
        codes: int32 `[products]`; -1 for none.
        texts: The values, by code.
        code_of: Code of each value.
    """

    codes: NDArray[np.int32]
    texts: Sequence[str]
    code_of: Mapping[str, int]

    def condition(self, wanted: object, *, name: str) -> Condition:
        """Any, all or none of the wanted texts."""
        return partial(_texts_mask, self, _texts_wanted(wanted, name=name))

    def any(self, texts: Sequence[str]) -> Mask:
        """Products with one of these values."""
        wanted = np.zeros(len(self.texts) + 1, dtype=np.bool_)  # the last stands for -1, no value
        wanted[[self.code_of[text] for text in texts if text in self.code_of]] = True
        return wanted[self.codes]

    def all(self, texts: Sequence[str]) -> Mask:
        """Products with each of these values, of which there is at most one."""
        return self.any(texts) if len(set(texts)) == 1 else np.zeros(len(self.codes), dtype=np.bool_)

    def facet(self, name: str, mask: Mask | None, *, most: int = MAX_VALUES) -> Facet:
        """Products per value."""
        codes = self.codes if mask is None else self.codes[mask]
        counts = np.bincount(codes + 1, minlength=len(self.texts) + 1)[1:]
        return Facet(name, AttributeType.CATEGORY, values=_most_frequent(counts, self.texts, most))


@dataclass(frozen=True, slots=True)
class ListColumn:
    """Several texts per product, as pairs of a code and the row that holds it, by code; each pair once.

    Attributes:
        products: Number of products.
        codes: int32 `[pairs]`, ascending.
        rows: int64 `[pairs]`.
        texts: The values, by code.
        code_of: Code of each value.
    """

    products: int
    codes: NDArray[np.int32]
    rows: NDArray[np.int64]
    texts: Sequence[str]
    code_of: Mapping[str, int]

    def condition(self, wanted: object, *, name: str) -> Condition:
        """Any, all or none of the wanted texts in the product's list."""
        return partial(_texts_mask, self, _texts_wanted(wanted, name=name))

    def any(self, texts: Sequence[str]) -> Mask:
        """Products whose list holds one of these values."""
        mask: Mask = self._held(texts) > 0
        return mask

    def all(self, texts: Sequence[str]) -> Mask:
        """Products whose list holds each of these values."""
        mask: Mask = self._held(texts) == len(set(texts))
        return mask

    def _held(self, texts: Sequence[str]) -> NDArray[np.int16]:
        """How many of these values each product has."""
        held = np.zeros(self.products, dtype=np.int16)
        for code in {self.code_of[text] for text in texts if text in self.code_of}:
            first, end = np.searchsorted(self.codes, (code, code + 1))
            held[self.rows[first:end]] += 1
        return held

    def facet(self, name: str, mask: Mask | None, *, most: int = MAX_VALUES) -> Facet:
        """Products per value."""
        codes = self.codes if mask is None else self.codes[mask[self.rows]]
        counts = np.bincount(codes, minlength=len(self.texts))
        return Facet(name, AttributeType.LIST, values=_most_frequent(counts, self.texts, most))


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
            raise InvalidQuery(
                f'filter {name!r} is {reprlib.repr(wanted)}; a range is wanted: {{"min": 10, "max": 50}}'
            )
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

    def facet(self, name: str, mask: Mask | None, *, most: int = MAX_VALUES) -> Facet:  # noqa: ARG002 - the protocol's
        """Smallest and largest."""
        values = self.values if mask is None else self.values[mask]
        known = values[~np.isnan(values)]
        if not len(known):
            return Facet(name, AttributeType.NUMBER)
        return Facet(name, AttributeType.NUMBER, minimum=float(known.min()), maximum=float(known.max()))


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
            raise InvalidQuery(f"filter {name!r} is {reprlib.repr(wanted)}; true or false is wanted")
        return partial(np.equal, self.values, np.int8(wanted))

    def facet(self, name: str, mask: Mask | None, *, most: int = MAX_VALUES) -> Facet:  # noqa: ARG002 - the protocol's
        """How many say yes and how many no."""
        values = self.values if mask is None else self.values[mask]
        yes, no = (int(np.count_nonzero(values == said)) for said in (1, 0))
        return Facet(name, AttributeType.BOOLEAN, true=yes, false=no)


def filter_columns(products: Products) -> dict[str, FilterColumn]:
    """Prepare every attribute of a release, in catalog order."""
    return {name: _column(products.column(name), kind) for name, kind in products.attributes.items()}


def _column(values: pa.ChunkedArray, kind: AttributeType) -> FilterColumn:
    if kind is AttributeType.NUMBER:
        return NumberColumn(values=pc.fill_null(values, math.nan).to_numpy().astype(np.float64))
    if kind is AttributeType.BOOLEAN:
        return BooleanColumn(values=pc.fill_null(values.cast(pa.int8()), -1).to_numpy().astype(np.int8))
    if kind is AttributeType.LIST:
        return _list_column(values)
    codes, texts = _codes(values)
    return CategoryColumn(codes=codes, texts=texts, code_of={text: code for code, text in enumerate(texts)})


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
    pairs = np.stack([codes.astype(np.int64), owners.astype(np.int64)])[:, codes >= 0]
    pairs = np.unique(pairs, axis=1)  # a product that names a value twice is still one product
    return ListColumn(
        products=len(values),
        codes=pairs[0].astype(np.int32),
        rows=pairs[1],
        texts=texts,
        code_of={text: code for code, text in enumerate(texts)},
    )


def _most_frequent(counts: NDArray[np.int64], texts: Sequence[str], most: int) -> tuple[ValueCount, ...]:
    there = np.flatnonzero(counts)
    if len(there) > most:  # whatever ties with the last is sorted out below
        least = np.partition(counts[there], -most)[-most]
        there = there[counts[there] >= least]
    values = [ValueCount(texts[code], int(counts[code])) for code in there.tolist()]
    found = sorted(values, key=lambda value: (-value.count, value.value))
    return tuple(found[:most])


def _texts_wanted(wanted: object, *, name: str) -> dict[str, tuple[str, ...]]:
    """`"this"` and `["this", "or that"]` mean any of; of `{"any": ..., "all": ..., "none": ...}` each must be met."""
    if not isinstance(wanted, Mapping):
        return {"any": _texts(wanted, name=name)}
    if not wanted or set(wanted) - {"any", "all", "none"}:
        raise InvalidQuery(
            f"filter {name!r} is {reprlib.repr(wanted)}; texts are wanted, such as "
            '["this", "or that"] or {"none": ["this"]}'
        )
    return {mode: _texts(texts, name=name) for mode, texts in wanted.items()}


def _texts_mask(column: CategoryColumn | ListColumn, wanted: Mapping[str, Sequence[str]]) -> Mask:
    masks = [
        column.all(texts) if mode == "all" else column.any(texts) ^ (mode == "none") for mode, texts in wanted.items()
    ]
    mask: Mask = np.logical_and.reduce(masks)
    return mask


def _texts(wanted: object, *, name: str) -> tuple[str, ...]:
    texts = (wanted,) if isinstance(wanted, str) else wanted
    if isinstance(texts, list | tuple) and len(texts) > MAX_WANTED:
        raise InvalidQuery(f"filter {name!r} names {len(texts)} values; at most {MAX_WANTED} are accepted")
    if not isinstance(texts, list | tuple) or not texts or not all(isinstance(text, str) for text in texts):
        raise InvalidQuery(f'filter {name!r} is {reprlib.repr(wanted)}; texts are wanted: ["this", "or that"]')
    return tuple(texts)


def _bound(value: object, *, name: str) -> float | None:
    if value is None:
        return None
    try:
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
    except OverflowError:  # a whole number of more than 308 digits
        pass
    raise InvalidQuery(f"filter {name!r} has the bound {reprlib.repr(value)}; a finite number is wanted")
