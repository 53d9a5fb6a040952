"""`aisle releases`: what the workspace holds."""

from pathlib import Path
from typing import Annotated

import typer

from aisle.layout import Layout
from cli.console import escape, out, say, table


def releases(
    workspace: Annotated[Path, typer.Option(help="Workspace to look into.")] = Path("workspace"),
) -> None:
    """List the releases of a workspace, newest first; the live one is marked."""
    from batch.releases import list_releases

    found = list_releases(Layout(root=workspace))
    if not found:
        say(f"workspace {workspace} has no release yet: run `aisle reindex --catalog ... --workspace {workspace}`")
        return
    rows = table("", "release", "created", ">products", "model")
    for release in found:
        rows.add_row(
            "live" if release.live else "",
            release.id,
            release.created[:19].replace("T", " "),
            f"{release.products:,}" if not release.problem else "",
            escape(release.problem or release.model_name),
        )
    out.print(rows)
