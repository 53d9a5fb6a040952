"""`aisle export`: a checkpoint becomes a model bundle."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from aisle.errors import CatalogError
from aisle.layout import Layout
from aisle.manifest import Precision
from cli.columns import find_roles
from cli.console import err, escape, out, say, table
from cli.workspace import open_workspace

if TYPE_CHECKING:
    from export.bundle import ExportResult


def export(
    model: Annotated[str, typer.Argument(help="Hub id (openai/clip-vit-base-patch32) or folder of a CLIP checkpoint.")],
    workspace: Annotated[
        str,
        typer.Option(help="Where the bundle goes: WORKSPACE/models/<fingerprint>; a folder, or s3://bucket/folder."),
    ] = "workspace",
    precision: Annotated[
        Precision | None, typer.Option(help="Force one; by default the fastest that passes the parity gate.")
    ] = None,
    catalog: Annotated[
        str | None, typer.Option(help="Take the parity gate's sample from this catalog: your pictures, your words.")
    ] = None,
    columns: Annotated[Path | None, typer.Option(help="TOML file of the catalog's column roles.")] = None,
) -> None:
    """Turn a CLIP checkpoint into two ONNX graphs, checked against the checkpoint.

    Each candidate precision is compared with the original on a sample of pictures and texts: cosines, and whether
    the same results come first. The fastest that agrees is kept; all figures go into model.json.
    """
    layout = open_workspace(workspace)
    result = export_model(model, layout=layout, precision=precision, catalog=catalog, columns=columns)
    show(result)
    if result.reused:
        say("the workspace held the same bundle already; it was kept")
    out.print(f"{result.manifest.name} as {result.manifest.precision}: {layout.shown(result.folder)}")


def show(result: "ExportResult") -> None:
    """Print the parity table: every candidate against the checkpoint."""
    rows = table(
        "precision",
        ">cosine image",
        ">worst",
        ">cosine text",
        ">worst",
        ">top-10 text",
        ">top-10 image",
        ">pictures/s",
        "verdict",
    )
    for row in result.rows:
        figures = row.figures
        rows.add_row(
            f"{row.precision} (chosen)" if row.precision is result.manifest.precision else str(row.precision),
            f"{figures.image_mean_cosine:.4f}",
            f"{figures.image_worst_cosine:.4f}",
            f"{figures.text_mean_cosine:.4f}",
            f"{figures.text_worst_cosine:.4f}",
            f"{figures.text_to_image_overlap:.3f}",
            f"{figures.image_to_image_overlap:.3f}",
            f"{row.speed.images_per_s:,.0f}",
            "; ".join(row.shortfalls) or "passed",
        )
    out.print(rows)


def export_model(
    model: str,
    *,
    layout: Layout,
    precision: Precision | None = None,
    catalog: str | None = None,
    columns: Path | None = None,
    any_comparison: bool = False,
) -> "ExportResult":
    """Export with a line per step on standard error; `any_comparison` as in `export_checkpoint`."""
    from export.bundle import export_checkpoint
    from export.sample import catalog_sample

    sample = None
    if catalog is not None:
        roles = find_roles(catalog, columns=columns)
        if roles.image is None:
            raise CatalogError(f"catalog {catalog} has no pictures to check parity with; leave --catalog out")
        sample = catalog_sample(catalog, roles)
    columns_shown = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    with Progress(*columns_shown, console=err, disable=not err.is_terminal, transient=True) as spinner:
        task = spinner.add_task("exporting", total=None)

        def step(line: str) -> None:
            spinner.update(task, description=escape(line))
            if not err.is_terminal:
                say(line)

        return export_checkpoint(
            model, layout=layout, precision=precision, sample=sample, any_comparison=any_comparison, say=step
        )
