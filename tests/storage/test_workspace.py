"""A workspace on an object store: run, resume, serve, hide, roll back and clean up, from several machines."""

import json
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import obstore
import pytest

from aisle.current import read_current, write_current
from aisle.errors import ModelError, ReleaseCorrupt, StoreUnreachable, WorkspaceBusy
from aisle.hidden import read_hidden
from aisle.layout import INDEX, MODEL_MANIFEST, RELEASE_MANIFEST, Layout
from aisle.machine import Provider
from aisle.manifest import load_model_manifest
from aisle.mirror import open_layout
from batch.garbage import collect_garbage
from batch.given import Halves, given_vectors
from batch.hide import hide_products, unhide_products
from batch.releases import list_releases, rollback
from batch.verify import verify_release
from serving.snapshot import load_snapshot
from tests.batch.catalogs import good_rows, row, write_catalog
from tests.storage.conftest import Run, client, names


def test_a_release_is_made_here_and_served_there(run: Run, catalog: str, layout: Layout, elsewhere: Layout):
    summary = run(catalog)
    assert summary.embedded_images == 30
    assert read_current(elsewhere) == summary.release_id
    snapshot = load_snapshot(elsewhere, summary.release_id, provider=Provider.CPU)
    assert len(snapshot.products) == 30
    found = verify_release(elsewhere, summary.release_id)
    assert found.recall is not None
    assert [release.id for release in list_releases(elsewhere) if release.live] == [summary.release_id]


def test_another_machine_goes_on_where_the_first_one_ended(
    run: Run, catalog: str, elsewhere: Layout, tmp_path: Path, tiny_model: Path
):
    run(catalog)
    rows = good_rows(30)
    rows[3] = row(3, rows[3]["image"], price=99.0)
    rows[7] = row(7, rows[8]["image"])
    second = run(write_catalog(tmp_path / "catalog.parquet", rows), layout=elsewhere)
    assert (second.embedded_images, second.embedded_texts) == (0, 0)  # row 8's picture is known
    rows[9] = row(9, rows[9]["image"], title="blue hat new")
    third = run(write_catalog(tmp_path / "catalog.parquet", rows), layout=elsewhere)
    assert (third.embedded_images, third.embedded_texts) == (0, 1)


