"""Files that both halves read: atomic writes, manifests, shards, product tables, CURRENT."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from aisle.catalog import Product
from aisle.current import read_current, write_current
from aisle.errors import ReleaseCorrupt, UnknownProduct
from aisle.files import digest, write_atomically
from aisle.layout import PRODUCTS, THUMBNAILS, Layout
from aisle.manifest import (
    AttributeType,
    IndexKind,
    IndexParameters,
    ReleaseManifest,
    load_release_manifest,
    record_files,
    save_release_manifest,
)
from aisle.products import THUMBNAILS_SCHEMA, Products, products_schema, products_table, write_table
from aisle.store import Shard, content_key, read_shard, shard_key, write_shard
from aisle.vectors import HalfWeights, unit_norm


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a" / "file"
    write_atomically(path, lambda temporary: temporary.write_text("old"))

    def fail(temporary: Path) -> None:
        temporary.write_text("half of the new")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, fail)
    assert path.read_text() == "old"
    assert [entry.name for entry in path.parent.iterdir()] == ["file"]


def test_digest_parts_do_not_run_together() -> None:
    assert digest("ab", "c") != digest("a", "bc")
    assert digest("a") == digest(b"a")


def shard() -> Shard:
    vectors = np.random.default_rng(0).normal(size=(3, 8))
    return Shard(
        rows=np.array([4, 5, 6]),
        ids=["a", "b", "c"],
        image_keys=[content_key(b"1"), "", content_key(b"3")],
        text_keys=[content_key("x"), content_key("y"), ""],
        images=unit_norm(vectors * [[1], [0], [1]]),
        texts=unit_norm(vectors[::-1] * [[1], [1], [0]]),
        thumbnails=[b"jpeg", b"", b"png"],
        faults=["", "", "image_corrupt"],
        details=["", "", "broken"],
    )


def test_a_shard_survives_its_file(tmp_path: Path) -> None:
    written = shard()
    write_shard(written, tmp_path / "s.arrow")
    found = read_shard(tmp_path / "s.arrow")
    for name in ("ids", "image_keys", "text_keys", "thumbnails", "faults", "details"):
        assert list(getattr(found, name)) == list(getattr(written, name))
    assert found.rows.tolist() == [4, 5, 6]
    for name in ("images", "texts"):
        assert getattr(found, name).dtype == np.float32
        np.testing.assert_allclose(getattr(found, name), getattr(written, name), atol=5e-4)


def test_stock_pyarrow_reads_a_shard(tmp_path: Path) -> None:
    write_shard(shard(), tmp_path / "s.arrow")
    table = pa.ipc.open_file(tmp_path / "s.arrow").read_all()
    assert table.column("image").type == pa.list_(pa.float16(), 8)


def test_a_damaged_shard_is_named(tmp_path: Path) -> None:
    path = tmp_path / "s.arrow"
    write_shard(shard(), path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ReleaseCorrupt, match="delete it and run again"):
        read_shard(path)
    with pytest.raises(ReleaseCorrupt):
        read_shard(tmp_path / "none.arrow")


def test_shard_keys_depend_on_model_ids_and_content_in_order() -> None:
    base = shard_key(["a", "b"], ["1", "2"], ["x", "y"], model="m")
    assert base == shard_key(["a", "b"], ["1", "2"], ["x", "y"], model="m")
    others = [
        shard_key(["b", "a"], ["1", "2"], ["x", "y"], model="m"),
        shard_key(["a", "b"], ["2", "1"], ["x", "y"], model="m"),
        shard_key(["a", "b"], ["1", "2"], ["x", "z"], model="m"),
        shard_key(["a", "b"], ["1", "2"], ["x", "y"], model="n"),
    ]
    assert base not in others
    assert len(set(others)) == len(others)


ATTRIBUTES = {
    "colour": AttributeType.CATEGORY,
    "price": AttributeType.NUMBER,
    "new": AttributeType.BOOLEAN,
    "tags": AttributeType.LIST,
}
PRODUCTS_IN = [
    Product("b/1", "Red shirt", "red shirt", {"colour": "Red", "price": 9.5, "new": True, "tags": ["x", "y"]}),
    Product("ä", "Hat", "hat", {"colour": None, "price": None, "new": None, "tags": []}),
    Product("c", "Red hat", "", {"colour": "Red", "price": 3.0, "new": False, "tags": ["x"]}),
]


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    batches = [products_table(PRODUCTS_IN[:2], ATTRIBUTES), products_table(PRODUCTS_IN[2:], ATTRIBUTES)]
    write_table(batches, products_schema(ATTRIBUTES), tmp_path / PRODUCTS)
    thumbnails = pa.table({"thumbnail": [b"one", b"", b"three"]}, schema=THUMBNAILS_SCHEMA)
    write_table([thumbnails], THUMBNAILS_SCHEMA, tmp_path / THUMBNAILS)
    return tmp_path


def test_products_are_read_back_by_row_and_id(tables: Path) -> None:
    products = Products(tables, ATTRIBUTES)
    assert len(products) == 3
    assert products.take([2, 0, 1]) == [PRODUCTS_IN[2], PRODUCTS_IN[0], PRODUCTS_IN[1]]
    assert [products.row(product.id) for product in PRODUCTS_IN] == [0, 1, 2]
    assert [products.thumbnail(row) for row in range(3)] == [b"one", b"", b"three"]
    assert [products.has_picture(row) for row in range(3)] == [True, False, True]
    with pytest.raises(UnknownProduct, match="'zzz'"):
        products.row("zzz")


def test_value_counts_are_by_frequency_then_value(tables: Path) -> None:
    products = Products(tables, ATTRIBUTES)
    assert products.value_counts("colour") == [("Red", 2)]
    assert products.value_counts("tags") == [("x", 2), ("y", 1)]
    assert products.value_counts("tags", most=1) == [("x", 2)]


def test_tables_that_do_not_fit_each_other(tables: Path) -> None:
    with pytest.raises(ReleaseCorrupt, match="columns"):
        Products(tables, {"size": AttributeType.CATEGORY})
    thumbnails = pa.table({"thumbnail": [b""]}, schema=THUMBNAILS_SCHEMA)
    write_table([thumbnails], THUMBNAILS_SCHEMA, tables / THUMBNAILS)
    with pytest.raises(ReleaseCorrupt, match="3 products but 1 thumbnails"):
        Products(tables, ATTRIBUTES)


def manifest(folder: Path) -> ReleaseManifest:
    return ReleaseManifest(
        id="20261121T000000-00000000",
        created="2026-11-21T00:00:00+00:00",
        model_fingerprint="f",
        model_name="tiny",
        dimension=8,
        products=3,
        rejected=1,
        attributes=ATTRIBUTES,
        index=IndexParameters(kind=IndexKind.IVF, nlist=64, nprobe=4),
        recall={"text": 0.99},
        weights={"text": HalfWeights(image=0.5, text=0.5)},
        files=record_files(folder, [PRODUCTS, THUMBNAILS]),
    )


def test_a_release_manifest_survives_its_file(tables: Path) -> None:
    written = manifest(tables)
    save_release_manifest(written, tables)
    found = load_release_manifest(tables)
    assert replace(found, attributes=dict(found.attributes)) == written
    assert list(found.attributes) == list(ATTRIBUTES)


@pytest.mark.parametrize("harm", ["missing", "shorter", "altered"])
def test_a_harmed_release_is_refused(tables: Path, harm: str) -> None:
    save_release_manifest(manifest(tables), tables)
    path = tables / PRODUCTS
    data = bytearray(path.read_bytes())
    path.unlink()
    if harm == "shorter":
        path.write_bytes(data[:-1])
    elif harm == "altered":
        data[100] ^= 1
        path.write_bytes(data)
    with pytest.raises(ReleaseCorrupt, match=r"products\.arrow"):
        load_release_manifest(tables)


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"format_version": 2}', '{"format_version": 1}'])
def test_what_is_no_manifest(tmp_path: Path, content: str) -> None:
    (tmp_path / "release.json").write_text(content)
    with pytest.raises(ReleaseCorrupt, match="aisle reindex"):
        load_release_manifest(tmp_path)


def test_current(tmp_path: Path) -> None:
    layout = Layout(root=tmp_path)
    assert read_current(layout) is None
    write_current(layout, "20261121T000000-00000000")
    assert read_current(layout) == "20261121T000000-00000000"
    for bad in ("", "../../etc", "a\nb"):
        layout.current.write_text(bad)
        with pytest.raises(ReleaseCorrupt, match="not a release id"):
            read_current(layout)
