"""`history.jsonl`: what every step and every validation of a run came to, one JSON object a line."""

import json
import os
from dataclasses import asdict
from pathlib import Path

from aisle.files import write_atomically
from train.loop import Progress
from train.validation import Validation

HISTORY = "history.jsonl"


class History:
    """The file, open to be appended to. A line is written as soon as it is known, and at once."""

    def __init__(self, folder: Path, *, step: int) -> None:
        """Go on after a step: lines of later ones, which a killed run left and the resumed one repeats, are dropped.

        Args:
            folder: Of the run.
            step: Steps done; 0 begins anew.
        """
        path = folder / HISTORY
        kept = [line for line in _whole_lines(path) if json.loads(line)["step"] <= step] if step else []
        write_atomically(path, lambda temporary: temporary.write_text("".join(kept), encoding="utf-8"))
        self._stream = os.open(path, os.O_WRONLY | os.O_APPEND)

    def close(self) -> None:
        """No line follows."""
        os.close(self._stream)

    def stepped(self, now: Progress) -> None:
        """A step: `step`, `epoch` (from 1), `loss`, `learning_rate`, `images_per_second`."""
        self._append(
            {
                "step": now.step,
                "epoch": now.epoch,
                "loss": now.loss,
                "learning_rate": now.learning_rate,
                "images_per_second": round(now.images_per_second, 2),
            }
        )

    def validated(self, found: Validation, *, step: int, epoch: int) -> None:
        """A validation of one catalog: `step`, `epoch` (0 is before training), and all that `Validation` says."""
        self._append({"step": step, "epoch": epoch, **asdict(found)})

    def _append(self, record: dict[str, object]) -> None:
        os.write(self._stream, f"{json.dumps(record, allow_nan=False)}\n".encode())


def _whole_lines(path: Path) -> list[str]:
    """A kill can cut the last line short."""
    if not path.is_file():
        return []
    return [line for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")]
