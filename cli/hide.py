"""`aisle hide` and `aisle unhide`: products off the page at once, and back."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.console import say
from cli.workspace import open_workspace

if TYPE_CHECKING:
    from batch.hide import Hidden

Ids = Annotated[list[str], typer.Argument(metavar="ID...", help="Product ids.")]
Workspace = Annotated[str, typer.Option(help="Workspace of the products; a folder or URL.")]


def hide(ids: Ids, workspace: Workspace = "workspace") -> None:
    """Take products down at once, without a reindex.

    They stay hidden in every release to come, until `aisle unhide`. `aisle releases show` lists them.
    """
    from batch.hide import hide_products

    _tell(hide_products(open_workspace(workspace), ids), verb="hidden", before="hidden already")


def unhide(ids: Ids, workspace: Workspace = "workspace") -> None:
    """Put hidden products back."""
    from batch.hide import unhide_products

    _tell(unhide_products(open_workspace(workspace), ids), verb="shown again", before="not hidden")


def _tell(done: "Hidden", *, verb: str, before: str) -> None:
    for what, ids in ((verb, done.changed), (before, done.unchanged), ("not in the live release", done.unknown)):
        if ids:
            say(f"{what}: {', '.join(ids)}")
    say(f"products hidden now: {done.hidden:,}")
