import asyncio
import gc
import os
import sys
import threading
import time
import weakref
from contextlib import contextmanager

import pytest

from serving.admission import Overloaded, TooLate
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
        if isinstance(worker, Worker):
            worker.gate.set()
        made.close()


async def enqueue(batcher, worker, items, *, running=1):
    """Enqueue items, the first ones one by one, each alone in a thread before the next one comes."""
    futures = []
    for number, item in enumerate(items):
        futures.append(batcher.enqueue(item))
        if number < running:
            await until(lambda: len(worker.batches) > number)  # noqa: B023 - it is awaited at once
    return futures


async def until(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.001)


def test_what_queued_up_is_the_next_batch():
    async def run():
        worker, observer = Worker(), Observer()
        with batcher(worker, observer) as numbers:
            futures = await enqueue(numbers, worker, range(8))
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
            futures = await enqueue(numbers, worker, range(10), running=2)
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
            futures = await enqueue(numbers, worker, (1, 2, -3, 4))
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
            futures = await enqueue(numbers, worker, range(4))  # one runs, three wait
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
            first, *waiting = await enqueue(numbers, worker, range(4))
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
            (first,) = await enqueue(numbers, worker, [0])

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
            await enqueue(numbers, worker, [0])
            running, other = numbers.enqueue(1), numbers.enqueue(2)
            worker.gate.set()
            await until(lambda: [1, 2] in worker.batches)
            running.cancel()
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
            _, late = await enqueue(numbers, worker, range(2))
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


def test_threads_take_their_work_while_the_event_loop_is_busy():
    """From queue to queue as well: a loop that turns others away is not asked."""
    done = threading.Event()

    def note(items):
        if sum(len(batch) for batch in second.batches) + len(items) == 9:
            done.set()
        return Worker.__call__(second, items)

    first, second = Worker(), Worker()
    second.gate.set()

    async def run():
        loop = asyncio.get_running_loop()
        with batcher(first) as numbers, batcher(note) as squares:
            future = loop.create_future()
            results = []
            for number in range(9):
                last = future if number == 8 else loop.create_future()
                results.append(last)
                numbers.put(number, last, lambda squared, last=last: squares.put(squared, last))
            first.gate.set()
            assert done.wait(10)  # the loop does nothing else meanwhile
            assert not any(result.done() for result in results)
            assert await asyncio.gather(*results) == [number**4 for number in range(9)]

    asyncio.run(run())


def test_what_cannot_be_handed_on_is_the_request_s_error():
    async def run():
        worker = Worker()
        worker.gate.set()

        def refuse(squared):
            raise Overloaded(f"no room for {squared}")

        with batcher(worker) as numbers:
            refused, failed = (asyncio.get_running_loop().create_future() for _ in range(2))
            numbers.put(3, refused, refuse)
            numbers.put(-3, failed, refuse)
            outcomes = await asyncio.gather(refused, failed, return_exceptions=True)
        assert [str(outcome) for outcome in outcomes] == ["no room for 9", "negative: [-3]"]

    asyncio.run(run())


def test_what_is_too_late_is_not_worked_on():
    async def run():
        worker = Worker()
        with batcher(worker) as numbers:
            (first,) = await enqueue(numbers, worker, [0])
            late, in_time = (asyncio.get_running_loop().create_future() for _ in range(2))
            numbers.put(1, late, deadline=time.monotonic())
            numbers.put(2, in_time, deadline=time.monotonic() + 3600)
            worker.gate.set()
            assert await asyncio.gather(first, in_time) == [0, 4]
            with pytest.raises(TooLate, match="while it waited for numbers"):
                await late
        assert worker.batches == [[0], [2]]

    asyncio.run(run())


def test_an_idle_thread_keeps_nothing_of_its_last_batch():
    class Release:
        """Something large."""

    async def run():
        limits = QueueLimits(batch=4, in_flight=1, waiting=10)
        taker = Batcher(lambda items: [None] * len(items), name="releases", limits=limits, observer=Observer())
        item = Release()
        kept = weakref.ref(item)
        await taker.enqueue(item)
        del item
        gc.collect()
        await until(lambda: kept() is None)
        taker.close()

    asyncio.run(run())


def test_after_closing_nothing_is_taken():
    async def run():
        with batcher(Worker()) as numbers:
            pass
        with pytest.raises(Overloaded, match="about to end"):
            numbers.enqueue(1)

    asyncio.run(run())
