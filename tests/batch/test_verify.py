"""A published release, checked again."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import faiss
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aisle.errors import ModelError, ReleaseCorrupt, ReleaseError
from aisle.layout import INDEX, PRODUCTS, REPORT, SHARDS, Layout
from aisle.manifest import IndexKind, load_release_manifest, record_files, save_release_manifest
from aisle.products import write_table
from batch.options import ReindexOptions, Summary
from batch.stored import read_shard_list
from batch.verify import verify_release
from tests.batch.catalogs import good_rows, row, write_catalog
from tests.batch.conftest import Run


@pytest.fixture
def released(run: Run, tmp_path: Path) -> Summary:
    rows = [*good_rows(90), row(900, b"no picture"), row(901, None, title=None)]
    catalog = write_catalog(tmp_path / "catalog.parquet", rows)
    return run(catalog, options=ReindexOptions(shard_rows=16, index=IndexKind.IVF, max_rejects=0.1))


def resign(folder: Path) -> None:
    """Make the manifest agree with the files again, as somebody would who builds releases by hand."""
    manifest = load_release_manifest(folder, verify=False)
    names = [record.name for record in manifest.files]
    save_release_manifest(replace(manifest, files=record_files(folder, names)), folder)


def test_a_good_release_is_what_it_says(released: Summary, layout: Layout):
    found = verify_release(layout, released.release_id)
    assert found.recall == released.recall
    assert found.recall_target == 0.99
    assert found.sampled == 64
    assert found.bytes == sum(path.stat().st_size for path in released.folder.iterdir() if path.name != "release.json")


def test_a_release_says_which_shards_it_came_from(released: Summary, layout: Layout, tiny_model: Path):
    keys = read_shard_list(released.folder)
    assert sorted(keys) == sorted(path.stem for path in layout.embeddings(tiny_model.name).glob("*.arrow"))
    table = pq.read_table(released.folder / SHARDS)
    assert sum(table.column("rows").to_pylist()) == 92


def without_embeddings(layout: Layout, released: Summary) -> None:
    manifest = load_release_manifest(released.folder)
    next(iter(layout.embeddings(manifest.model_fingerprint).glob("*.arrow"))).unlink()


def without_list(layout: Layout, released: Summary) -> None:
    (released.folder / SHARDS).unlink()
    manifest = load_release_manifest(released.folder, verify=False)
    kept = tuple(record for record in manifest.files if record.name != SHARDS)
    save_release_manifest(replace(manifest, files=kept), released.folder)


@pytest.mark.parametrize("lose", [without_embeddings, without_list])
def test_without_its_embeddings_a_release_is_compared_with_itself(
    released: Summary, layout: Layout, lose: Callable[[Layout, Summary], None]
):
    lose(layout, released)
    found = verify_release(layout, released.release_id)
    assert found.recall is None
    assert found.sampled == 64


def altered(released: Summary) -> None:
    path = released.folder / PRODUCTS
    data = bytearray(path.read_bytes())
    data[200] ^= 1
    path.write_bytes(data)


def fewer_products(released: Summary) -> None:
    path = released.folder / PRODUCTS
    table = pa.ipc.open_file(path).read_all()
    write_table([table.slice(1)], table.schema, path)
    thumbnails = released.folder / "thumbnails.arrow"
    table = pa.ipc.open_file(thumbnails).read_all()
    write_table([table.slice(1)], table.schema, thumbnails)
    resign(released.folder)


def same_id_twice(released: Summary) -> None:
    path = released.folder / PRODUCTS
    table = pa.ipc.open_file(path).read_all()
    write_table([pa.concat_tables([table.slice(0, 1), table.slice(0, 89)])], table.schema, path)
    resign(released.folder)


def other_vectors(released: Summary) -> None:
    path = released.folder / INDEX
    index = faiss.read_index(str(path))
    index.make_direct_map(True)
    vectors = index.reconstruct_batch(np.arange(90))
    index.make_direct_map(False)
    index.reset()
    index.add_with_ids(vectors[::-1].copy(), np.arange(90))
    faiss.write_index(index, str(path))
    resign(released.folder)


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (altered, r"products\.arrow was altered"),
        (fewer_products, "does not add up"),
        (same_id_twice, "a product id twice"),
        (other_vectors, "other vectors than the shards"),
    ],
)
def test_a_bad_release_is_named(released: Summary, layout: Layout, harm: Callable[[Summary], None], message: str):
    harm(released)
    with pytest.raises(ReleaseCorrupt, match=message):
        verify_release(layout, released.release_id)


def test_products_that_do_not_find_themselves(released: Summary, layout: Layout, monkeypatch: pytest.MonkeyPatch):
    without_embeddings(layout, released)
    from aisle.index import ProductIndex

    original = ProductIndex.search
    monkeypatch.setattr(ProductIndex, "search", lambda self, queries, k, kind=None: original(self, -queries, k=k))
    with pytest.raises(ReleaseCorrupt, match="does not find itself"):
        verify_release(layout, released.release_id)


def test_recall_below_what_it_was_published_with(released: Summary, layout: Layout, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("batch.verify.recall_at_k", lambda *_, **__: 0.98)
    with pytest.raises(ReleaseError, match=r"recall@10 text 0\.980.*target of 0\.99.*rollback"):
        verify_release(layout, released.release_id)


def test_what_a_release_needs_beside_its_files(released: Summary, layout: Layout, tiny_model: Path):
    path = layout.model(tiny_model.name) / "tokenizer.json"
    text = path.read_text()
    path.write_text("{}")
    with pytest.raises(ModelError, match=r"tokenizer\.json"):
        verify_release(layout, released.release_id)
    path.write_text(text)
    (released.folder / REPORT).write_text("[]")
    resign(released.folder)
    with pytest.raises(ReleaseCorrupt, match=r"report\.json"):
        verify_release(layout, released.release_id)


def test_a_release_under_another_name(released: Summary, layout: Layout):
    released.folder.rename(layout.release("20200101T000000-00000000"))
    with pytest.raises(ReleaseCorrupt, match=f"holds the release {released.release_id}"):
        verify_release(layout, "20200101T000000-00000000")
