"""The layout of GPUs on a node that only says it has two: a task each, workers that stay, threads that decode ahead."""

import operator
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ray.cluster_utils import Cluster

from aisle.layout import INDEX, PRODUCTS, Layout
from aisle.machine import Provider
from batch.executor import WorkerLayout, cluster_layout
from batch.options import ReindexOptions
from batch.ray_executor import Offer, RayExecutor, joined
from tests.batch.catalogs import good_rows, write_catalog
from tests.batch.conftest import Run


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> Iterator[Offer]:
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    node = {"num_cpus": 5, "num_gpus": 2, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=node)
    try:
        with joined(cluster.address) as offer:
            yield offer
    finally:
        cluster.shutdown()


def where() -> tuple[str, int]:
    """The GPU of this task, and its process."""
    time.sleep(0.05)
    return os.environ["CUDA_VISIBLE_DEVICES"], os.getpid()


def test_a_worker_for_each_gpu(two_gpus: Offer, run: Run, tmp_path: Path):
    found = cluster_layout(cpus=two_gpus.cpus, gpus=two_gpus.gpus, cpus_per_gpu=two_gpus.cpus_per_gpu)
    assert found == WorkerLayout(workers=2, decode_threads=2, gpus=1, provider=Provider.CUDA)
    assert found.workers * found.cpus <= two_gpus.cpus

    # The encoder itself stands in on the CPU; what is dealt out, and to whom, is Ray's doing all the same.
    stand_in = WorkerLayout(workers=found.workers, decode_threads=found.decode_threads, gpus=found.gpus)
    with RayExecutor(stand_in) as executor:
        seen = set(executor.run(operator.call, [where] * 24))
        assert {gpu for gpu, _ in seen} == {"0", "1"}
        assert len({process for _, process in seen}) == 2, "a process for each GPU, kept from task to task"

        catalog = write_catalog(tmp_path / "catalog.parquet", good_rows(64))
        options = ReindexOptions(shard_rows=8)
        expected = run(catalog, layout=Layout(root=tmp_path / "plain"), options=options)
        made = run(catalog, layout=Layout(root=tmp_path / "gpus"), options=options, executor=executor)
    for name in (INDEX, PRODUCTS):
        assert (made.folder / name).read_bytes() == (expected.folder / name).read_bytes()
