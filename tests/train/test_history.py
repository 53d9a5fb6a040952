"""The history has each step once, whatever happened to the runs that wrote it."""

import json
from pathlib import Path

import pytest

from train.history import HISTORY, History
from train.loop import Progress
from train.validation import Validation


def _step(step: int, loss: float = 2.0) -> Progress:
    return Progress(
        step=step, steps=9, epoch=1, epochs=3, loss=loss, learning_rate=1e-3, images_per_second=12.345, seconds_left=1.0
    )


def _lines(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / HISTORY).read_text().splitlines()]


def test_steps_and_validations_are_lines(tmp_path: Path) -> None:
    history = History(tmp_path, step=0)
    history.validated(Validation("shop", 50, 0.1, 0.4), step=0, epoch=0)
    history.stepped(_step(1))
    assert _lines(tmp_path) == [
        {"step": 0, "epoch": 0, "catalog": "shop", "products": 50, "recall_at_1": 0.1, "recall_at_10": 0.4},
        {"step": 1, "epoch": 1, "loss": 2.0, "learning_rate": 1e-3, "images_per_second": 12.35},
    ]
    history.close()


def test_a_resumed_run_drops_what_it_does_again(tmp_path: Path) -> None:
    first = History(tmp_path, step=0)
    for step in range(1, 6):
        first.stepped(_step(step))
    first.validated(Validation("shop", 50, 0.1, 0.4), step=5, epoch=1)
    first.close()
    with (tmp_path / HISTORY).open("a") as stream:
        stream.write('{"step": 6, "ep')  # a kill in the middle of a line
    second = History(tmp_path, step=3)
    for step in range(4, 7):
        second.stepped(_step(step, loss=1.0))
    second.close()
    assert [(line["step"], line["loss"]) for line in _lines(tmp_path)] == [
        (1, 2.0), (2, 2.0), (3, 2.0), (4, 1.0), (5, 1.0), (6, 1.0),
    ]  # fmt: skip
    History(tmp_path, step=0).close()
    assert _lines(tmp_path) == [], "a new run begins anew"


def test_the_last_step_keeps_its_validation(tmp_path: Path) -> None:
    history = History(tmp_path, step=0)
    history.stepped(_step(1))
    history.validated(Validation("shop", 50, 0.1, 0.4), step=1, epoch=1)
    history.close()
    History(tmp_path, step=1).close()
    assert len(_lines(tmp_path)) == 2


def test_no_line_holds_what_is_no_json(tmp_path: Path) -> None:
    history = History(tmp_path, step=0)
    with pytest.raises(ValueError, match="JSON"):
        history.stepped(_step(1, loss=float("nan")))
    history.close()
