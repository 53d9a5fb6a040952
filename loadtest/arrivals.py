"""When requests are due."""

import random
from collections.abc import Iterator


def poisson_arrivals(rate: float, seconds: float, *, seed: int = 0) -> Iterator[float]:
    """Times of independent callers who know nothing of each other: gaps are exponential, so some come in bunches.

    Args:
        rate: Requests a second, on average; greater than 0.
        seconds: How long they go on coming.
        seed: Of the chance.

    Yields:
        Seconds from the start, ascending, below `seconds`.
    """
    chance = random.Random(seed)  # noqa: S311 - nothing depends on its being secret
    due = chance.expovariate(rate)
    while due < seconds:
        yield due
        due += chance.expovariate(rate)
