"""What is said about columns before a run."""

from pathlib import Path

import pytest

from aisle.manifest import AttributeType
from cli.columns import find_roles


def catalog(folder: Path, prices: list[str]) -> str:
    path = folder / "catalog.csv"
    path.write_text("id,title,price\n" + "".join(f"p{n},shirt {n},{price}\n" for n, price in enumerate(prices)))
    return str(path)


def test_a_column_with_one_bad_number_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    prices = [f"{n}.5" for n in range(100)]
    assert find_roles(catalog(tmp_path, prices)).attributes == {"price": AttributeType.NUMBER}
    assert capsys.readouterr().err == ""

    prices[17] = "on request"
    bad = catalog(tmp_path, prices)
    assert "price" not in find_roles(bad).attributes
    said = capsys.readouterr().err
    assert "column 'price' is not taken for numbers: row 17 holds 'on request' (1 of 100 values like it)" in said
    assert "--attribute price=number" in said

    find_roles(bad, attributes=["price=number"])
    assert capsys.readouterr().err == "", "whoever named it knows"


def test_words_are_no_broken_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    find_roles(catalog(tmp_path, [f"size {n}" if n % 2 else f"{n}" for n in range(100)]))
    assert capsys.readouterr().err == ""
