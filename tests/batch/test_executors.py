"""One contract, every executor; and the same release from each."""

import math
import operator
import os
import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from aisle.catalog import template_columns
from aisle.errors import CatalogError, ImageFault, InvalidImage, ProviderUnavailable, SettingsError
from aisle.images import decode_base64
from aisle.layout import INDEX, PRODUCTS, REJECTS, THUMBNAILS, Layout
from aisle.machine import Provider
from aisle.manifest import IndexKind
from batch.build import BuildOptions
from batch.executor import Executor, ExecutorKind, TaskDied, WorkerLayout, count_gpus, open_executor, worker_layout
from batch.local_executor import LocalExecutor
from batch.options import ReindexOptions
from tests.batch.catalogs import good_rows, hostile_images, row, write_catalog

EXECUTORS = {
    "in this process": (ExecutorKind.LOCAL, WorkerLayout(workers=1)),
    "in this process, decoding ahead": (ExecutorKind.LOCAL, WorkerLayout(workers=1, decode_threads=2)),
    "two processes": (ExecutorKind.LOCAL, WorkerLayout(workers=2)),
    "ray": (ExecutorKind.RAY, WorkerLayout(workers=2)),
    "ray, decoding ahead": (ExecutorKind.RAY, WorkerLayout(workers=1, decode_threads=2)),
}


@pytest.fixture(scope="module", params=EXECUTORS)
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    kind, layout = EXECUTORS[request.param]
    with open_executor(kind, layout) as executor:
        yield executor


def test_every_task_has_its_result(executor: Executor):
    assert sorted(executor.run(math.factorial, range(20))) == [math.factorial(n) for n in range(20)]
    assert list(executor.run(math.factorial, [])) == []


def test_tasks_are_drawn_as_workers_become_free(executor: Executor):
    drawn = []

    def tasks() -> Iterator[int]:
        for number in range(50):
            drawn.append(number)
            yield number

    results = executor.run(math.factorial, tasks())
    next(results)
    assert len(drawn) <= 2 * executor.layout.workers
    assert len(list(results)) == 49


def test_what_a_task_raises_arrives_as_it_is(executor: Executor):
    with pytest.raises(CatalogError, match=r"^text template '{bad' is not valid") as raised:
        list(executor.run(template_columns, ["{good}", "{bad"]))
    assert raised.type is CatalogError
    with pytest.raises(InvalidImage, match="base64") as caught:
        list(executor.run(decode_base64, ["!"]))
    assert caught.value.fault is ImageFault.CORRUPT
    assert list(executor.run(abs, [-1])) == [1]  # and the executor goes on


def test_workers_are_kept(executor: Executor):
    workers = set(executor.run(operator.call, [os.getpid] * 12))
    assert len(workers) <= executor.layout.workers


def test_a_dead_worker_costs_its_task_only(executor: Executor):
    if executor.layout.workers == 1 and type(executor).__name__ == "LocalExecutor":
        pytest.skip("in this process the task would kill the tests")
    deadly, long = partial(signal.raise_signal, signal.SIGKILL), partial(time.sleep, 0.2)
    outcomes = list(executor.run(operator.call, [long, long, long, deadly, long, long, long]))
    died = [outcome for outcome in outcomes if isinstance(outcome, TaskDied)]
    assert [death.task.func for death in died] == [signal.raise_signal]
    assert "died" in died[0].detail
    assert outcomes.count(None) == 6
    assert list(executor.run(abs, [-1])) == [1]


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> str:
    rows = good_rows(150)
    for place, (data, _) in enumerate(list(hostile_images().values())[:8]):
        rows.insert(17 * place, row(1000 + place, data))
    return write_catalog(tmp_path_factory.mktemp("catalog") / "catalog.parquet", rows)


