"""`aisle finetune`: a CLIP checkpoint learns a catalog."""

import dataclasses
import shlex
import shutil
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from aisle.catalog import Roles
from aisle.errors import ModelError, SettingsError
from aisle.layout import MODEL_MANIFEST
from aisle.machine import Provider
from aisle.manifest import load_model_manifest
from cli.columns import find_roles
from cli.console import escape, out, say
from cli.exit_codes import Stopped
from cli.finetune_progress import TrainingProgress
from cli.held_out import held_out_rows
from cli.models import EMBEDDED, EMBEDDED_CHECKPOINT
from cli.reindex import describe

if TYPE_CHECKING:
    from train.recipe import CatalogRecipe, Recipe, TrainingRecipe
    from train.run import TrainResult


class Scratch(StrEnum):
    """Models that can be made from nothing."""

    SMALL = "small"


def finetune(
    catalog: Annotated[str, typer.Option(help="What to learn from, as in `aisle reindex`; with pictures.")],
    output: Annotated[Path, typer.Option("--output", "--out", help="Folder of the new checkpoint.")],
    model: Annotated[
        str | None,
        typer.Option(
            help="CLIP checkpoint to go on from: hub id (openai/clip-vit-base-patch32), folder, or `embedded`."
        ),
    ] = None,
    from_scratch: Annotated[
        Scratch | None, typer.Option(help="Instead of --model: make a new model, with the embedded one's recipe.")
    ] = None,
    columns: Annotated[
        Path | None, typer.Option(help="TOML file of column roles, instead of the options below.")
    ] = None,
    id: Annotated[str | None, typer.Option(help="Column of unique product ids.")] = None,
    image: Annotated[str | None, typer.Option(help="Column of pictures (bytes, paths, URLs).")] = None,
    title: Annotated[str | None, typer.Option(help="Column of names.")] = None,
    text: Annotated[str | None, typer.Option(help="Long text: '{title}. {colour} {kind} for {gender}'.")] = None,
    attribute: Annotated[
        list[str] | None, typer.Option(help="Column=type that templates are made of; repeat or use commas.")
    ] = None,
    template: Annotated[
        list[str] | None,
        typer.Option(help="What people type: '{colour} {article}'; repeat. Default: made of the category attributes."),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Times each product is shown. Default 4; from scratch the recipe's.")
    ] = None,
    batch: Annotated[
        int | None, typer.Option(help="Products that are told apart in a step. Default 256; from scratch the recipe's.")
    ] = None,
    micro_batch: Annotated[
        int | None,
        typer.Option(
            help="Of those, how many are in memory at a time, with the same result. Default: what 8 GiB hold."
        ),
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help="Peak of the learning rate. Default 5e-5; from scratch the recipe's.")
    ] = None,
    lora_rank: Annotated[int | None, typer.Option(help="Train adapters of this rank, and not the towers.")] = None,
    hard_negatives: Annotated[
        bool, typer.Option("--hard-negatives", help="Show products of one article that look different together.")
    ] = False,
    validation: Annotated[float, typer.Option(help="Share of the products that is held out, to judge by.")] = 0.1,
    judge: Annotated[
        str | None,
        typer.Option(
            help="Catalog with the same columns whose products the report compares before and after on, instead of "
            "the held-out ones of --catalog: another shop's, say, for a look at what carries over."
        ),
    ] = None,
    judge_share: Annotated[
        float, typer.Option(help="Share of the products of --judge that is asked for, by the hash of their ids.")
    ] = 1.0,
    patience: Annotated[
        int, typer.Option(help="Stop after so many epochs without a better model, and keep the best; 0 for never.")
    ] = 2,
    workers: Annotated[int | None, typer.Option(help="Processes, or GPUs, that share each batch.")] = None,
    seed: Annotated[
        int | None, typer.Option(help="Another seed draws otherwise; an equal one repeats the run.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --output.")] = False,
    provider: Annotated[Provider, typer.Option(help="Where the model runs.")] = Provider.AUTO,
) -> None:
    """Teach a CLIP checkpoint your products and your words; the result is an ordinary checkpoint.

    Every few minutes the run is saved: after Ctrl-C, or worse, the same command with --resume goes on. At the end a
    report compares the model before and after on products that it never saw.
    """
    from cli.finetune_report import check_packages

    if (model is None) == (from_scratch is None):
        raise SettingsError("give either --model, a checkpoint to go on from, or --from-scratch small")
    roles = find_roles(catalog, columns=columns, id=id, image=image, title=title, text=text, attributes=attribute or ())
    say(describe(roles))
    held_out = None if judge is None else held_out_rows(judge, roles, share=judge_share)  # wrong options fail now
    given = {
        "epochs": epochs,
        "batch": batch,
        "micro_batch": micro_batch,
        "learning_rate": learning_rate,
        "lora_rank": lora_rank,
        "hard_negatives": hard_negatives or None,
        "patience": patience,
        "workers": workers,
        "seed": seed,
    }
    recipe = _recipe(
        _catalog_recipe(catalog, roles, templates=tuple(template or ()), validation=validation),
        model=model,
        given={name: value for name, value in given.items() if value is not None},
    )
    check_packages()
    result = _train(recipe, output=output, resume=resume, provider=provider)
    _show(result)
    if not result.finished:
        say(f"stopped after step {result.steps:,}: {output} can be searched with; the same with --resume goes on")
        raise Stopped
    rows = result.held_out[recipe.catalogs[0].name] if held_out is None else held_out
    _report(recipe, result, catalog=judge or catalog, roles=roles, rows=rows, templates=tuple(template or ()))
    named = {"columns": columns, "id": id, "image": image, "title": title, "text": text}
    options = [word for name, value in named.items() if value is not None for word in (f"--{name}", str(value))]
    options += [word for one in attribute or () for word in ("--attribute", one)]
    out.print(f"next: aisle export {escape(shlex.quote(str(output)))}")
    out.print(
        escape(f"      {shlex.join(['aisle', 'reindex', '--catalog', catalog, '--model', str(output), *options])}")
    )


