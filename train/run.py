"""A whole training run: catalogs in, an ordinary Hugging Face checkpoint folder out."""

from dataclasses import dataclass
from pathlib import Path

from aisle.errors import SettingsError
from train.corpus import OpenCatalog, epoch_batches, open_catalog, prepare_corpus
from train.loop import Progress, Report, Run, Stop, train_steps
from train.model import Checkpoint, load_checkpoint, save_checkpoint, small_checkpoint
from train.optimizer import Optimizer
from train.pictures import stored_side
from train.recipe import Recipe
from train.state import Position, load_state, save_state
from train.tokenizer import train_tokenizer
from train.validation import Validation, validate

STATE = "training.safetensors"
PICTURES = "pictures"


@dataclass(frozen=True, slots=True)
class TrainResult:
    """What a run came to.

    Attributes:
        checkpoint: The folder.
        steps: Done.
        finished: Whether that is all of them; False when the run was stopped early.
        loss: Of the last step; None when no step was left to do.
        validation: Of the last epoch that ended in this process.
        products: Learned from, over all catalogs.
        rejected: Catalog name to row number to reason.
    """

    checkpoint: Path
    steps: int
    finished: bool
    loss: float | None
    validation: tuple[Validation, ...]
    products: int
    rejected: dict[str, dict[int, str]]


def never() -> bool:
    """Stop at the end only."""
    return False


def train(recipe: Recipe, *, output: Path, progress: Report, stop: Stop = never, resume: bool = False) -> TrainResult:
    """Train, saving a usable checkpoint and a state to resume from after each epoch and at the end.

    Args:
        recipe: What to do.
        output: The checkpoint folder; decoded pictures and the state are kept there, too.
        progress: Called after each step.
        stop: Asked before each step; True saves and ends.
        resume: Go on with the run that `output` holds. More epochs than before stretch its schedule.

    Raises:
        CatalogError: A catalog cannot be used.
        ModelError: The checkpoint to start from, or the state to resume, cannot be used.
        SettingsError: `output` holds a run and `resume` is False, or the other way round, or other data.
    """
    state = output / STATE
    if state.is_file() and not resume:
        raise SettingsError(f"{output} already holds a run: resume it, or give another folder")
    catalogs = [open_catalog(catalog) for catalog in recipe.catalogs]
    checkpoint = load_checkpoint(str(output)) if resume else _first(recipe, catalogs)
    output.mkdir(parents=True, exist_ok=True)
    side = stored_side(checkpoint.image_size)
    corpora = [prepare_corpus(catalog, side=side, folder=output / PICTURES) for catalog in catalogs]
    numbers = recipe.training
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
        steps_per_epoch=len(epoch_batches(corpora, batch=numbers.batch, seed=numbers.seed, epoch=0)),
    )
    start = _resumed(run, state) if resume else 0
    losses: list[float] = []
    validations: list[tuple[Validation, ...]] = []

    def save(step: int) -> None:
        save_state(state, checkpoint.model, run.optimizer, Position(step, run.steps_per_epoch))
        save_checkpoint(checkpoint, output)

    def epoch_ended(step: int) -> tuple[Validation, ...]:
        save(step)
        found = [validate(checkpoint, corpus) for corpus in corpora]
        validations.append(tuple(one for one in found if one is not None))
        return validations[-1]

    def report(now: Progress) -> None:
        losses.append(now.loss)
        progress(now)

    steps = train_steps(run, start=start, report=report, stop=stop, epoch_ended=epoch_ended)
    if steps % run.steps_per_epoch:
        save(steps)
    return TrainResult(
        checkpoint=output,
        steps=steps,
        finished=steps == run.steps,
        loss=losses[-1] if losses else None,
        validation=validations[-1] if validations else (),
        products=sum(len(corpus.training) for corpus in corpora),
        rejected={corpus.recipe.name: corpus.rejected for corpus in corpora},
    )


def _first(recipe: Recipe, catalogs: list[OpenCatalog]) -> Checkpoint:
    if recipe.checkpoint:
        return load_checkpoint(recipe.checkpoint)
    texts = [text for catalog in catalogs for text in (*catalog.menu.texts, *catalog.menu.variants)]
    tokenizer = train_tokenizer(texts, vocabulary=recipe.model.vocabulary, max_length=recipe.model.max_length)
    return small_checkpoint(recipe.model, tokenizer, seed=recipe.training.seed)


def _resumed(run: Run, state: Path) -> int:
    position = load_state(state, run.checkpoint.model, run.optimizer)
    if position.steps_per_epoch != run.steps_per_epoch:
        raise SettingsError(
            f"{state} belongs to a run of {position.steps_per_epoch} steps per epoch, this one has "
            f"{run.steps_per_epoch}: resume with the same catalogs and batch, or start again in another folder"
        )
    return position.step
