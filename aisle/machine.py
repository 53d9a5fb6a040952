"""What a process has to work with: where a model may run, and how many cores."""

import os
from enum import StrEnum
from pathlib import Path


class Provider(StrEnum):
    """Where the graphs run. `auto` takes a GPU when ONNX Runtime can use one, and says which it took."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


_CGROUP = Path("/sys/fs/cgroup")


def cpu_quota(*, cgroup: Path = _CGROUP) -> int:
    """Cores this process may use: the scheduler's affinity, bounded by the container's CPU quota (cgroup 1 or 2).

    Args:
        cgroup: Where control groups are mounted; a container sees its own there.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = _quota(cgroup)
    except (OSError, ValueError):
        return cores
    return cores if quota <= 0 else max(1, min(cores, round(quota / period)))


def _quota(cgroup: Path) -> tuple[int, int]:
    """Microseconds of CPU per period of so many; 0 or less for no bound."""
    unified = cgroup / "cpu.max"
    if unified.exists():
        quota, period = unified.read_text(encoding="ascii").split()
        return (0 if quota == "max" else int(quota)), int(period)
    folder = cgroup / "cpu"
    return int((folder / "cpu.cfs_quota_us").read_text()), int((folder / "cpu.cfs_period_us").read_text())
