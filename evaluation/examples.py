"""Example queries to look at: chosen before any model is asked, so that nobody picks the flattering ones."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from aisle.files import digest
from aisle.types import Encoder
from evaluation.attributes import questions
from evaluation.encoded import EncodedCatalog, encode_texts
from evaluation.ranking import best_rows
from evaluation.tasks import Tasks

TITLE = "title"

_ENOUGH = 4
"""Relevant products that a query must have to be looked at: half a grid."""


@dataclass(frozen=True, slots=True)
class Example:
    """A query and which products it asks for.

    Attributes:
        text: What is typed.
        asks: In words: "title", or the template's columns.
        relevant: Their rows in the catalog, ascending; at least one.
    """

    text: str
    asks: str
    relevant: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Hit:
    """One product that a model found.

    Attributes:
        id: The product's.
        title: Its title.
        row: Its row in the catalog.
        relevant: Whether the query asks for it.
        cosine: Of the query and its picture.
    """

    id: str
    title: str
    row: int
    relevant: bool
    cosine: float


def choose_examples(catalog: EncodedCatalog, tasks: Tasks, *, attributes: int = 8, titles: int = 4) -> list[Example]:
    """Queries of the catalog's own words.

    Templates take turns. Each gives its most common text among those whose attributes were asked for least so far: a
    variety of what the catalog is full of. Titles are drawn by the hash of the product's id.

    Args:
        catalog: Products with pictures; their vectors are not looked at.
        tasks: Whose templates are used; those over one attribute only where there are no others.
        attributes: Queries out of attributes, at most.
        titles: Queries out of titles, at most.
    """
    return [
        *_of_attributes(catalog, tasks.attributes or tasks.categories, attributes),
        *_of_titles(catalog, titles),
    ]


def _of_attributes(catalog: EncodedCatalog, templates: Sequence[str], most: int) -> list[Example]:
    asked = [questions(catalog.products, template) for template in templates]
    relevant = [one.relevant.tolist() for one in asked]
    left = [_worth_showing(counts) for counts in relevant]
    used: Counter[str] = Counter()
    chosen: list[Example] = []
    turn = 0
    while len(chosen) < most and any(left):
        number, turn = turn % len(asked), turn + 1
        if not left[number]:
            continue
        one = asked[number]
        place = min(
            left[number],
            key=lambda at: (sum(used[v] for v in asked[number].values[at].values()), -relevant[number][at], at),
        )
        left[number].discard(place)
        used.update(one.values[place].values())
        rows = catalog.rows[one.answers == place]
        chosen.append(Example(one.texts[place], words_of(one.template), tuple(rows.tolist())))
    return chosen


def _worth_showing(relevant: Sequence[int]) -> set[int]:
    """Texts that a grid could be full of; where a template has none, all of them."""
    return {place for place, count in enumerate(relevant) if count >= _ENOUGH} or set(range(len(relevant)))


def _of_titles(catalog: EncodedCatalog, most: int) -> list[Example]:
    titled = [(product, int(row)) for product, row in zip(catalog.products, catalog.rows, strict=True) if product.title]
    titled.sort(key=lambda one: digest("example", one[0].id))
    return [Example(product.title, TITLE, (row,)) for product, row in titled[:most]]


def words_of(template: str) -> str:
    """A template for people to read: "{baseColour} {articleType}" as "baseColour articleType"."""
    return template.replace("{", "").replace("}", "")


def find_hits(
    catalog: EncodedCatalog, examples: Sequence[Example], encoder: Encoder, *, most: int = 8
) -> list[tuple[Hit, ...]]:
    """Ask a model: the best products of each example, best first.

    Args:
        catalog: The products that the examples were chosen from, with pictures.
        examples: The queries.
        encoder: The model that encoded them.
        most: Hits per query.
    """
    asked = encode_texts([example.text for example in examples], encoder)
    best = best_rows(asked, catalog.images, places=most)
    return [
        tuple(
            Hit(
                id=catalog.products[place].id,
                title=catalog.products[place].title,
                row=int(catalog.rows[place]),
                relevant=int(catalog.rows[place]) in example.relevant,
                cosine=float(vector @ catalog.images[place]),
            )
            for place in places
        )
        for example, vector, places in zip(examples, asked, best.tolist(), strict=True)
    ]
