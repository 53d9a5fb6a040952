"""The loop over steps: draw a batch, encode it, contrast it, step. A step's chance comes from (seed, step) alone."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from train.augment import augmented
from train.contrastive import cap_temperature, choice_loss, contrastive_loss
from train.corpus import Batch, Corpus, epoch_batches
from train.model import Checkpoint
from train.optimizer import Optimizer, schedule
from train.pairs import Choice, Sentences, choices, long_sentences, short_sentences
from train.recipe import TrainingRecipe
from train.towers import image_vectors, text_vectors
from train.validation import Validation, normalised


@dataclass(frozen=True, slots=True)
class Progress:
    """How a run stands.

    Attributes:
        step: Steps done.
        steps: Of the whole run.
        epoch: Epochs begun.
        loss: Of the last step.
        learning_rate: Of the last step.
        images_per_second: Since this process began to train.
        seconds_left: At this rate.
        validation: New figures, when an epoch has just ended.
    """

    step: int
    steps: int
    epoch: int
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
        steps_per_epoch: How many batches an epoch has.
    """

    checkpoint: Checkpoint
    optimizer: Optimizer
    corpora: list[Corpus]
    recipe: TrainingRecipe
    steps_per_epoch: int

    @property
    def steps(self) -> int:
        """Of the whole run."""
        return self.recipe.epochs * self.steps_per_epoch


def train_steps(
    run: Run, *, start: int, report: Report, stop: Stop, epoch_ended: Callable[[int], tuple[Validation, ...]]
) -> int:
    """Go from step `start` to the end.

    Args:
        run: What to train.
        start: Steps already done.
        report: Called after each step.
        stop: Asked before each step; True ends the run early.
        epoch_ended: Called with the steps done after each epoch, to save and to validate.

    Returns:
        Steps done.
    """
    began, images, batches = time.monotonic(), 0, list[Batch]()
    for step in range(start, run.steps):
        if stop():
            return step
        epoch, place = divmod(step, run.steps_per_epoch)
        if place == 0 or not batches:
            batches = epoch_batches(run.corpora, batch=run.recipe.batch, seed=run.recipe.seed, epoch=epoch)
        share = schedule(step, steps=run.steps, warm_up=run.recipe.warm_up)
        loss = train_step(run, batches[place], step=step, share=share)
        images += len(batches[place].rows)
        done = step + 1
        validation = epoch_ended(done) if done % run.steps_per_epoch == 0 else ()
        seconds = time.monotonic() - began
        report(
            Progress(
                step=done,
                steps=run.steps,
                epoch=epoch + 1,
                loss=loss,
                learning_rate=share * run.recipe.learning_rate,
                images_per_second=images / seconds,
                seconds_left=(run.steps - done) * seconds / (done - start),
                validation=validation,
            )
        )
    return run.steps


def train_step(run: Run, batch: Batch, *, step: int, share: float) -> float:
    """One step of the optimizer at this share of the peak learning rates; returns the batch's loss before it."""
    model = run.checkpoint.model
    model.train()
    loss = batch_loss(run, batch, step=step)
    run.optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(model.parameters(), run.recipe.clip_norm)
    run.optimizer.step(share)
    cap_temperature(model.logit_scale)
    return float(loss.detach())


def batch_loss(run: Run, batch: Batch, *, step: int) -> Tensor:
    """The loss of one batch: the mean over long texts, short texts and choices, against the same picture vectors."""
    recipe, model, corpus = run.recipe, run.checkpoint.model, run.corpora[batch.catalog]
    random = np.random.default_rng((recipe.seed, 1, step))
    generator = torch.Generator().manual_seed(int(random.integers(1 << 62)))
    whole = step >= (recipe.epochs - recipe.whole_epochs) * run.steps_per_epoch
    pictures = augmented(
        corpus.pictures.pixels[batch.rows],
        size=run.checkpoint.image_size,
        crop_area=recipe.crop_area,
        rotation=recipe.rotation,
        generator=generator,
        device=str(model.device),
    )
    long = long_sentences(corpus.menu, batch.rows, random=random, word_dropout=recipe.word_dropout)
    short = short_sentences(corpus.menu, batch.rows, random=random)
    offered = choices(corpus.menu, batch.rows, count=recipe.choices, most=recipe.choice_texts, random=random)
    with torch.autocast(model.device.type, torch.bfloat16, enabled=recipe.precision == "bfloat16"):
        images = image_vectors(
            model,
            normalised(pictures, run.checkpoint),
            kept=1.0 if whole else recipe.patches_kept,
            generator=generator,
        )
        spoken = _spoken(run.checkpoint, [long.texts, [*short.texts, *(text for one in offered for text in one.texts)]])
    lengths = [len(short.texts), *(len(one.texts) for one in offered)]
    said, *chosen = torch.split(spoken[1], lengths)
    losses = [
        _loss(run.checkpoint, images, texts, sentences)
        for texts, sentences in ((spoken[0], long), (said, short))
        if len(texts) > 1
    ]
    losses += [
        _choice_loss(run.checkpoint, images, texts, choice) for texts, choice in zip(chosen, offered, strict=True)
    ]
    return torch.stack(losses).mean()


def _spoken(checkpoint: Checkpoint, groups: Sequence[Sequence[str]]) -> list[Tensor]:
    """Vectors of each group's texts; equal texts of a group are encoded once, and long ones do not pad short ones."""
    vectors = []
    for texts in groups:
        places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
        encoded = text_vectors(checkpoint.model, checkpoint.tokenizer, list(places)) if places else _none(checkpoint)
        vectors.append(encoded[torch.tensor([places[text] for text in texts], dtype=torch.long, device=encoded.device)])
    return vectors


def _none(checkpoint: Checkpoint) -> Tensor:
    return torch.zeros(0, int(checkpoint.model.config.projection_dim), device=checkpoint.model.device)


def _loss(checkpoint: Checkpoint, images: Tensor, texts: Tensor, sentences: Sentences) -> Tensor:
    return contrastive_loss(
        texts,
        images,
        checkpoint.model.logit_scale,
        own=torch.from_numpy(sentences.products).to(images.device),
        true_of=torch.from_numpy(sentences.true_of).to(images.device),
    )


def _choice_loss(checkpoint: Checkpoint, images: Tensor, texts: Tensor, choice: Choice) -> Tensor:
    return choice_loss(
        images[torch.from_numpy(choice.products).to(images.device)],
        texts,
        checkpoint.model.logit_scale,
        own=torch.from_numpy(choice.own).to(images.device),
    )
