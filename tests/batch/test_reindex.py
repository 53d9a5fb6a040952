"""Whole runs: every row accounted for, nothing half published, killed runs resumed."""

import io
import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import faiss
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from aisle.catalog import Roles
from aisle.current import read_current
from aisle.errors import CatalogError, IncompleteRun, ModelError, ReleaseCorrupt, ReleaseError, SettingsError
from aisle.index import ProductIndex
from aisle.layout import INDEX, MODEL_MANIFEST, PRODUCTS, REJECTS, REPORT, SHARDS, THUMBNAILS, Layout
from aisle.manifest import IndexKind, QueryKind, load_model_manifest, load_release_manifest
from aisle.products import Products
from aisle.vectors import HalfWeights
from batch.build import BuildOptions
from batch.executor import TaskDied, WorkerLayout
from batch.lock import hold
from batch.options import ReindexOptions
from batch.progress import Stage
from batch.releases import list_releases
from batch.stored import StoredVectors
from tests.batch.catalogs import ROLES, good_rows, hostile_images, picture, row, write_catalog
from tests.batch.conftest import Run

LENIENT = ReindexOptions(shard_rows=32, max_rejects=0.5)


@pytest.fixture
def catalog(tmp_path: Path) -> str:
    return write_catalog(tmp_path / "catalog.parquet", good_rows(90))


def contents(folder: Path) -> dict[str, bytes]:
    """The parts of a release that do not name the moment it was made."""
    return {name: (folder / name).read_bytes() for name in (INDEX, PRODUCTS, THUMBNAILS, REJECTS)}


def test_hostile_rows_are_rejected_and_all_others_indexed(run: Run, layout: Layout, tmp_path: Path):
    rows = good_rows(100)
    wanted = {}
    for place, (name, (data, fault)) in enumerate(hostile_images().items()):
        rows.insert(8 * place, row(2000 + place, data, id=name))
        wanted[name] = str(fault)
    changes = {"no id": {"id": None}, "p3": {"id": "p3"}, "no price": {"id": "no price", "price": float("nan")}}
    rows += [row(3000 + number, picture(number), **change) for number, change in enumerate(changes.values())]
    rows += [
        row(3010, picture(1), id="infinite", price=float("inf")),
        row(3011, None, id="empty", title=None),
        row(3012, None, id="only text"),
        row(3013, picture(3), id="only picture", title=None),
    ]
    wanted |= {"": "missing_id", "p3": "duplicate_id", "infinite": "invalid_attribute", "empty": "missing_content"}
    summary = run(write_catalog(tmp_path / "hostile.parquet", rows), options=LENIENT)

    rejects = pq.read_table(summary.folder / REJECTS).to_pylist()
    assert {reject["id"]: reject["reason"] for reject in rejects} == wanted
    assert [reject["row"] for reject in rejects] == sorted(reject["row"] for reject in rejects)
    assert all((rows[reject["row"]]["id"] or "") == reject["id"] and reject["detail"] for reject in rejects)
    assert summary.products + summary.rejected == len(rows)
    assert summary.rejected == len(wanted) == 16
    assert sum(summary.reasons.values()) == 16

    manifest = load_release_manifest(summary.folder)
    products = Products(summary.folder, manifest.attributes)
    refused = {reject["row"] for reject in rejects}
    assert products.ids == [r["id"] for number, r in enumerate(rows) if number not in refused]
    assert (manifest.products, manifest.rejected) == (summary.products, 16)
    assert read_current(layout) == manifest.id == summary.release_id
    index = ProductIndex.open(summary.folder, manifest.index)
    halves = index.vectors(np.array([products.row("only text"), products.row("only picture"), products.row("p7")]))
    norms = np.linalg.norm(halves.reshape(3, 2, -1), axis=2).round(2)
    assert norms.tolist() == [[0, 1], [1, 0], [1, 1]]
    assert products.thumbnail(products.row("only text")) == b""
    for product_id in ("p0", "p3", "p99", "only picture"):
        Image.open(io.BytesIO(products.thumbnail(products.row(product_id)))).load()
    assert products.thumbnail(products.row("p8")) == rows[[r["id"] for r in rows].index("p8")]["image"]


