"""Filters: what a query demands of a product's attributes, checked first and computed later.

    {"colour": ["Red", "Blue"]}                       any of these; a single text means itself
    {"tags": {"all": ["new", "sale"], "none": "old"}} any, all and none of, together or alone
    {"price": {"min": 10, "max": 50}}                 either end may be left out; both ends are included
    {"in_stock": true}
    {"$or": [{...}, {...}]}, {"$and": [...]}, {"$not": {...}}

All entries of one object must hold. A list attribute holds a value when one of its items is it. A product without a
value meets no condition but the negative ones: `none` and `$not` are met by everything their opposite is not met by.
`serving.compact_filters` reads the same from one line of text.
"""

import reprlib
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from aisle.errors import InvalidQuery
from serving.columns import Condition, FilterColumn, Mask
from serving.query import DEFAULT_LIMITS, QueryLimits

MAX_CONDITIONS = 64
"""Most conditions of one query."""


def read_filters(
    filters: Mapping[str, object], columns: Mapping[str, FilterColumn], *, limits: QueryLimits = DEFAULT_LIMITS
) -> Condition | None:
    """Check a query's filters without computing them; None for a query without any.

    Raises:
        InvalidQuery: An attribute does not exist or is asked for something of the wrong type, or the filters are
            nested too deeply or too many.
    """
    return _Reader(columns, limits).every(filters, depth=0) if filters else None


def select(
    condition: Condition | None, *, shown: Mask | None = None, without: Sequence[int] = (), products: int
) -> Mask | None:
    """Rows that meet a condition.

    Args:
        condition: From `read_filters`.
        shown: bool `[products]`; rows that may be found at all. None for all.
        without: Rows left out whatever they hold.
        products: Number of products.

    Returns:
        bool `[products]`; None when every product passes.
    """
    if condition is None and shown is None and not without:
        return None
    mask = np.ones(products, dtype=np.bool_) if condition is None else condition()
    if shown is not None:
        mask &= shown
    mask[list(without)] = False
    return mask


class _Reader:
    """Reads one query's filters, counting conditions."""

    def __init__(self, columns: Mapping[str, FilterColumn], limits: QueryLimits) -> None:
        self._columns = columns
        self._limits = limits
        self._conditions = 0

    def every(self, filters: object, *, depth: int) -> Condition:
        """All entries of one object."""
        self._limits.check_depth(depth)
        if not isinstance(filters, Mapping) or not filters:
            raise InvalidQuery(f'{reprlib.repr(filters)} is no filter; {{"attribute": wanted}} is')
        return _joined(np.logical_and, [self._entry(name, wanted, depth) for name, wanted in filters.items()])

    def _entry(self, name: str, wanted: object, depth: int) -> Condition:
        match name:
            case "$and":
                return _joined(np.logical_and, self._several(name, wanted, depth))
            case "$or":
                return _joined(np.logical_or, self._several(name, wanted, depth))
            case "$not":
                return partial(_inverted, self.every(wanted, depth=depth + 1))
        self._conditions += 1
        if self._conditions > MAX_CONDITIONS:
            raise InvalidQuery(f"the filters have more than {MAX_CONDITIONS} conditions: join values into lists")
        if name not in self._columns:
            known = f"known are {', '.join(self._columns)}" if self._columns else "this release has none"
            raise InvalidQuery(f"there is no attribute {name[:80]!r} to filter by; {known}")
        return self._columns[name].condition(wanted, name=name)

    def _several(self, name: str, wanted: object, depth: int) -> list[Condition]:
        if not isinstance(wanted, list | tuple) or not wanted:
            raise InvalidQuery(f"{name} is {reprlib.repr(wanted)}; a list of filters is wanted")
        return [self.every(filters, depth=depth + 1) for filters in wanted]


def _joined(join: np.ufunc, conditions: Sequence[Condition]) -> Condition:
    return conditions[0] if len(conditions) == 1 else partial(_join, join, conditions)


def _join(join: np.ufunc, conditions: Sequence[Condition]) -> Mask:
    mask = conditions[0]()
    for condition in conditions[1:]:
        join(mask, condition(), out=mask)
    return mask


def _inverted(condition: Condition) -> Mask:
    mask = condition()
    return np.logical_not(mask, out=mask)
