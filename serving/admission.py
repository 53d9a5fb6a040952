"""Who may come in: a burst is taken whole, an overload only as far as it can be answered in good time.

A queue that is long for a moment is a burst, and waiting is right. A queue that stays long is an overload, and waiting
makes every answer late without making one more of them (Nichols and Jacobson, "Controlling Queue Delay", ACM Queue
2012). So the door has two bounds. The wide one holds while nobody is turned away. From the first refusal until some
time without one it is the narrow one: as much work as is done in a given time, at the rate measured just now.

Lives in one event loop.
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from aisle.errors import AisleError

CALM_SECONDS = 1.0
"""So long nobody must have been turned away before the wide bound holds again."""

_MEMORY = 1 - 1 / 128
"""Weight of the past at each answer: the rate is that of the last hundred or so."""

_TELLING = 32
"""So many answers tell how long others will take. The first few, of a worker that has just started, are slow ones."""


class Overloaded(AisleError):
    """More requests wait than can be answered in good time.

    Attributes:
        retry_after: Seconds after which trying again makes sense.
    """

    def __init__(self, message: str, *, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class TooLate(AisleError):
    """A request cannot be answered within its time, so nothing was computed for it."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much work may be inside; its unit is a text or a picture.

    Attributes:
        burst: While nobody is turned away.
        least: Never less than this, overload or not: what keeps every worker busy.
        seconds: Under overload, as much as is done in this time.
    """

    burst: int
    least: int
    seconds: float


class Admission:
    """The door of one kind of request.

    Attributes:
        inside: Work that came in and did not leave yet.
    """

    def __init__(self, name: str, *, bounds: Bounds, clock: Callable[[], float] = time.monotonic) -> None:
        """Open, with nobody inside.

        Args:
            name: Of what comes in, for messages.
            bounds: How much may.
            clock: In seconds.
        """
        self.inside = 0
        self._approaching = 0
        self._name = name
        self._bounds = bounds
        self._clock = clock
        self._calm_from = clock()
        self._counted_from = 0.0
        self._done = self._busy_seconds = 0.0  # both fade, so their quotient is the rate of late

    @contextmanager
    def visit(self, work: int = 1, *, deadline: float = math.inf) -> Iterator[None]:
        """Come in, and leave at the end of the block. An error that leaves the block is no answer.

        Args:
            work: How much comes in; whoever finds room for some of it may bring all.
            deadline: As in `check`.

        Raises:
            Overloaded: There is no room.
            TooLate: What is inside takes longer than there is time.
        """
        self._enter(work, deadline)
        try:
            yield
            self._count_answer(work)
        finally:
            self.inside -= work

    def approach(self) -> Callable[[], None]:
        """Count a request that is on its way to this door; call what is returned when it was answered, or is gone.

        Many requests may be read before the first of them comes to the door; they would all see the same room.
        """
        self._approaching += 1
        return self._pass_by

    def has_room(self) -> bool:
        """Whether one more would find room behind all that approach."""
        return max(self.inside, self._approaching) < self._bound(self._clock())

    def refuse(self) -> Overloaded:
        """Turn one away.

        Returns:
            What it is told.
        """
        self._calm_from = self._clock() + CALM_SECONDS
        return Overloaded(f"{self.inside} {self._name} are being worked on already: try again in a moment")

    def check(self, *, deadline: float = math.inf) -> None:
        """Find out whether one more would be turned away, without coming in.

        Args:
            deadline: When its time is up, by the clock.

        Raises:
            Overloaded: It would, and counts as if it had tried.
            TooLate: What is inside takes longer than there is time.
        """
        now = self._clock()
        if deadline < math.inf and (wait := self._wait()) > deadline - now:
            if self.inside >= self._narrow_bound():  # else it is this one that is in a hurry
                self._calm_from = now + CALM_SECONDS
            raise TooLate(
                f"{self.inside} {self._name} are being worked on already, for about {wait:.2g} s: longer than the "
                f"{max(0.0, deadline - now):.2g} s that this request allows"
            )
        if self.inside >= self._bound(now):
            raise self.refuse()

    def _enter(self, work: int, deadline: float) -> None:
        self.check(deadline=deadline)
        if self.inside == 0:
            self._counted_from = self._clock()  # nothing was done before
        self.inside += work

    def _pass_by(self) -> None:
        self._approaching -= 1

    def _wait(self) -> float:
        """Seconds until what is inside is done, at the rate of late; 0 while too few answers tell one."""
        return self.inside * self._busy_seconds / self._done if self._done >= _TELLING else 0.0

    def _bound(self, now: float) -> int:
        return self._bounds.burst if now >= self._calm_from else self._narrow_bound()

    def _narrow_bound(self) -> int:
        if not self._busy_seconds:
            return self._bounds.burst
        in_time = int(self._bounds.seconds * self._done / self._busy_seconds)
        return min(self._bounds.burst, max(self._bounds.least, in_time))

    def _count_answer(self, work: int) -> None:
        now = self._clock()
        self._busy_seconds = _MEMORY * self._busy_seconds + now - self._counted_from
        self._done = _MEMORY * self._done + work
        self._counted_from = now
