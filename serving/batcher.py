"""Greedy micro-batching: whatever queued up while the last batch ran is the next batch, so a lone item never waits.

Lives in one event loop; the work itself runs in threads of its own. See docs/architecture.md, "Serving".
"""

import asyncio
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future as ThreadFuture
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from serving.admission import Overloaded

Item = TypeVar("Item")
Result = TypeVar("Result")


class BatchObserver(Protocol):
    """Who wants to know how a queue is doing."""

    def batch(self, queue: str, size: int, /) -> None:
        """A batch of `size` items was handed to a thread."""
        ...

    def depth(self, queue: str, waiting: int, /) -> None:
        """So many items wait now."""
        ...


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """How a queue is worked off.

    Attributes:
        batch: Most items of one batch.
        in_flight: Batches that run at the same time.
        waiting: Most items that wait; one more is refused.
    """

    batch: int
    in_flight: int
    waiting: int


class Batcher(Generic[Item, Result]):
    """One queue, and the threads that work it off."""

    def __init__(
        self,
        run: Callable[[Sequence[Item]], Sequence[Result]],
        *,
        name: str,
        limits: QueueLimits,
        observer: BatchObserver,
        niceness: int = 0,
    ) -> None:
        """Start with an empty queue.

        Args:
            run: Works a batch off, one result per item in the same order. Called in a thread. When it raises, each
                item of the batch is tried alone, so that only the bad one fails.
            name: For metrics and messages.
            limits: How it is worked off.
            observer: Is told of every batch and every change of the queue.
            niceness: How readily its threads leave a core to others (Linux only, elsewhere they all are equal).
        """
        self._run = run
        self._name = name
        self._limits = limits
        self._observer = observer
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._running = 0
        self._told = 0  # the depth that the observer knows
        observer.depth(name, 0)
        self._threads = ThreadPoolExecutor(
            limits.in_flight, thread_name_prefix=f"aisle-{name}", initializer=_be_nice, initargs=(niceness,)
        )

    def enqueue(self, item: Item) -> "asyncio.Future[Result]":
        """Line an item up. Cancel the future to have it dropped if it still waits.

        Raises:
            Overloaded: The queue is full.
        """
        if len(self._waiting) >= self._limits.waiting:
            self._drop_cancelled()
        if len(self._waiting) >= self._limits.waiting:
            raise Overloaded(f"{len(self._waiting)} requests already wait for {self._name}: try again in a moment")
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        self._dispatch()
        return future

    def close(self) -> None:
        """Cancel what waits and let the threads end."""
        for _, future in self._waiting:
            future.cancel()
        self._waiting.clear()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _drop_cancelled(self) -> None:
        self._waiting = deque(pair for pair in self._waiting if not pair[1].done())

    def _dispatch(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting and self._running < self._limits.in_flight:
            batch: list[tuple[Item, asyncio.Future[Result]]] = []
            while self._waiting and len(batch) < self._limits.batch:
                pair = self._waiting.popleft()
                if not pair[1].done():
                    batch.append(pair)
            if batch:
                self._running += 1
                self._observer.batch(self._name, len(batch))
                work = self._threads.submit(_outcomes, self._run, [item for item, _ in batch])
                futures = [future for _, future in batch]
                work.add_done_callback(lambda done, futures=futures: self._hand_back(loop, done, futures))  # type: ignore[misc]
        if len(self._waiting) != self._told:
            self._told = len(self._waiting)
            self._observer.depth(self._name, self._told)

    def _hand_back(
        self,
        loop: asyncio.AbstractEventLoop,
        done: "ThreadFuture[list[Result | Exception]]",
        futures: Sequence["asyncio.Future[Result]"],
    ) -> None:
        """In the worker's thread: bring the outcomes home."""
        if not loop.is_closed():
            loop.call_soon_threadsafe(self._settle, done, futures)

    def _settle(
        self, done: "ThreadFuture[list[Result | Exception]]", futures: Sequence["asyncio.Future[Result]"]
    ) -> None:
        self._running -= 1
        if done.cancelled():
            for future in futures:
                future.cancel()
            return
        for outcome, future in zip(done.result(), futures, strict=True):
            if future.done():
                continue  # its request went away meanwhile
            if isinstance(outcome, Exception):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)
        self._dispatch()


def _be_nice(niceness: int) -> None:
    if niceness and sys.platform == "linux":  # where a thread has a niceness of its own
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + niceness)


def _outcomes(run: Callable[[Sequence[Item]], Sequence[Result]], items: Sequence[Item]) -> list[Result | Exception]:
    try:
        results = run(items)
        if len(results) != len(items):
            raise RuntimeError(f"a batch of {len(items)} gave {len(results)} results")
        return list(results)
    except Exception as error:  # noqa: BLE001 - whatever it is belongs to the request that caused it, and is raised there
        if len(items) == 1:
            return [error]
        return [outcome for item in items for outcome in _outcomes(run, [item])]
