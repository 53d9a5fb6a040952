"""A training run as a bar on a terminal, and as plain lines everywhere else."""

import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from cli.console import err, say
from cli.progress import LINE_EVERY_SECONDS

if TYPE_CHECKING:
    from train import loop


class TrainingProgress:
    """What `train.run.train` reports, for people; a context manager that leaves the terminal as it was."""

    def __init__(self) -> None:
        self._bars = Progress(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(bar_width=32),
            MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]}"),
            TextColumn("{task.fields[rate]} images/s", style="dim"),
            TextColumn("{task.fields[left]} left"),
            console=err,
            disable=not err.is_terminal,
        )
        self._task = self._bars.add_task("training", visible=False, epoch="", loss="", rate="", left="")
        self._spoken = -LINE_EVERY_SECONDS

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def __call__(self, now: "loop.Progress") -> None:
        """The bar moves; without a terminal a line at most every ten seconds, and one at the end."""
        epoch, loss = f"{now.epoch}/{now.epochs}", f"{now.loss:.3f}"
        rate, left = f"{now.images_per_second:,.0f}", _clock(now.seconds_left)
        self._bars.update(
            self._task,
            visible=True,
            completed=now.step,
            total=now.steps,
            epoch=epoch,
            loss=loss,
            rate=rate,
            left=left,
        )
        moment = time.monotonic()
        if not err.is_terminal and (moment - self._spoken >= LINE_EVERY_SECONDS or now.step == now.steps):
            self._spoken = moment
            say(f"epoch {epoch}: step {now.step:,} of {now.steps:,}, loss {loss}, {rate} images/s, {left} left")
        for one in now.validation:
            say(
                f"epoch {epoch}: among {one.products:,} held-out products of {one.catalog} "
                f"recall@1 {one.recall_at_1:.3f}, recall@10 {one.recall_at_10:.3f}"
            )


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
