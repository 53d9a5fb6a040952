"""`aisle evaluate`: how good a model is on drawn products, where every right answer is known."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aisle.catalog import load_roles
from aisle.errors import CatalogError
from aisle.files import write_json
from aisle.layout import Layout
from aisle.machine import cpu_quota
from aisle.sources import open_source
from aisle.vectors import HalfWeights
from cli.console import out, say, table
from cli.demo import ROLES, drawn_catalog
from cli.models import resolve_model

if TYPE_CHECKING:
    from evaluation.judged import KindReport

WEIGHTS = {
    "pictures only": HalfWeights(image=1.0, text=0.0),
    "pictures and texts": HalfWeights(image=0.5, text=0.5),
}


def evaluate(
    model: Annotated[str, typer.Option(help="As in `aisle reindex`.")] = "embedded",
    products: Annotated[int, typer.Option(min=10, help="How many products to draw.")] = 2000,
    seed: Annotated[int, typer.Option(help="Which shop; the embedded model never saw seeds below 1000.")] = 1,
    relevant: Annotated[int, typer.Option(min=1, help="Ask only for what at least so many products are.")] = 10,
    workspace: Annotated[Path, typer.Option(help="Where the drawn catalog is kept.")] = Path("workspace"),
    json: Annotated[Path | None, typer.Option(help="Write the figures here as well.")] = None,
) -> None:
    """Ask for "red shirts" and "striped dresses" among drawn products, and count what comes back.

    Pictures only is the honest test of a model: the texts of the products name the answer.
    """
    from aisle.encoder import OnnxEncoder
    from demo.queries import QueryKind, judged_queries
    from evaluation.encoded import encode_catalog
    from evaluation.judged import judge

    catalog = open_source(str(drawn_catalog(workspace, products=products, seed=seed)))
    roles = load_roles(ROLES)
    bundle = resolve_model(model, layout=Layout(root=workspace))
    encoder = OnnxEncoder(bundle, threads=cpu_quota())
    say(f"encoding {products:,} products with {encoder.manifest.name} ({encoder.manifest.precision})")
    encoded = encode_catalog(catalog, roles, encoder)
    rows = [row for part in catalog.scan(roles.columns) for row in part.to_pylist()]
    queries = [query for kind in QueryKind for query in judged_queries(rows, kind=kind, minimum_relevant=relevant)]
    if not queries:
        raise CatalogError(f"no query has {relevant} relevant products among {products:,}: draw more, or ask for fewer")
    reports = {name: judge(encoded, queries, encoder, weights=weights) for name, weights in WEIGHTS.items()}
    for name, found in reports.items():
        show(name, found)
    if json is not None:
        write_json(json, {name: [asdict(report) for report in found] for name, found in reports.items()})


def show(name: str, reports: "list[KindReport]") -> None:
    """Print one table."""
    rows = table("query", ">queries", ">precision@1", ">precision@10", ">recall@10", ">MRR", title=f"\n{name}")
    for report in reports:
        rows.add_row(
            report.kind.replace("_", " "),
            f"{report.queries:,}",
            f"{report.precision_at_1:.3f}",
            f"{report.precision_at_10:.3f}",
            f"{report.recall_at_10:.3f}",
            f"{report.mean_reciprocal_rank:.3f}",
        )
    out.print(rows)
