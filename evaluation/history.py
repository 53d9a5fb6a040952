"""What a training run wrote down as it went: one JSON object per line, of a logged step or of a validation."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aisle.errors import SettingsError


@dataclass(frozen=True, slots=True)
class LoggedStep:
    """One step of the optimizer; a figure that is no finite number is None."""

    step: int
    epoch: int
    loss: float | None
    learning_rate: float | None
    images_per_second: float | None


@dataclass(frozen=True, slots=True)
class LoggedValidation:
    """Title-to-picture figures in the middle of a run."""

    step: int
    epoch: int
    catalog: str
    products: int
    recall_at_1: float
    recall_at_10: float


@dataclass(frozen=True, slots=True)
class History:
    """A run from its first step to its last.

    Attributes:
        steps: By step, ascending; of a step that was done again after a resume, the later record.
        validations: By step, then by catalog.
        unreadable: Lines that are no such record, such as the one that was being written when the run was killed.
    """

    steps: tuple[LoggedStep, ...]
    validations: tuple[LoggedValidation, ...]
    unreadable: int


def read_history(path: Path) -> History:
    """Read `history.jsonl`.

    Raises:
        SettingsError: The file cannot be read.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise SettingsError(f"the run's history {path} cannot be read: {error}") from error
    steps: dict[int, LoggedStep] = {}
    validations: dict[tuple[int, str], LoggedValidation] = {}
    unreadable = 0
    for line in lines:
        try:
            record = _record(json.loads(line))
        except (ValueError, TypeError, KeyError):
            unreadable += 1
            continue
        if isinstance(record, LoggedStep):
            steps[record.step] = record
        else:
            validations[record.step, record.catalog] = record
    return History(
        steps=tuple(steps[step] for step in sorted(steps)),
        validations=tuple(validations[key] for key in sorted(validations)),
        unreadable=unreadable,
    )


def _record(values: Mapping[str, Any]) -> LoggedStep | LoggedValidation:
    if "loss" in values:
        return LoggedStep(
            step=int(values["step"]),
            epoch=int(values["epoch"]),
            loss=_finite(values["loss"]),
            learning_rate=_finite(values["learning_rate"]),
            images_per_second=_finite(values["images_per_second"]),
        )
    return LoggedValidation(
        step=int(values["step"]),
        epoch=int(values["epoch"]),
        catalog=str(values["catalog"]),
        products=int(values["products"]),
        recall_at_1=float(values["recall_at_1"]),
        recall_at_10=float(values["recall_at_10"]),
    )


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
