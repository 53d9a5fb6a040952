"""An index that is appended to, on an object store: what did not change is neither sent nor fetched again."""

from pathlib import Path
from typing import Any

import numpy as np
import obstore
import pytest

from aisle.layout import INDEX, TRAINED, Layout, part_name
from aisle.machine import Provider
from aisle.manifest import IndexKind
from aisle.objects import ObjectStore
from batch.build import BuildOptions
from batch.options import ReindexOptions
from batch.verify import verify_release
from serving.snapshot import load_snapshot
from tests.batch.catalogs import good_rows, write_catalog
from tests.storage.conftest import Run, client, names

OPTIONS = ReindexOptions(shard_rows=8, index=IndexKind.IVF, recall_target=0.9, build=BuildOptions(append_from=10))


@pytest.fixture
def moved(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Names that were sent and fetched."""
    seen: dict[str, list[str]] = {"upload": [], "download": []}
    upload, download = ObjectStore.upload, ObjectStore.download

    def sent(self: ObjectStore, path: Path, name: str) -> None:
        seen["upload"].append(name)
        upload(self, path, name)

    def fetched(self: ObjectStore, name: str, path: Path) -> bool:
        seen["download"].append(name)
        return download(self, name, path)

    monkeypatch.setattr(ObjectStore, "upload", sent)
    monkeypatch.setattr(ObjectStore, "download", fetched)
    return seen


def test_parts_are_copied_there_and_linked_here(
    run: Run, bucket: str, layout: Layout, elsewhere: Layout, tmp_path: Path, moved: dict[str, list[str]]
):
    rows: list[dict[str, Any]] = good_rows(40)
    first = run(write_catalog(tmp_path / "1.parquet", rows), options=OPTIONS)
    assert any(name.endswith(INDEX) for name in moved["upload"])
    load_snapshot(elsewhere, first.release_id, provider=Provider.CPU)
    moved["upload"].clear()
    moved["download"].clear()
    rows[3]["title"] = "something else"
    second = run(write_catalog(tmp_path / "2.parquet", rows), options=OPTIONS)
    assert second.parameters.parts == (40, 1)
    sent = {name.rpartition("/")[2] for name in moved["upload"] if second.release_id in name}
    assert part_name(INDEX, 1) in sent
    assert not {INDEX, TRAINED} & sent
    folder = f"workspace/releases/{second.release_id}"
    assert {f"{folder}/{INDEX}", f"{folder}/{TRAINED}"} <= set(names(bucket))
    snapshot = load_snapshot(elsewhere, second.release_id, provider=Provider.CPU)
    fetched = {name.rpartition("/")[2] for name in moved["download"] if second.release_id in name}
    assert part_name(INDEX, 1) in fetched
    assert not {INDEX, TRAINED} & fetched
    assert (elsewhere.release(second.release_id) / INDEX).samefile(elsewhere.release(first.release_id) / INDEX)
    here = load_snapshot(layout, second.release_id, provider=Provider.CPU)
    every = np.arange(40)
    np.testing.assert_array_equal(snapshot.index.vectors(every), here.index.vectors(every))
    assert verify_release(elsewhere, second.release_id).sampled == 40


def test_what_the_store_lost_is_sent_again(run: Run, bucket: str, tmp_path: Path, elsewhere: Layout):
    rows: list[dict[str, Any]] = good_rows(40)
    first = run(write_catalog(tmp_path / "1.parquet", rows), options=OPTIONS)
    obstore.delete(client(bucket), f"workspace/releases/{first.release_id}/{INDEX}")
    rows[3]["title"] = "something else"
    second = run(write_catalog(tmp_path / "2.parquet", rows), options=OPTIONS)
    assert second.parameters.parts == (40, 1)
    assert len(load_snapshot(elsewhere, second.release_id, provider=Provider.CPU).products) == 40


def test_a_damaged_file_is_not_linked(run: Run, layout: Layout, elsewhere: Layout, tmp_path: Path):
    rows: list[dict[str, Any]] = good_rows(40)
    first = run(write_catalog(tmp_path / "1.parquet", rows), options=OPTIONS)
    load_snapshot(elsewhere, first.release_id, provider=Provider.CPU)
    damaged = elsewhere.release(first.release_id) / INDEX
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    rows[3]["title"] = "something else"
    second = run(write_catalog(tmp_path / "2.parquet", rows), options=OPTIONS)
    load_snapshot(elsewhere, second.release_id, provider=Provider.CPU)
    good = layout.release(second.release_id) / INDEX
    assert (elsewhere.release(second.release_id) / INDEX).read_bytes() == good.read_bytes() != damaged.read_bytes()


def test_what_is_too_large_to_copy_is_sent(
    run: Run, bucket: str, tmp_path: Path, moved: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("aisle.mirror.COPY_BYTES", 10)
    rows: list[dict[str, Any]] = good_rows(40)
    run(write_catalog(tmp_path / "1.parquet", rows), options=OPTIONS)
    rows[3]["title"] = "something else"
    second = run(write_catalog(tmp_path / "2.parquet", rows), options=OPTIONS)
    assert second.parameters.parts == (40, 1)
    assert f"releases/{second.release_id}/{INDEX}" in moved["upload"]