@pytest.fixture(scope="module")
def expected(catalog: str, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The release of the simplest executor, its index built in one piece."""
    with open_executor(ExecutorKind.LOCAL, WorkerLayout(workers=1)) as executor:
        return _release(executor, catalog, tiny_model, tmp_path_factory.mktemp("expected"))


def _release(executor: Executor, catalog: str, model: Path, root: Path) -> Path:
    from batch.progress import SilentProgress
    from batch.reindex import reindex
    from tests.batch.catalogs import ROLES

    return reindex(
        catalog=catalog,
        layout=Layout(root=root),
        model=model,
        roles=ROLES,
        executor=executor,
        options=ReindexOptions(shard_rows=16, index=IndexKind.IVF, build=BuildOptions(group_rows=40), max_rejects=0.1),
        progress=SilentProgress(),
    ).folder


def test_every_executor_makes_the_same_release(executor: Executor, catalog: str, expected: Path, tiny_model, tmp_path):
    made = _release(executor, catalog, tiny_model, tmp_path)
    for name in (PRODUCTS, THUMBNAILS):
        assert (made / name).read_bytes() == (expected / name).read_bytes()
    assert pq.read_table(made / REJECTS).equals(pq.read_table(expected / REJECTS))
    assert len(pq.read_table(made / REJECTS)) == 8
    # With several workers the index was built in parts and merged: list by list it is the one built in one piece.
    assert _lists(made / INDEX) == _lists(expected / INDEX)


def _lists(path: Path) -> list[tuple[list[int], bytes]]:
    import faiss

    index = faiss.read_index(str(path))
    assert index.ntotal == 150
    lists = index.invlists
    found = []
    for number in range(index.nlist):
        size = lists.list_size(number)
        ids = faiss.rev_swig_ptr(lists.get_ids(number), size).copy()
        codes = faiss.rev_swig_ptr(lists.get_codes(number), size * index.code_size).copy()
        found.append((ids.tolist(), codes.tobytes()))
    assert sorted(np.concatenate([ids for ids, _ in found]).astype(int)) == list(range(150))
    return found


def test_layouts_that_cannot_be_had():
    with pytest.raises(SettingsError, match="workers is 0"):
        WorkerLayout(workers=0)
    with pytest.raises(SettingsError, match="decode_threads is -1"):
        WorkerLayout(workers=1, decode_threads=-1)
    for gpus in (2, 0.3):
        with pytest.raises(SettingsError, match=f"gpus is {gpus}; a task takes 0, 0.5 or 1"):
            WorkerLayout(workers=1, gpus=gpus)
    LocalExecutor(WorkerLayout(workers=2, gpus=0.5)).close()  # both on the one GPU of this machine
    with (
        pytest.raises(SettingsError, match="choose --executor ray"),
        open_executor(ExecutorKind.LOCAL, WorkerLayout(workers=2, gpus=1)),
    ):
        pass
    with (
        pytest.raises(SettingsError, match="ray://nowhere"),
        open_executor(ExecutorKind.LOCAL, WorkerLayout(workers=1), address="ray://nowhere"),
    ):
        pass


def test_a_gpu_that_is_not_there_is_an_error():
    with (
        pytest.raises(SettingsError, match="wants 1 GPU and Ray offers 0"),
        open_executor(ExecutorKind.RAY, WorkerLayout(workers=1, gpus=1), address=None),
    ):
        pass


def test_the_layout_follows_the_provider(monkeypatch: pytest.MonkeyPatch):
    assert worker_layout(Provider.CPU, workers=3) == WorkerLayout(workers=3, provider=Provider.CPU)
    assert worker_layout(Provider.CPU).workers >= 1
    monkeypatch.setattr("batch.executor.resolve_provider", lambda provider: Provider.CUDA)
    monkeypatch.setattr("batch.executor.cpu_quota", lambda: 16)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    assert worker_layout() == WorkerLayout(workers=4, decode_threads=4, gpus=0.5, provider=Provider.CUDA)
    assert worker_layout(workers=1) == WorkerLayout(workers=1, decode_threads=16, gpus=0.5, provider=Provider.CUDA)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert count_gpus() == 0
    with pytest.raises(ProviderUnavailable, match="shows no GPU"):
        worker_layout()
