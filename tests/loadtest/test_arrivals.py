import itertools

import pytest

from loadtest.arrivals import poisson_arrivals


def test_they_come_at_the_rate_in_order_within_the_time():
    times = list(poisson_arrivals(200, 50.0, seed=1))
    assert times == sorted(times)
    assert times[0] > 0
    assert times[-1] < 50
    assert len(times) == pytest.approx(10_000, rel=0.05)


def test_gaps_are_exponential():
    times = list(poisson_arrivals(10, 2000.0, seed=2))
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    longer = sum(gap > 0.2 for gap in gaps) / len(gaps)
    assert longer == pytest.approx(0.1353, abs=0.01)  # exp(-10 * 0.2)


def test_the_seed_decides():
    assert list(poisson_arrivals(9, 3.0, seed=4)) == list(poisson_arrivals(9, 3.0, seed=4))
    assert list(poisson_arrivals(9, 3.0, seed=4)) != list(poisson_arrivals(9, 3.0, seed=5))
