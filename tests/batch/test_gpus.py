"""The layout of GPUs on a node that only says it has two: two tasks each, that stay, and feed it in turns."""

import operator
import os
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ray.cluster_utils import Cluster

from aisle.layout import INDEX, PRODUCTS, Layout
from aisle.machine import Provider
from batch.executor import WorkerLayout, cluster_layout
from batch.options import ReindexOptions
from batch.ray_executor import Offer, RayExecutor, joined
from tests.batch.catalogs import good_rows, write_catalog
from tests.batch.conftest import Run
from tests.batch.watched_gpu import watched


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


def test_two_workers_for_each_gpu(two_gpus: Offer, run: Run, tmp_path: Path):
    found = cluster_layout(cpus=two_gpus.cpus, gpus=two_gpus.gpus, cpus_per_gpu=two_gpus.cpus_per_gpu)
    assert found == WorkerLayout(workers=4, decode_threads=1, gpus=0.5, provider=Provider.CUDA)
    assert found.workers * found.cpus <= two_gpus.cpus

    # The encoder itself stands in on the CPU; what is dealt out, and to whom, is Ray's doing all the same.
    stand_in = WorkerLayout(workers=found.workers, decode_threads=found.decode_threads, gpus=found.gpus)
    with RayExecutor(stand_in) as executor:
        seen = set(executor.run(operator.call, [where] * 48))
        assert sorted(gpu for gpu, _ in seen) == ["0", "0", "1", "1"]
        assert len({process for _, process in seen}) == 4, "two processes for each GPU, kept from task to task"

        catalog = write_catalog(tmp_path / "catalog.parquet", good_rows(96))
        options = ReindexOptions(shard_rows=8)
        expected = run(catalog, layout=Layout(root=tmp_path / "plain"), options=options)
        watching = Watching(executor, tmp_path / "log")
        made = run(catalog, layout=Layout(root=tmp_path / "gpus"), options=options, executor=watching)
    for name in (INDEX, PRODUCTS):
        assert (made.folder / name).read_bytes() == (expected.folder / name).read_bytes()
    for gpu in ("0", "1"):
        assert decoded_meanwhile(tmp_path / "log", gpu) > 0, "while one encodes, the other makes the next shard ready"


class Watching:
    """An executor whose tasks write down when they decode and encode."""

    def __init__(self, executor: RayExecutor, log: Path) -> None:
        self.layout, self._executor, self._log = executor.layout, executor, log

    def run(self, function: Callable[[Any], Any], tasks: Iterable[Any], /) -> Iterator[Any]:
        return self._executor.run(partial(watched, function, self._log), tasks)


def decoded_meanwhile(log: Path, gpu: str) -> int:
    """How many pictures were decoded for a GPU while it encoded those of another worker."""
    events = sorted(line.split() for line in log.read_text().splitlines())
    encoding: set[str] = set()
    found = 0
    for _, event, on, process in events:
        if on != gpu:
            continue
        if event == "encodes":
            encoding.add(process)
        elif event == "encoded":
            encoding.discard(process)
        else:
            found += bool(encoding - {process})
    return found
