"""`aisle import`: vectors that were made elsewhere become the live release."""

from pathlib import Path
from typing import Annotated

import typer

from cli.columns import find_roles
from cli.console import command, escape, out, say
from cli.models import resolve_model
from cli.reindex import describe, executor_kind, run_reindex, show
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


def import_vectors(
    vectors: Annotated[
        Path,
        typer.Option(
            help="A .npy file of one row per catalog row, in its order (or in that of --ids), or a Parquet file of a "
            "column `id` and a column of lists of floats."
        ),
    ],
    catalog: Annotated[str, typer.Option(help="As for `aisle reindex`.")],
    half: Annotated[
        str, typer.Option(help="What the vectors are of: image, text, or both (rows of [image ; text]).")
    ] = "image",
    workspace: Workspace = "workspace",
    model: Annotated[
        str | None,
        typer.Option(help="The model that made the vectors, as for `aisle reindex`: it will encode the queries."),
    ] = None,
    ids: Annotated[
        Path | None, typer.Option(help="For a .npy file: a text file of one product id per line, in its order.")
    ] = None,
    vector_column: Annotated[
        str, typer.Option(help="Of a Parquet file: the column of vectors; default the only one.")
    ] = "",
    normalise: Annotated[
        bool, typer.Option("--normalise", help="Scale vectors to norm 1; otherwise another norm is an error.")
    ] = False,
    thumbnails: Annotated[bool, typer.Option(help="Make thumbnails of the catalog's pictures.")] = True,
    columns: Columns = None,
    id: IdColumn = None,
    image: ImageColumn = None,
    title: TitleColumn = None,
    attribute: AttributeColumns = None,
    index: ForcedIndex = None,
    memory: Memory = None,
    recall_target: RecallTarget = 0.99,
    compact: Compact = False,
    append_from: AppendFrom = 1_000_000,
    max_rejects: MaxRejects = 0.01,
    max_drift: MaxDrift = 0.2,
    requests_per_host: RequestsPerHost = 8,
    wait: Wait = 0.0,
    workers: Annotated[int | None, typer.Option(help="Tasks at the same time; default every core.")] = None,
    executor: Executor = "ray",
    address: Address = None,
) -> None:
    """Make a release of a catalog and of vectors that were made elsewhere.

    Vectors are checked (how many, how long, NaN, norm, whose) and go the way of all others: index, measured recall,
    verified publishing. Products without a usable vector are in rejects.parquet. Importing again writes only the
    shards whose vectors changed.
    """
    from aisle.machine import Provider
    from batch.build import BuildOptions
    from batch.executor import ExecutorKind
    from batch.given import Halves, given_vectors
    from batch.index_plan import read_bytes
    from batch.options import ReindexOptions

    try:
        halves = Halves(half)
    except ValueError as error:
        raise typer.BadParameter(f"{half!r} is not one of {', '.join(Halves)}", param_hint="--half") from error
    roles = find_roles(catalog, columns=columns, id=id, image=image, title=title, attributes=attribute or ())
    say(describe(roles))
    layout = open_workspace(workspace)
    bundle = resolve_model(model, layout=layout)
    scratch = layout.root.expanduser().resolve()
    with given_vectors(
        vectors, halves=halves, scratch=scratch, normalise=normalise, ids=ids, column=vector_column
    ) as given:
        summary = run_reindex(
            catalog,
            layout=layout,
            model=bundle,
            roles=roles,
            kind=executor_kind(executor, ExecutorKind),
            provider=Provider.CPU,
            workers=workers,
            address=address,
            options=ReindexOptions(
                index=index,
                memory=None if memory is None else read_bytes(memory),
                recall_target=recall_target,
                max_rejects=max_rejects,
                max_drift=max_drift,
                requests_per_host=requests_per_host,
                wait=wait,
                compact=compact,
                build=BuildOptions(append_from=append_from),
            ),
            given=given,
            thumbnails=thumbnails,
        )
    show(summary, layout)
    out.print(f"next: {command()} serve --workspace {escape(workspace)}")
