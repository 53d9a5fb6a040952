"""`aisle reindex --plan`: what a run would take, without running it."""

from pathlib import Path
from typing import TYPE_CHECKING

from aisle.catalog import Roles
from aisle.machine import Provider
from aisle.manifest import load_model_manifest
from aisle.sources import open_source
from cli.console import escape, out, table

if TYPE_CHECKING:
    from batch.options import ReindexOptions


def show_prediction(
    catalog: str, *, model: Path, roles: Roles, options: "ReindexOptions", provider: Provider, workers: int | None
) -> None:
    """Read the catalog without its pictures and print what a run over it would take on this machine."""
    from batch.executor import worker_layout
    from batch.index_plan import in_words, plan_index
    from batch.plan import plan_catalog
    from batch.prediction import predict
    from batch.rejects import check_rejects

    plan = plan_catalog(open_source(catalog), roles=roles)
    check_rejects(plan.rejects, rows=plan.rows_in_catalog, most=options.max_rejects)
    manifest = load_model_manifest(model)
    products, width = len(plan.rows), 2 * manifest.dimension
    layout = worker_layout(provider, workers=workers)
    index = plan_index(
        products, width=width, memory=options.memory, recall_target=options.recall_target, forced=options.index
    )
    found = predict(
        index,
        products=products,
        table_bytes=plan.products.nbytes,
        width=width,
        images=bool(roles.image),
        texts=bool(roles.text or roles.title),
        parity=manifest.parity,
        workers=layout.workers,
        shard_rows=options.shard_rows,
        part_bytes=options.build.part_bytes,
    )
    rows = table("products", f"{found.products:,}, and {len(plan.rejects):,} rejected so far")
    rows.add_row("shards", f"about {found.shards:,}")
    rows.add_row("index", f"{index.kind}: {escape(index.reason)}")
    rows.add_row(
        "memory", f"{in_words(found.memory_bytes)} to build; an open index takes {in_words(index.memory_bytes)}"
    )
    disk = f"{in_words(found.embeddings_bytes)} of embeddings, {in_words(found.release_bytes)} a release"
    rows.add_row("disk", disk)
    embed = (
        "unknown (the model has no measured rates)" if found.embed_minutes is None else f"{found.embed_minutes:,.1f}"
    )
    rows.add_row(
        "minutes",
        f"embed {embed}, index {found.index_minutes:,.1f}; with {layout.workers} workers on {layout.provider}, "
        "if nothing is known from earlier runs",
    )
    out.print(rows)
