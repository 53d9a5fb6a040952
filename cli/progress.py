"""A run as bars on a terminal, and as plain lines everywhere else."""

import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from cli.console import err, say

if TYPE_CHECKING:
    from batch.progress import Stage

LINE_EVERY_SECONDS = 10.0


class RateColumn(ProgressColumn):
    """Rows per second over the last half minute."""

    def render(self, task: Task) -> Text:
        """The rate, or nothing while it is unknown."""
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f}/s", style="dim")


class RunProgress:
    """A `batch.progress.ProgressSink` for people; a context manager that leaves the terminal as it was."""

    def __init__(self) -> None:
        self._bars = Progress(
            TextColumn("{task.description:<9}"),
            BarColumn(bar_width=32),
            MofNCompleteColumn(),
            RateColumn(),
            TimeRemainingColumn(compact=True),
            console=err,
            disable=not err.is_terminal,
        )
        self._stage = ""
        self._total: int | None = None
        self._done = 0
        self._began = self._spoken = 0.0
        self._task = self._bars.add_task("start", visible=False)

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def started(self, stage: "Stage", *, total: int | None) -> None:
        """A new bar, or a line."""
        self._stage, self._total, self._done = str(stage), total, 0
        self._began = self._spoken = time.monotonic()
        self._task = self._bars.add_task(self._stage, total=total)
        self._speak("started" if total is None else f"started, {total:,} rows")

    def advanced(self, rows: int) -> None:
        """The bar moves; a line at most every ten seconds."""
        self._done += rows
        self._bars.advance(self._task, rows)
        now = time.monotonic()
        if now - self._spoken >= LINE_EVERY_SECONDS:
            self._spoken = now
            rate = self._done / (now - self._began)
            total = f"{self._total:,}" if self._total else "?"
            left = f", {max(0, self._total - self._done) / rate:,.0f} s left" if self._total and rate else ""
            self._speak(f"{self._done:,} of {total} rows, {rate:,.0f}/s{left}")

    def finished(self) -> None:
        """The bar is full."""
        total = self._total if self._total is not None else max(1, self._done)
        self._bars.update(self._task, total=total, completed=total)
        self._speak(f"done in {time.monotonic() - self._began:.1f} s")

    def _speak(self, text: str) -> None:
        if not err.is_terminal:
            say(f"{self._stage}: {text}")
