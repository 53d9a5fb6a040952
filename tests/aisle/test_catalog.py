from pathlib import Path

import pyarrow as pa
import pytest

from aisle.catalog import (
    Roles,
    check_roles,
    identifier,
    infer_roles,
    load_roles,
    override,
    product_of,
    template_columns,
)
from aisle.errors import CatalogError
from aisle.manifest import AttributeType

TYPES = {
    "colour": AttributeType.CATEGORY,
    "price": AttributeType.NUMBER,
    "in_stock": AttributeType.BOOLEAN,
    "tags": AttributeType.LIST,
}
ROLES = Roles(id="sku", image="photo", title="name", text="{name}. {colour} {kind}", attributes=TYPES)
ROW = {"sku": 7, "name": " Red  shirt ", "colour": "Red", "kind": "Shirt", "price": "9.5", "in_stock": 1, "tags": "a|b"}


def test_a_row_becomes_a_product() -> None:
    product = product_of(ROW, ROLES)
    assert product.id == "7"
    assert product.title == "Red shirt"
    assert product.text == "Red shirt. Red Shirt"
    assert product.attributes == {"colour": "Red", "price": 9.5, "in_stock": True, "tags": ["a", "b"]}


def test_nulls_read_as_nothing() -> None:
    product = product_of({**dict.fromkeys(ROW), "sku": "a", "price": float("nan")}, ROLES)
    assert (product.title, product.text) == ("", "")
    assert product.attributes == {"colour": None, "price": None, "in_stock": None, "tags": []}


def test_a_template_with_one_null_keeps_the_rest() -> None:
    assert product_of({**ROW, "colour": None}, ROLES).text == "Red shirt. Shirt"


def test_without_a_template_the_title_is_the_text() -> None:
    assert product_of(ROW, Roles(id="sku", title="name")).text == "Red shirt"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"price": "cheap"}, "price is 'cheap', not a finite number"),
        ({"price": float("inf")}, "price is inf"),
        ({"in_stock": "maybe"}, "in_stock is 'maybe', not a boolean"),
    ],
)
def test_an_attribute_that_does_not_fit_its_type(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        product_of({**ROW, **change}, ROLES)


@pytest.mark.parametrize(
    ("value", "expected"), [(7, "7"), (7.0, "7"), ("  x ", "x"), (None, ""), (float("nan"), ""), ("", ""), (0, "0")]
)
def test_identifiers(value: object, expected: str) -> None:
    assert identifier(value) == expected


def test_template_columns() -> None:
    assert template_columns("{a} and {b}, {a} {{literal}}") == ("a", "b")
    for bad in ("{", "{}", "{0:>5}", "{a!r}", "{a:.2f}"):
        with pytest.raises(CatalogError, match="text template"):
            template_columns(bad)


def test_a_missing_column_is_named_with_those_there_are() -> None:
    with pytest.raises(CatalogError, match=r"no column 'kind' \(wanted as text\); it has sku, photo, name"):
        check_roles(ROLES, ["sku", "photo", "name", "colour", "price", "in_stock", "tags"])
    check_roles(ROLES, ["sku", "photo", "name", "colour", "price", "in_stock", "tags", "kind"])
    with pytest.raises(CatalogError, match="nothing to search by"):
        check_roles(Roles(id="sku"), ["sku"])


def test_roles_are_inferred_from_names_and_types() -> None:
    table = pa.table(
        {
            "productDisplayName": [f"thing {i}" for i in range(100)],
            "id": list(range(100)),
            "image": pa.array([b"x"] * 100),
            "gender": ["Men", "Women"] * 50,
            "price": [1.5] * 100,
            "sale": [True, False] * 50,
            "tags": [["a"]] * 100,
            "story": [f"once {i}" for i in range(100)],
        }
    )
    roles = infer_roles(table.schema, table.drop_columns(["image"]))
    assert (roles.id, roles.image, roles.title) == ("id", "image", "productDisplayName")
    assert roles.attributes == {
        "gender": AttributeType.CATEGORY,
        "price": AttributeType.NUMBER,
        "sale": AttributeType.BOOLEAN,
        "tags": AttributeType.LIST,
    }


def test_no_column_looks_like_an_id() -> None:
    table = pa.table({"name": ["a"]})
    with pytest.raises(CatalogError, match="--id"):
        infer_roles(table.schema, table)


def test_roles_from_toml(tmp_path: Path) -> None:
    path = tmp_path / "roles.toml"
    path.write_text('id = "sku"\nimage = "photo"\ntext = "{name}"\n[attributes]\nprice = "number"\n')
    assert load_roles(path) == Roles(id="sku", image="photo", text="{name}", attributes={"price": AttributeType.NUMBER})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id = ", "cannot be read"),
        ('image = "a"', "`id` must name"),
        ('id = "a"\ncolour = "b"', "unknown key 'colour'"),
        ('id = "a"\n[attributes]\nprice = "money"', "'money'; known are category, number"),
        ('id = "a"\nattributes = 3', "must be a table"),
    ],
)
def test_bad_roles_files(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "roles.toml"
    path.write_text(content)
    with pytest.raises(CatalogError, match=message):
        load_roles(path)


def test_options_override_only_what_they_name() -> None:
    assert override(ROLES, title="kind") == Roles(
        id="sku", image="photo", title="kind", text="{name}. {colour} {kind}", attributes=TYPES
    )
    assert override(ROLES) == ROLES
