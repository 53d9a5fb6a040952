"""`aisle hide` and `aisle unhide`: products off the page at once, and back."""

from typing import TYPE_CHECKING, Annotated

import typer

from aisle.current import read_current
from aisle.errors import ReleaseError
from aisle.layout import Layout
from cli.console import say
from cli.workspace import open_workspace

if TYPE_CHECKING:
    from batch.hide import Hidden

Ids = Annotated[list[str], typer.Argument(metavar="ID", help="Product ids.")]
Workspace = Annotated[str, typer.Option(help="Workspace of the products; a folder or URL.")]


def hide(ids: Ids, workspace: Workspace = "workspace") -> None:
    """Take products down at once, without a reindex.

    They stay hidden in every release to come, until `aisle unhide`. `aisle releases show` lists them.
    """
    from batch.hide import hide_products

    layout = _there(workspace)
    _tell(hide_products(layout, ids), layout, verb="hidden", before="hidden already")


def unhide(ids: Ids, workspace: Workspace = "workspace") -> None:
    """Put hidden products back."""
    from batch.hide import unhide_products

    layout = _there(workspace)
    _tell(unhide_products(layout, ids), layout, verb="shown again", before="not hidden")


def _there(workspace: str) -> Layout:
    """A workspace, and none that begins here: with a mistyped name the product would stay on the page."""
    layout = open_workspace(workspace)
    if layout.store is None and not layout.root.expanduser().is_dir():
        raise ReleaseError(f"there is no workspace {layout.place}: name that of the products with --workspace")
    return layout


def _tell(done: "Hidden", layout: Layout, *, verb: str, before: str) -> None:
    live = read_current(layout)
    missing = "not in the live release" if live else f"workspace {layout.place} has no release yet with"
    for what, ids in ((verb, done.changed), (before, done.unchanged), (missing, done.unknown)):
        if ids:
            say(f"{what}: {', '.join(ids)}")
    say(f"products hidden now: {done.hidden:,}")
