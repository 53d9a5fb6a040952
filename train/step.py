"""What one step shows and asks: drawn once and whole, so that any part of it can be encoded anywhere, and again."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from train.augment import augmented, crop_maps
from train.batches import Batch
from train.contrastive import choice_loss, contrastive_loss
from train.corpus import Corpus
from train.model import Checkpoint
from train.pairs import Choice, Rows, Sentences, choices, long_sentences, short_sentences
from train.recipe import TrainingRecipe
from train.towers import image_vectors, kept_patches
from train.validation import normalised


@dataclass(frozen=True, slots=True)
class Step:
    """One step. Its chance comes from seed and number alone.

    Attributes:
        corpus: Whose products it shows.
        rows: Which, int64 `[n]`.
        crops: How each picture is cut, float32 `[n, 2, 3]`.
        patches: Which patches of each picture are seen, int64 `[n, count]`; None for all.
        long: Titles and long texts.
        short: Attribute texts.
        choices: Attribute texts among all that the catalog might say.
        texts: What is encoded: the different texts of `long`, and those of `short` and `choices`. Apart, because long
            ones would pad the short ones.
        seed: Of what the towers themselves draw, such as dropout.
    """

    corpus: Corpus
    rows: Rows
    crops: Tensor
    patches: Tensor | None
    long: Sentences
    short: Sentences
    choices: Sequence[Choice]
    texts: tuple[Sequence[str], Sequence[str]]
    seed: int

    @property
    def counts(self) -> tuple[int, int, int]:
        """How many pictures, long texts and short texts there are to encode."""
        return len(self.rows), len(self.texts[0]), len(self.texts[1])


def draw_step(
    checkpoint: Checkpoint, corpora: Sequence[Corpus], batch: Batch, recipe: TrainingRecipe, *, number: int, whole: bool
) -> Step:
    """Draw everything that chance decides in a step.

    Args:
        checkpoint: The model to be trained.
        corpora: The catalogs.
        batch: Which products.
        recipe: The numbers.
        number: Of the step, from 0.
        whole: Whether pictures keep all patches.
    """
    corpus = corpora[batch.catalog]
    random = np.random.default_rng((recipe.seed, 1, number))
    seed = int(random.integers(1 << 62))
    generator = torch.Generator().manual_seed(seed)
    count = len(batch.rows)
    crops = crop_maps(count, crop_area=recipe.crop_area, rotation=recipe.rotation, generator=generator)
    long = long_sentences(corpus.menu, batch.rows, random=random, word_dropout=recipe.word_dropout)
    short = short_sentences(corpus.menu, batch.rows, random=random)
    offered = choices(corpus.menu, batch.rows, count=recipe.choices, most=recipe.choice_texts, random=random)
    return Step(
        corpus=corpus,
        rows=batch.rows,
        crops=crops,
        patches=kept_patches(
            count, checkpoint.patches, kept=1.0 if whole else recipe.patches_kept, generator=generator
        ),
        long=long,
        short=short,
        choices=offered,
        texts=(
            tuple(dict.fromkeys(long.texts)),
            tuple(dict.fromkeys([*short.texts, *(text for choice in offered for text in choice.texts)])),
        ),
        seed=seed,
    )


def picture_vectors(checkpoint: Checkpoint, step: Step, part: slice) -> Tensor:
    """Encode some of a step's pictures: float32 `[m, dimension]`, unit rows."""
    pictures = augmented(
        step.corpus.pictures.pixels[step.rows[part]],
        step.crops[part],
        size=checkpoint.image_size,
        device=checkpoint.model.device,
    )
    patches = None if step.patches is None else step.patches[part]
    return image_vectors(checkpoint.model, normalised(pictures, checkpoint), patches=patches)


def step_loss(checkpoint: Checkpoint, step: Step, images: Tensor, long: Tensor, short: Tensor) -> Tensor:
    """The loss of a step: the mean over long texts, short texts and choices, against the same picture vectors.

    Args:
        checkpoint: Whose temperature is used.
        step: What was encoded.
        images: Vectors of its pictures, float32 `[n, dimension]`.
        long: Of `texts[0]`.
        short: Of `texts[1]`.
    """
    scale = checkpoint.model.logit_scale
    losses = [
        contrastive_loss(
            _spoken(sentences.texts, known, vectors),
            images,
            scale,
            own=torch.from_numpy(sentences.products).to(images.device),
            true_of=torch.from_numpy(sentences.true_of).to(images.device),
        )
        for sentences, known, vectors in ((step.long, step.texts[0], long), (step.short, step.texts[1], short))
        if len(sentences.texts) > 1
    ]
    losses += [
        choice_loss(
            images[torch.from_numpy(choice.products).to(images.device)],
            _spoken(choice.texts, step.texts[1], short),
            scale,
            own=torch.from_numpy(choice.own).to(images.device),
        )
        for choice in step.choices
    ]
    if not losses:  # products without a text in common to be told apart by: nothing to learn here
        return 0.0 * images.sum()
    return torch.stack(losses).mean()


def _spoken(texts: Sequence[str], known: Sequence[str], vectors: Tensor) -> Tensor:
    """The vector of each text, from those of the different texts."""
    places = {text: place for place, text in enumerate(known)}
    return vectors[torch.tensor([places[text] for text in texts], dtype=torch.long, device=vectors.device)]
