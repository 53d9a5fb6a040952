"""Ray on machines that share no disk: each has a mirror of its own, and one of them is lost in the middle."""

import pickle
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import faiss
import pytest
import ray
from ray.cluster_utils import Cluster

from aisle.errors import IncompleteRun
from aisle.layout import INDEX, PRODUCTS, REJECTS, SHARDS, THUMBNAILS, Layout
from aisle.machine import Provider
from aisle.manifest import IndexKind
from aisle.mirror import open_layout
from batch.build import BuildOptions, GroupTask, add_group
from batch.executor import Executor, ExecutorKind, WorkerLayout, open_workers
from batch.options import ReindexOptions
from batch.progress import SilentProgress
from batch.stored import StoredVectors
from tests.batch.catalogs import good_rows, write_catalog
from tests.storage.conftest import Run, names

ROWS = 120
OPTIONS = ReindexOptions(shard_rows=8, index=IndexKind.IVF, build=BuildOptions(group_rows=40))
PATIENCE = 120.0
HERE = "driver00"
"""Name of the driver's mirror, as long as those of the nodes."""


def on_a_disk_of_its_own(function: Callable[[Any], Any], disks: Path, task: Any) -> Any:
    """Run a task with every path below the driver's mirror led to that of the node it runs on, and back."""
    there = ray.get_runtime_context().get_node_id()[-len(HERE) :]
    (disks / there).mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + PATIENCE
    while len(list(disks.iterdir())) < 3:  # nobody begins before all are there
        assert time.monotonic() < deadline
        time.sleep(0.01)
    arrived = pickle.loads(pickle.dumps(task).replace(HERE.encode(), there.encode()))
    return pickle.loads(pickle.dumps(function(arrived)).replace(there.encode(), HERE.encode()))


class FarNodes:
    """An executor whose nodes share no disk with each other and none with the driver."""

    def __init__(self, executor: Executor, disks: Path) -> None:
        self._executor, self._disks = executor, disks

    @property
    def layout(self) -> WorkerLayout:
        return self._executor.layout

    def run(self, function: Callable[[Any], Any], tasks: Iterable[Any], /) -> Iterator[Any]:
        return self._executor.run(partial(on_a_disk_of_its_own, function, self._disks), tasks)


def test_a_node_without_a_shared_disk_is_lost(run: Run, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    catalog = write_catalog(tmp_path / "catalog.parquet", good_rows(ROWS))
    expected = run(catalog, layout=Layout(root=tmp_path / "undisturbed"), options=OPTIONS)
    layout = open_layout(f"{bucket}/workspace", cache=tmp_path / "disks" / HERE)
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        second = cluster.add_node(num_cpus=1)
        killed: list[int] = []

        class Disturbance(SilentProgress):
            done = 0

            def advanced(self, rows: int) -> None:
                self.done += rows
                if self.done >= ROWS // 3 and not killed:
                    killed.append(self.done)
                    cluster.remove_node(second, allow_graceful=False)

        with open_workers(ExecutorKind.RAY, provider=Provider.CPU, address=cluster.address) as executor:
            made = run(
                catalog,
                layout=layout,
                options=OPTIONS,
                executor=FarNodes(executor, tmp_path / "disks"),
                progress=Disturbance(),
            )
    finally:
        cluster.shutdown()
    assert killed[0] < ROWS
    disks = {path.name for path in (tmp_path / "disks").iterdir()}
    assert len(disks) == 3, "the driver's and one of each node"
    for disk in disks - {HERE}:
        assert list((tmp_path / "disks" / disk).rglob("embeddings/*/*.arrow")), "it made shards on its own disk"
    assert list((tmp_path / "disks").rglob("arrived-*")), "the index was filled by workers that do not see the driver's"
    assert not [name for name in names(bucket) if "adding" in name]
    for name in (INDEX, PRODUCTS, THUMBNAILS, REJECTS, SHARDS):
        assert (made.folder / name).read_bytes() == (expected.folder / name).read_bytes()


def test_without_a_store_all_workers_see_one_disk(tmp_path: Path):
    layout = Layout(root=tmp_path)
    vectors = StoredVectors(layout=layout, fingerprint="none", dimension=16, parts=())
    task = GroupTask(vectors, 0, layout.release(".building-x") / "adding.faiss", tmp_path / "0.faiss", Provider.CPU)
    with pytest.raises(IncompleteRun, match=r"does not see .*adding\.faiss: put .* on a disk that all nodes"):
        add_group(task)


def test_what_other_runs_left_on_a_node_goes(layout: Layout, tmp_path: Path):
    left, now = (layout.release(f".building-{name}") for name in ("then", "now"))
    left.mkdir(parents=True)
    (left / "arrived-adding.faiss").write_bytes(b"old")
    vectors = StoredVectors(layout=layout, fingerprint="none", dimension=16, parts=())
    task = GroupTask(vectors, 0, now / "adding.faiss", now / "adding-0.faiss", Provider.CPU)
    index = faiss.IndexIDMap2(faiss.IndexFlatIP(32))
    faiss.write_index(index, str(tmp_path / "index"))
    layout.store.upload(tmp_path / "index", "releases/.building-now/adding.faiss")
    assert add_group(task) == 0
    assert not left.exists()
    assert not task.path.exists(), "it is on the store"
    assert layout.store.holds("releases/.building-now/adding-0.faiss")