def _catalog_recipe(catalog: str, roles: Roles, *, templates: tuple[str, ...], validation: float) -> "CatalogRecipe":
    from train.recipe import CatalogRecipe
    from train.templates import derive_templates

    derived = derive_templates(roles)
    say(f"short texts: {', '.join(templates or derived.templates) or 'none'}")
    return CatalogRecipe(
        name=Path(catalog).stem or catalog,
        location=catalog,
        id=roles.id,
        image=roles.image or "",  # empty, unlike None, is not guessed again
        title=roles.title or "",
        text=roles.text,
        templates=templates or derived.templates,
        nouns=derived.nouns,
        validation=validation,
    )


def _recipe(catalog: "CatalogRecipe", *, model: str | None, given: dict[str, Any]) -> "Recipe":
    from train.recipe import EMBEDDED_RECIPE, Recipe, TrainingRecipe, load_recipe

    if model is None:
        small = load_recipe(EMBEDDED_RECIPE)
        return Recipe(catalogs=(catalog,), model=small.model, training=dataclasses.replace(small.training, **given))
    return Recipe(catalogs=(catalog,), checkpoint=_checkpoint(model), training=TrainingRecipe(**given))


def _checkpoint(model: str) -> str:
    """The folder of a checkpoint that can be trained and, as it is checked here, exported afterwards."""
    from export.checkpoint import open_checkpoint
    from export.freeze import freeze_preprocess

    if model == "embedded" or _is_embedded(Path(model)):
        return str(EMBEDDED_CHECKPOINT)
    if (Path(model) / MODEL_MANIFEST).is_file():
        raise ModelError(
            f"{model} is an exported bundle, made for searching, and cannot be trained: give the checkpoint it came "
            "from, a hub id such as openai/clip-vit-base-patch32, or `embedded` for the small model that comes with "
            "Aisle"
        )
    opened = open_checkpoint(model)
    freeze_preprocess(opened)
    return str(opened.folder.absolute())


def _is_embedded(bundle: Path) -> bool:
    """Whether this is the model that comes with Aisle, or a workspace's copy of it."""
    if not (bundle / MODEL_MANIFEST).is_file():
        return False
    known = load_model_manifest(EMBEDDED, verify=False).fingerprint
    return load_model_manifest(bundle, verify=False).fingerprint == known


def _train(recipe: "Recipe", *, output: Path, resume: bool, provider: Provider) -> "TrainResult":
    from train.interruption import Interruption
    from train.run import train

    with TrainingProgress() as progress, Interruption() as interruption:
        return train(
            recipe, output=output, progress=progress, say=say, stop=interruption, resume=resume, provider=provider
        )


def _show(result: "TrainResult") -> None:
    from train.begun import REJECTED

    rejected = sum(len(rows) for rows in result.rejected.values())
    if rejected:
        say(f"{rejected:,} rows were left out; {result.checkpoint / REJECTED} says why")
    standing = result.standing
    if standing.validated:
        say(f"recall@10 on held-out products: {standing.before:.3f} before, {standing.recall_at_10:.3f} at best")
        if standing.recall_at_10 < standing.before:
            say("the model it started from finds more: keep that one, or try a lower --learning-rate")


def _report(
    recipe: "Recipe",
    result: "TrainResult",
    *,
    catalog: str,
    roles: Roles,
    rows: NDArray[np.int64],
    templates: tuple[str, ...],
) -> None:
    from cli.finetune_report import report_finetuning
    from train.begun import PICTURES
    from train.history import HISTORY

    learned = recipe.catalogs[0]
    report_finetuning(
        catalog=catalog,
        roles=roles,
        rows=rows,
        before=recipe.checkpoint or None,
        after=result.checkpoint,
        history=result.checkpoint / HISTORY,
        output=result.checkpoint,
        settings=_settings(recipe.training, learned),
        templates=templates,
    )
    shutil.rmtree(result.checkpoint / PICTURES)  # larger than the checkpoint, and soon made again
    out.print(escape(f"{result.checkpoint}: a checkpoint after {result.steps:,} steps, with report.html"))


def _settings(training: "TrainingRecipe", catalog: "CatalogRecipe") -> dict[str, object]:
    return {
        **dataclasses.asdict(training),
        "templates": list(catalog.templates),
        "validation": catalog.validation,
    }
