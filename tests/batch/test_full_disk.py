"""A disk that is full from some write on: the run ends, nothing half is visible, and the next run goes on."""

import errno
import os
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aisle.current import read_current
from aisle.files import write_atomically
from aisle.layout import INDEX, PRODUCTS, REJECTS, SHARDS, THUMBNAILS, Layout
from aisle.manifest import IndexKind
from batch.given import Halves, given_vectors
from batch.options import ReindexOptions
from batch.releases import list_releases
from cli.exit_codes import ExitCode, exit_code
from tests.batch.catalogs import good_rows, write_catalog
from tests.batch.conftest import Run

MOMENTS = 7
OPTIONS = ReindexOptions(shard_rows=16)


class Disk:
    """`os.fsync`, where a file system that allocates late says that it is full."""

    def __init__(self) -> None:
        self.calls, self.full_at = 0, -1

    def __call__(self, descriptor: int) -> None:
        self.calls += 1
        if 0 <= self.full_at < self.calls:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def full_for_faiss(index: Any, path: str) -> None:
    """FAISS's own error, of the device that is always full. Of less than 4 kB it tells nobody."""
    faiss_write(index, "/dev/full" if index.ntotal else path)


faiss_write = faiss.write_index


@pytest.mark.parametrize("kind", [IndexKind.EXACT, IndexKind.IVF])
def test_a_full_disk_at_the_index(
    run: Run, layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: IndexKind
):
    catalog = write_catalog(tmp_path / "catalog.parquet", good_rows(60))
    options = ReindexOptions(shard_rows=16, index=kind)
    with monkeypatch.context() as patched:
        patched.setattr(faiss, "write_index", full_for_faiss)
        with pytest.raises(OSError, match="No space left") as raised:
            run(catalog, options=options)
    assert exit_code(raised.value) is ExitCode.AGAIN
    assert str(raised.value.filename).endswith(".faiss"), "which disk is full"
    assert read_current(layout) is None
    assert not list(layout.releases.iterdir())
    again = run(catalog, options=options)
    assert (again.embedded_images, read_current(layout)) == (0, again.release_id)


def test_a_full_disk_while_the_model_is_copied(
    run: Run, layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    catalog = write_catalog(tmp_path / "catalog.parquet", good_rows(10))

    def full(source: Path, target: Path, **options: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))

    with monkeypatch.context() as patched:
        patched.setattr("shutil.copyfile", full)
        with pytest.raises(OSError, match="No space left") as raised:
            run(catalog)
    assert exit_code(raised.value) is ExitCode.AGAIN
    assert not list(layout.models.iterdir())
    assert run(catalog).products == 10


def test_a_full_disk_says_which(tmp_path: Path):
    """Arrow tells the number and not the file."""

    def write(temporary: Path) -> None:
        with pa.OSFile("/dev/full", "wb") as sink:
            sink.write(bytes(1 << 20))

    with pytest.raises(OSError, match="No space left") as raised:
        write_atomically(tmp_path / "shard.arrow", write)
    assert (raised.value.errno, raised.value.filename) == (errno.ENOSPC, str(tmp_path / "shard.arrow"))
    assert not list(tmp_path.iterdir())

    def fails(temporary: Path) -> None:
        raise RuntimeError("something else")

    with pytest.raises(RuntimeError, match="something else"):
        write_atomically(tmp_path / "shard.arrow", fails)


def test_vectors_that_do_not_fit_are_refused_before_they_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A mapped file that meets a full disk would end the process by a signal."""
    rows = pa.FixedSizeListArray.from_arrays(pa.array(np.ones(8 * 16, np.float32)), 16)
    pq.write_table(pa.table({"id": [str(n) for n in range(8)], "vector": rows}), tmp_path / "vectors.parquet")

    def full(descriptor: int, start: int, length: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.posix_fallocate", full)
    with (
        pytest.raises(OSError, match="No space left"),
        given_vectors(tmp_path / "vectors.parquet", halves=Halves.IMAGE, scratch=tmp_path / "scratch"),
    ):
        pass


def test_a_full_disk_at_any_moment(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    disk = Disk()
    monkeypatch.setattr("os.fsync", disk)
    catalog = write_catalog(tmp_path / "catalog.parquet", good_rows(60))
    expected = run(catalog, layout=Layout(root=tmp_path / "undisturbed"), options=OPTIONS).folder
    moments = np.linspace(1, disk.calls - 1, MOMENTS).astype(int).tolist()  # the first is of the lock
    kept = []
    for moment in moments:
        layout = Layout(root=tmp_path / f"full-at-{moment}")
        disk.calls, disk.full_at = 0, moment
        with pytest.raises(OSError, match="No space left") as raised:
            run(catalog, layout=layout, options=OPTIONS)
        assert exit_code(raised.value) is ExitCode.AGAIN
        if moment < moments[-1]:  # the last one is of the folder, after CURRENT was replaced
            assert read_current(layout) is None
        assert not list(layout.root.rglob("*.tmp-*"))

        disk.full_at = -1
        again = run(catalog, layout=layout, options=OPTIONS)
        kept.append(again.cached_shards)
        for name in (INDEX, PRODUCTS, THUMBNAILS, REJECTS, SHARDS):
            assert (again.folder / name).read_bytes() == (expected / name).read_bytes()
        assert read_current(layout) == list_releases(layout)[0].id
    assert kept == sorted(kept), "the later, the more was kept"
    assert kept[0] == 0 < kept[-1]