def test_vectors_belong_to_their_products(run: Run, catalog: str, tiny_model: Path):
    from aisle.encoder import OnnxEncoder

    summary = run(catalog)
    manifest = load_release_manifest(summary.folder)
    index = ProductIndex.open(summary.folder, manifest.index)
    products = Products(summary.folder, manifest.attributes)
    stored = index.vectors(np.arange(90))
    encoder = OnnxEncoder(tiny_model)
    texts = np.concatenate([encoder.encode_texts([product.text]) for product in products.take(range(90))])
    np.testing.assert_allclose(stored[:, encoder.dimension :], texts, atol=2e-3)
    red = encoder.encode_texts(["red"])
    _, rows = index.search(np.concatenate([red, 0 * red], axis=1), k=18)
    assert {product.attributes["colour"] for product in products.take(rows[0].tolist())} == {"red"}


def test_stock_tools_read_the_release(run: Run, catalog: str):
    folder = run(catalog).folder
    assert faiss.read_index(str(folder / INDEX)).ntotal == 90
    assert len(pa.ipc.open_file(pa.memory_map(str(folder / PRODUCTS))).read_all()) == 90
    assert len(pa.ipc.open_file(pa.memory_map(str(folder / THUMBNAILS))).read_all()) == 90
    assert pq.read_table(folder / REJECTS).schema.names == ["row", "id", "reason", "detail"]
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        [INDEX, PRODUCTS, THUMBNAILS, REJECTS, REPORT, SHARDS, "release.json"]
    )


def test_the_report_tells_how_it_came_about(run: Run, catalog: str, layout: Layout, tiny_model: Path):
    summary = run(catalog)
    report = json.loads((summary.folder / REPORT).read_text())
    assert report["catalog"] == catalog
    assert report["rows"] == 90
    assert report["shards"] == {"embedded": summary.embedded_shards, "cached": 0}
    assert report["images"]["embedded"] == summary.embedded_images == 90
    assert set(report["seconds"]) == {"plan", "embed", "build", "evaluate"}
    assert report["index"]["kind"] == "exact"
    assert report["recall_at_10"] == {"text": 1.0, "image": 1.0, "mixed": 1.0} == summary.recall
    assert report["versions"]["faiss-cpu"] == faiss.__version__
    manifest = load_release_manifest(summary.folder)
    assert manifest.model_fingerprint == tiny_model.name
    assert manifest.weights[QueryKind.IMAGE] == HalfWeights(image=1.0, text=0.0)
    assert load_model_manifest(layout.model(tiny_model.name)).name == "tiny-0"  # copied for serving


def test_a_second_run_replaces_the_first_and_embeds_only_what_changed(run: Run, layout: Layout, tmp_path: Path):
    rows = good_rows(120)
    first = run(write_catalog(tmp_path / "catalog.parquet", rows))
    again = run(str(tmp_path / "catalog.parquet"))
    assert (again.embedded_shards, again.cached_shards) == (0, first.embedded_shards)
    assert again.images_per_second == 0
    assert contents(again.folder) == contents(first.folder)
    rows[60]["title"] = "blue bag"
    rows.insert(0, row(500, picture(500)))
    changed = run(write_catalog(tmp_path / "changed.parquet", rows))
    assert 1 <= changed.embedded_shards <= 4
    assert changed.cached_shards >= 1
    assert changed.products == 121
    live = [info for info in list_releases(layout) if info.live]
    assert [info.id for info in live] == [changed.release_id] == [read_current(layout)]
    assert {info.id for info in list_releases(layout)} == {s.release_id for s in (first, again, changed)}
    assert load_release_manifest(first.folder).products == 120  # whoever reads the old one still can


def test_an_inverted_index_when_asked(run: Run, catalog: str):
    summary = run(catalog, options=ReindexOptions(shard_rows=32, index=IndexKind.IVF, recall_target=1.0))
    manifest = load_release_manifest(summary.folder)
    assert manifest.index.kind is IndexKind.IVF
    assert 1 <= manifest.index.nprobe <= manifest.index.nlist == 2
    assert min(manifest.recall.values()) == 1.0


def test_roles_are_guessed(run: Run, catalog: str):
    assert run(catalog, roles=None).products == 90


