"""A run that dies goes on where it was; what it leaves can be searched with at any moment."""

import dataclasses
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import CLIPModel

from aisle.errors import CatalogError, SettingsError
from train.begun import REJECTED
from train.history import HISTORY
from train.loop import Progress
from train.recipe import Recipe
from train.record import STATE
from train.run import TrainResult, train
from train.validation import Validation

PER_EPOCH = 2

HANGS_AFTER_A_STEP = """
import sys, time
from pathlib import Path
import torch
from train.recipe import CatalogRecipe, ModelRecipe, Recipe, TrainingRecipe
from train.run import train

torch.set_num_threads(1)
recipe, output, last, resume = sys.argv[1:]

def progress(now):
    if now.step == int(last):
        print("here", flush=True)
        time.sleep(600)

train(eval(recipe), output=Path(output), progress=progress, resume=resume == "resume")
"""


@pytest.fixture(scope="module")
def calm(recipe: Recipe) -> Recipe:
    """A run of eight steps in four epochs, saved after every step."""
    numbers = dataclasses.replace(recipe.training, epochs=4, save_minutes=0.0, choices=1, word_dropout=0.1)
    return dataclasses.replace(recipe, training=numbers)


@pytest.fixture(scope="module")
def undisturbed(calm: Recipe, tmp_path_factory: pytest.TempPathFactory) -> TrainResult:
    return train(calm, output=tmp_path_factory.mktemp("undisturbed"), progress=lambda now: None)


def _weights(folder: Path) -> dict[str, torch.Tensor]:
    return CLIPModel.from_pretrained(folder).state_dict()


def _history(folder: Path) -> list[dict]:
    lines = [json.loads(line) for line in (folder / HISTORY).read_text().splitlines()]
    return [
        {name: value for name, value in line.items() if name not in {"images_per_second", "catalog"}} for line in lines
    ]


def _same(found: Path, expected: Path) -> None:
    ours, theirs = _weights(found), _weights(expected)
    for name, tensor in theirs.items():
        torch.testing.assert_close(ours[name], tensor, atol=1e-5, rtol=1e-4, msg=lambda text, n=name: f"{n}: {text}")
    ours, theirs = _history(found), _history(expected)
    assert [line["step"] for line in ours] == [line["step"] for line in theirs], "each step once, in order"
    for one, other in zip(ours, theirs, strict=True):
        assert one == pytest.approx(other, rel=1e-3)


