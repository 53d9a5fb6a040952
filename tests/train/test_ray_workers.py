"""Two workers through Ray Train: the same steps as one, the same weights on both."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import ray
import torch
from transformers import CLIPModel

from aisle.errors import IncompleteRun, ModelError, SettingsError
from train.history import HISTORY
from train.loop import Progress
from train.ray_workers import _cause, _ray, train_on_ray
from train.recipe import Recipe
from train.run import TrainResult, check_agreement, train

pytestmark = pytest.mark.filterwarnings(r"ignore::DeprecationWarning:ray\.data\.context")  # Ray's, of its own settings


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    """One Ray for all tests of this file."""
    with _ray(2):
        yield


@pytest.fixture(scope="module")
def odd(recipe: Recipe) -> Recipe:
    """Batches of 15, which two workers cannot halve; no Muon, which would make large steps of rounding errors."""
    numbers = dataclasses.replace(
        recipe.training, epochs=3, batch=15, choices=2, micro_batch=6, learning_rate=1e-3, muon_learning_rate=0.0
    )
    return dataclasses.replace(recipe, training=numbers)


def _shared(recipe: Recipe, workers: int) -> Recipe:
    return dataclasses.replace(recipe, training=dataclasses.replace(recipe.training, workers=workers))


def _weights(folder: Path) -> dict[str, torch.Tensor]:
    return CLIPModel.from_pretrained(folder).state_dict()


def _history(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / HISTORY).read_text().splitlines()]


def _same(found: TrainResult, expected: TrainResult) -> None:
    ours, theirs = _weights(found.checkpoint), _weights(expected.checkpoint)
    for name, tensor in theirs.items():
        # AdamW, too, makes something of rounding errors; a whole step is 1e-3, and there are six.
        torch.testing.assert_close(ours[name], tensor, atol=2e-4, rtol=1e-3, msg=lambda text, n=name: f"{n}: {text}")
    steps = [[line for line in _history(one.checkpoint) if "loss" in line] for one in (found, expected)]
    assert [line["step"] for line in steps[0]] == [line["step"] for line in steps[1]]
    assert [line["loss"] for line in steps[0]] == pytest.approx([line["loss"] for line in steps[1]], abs=1e-4)


def test_two_workers_do_what_one_does_with_the_whole_batch(odd: Recipe, tmp_path: Path) -> None:
    alone = train(odd, output=tmp_path / "alone", progress=lambda now: None)
    seen: list[Progress] = []
    shared = train(_shared(odd, 2), output=tmp_path / "shared", progress=seen.append)
    assert [now.step for now in seen] == list(range(1, alone.steps + 1))
    assert (shared.finished, shared.steps, shared.checkpoint) == (True, alone.steps, tmp_path / "shared")
    assert shared.validation == alone.validation
    assert shared.held_out["shapes"].tolist() == alone.held_out["shapes"].tolist()
    _same(shared, alone)

    asked = iter(range(10_000))
    stopped = train(
        _shared(odd, 2), output=tmp_path / "stopped", progress=lambda now: None, stop=lambda: next(asked) >= 0
    )
    assert not stopped.finished
    assert stopped.steps < alone.steps
    resumed = train(_shared(odd, 1), output=tmp_path / "stopped", progress=lambda now: None, resume=True)
    assert resumed.finished
    _same(resumed, alone)


def test_what_a_worker_raises_arrives_as_it_is(odd: Recipe, tmp_path: Path) -> None:
    wild = dataclasses.replace(odd, training=dataclasses.replace(odd.training, learning_rate=1e30, workers=2))
    with pytest.raises(SettingsError, match="the loss of step"):
        train(wild, output=tmp_path / "run", progress=lambda now: None)


def test_more_gpus_than_there_are_is_an_error(odd: Recipe, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="choose fewer workers"):
        train_on_ray(_shared(odd, 2), output=tmp_path, progress=lambda now: None, stop=lambda: False, gpu=True)


def test_a_dead_worker_is_an_incomplete_run() -> None:
    failure = ray.train.TrainingFailedError("Training failed due to worker errors:\n[Rank 1]\nThe actor died.")
    cause = _cause(failure)
    assert isinstance(cause, IncompleteRun)
    assert "The actor died." in str(cause)


class Two:
    """Two workers whose weights are what is said."""

    rank, count = 0, 2

    def __init__(self, other: torch.Tensor) -> None:
        self._other = other

    def gather(self, own: torch.Tensor, count: int, /) -> torch.Tensor:
        assert count == 2
        return torch.cat([own, self._other.to(own.dtype).view(1, -1)])


def test_different_weights_are_never_left_unsaid() -> None:
    layer = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(layer.weight, -2.0)
    check_agreement(layer, Two(torch.tensor([-2.0, 2.0])))
    for other in ([-2.001, 2.0], [-2.0, 2.001], [2.0, 2.0]):
        with pytest.raises(ModelError, match="different weights"):
            check_agreement(layer, Two(torch.tensor(other)))
