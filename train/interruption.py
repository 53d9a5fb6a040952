"""Ctrl-C while a model is trained: the first asks for an end that saves, the second is not asked twice."""

import signal
from types import FrameType, TracebackType
from typing import Self


class Interruption:
    """A `train.loop.Stop` that turns true with Ctrl-C or SIGTERM.

    It minds signals from the first time it is asked: until then nothing is trained, and Ctrl-C ends the process as
    ever. So does a second one.
    """

    def __init__(self) -> None:
        self._wanted = False
        self._former: dict[signal.Signals, object] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._give_back()

    def __call__(self) -> bool:
        """Whether to stop."""
        if not self._former and not self._wanted:
            for number in (signal.SIGINT, signal.SIGTERM):
                self._former[number] = signal.signal(number, self._interrupt)
        return self._wanted

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._wanted = True
        self._give_back()

    def _give_back(self) -> None:
        while self._former:
            number, handler = self._former.popitem()
            signal.signal(number, handler)  # type: ignore[arg-type]
