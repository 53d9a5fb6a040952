"""What is asked for several times at once is worked on once."""

import asyncio
import gc

import pytest

from serving.flights import Flights


class Work:
    """Work that ends when it is let; counts how often it began, and how often it was cancelled."""

    def __init__(self):
        self.begun = self.cancelled = self.joined = 0
        self.end = asyncio.Event()
        self.error = None
        self.flights = Flights(joined=self.count)

    def count(self):
        self.joined += 1

    async def run(self):
        self.begun += 1
        try:
            await self.end.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error:
            raise self.error
        return f"result {self.begun}"

    def ask(self, key="query"):
        return asyncio.create_task(self.flights.join(key, self.run))


def test_one_result_for_all_and_a_new_one_afterwards():
    async def run():
        work = Work()
        asked = [work.ask() for _ in range(5)]
        await asyncio.sleep(0)
        work.end.set()
        assert await asyncio.gather(*asked) == ["result 1"] * 5
        assert (work.begun, work.joined) == (1, 4)
        assert await work.ask() == "result 2"
        assert (work.begun, work.joined) == (2, 4)

    asyncio.run(run())


def test_different_questions_do_not_wait_for_each_other():
    async def run():
        work = Work()
        asked = [work.ask(key) for key in ("one", "other")]
        await asyncio.sleep(0)
        work.end.set()
        await asyncio.gather(*asked)
        assert (work.begun, work.joined) == (2, 0)

    asyncio.run(run())


def test_an_error_reaches_all():
    async def run():
        work = Work()
        work.error = ValueError("broken")
        asked = [work.ask() for _ in range(3)]
        await asyncio.sleep(0)
        work.end.set()
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
        assert [str(outcome) for outcome in outcomes] == ["broken"] * 3
        with pytest.raises(ValueError, match="broken"):
            await work.ask()
        assert work.begun == 2

    asyncio.run(run())


def test_an_error_that_one_request_was_told_is_not_reported_again():
    async def run():
        reported = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
        work = Work()
        work.error = ValueError("broken")
        work.end.set()
        with pytest.raises(ValueError, match="broken"):
            await work.flights.join("query", work.run)
        work.error = None  # whose traceback keeps all of it
        gc.collect()
        assert reported == []

    asyncio.run(run())


def test_who_leaves_takes_nothing_from_the_others():
    async def run():
        work = Work()
        first, second = work.ask(), work.ask()
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.sleep(0)
        work.end.set()
        assert await first == "result 1"
        assert second.cancelled()
        assert (work.begun, work.cancelled) == (1, 0)

    asyncio.run(run())


def test_when_the_first_leaves_one_of_the_others_starts_again():
    async def run():
        work = Work()
        asked = [work.ask() for _ in range(4)]
        await asyncio.sleep(0)
        asked[0].cancel()
        await asyncio.sleep(0.01)
        assert (work.begun, work.cancelled) == (2, 1)
        work.end.set()
        assert await asyncio.gather(*asked[1:]) == ["result 2"] * 3

    asyncio.run(run())


def test_when_all_have_left_the_work_ends_and_nobody_joins_it():
    async def run():
        work = Work()
        asked = [work.ask() for _ in range(3)]
        await asyncio.sleep(0)
        for task in asked:
            task.cancel()
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {asyncio.CancelledError}
        assert (work.begun, work.cancelled) == (1, 1)
        work.end.set()
        assert await work.ask() == "result 2"

    asyncio.run(run())


def test_an_error_about_one_who_asked_is_not_the_others():
    class Mine(Exception):
        pass

    async def run():
        work = Work()
        work.flights = Flights(joined=work.count, personal=Mine)
        first, *others = [work.ask() for _ in range(3)]
        await asyncio.sleep(0)
        work.error = Mine()
        work.end.set()
        with pytest.raises(Mine):
            await first
        work.error = None
        assert await asyncio.gather(*others) == ["result 2", "result 3"]  # one after the other: nobody waits for it

    asyncio.run(run())
