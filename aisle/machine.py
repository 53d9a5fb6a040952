"""What a process has to work with: where a model may run, and how many cores."""

import os
from enum import StrEnum
from pathlib import Path


class Provider(StrEnum):
    """Where the graphs run. `auto` takes a GPU when ONNX Runtime can use one, and says which it took."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


def cpu_quota() -> int:
    """Cores this process may use: the scheduler's affinity, bounded by the container's CPU quota (cgroup 2)."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return cores
    return cores if quota == "max" else max(1, min(cores, round(int(quota) / int(period))))
