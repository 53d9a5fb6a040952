import asyncio
import os
import sys
import threading
import time
from contextlib import contextmanager

import pytest

from serving.admission import Overloaded
from serving.batcher import Batcher, QueueLimits


class Observer:
    """Writes down what it is told."""

    def __init__(self):
        self.batches, self.depths = [], []

    def batch(self, queue, size, /):
        self.batches.append(size)

    def depth(self, queue, waiting, /):
        self.depths.append(waiting)


class Worker:
    """Squares numbers when the gate is open; refuses negative ones; remembers its batches."""

    def __init__(self):
        self.gate = threading.Event()
        self.batches = []
        self.most_at_once = self.at_once = 0
        self.lock = threading.Lock()

    def __call__(self, items):
        with self.lock:
            self.batches.append(list(items))
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        assert self.gate.wait(10)
        with self.lock:
            self.at_once -= 1
        if any(item < 0 for item in items):
            raise ValueError(f"negative: {[item for item in items if item < 0]}")
        return [item * item for item in items]


@contextmanager
def batcher(worker, observer=None, *, batch=4, in_flight=1, waiting=100):
    limits = QueueLimits(batch=batch, in_flight=in_flight, waiting=waiting)
    made = Batcher(worker, name="numbers", limits=limits, observer=observer or Observer())
    try:
        yield made
    finally:
        worker.gate.set()
        made.close()


async def until(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.001)


def test_what_queued_up_is_the_next_batch():
    async def run():
        worker, observer = Worker(), Observer()
        with batcher(worker, observer) as numbers:
            futures = [numbers.enqueue(number) for number in range(8)]
            await until(lambda: worker.batches)
            worker.gate.set()
            assert await asyncio.gather(*futures) == [number**2 for number in range(8)]
        assert worker.batches == [[0], [1, 2, 3, 4], [5, 6, 7]]  # in order, the first alone at once
        assert observer.batches == [1, 4, 3]
        assert max(observer.depths) == 7
        assert observer.depths[-1] == 0

    asyncio.run(run())


def test_batches_in_flight():
    async def run():
        worker = Worker()
        with batcher(worker, batch=2, in_flight=2) as numbers:
            futures = [numbers.enqueue(number) for number in range(10)]
            await until(lambda: len(worker.batches) == 2)
            await asyncio.sleep(0.02)
            assert worker.batches == [[0], [1]]
            worker.gate.set()
            await asyncio.gather(*futures)
        assert worker.most_at_once == 2

    asyncio.run(run())


def test_a_bad_item_fails_alone():
    async def run():
        worker = Worker()
        with batcher(worker) as numbers:
            futures = [numbers.enqueue(number) for number in (1, 2, -3, 4)]
            worker.gate.set()
            outcomes = await asyncio.gather(*futures, return_exceptions=True)
        assert [outcomes[0], outcomes[1], outcomes[3]] == [1, 4, 16]
        assert isinstance(outcomes[2], ValueError)
        assert str(outcomes[2]) == "negative: [-3]"

    asyncio.run(run())


def test_past_the_bound_is_overloaded_and_recovers():
    async def run():
        worker = Worker()
        with batcher(worker, waiting=3) as numbers:
            futures = [numbers.enqueue(number) for number in range(4)]  # one runs, three wait
            with pytest.raises(Overloaded, match="3 requests already wait for numbers") as caught:
                numbers.enqueue(4)
            assert caught.value.retry_after == 1
            worker.gate.set()
            assert await asyncio.gather(*futures) == [0, 1, 4, 9]
            assert await numbers.enqueue(5) == 25

    asyncio.run(run())


def test_cancelled_items_are_dropped_and_make_room():
    async def run():
        worker = Worker()
        with batcher(worker, waiting=3) as numbers:
            first = numbers.enqueue(0)
            waiting = [numbers.enqueue(number) for number in (1, 2, 3)]
            waiting[0].cancel()
            waiting[2].cancel()
            late = [numbers.enqueue(number) for number in (4, 5)]
            with pytest.raises(Overloaded):
                numbers.enqueue(6)
            worker.gate.set()
            assert await asyncio.gather(first, waiting[1], *late) == [0, 4, 16, 25]
        assert worker.batches == [[0], [2, 4, 5]]

    asyncio.run(run())


def test_a_cancelled_request_takes_its_item_along():
    async def run():
        worker = Worker()
        with batcher(worker) as numbers:
            first = numbers.enqueue(0)

            async def request():
                return await numbers.enqueue(1)

            task = asyncio.create_task(request())
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            worker.gate.set()
            assert await first == 0
            assert await numbers.enqueue(2) == 4
        assert worker.batches == [[0], [2]]

    asyncio.run(run())


def test_an_item_cancelled_while_it_runs_harms_nobody():
    async def run():
        worker = Worker()
        with batcher(worker) as numbers:
            numbers.enqueue(0)
            running, other = numbers.enqueue(1), numbers.enqueue(2)
            running.cancel()
            worker.gate.set()
            assert await other == 4

    asyncio.run(run())


def test_a_result_too_few_is_an_error():
    async def run():
        with batcher(Worker()) as _:
            pass
        limits = QueueLimits(batch=4, in_flight=1, waiting=10)
        short = Batcher(lambda items: items[1:], name="short", limits=limits, observer=Observer())
        with pytest.raises(RuntimeError, match="a batch of 1 gave 0 results"):
            await short.enqueue(1)
        short.close()

    asyncio.run(run())


def test_closing_cancels_what_waits():
    async def run():
        worker = Worker()
        with batcher(worker) as numbers:
            numbers.enqueue(0)
            late = numbers.enqueue(1)
        assert late.cancelled()

    asyncio.run(run())


@pytest.mark.skipif(sys.platform != "linux", reason="only there has a thread a niceness of its own")
def test_its_threads_can_give_way_to_others():
    def niceness(items):
        return [os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) for _ in items]

    async def ask():
        limits = QueueLimits(batch=1, in_flight=1, waiting=2)
        batcher = Batcher(niceness, name="numbers", limits=limits, observer=Observer(), niceness=3)
        try:
            return await batcher.enqueue(0)
        finally:
            batcher.close()

    here = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    assert asyncio.run(ask()) == min(19, here + 3)
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == here
