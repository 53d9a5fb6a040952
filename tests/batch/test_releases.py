"""The way back, and what may be deleted."""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from aisle.current import read_current, write_current
from aisle.errors import IncompleteRun, ModelError, ModelMismatch, ReleaseCorrupt, ReleaseError, SettingsError
from aisle.layout import INDEX, SHARDS, Layout
from aisle.manifest import load_release_manifest, save_release_manifest
from batch import garbage
from batch.garbage import collect_garbage
from batch.lock import hold
from batch.options import ReindexOptions, Summary
from batch.releases import DELETING, find_release, list_releases, rollback
from batch.stored import read_shard_list
from tests.batch.catalogs import good_rows, picture, write_catalog
from tests.batch.conftest import Run

Releases = Callable[[int], list[Summary]]


@pytest.fixture
def releases(run: Run, layout: Layout, tmp_path: Path) -> Releases:
    """That many releases, the oldest first, each with one picture changed."""

    def make(count: int) -> list[Summary]:
        made = []
        rows = good_rows(40)
        for number in range(count):
            rows[5 * number]["image"] = picture(9000 + number)
            made.append(run(write_catalog(tmp_path / f"{number}.parquet", rows), options=ReindexOptions(shard_rows=8)))
            older = made[-1].folder.rename(made[-1].folder.with_name(f"2026010{number + 1}T000000-00000000"))
            manifest = load_release_manifest(older)
            save_release_manifest(replace(manifest, id=older.name), older)
            made[-1] = replace(made[-1], release_id=older.name, folder=older)
            write_current(layout, older.name)
        for path in layout.root.glob("embeddings/*/*.arrow"):
            os.utime(path, (1.0, 1.0))  # runs are hours apart, and these are not
        return made

    return make


def test_rollback_goes_to_the_release_before(releases: Releases, layout: Layout):
    first, second, third = releases(3)
    assert read_current(layout) == third.release_id
    assert rollback(layout) == second.release_id == read_current(layout)
    assert rollback(layout) == first.release_id == read_current(layout)
    with pytest.raises(ReleaseError, match=f"no whole release older than the live one, {first.release_id}"):
        rollback(layout)
    assert rollback(layout, third.release_id) == third.release_id == read_current(layout)


def test_rollback_passes_over_what_is_broken(releases: Releases, layout: Layout):
    first, second, _ = releases(3)
    (second.folder / "release.json").write_text("{}")
    assert rollback(layout) == first.release_id


def test_rollback_does_not_go_to_a_release_that_is_not_whole(releases: Releases, layout: Layout, tiny_model: Path):
    first, second = releases(2)
    index = (first.folder / INDEX).read_bytes()
    (first.folder / INDEX).write_bytes(index[:-1])
    with pytest.raises(ReleaseCorrupt, match=f"{INDEX} has .* bytes, the manifest says {len(index):,}"):
        rollback(layout)
    (first.folder / INDEX).unlink()
    with pytest.raises(ReleaseCorrupt, match=f"{INDEX} is missing"):
        rollback(layout)
    (first.folder / INDEX).write_bytes(index)
    model = layout.model(tiny_model.name)
    model.rename(model.with_name("away"))
    with pytest.raises(ModelError):
        rollback(layout)
    assert read_current(layout) == second.release_id
    model.with_name("away").rename(model)
    assert rollback(layout) == first.release_id


def test_rollback_wants_the_model_it_was_built_with(releases: Releases, layout: Layout, tiny_model: Path, other_model):
    import shutil

    releases(2)
    shutil.rmtree(layout.model(tiny_model.name))
    shutil.copytree(other_model, layout.model(tiny_model.name))
    with pytest.raises(ModelMismatch, match=other_model.name):
        rollback(layout)


def test_rollback_does_not_wait_for_a_reindex(releases: Releases, layout: Layout):
    first, _ = releases(2)
    with hold(layout.lock, doing="reindexing"):
        assert rollback(layout) == first.release_id


def test_releases_by_the_beginning_of_their_id(releases: Releases, layout: Layout):
    first, second = releases(2)
    assert find_release(layout, None) == second.release_id
    assert find_release(layout, "20260101") == first.release_id
    with pytest.raises(ReleaseError, match="2 releases begin with '2026'"):
        find_release(layout, "2026")
    with pytest.raises(ReleaseError, match=r"no release is called '2027'.*releases list"):
        find_release(layout, "2027")
    with pytest.raises(ReleaseError, match="no release yet"):
        find_release(Layout(root=layout.root / "empty"), None)


def shards(layout: Layout, model: Path) -> set[str]:
    return {path.stem for path in layout.embeddings(model.name).glob("*.arrow")}


