import pytest

from serving import rate_limits
from serving.rate_limits import RateLimit, TooManyRequests


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def wait_of(limit: RateLimit, caller: str) -> int:
    with pytest.raises(TooManyRequests) as raised:
        limit.take(caller)
    return raised.value.retry_after


def test_a_burst_and_then_the_average(clock):
    limit = RateLimit(per_second=2, burst=3, clock=clock)
    for _ in range(3):
        limit.take("a")
    assert wait_of(limit, "a") == 1
    limit.take("b")
    clock.now += 0.5  # one more, at two per second
    limit.take("a")
    assert wait_of(limit, "a") == 1
    clock.now += 1000
    for _ in range(3):
        limit.take("a")
    assert wait_of(limit, "a") == 1


def test_much_work_is_waited_for(clock):
    limit = RateLimit(per_second=0.5, burst=2, clock=clock)
    limit.take("a", work=10)
    assert wait_of(limit, "a") == 18  # from -8 to 1
    clock.now += 17.9
    assert wait_of(limit, "a") == 1
    clock.now += 0.1
    limit.take("a")


def test_asking_in_vain_costs_nothing(clock):
    limit = RateLimit(per_second=1, burst=1, clock=clock)
    limit.take("a")
    for _ in range(50):
        clock.now += 0.01
        wait_of(limit, "a")
    clock.now += 0.51
    limit.take("a")


def test_no_limit(clock):
    limit = RateLimit(per_second=0, burst=1, clock=clock)
    for _ in range(100):
        limit.take("a")
    assert len(limit) == 0


def test_memory_is_bounded(clock, monkeypatch):
    monkeypatch.setattr(rate_limits, "MAX_BUCKETS", 10)
    limit = RateLimit(per_second=0.001, burst=1, clock=clock)
    limit.take("first")
    for number in range(8):
        limit.take(number)
    assert wait_of(limit, "first") > 900  # and so asked last
    for number in range(8, 1000):
        limit.take(number)
        assert len(limit) <= 10
    assert wait_of(limit, 999) > 900