def _killed_after(recipe: Recipe, output: Path, step: int, *, resume: bool) -> None:
    """Train in another process and end it with SIGKILL right after a step."""
    words = [repr(recipe), str(output), str(step), "resume" if resume else "begin"]
    command = [sys.executable, "-c", HANGS_AFTER_A_STEP, *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "here\n"
        finally:
            process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL


def test_kill_9_in_the_middle_of_an_epoch_changes_nothing(
    calm: Recipe, undisturbed: TrainResult, tmp_path: Path
) -> None:
    output = tmp_path / "run"
    _killed_after(calm, output, 3, resume=False)
    assert CLIPModel.from_pretrained(output) is not None
    assert [line["step"] for line in _history(output)] == [0, 1, 2, 2, 3], "killed in the second epoch"
    _killed_after(calm, output, 5, resume=True)
    seen: list[Progress] = []
    resumed = train(calm, output=output, progress=seen.append, resume=True)
    assert [now.step for now in seen] == [6, 7, 8], "nothing that was saved is done again"
    assert resumed.finished
    assert resumed.validation == undisturbed.validation
    _same(output, undisturbed.checkpoint)


class Killed(BaseException):
    """As sudden as a kill, and within this process."""


def _dying_at(step: int) -> Callable[[Progress], None]:
    def progress(now: Progress) -> None:
        if now.step == step:
            raise Killed

    return progress


def test_steps_after_the_last_save_are_done_again_and_written_once(
    calm: Recipe, undisturbed: TrainResult, tmp_path: Path
) -> None:
    rare = dataclasses.replace(calm, training=dataclasses.replace(calm.training, save_minutes=600.0))
    with pytest.raises(Killed):
        train(rare, output=tmp_path, progress=_dying_at(5))
    assert [line["step"] for line in _history(tmp_path)][-1] == 5
    seen: list[Progress] = []
    train(rare, output=tmp_path, progress=seen.append, resume=True)
    assert [now.step for now in seen] == [5, 6, 7, 8], "saved at the end of the second epoch"
    _same(tmp_path, undisturbed.checkpoint)


def test_a_run_that_dies_before_its_first_save_can_be_resumed(
    calm: Recipe, undisturbed: TrainResult, tmp_path: Path
) -> None:
    rare = dataclasses.replace(calm, training=dataclasses.replace(calm.training, save_minutes=600.0))
    with pytest.raises(Killed):
        train(rare, output=tmp_path, progress=_dying_at(1))
    train(rare, output=tmp_path, progress=lambda now: None, resume=True)
    _same(tmp_path, undisturbed.checkpoint)


def test_a_resumed_run_must_be_the_same_run(calm: Recipe, tmp_path: Path) -> None:
    with pytest.raises(Killed):
        train(calm, output=tmp_path, progress=_dying_at(1))

    def resumed(recipe: Recipe) -> TrainResult:
        return train(recipe, output=tmp_path, progress=lambda now: None, stop=lambda: True, resume=True)

    for name, value in (("learning_rate", 0.1), ("seed", 9), ("hard_negatives", True), ("crop_area", 0.5)):
        other = dataclasses.replace(calm, training=dataclasses.replace(calm.training, **{name: value}))
        with pytest.raises(SettingsError, match=f"of a run with {name} "):
            resumed(other)
    with pytest.raises(SettingsError, match="of a run with checkpoint none, not elsewhere"):
        resumed(dataclasses.replace(calm, checkpoint="elsewhere"))
    (catalog,) = calm.catalogs
    for name, value in (("templates", ("{shape}",)), ("validation", 0.3), ("nouns", ())):
        other = dataclasses.replace(calm, catalogs=(dataclasses.replace(catalog, **{name: value}),))
        with pytest.raises(SettingsError, match=f"of a run with {name} of catalog shapes "):
            resumed(other)
    numbers = dataclasses.replace(calm.training, micro_batch=3, save_minutes=5.0, patience=1, epochs=5)
    assert resumed(dataclasses.replace(calm, training=numbers)).steps == 1


def test_a_run_cannot_be_resumed_with_fewer_epochs_than_it_has_done(calm: Recipe, tmp_path: Path) -> None:
    with pytest.raises(Killed):
        train(calm, output=tmp_path, progress=_dying_at(5))
    short = dataclasses.replace(calm, training=dataclasses.replace(calm.training, epochs=2))
    with pytest.raises(SettingsError, match="has done 5 steps and 2 epochs are 4"):
        train(short, output=tmp_path, progress=lambda now: None, resume=True)


def _validating(monkeypatch: pytest.MonkeyPatch, recalls: list[float]) -> None:
    """Let validations come to these figures, the first of them before training."""
    left = iter(recalls)
    monkeypatch.setattr("train.record.validate", lambda *_: Validation("shapes", 9, 0.1, next(left)))


def test_the_run_ends_when_nothing_gets_better_and_leaves_its_best(
    calm: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = dataclasses.replace(calm, training=dataclasses.replace(calm.training, epochs=9, patience=2))
    kept: dict[int, dict[str, torch.Tensor]] = {}

    def progress(now: Progress) -> None:
        kept[now.step] = _weights(tmp_path / "run")

    _validating(monkeypatch, [0.9, 0.3, 0.5, 0.4, 0.5, 0.8])
    result = train(patient, output=tmp_path / "run", progress=progress)
    assert (result.steps, result.finished) == (4 * PER_EPOCH, True)
    assert result.standing.step == 2 * PER_EPOCH
    assert (result.standing.recall_at_10, result.standing.before) == (0.5, 0.9)
    left = _weights(tmp_path / "run")
    assert all(torch.equal(tensor, left[name]) for name, tensor in kept[4].items())
    assert not torch.equal(kept[3]["logit_scale"], left["logit_scale"])
    again = train(patient, output=tmp_path / "run", progress=lambda now: None, resume=True)
    assert (again.steps, again.finished) == (4 * PER_EPOCH, True), "there is nothing left to do"
    left_again = _weights(tmp_path / "run")
    assert all(torch.equal(tensor, left[name]) for name, tensor in left_again.items())


def test_a_kill_does_not_lose_the_best(calm: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    patient = dataclasses.replace(calm, training=dataclasses.replace(calm.training, epochs=9, patience=2))
    _validating(monkeypatch, [0.1, 0.5, 0.4])
    with pytest.raises(Killed):
        train(patient, output=tmp_path, progress=_dying_at(5))
    best = _weights(tmp_path)
    _validating(monkeypatch, [0.3])
    result = train(patient, output=tmp_path, progress=lambda now: None, resume=True)
    assert (result.steps, result.finished, result.standing.step) == (6, True, 2)
    assert all(torch.equal(tensor, best[name]) for name, tensor in _weights(tmp_path).items())


def test_without_patience_the_last_weights_stay(
    calm: Recipe, undisturbed: TrainResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _validating(monkeypatch, [0.1, 0.5, 0.4, 0.3, 0.2])
    result = train(calm, output=tmp_path, progress=lambda now: None)
    assert (result.steps, result.standing.step) == (8, 2)
    expected = _weights(undisturbed.checkpoint)
    assert all(torch.equal(tensor, expected[name]) for name, tensor in _weights(tmp_path).items())


def test_an_interrupted_first_epoch_leaves_what_it_learned(calm: Recipe, tmp_path: Path) -> None:
    patient = dataclasses.replace(calm, training=dataclasses.replace(calm.training, patience=2, save_minutes=600.0))
    starts = iter(range(100))
    stopped = train(patient, output=tmp_path, progress=lambda now: None, stop=lambda: next(starts) >= 1)
    assert (stopped.steps, stopped.finished) == (1, False)
    untrained = train(patient, output=tmp_path / "untrained", progress=lambda now: None, stop=lambda: True)
    assert not torch.equal(
        _weights(tmp_path)["visual_projection.weight"], _weights(untrained.checkpoint)["visual_projection.weight"]
    )


def test_patience_needs_something_held_out(calm: Recipe, tmp_path: Path) -> None:
    (catalog,) = calm.catalogs
    numbers = dataclasses.replace(calm.training, patience=2)
    with pytest.raises(SettingsError, match="no catalog holds products out"):
        Recipe(catalogs=(dataclasses.replace(catalog, validation=0.0),), model=calm.model, training=numbers)
    little = dataclasses.replace(catalog, validation=1e-9)
    with pytest.raises(CatalogError, match="no product is held out, and patience 2"):
        train(
            Recipe(catalogs=(little,), model=calm.model, training=numbers), output=tmp_path, progress=lambda now: None
        )


def test_rejected_rows_are_written_with_their_reasons(undisturbed: TrainResult) -> None:
    written = json.loads((undisturbed.checkpoint / REJECTED).read_text())
    assert written["shapes"]["7"] == "the product has no text"
    assert set(written["shapes"]) == {"5", "7"}
    assert not set(undisturbed.held_out["shapes"].tolist()) & {5, 7}
    assert len(undisturbed.held_out["shapes"]) + undisturbed.products == 46


def test_a_loss_that_is_no_number_ends_the_run_and_leaves_the_last_save(calm: Recipe, tmp_path: Path) -> None:
    wild = dataclasses.replace(calm, training=dataclasses.replace(calm.training, learning_rate=1e30))
    with pytest.raises(SettingsError, match=r"the loss of step \d is .*: learning_rate 1e\+30 is too high"):
        train(wild, output=tmp_path, progress=lambda now: None)
    assert (tmp_path / STATE).is_file()
    assert _weights(tmp_path)["logit_scale"].isfinite()
