"""`aisle evaluate`: how good a model is, on drawn products or on a catalog's own."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from rich.progress import Progress

from aisle.catalog import Roles, load_roles
from aisle.errors import CatalogError, SettingsError
from aisle.files import write_json
from aisle.machine import cpu_quota
from aisle.sources import Source, open_source
from aisle.vectors import HalfWeights
from cli.columns import find_roles
from cli.console import err, out, say
from cli.demo import ROLES, drawn_catalog
from cli.held_out import held_out_rows
from cli.models import resolve_model
from cli.reindex import describe
from cli.relevance_tables import kinds_table, relevance_notes, relevance_tables, words
from cli.workspace import open_workspace

if TYPE_CHECKING:
    from aisle.encoder import OnnxEncoder

WEIGHTS = {
    "pictures only": HalfWeights(image=1.0, text=0.0),
    "pictures and texts": HalfWeights(image=0.5, text=0.5),
}

_OF_DRAWN = ("products", "seed", "relevant")
_OF_CATALOG = ("held_out", "template", "article", "columns", "id", "image", "title", "text", "attribute")


def evaluate(
    context: typer.Context,
    model: Annotated[str, typer.Option(help="As in `aisle reindex`.")] = "embedded",
    catalog: Annotated[
        str | None, typer.Option(help="Judge on this catalog instead of drawn products; as in `aisle reindex`.")
    ] = None,
    held_out: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=1.0,
            help="Search only this share of the catalog: the products that training with it leaves out.",
        ),
    ] = None,
    template: Annotated[
        list[str] | None,
        typer.Option(help="Queries out of attributes, such as '{colour} {kind}'; repeat. Default: guessed, and shown."),
    ] = None,
    article: Annotated[
        str | None, typer.Option(help="Attribute by which two pictures show the same kind of thing.")
    ] = None,
    columns: Annotated[Path | None, typer.Option(help="TOML file of the catalog's column roles.")] = None,
    id: Annotated[str | None, typer.Option(help="Column of unique product ids.")] = None,
    image: Annotated[str | None, typer.Option(help="Column of pictures.")] = None,
    title: Annotated[str | None, typer.Option(help="Column of titles.")] = None,
    text: Annotated[str | None, typer.Option(help="Template of the text, where there is no title.")] = None,
    attribute: Annotated[
        list[str] | None, typer.Option(help="Attribute, column=type; repeat or use commas. Categories are asked for.")
    ] = None,
    products: Annotated[int, typer.Option(min=10, help="How many products to draw.")] = 2000,
    seed: Annotated[int, typer.Option(help="Which shop; the embedded model never saw seeds below 1000.")] = 1,
    relevant: Annotated[int, typer.Option(min=1, help="Ask only for what at least so many drawn products are.")] = 10,
    workspace: Annotated[
        str, typer.Option(help="Where models are found and drawn catalogs kept: a folder, or s3://bucket/folder.")
    ] = "workspace",
    json: Annotated[Path | None, typer.Option(help="Write the figures here as well.")] = None,
) -> None:
    """Ask for what products are known to be ("red shirts", their titles), and count what comes back.

    Without a catalog the products are drawn, and every right answer is known. With one, its titles, attributes and
    pictures are the questions, and pictures alone are searched: texts would name the answer.
    """
    from aisle.encoder import OnnxEncoder

    _check_options(context, catalog)
    layout = open_workspace(workspace)
    if catalog is None:
        drawn = str(drawn_catalog(layout.root, products=products, seed=seed))
        encoder = OnnxEncoder(resolve_model(model, layout=layout), threads=cpu_quota())
        figures = _on_drawn(open_source(drawn), encoder, products=products, relevant=relevant)
    else:
        roles = find_roles(
            catalog, columns=columns, id=id, image=image, title=title, text=text, attributes=attribute or ()
        )
        say(describe(roles))
        encoder = OnnxEncoder(resolve_model(model, layout=layout, catalog=catalog), threads=cpu_quota())
        source = open_source(catalog)
        rows = None if held_out is None else held_out_rows(catalog, roles, share=held_out)
        figures = {
            "model": encoder.manifest.name,
            "fingerprint": encoder.manifest.fingerprint,
            "catalog": catalog,
            "held_out": held_out,
            **_on_catalog(source, roles, encoder, rows=rows, templates=template or (), article=article),
        }
    if json is not None:
        write_json(json, figures)


def _check_options(context: typer.Context, catalog: str | None) -> None:
    """Refuse what would be ignored."""
    for name in _OF_DRAWN if catalog is not None else _OF_CATALOG:
        given = context.get_parameter_source(name)
        if given is not None and given.name != "DEFAULT":
            option = f"--{name.replace('_', '-')}"
            raise SettingsError(
                f"{option} is about drawn products: leave it out with --catalog"
                if catalog is not None
                else f"{option} is about a catalog: give --catalog as well"
            )


def _on_drawn(source: Source, encoder: "OnnxEncoder", *, products: int, relevant: int) -> dict[str, object]:
    from demo.queries import QueryKind, judged_queries
    from evaluation.encoded import encode_catalog
    from evaluation.judged import judge

    roles = load_roles(ROLES)
    with _bar(encoder, products) as progress:
        encoded = encode_catalog(source, roles, encoder, progress=progress)
    rows = [row for part in source.scan(roles.columns) for row in part.to_pylist()]
    asked = {kind: judged_queries(rows, kind=kind, minimum_relevant=relevant) for kind in QueryKind}
    queries = [query for found in asked.values() for query in found]
    if not queries:
        raise CatalogError(f"no query has {relevant} relevant products among {products:,}: draw more, or ask for fewer")
    reports = {name: judge(encoded, queries, encoder, weights=weights) for name, weights in WEIGHTS.items()}
    for name, found in reports.items():
        out.print(kinds_table(name, found))
    if silent := [words(kind) for kind, found in asked.items() if not found]:
        say(
            f"not asked, for want of {relevant} relevant products each: {', '.join(silent)}; "
            f"draw more, such as --products {10 * products}, or lower --relevant and read recall@10, whose best stays 1"
        )
    return {name: [asdict(report) for report in found] for name, found in reports.items()}


def _on_catalog(
    source: Source,
    roles: Roles,
    encoder: "OnnxEncoder",
    *,
    rows: NDArray[np.int64] | None,
    templates: Sequence[str],
    article: str | None,
) -> dict[str, object]:
    from evaluation.encoded import encode_catalog, read_products
    from evaluation.relevance import measure_relevance
    from evaluation.tasks import choose_tasks

    products = read_products(source, roles, rows=rows).products
    tasks = choose_tasks(products, roles, templates=templates, article=article)
    with _bar(encoder, len(products)) as progress:
        encoded = encode_catalog(source, roles, encoder, rows=rows, with_texts=False, progress=progress)
    report = measure_relevance(encoded, tasks, encoder)
    for one in relevance_tables(report):
        out.print(one)
    for line in relevance_notes(report, tasks):
        say(line)
    return {"tasks": asdict(tasks), **asdict(report)}


@contextmanager
def _bar(encoder: "OnnxEncoder", total: int) -> Iterator[Callable[[int], None]]:
    text = f"encoding {total:,} products with {encoder.manifest.name} ({encoder.manifest.precision})"
    if not err.is_terminal:
        say(text)
    with Progress(console=err, disable=not err.is_terminal, transient=True) as bars:
        task = bars.add_task(text, total=total)
        yield lambda done: bars.update(task, completed=done)
