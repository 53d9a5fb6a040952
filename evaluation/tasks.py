"""What is asked of a catalog that nobody has written queries for: guessed from its columns, or named."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from aisle.catalog import Product, Roles, template_columns
from aisle.errors import CatalogError
from aisle.manifest import AttributeType
from aisle.meanings import Meanings, column_meanings, plain
from evaluation.attributes import questions

_LEAST = 2
"""Distinct texts below which a template asks nothing: one text that is true of all is always found."""


@dataclass(frozen=True, slots=True)
class Tasks:
    """What is asked beside titles.

    Attributes:
        attributes: Templates over several category attributes, such as `"{baseColour} {articleType}"`.
        categories: Templates over one, such as `"{articleType}"`.
        article: The attribute by which two pictures show the same kind of thing, or None.
    """

    attributes: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    article: str | None = None


def choose_tasks(
    products: Sequence[Product], roles: Roles, *, templates: Sequence[str] = (), article: str | None = None
) -> Tasks:
    """What is named, and guesses for the rest.

    Args:
        products: Whom it is asked of.
        roles: The catalog's, with its attributes.
        templates: Over category attributes; with any, none is guessed.
        article: A category attribute.

    Raises:
        CatalogError: Something named is no category attribute, or asks nothing of these products.
    """
    columns = [name for name, kind in roles.attributes.items() if kind is AttributeType.CATEGORY]
    for template in (*templates, *([f"{{{article}}}"] if article is not None else [])):
        _check(template, columns, products)
    meanings = column_meanings(columns)
    article = article or meanings.article
    if not templates:
        return _guessed(products, columns, replace(meanings, article=article))
    several = [len(template_columns(template)) > 1 for template in templates]
    return Tasks(
        attributes=tuple(template for template, more in zip(templates, several, strict=True) if more),
        categories=tuple(template for template, more in zip(templates, several, strict=True) if not more),
        article=article,
    )


def _check(template: str, columns: Sequence[str], products: Sequence[Product]) -> None:
    names = template_columns(template)
    if not names:
        raise CatalogError(f"template {template!r} names no attribute: write them as {{name}}")
    for name in names:
        if name not in columns:
            known = ", ".join(columns) or "none"
            raise CatalogError(
                f"template {template!r} names {name!r}, which is no category attribute of the catalog ({known}); "
                f"add it with --attribute {name}=category"
            )
    if not questions(products, template).texts:
        raise CatalogError(f"no product has all that the template {template!r} names: leave it out")


def _guessed(products: Sequence[Product], columns: Sequence[str], meanings: Meanings) -> Tasks:
    article, colour, pattern, people = meanings.article, meanings.colour, meanings.pattern, meanings.people
    templates = []
    if article is not None:
        templates += [f"{{{colour}}} {{{article}}}"] if colour else []
        templates += [f"{{{pattern}}} {{{article}}}"] if pattern else []
        templates += [f"{{{pattern}}} {{{colour}}} {{{article}}}"] if pattern and colour else []
        templates += [f"{{{article}}} for {{{people}}}"] if people else []
    kinds = [article] if article is not None else []
    kinds += [name for name in columns if "category" in plain(name)]
    categories = [f"{{{name}}}" for name in dict.fromkeys(kinds)]

    def worth_asking(template: str) -> bool:
        return len(questions(products, template).texts) >= _LEAST

    return Tasks(
        attributes=tuple(filter(worth_asking, templates)),
        categories=tuple(filter(worth_asking, categories)),
        article=article,
    )
