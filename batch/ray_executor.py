"""Tasks on Ray: this machine or a cluster. The only file that imports Ray."""

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, Self

import ray
from ray.exceptions import (
    LocalRayletDiedError,
    NodeDiedError,
    OutOfMemoryError,
    RayTaskError,
    WorkerCrashedError,
)

from aisle.errors import SettingsError
from batch.executor import Result, Task, TaskDied, WorkerLayout

MAX_RETRIES = 2
"""How often a task is tried again when its worker or its node dies. Not more: a row that kills would loop forever."""

OBJECT_STORE_BYTES = 256 * 1024 * 1024
"""Tasks and results are small (vectors travel in shard files), so the local store need not be Ray's third of memory."""

_DEATHS = (WorkerCrashedError, OutOfMemoryError, NodeDiedError, LocalRayletDiedError)


# max_calls: Ray ends a worker after each task that takes a GPU, and it would load the model again; 0 keeps it.
@ray.remote(max_calls=0)  # type: ignore[untyped-decorator]
def _call(function: Callable[[Task], Result], task: Task) -> Result:
    return function(task)


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
        if self._owner:
            _start(layout, address)
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
                    yield _outcome(reference, running.pop(reference))
        finally:
            for reference in running:
                ray.cancel(reference, force=True)

    def close(self) -> None:
        """Stop Ray, if it was started here."""
        if self._owner:
            ray.shutdown()


def _outcome(reference: Any, task: Task) -> Any:
    try:
        return ray.get(reference)
    except RayTaskError as error:
        if isinstance(error.cause, Exception):
            raise error.cause from error
        raise
    except _DEATHS as error:
        reason = str(error).strip().splitlines()[0]
        return TaskDied(task=task, detail=f"its worker died {1 + MAX_RETRIES} times ({reason})")


def _start(layout: WorkerLayout, address: str | None) -> None:
    # Read when Ray starts: work at full priority, report to nobody, give up on a task that eats all memory.
    os.environ.setdefault("RAY_worker_niceness", "0")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_task_oom_retries", str(MAX_RETRIES))
    local: dict[str, Any] = {
        "num_cpus": layout.workers * layout.cpus,
        "include_dashboard": False,
        "object_store_memory": OBJECT_STORE_BYTES,
    }
    try:
        ray.init(
            address=address or "local",
            log_to_driver=False,
            logging_level=logging.ERROR,
            runtime_env={},
            **({} if address else local),
        )
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        where = f"join the Ray cluster at {address}" if address else "start Ray on this machine"
        raise SettingsError(f"cannot {where} ({str(error).splitlines()[0]}); or choose --executor local") from error


def _missing(layout: WorkerLayout) -> str:
    resources = ray.cluster_resources()
    for name, wanted in (("CPU", layout.cpus), ("GPU", layout.gpus)):
        there = resources.get(name, 0)
        if there < wanted:
            return (
                f"a task wants {wanted} {name} and Ray offers {there:g} in all: choose fewer workers or --provider cpu"
            )
    return ""
