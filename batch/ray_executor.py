"""Tasks on Ray: this machine or a cluster. The only file that imports Ray."""

import logging
import os
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Self

import ray
from ray.exceptions import (
    LocalRayletDiedError,
    NodeDiedError,
    OutOfMemoryError,
    RayTaskError,
    WorkerCrashedError,
)
from ray.job_config import JobConfig

from aisle.errors import IncompleteRun, SettingsError
from batch.executor import Result, Task, TaskDied, WorkerLayout

MAX_RETRIES = 2
"""How often a task is tried again when its worker or its node dies. Not more: a row that kills would loop forever."""

OBJECT_STORE_BYTES = 256 * 1024 * 1024
"""Tasks and results are small (vectors travel in shard files), so the local store need not be Ray's third of memory."""

KNOCK_SECONDS = 10.0
"""How long a cluster may take to answer at all."""

_NODE_DEATHS = (NodeDiedError, LocalRayletDiedError)

_DEATHS = (WorkerCrashedError, OutOfMemoryError, *_NODE_DEATHS)

_CODE = Path(__file__).resolve().parents[1]
"""Where our packages lie."""


class _Job(JobConfig):  # type: ignore[misc]
    """A job whose workers do not look for code in the folder the caller stands in.

    Ray has its workers look there first, and a folder `web`, `batch` or `aisle` in it (the checkout itself, for who
    stands beside it) would hide our packages.
    """

    _py_driver_sys_path: list[str]

    def _serialize(self) -> Any:
        self._py_driver_sys_path = [path for path in self._py_driver_sys_path if Path(path).resolve() == _CODE]
        return super()._serialize()


# max_calls: Ray ends a worker after each task that takes a GPU, and it would load the model again; 0 keeps it.
@ray.remote(max_calls=0)  # type: ignore[untyped-decorator]
def _call(function: Callable[[Task], Result], task: Task) -> Result:
    return function(task)


@dataclass(frozen=True, slots=True)
class Offer:
    """What the nodes of a cluster have together.

    Attributes:
        cpus: Cores.
        gpus: GPUs.
        cpus_per_gpu: Cores beside each GPU, on the node that has the fewest; 0 where there is no GPU.
    """

    cpus: int
    gpus: int
    cpus_per_gpu: int


@contextmanager
def joined(address: str) -> Iterator[Offer]:
    """Be a driver of a running cluster.

    Args:
        address: `host:port`, `ray://host:port`, or `auto` for the cluster that this machine is a node of.

    Raises:
        SettingsError: It cannot be reached.
    """
    _knock(address)
    _start({}, address=address)
    try:
        yield offer_of([node["Resources"] for node in ray.nodes() if node["Alive"]])
    finally:
        ray.shutdown()


