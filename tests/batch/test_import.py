"""Vectors that were made elsewhere become a release like any other, or are refused in words."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aisle.errors import CatalogError, TooManyRejects
from aisle.layout import INDEX, PRODUCTS, REJECTS, THUMBNAILS, Layout
from aisle.manifest import IndexKind, load_model_manifest
from batch.given import Halves, given_vectors
from batch.options import ReindexOptions, Summary
from batch.rejects import WorkerFault
from tests.batch.catalogs import good_rows, picture, row, write_catalog
from tests.batch.conftest import Deadly, Run

COUNT = 60
OPTIONS = ReindexOptions(shard_rows=8, index=IndexKind.EXACT)


@pytest.fixture
def catalog(tmp_path: Path) -> str:
    return write_catalog(tmp_path / "catalog.parquet", good_rows(COUNT))


@pytest.fixture
def dimension(tiny_model: Path) -> int:
    return load_model_manifest(tiny_model).dimension


def unit(rows: int, length: int, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(rows, length)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


Import = Callable[..., Summary]


@pytest.fixture
def bring(run: Run, catalog: str, tmp_path: Path) -> Import:
    """Import an array as .npy, or whatever file is given."""

    def bring(vectors: np.ndarray | Path, *, catalog: str = catalog, options: Any = OPTIONS, **given: Any) -> Summary:
        path = vectors if isinstance(vectors, Path) else tmp_path / "vectors.npy"
        if not isinstance(vectors, Path):
            np.save(path, vectors)
        settings = {"halves": Halves.IMAGE, "scratch": tmp_path / "workspace"} | given
        with given_vectors(path, **settings) as opened:
            return run(catalog, options=options, given=opened)

    return bring


def read(path: Path) -> pa.Table:
    with pa.memory_map(str(path)) as source:
        return pa.ipc.open_file(source).read_all()


def stored(folder: Path) -> np.ndarray:
    index = faiss.read_index(str(folder / INDEX))
    return index.reconstruct_n(0, index.ntotal)


def test_vectors_of_pictures_are_those_of_the_release(bring: Import, dimension: int):
    vectors = unit(COUNT, dimension)
    summary = bring(vectors)
    assert (summary.products, summary.rejected, summary.embedded_images) == (COUNT, 0, 0)
    found = stored(summary.folder)
    np.testing.assert_allclose(found[:, :dimension], vectors, atol=1e-3)
    assert not found[:, dimension:].any(), "no text half was given"
    assert read(summary.folder / PRODUCTS).column("id").to_pylist() == [f"p{n}" for n in range(COUNT)]
    assert all(read(summary.folder / THUMBNAILS).column("thumbnail").to_pylist())


@pytest.mark.parametrize("halves", [Halves.TEXT, Halves.BOTH])
def test_halves(bring: Import, dimension: int, halves: Halves):
    parts = [unit(COUNT, dimension, seed) for seed in range(halves is Halves.BOTH or 1, 2)]
    both = [unit(COUNT, dimension, seed) for seed in (0, 1)] if halves is Halves.BOTH else parts
    found = stored(bring(np.hstack(both), halves=halves).folder)
    wanted = np.hstack(both) if halves is Halves.BOTH else np.hstack([np.zeros_like(both[0]), both[0]])
    np.testing.assert_allclose(found, wanted, atol=1e-3)


def test_ids_decide_whose_a_vector_is(bring: Import, dimension: int, tmp_path: Path):
    vectors, order = unit(COUNT, dimension), np.random.default_rng(1).permutation(COUNT)
    lines = tmp_path / "ids.txt"
    lines.write_text("".join(f"p{n}\n" for n in order))
    table = pa.table({"id": [f"p{n}" for n in order], "embedding": vectors[order].astype(np.float64).tolist()})
    pq.write_table(table, tmp_path / "vectors.parquet")
    by_lines = bring(vectors[order], ids=lines)
    by_column = bring(tmp_path / "vectors.parquet")
    np.testing.assert_allclose(stored(by_lines.folder)[:, :dimension], vectors, atol=1e-3)
    assert (by_lines.folder / INDEX).read_bytes() == (by_column.folder / INDEX).read_bytes()
    assert not list((tmp_path / "workspace").glob(".import-*")), "the copy is gone"


def test_a_picture_that_ends_its_worker_costs_its_product(run: Run, catalog: str, dimension: int, tmp_path: Path):
    """As in a run that embeds: found by halving, rejected, and no shard of the others is lost."""
    np.save(tmp_path / "vectors.npy", unit(COUNT, dimension))
    few = ReindexOptions(shard_rows=8, index=IndexKind.EXACT, max_rejects=0.1)
    with given_vectors(tmp_path / "vectors.npy", halves=Halves.IMAGE, scratch=tmp_path / "workspace") as given:
        summary = run(catalog, options=few, given=given, executor=Deadly("p17"))
    assert (summary.products, dict(summary.reasons)) == (COUNT - 1, {WorkerFault.WORKER_DIED: 1})
    rejects = pq.read_table(summary.folder / REJECTS)
    assert rejects.column("id").to_pylist() == ["p17"]
    np.testing.assert_allclose(stored(summary.folder)[17, :dimension], unit(COUNT, dimension)[18], atol=1e-3)


def test_importing_again_makes_what_changed(bring: Import, dimension: int):
    vectors = unit(COUNT, dimension)
    first = bring(vectors)
    assert first.cached_shards == 0
    assert bring(vectors).embedded_shards == 0
    vectors[7] = unit(1, dimension, seed=9)
    changed = bring(vectors)
    assert changed.embedded_shards == 1
    np.testing.assert_allclose(stored(changed.folder)[7, :dimension], vectors[7], atol=1e-3)


def test_a_run_that_embeds_takes_no_imported_vector(bring: Import, run: Run, catalog: str, dimension: int):
    bring(unit(COUNT, dimension))
    summary = run(catalog, options=ReindexOptions(shard_rows=8, index=IndexKind.EXACT, max_drift=1.0))
    assert summary.embedded_images == COUNT


def test_products_without_a_vector_are_rejected(bring: Import, dimension: int, tmp_path: Path):
    vectors = unit(COUNT, dimension)
    vectors[3, 2], vectors[5] = np.nan, 0.0
    lines = tmp_path / "ids.txt"
    lines.write_text("".join(f"p{n}\n" for n in range(COUNT - 1)))
    with pytest.raises(TooManyRejects, match=r"vector_missing|vector_not_finite"):
        bring(vectors[:-1], ids=lines)
    few = ReindexOptions(shard_rows=8, index=IndexKind.EXACT, max_rejects=0.1)
    summary = bring(vectors[:-1], ids=lines, options=few)
    rejects = pq.read_table(summary.folder / REJECTS)
    assert list(zip(rejects.column("id").to_pylist(), rejects.column("reason").to_pylist(), strict=True)) == [
        ("p3", "vector_not_finite"),
        ("p5", "missing_content"),
        ("p59", "vector_missing"),
    ]
    np.testing.assert_allclose(stored(summary.folder)[3, :dimension], vectors[4], atol=1e-3)


def test_a_picture_that_cannot_be_shown_keeps_its_vector(bring: Import, dimension: int, tmp_path: Path):
    rows = [row(0, picture(0)), row(1, b"no picture"), row(2, None)]
    summary = bring(unit(3, dimension), catalog=write_catalog(tmp_path / "odd.parquet", rows))
    assert summary.products == 3
    shown = read(summary.folder / THUMBNAILS).column("thumbnail").to_pylist()
    assert [bool(thumbnail) for thumbnail in shown] == [True, False, False]


def test_what_does_not_fit_is_refused(bring: Import, layout: Layout, dimension: int, tmp_path: Path):
    good = unit(COUNT, dimension)
    with pytest.raises(CatalogError, match=r"holds 59 vectors and the catalog 60 rows.*--ids"):
        bring(good[:-1])
    with pytest.raises(
        CatalogError, match=rf"vectors of {2 * dimension} numbers and the model .* makes {dimension} .*--half both"
    ):
        bring(unit(COUNT, 2 * dimension))
    with pytest.raises(CatalogError, match="--half image or --half text"):
        bring(good, halves=Halves.BOTH)
    with pytest.raises(CatalogError, match=r"norm 3, and unit vectors have 1.*--normalise"):
        bring(3 * good)
    with pytest.raises(CatalogError, match=r"int64 \[60, 2\]"):
        bring(np.zeros((COUNT, 2), dtype=np.int64))
    lines = tmp_path / "ids.txt"
    lines.write_text("p1\n" * COUNT)
    with pytest.raises(CatalogError, match="'p1' stands twice"):
        bring(good, ids=lines)
    with pytest.raises(CatalogError, match="there is no file"):
        bring(tmp_path / "nothing.npy")
    (tmp_path / "words.npy").write_text("no array")
    with pytest.raises(CatalogError, match=r"words\.npy is no NumPy array of numbers: write it with numpy\.save"):
        bring(tmp_path / "words.npy")
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(CatalogError, match="Python objects"):
        bring(tmp_path / "objects.npy")
    table = pa.table({"id": ["p0", "p1"], "vector": [[1.0, 0.0], [1.0]]})
    pq.write_table(table, tmp_path / "ragged.parquet")
    with pytest.raises(CatalogError, match=r"differ in length|row 1 holds 1 numbers"):
        bring(tmp_path / "ragged.parquet")
    pq.write_table(pa.table({"id": ["p0"], "name": ["x"]}), tmp_path / "none.parquet")
    with pytest.raises(CatalogError, match=r"no column of vectors.*--vector-column"):
        bring(tmp_path / "none.parquet")
    assert not layout.current.exists()


def test_vectors_are_scaled_when_asked(bring: Import, dimension: int):
    vectors = unit(COUNT, dimension)
    found = stored(bring(3 * vectors, normalise=True).folder)
    np.testing.assert_allclose(found[:, :dimension], vectors, atol=1e-3)
