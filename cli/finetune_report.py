"""The report of a fine-tuning run: both checkpoints on the products that training never saw."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress

from aisle.catalog import Roles, template_columns
from aisle.files import write_atomically, write_json
from aisle.manifest import AttributeType
from aisle.sources import Source, open_source
from cli.console import err, say

if TYPE_CHECKING:
    from collections.abc import Callable

    from evaluation.trial import Trial

REPORT_JSON = "report.json"
REPORT_PAGE = "report.html"
FORMAT_VERSION = 1


def check_packages() -> None:
    """Miss what the report is made with before the training, not hours later.

    Raises:
        ModuleNotFoundError: A package of the extra `train` is not installed.
    """
    import evaluation.curves
    import evaluation.page
    import evaluation.trial  # noqa: F401


def report_finetuning(
    *,
    catalog: str,
    roles: Roles,
    rows: NDArray[np.int64],
    before: str | Path | None,
    after: Path,
    history: Path,
    output: Path,
    settings: Mapping[str, object],
    templates: Sequence[str] = (),
) -> None:
    """Evaluate both checkpoints and write `report.json` and `report.html`.

    Args:
        catalog: What `--catalog` says.
        roles: Its column roles, with a column of pictures.
        rows: Held-out rows; none when nothing was held out: then the report shows the run alone.
        before: Folder or hub id of the checkpoint that training began with; None from scratch.
        after: Folder of the checkpoint that it ended with.
        history: The run's `history.jsonl`.
        output: Folder of the report; made when missing.
        settings: What is shown of the run's options.
        templates: What somebody named to be learnt; those over category attributes are asked for, instead of a guess.

    Raises:
        CatalogError: No held-out product has a picture that can be read.
        ModelError: A checkpoint cannot be loaded.
        SettingsError: The history cannot be read.
    """
    from evaluation.comparison import Comparison, side_by_side
    from evaluation.history import read_history
    from evaluation.page import render_page
    from evaluation.thumbnails import thumbnails

    run = read_history(history)
    source = open_source(catalog)
    rows = np.sort(rows)
    asked = [template for template in templates if _over_categories(template, roles)]
    past = _tried(before, "before", source, roles, rows, asked) if before is not None and len(rows) else None
    now = _tried(after, "after", source, roles, rows, asked) if len(rows) else None
    comparison = Comparison(
        catalog=catalog,
        before_name=None if before is None else _named(before),
        after_name=after.resolve().name,
        held_out=len(rows),
        settings={name: _plain(value) for name, value in settings.items()},
        history=run,
        before=past.report if past else None,
        after=now.report if now else None,
        grids=side_by_side(past, now) if now else (),
    )
    page = render_page(comparison, thumbnails(source, roles.image or "", comparison.shown_rows))
    write_json(output / REPORT_JSON, {"format_version": FORMAT_VERSION, **asdict(comparison)})
    write_atomically(output / REPORT_PAGE, lambda file: file.write_text(page, encoding="utf-8"))


def _over_categories(template: str, roles: Roles) -> bool:
    """Training also fills in numbers and titles, whose answers cannot be told apart by looking."""
    kinds = [roles.attributes.get(name) for name in template_columns(template)]
    return bool(kinds) and all(kind is AttributeType.CATEGORY for kind in kinds)


def _tried(
    model: str | Path, when: str, source: Source, roles: Roles, rows: NDArray[np.int64], templates: Sequence[str]
) -> "Trial":
    import torch

    from evaluation.trial import try_model
    from train.encoder import TorchEncoder
    from train.model import load_checkpoint

    checkpoint = load_checkpoint(str(model))
    checkpoint.model.to("cuda" if torch.cuda.is_available() else "cpu")
    with _bar(f"judging the model {when}", len(rows)) as progress:
        return try_model(source, roles, TorchEncoder(checkpoint), rows=rows, templates=templates, progress=progress)


@contextmanager
def _bar(text: str, total: int) -> "Iterator[Callable[[int], None]]":
    if not err.is_terminal:
        say(f"{text}: {total:,} held-out products")
    with Progress(console=err, disable=not err.is_terminal, transient=True) as bars:
        task = bars.add_task(text, total=total)
        yield lambda done: bars.update(task, completed=done)


def _named(model: str | Path) -> str:
    """A checkpoint for people: what lies in the hub's cache by the name that it has there."""
    kept = next((part for part in Path(model).parts if part.startswith("models--")), None)
    return str(model) if kept is None else kept.removeprefix("models--").replace("--", "/")


def _plain(value: object) -> object:
    """A setting as JSON has it."""
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, bool | int | str) else str(value)