def offer_of(nodes: Sequence[Mapping[str, float]]) -> Offer:
    """What nodes have together, from the resources of each as Ray names them."""
    with_gpus = [(int(node.get("CPU", 0)), int(node["GPU"])) for node in nodes if node.get("GPU", 0) >= 1]
    return Offer(
        cpus=sum(int(node.get("CPU", 0)) for node in nodes),
        gpus=sum(gpus for _, gpus in with_gpus),
        cpus_per_gpu=min((cpus // gpus for cpus, gpus in with_gpus), default=0),
    )


class RayExecutor:
    """Ray Core tasks in a sliding window.

    Attributes:
        layout: How many workers there are and what each has.
    """

    def __init__(self, layout: WorkerLayout, *, address: str | None = None) -> None:
        """Start Ray on this machine, or join a cluster. A process that runs Ray already is used as it is.

        Args:
            layout: How many workers there are and what each has.
            address: Of a running cluster; None starts Ray here and joins none by accident.

        Raises:
            SettingsError: The cluster cannot be reached or lacks what `layout` wants.
        """
        self.layout = layout
        self._owner = not ray.is_initialized()
        self._alone = self._owner and address is None
        if self._owner:
            _start({} if address else _own(layout), address=address or "local")
        missing = _missing(layout)
        if missing:
            self.close()
            raise SettingsError(missing)
        self._call: Any = _call.options(
            num_cpus=layout.cpus,
            num_gpus=layout.gpus,
            max_retries=MAX_RETRIES,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, function: Callable[[Task], Result], tasks: Iterable[Task], /) -> Iterator[Result | TaskDied[Task]]:
        """See `batch.executor.Executor.run`."""
        source = iter(tasks)
        window = 2 * self.layout.workers  # one at work and one waiting for each worker
        running: dict[Any, Task] = {}
        try:
            while True:
                for task in islice(source, window - len(running)):
                    running[self._call.remote(function, task)] = task
                if not running:
                    return
                for reference in ray.wait(list(running), num_returns=1)[0]:
                    yield self._outcome(reference, running.pop(reference))
        finally:
            for reference in running:
                ray.cancel(reference, force=True)

    def _outcome(self, reference: Any, task: Task) -> Any:
        try:
            return ray.get(reference)
        except RayTaskError as error:
            if isinstance(error.cause, Exception):
                raise error.cause from error
            raise
        except _DEATHS as error:
            reason = str(error).strip().splitlines()[0]
            if (
                isinstance(error, _NODE_DEATHS) and self._alone
            ):  # no fault of the task's: there is nowhere else to try it
                raise IncompleteRun(
                    f"Ray on this machine died ({reason}); nothing was published. What is done is kept: run again"
                ) from error
            return TaskDied(task=task, detail=f"its worker died {1 + MAX_RETRIES} times ({reason})")

    def close(self) -> None:
        """Stop Ray, if it was started here."""
        if self._owner:
            ray.shutdown()


def _own(layout: WorkerLayout) -> dict[str, Any]:
    """How Ray is started on this machine: as large as the layout, and nothing that listens to the outside."""
    return {
        "num_cpus": layout.workers * layout.cpus,
        "include_dashboard": False,
        "object_store_memory": OBJECT_STORE_BYTES,
    }


def _knock(address: str) -> None:
    """Find out in seconds what Ray takes minutes for: whether anybody listens there."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not (host and port.isdecimal()):
        return  # `auto`: Ray finds it in its own files
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=KNOCK_SECONDS).close()
    except OSError as error:
        raise SettingsError(
            f"nobody listens at {address} ({error}): is the Ray cluster up, and is that the address of its head node? "
            "Without --address Ray runs on this machine"
        ) from error


def _start(options: dict[str, Any], *, address: str) -> None:
    # Read when Ray starts: work at full priority, report to nobody, give up on a task that eats all memory.
    os.environ.setdefault("RAY_worker_niceness", "0")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_task_oom_retries", str(MAX_RETRIES))
    if not address.startswith("ray://"):  # a client's folder is not looked into
        options = options | {"job_config": _Job()}
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, runtime_env={}, **options)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        where = "start Ray on this machine" if address == "local" else f"join the Ray cluster at {address}"
        raise SettingsError(f"cannot {where} ({str(error).splitlines()[0]}); or choose --executor local") from error
    except Exception as error:
        if type(error) is not Exception:
            raise
        # What Ray raises when its own processes were not there in 30 seconds.
        raise IncompleteRun(
            f"Ray did not start: {str(error).splitlines()[0]} Is the machine overloaded? Run again, or "
            "choose --executor local"
        ) from error


def _missing(layout: WorkerLayout) -> str:
    resources = ray.cluster_resources()
    for name, wanted in (("CPU", layout.cpus), ("GPU", layout.gpus)):
        there = resources.get(name, 0)
        if there < wanted:
            short = f"a task wants {wanted:g} {name} and Ray offers {there:g} in all"
            return f"{short}: choose fewer workers or --provider cpu"
    return ""
