"""Templates that nobody wrote."""

import pytest

from aisle.catalog import Roles
from aisle.manifest import AttributeType
from train.templates import Templates, derive_templates


def _roles(*names: str, **others: AttributeType) -> Roles:
    return Roles(id="id", attributes=dict.fromkeys(names, AttributeType.CATEGORY) | others)


def test_a_fashion_catalog_gets_what_shoppers_type() -> None:
    roles = _roles("gender", "subCategory", "articleType", "baseColour", "usage", year=AttributeType.NUMBER)
    assert derive_templates(roles) == Templates(
        templates=(
            "{articleType}",
            "{subCategory}",
            "{baseColour} {articleType}",
            "{usage} {articleType}",
            "{articleType} for {gender}",
            "{baseColour} {articleType} for {gender}",
        ),
        nouns=("articleType",),
    )


def test_looks_are_named_together() -> None:
    made = derive_templates(_roles("kind", "Colour", "pattern_name", "Sex"))
    assert made.nouns == ("kind",)
    assert "{Colour} {pattern_name} {kind}" in made.templates
    assert "{Colour} {kind} for {Sex}" in made.templates


@pytest.mark.parametrize(
    ("names", "article"),
    [
        (("colour", "room", "shelf"), "room"),
        (("colour", "season"), "colour"),
        (("category", "product_type", "colour"), "product_type"),
        (("colour", "sexton"), "sexton"),
    ],
)
def test_the_article_is_named_like_one_or_comes_first(names: tuple[str, ...], article: str) -> None:
    made = derive_templates(_roles(*names))
    assert made.nouns == (article,)
    assert made.templates[0] == f"{{{article}}}"
    assert all(any(name in template for template in made.templates) for name in names)


def test_only_categories_make_texts() -> None:
    roles = _roles(price=AttributeType.NUMBER, tags=AttributeType.LIST, sale=AttributeType.BOOLEAN)
    assert derive_templates(roles) == Templates((), ())
