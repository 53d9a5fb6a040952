r"""Filters in one line of text, for query strings: read into the form that `serving.filters` checks.

colour:red                              a value; letter case counts, as in the catalog
colour:red,blue                         any of these; the same as colour:any(red,blue)
tags:all(new,sale)   tags:none(old)     all of these; none of these
price:10..50   price:10..   price:..50  a range, both ends included; price:10 is 10 exactly
in_stock:true                           or false
colour:"navy blue"                      quotes hold spaces and ( ) : , together; \\" is a quotation mark inside
colour:red and not tags:sale            "not" binds strongest, then "and", then "or"
(colour:red or price:..20) and in_stock:true
"""

import re
from collections.abc import Mapping, Sequence

from aisle.errors import InvalidQuery
from aisle.manifest import AttributeType
from serving.query import DEFAULT_LIMITS, QueryLimits

MAX_LENGTH = 2000
"""Longest text, in characters."""

_TOKEN = re.compile(r'\s*(?:(?P<mark>[():,])|"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<word>[^\s():,"]+))', re.DOTALL)
_BOOLEANS = {"true": True, "false": False}

_Filters = dict[str, object]


def read_compact(
    texts: Sequence[str], types: Mapping[str, AttributeType], *, limits: QueryLimits = DEFAULT_LIMITS
) -> _Filters:
    """Read lines of filters, all of which must hold.

    Args:
        texts: Each as above; blank ones are left out.
        types: What each attribute of the release holds.
        limits: How deeply they may be nested.

    Returns:
        For `Query.filters`. Attributes that do not exist are left for `read_filters` to refuse.

    Raises:
        InvalidQuery: A text cannot be read; the message says where.
    """
    return _joined("$and", [_Reader(text, types, limits).read() for text in texts if text.strip()])


def _joined(name: str, filters: list[_Filters]) -> _Filters:
    if not filters:
        return {}
    return filters[0] if len(filters) == 1 else {name: filters}


class _Reader:
    """Reads one text by recursive descent, one method per line of the grammar."""

    def __init__(self, text: str, types: Mapping[str, AttributeType], limits: QueryLimits) -> None:
        if len(text) > MAX_LENGTH:
            raise InvalidQuery(f"the filter has {len(text):,} characters; at most {MAX_LENGTH:,} are accepted")
        self._text = text.strip()
        self._types = types
        self._limits = limits
        self._place = 0
        self._nesting = 0

    def read(self) -> _Filters:
        """The whole text."""
        filters = self._either()
        if self._place < len(self._text):
            raise self._fault("`and`, `or` or the end")
        return filters

    def _either(self) -> _Filters:
        filters = [self._both()]
        while self._takes_word("or"):
            filters.append(self._both())
        return _joined("$or", filters)

    def _both(self) -> _Filters:
        filters = [self._one()]
        while self._takes_word("and"):
            filters.append(self._one())
        return _joined("$and", filters)

    def _one(self) -> _Filters:
        self._limits.check_depth(self._nesting)
        self._nesting += 1
        if self._takes_word("not"):
            filters: _Filters = {"$not": self._one()}
        elif self._takes_mark("("):
            filters = self._either()
            self._needs_mark(")")
        else:
            filters = self._condition()
        self._nesting -= 1
        return filters

    def _condition(self) -> _Filters:
        name = self._value("the name of an attribute")
        self._needs_mark(":")
        before = self._place
        mode = next((mode for mode in ("any", "all", "none") if self._takes_word(mode)), None)
        if mode is not None and self._takes_mark("("):
            values = self._values()
            self._needs_mark(")")
        else:
            self._place, mode = before, "any"  # a value that is spelled like one of them
            values = self._values()
        return self._typed(name, mode, values)

    def _values(self) -> list[str]:
        values = [self._value("a value")]
        while self._takes_mark(","):
            values.append(self._value("a value"))
        return values

    def _typed(self, name: str, mode: str, values: list[str]) -> _Filters:
        kind = self._types.get(name)
        if kind is AttributeType.NUMBER:
            wanted: list[object] = [_range(name, value) for value in values]
        elif kind is AttributeType.BOOLEAN:
            wanted = [_boolean(name, value) for value in values]
        else:
            return {name: values if mode == "any" else {mode: values}}
        conditions: list[_Filters] = [{name: value} for value in wanted]
        if mode == "none":
            return {"$not": _joined("$or", conditions)}
        return _joined("$or" if mode == "any" else "$and", conditions)

    def _value(self, wanted: str) -> str:
        token = _TOKEN.match(self._text, self._place)
        if token is None or token["mark"]:
            raise self._fault(wanted)
        self._place = token.end()
        return token["word"] or re.sub(r"\\(.)", r"\1", token["quoted"], flags=re.DOTALL)

    def _takes_word(self, word: str) -> bool:
        token = _TOKEN.match(self._text, self._place)
        if token is None or (token["word"] or "").lower() != word:
            return False
        self._place = token.end()
        return True

    def _takes_mark(self, mark: str) -> bool:
        token = _TOKEN.match(self._text, self._place)
        if token is None or token["mark"] != mark:
            return False
        self._place = token.end()
        return True

    def _needs_mark(self, mark: str) -> None:
        if not self._takes_mark(mark):
            raise self._fault(f"`{mark}`")

    def _fault(self, wanted: str) -> InvalidQuery:
        rest = self._text[self._place :].strip()
        found = f"{rest[:30]!r}" if rest else "the end"
        return InvalidQuery(
            f"the filter {self._text[:80]!r} cannot be read: {wanted} should come where {found} does; values with "
            "spaces or ( ) : , want quotes"
        )


def _range(name: str, value: str) -> dict[str, float]:
    low, dots, high = value.partition("..")
    bounds = {"min": low, "max": high} if dots else {"min": value, "max": value}
    try:
        found = {side: float(bound) for side, bound in bounds.items() if bound}
    except ValueError:
        found = {}
    if not found:
        raise InvalidQuery(f"filter {name!r} is {value[:80]!r}; a number or a range is wanted: {name}:10..50")
    return found


def _boolean(name: str, value: str) -> bool:
    found = _BOOLEANS.get(value.lower())
    if found is None:
        raise InvalidQuery(f"filter {name!r} is {value[:80]!r}; {name}:true or {name}:false is wanted")
    return found
