"""`aisle reindex`: a catalog becomes the live release."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aisle.catalog import Roles
from aisle.layout import Layout
from aisle.machine import Provider
from cli.columns import find_roles
from cli.console import command, escape, out, say, table
from cli.models import resolve_model
from cli.prediction import show_prediction
from cli.progress import RunProgress
from cli.run_options import (
    Address,
    AppendFrom,
    AttributeColumns,
    Columns,
    Compact,
    Executor,
    ForcedIndex,
    IdColumn,
    ImageColumn,
    MaxDrift,
    MaxRejects,
    Memory,
    RecallTarget,
    RequestsPerHost,
    TitleColumn,
    Wait,
    Workspace,
)
from cli.workspace import open_workspace

if TYPE_CHECKING:
    from batch.drift import Drift
    from batch.executor import ExecutorKind
    from batch.given import GivenVectors
    from batch.options import ReindexOptions, Summary


def reindex(
    catalog: Annotated[
        str,
        typer.Option(
            help="Parquet, CSV, TSV or JSON lines (file, folder, glob or URL), a folder of pictures, or hf:owner/name."
        ),
    ],
    workspace: Workspace = "workspace",
    model: Annotated[
        str | None,
        typer.Option(
            help="Fingerprint or folder of a bundle, `embedded`, or a checkpoint (exported first). "
            "Default: the workspace's only model."
        ),
    ] = None,
    columns: Columns = None,
    id: IdColumn = None,
    image: ImageColumn = None,
    title: TitleColumn = None,
    text: Annotated[
        str | None, typer.Option(help="What is encoded as text: '{title}. {colour} {kind} for {gender}'.")
    ] = None,
    attribute: AttributeColumns = None,
    index: ForcedIndex = None,
    memory: Memory = None,
    recall_target: RecallTarget = 0.99,
    compact: Compact = False,
    append_from: AppendFrom = 1_000_000,
    part_size: Annotated[
        str, typer.Option(help="Size from which an index with lists is kept in several files, such as 4GB.")
    ] = "4GB",
    index_device: Annotated[
        Provider, typer.Option(help="Where the index's lists are learnt and looked for; auto takes GPUs FAISS can use.")
    ] = Provider.AUTO,
    max_rejects: MaxRejects = 0.01,
    max_drift: MaxDrift = 0.2,
    verify: Annotated[
        bool, typer.Option("--verify", help="Read every picture again, whatever its file's size, time or ETag say.")
    ] = False,
    plan: Annotated[
        bool, typer.Option("--plan", help="Print shards, memory, disk, index and minutes of the run; embed nothing.")
    ] = False,
    requests_per_host: RequestsPerHost = 8,
    wait: Wait = 0.0,
    provider: Annotated[Provider, typer.Option(help="Where the model runs.")] = Provider.AUTO,
    workers: Annotated[
        int | None, typer.Option(help="Tasks at the same time; default one for each core, or two for each GPU.")
    ] = None,
    executor: Executor = "ray",
    address: Address = None,
    push_gateway: Annotated[
        str | None, typer.Option(help="Prometheus Pushgateway (host:port or URL) that is told the run's figures.")
    ] = None,
) -> None:
    """Embed a catalog, build and verify a release, and make it live in one step.

    Columns that are not named are guessed, and the guess is shown. Bad rows go to rejects.parquet with a reason.
    Nothing is embedded twice: a run that was killed goes on where it stopped, and one over a catalog that changed a
    little costs a little. Until the very end the live release stays as it is; `aisle releases rollback` goes back.
    """
    from batch.build import BuildOptions
    from batch.executor import ExecutorKind
    from batch.index_plan import read_bytes
    from batch.options import ReindexOptions

    roles = find_roles(catalog, columns=columns, id=id, image=image, title=title, text=text, attributes=attribute or ())
    say(describe(roles))
    layout = open_workspace(workspace)
    bundle = resolve_model(model, layout=layout, catalog=catalog if roles.image else None)
    options = ReindexOptions(
        index=index,
        memory=None if memory is None else read_bytes(memory),
        recall_target=recall_target,
        max_rejects=max_rejects,
        max_drift=max_drift,
        read_all=verify,
        requests_per_host=requests_per_host,
        wait=wait,
        compact=compact,
        build=BuildOptions(part_bytes=read_bytes(part_size), append_from=append_from, device=index_device),
    )
    if plan:
        show_prediction(catalog, model=bundle, roles=roles, options=options, provider=provider, workers=workers)
        return
    summary = run_reindex(
        catalog,
        layout=layout,
        model=bundle,
        roles=roles,
        kind=executor_kind(executor, ExecutorKind),
        provider=provider,
        workers=workers,
        address=address,
        options=options,
    )
    show(summary, layout)
    if push_gateway is not None:
        from batch.push import push_summary

        push_summary(summary, push_gateway, workspace=str(workspace))
    out.print(f"next: {command()} serve --workspace {escape(str(workspace))}")


def executor_kind(name: str, kinds: "type[ExecutorKind]") -> "ExecutorKind":
    """Who runs the tasks, by the name on the command line."""
    try:
        return kinds(name)
    except ValueError as error:
        raise typer.BadParameter(f"{name!r} is not one of {', '.join(kinds)}", param_hint="--executor") from error


def run_reindex(
    catalog: str,
    *,
    layout: Layout,
    model: Path,
    roles: Roles,
    kind: "ExecutorKind",
    options: "ReindexOptions",
    provider: Provider = Provider.AUTO,
    workers: int | None = None,
    address: str | None = None,
    given: "GivenVectors | None" = None,
    thumbnails: bool = True,
) -> "Summary":
    """Run with bars, on an executor that is stopped at the end."""
    from batch.executor import open_workers
    from batch.reindex import reindex as run

    with open_workers(kind, provider=provider, workers=workers, address=address) as executor:
        say(f"{kind}: {executor.layout.workers} workers on {executor.layout.provider}")
        with RunProgress() as progress:
            return run(
                catalog=catalog,
                layout=layout,
                model=model,
                roles=roles,
                executor=executor,
                options=options,
                progress=progress,
                given=given,
                thumbnails=thumbnails,
            )


def describe(roles: Roles) -> str:
    """The roles in a line."""
    attributes = ", ".join(f"{name} ({kind})" for name, kind in roles.attributes.items()) or "none"
    text = roles.text or (f"{{{roles.title}}}" if roles.title else "none")
    return f"columns: id={roles.id}, image={roles.image}, title={roles.title}, text={text}, attributes: {attributes}"


def describe_drift(drift: "Drift") -> str:
    """The comparison with the release before in a line."""
    if drift.problem:
        return f"not measured: {drift.problem}"
    if not drift.differing:
        return f"nothing to compare: {drift.unchanged:,} products are as they were in {drift.against}"
    figures = ", ".join(f"{kind} {found:.1%}" for kind, found in drift.differing.items())
    model = "" if drift.same_model else ", another model"
    return f"{figures} of results over {drift.unchanged:,} unchanged products, against {drift.against}{model}"


def show(summary: "Summary", layout: Layout) -> None:
    """Print what a run did."""
    from batch.index_plan import in_words

    rows = table("release", escape(summary.release_id))
    rows.add_row("products", f"{summary.products:,}")
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in summary.reasons.items())
    rows.add_row("rejected", f"{summary.rejected:,}" + (f" ({reasons})" if reasons else ""))
    rate = f" at {summary.images_per_second:,.0f}/s" if summary.embedded_images else ""
    rows.add_row("pictures", f"{summary.embedded_images:,} encoded{rate}, {summary.read_images:,} read")
    rows.add_row("texts", f"{summary.embedded_texts:,} encoded")
    rows.add_row("shards", f"{summary.embedded_shards:,} made, {summary.cached_shards:,} kept from before")
    memory = in_words(summary.index.memory_bytes)
    rows.add_row("index", f"{summary.parameters.asked}, {memory} of memory: {escape(summary.index.reason)}")
    if summary.parameters.parts:
        taken = summary.products - summary.added
        parts = len(summary.parameters.parts)
        rows.add_row("parts", f"{parts:,}; {summary.added:,} products added, {taken:,} taken over as they stood")
    recalls = ", ".join(f"{kind} {value:.3f}" for kind, value in summary.recall.items())
    rows.add_row("recall@10", recalls)
    if summary.drift.against:
        rows.add_row("drift", escape(describe_drift(summary.drift)))
    rows.add_row("seconds", ", ".join(f"{stage} {spent:.1f}" for stage, spent in summary.seconds.items()))
    rows.add_row("folder", escape(layout.shown(summary.folder)))
    out.print(rows)
