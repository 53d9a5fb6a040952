"""What a filter asked for that no product of the release has, and what may have been meant."""

from collections.abc import Iterator, Mapping

from rapidfuzz import process, utils
from rapidfuzz.distance import JaroWinkler

from serving.columns import CategoryColumn, FilterColumn, ListColumn

MAX_HINTS = 5
"""Most hints of one answer."""

MAX_COMPARED = 5000
"""Of an attribute with more values none is said to be near: comparing would take longer than searching."""

_NEAR = 0.75
_SHOWN = 3


def filter_hints(filters: Mapping[str, object], columns: Mapping[str, FilterColumn]) -> tuple[str, ...]:
    """One sentence per wanted text that no product has; filters must have been checked (`serving.filters`)."""
    hints: dict[str, None] = {}
    for name, text in _texts(filters):
        column = columns.get(name)
        if isinstance(column, CategoryColumn | ListColumn) and text not in column.code_of:
            hints[_hint(name, text, column)] = None
            if len(hints) == MAX_HINTS:
                break
    return tuple(hints)


def _hint(name: str, text: str, column: CategoryColumn | ListColumn) -> str:
    near: list[str] = []
    if len(column.texts) <= MAX_COMPARED:
        found = process.extract(
            text,
            column.texts,
            scorer=JaroWinkler.normalized_similarity,
            processor=utils.default_process,
            limit=_SHOWN,
            score_cutoff=_NEAR,
        )
        near = [value for value, _, _ in found]
    said = f"; near are {', '.join(repr(value[:80]) for value in near)}" if near else ""
    return f"no product has {text[:80]!r} as {name!r}{said}"


def _texts(filters: object) -> Iterator[tuple[str, str]]:
    """Every text that is wanted of an attribute, wherever it stands."""
    if isinstance(filters, Mapping):
        for name, wanted in filters.items():
            if name in ("$and", "$or"):
                for inner in wanted:
                    yield from _texts(inner)
            elif name == "$not":
                yield from _texts(wanted)
            else:
                for values in wanted.values() if isinstance(wanted, Mapping) else (wanted,):
                    texts = (values,) if isinstance(values, str) else values if isinstance(values, list | tuple) else ()
                    yield from ((name, text) for text in texts if isinstance(text, str))
