"""Greedy micro-batching: whatever queued up while the last batch ran is the next batch, so a lone item never waits.

Requests come from one event loop; the work is taken and done by threads of its own. See docs/architecture.md.
"""

import asyncio
import math
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from serving.admission import Overloaded, TooLate

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


@dataclass(slots=True)
class _Entry(Generic[Item, Result]):
    """An item in its queue.

    Attributes:
        item: What is to be worked on.
        future: Of the request that waits for it, in its event loop; once it is done the item is dropped.
        then: Where the result goes instead of the future.
        deadline: When the item is too late to be worked on (`time.monotonic`).
    """

    item: Item
    future: "asyncio.Future[Any]"
    then: Callable[[Result], None] | None
    deadline: float


class Batcher(Generic[Item, Result]):
    """One queue, and the threads that work it off.

    The threads take what waits by themselves: an event loop that is busy turning others away does not keep them idle.
    """

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
            observer: Is told of every batch and every change of the queue, in any thread.
            niceness: How readily its threads leave a core to others (Linux only, elsewhere they all are equal).
        """
        self._run = run
        self._name = name
        self._limits = limits
        self._observer = observer
        self._waiting: queue.SimpleQueue[_Entry[Item, Result] | None] = queue.SimpleQueue()  # None ends a thread
        self._closed = False
        observer.depth(name, 0)
        for number in range(limits.in_flight):
            threading.Thread(target=self._work, args=(niceness,), name=f"aisle-{name}_{number}", daemon=True).start()

    def enqueue(self, item: Item) -> "asyncio.Future[Result]":
        """Line an item up. Cancel the future to have it dropped if it still waits.

        Raises:
            Overloaded: The queue is full.
        """
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self.put(item, future)
        return future

    def put(
        self,
        item: Item,
        future: "asyncio.Future[Any]",
        then: Callable[[Result], None] | None = None,
        *,
        deadline: float = math.inf,
    ) -> None:
        """Line an item up for a request that waits for `future`. May be called in any thread.

        Args:
            item: What is to be worked on.
            future: Has the result, or the error. When it is done before, the item is dropped.
            then: Is called with the result, in a thread of this queue, instead of settling the future; an error that
                it raises settles it. Such as another queue's `put`: the event loop has no part in it.
            deadline: When the request's time is up (`time.monotonic`): an item that still waits then is not worked on,
                and the future has the error TooLate.

        Raises:
            Overloaded: The queue is full.
        """
        if self._waiting.qsize() >= self._limits.waiting:
            self._drop_done()
        if (waiting := self._waiting.qsize()) >= self._limits.waiting:
            raise Overloaded(f"{waiting} requests already wait for {self._name}: try again in a moment")
        if self._closed:
            raise Overloaded("this worker is about to end: ask another")
        self._waiting.put(_Entry(item, future, then, deadline))
        self._observer.depth(self._name, self._waiting.qsize())

    def close(self) -> None:
        """Cancel what waits and let the threads end. Call it in the event loop."""
        self._closed = True
        for entry in self._taken(self._waiting.qsize()):
            entry.future.cancel()
        for _ in range(self._limits.in_flight):
            self._waiting.put(None)

    def _drop_done(self) -> None:
        for entry in self._taken(self._waiting.qsize()):
            if not entry.future.done():
                self._waiting.put(entry)

    def _taken(self, most: int) -> Iterator[_Entry[Item, Result]]:
        """What waits, without waiting for more."""
        with suppress(queue.Empty):
            for _ in range(most):
                entry = self._waiting.get_nowait()
                if entry is None:
                    self._waiting.put(None)  # for a thread
                    return
                yield entry

    def _work(self, niceness: int) -> None:
        """In a thread: take what waits, again and again. Nothing of a batch is kept beyond it: items hold releases."""
        _be_nice(niceness)
        while (entry := self._waiting.get()) is not None:
            self._work_off(entry)
            del entry

    def _work_off(self, first: _Entry[Item, Result]) -> None:
        taken, batch = [first], list[_Entry[Item, Result]]()
        late: list[tuple[asyncio.Future[Any], Exception]] = []
        now = time.monotonic()
        while taken:
            for entry in taken:
                if entry.future.done():
                    continue
                if entry.deadline > now:
                    batch.append(entry)
                else:
                    late.append((entry.future, TooLate(f"its time was up while it waited for {self._name}")))
            taken = list(self._taken(self._limits.batch - len(batch)))
        self._settle_soon(late)
        self._observer.depth(self._name, self._waiting.qsize())
        if batch:
            self._observer.batch(self._name, len(batch))
            self._hand_on(batch, _outcomes(self._run, [entry.item for entry in batch]))

    def _hand_on(self, batch: Sequence[_Entry[Item, Result]], outcomes: Sequence[Result | Exception]) -> None:
        settled: list[tuple[asyncio.Future[Any], Result | Exception]] = []
        for entry, outcome in zip(batch, outcomes, strict=True):
            if entry.then is None or isinstance(outcome, Exception):
                settled.append((entry.future, outcome))
                continue
            try:
                entry.then(outcome)
            except Exception as error:  # noqa: BLE001 - it belongs to the request that waits, and is raised there
                settled.append((entry.future, error))
        self._settle_soon(settled)

    def _settle_soon(self, settled: Sequence[tuple["asyncio.Future[Any]", Any]]) -> None:
        if settled:
            with suppress(RuntimeError):  # the loop was closed: nobody waits
                settled[0][0].get_loop().call_soon_threadsafe(_settle, settled)


def _settle(outcomes: Sequence[tuple["asyncio.Future[Any]", Any]]) -> None:
    for future, outcome in outcomes:
        if future.done():
            continue  # its request went away meanwhile
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)


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
