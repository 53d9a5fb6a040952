"""The file: its columns, row groups, prefix, processes, and that it appears whole or not at all."""

import tomllib
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import demo
from demo import catalog as catalog_module
from demo.catalog import draw_catalog, draw_product
from demo.product import DemoProduct

PRODUCT = draw_product(0)


def cheap(index: int, *, seed: int) -> DemoProduct:
    return replace(PRODUCT, id=f"demo-{index:06d}", brand=f"seed {seed}")


def test_columns(catalog: Path) -> None:
    words = ["id", "title", "description", "category", "article", "colour", "pattern", "gender", "season", "usage"]
    expected = dict.fromkeys([*words, "brand"], pa.string())
    expected |= {
        "price": pa.float64(),
        "in_stock": pa.bool_(),
        "tags": pa.list_(pa.field("element", pa.string())),
        "image": pa.binary(),
    }
    schema = pq.read_schema(catalog)
    assert schema.names == list(expected)
    assert [schema.field(name).type for name in schema.names] == list(expected.values())


def test_rows_are_the_products(catalog: Path) -> None:
    row = pq.read_table(catalog).slice(7, 1).to_pylist()[0]
    product = draw_product(7)
    assert row == {name: getattr(product, name) for name in row} | {"tags": list(product.tags)}


def test_row_groups_and_progress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog_module, "drawn", cheap)
    progress: list[int] = []
    path = tmp_path / "catalog.parquet"
    draw_catalog(path, products=1130, seed=3, processes=1, progress=progress.append)
    metadata = pq.read_metadata(path)
    assert [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)] == [500, 500, 130]
    assert progress == [500, 1000, 1130]
    assert list(tmp_path.iterdir()) == [path]
    table = pq.read_table(path, columns=["id", "brand"])
    assert table["id"].to_pylist() == [f"demo-{index:06d}" for index in range(1130)]
    assert set(table["brand"].to_pylist()) == {"seed 3"}


def test_a_smaller_catalog_by_more_processes_is_a_prefix(catalog: Path, tmp_path: Path) -> None:
    path = tmp_path / "small.parquet"
    draw_catalog(path, products=55, processes=2)
    assert pq.read_table(path).equals(pq.read_table(catalog).slice(0, 55))


def test_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "catalog.parquet"
    path.write_bytes(b"the old one")

    def failing(index: int, *, seed: int) -> DemoProduct:
        if index == 700:
            raise RuntimeError("the pencil broke")
        return cheap(index, seed=seed)

    monkeypatch.setattr(catalog_module, "drawn", failing)
    with pytest.raises(RuntimeError, match="the pencil broke"):
        draw_catalog(path, products=900, processes=1)
    assert path.read_bytes() == b"the old one"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"products": 0}, "products .* 0$"),
        ({"processes": 0}, "processes .* 0$"),
        ({"seed": -2}, "seed .* -2$"),
    ],
)
def test_invalid_arguments_are_named(tmp_path: Path, arguments: dict[str, int], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        draw_catalog(tmp_path / "catalog.parquet", **arguments)
    with pytest.raises(ValueError, match=r"index .* -1$"):
        draw_product(-1)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        draw_catalog(tmp_path / "nowhere" / "catalog.parquet", products=1)


def test_roles_cover_the_columns(catalog: Path) -> None:
    roles = tomllib.loads((Path(demo.__file__).parent / "catalog.toml").read_text(encoding="utf-8"))
    columns = set(pq.read_schema(catalog).names)
    assert {roles["id"], roles["image"], roles["title"], *roles["attributes"], "description"} == columns
    row = pq.read_table(catalog).slice(0, 1).to_pylist()[0]
    assert roles["text"].format(**row).startswith(row["title"] + ". ")
