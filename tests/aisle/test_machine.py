"""Cores by the container's quota, as both versions of control groups write it."""

import os

import pytest

from aisle.machine import cpu_quota


@pytest.fixture(autouse=True)
def _eight_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)


@pytest.mark.parametrize(
    ("quota", "cores"),
    [
        ("max 100000", 8),
        ("200000 100000", 2),
        ("150000 100000", 2),
        ("50000 100000", 1),
        ("1600000 100000", 8),
        ("", 8),
    ],
)
def test_cgroup_2(tmp_path, quota, cores):
    (tmp_path / "cpu.max").write_text(quota + "\n")
    assert cpu_quota(cgroup=tmp_path) == cores


@pytest.mark.parametrize(("quota", "cores"), [("-1", 8), ("300000", 3), ("20000", 1)])
def test_cgroup_1(tmp_path, quota, cores):
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(quota + "\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert cpu_quota(cgroup=tmp_path) == cores


def test_no_cgroup(tmp_path):
    assert cpu_quota(cgroup=tmp_path) == 8