def test_the_state_of_picture_files_is_known_on_another_machine(
    run: Run, elsewhere: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    now = time.time
    monkeypatch.setattr("time.time", lambda: now() + 60.0)
    folder = tmp_path / "pictures"
    folder.mkdir()
    rows = good_rows(12)
    for number, one in enumerate(rows):
        (folder / f"{number}.jpg").write_bytes(one["image"])
        one["image"] = str(folder / f"{number}.jpg")
    catalog = str(tmp_path / "catalog.jsonl")
    Path(catalog).write_text("".join(json.dumps(one) + "\n" for one in rows))
    assert run(catalog).read_images == 12
    assert run(catalog, layout=elsewhere).read_images == 0


def test_shards_that_the_store_lost_are_made_again(run: Run, catalog: str, bucket: str, layout: Layout):
    run(catalog)
    store = client(bucket)
    shard = next(name for name in sorted(names(bucket)) if "/embeddings/" in f"/{name}" and "known" not in name)
    obstore.delete(store, shard)
    assert (layout.root.parent / layout.root.name / shard.removeprefix("workspace/")).exists()
    assert run(catalog).embedded_shards == 1
    assert shard in names(bucket)


def test_roll_back_hide_and_clean_up(run: Run, catalog: str, layout: Layout, elsewhere: Layout, bucket: str):
    first, second, third = (run(catalog).release_id for _ in range(3))
    assert rollback(elsewhere) == second
    assert read_current(layout) == second
    assert hide_products(elsewhere, ["p1", "nobody"]).unknown == ("nobody",)
    assert read_hidden(layout) == {"p1", "nobody"}
    assert load_snapshot(layout, second, provider=Provider.CPU).hidden_products == 1
    assert unhide_products(layout, ["p1", "nobody"]).hidden == 0
    found = collect_garbage(elsewhere, keep=1)
    assert found.releases == (first,)
    assert found.kept == (third, second)
    assert found.bytes > 0
    assert not any(first in name for name in names(bucket))
    assert [release.id for release in list_releases(layout)] == [third, second]


def test_an_altered_file_is_never_served(run: Run, catalog: str, elsewhere: Layout, bucket: str):
    release_id = run(catalog).release_id
    obstore.put(client(bucket), f"workspace/releases/{release_id}/{INDEX}", b"not an index")
    with pytest.raises(ReleaseCorrupt, match=r"index\.faiss was altered"):
        load_snapshot(elsewhere, release_id, provider=Provider.CPU)
    assert not (elsewhere.release(release_id) / INDEX).exists()


def test_an_altered_model_is_never_used(run: Run, catalog: str, elsewhere: Layout, bucket: str, tiny_model: Path):
    release_id = run(catalog).release_id
    obstore.put(client(bucket), f"workspace/models/{tiny_model.name}/image.onnx", b"not a graph")
    with pytest.raises(ModelError, match=r"image\.onnx was altered"):
        load_snapshot(elsewhere, release_id, provider=Provider.CPU)


def test_a_release_that_was_not_copied_to_its_end_is_swept(run: Run, catalog: str, layout: Layout, bucket: str):
    live = run(catalog).release_id
    for name in (f"20200101T000000-00000000/{INDEX}", ".building-20200101T000000-00000000/adding.faiss"):
        obstore.put(client(bucket), f"workspace/releases/{name}", b"half")
    assert [one.id for one in list_releases(layout) if not one.problem] == [live]
    assert not any("building" in one.id for one in list_releases(layout))
    run(catalog)
    assert not any("20200101T000000" in name for name in names(bucket))


def test_manifests_are_copied_last_and_models_once(
    run: Run, catalog: str, layout: Layout, monkeypatch: pytest.MonkeyPatch
):
    upload, copied = type(layout.store).upload, []

    def told(self: Any, path: Path, name: str) -> None:
        copied.append(name)
        upload(self, path, name)

    monkeypatch.setattr(type(layout.store), "upload", told)
    run(catalog)
    for folder, manifest in (("models/", MODEL_MANIFEST), ("releases/", RELEASE_MANIFEST)):
        files = [name for name in copied if name.startswith(folder)]
        assert len(files) > 4
        assert [name.endswith(manifest) for name in files] == [False] * (len(files) - 1) + [True]
    copied.clear()
    run(catalog)
    assert copied
    assert not [name for name in copied if name.startswith("models/")]


def test_what_lies_only_here_is_nothing(run: Run, catalog: str, layout: Layout, tiny_model: Path):
    """A table that was written here and never copied, by a run that was killed: it may say anything."""
    run(catalog)
    stray = layout.known(tiny_model.name) / "places-00000099-00000099-0123abcd.arrow"
    stray.write_bytes(b"half a table")
    assert run(catalog).embedded_images == 0
    assert not stray.exists()


def test_the_manifest_is_copied_last_and_current_after_it(
    run: Run, catalog: str, bucket: str, layout: Layout, monkeypatch: pytest.MonkeyPatch
):
    live = run(catalog).release_id
    upload = type(layout.store).upload

    def stops(self: Any, path: Path, name: str) -> None:
        if name.endswith(RELEASE_MANIFEST):
            raise StoreUnreachable("the store went away")
        upload(self, path, name)

    with monkeypatch.context() as patched:
        patched.setattr(type(layout.store), "upload", stops)
        with pytest.raises(StoreUnreachable):
            run(catalog)
    assert read_current(layout) == live
    assert [release.id for release in list_releases(layout) if not release.problem] == [live]
    assert run(catalog).embedded_images == 0


def test_without_the_mirror_nothing_is_lost(run: Run, catalog: str, layout: Layout):
    first = run(catalog)
    shutil.rmtree(layout.root)
    second = run(catalog)
    assert (second.embedded_images, second.embedded_shards) == (0, 0)
    assert second.products == first.products


def test_of_two_that_publish_at_one_moment_one_wins(layout: Layout, monkeypatch: pytest.MonkeyPatch):
    write_current(layout, "20260101T000000-first")
    get = type(layout.store).get
    assert layout.store is not None
    tag = layout.store.get("CURRENT")
    assert tag is not None
    assert layout.store.put("CURRENT", b"20260101T000000-second", replacing=tag.tag) is not None
    assert layout.store.put("CURRENT", b"20260101T000000-third", replacing=tag.tag) is None
    assert layout.store.put("CURRENT", b"20260101T000000-third", replacing=None) is None
    monkeypatch.setattr(type(layout.store), "get", lambda self, name: tag)
    with pytest.raises(WorkspaceBusy, match="somebody else"):
        write_current(layout, "20260101T000000-fourth")
    monkeypatch.setattr(type(layout.store), "get", get)
    assert read_current(layout) == "20260101T000000-second"


def test_a_wrong_bucket_is_one_clear_line(bucket: str):
    with pytest.raises(StoreUnreachable, match=r"NoSuchBucket: .+ Make the bucket, or check the URL") as raised:
        read_current(open_layout("s3://nobody-made-this/workspace"))
    assert "\n" not in str(raised.value)


def test_imported_vectors_are_on_the_store(
    run: Run, catalog: str, layout: Layout, elsewhere: Layout, tiny_model: Path, tmp_path: Path
):
    vectors = np.eye(30, load_model_manifest(tiny_model).dimension, dtype=np.float32)
    vectors[:, 0] += 1.0
    np.save(tmp_path / "vectors.npy", vectors)
    settings = {"halves": Halves.IMAGE, "scratch": tmp_path / "scratch", "normalise": True}
    with given_vectors(tmp_path / "vectors.npy", **settings) as given:
        summary = run(catalog, given=given)
        shutil.rmtree(layout.root)
        again = run(catalog, given=given)
    assert read_current(elsewhere) == again.release_id
    assert summary.embedded_shards > 0
    assert (again.embedded_shards, again.cached_shards) == (0, summary.embedded_shards), "the store had every shard"
    verify_release(elsewhere, again.release_id)
