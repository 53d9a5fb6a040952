"""What a run tells whoever watches it."""

from enum import StrEnum
from typing import Protocol


class Stage(StrEnum):
    """Stages of a run, in order."""

    PLAN = "plan"
    EMBED = "embed"
    BUILD = "build"
    EVALUATE = "evaluate"
    PUBLISH = "publish"


class ProgressSink(Protocol):
    """Whoever draws a bar. Stages never overlap; a run that fails leaves its last stage unfinished."""

    def started(self, stage: Stage, *, total: int | None) -> None:
        """A stage begins.

        Args:
            stage: Which.
            total: Rows it will go through; None when it does not know.
        """
        ...

    def advanced(self, rows: int) -> None:
        """The stage went through that many rows more."""
        ...

    def finished(self) -> None:
        """The stage is done."""
        ...


class SilentProgress:
    """Nobody watches."""

    def started(self, stage: Stage, *, total: int | None) -> None:
        """Nothing is shown."""

    def advanced(self, rows: int) -> None:
        """Nothing is shown."""

    def finished(self) -> None:
        """Nothing is shown."""
