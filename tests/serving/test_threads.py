"""Threads of a worker follow its cores, unless the settings say how many."""

from dataclasses import replace

import pytest

from aisle.machine import Provider
from aisle.settings import Settings
from serving import searcher
from serving.metrics import Metrics


@pytest.fixture(autouse=True)
def _eight_cores(monkeypatch):
    monkeypatch.setattr(searcher, "cpu_quota", lambda: 8)


@pytest.mark.parametrize(("workers", "cores"), [(1, 8), (2, 4), (3, 2), (8, 2)])
def test_workers_share_the_cores(workers, cores):
    assert searcher.worker_cores(Settings(workers=workers)) == cores


def threads(**changes) -> dict[str, int]:
    made = searcher.Searcher(replace(Settings(), **changes), observer=Metrics())
    try:
        queues = (made._texts, made._images, made._decode, made._searches)
        return {queue._name: queue._limits.in_flight for queue in queues}
    finally:
        made.close()


def test_as_many_as_cores():
    assert threads(provider=Provider.CPU) == {"texts": 8, "images": 8, "decode": 8, "searches": 8}
    assert threads(provider=Provider.CPU, workers=2) == {"texts": 4, "images": 4, "decode": 4, "searches": 4}


def test_a_gpu_is_shared_by_two():
    assert threads(provider=Provider.CUDA) == {"texts": 2, "images": 2, "decode": 8, "searches": 8}


def test_settings_come_first():
    settings = {"batches_in_flight": 3, "decode_workers": 1, "search_workers": 5}
    assert threads(**settings) == {"texts": 3, "images": 3, "decode": 1, "searches": 5}
