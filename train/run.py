"""A whole training run: catalogs in, an ordinary Hugging Face checkpoint folder out."""

from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.nn import Module

from aisle.errors import ModelError
from aisle.files import write_json
from aisle.machine import Provider
from train.begun import REJECTED, Begun, Say, begin, silent
from train.device import repeatable, resolve_device
from train.loop import Progress, Report, Stop, train_steps
from train.pairs import Rows
from train.recipe import Recipe
from train.record import Record, save
from train.standing import Standing
from train.validation import Validation
from train.workers import Alone, Workers


@dataclass(frozen=True, slots=True)
class TrainResult:
    """What a run came to.

    Attributes:
        checkpoint: The folder.
        steps: Done.
        finished: Whether there is nothing left to do; False when the run was stopped from outside.
        loss: Of the last step; None when no step was left to do.
        validation: Of the last epoch that ended in this process.
        standing: The best validation, which with patience is that of the checkpoint.
        products: Learned from, over all catalogs.
        held_out: Catalog name to the row numbers that were held out.
        rejected: Catalog name to row number to reason.
    """

    checkpoint: Path
    steps: int
    finished: bool
    loss: float | None
    validation: tuple[Validation, ...]
    standing: Standing
    products: int
    held_out: dict[str, Rows]
    rejected: dict[str, dict[int, str]]


def never() -> bool:
    """Stop at the end only."""
    return False


def train(
    recipe: Recipe,
    *,
    output: Path,
    progress: Report,
    say: Say = silent,
    stop: Stop = never,
    resume: bool = False,
    provider: Provider = Provider.AUTO,
) -> TrainResult:
    """Train, saving a usable checkpoint and a state to resume from every few minutes, after each epoch and at the end.

    Args:
        recipe: What to do.
        output: The checkpoint folder; decoded pictures, rejected rows with their reasons, the history and the state are
            kept there, too.
        progress: Called after each step.
        say: Told what else is done.
        stop: Asked before each step; True saves and ends.
        resume: Go on with the run that `output` holds.
        provider: Where the model runs.

    Raises:
        CatalogError: A catalog cannot be used.
        ModelError: The checkpoint to start from, or the state to resume, cannot be used.
        ProviderUnavailable: `provider` is not to be had.
        SettingsError: `output` holds a run and `resume` is False, or the other way round, or other data or settings.
        IncompleteRun: A worker died.
    """
    device = resolve_device(provider)
    begun = begin(recipe, output=output, resume=resume, device=device, say=say)
    rejected = {corpus.recipe.name: corpus.rejected for corpus in begun.run.corpora}
    write_json(
        output / REJECTED, {name: {str(row): why for row, why in rows.items()} for name, rows in rejected.items()}
    )
    if recipe.training.workers == 1:
        return go(begun, workers=Alone(), progress=progress, stop=stop)
    from train.ray_workers import train_on_ray

    if not resume:  # the workers resume what is begun here, where a bad catalog still costs nothing
        save(begun.run, folder=output, position=begun.position, settings=begun.settings)
    say(f"starting {recipe.training.workers} workers")
    del begun
    return train_on_ray(recipe, output=output, progress=progress, stop=stop, gpu=device.type == "cuda")


def go(begun: Begun, *, workers: Workers, progress: Report, stop: Stop) -> TrainResult:
    """Train to the end.

    Args:
        begun: The run.
        workers: Who trains it together; each calls this.
        progress: Called after each step; of worker 0 alone.
        stop: Asked before each step; of worker 0 alone.

    Raises:
        ModelError: The workers ended with different weights.
        SettingsError: The loss is no number any more.
    """
    run, start = begun.run, begun.position.step
    losses: list[float] = []
    with repeatable(run.checkpoint.model.device), _record(begun, workers) as record:

        def report(now: Progress) -> None:
            losses.append(now.loss)
            if record is not None:
                progress(record.stepped(now))

        def over() -> bool:
            return record is not None and (record.over or stop())

        steps = train_steps(run, start=start, workers=workers, report=report, stop=over)
        if record is not None:
            record.ended(steps)
        if workers.count > 1:
            check_agreement(run.checkpoint.model, workers)
    return TrainResult(
        checkpoint=begun.folder,
        steps=steps,
        finished=steps == run.steps or (record is not None and record.over),
        loss=losses[-1] if losses else None,
        validation=record.validation if record is not None else (),
        standing=record.standing if record is not None else begun.position.standing,
        products=sum(len(corpus.training) for corpus in run.corpora),
        held_out={corpus.recipe.name: corpus.validation for corpus in run.corpora},
        rejected={corpus.recipe.name: corpus.rejected for corpus in run.corpora},
    )


def _record(begun: Begun, workers: Workers) -> AbstractContextManager[Record | None]:
    if workers.rank:
        return nullcontext()
    return closing(Record(begun.run, folder=begun.folder, position=begun.position, settings=begun.settings))


def check_agreement(model: Module, workers: Workers) -> None:
    """Check that all workers hold the same weights.

    Raises:
        ModelError: They do not.
    """
    weights = (parameter.detach().double() for parameter in model.parameters())
    own = [torch.stack([weight.sum(), weight.abs().sum()]) for weight in weights]
    sums = workers.gather(torch.stack(own).sum(dim=0, keepdim=True), workers.count)
    if not torch.allclose(sums, sums[0], rtol=1e-6):
        raise ModelError(f"the {workers.count} workers ended with different weights: do not use this checkpoint")
