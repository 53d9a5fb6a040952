"""The end of a worker: it says that it is not ready, goes on answering for a moment, and only then stops listening.

Without that moment a load balancer sends requests to a worker that has gone.
"""

import signal
import threading
from collections.abc import Callable
from types import FrameType

from aisle.errors import AisleError


class Draining(AisleError):
    """The worker is about to end."""


class Drain:
    """Whether the worker is about to end.

    Attributes:
        begun: Whether it is.
    """

    def __init__(self) -> None:
        self.begun = False

    def begin(self) -> None:
        """It is."""
        self.begun = True

    def check(self) -> None:
        """Return while the worker goes on.

        Raises:
            Draining: It does not.
        """
        if self.begun:
            raise Draining("this worker is about to end: ask another")


def end_late(drain: Drain, *, seconds: float) -> None:
    """Let SIGTERM begin a drain; what SIGTERM did so far comes that much later.

    Call it in the main thread, once the server's own handler is in place.

    Args:
        drain: Is begun at once.
        seconds: How much later the worker ends.
    """
    ends = signal.getsignal(signal.SIGTERM)
    if not callable(ends):
        raise RuntimeError("the server has no handler for SIGTERM yet")
    signal.signal(signal.SIGTERM, _late(drain, ends, seconds))


def _late(
    drain: Drain, ends: Callable[[int, FrameType | None], object], seconds: float
) -> Callable[[int, FrameType | None], None]:
    def terminate(number: int, _frame: FrameType | None) -> None:
        if drain.begun:
            return  # the first one counts
        drain.begin()
        timer = threading.Timer(seconds, lambda: ends(number, None))
        timer.daemon = True
        timer.start()

    return terminate
