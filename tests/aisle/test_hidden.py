import json
from pathlib import Path

import pytest

from aisle.errors import ReleaseCorrupt
from aisle.hidden import read_hidden, write_hidden
from aisle.layout import Layout


def test_no_file_hides_nothing(tmp_path: Path) -> None:
    assert read_hidden(Layout(tmp_path)) == frozenset()


def test_ids_of_any_kind_survive(tmp_path: Path) -> None:
    ids = {"sku-1", "ümlaut 商品", "a/b", ' "quoted" '}
    write_hidden(Layout(tmp_path), [*ids, "sku-1"])
    assert read_hidden(Layout(tmp_path)) == ids
    assert json.loads((tmp_path / "hidden.json").read_text()) == {"format_version": 1, "ids": sorted(ids)}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "cannot be read"),
        ("", "cannot be read"),
        ("[]", "format version None"),
        ('{"ids": ["a"]}', "format version None"),
        ('{"format_version": 2, "ids": ["a"]}', "format version 2"),
        ('{"format_version": 1}', "no list of texts"),
        ('{"format_version": 1, "ids": "a"}', "no list of texts"),
        ('{"format_version": 1, "ids": ["a", 3]}', "no list of texts"),
    ],
)
def test_what_cannot_be_understood_is_never_nothing(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "hidden.json").write_text(content)
    with pytest.raises(ReleaseCorrupt, match=f"{message}.*aisle hide"):
        read_hidden(Layout(tmp_path))
