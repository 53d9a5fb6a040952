"""A run's own record, with the marks that kills and resumes leave."""

from pathlib import Path

import pytest

from aisle.errors import SettingsError
from evaluation.history import LoggedStep, LoggedValidation, read_history

STEP = '{"step": %d, "epoch": 1, "loss": %s, "learning_rate": 0.001, "images_per_second": 50.0}\n'
VALIDATION = '{"step": %d, "epoch": 1, "catalog": "c", "products": 9, "recall_at_1": %s, "recall_at_10": 0.5}\n'


def _history(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "history.jsonl"
    path.write_text("".join(lines))
    return path


def test_steps_and_validations_are_told_apart(tmp_path: Path) -> None:
    found = read_history(_history(tmp_path, STEP % (1, "2.5"), VALIDATION % (1, "0.25"), STEP % (2, "2.0")))
    assert found.steps == (LoggedStep(1, 1, 2.5, 0.001, 50.0), LoggedStep(2, 1, 2.0, 0.001, 50.0))
    assert found.validations == (LoggedValidation(1, 1, "c", 9, 0.25, 0.5),)
    assert found.unreadable == 0


def test_what_was_done_again_after_a_resume_counts_once(tmp_path: Path) -> None:
    lines = [STEP % (1, "3.0"), STEP % (2, "2.0"), VALIDATION % (2, "0.1"), STEP % (2, "1.5"), VALIDATION % (2, "0.2")]
    found = read_history(_history(tmp_path, *lines))
    assert [(step.step, step.loss) for step in found.steps] == [(1, 3.0), (2, 1.5)]
    assert [one.recall_at_1 for one in found.validations] == [0.2]


def test_half_a_line_is_counted_and_a_loss_that_is_no_number_is_none(tmp_path: Path) -> None:
    lines = [STEP % (1, "NaN"), '{"step": 2, "lo\n', "[]\n", '{"step": 3}\n', STEP % (4, "Infinity")]
    found = read_history(_history(tmp_path, *lines))
    assert [(step.step, step.loss) for step in found.steps] == [(1, None), (4, None)]
    assert found.unreadable == 3


def test_a_run_without_a_history_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"history\.jsonl cannot be read"):
        read_history(tmp_path / "history.jsonl")