def test_garbage_is_what_no_kept_release_needs(releases: Releases, layout: Layout, tiny_model: Path, run: Run):
    made = releases(4)
    used = {summary.release_id: set(read_shard_list(summary.folder) or ()) for summary in made}
    before = shards(layout, tiny_model)
    assert before == set.union(*used.values())
    size = sum(path.stat().st_size for path in layout.root.rglob("*") if path.is_file())
    planned = collect_garbage(layout, keep=2, dry_run=True)
    assert planned.releases == (made[1].release_id, made[0].release_id)
    assert planned.kept == (made[3].release_id, made[2].release_id)
    assert shards(layout, tiny_model) == before
    assert len(list_releases(layout)) == 4

    done = collect_garbage(layout, keep=2)
    assert done == planned
    assert [release.id for release in list_releases(layout)] == [made[3].release_id, made[2].release_id]
    kept = used[made[3].release_id] | used[made[2].release_id]
    assert shards(layout, tiny_model) == kept
    assert done.shards == len(before - kept) > 0
    left = sum(path.stat().st_size for path in layout.root.rglob("*") if path.is_file())
    assert size - left == done.bytes
    assert not list(layout.releases.glob(".*"))
    assert collect_garbage(layout, keep=2).bytes == 0


def test_after_garbage_collection_nothing_is_embedded_again(
    releases: Releases, layout: Layout, run: Run, tmp_path: Path
):
    made = releases(3)
    collect_garbage(layout, keep=1)
    again = run(str(tmp_path / "2.parquet"), options=ReindexOptions(shard_rows=8))
    assert (again.embedded_images, again.embedded_texts, again.cached_shards) == (0, 0, made[2].cached_shards + 1)


def test_the_live_release_is_never_garbage(releases: Releases, layout: Layout, tiny_model: Path):
    made = releases(4)
    rollback(layout, made[0].release_id)
    done = collect_garbage(layout, keep=1)
    assert done.kept == (made[3].release_id, made[0].release_id)
    assert read_current(layout) == made[0].release_id
    assert set(read_shard_list(made[0].folder) or ()) <= shards(layout, tiny_model)


def test_damaged_releases_are_garbage_and_do_not_count(releases: Releases, layout: Layout):
    made = releases(3)
    (made[1].folder / "release.json").unlink()
    done = collect_garbage(layout, keep=2)
    assert (done.releases, done.kept) == ((made[1].release_id,), (made[2].release_id, made[0].release_id))


def test_a_damaged_live_release_deletes_nothing(releases: Releases, layout: Layout, tiny_model: Path):
    made = releases(2)
    (made[1].folder / "release.json").unlink()
    before = shards(layout, tiny_model)
    with pytest.raises(ReleaseCorrupt):
        collect_garbage(layout, keep=1)
    assert made[0].folder.is_dir()
    assert shards(layout, tiny_model) == before


def test_what_a_killed_run_made_is_kept_for_the_next(releases: Releases, layout: Layout, tiny_model: Path):
    made = releases(2)
    young = layout.shard(tiny_model.name, "0" * 32)
    old = layout.shard(tiny_model.name, "1" * 32)
    young.write_bytes(b"made after the newest release")
    old.write_bytes(b"of long ago")
    os.utime(old, (1.0, 1.0))
    later = time.time() + 60
    os.utime(young, (later, later))
    collect_garbage(layout, keep=2)
    assert young.exists()
    assert not old.exists()
    assert made[0].folder.is_dir()


def test_embeddings_stay_when_a_release_does_not_say_which_are_its_own(
    releases: Releases, layout: Layout, tiny_model: Path
):
    made = releases(2)
    (made[1].folder / SHARDS).unlink()
    before = shards(layout, tiny_model)
    done = collect_garbage(layout, keep=1)
    assert done.untouched == (tiny_model.name,)
    assert done.releases == (made[0].release_id,)
    assert shards(layout, tiny_model) == before


def test_embeddings_of_a_model_that_no_release_has(
    releases: Releases, layout: Layout, tiny_model: Path, other_model: Path, run: Run, tmp_path: Path
):
    releases(1)
    run(str(tmp_path / "0.parquet"), model=other_model, options=ReindexOptions(shard_rows=8))
    collect_garbage(layout, keep=1)
    assert not layout.embeddings(tiny_model.name).exists()
    assert shards(layout, other_model)
    assert layout.model(tiny_model.name).is_dir()  # somebody exported it


def test_garbage_collection_waits_for_a_run(releases: Releases, layout: Layout):
    releases(2)
    with hold(layout.lock, doing="reindexing"), pytest.raises(IncompleteRun, match="reindexing since"):
        collect_garbage(layout, keep=1)
    assert len(list_releases(layout)) == 2
    with pytest.raises(SettingsError, match="keep is 0"):
        collect_garbage(layout, keep=0)


def test_a_collection_that_was_killed_is_finished_later(
    releases: Releases, layout: Layout, monkeypatch: pytest.MonkeyPatch
):
    releases(3)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(garbage, "_delete", killed)
        with pytest.raises(KeyboardInterrupt):
            collect_garbage(layout, keep=1)
    assert len(list_releases(layout)) == 1
    assert len(list(layout.releases.glob(f"{DELETING}*"))) == 2
    collect_garbage(layout, keep=1)
    assert not list(layout.releases.glob(".*"))
