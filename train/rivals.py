"""Rivals: products of one article that look different. Side by side in a batch they are hard negatives."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aisle.catalog import Roles, identifier
from aisle.errors import CatalogError
from aisle.manifest import AttributeType
from aisle.sources import Source
from train.pairs import Rows, read_columns
from train.recipe import CatalogRecipe

TOGETHER = 8
"""Products of one article that are shown side by side."""


@dataclass(frozen=True, slots=True)
class Rivals:
    """What each of n products is, and what tells it from others of its kind.

    Attributes:
        articles: Code of its article, int32 `[n]`; a product that names none has one of its own.
        looks: Code of its other attributes together, int32 `[n]`.
    """

    articles: NDArray[np.int32]
    looks: NDArray[np.int32]


def read_rivals(source: Source, roles: Roles, recipe: CatalogRecipe) -> Rivals:
    """Read what every product is.

    The article is the first of the recipe's nouns, or the catalog's first category; the look is what the other
    columns of the templates say, or the other categories.

    Raises:
        CatalogError: There is no such column, or no two products of one article look different.
    """
    categories = [name for name, kind in roles.attributes.items() if kind is AttributeType.CATEGORY]
    article = next(iter((*recipe.nouns, *categories)), None)
    if article is None:
        raise CatalogError(
            f"catalog {recipe.name}: hard negatives need a column that says what a product is; name it in nouns"
        )
    spoken = [column for template in recipe.templates for column in read_columns(recipe, template)]
    others = [column for column in dict.fromkeys(spoken or categories) if column != article]
    articles: list[str] = []
    looks: list[tuple[str, ...]] = []
    for table in source.scan([article, *others]):
        articles += _values(table.column(article).to_pylist())
        columns = [_values(table.column(column).to_pylist()) for column in others]
        looks += zip(*columns, strict=True) if columns else [()] * table.num_rows
    named = [value or row for row, value in enumerate(articles)]
    rivals = Rivals(articles=_codes(named), looks=_codes(looks))
    kinds = np.unique(np.stack([rivals.articles, rivals.looks]), axis=1)[0]
    if len(np.unique(kinds)) == len(kinds):
        raise CatalogError(
            f"catalog {recipe.name}: no two products of one {article} differ in {', '.join(others) or 'anything'}: "
            "hard negatives have nothing to set side by side"
        )
    return rivals


def _values(column: Sequence[object]) -> list[str]:
    return [identifier(value).lower() for value in column]


def _codes(values: Sequence[object]) -> NDArray[np.int32]:
    known: dict[object, int] = {}
    return np.array([known.setdefault(value, len(known)) for value in values], dtype=np.int32)


def rival_order(rivals: Rivals, rows: Rows, *, random: np.random.Generator) -> Rows:
    """An order in which products stand beside rivals.

    Within an article, products of each look are spread evenly over its line, which is then cut into groups of up to
    eight; the groups are shuffled. So every group mixes the looks of its article as the catalog does.

    Args:
        rivals: Of the whole catalog.
        rows: Products to order, int64 `[n]`.
        random: Where chance comes from.

    Returns:
        The same rows, int64 `[n]`.
    """
    mixed = random.permutation(rows)
    kinds = np.stack([rivals.articles[mixed], rivals.looks[mixed]])
    _, kind, sizes = np.unique(kinds, axis=1, return_inverse=True, return_counts=True)
    by_kind = np.argsort(kind, kind="stable")
    place = np.empty(len(mixed))
    place[by_kind] = np.arange(len(mixed)) - (np.cumsum(sizes) - sizes)[kind[by_kind]]
    along = (place + random.random(len(sizes))[kind]) / sizes[kind]  # 0 to 1 on the article's line
    line = mixed[np.lexsort((along, kinds[0]))]
    starts = np.unique(rivals.articles[line], return_index=True)[1]
    groups = [
        group
        for part in np.split(line, starts[1:])
        for group in np.array_split(part, -(-len(part) // TOGETHER))  # even ones: a rest of one would meet nobody
    ]
    return np.concatenate([groups[number] for number in random.permutation(len(groups))])
