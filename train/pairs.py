"""What can be said of each product of a catalog: its title, its long text, and short texts of its attributes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisle.catalog import Roles, check_roles, identifier, infer_roles, override, product_of, template_columns
from aisle.errors import CatalogError
from aisle.sources import Source, first_rows
from train.number import other_number
from train.recipe import CatalogRecipe

Rows = NDArray[np.int64]
"""Row numbers of products in a `Menu`: int64, `[n]`."""

MISSING = -1
"""The code of a text that a product does not have."""

_SAMPLE_ROWS = 512
"""Rows that column roles are guessed from."""

_OTHER_NUMBER = 0.4
"""Chance that a noun is read in its other number."""


@dataclass(frozen=True, slots=True)
class Menu:
    """n products and the k texts of each.

    Column 0 is the title, column 1 the long text, the others are the short templates. A code stands for a text,
    so that equal texts are equal numbers. Short texts that differ in number alone ("top" and "tops") have one code:
    what is true of one is true of the other.

    Attributes:
        ids: Product ids.
        codes: int32 `[n, k]`, `MISSING` where a product has no such text.
        texts: The text of each code.
        variants: The same with nouns in their other number.
    """

    ids: Sequence[str]
    codes: NDArray[np.int32]
    texts: Sequence[str]
    variants: Sequence[str]


LONG = 2
"""Columns of a `Menu` before the short templates."""


@dataclass(frozen=True, slots=True)
class Sentences:
    """One text per product of a batch.

    Attributes:
        products: Positions in the batch, of those products that have such a text: int64, `[m]`.
        texts: m texts.
        true_of: bool `[m, batch]`: whether a text is true of a product, its own included.
    """

    products: Rows
    texts: Sequence[str]
    true_of: NDArray[np.bool_]


def roles_of(source: Source, recipe: CatalogRecipe) -> Roles:
    """Column roles: guessed, with what the recipe names replaced.

    Raises:
        CatalogError: A column is missing, or the catalog has no pictures or no texts.
    """
    sample = first_rows(source, most=_SAMPLE_ROWS)
    if not len(sample):
        raise CatalogError(f"catalog {recipe.name} ({recipe.location}) has no rows: there is nothing to learn from")
    roles = override(
        infer_roles(source.schema, sample, id=recipe.id),
        image=recipe.image,
        title=recipe.title,
        text=recipe.text,
    )
    check_roles(roles, source.schema.names)
    if not roles.image:
        raise CatalogError(
            f"catalog {recipe.name} has no column that holds pictures (it has {', '.join(source.schema.names)}): name "
            "the one with their paths or URLs as `image`"
        )
    named = {
        column: f"template {template!r}" for template in recipe.templates for column in read_columns(recipe, template)
    }
    for column, place in (named | dict.fromkeys(recipe.nouns, "nouns")).items():
        if column not in source.schema.names:
            raise CatalogError(
                f"catalog {recipe.name}: {place} names the column {column!r}; there are "
                f"{', '.join(source.schema.names)}"
            )
    return roles


def read_columns(recipe: CatalogRecipe, template: str) -> list[str]:
    """The catalog's own columns that a template of its recipe names."""
    return [column for column in template_columns(template) if column not in recipe.said]


def read_menu(source: Source, roles: Roles, recipe: CatalogRecipe) -> Menu:
    """Read every product's texts, in catalog order; rows without an id get an empty one.

    Raises:
        CatalogError: No product has any text.
    """
    spoken = replace(roles, attributes={})  # filterable values are not read: they may be malformed
    wanted = dict.fromkeys((*spoken.columns, *(c for t in recipe.templates for c in read_columns(recipe, t))))
    book = _Book()
    ids: list[str] = []
    codes: list[list[int]] = []
    for table in source.scan(list(wanted)):
        for row in table.to_pylist():
            product = product_of(row, spoken)
            ids.append(product.id)
            known = row | said_by(product.title, recipe.said)
            shorts = [_short(template, known, recipe.nouns) for template in recipe.templates]
            codes.append([*map(book.long, (product.title, product.text)), *(book.short(*pair) for pair in shorts)])
    menu = Menu(
        ids=ids,
        codes=np.array(codes, dtype=np.int32).reshape(len(ids), LONG + len(recipe.templates)),
        texts=book.texts,
        variants=book.variants,
    )
    if not menu.texts:
        raise CatalogError(f"catalog {recipe.name} has no texts: name a title, a text or templates")
    return menu


