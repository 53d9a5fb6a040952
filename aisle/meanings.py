"""What a catalog's category columns are about, told by their names: training and judging must mean the same."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_ARTICLE_PARTS = ("articletype", "producttype", "itemtype", "garmenttype", "clothingtype")
_ARTICLE_NAMES = ("article", "item", "kind", "type", "product", "subcategory", "category", "class")
_COLOUR_PARTS = ("colour", "color")
_PATTERN_PARTS = ("pattern", "graphicalappearance")
_PEOPLE_PARTS = ("gender", "audience", "department", "agegroup")
_PEOPLE_NAMES = ("sex",)


@dataclass(frozen=True, slots=True)
class Meanings:
    """Which column says what; None where no name does.

    Attributes:
        article: What a product is: "shirt".
        colour: "red".
        pattern: "striped".
        people: Whom it is for: "women".
    """

    article: str | None
    colour: str | None
    pattern: str | None
    people: str | None


def column_meanings(columns: Sequence[str]) -> Meanings:
    """Sort columns by their names, whatever their case and separators.

    Args:
        columns: Names of category columns, in catalog order: of two that fit equally, the first counts.
    """
    return Meanings(
        article=_first((*_containing(columns, _ARTICLE_PARTS), *_named(columns, _ARTICLE_NAMES))),
        colour=_first(_containing(columns, _COLOUR_PARTS)),
        pattern=_first(_containing(columns, _PATTERN_PARTS)),
        people=_first((*_containing(columns, _PEOPLE_PARTS), *_named(columns, _PEOPLE_NAMES))),
    )


def plain(column: str) -> str:
    """A name's letters and digits, in lower case: "Base_Colour" as "basecolour"."""
    return "".join(letter for letter in column.lower() if letter.isalnum())


def _first(columns: Iterable[str]) -> str | None:
    return next(iter(columns), None)


def _containing(columns: Sequence[str], parts: Sequence[str]) -> list[str]:
    """The most telling part comes first."""
    return [name for part in parts for name in columns if part in plain(name)]


def _named(columns: Sequence[str], names: Sequence[str]) -> list[str]:
    return [name for wanted in names for name in columns if plain(name) == wanted]
