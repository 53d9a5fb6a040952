"""A run that is ready to go: its catalogs read, its pictures decoded, its model open where it starts or stopped."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from aisle.errors import CatalogError, SettingsError
from train.adapters import add_adapters
from train.batches import epoch_batches
from train.corpus import OpenCatalog, open_catalog, prepare_corpus
from train.device import in_bfloat16
from train.loop import Run
from train.memory import fitting_micro_batch
from train.model import Checkpoint, load_checkpoint, small_checkpoint
from train.optimizer import Optimizer
from train.pictures import stored_side
from train.recipe import Recipe
from train.record import STATE
from train.state import Position, Settings, load_state
from train.tokenizer import train_tokenizer

PICTURES = "pictures"
_CHECKPOINT = "config.json"
REJECTED = "rejected.json"

_FREE = ("epochs", "micro_batch", "patience", "save_minutes", "workers")
"""Numbers that may change when a run is resumed. More epochs stretch its schedule."""

Say = Callable[[str], object]
"""Told what is being done, a line at a time."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A run that is ready to go.

    Attributes:
        run: What to train.
        position: How far it has come.
        settings: What a resumed run must have in common with it.
        folder: Of the checkpoint.
    """

    run: Run
    position: Position
    settings: Settings
    folder: Path


def silent(line: str) -> None:
    """Say nothing."""
    del line


def begin(recipe: Recipe, *, output: Path, resume: bool, device: torch.device, say: Say = silent) -> Begun:
    """Read the catalogs, decode their pictures, and open the model or the state.

    Raises:
        CatalogError: A catalog cannot be used.
        ModelError: The checkpoint or the state cannot be used.
        SettingsError: `output` holds a run and `resume` is False, or the other way round, or other data or settings.
    """
    state, numbers = output / STATE, recipe.training
    if state.is_file() and not resume:
        raise SettingsError(f"{output} already holds a run: resume it, or give another folder")
    if (output / _CHECKPOINT).is_file() and not resume and not (output / REJECTED).is_file():
        raise SettingsError(f"{output} already holds a checkpoint, of no run: give another folder")
    if resume and not state.is_file():
        raise SettingsError(f"there is no run to resume: {state} does not exist; start without --resume")
    catalogs = [open_catalog(catalog, hard_negatives=numbers.hard_negatives) for catalog in recipe.catalogs]
    checkpoint = load_checkpoint(str(output)) if resume else _first(recipe, catalogs)
    output.mkdir(parents=True, exist_ok=True)
    side = stored_side(checkpoint.image_size)
    for catalog in catalogs:
        say(f"{catalog.recipe.name}: {len(catalog.menu.ids):,} rows; decoding their pictures to {side} pixels")
    corpora = [prepare_corpus(catalog, side=side, folder=output / PICTURES) for catalog in catalogs]
    if numbers.patience and not any(len(corpus.validation) for corpus in corpora):
        raise CatalogError(
            f"no product is held out, and patience {numbers.patience} has nothing to go by: raise the validation "
            "share, or set patience to 0"
        )
    if numbers.lora_rank:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(numbers.seed)
            add_adapters(checkpoint.model, rank=numbers.lora_rank)
    checkpoint.model.to(device)
    fits = fitting_micro_batch(checkpoint.model.config.vision_config)
    if not numbers.micro_batch and fits < numbers.batch:
        say(f"batches of {numbers.batch:,} go through the model {fits:,} pictures at a time")
        numbers = dataclasses.replace(numbers, micro_batch=fits)
    run = Run(
        checkpoint=checkpoint,
        optimizer=Optimizer(
            checkpoint.model,
            learning_rate=numbers.learning_rate,
            weight_decay=numbers.weight_decay,
            muon_learning_rate=numbers.muon_learning_rate,
        ),
        corpora=corpora,
        recipe=numbers,
        bfloat16=in_bfloat16(numbers.precision, device),
        steps_per_epoch=len(epoch_batches(corpora, batch=numbers.batch, seed=numbers.seed, epoch=0)),
    )
    say(_described(run, device))
    settings = _settings(recipe)
    position = _resumed(run, state, settings) if resume else Position(0, run.steps_per_epoch)
    return Begun(run=run, position=position, settings=settings, folder=output)


def _first(recipe: Recipe, catalogs: list[OpenCatalog]) -> Checkpoint:
    if recipe.checkpoint:
        return load_checkpoint(recipe.checkpoint)
    texts = [text for catalog in catalogs for text in (*catalog.menu.texts, *catalog.menu.variants)]
    tokenizer = train_tokenizer(texts, vocabulary=recipe.model.vocabulary, max_length=recipe.model.max_length)
    return small_checkpoint(recipe.model, tokenizer, seed=recipe.training.seed)


def _resumed(run: Run, state: Path, settings: Settings) -> Position:
    position = load_state(state, run.checkpoint.model, run.optimizer, settings=settings)
    if position.steps_per_epoch != run.steps_per_epoch:
        raise SettingsError(
            f"{state} belongs to a run of {position.steps_per_epoch} steps per epoch, this one has "
            f"{run.steps_per_epoch}: resume with the same catalogs, or start again in another folder"
        )
    if position.step > run.steps:
        raise SettingsError(
            f"{state} has done {position.step} steps and {run.recipe.epochs} epochs are {run.steps}: resume with more "
            "epochs"
        )
    return position


def _settings(recipe: Recipe) -> Settings:
    numbers = {name: value for name, value in dataclasses.asdict(recipe.training).items() if name not in _FREE}
    numbers["checkpoint"] = recipe.checkpoint or "none"
    for catalog in recipe.catalogs:
        for name, value in dataclasses.asdict(catalog).items():
            if name not in {"name", "location"}:
                numbers[f"{name} of catalog {catalog.name}"] = str(value)
    return numbers


def _described(run: Run, device: torch.device) -> str:
    parameters = list(run.checkpoint.model.parameters())
    trained = sum(parameter.numel() for parameter in parameters if parameter.requires_grad)
    products = sum(len(corpus.training) for corpus in run.corpora)
    return (
        f"{products:,} products to learn from, {sum(len(corpus.validation) for corpus in run.corpora):,} held out; "
        f"training {trained:,} of {sum(parameter.numel() for parameter in parameters):,} parameters on {device.type} "
        f"in {'bfloat16' if run.bfloat16 else 'float32'}, {run.steps:,} steps"
    )
