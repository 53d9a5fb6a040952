"""Columns are told by their names."""

import pytest

from aisle.meanings import Meanings, column_meanings


@pytest.mark.parametrize(
    ("columns", "meanings"),
    [
        (
            ["gender", "masterCategory", "subCategory", "articleType", "baseColour", "season"],
            Meanings("articleType", "baseColour", None, "gender"),
        ),
        (
            ["product_type_name", "graphical_appearance_name", "colour_group_name", "department_name"],
            Meanings("product_type_name", "colour_group_name", "graphical_appearance_name", "department_name"),
        ),
        (["category", "kind", "Color", "COLOUR", "Pattern", "Sex"], Meanings("kind", "COLOUR", "Pattern", "Sex")),
        (["brand", "sexton", "colour"], Meanings(None, "colour", None, None)),
        ([], Meanings(None, None, None, None)),
    ],
)
def test_columns_are_sorted_by_what_they_are_about(columns: list[str], meanings: Meanings) -> None:
    assert column_meanings(columns) == meanings
