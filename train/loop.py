"""The loop over steps: draw one, take its gradient, step. A step's chance comes from (seed, step) alone."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from aisle.errors import SettingsError
from train.batches import Batch, epoch_batches
from train.contrastive import cap_temperature
from train.corpus import Corpus
from train.gradients import add_gradients
from train.model import Checkpoint
from train.optimizer import Optimizer, schedule
from train.recipe import TrainingRecipe
from train.step import draw_step
from train.validation import Validation
from train.workers import Workers


@dataclass(frozen=True, slots=True)
class Progress:
    """How a run stands.

    Attributes:
        step: Steps done.
        steps: Of the whole run.
        epoch: Epochs begun.
        epochs: Of the whole run.
        loss: Of the last step.
        learning_rate: Of the last step.
        images_per_second: Since this process began to train.
        seconds_left: At this rate.
        validation: New figures, when an epoch has just ended.
    """

    step: int
    steps: int
    epoch: int
    epochs: int
    loss: float
    learning_rate: float
    images_per_second: float
    seconds_left: float
    validation: tuple[Validation, ...] = ()


Report = Callable[[Progress], None]
Stop = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Run:
    """What the loop works on.

    Attributes:
        checkpoint: The model, changed in place.
        optimizer: Over its parameters.
        corpora: The catalogs.
        recipe: The numbers.
        bfloat16: Whether the towers calculate in bfloat16.
        steps_per_epoch: How many batches an epoch has.
    """

    checkpoint: Checkpoint
    optimizer: Optimizer
    corpora: list[Corpus]
    recipe: TrainingRecipe
    bfloat16: bool
    steps_per_epoch: int

    @property
    def steps(self) -> int:
        """Of the whole run."""
        return self.recipe.epochs * self.steps_per_epoch


def train_steps(run: Run, *, start: int, workers: Workers, report: Report, stop: Stop) -> int:
    """Go from step `start` to the end.

    Args:
        run: What to train.
        start: Steps already done.
        workers: Who trains it together; each calls this.
        report: Called after each step.
        stop: Asked before each step; True from worker 0 ends the run early.

    Returns:
        Steps done.

    Raises:
        SettingsError: The loss is no number any more, or a step does not fit into memory.
    """
    began, images, batches = time.monotonic(), 0, list[Batch]()
    for step in range(start, run.steps):
        if workers.agreed(stop()):
            return step
        epoch, place = divmod(step, run.steps_per_epoch)
        if place == 0 or not batches:
            batches = epoch_batches(run.corpora, batch=run.recipe.batch, seed=run.recipe.seed, epoch=epoch)
        share = schedule(step, steps=run.steps, warm_up=run.recipe.warm_up)
        loss = train_step(run, batches[place], step=step, share=share, workers=workers)
        images += len(batches[place].rows)
        done = step + 1
        seconds = time.monotonic() - began
        report(
            Progress(
                step=done,
                steps=run.steps,
                epoch=epoch + 1,
                epochs=run.recipe.epochs,
                loss=loss,
                learning_rate=share * run.recipe.learning_rate,
                images_per_second=images / seconds,
                seconds_left=(run.steps - done) * seconds / (done - start),
            )
        )
    return run.steps


def train_step(run: Run, batch: Batch, *, step: int, share: float, workers: Workers) -> float:
    """One step of the optimizer at this share of the peak learning rates; returns the batch's loss before it.

    Raises:
        SettingsError: The loss is no number, or the step does not fit into memory.
    """
    model, recipe = run.checkpoint.model, run.recipe
    model.train()
    run.optimizer.zero_grad()
    whole = step >= (recipe.epochs - recipe.whole_epochs) * run.steps_per_epoch
    try:
        loss = add_gradients(
            run.checkpoint,
            draw_step(run.checkpoint, run.corpora, batch, recipe, number=step, whole=whole),
            micro_batch=recipe.micro_batch,
            bfloat16=run.bfloat16,
            workers=workers,
        )
    except torch.OutOfMemoryError as error:
        now = recipe.micro_batch or recipe.batch
        raise SettingsError(
            f"{now} products at a time do not fit into memory: set micro_batch to {max(1, now // 4)}, which changes "
            "nothing but speed"
        ) from error
    if not math.isfinite(loss):
        raise SettingsError(
            f"the loss of step {step + 1} is {loss}: learning_rate {recipe.learning_rate:g} is too high; start again "
            "in another folder with a lower one"
        )
    torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.clip_norm)
    run.optimizer.step(share)
    cap_temperature(model.logit_scale)
    return loss
