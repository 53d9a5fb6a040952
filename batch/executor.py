"""The seam between the work and the machines: an executor runs one function over many tasks.

The work knows nothing of Ray and an executor knows nothing of CLIP; every executor passes the same tests.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from aisle.encoder import resolve_provider
from aisle.errors import ProviderUnavailable, SettingsError
from aisle.machine import Provider, cpu_quota

Task = TypeVar("Task")
Result = TypeVar("Result")


class ExecutorKind(StrEnum):
    """Who runs the tasks."""

    LOCAL = "local"
    RAY = "ray"


GPU_SHARE = 0.5
"""Part of a GPU that a task takes unless told otherwise."""


@dataclass(frozen=True, slots=True)
class WorkerLayout:
    """How a run uses its machines. On CPUs: many workers of one thread. On GPUs: two workers each, fed by threads.

    Of two that share a GPU one encodes its shard while the other fetches and decodes the next: a shard begins with
    pictures that are not there yet and ends with a file that is written, and a worker alone would leave the GPU idle
    meanwhile. The price is the model twice in the GPU's memory.

    Attributes:
        workers: Tasks that run at the same time.
        decode_threads: Threads of one task that decode ahead of the encoder; 0 decodes in the task's own thread.
        gpus: Part of a GPU that one task takes: none, all or half of it.
        provider: Where the encoder runs; never `auto`.
    """

    workers: int
    decode_threads: int = 0
    gpus: float = 0
    provider: Provider = Provider.CPU

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise SettingsError(f"workers is {self.workers}; a run needs at least 1")
        if self.decode_threads < 0:
            raise SettingsError(f"decode_threads is {self.decode_threads}; it is 0 or more")
        if self.gpus not in {0, 1, GPU_SHARE}:
            raise SettingsError(f"gpus is {self.gpus}; a task takes 0, {GPU_SHARE} or 1")

    @property
    def cpus(self) -> int:
        """Cores one task keeps busy."""
        return max(1, self.decode_threads)


@dataclass(frozen=True, slots=True)
class TaskDied(Generic[Task]):
    """A task whose worker process died under it each time it was tried.

    Attributes:
        task: What it was given.
        detail: What is known of the death.
    """

    task: Task
    detail: str


class Executor(Protocol):
    """Runs tasks on workers that keep their caches (an encoder, an open file) from one task to the next."""

    @property
    def layout(self) -> WorkerLayout:
        """How many workers there are and what each has."""
        ...

    def run(self, function: Callable[[Task], Result], tasks: Iterable[Task], /) -> Iterator[Result | TaskDied[Task]]:
        """Results in the order of completion; tasks are drawn as workers become free, never all at once.

        Args:
            function: Importable by its name on every worker.
            tasks: Their order is the order of starting.

        Raises:
            Exception: What `function` raised, as it raised it; tasks not yet done are given up.
        """
        ...


def worker_layout(provider: Provider = Provider.AUTO, *, workers: int | None = None) -> WorkerLayout:
    """The layout that was measured best for this machine.

    Args:
        provider: Where the encoder is to run.
        workers: Tasks at the same time; None takes every core, or every GPU twice.

    Raises:
        ProviderUnavailable: The named provider, or a GPU for it, is not to be had here.
        SettingsError: `workers` is below 1.
    """
    found = resolve_provider(provider)
    if found is not Provider.CUDA:
        return WorkerLayout(workers=cpu_quota() if workers is None else workers, provider=found)
    gpus = count_gpus()
    if gpus == 0:
        raise ProviderUnavailable("ONNX Runtime has CUDA but this machine shows no GPU: choose --provider cpu")
    workers = round(gpus / GPU_SHARE) if workers is None else workers
    threads = max(1, cpu_quota() // max(1, workers))
    return WorkerLayout(workers=workers, decode_threads=threads, gpus=GPU_SHARE, provider=found)


def cluster_layout(
    provider: Provider = Provider.AUTO, *, cpus: int, gpus: int, cpus_per_gpu: int, workers: int | None = None
) -> WorkerLayout:
    """The layout for a cluster, by what the cluster offers: the machine that asks may be another kind.

    Args:
        provider: Where the encoder is to run; `auto` takes the GPUs of a cluster that has some.
        cpus: Cores of all nodes together.
        gpus: GPUs of all nodes together.
        cpus_per_gpu: Cores beside each GPU, which decode for it.
        workers: Tasks at the same time; None takes every core, or every GPU twice. Of a cluster that grows on demand,
            as many as it is to grow to.

    Raises:
        ProviderUnavailable: GPUs were asked for and there is none.
        SettingsError: `workers` is below 1.
    """
    found = provider
    if provider is Provider.AUTO:
        found = Provider.CUDA if gpus else Provider.CPU
    if found is Provider.CPU:
        return WorkerLayout(workers=max(1, cpus) if workers is None else workers)
    if gpus == 0:
        raise ProviderUnavailable("the Ray cluster offers no GPU: start nodes with one, or choose --provider cpu")
    return WorkerLayout(
        workers=round(gpus / GPU_SHARE) if workers is None else workers,
        decode_threads=max(1, int(cpus_per_gpu * GPU_SHARE)),
        gpus=GPU_SHARE,
        provider=Provider.CUDA,
    )


def count_gpus() -> int:
    """NVIDIA GPUs this process may use: those `CUDA_VISIBLE_DEVICES` names, or else the device files."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return len([name for name in visible.split(",") if name.strip() and name.strip() != "-1"])
    return len(list(Path("/dev").glob("nvidia[0-9]*")))


@contextmanager
def open_workers(
    kind: ExecutorKind,
    *,
    provider: Provider = Provider.AUTO,
    workers: int | None = None,
    address: str | None = None,
) -> Iterator[Executor]:
    """Start an executor with the layout that suits where it runs: this machine, or the cluster at `address`.

    Args:
        kind: Which.
        provider: Where the encoder is to run.
        workers: Tasks at the same time; None takes every core, or every GPU twice.
        address: Of a running Ray cluster; `auto` finds the one that this machine is a node of.

    Raises:
        ProviderUnavailable: The named provider, or a GPU for it, is not to be had there.
        SettingsError: As `open_executor`.
    """
    if kind is ExecutorKind.RAY and address is not None:
        from batch.ray_executor import RayExecutor, joined

        with joined(address) as offer:
            layout = cluster_layout(
                provider, cpus=offer.cpus, gpus=offer.gpus, cpus_per_gpu=offer.cpus_per_gpu, workers=workers
            )
            with RayExecutor(layout) as executor:
                yield executor
        return
    with open_executor(kind, worker_layout(provider, workers=workers), address=address) as executor:
        yield executor


@contextmanager
def open_executor(kind: ExecutorKind, layout: WorkerLayout, *, address: str | None = None) -> Iterator[Executor]:
    """Start an executor and stop it at the end, whatever happens in between.

    Args:
        kind: Which.
        layout: How many workers there are and what each has.
        address: Of a running Ray cluster; None starts Ray on this machine.

    Raises:
        SettingsError: An address without Ray, a layout the executor cannot have, or Ray cannot be reached.
    """
    executor: Executor
    if kind is ExecutorKind.RAY:
        from batch.ray_executor import RayExecutor

        with RayExecutor(layout, address=address) as executor:
            yield executor
        return
    if address is not None:
        raise SettingsError(f"address {address} names a Ray cluster: choose --executor ray, or leave the address out")
    from batch.local_executor import LocalExecutor

    with LocalExecutor(layout) as executor:
        yield executor
