"""Options that `aisle reindex` and `aisle import` share: where from, where to, which column is what, and who works."""

from pathlib import Path
from typing import Annotated

import typer

from aisle.manifest import IndexKind

Workspace = Annotated[
    str, typer.Option(help="Where models, embeddings and releases live: a folder, or s3://bucket/folder.")
]
Columns = Annotated[Path | None, typer.Option(help="TOML file of column roles, instead of the options below.")]
IdColumn = Annotated[str | None, typer.Option(help="Column of unique product ids.")]
ImageColumn = Annotated[str | None, typer.Option(help="Column of pictures (bytes, paths, URLs); '' for none.")]
TitleColumn = Annotated[str | None, typer.Option(help="Column shown as the product's name.")]
AttributeColumns = Annotated[
    list[str] | None,
    typer.Option(help="Filterable column, column=type (category, number, boolean, list); repeat or use commas."),
]
ForcedIndex = Annotated[IndexKind | None, typer.Option(help="Force an index kind.")]
Memory = Annotated[
    str | None,
    typer.Option(help="Most memory an open index may take, such as 8GB; chooses the kind. Default: no limit."),
]
Compact = Annotated[
    bool, typer.Option("--compact", help="Build the index anew, where it would do to append to the live release's.")
]
AppendFrom = Annotated[
    int, typer.Option(help="Products from which an index with lists is appended to by the next run.")
]
RecallTarget = Annotated[float, typer.Option(help="Least recall@10 against exact search.")]
MaxRejects = Annotated[float, typer.Option(help="Largest fraction of rows that may be rejected.")]
MaxDrift = Annotated[
    float,
    typer.Option(
        help="Largest part of the results over unchanged products that may differ from the live release's; "
        "never asked of another model."
    ),
]
RequestsPerHost = Annotated[
    int, typer.Option(help="Requests for pictures by http to one host at the same time, of all workers together.")
]
Wait = Annotated[float, typer.Option(help="Seconds to wait for another run in this workspace.")]
Executor = Annotated[str, typer.Option(help="ray, or local: plain processes of this machine.")]
Address = Annotated[
    str | None,
    typer.Option(
        envvar="RAY_ADDRESS",
        help="Address of a Ray cluster, `auto` for the one this machine is a node of; default Ray on this machine. "
        "Ray sets the variable for its jobs.",
    ),
]
