"""Tasks on this machine: in this process when there is one worker, else in a pool of processes."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import Self

from aisle.errors import SettingsError
from batch.executor import Result, Task, TaskDied, WorkerLayout


class LocalExecutor:
    """A spawned process per worker. With one worker a task that kills its process kills the run.

    Attributes:
        layout: How many workers there are and what each has.
    """

    def __init__(self, layout: WorkerLayout) -> None:
        """Prepare the pool; processes start with the first tasks.

        Raises:
            SettingsError: More than one GPU was asked for: only Ray deals those out.
        """
        if layout.workers * layout.gpus > 1:
            most = int(1 / layout.gpus)
            raise SettingsError(
                f"{layout.workers} workers of {layout.gpus:g} GPU want more than one, and only Ray deals those out: "
                f"choose --executor ray, or --workers {most}"
            )
        self.layout = layout
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, function: Callable[[Task], Result], tasks: Iterable[Task], /) -> Iterator[Result | TaskDied[Task]]:
        """See `batch.executor.Executor.run`."""
        if self.layout.workers == 1:
            return map(function, tasks)
        return self._run_in_pool(function, iter(tasks))

    def _run_in_pool(
        self, function: Callable[[Task], Result], tasks: Iterator[Task]
    ) -> Iterator[Result | TaskDied[Task]]:
        window = 2 * self.layout.workers  # one at work and one waiting for each worker
        running: dict[Future[Result], Task] = {}
        try:
            while True:
                for task in islice(tasks, window - len(running)):
                    running[self._submit(function, task)] = task
                if not running:
                    return
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                if any(isinstance(future.exception(), BrokenProcessPool) for future in done):
                    # One death takes the whole pool down. Whoever was in it is tried again, alone.
                    suspects = list(running.items())
                    running.clear()
                    self.close()
                    for future, task in suspects:
                        if isinstance(future.exception(), BrokenProcessPool):
                            yield self._alone(function, task)
                        else:
                            yield future.result()
                    continue
                for future in done:
                    running.pop(future)
                    yield future.result()
        finally:
            for future in running:
                future.cancel()

    def _alone(self, function: Callable[[Task], Result], task: Task) -> Result | TaskDied[Task]:
        try:
            return self._submit(function, task).result()
        except BrokenProcessPool as error:
            self.close()
            return TaskDied(task=task, detail=f"its worker process died twice ({error})")

    def _submit(self, function: Callable[[Task], Result], task: Task) -> Future[Result]:
        try:
            return self._open().submit(function, task)
        except BrokenProcessPool as error:  # it broke since the last look: found with the others that were in it
            failed: Future[Result] = Future()
            failed.set_exception(error)
            return failed

    def _open(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                max_workers=self.layout.workers,
                mp_context=multiprocessing.get_context("spawn"),  # forking a process with threads deadlocks
                initializer=_follow_parent,
            )
        return self._pool

    def close(self) -> None:
        """Wait for the tasks at work, so that what they do is committed, and end the processes."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None


def _follow_parent() -> None:
    """Leave Ctrl-C to the parent, and do not outlive it when it is killed: a pool's workers would wait forever."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
