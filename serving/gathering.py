"""The vectors of one query's parts, gathered from the threads that encode them."""

import threading
import time
from collections.abc import Callable

from aisle.types import UnitVectors


class Gathering:
    """What is encoded of a query. The thread that brings the last vector goes on with the query.

    Attributes:
        encoded: float32 `[dimension]` of each text and picture, by its place among the parts.
        decoded: When the last picture was (`time.perf_counter`); when the query began, if it has none.
        complete: When the last vector came; when the query began, if none was waited for.
    """

    def __init__(self, started: float) -> None:
        """Empty.

        Args:
            started: When the query began (`time.perf_counter`).
        """
        self.encoded: dict[int, UnitVectors] = {}
        self.decoded = self.complete = started
        self._missing = 0
        self._go_on: Callable[[], None] | None = None
        self._lock = threading.Lock()

    def expect(self, missing: int, go_on: Callable[[], None]) -> None:
        """Say what is to come, before it can.

        Args:
            missing: Vectors that are to be encoded. With none, `go_on` is called here.
            go_on: Called once all are there.
        """
        self._missing = missing
        if missing:
            self._go_on = go_on
        else:
            go_on()

    def end(self) -> None:
        """Nothing more is waited for. What was to go on knows this object and the release: a circle, if it stayed."""
        self._go_on = None

    def note_decoded(self) -> None:
        """A picture was decoded, in whatever thread."""
        self.decoded = max(self.decoded, time.perf_counter())

    def add(self, place: int, vector: UnitVectors) -> None:
        """A vector came, in whatever thread."""
        with self._lock:
            self.encoded[place] = vector
            self._missing -= 1
            is_last = self._missing == 0
        go_on = self._go_on
        if is_last and go_on is not None:
            self.complete = time.perf_counter()
            go_on()
