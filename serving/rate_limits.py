"""How often somebody may ask: token buckets (Turner, "New directions in communications", 1986), one per key or address.

Counted by each worker for itself: a server of two workers lets up to twice as much through. Lives in one event loop.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable

from aisle.errors import AisleError

MAX_BUCKETS = 50_000
"""Most callers that are remembered; of more, those that asked last."""


class TooManyRequests(AisleError):
    """A caller asks more often than it may.

    Attributes:
        retry_after: Whole seconds until it may ask again.
    """

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RateLimit:
    """So many requests per second for each caller, and some at once."""

    def __init__(self, *, per_second: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Every bucket is full.

        Args:
            per_second: What a caller may do on average; 0 for as much as it likes.
            burst: What it may do at once.
            clock: In seconds.
        """
        self._per_second = per_second
        self._burst = max(burst, 1)
        self._clock = clock
        self._buckets: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()  # what is left, and when it was

    def __len__(self) -> int:
        return len(self._buckets)

    def __bool__(self) -> bool:
        return self._per_second > 0

    def take(self, caller: Hashable, work: int = 1) -> None:
        """Count a request.

        Args:
            caller: Whose.
            work: How much it asks for. Who has something left may take more than that, and waits longer afterwards.

        Raises:
            TooManyRequests: The caller has nothing left. It is not counted again for that.
        """
        if not self._per_second:
            return
        now = self._clock()
        left, when = self._buckets.pop(caller, (float(self._burst), now))
        left = min(float(self._burst), left + (now - when) * self._per_second)
        if left < 1:
            self._keep(caller, left, now)
            wait = math.ceil((1 - left) / self._per_second)
            raise TooManyRequests(
                f"more than {self._per_second:g} requests per second: try again in {wait} s", retry_after=wait
            )
        self._keep(caller, left - work, now)

    def _keep(self, caller: Hashable, left: float, now: float) -> None:
        self._buckets[caller] = (left, now)
        if len(self._buckets) > MAX_BUCKETS:
            self._buckets.popitem(last=False)
