"""A disk that is full from some write on: the run ends, nothing half is visible, and the next run goes on."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from aisle.current import read_current
from aisle.layout import INDEX, PRODUCTS, REJECTS, SHARDS, THUMBNAILS, Layout
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
