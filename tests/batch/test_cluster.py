"""A cluster of two nodes on this machine: joined by its address, and one node killed in the middle of a run."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from ray.cluster_utils import Cluster
from ray.exceptions import LocalRayletDiedError

from aisle.errors import IncompleteRun, ProviderUnavailable, SettingsError
from aisle.layout import INDEX, PRODUCTS, SHARDS, THUMBNAILS, Layout
from aisle.machine import Provider
from batch.executor import ExecutorKind, TaskDied, WorkerLayout, cluster_layout, open_workers
from batch.options import ReindexOptions
from batch.progress import SilentProgress
from batch.ray_executor import Offer, RayExecutor, offer_of
from batch.reindex import reindex
from tests.batch.catalogs import ROLES, good_rows, write_catalog
from tests.batch.conftest import Run

ROWS = 160
SMALL_SHARDS = ReindexOptions(shard_rows=16)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        yield cluster
    finally:
        cluster.shutdown()


def test_a_node_that_dies_costs_nothing_but_time(cluster: Cluster, run: Run, tiny_model: Path, tmp_path: Path):
    second = cluster.add_node(num_cpus=1)
    catalog = write_catalog(tmp_path / "catalog.parquet", good_rows(ROWS))
    expected = run(catalog, layout=Layout(root=tmp_path / "undisturbed"), options=SMALL_SHARDS)
    killed_after: list[int] = []

    class Disturbance(SilentProgress):
        """Kills the second node when a third of the rows are committed."""

        done = 0

        def advanced(self, rows: int) -> None:
            self.done += rows
            if self.done >= ROWS // 3 and not killed_after:
                killed_after.append(self.done)
                cluster.remove_node(second, allow_graceful=False)

    with open_workers(ExecutorKind.RAY, provider=Provider.CPU, address=cluster.address) as executor:
        assert executor.layout == WorkerLayout(workers=2), "as many as the nodes have cores together"
        summary = reindex(
            catalog=catalog,
            layout=Layout(root=tmp_path / "disturbed"),
            model=tiny_model,
            roles=ROLES,
            executor=executor,
            options=SMALL_SHARDS,
            progress=Disturbance(),
        )
    assert killed_after[0] < ROWS, "the node was killed in the middle"
    assert len(cluster.list_all_nodes()) == 1
    assert summary.rejected == 0
    for name in (INDEX, PRODUCTS, THUMBNAILS, SHARDS):
        assert (summary.folder / name).read_bytes() == (expected.folder / name).read_bytes()


def test_a_cluster_that_is_not_there():
    with (
        pytest.raises(SettingsError, match=r"nobody listens at 127\.0\.0\.1:1 .*head node"),
        open_workers(ExecutorKind.RAY, address="127.0.0.1:1"),
    ):
        pass


def test_what_a_cluster_offers():
    small, large, plain = {"CPU": 8.0, "GPU": 2.0}, {"CPU": 30.0, "GPU": 4.0}, {"CPU": 64.0, "memory": 1e9}
    assert offer_of([small, large, plain]) == Offer(cpus=102, gpus=6, cpus_per_gpu=4)
    assert offer_of([plain]) == Offer(cpus=64, gpus=0, cpus_per_gpu=0)


def test_the_layout_follows_the_cluster():
    cpus = {"cpus": 102, "gpus": 6, "cpus_per_gpu": 4}
    gpus = WorkerLayout(workers=12, decode_threads=2, gpus=0.5, provider=Provider.CUDA)
    assert cluster_layout(**cpus) == gpus
    assert cluster_layout(Provider.CUDA, **cpus) == gpus
    assert cluster_layout(Provider.CPU, **cpus) == WorkerLayout(workers=102)
    assert cluster_layout(Provider.CPU, **cpus, workers=200) == WorkerLayout(workers=200), "it may grow"
    assert cluster_layout(cpus=64, gpus=0, cpus_per_gpu=0) == WorkerLayout(workers=64)
    with pytest.raises(ProviderUnavailable, match="offers no GPU"):
        cluster_layout(Provider.CUDA, cpus=64, gpus=0, cpus_per_gpu=0)


def test_ray_that_dies_on_this_machine_is_no_row_s_fault(monkeypatch: pytest.MonkeyPatch):
    """Else every row would be tried alone, and rejected for having killed its worker."""

    def dead(reference: object) -> object:
        raise LocalRayletDiedError

    with RayExecutor(WorkerLayout(workers=1)) as executor:
        monkeypatch.setattr("batch.ray_executor.ray.get", dead)
        with pytest.raises(IncompleteRun, match=r"Ray on this machine died .*run again"):
            list(executor.run(abs, [-1]))
        executor._alone = False  # a node of a cluster may be ill by its task: there the rows are looked at
        assert [type(outcome) for outcome in executor.run(abs, [-1])] == [TaskDied]