class _Book:
    """Gives each text its code while a catalog is read."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.variants: list[str] = []
        self._long: dict[str, int] = {}
        self._short: dict[str, int] = {}

    def long(self, text: str) -> int:
        """The code of a title or a long text."""
        if text and text not in self._long:
            self._long[text] = self._add(text, text)
        return self._long.get(text, MISSING)

    def short(self, text: str, variant: str) -> int:
        """The code of a short text, known by either number."""
        if not text:
            return MISSING
        code = self._short.get(text, self._short.get(variant))
        if code is None:
            code = self._add(text, variant)
        self._short.setdefault(text, code)
        self._short.setdefault(variant, code)
        return code

    def _add(self, text: str, variant: str) -> int:
        self.texts.append(text)
        self.variants.append(variant)
        return len(self.texts) - 1


def said_by(title: str, said: Mapping[str, Mapping[str, Sequence[str]]]) -> dict[str, str]:
    """What a title says of columns that its catalog lacks.

    Args:
        title: Of a product.
        said: Column name to value to the words that mean it, of any case.

    Returns:
        Of each column the first value that has a word in the title; no entry for a column of which it says nothing.
    """
    words = set(re.findall(r"\w+", title.lower()))
    found = {}
    for column, values in said.items():
        value = next((value for value, meant in values.items() if words & {word.lower() for word in meant}), None)
        if value is not None:
            found[column] = value
    return found


def _short(template: str, row: Mapping[str, Any], nouns: Sequence[str]) -> tuple[str, str]:
    """A template filled in, as written and with nouns in their other number; empty when a value is missing."""
    values = {name: identifier(row.get(name)).lower() for name in template_columns(template)}
    if not all(values.values()):
        return "", ""
    others = {name: other_number(value) if name in nouns else value for name, value in values.items()}
    return " ".join(template.format_map(values).split()), " ".join(template.format_map(others).split())


def long_sentences(menu: Menu, rows: Rows, *, random: np.random.Generator, word_dropout: float) -> Sentences:
    """The title or the long text of each product, by chance; words are left out by chance.

    Args:
        menu: The catalog's texts.
        rows: The batch, int64 `[batch]`.
        random: Where chance comes from.
        word_dropout: Chance of each word to be left out; never all of them.
    """
    products, columns = _chosen(menu.codes[rows, :LONG], random)
    codes = menu.codes[rows[products], columns]
    texts = [_thinned(menu.texts[code], random, word_dropout) for code in codes]
    return Sentences(products, texts, _true_of(menu, rows, products, columns))


def short_sentences(menu: Menu, rows: Rows, *, random: np.random.Generator) -> Sentences:
    """One attribute text of each product, by chance, in either number."""
    products, columns = _chosen(menu.codes[rows, LONG:], random)
    columns = columns + LONG
    other = random.random(len(products)) < _OTHER_NUMBER
    texts = [
        menu.variants[code] if swap else menu.texts[code]
        for code, swap in zip(menu.codes[rows[products], columns], other, strict=True)
    ]
    return Sentences(products, texts, _true_of(menu, rows, products, columns))


@dataclass(frozen=True, slots=True)
class Choice:
    """What one short template says of a batch, among other things that it says of the catalog.

    Attributes:
        products: Positions in the batch, of those products that have such a text: int64, `[m]`.
        texts: k different texts; exactly one is true of each of the m products.
        own: Which: int64, `[m]`, within 0..k-1.
    """

    products: Rows
    texts: Sequence[str]
    own: Rows


def choices(menu: Menu, rows: Rows, *, count: int, most: int, random: np.random.Generator) -> list[Choice]:
    """Some short templates, each as a choice among the texts it has in the whole catalog.

    In a batch "boots" meets few other articles, and "red boots" is held against it. Here all articles stand side by
    side, each once: what a picture shows is told from everything else that it might have shown.

    Args:
        menu: The catalog's texts.
        rows: The batch, int64 `[batch]`.
        count: Templates to take, at random.
        most: Texts of one choice; those of the batch come first, others are drawn at random.
        random: Where chance comes from.
    """
    columns = LONG + random.permutation(menu.codes.shape[1] - LONG)[:count]
    made = (_choice(menu, rows, int(column), most=most, random=random) for column in columns)
    return [choice for choice in made if len(choice.texts) > 1 and len(choice.products)]


def _choice(menu: Menu, rows: Rows, column: int, *, most: int, random: np.random.Generator) -> Choice:
    codes = menu.codes[rows, column]
    products = np.flatnonzero(codes != MISSING)
    shown = np.unique(codes[products])
    others = np.setdiff1d(menu.codes[:, column], [*shown, MISSING])
    drawn = random.permutation(others)[: max(0, most - len(shown))]
    asked = np.unique(np.concatenate([shown, drawn]))
    spoken = menu.variants if random.random() < _OTHER_NUMBER else menu.texts
    return Choice(
        products=products,
        texts=[spoken[code] for code in asked],
        own=np.searchsorted(asked, codes[products]).astype(np.int64),
    )


def _chosen(codes: NDArray[np.int32], random: np.random.Generator) -> tuple[Rows, Rows]:
    """Positions of products that have a text, and for each a column drawn evenly among those it has."""
    if not codes.shape[1]:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    there = codes != MISSING
    products = np.flatnonzero(there.any(axis=1))
    luck = np.where(there[products], random.random(there[products].shape), -1.0)
    return products, luck.argmax(axis=1)


def _true_of(menu: Menu, rows: Rows, products: Rows, columns: Rows) -> NDArray[np.bool_]:
    """A text is true of every product that the same column gives the same text."""
    own: NDArray[np.int32] = menu.codes[rows[products], columns]
    equal: NDArray[np.bool_] = own[:, None] == menu.codes[rows][:, columns].T
    return equal


def _thinned(text: str, random: np.random.Generator, share: float) -> str:
    words = re.split(r"\s+", text)
    if share == 0.0 or len(words) < 3:
        return text
    kept = [word for word, luck in zip(words, random.random(len(words)), strict=True) if luck >= share]
    return " ".join(kept) if kept else text
