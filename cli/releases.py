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
    rows = table("", "release", "created", ">products", ">rejected", "index", ">recall@10", "model")
    for release in found:
        manifest = release.manifest
        rows.add_row(
            "live" if release.live else "",
            manifest.id,
            manifest.created[:19].replace("T", " "),
            f"{manifest.products:,}",
            f"{manifest.rejected:,}",
            manifest.index.kind,
            f"{min(manifest.recall.values()):.3f}" if manifest.recall else "",
            escape(manifest.model_name),
        )
    out.print(rows)