@pytest.mark.parametrize(("roles", "weights"), [(ROLES, (0.5, 0.5)), (replace(ROLES, image=None), (0.0, 1.0))])
def test_a_catalog_of_texts_or_of_both(run: Run, catalog: str, roles: Roles, weights: tuple[float, float]):
    manifest = load_release_manifest(run(catalog, roles=roles).folder)
    assert manifest.weights[QueryKind.TEXT] == HalfWeights(*weights)
    assert set(manifest.recall) == ({"text", "image", "mixed"} if roles.image else {"text"})


def test_a_folder_of_pictures(run: Run, tmp_path: Path):
    folder = tmp_path / "pictures"
    for number in range(12):
        path = folder / ("red" if number % 2 else "blue") / f"hat_{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(number))
    (folder / "red" / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    summary = run(str(folder), roles=None, options=LENIENT)
    assert (summary.products, summary.reasons) == (12, {"image_truncated": 1})


def test_too_many_rejects_publish_nothing(run: Run, layout: Layout, catalog: str, tmp_path: Path):
    live = run(catalog).release_id
    rows = [row(n, picture(n) if n % 3 else b"bad") for n in range(60)]
    bad = write_catalog(tmp_path / "bad.parquet", rows)
    with pytest.raises(IncompleteRun, match=r"image_unknown_format.*at most 1% may be rejected.*--max-rejects"):
        run(bad)
    unnamed = write_catalog(tmp_path / "unnamed.parquet", [row(n, picture(n), id=None) for n in range(9)])
    with pytest.raises(IncompleteRun, match=r"9 of 9 rows cannot be indexed \(missing_id 9\)"):
        run(unnamed, options=ReindexOptions(max_rejects=1.0))
    empty = tmp_path / "empty.parquet"
    pq.write_table(pq.read_table(catalog).slice(0, 0), empty)
    with pytest.raises(IncompleteRun, match="has no rows"):
        run(str(empty))
    assert read_current(layout) == live
    assert [info.id for info in list_releases(layout)] == [live]
    assert run(bad, options=LENIENT).products == 40


def test_what_cannot_be_used_is_refused(run: Run, catalog: str, tmp_path: Path):
    with pytest.raises(CatalogError, match="does not exist"):
        run(str(tmp_path / "nothing.parquet"))
    with pytest.raises(CatalogError, match="no column 'sku'"):
        run(catalog, roles=replace(ROLES, id="sku"))
    with pytest.raises(ModelError, match="aisle export"):
        run(catalog, model=tmp_path)
    for name, value in (("recall_target", 1.1), ("max_rejects", -0.1), ("shard_rows", 1)):
        with pytest.raises(SettingsError, match=name):
            ReindexOptions(**{name: value})
    for name in ("group_rows", "part_bytes", "append_from"):
        with pytest.raises(SettingsError, match=f"{name} is 0"):
            BuildOptions(**{name: 0})


def test_a_damaged_model_in_the_workspace_is_refused(run: Run, catalog: str, layout: Layout, tiny_model: Path):
    run(catalog)
    (layout.model(tiny_model.name) / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelError, match=r"tokenizer\.json"):
        run(catalog)


@pytest.mark.parametrize("step", ["write_current", "read_back", "save_release_manifest", "record_files"])
def test_a_crash_before_the_end_leaves_the_live_release(
    run: Run, layout: Layout, catalog: str, step: str, monkeypatch: pytest.MonkeyPatch
):
    live = run(catalog)

    def crash(*_: object, **__: object) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(f"batch.publish.{step}", crash)
        with pytest.raises(OSError, match="disk is full"):
            run(catalog)
    assert read_current(layout) == live.release_id
    load_release_manifest(live.folder)
    assert not list(layout.releases.glob(".*"))
    assert run(catalog).release_id == read_current(layout)


def test_vectors_under_the_wrong_ids_are_never_published(run, layout, catalog, monkeypatch: pytest.MonkeyPatch):
    import batch.build

    original = StoredVectors.blocks

    def crossed(index, vectors, **_):
        for first, block in original(vectors):
            index.add_with_ids(block[::-1].copy(), np.arange(first, first + len(block)))
            yield len(block)

    monkeypatch.setattr(batch.build, "_add", crossed)
    with pytest.raises(ReleaseError, match="disagrees"):
        run(catalog)
    with pytest.raises(ReleaseCorrupt, match="other vectors"):
        run(catalog, options=ReindexOptions(shard_rows=32, recall_target=0.0))
    assert read_current(layout) is None


class Interrupted:
    """Ctrl-C after the first shards."""

    layout = WorkerLayout(workers=1)

    def run(self, function: Callable, tasks: Iterable, /) -> Iterator[TaskDied]:
        for number, task in enumerate(tasks):
            if number == 2:
                raise KeyboardInterrupt
            yield function(task)


def test_ctrl_c_keeps_what_is_done_and_lets_go(run: Run, layout: Layout, catalog: str):
    with pytest.raises(KeyboardInterrupt):
        run(catalog, executor=Interrupted())
    assert read_current(layout) is None
    assert run(catalog).cached_shards == 2  # and the lock is free


class Watching:
    def __init__(self) -> None:
        self.seen: list[str] = []
        self.rows = 0

    def started(self, stage: Stage, *, total: int | None) -> None:
        self.seen.append(f"{stage} {total}")
        self.rows = 0

    def advanced(self, rows: int) -> None:
        self.rows += rows

    def finished(self) -> None:
        self.seen.append(f"{self.rows} rows")


def test_progress_adds_up(run: Run, catalog: str):
    watching = Watching()
    run(catalog, progress=watching)
    assert watching.seen == [
        *("plan None", "0 rows", "embed 90", "90 rows", "build 90", "90 rows"),
        *("evaluate None", "0 rows", "publish None", "0 rows"),
    ]


def test_two_runs_cannot_share_a_workspace(run: Run, layout: Layout, catalog: str):
    with (
        hold(layout.lock, doing="reindexing"),
        pytest.raises(IncompleteRun, match=f"in use by process {os.getpid()} on .*, reindexing since 20.*--wait"),
    ):
        run(catalog)
    run(catalog)


@pytest.mark.parametrize("stage", [Stage.BUILD, Stage.PUBLISH])
def test_a_run_that_was_taken_over_publishes_nothing(run: Run, layout: Layout, catalog: str, stage: Stage):
    """The machine slept for an hour; meanwhile another one found the lock expired and began anew."""
    live = run(catalog).release_id

    begun: list[Stage] = []

    class Asleep(Watching):
        def started(self, began: Stage, *, total: int | None) -> None:
            begun.append(began)
            if began is stage:
                layout.lock.write_text(json.dumps(json.loads(layout.lock.read_text()) | {"token": "another"}))

    with pytest.raises(IncompleteRun, match=r"lost .*\.reindex\.lock; nothing was published"):
        run(catalog, progress=Asleep())
    assert begun[-1] is stage
    assert read_current(layout) == live
    assert [info.id for info in list_releases(layout)] == [live]


def test_what_dead_runs_left_is_removed(run: Run, layout: Layout, catalog: str, tiny_model: Path):
    run(catalog)
    exporting = layout.models / ".export.tmp-01234567"  # of whoever exports meanwhile: not ours
    exporting.mkdir()
    left = [
        layout.release(".building-20200101T000000-00000000") / INDEX,
        layout.models / ".0123456789abcdef.tmp-01234567" / MODEL_MANIFEST,
        layout.embeddings(tiny_model.name) / ".0123.arrow.tmp-01234567",
    ]
    for path in left:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"half")
    run(catalog)
    assert not any(path.exists() for path in left)
    assert exporting.is_dir()


def test_releases_are_listed_newest_first(run: Run, layout: Layout, catalog: str):
    assert list_releases(layout) == []
    first, second = run(catalog), run(catalog)
    (first.folder / "release.json").unlink()
    found = {info.id: info for info in list_releases(layout)}
    assert (found[second.release_id].live, found[second.release_id].products) == (True, 90)
    assert found[second.release_id].model_name == "tiny-0"
    assert found[second.release_id].problem == ""
    assert not found[first.release_id].live
    assert "cannot be read" in found[first.release_id].problem
    assert list(found) == sorted(found, reverse=True)
