"""What is asked of catalogs with columns of many names."""

import pytest

from aisle.catalog import Product, Roles
from aisle.errors import CatalogError
from aisle.manifest import AttributeType
from evaluation.tasks import Tasks, choose_tasks
from tests.evaluation.axes import ROLES, catalog

PRODUCTS = catalog("red bag", "blue bag", "red shoe").products


def _products(*names: str) -> list[Product]:
    return [Product(id=v, title="", text="", attributes=dict.fromkeys(names, v)) for v in ("x", "y")]


def _guess(*names: str) -> Tasks:
    return choose_tasks(_products(*names), Roles(id="id", attributes=dict.fromkeys(names, AttributeType.CATEGORY)))


def test_columns_are_guessed_by_their_names() -> None:
    assert _guess("gender", "masterCategory", "subCategory", "articleType", "baseColour", "season") == Tasks(
        attributes=("{baseColour} {articleType}", "{articleType} for {gender}"),
        categories=("{articleType}", "{masterCategory}", "{subCategory}"),
        article="articleType",
    )
    assert _guess("category", "article", "colour", "pattern", "gender") == Tasks(
        attributes=(
            "{colour} {article}",
            "{pattern} {article}",
            "{pattern} {colour} {article}",
            "{article} for {gender}",
        ),
        categories=("{article}", "{category}"),
        article="article",
    )
    assert _guess("product_type_name", "colour_group_name", "graphical_appearance_name").attributes == (
        "{colour_group_name} {product_type_name}",
        "{graphical_appearance_name} {product_type_name}",
        "{graphical_appearance_name} {colour_group_name} {product_type_name}",
    )


def test_nothing_is_guessed_from_columns_that_say_nothing() -> None:
    assert _guess("season", "brand") == Tasks()


def test_a_column_with_one_value_is_not_asked_for() -> None:
    same = catalog("red bag", "red bag", "red shoe").products
    assert choose_tasks(same, ROLES).attributes == ("{colour} {article}",)
    alike = catalog("red bag", "red bag").products
    assert choose_tasks(alike, ROLES) == Tasks(article="article")


def test_what_is_named_replaces_the_guess() -> None:
    named = choose_tasks(PRODUCTS, ROLES, templates=["{article} in {colour}", "{colour}"], article="colour")
    assert named == Tasks(attributes=("{article} in {colour}",), categories=("{colour}",), article="colour")


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{size} {article}", "'size', which is no category attribute of the catalog .*--attribute size=category"),
        ("{price} {article}", "'price', which is no category attribute"),
        ("shirts", "names no attribute"),
        ("{colour", "is not valid"),
    ],
)
def test_templates_that_ask_nothing_are_refused(template: str, message: str) -> None:
    with pytest.raises(CatalogError, match=message):
        choose_tasks(PRODUCTS, ROLES, templates=[template])


def test_a_template_that_no_product_fills_is_refused() -> None:
    with pytest.raises(CatalogError, match="no product has all"):
        choose_tasks(catalog(None, shown=["bag"]).products, ROLES, templates=["{colour} {article}"])
    with pytest.raises(CatalogError, match="'kind', which is no category"):
        choose_tasks(PRODUCTS, ROLES, article="kind")
