"""What is in a workspace: its releases, and what dead runs left behind."""

import shutil
from dataclasses import dataclass

from aisle.current import read_current
from aisle.errors import ReleaseCorrupt
from aisle.layout import Layout
from aisle.manifest import load_release_manifest

BUILDING = ".building-"
"""How the name of a release's folder starts until it is whole."""


@dataclass(frozen=True, slots=True)
class ReleaseInfo:
    """One release.

    Attributes:
        id: Of the release.
        created: ISO 8601, UTC; empty when the release is damaged.
        products: How many; 0 when the release is damaged.
        model_name: For people; empty when the release is damaged.
        live: `CURRENT` names it.
        problem: Why its manifest cannot be read; empty when it can.
    """

    id: str
    created: str
    products: int
    model_name: str
    live: bool
    problem: str


def list_releases(layout: Layout) -> list[ReleaseInfo]:
    """Releases of a workspace, newest first; their files are not hashed.

    Raises:
        ReleaseCorrupt: `CURRENT` cannot be read.
    """
    live = read_current(layout)
    if not layout.releases.is_dir():
        return []
    names = [path.name for path in layout.releases.iterdir() if path.is_dir() and not path.name.startswith(".")]
    return [_info(layout, name, live=name == live) for name in sorted(names, reverse=True)]


def _info(layout: Layout, release_id: str, *, live: bool) -> ReleaseInfo:
    try:
        manifest = load_release_manifest(layout.release(release_id), verify=False)
    except ReleaseCorrupt as error:
        return ReleaseInfo(id=release_id, created="", products=0, model_name="", live=live, problem=str(error))
    return ReleaseInfo(
        id=release_id,
        created=manifest.created,
        products=manifest.products,
        model_name=manifest.model_name,
        live=live,
        problem="",
    )


def sweep(layout: Layout, *, fingerprint: str) -> None:
    """Remove unfinished releases, half-copied models and half-written shards.

    Only whoever holds the workspace's lock may call this.
    """
    for folder in [*layout.releases.glob(f"{BUILDING}*"), *layout.models.glob(".????????????????.tmp-*")]:
        shutil.rmtree(folder)
    for path in layout.embeddings(fingerprint).glob(".*.tmp-*"):
        path.unlink(missing_ok=True)
