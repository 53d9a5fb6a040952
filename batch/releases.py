"""What is in a workspace: its releases, which of them is live, and what dead runs left behind."""

import shutil
from dataclasses import dataclass

from aisle.current import current_tag, read_current, write_current
from aisle.errors import ModelMismatch, ReleaseCorrupt, ReleaseError
from aisle.layout import RELEASE_MANIFEST, Layout
from aisle.manifest import load_model_manifest, load_release_manifest
from aisle.mirror import files_below, folders_below, pull_all, pull_model, remove
from batch.lock import hold

BUILDING = ".building-"
"""How the name of a release's folder starts until it is whole."""

DELETING = ".deleting-"
"""And how it starts from the moment it is deleted."""

WAIT_SECONDS = 60.0
"""For whoever else replaces `CURRENT`: a moment's work."""


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
    names = folders_below(layout, layout.releases)
    pull_all(layout, [layout.release(name) / RELEASE_MANIFEST for name in names])
    return [_info(layout, name, live=name == live) for name in reversed(names)]


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


def find_release(layout: Layout, name: str | None) -> str:
    """A release by its id, or by as much of its beginning as no other has; None is the live one.

    Raises:
        ReleaseError: There is none, or more than one.
        ReleaseCorrupt: `CURRENT` cannot be read.
    """
    if name is None:
        live = read_current(layout)
        if live is None:
            raise ReleaseError(f"workspace {layout.place} has no release yet: run `aisle reindex`")
        return live
    found = [release.id for release in list_releases(layout) if release.id.startswith(name)]
    if name in found:
        return name
    if len(found) != 1:
        many = f"{len(found)} releases begin with" if found else "no release is called"
        raise ReleaseError(f"{many} {name!r} in workspace {layout.place}: `aisle releases list` shows them")
    return found[0]


def rollback(layout: Layout, name: str | None = None) -> str:
    """Make an earlier release live again. Takes a moment: files are measured, not hashed; serving hashes what it opens.

    Args:
        layout: The workspace.
        name: Of the release; None takes the newest one that is older than the live one and whole.

    Returns:
        Its id.

    Raises:
        ReleaseError: There is no such release.
        ReleaseCorrupt: Its files are not those of its manifest; `CURRENT` is as it was.
        ModelError: Its model is gone.
        IncompleteRun: Another process has been replacing `CURRENT` all the while.
    """
    with hold(layout.publish_lock, doing="rolling back", store=layout.store, wait=WAIT_SECONDS):
        seen = current_tag(layout)
        live = find_release(layout, None)
        if name is None:
            older = [release.id for release in list_releases(layout) if release.id < live and not release.problem]
            if not older:
                raise ReleaseError(
                    f"workspace {layout.place} has no whole release older than the live one, {live}: "
                    "`aisle releases list` shows those there are"
                )
            name = older[0]
        release_id = find_release(layout, name)
        check_sizes(layout, release_id)
        write_current(layout, release_id, replacing=seen)
    return release_id


def check_sizes(layout: Layout, release_id: str) -> None:
    """Make sure that a release and its model are there, by the lengths of their files.

    Raises:
        ReleaseCorrupt: A file of the release is missing or of another length.
        ModelError: The model is gone.
        ModelMismatch: Another model lies where its model should be.
    """
    folder = layout.release(release_id)
    manifest = load_release_manifest(folder, verify=False)
    lengths = {one.path: one.bytes for one in files_below(layout, folder)}
    for record in manifest.files:
        path = folder / record.name
        length = lengths.get(path)
        if length != record.bytes:
            found = "is missing" if length is None else f"has {length:,} bytes, the manifest says {record.bytes:,}"
            raise ReleaseCorrupt(f"{path} {found}: choose another release (`aisle releases list` shows them)")
    pull_model(layout, manifest.model_fingerprint)
    model = load_model_manifest(layout.model(manifest.model_fingerprint), verify=False)
    if model.fingerprint != manifest.model_fingerprint:
        raise ModelMismatch(
            f"release {release_id} wants the model {manifest.model_fingerprint}, and its folder holds "
            f"{model.fingerprint}: export the model again"
        )


def sweep(layout: Layout) -> None:
    """Remove unfinished and half-deleted releases, half-copied models and half-written shards.

    Only whoever holds the workspace's lock may call this.
    """
    folders = [layout.releases.glob(f"{start}*") for start in (BUILDING, DELETING)]
    for folder in [*folders[0], *folders[1], *layout.models.glob(".????????????????.tmp-*")]:
        shutil.rmtree(folder)
    for embeddings in layout.all_embeddings():
        for path in [*embeddings.glob(".*.tmp-*"), *layout.known(embeddings.name).glob(".*.tmp-*")]:
            path.unlink(missing_ok=True)
    if layout.store is not None:
        _sweep_store(layout)


def _sweep_store(layout: Layout) -> None:
    """Remove releases that have no manifest: whoever copied them died before the end, or while deleting them."""
    files = [one.path for one in files_below(layout, layout.releases)]
    whole = {path.parent for path in files if path.name == RELEASE_MANIFEST}
    remove(layout, [path for path in files if path.parent not in whole])
    for folder in layout.releases.glob("*"):  # what the store no longer has is of no use here
        if folder not in whole:
            shutil.rmtree(folder)
