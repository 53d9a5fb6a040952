"""Releases that are old and embeddings that no release came from: found, and deleted."""

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from aisle.current import read_current
from aisle.errors import SettingsError
from aisle.layout import RELEASE_MANIFEST, SHARDS, Layout
from aisle.manifest import ReleaseManifest, load_release_manifest
from aisle.mirror import FileInfo, files_below, folders_below, pull, remove
from batch.known_rows import is_shard_file
from batch.lock import hold
from batch.releases import DELETING, WAIT_SECONDS, list_releases, sweep
from batch.stored import read_shard_list

KEEP = 3
"""Releases that are kept, when nothing else is asked for."""


@dataclass(frozen=True, slots=True)
class Garbage:
    """What is deleted, or would be.

    Attributes:
        releases: Ids, newest first.
        kept: Ids of the others, newest first.
        shards: Embedding shards.
        bytes: Of all their files.
        untouched: Fingerprints whose embeddings are all kept, since a kept release does not say which it came from.
    """

    releases: tuple[str, ...]
    kept: tuple[str, ...]
    shards: int
    bytes: int
    untouched: tuple[str, ...]


def collect_garbage(layout: Layout, *, keep: int = KEEP, dry_run: bool = False, wait: float = 0.0) -> Garbage:
    """Keep the newest releases, the live one, and the embeddings that they came from; delete the rest.

    Shards younger than the newest release stay: a run that was killed made them, and the next one takes them up. Models
    stay: somebody exported them, and may not have used them yet.

    Args:
        layout: The workspace.
        keep: How many releases, the live one included if it is among the newest; damaged ones do not count.
        dry_run: Delete nothing.
        wait: Seconds to wait for a run in this workspace.

    Raises:
        SettingsError: `keep` is below 1.
        ReleaseCorrupt: `CURRENT` or a kept release cannot be read: nothing was deleted.
        IncompleteRun: A run is at work in this workspace.
    """
    if keep < 1:
        raise SettingsError(f"keep is {keep}; at least 1 release is kept, and the live one always")
    with hold(layout.lock, doing="deleting old releases", store=layout.store, wait=wait):
        if not dry_run:
            sweep(layout)
        with hold(layout.publish_lock, doing="deleting old releases", store=layout.store, wait=WAIT_SECONDS):
            found = _find(layout, keep=keep)
            if not dry_run:
                _hide(layout, found.releases)
        if not dry_run:
            _delete(layout, found)
    return Garbage(
        releases=found.releases,
        kept=found.kept,
        shards=len(found.shards),
        bytes=found.bytes,
        untouched=found.untouched,
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """As `Garbage`, with the files of shards and of releases."""

    releases: tuple[str, ...]
    kept: tuple[str, ...]
    shards: tuple[Path, ...]
    bytes: int
    files: tuple[Path, ...]
    untouched: tuple[str, ...]


def _find(layout: Layout, *, keep: int) -> _Found:
    live = read_current(layout)
    releases = list_releases(layout)
    whole = [release.id for release in releases if not release.problem]
    kept = [release.id for release in releases if release.id in whole[:keep] or release.id == live]
    doomed = [release.id for release in releases if release.id not in kept]
    manifests = [load_release_manifest(layout.release(release_id), verify=False) for release_id in kept]
    untouched: list[str] = []
    shards: list[FileInfo] = []
    for fingerprint in folders_below(layout, layout.root / "embeddings"):
        used = _used(layout, fingerprint, manifests)
        if used is None:
            untouched.append(fingerprint)
        elif manifests:
            shards += _unused(layout, fingerprint, used, younger_than=_newest(manifests))
    files = [one for release_id in doomed for one in files_below(layout, layout.release(release_id))]
    return _Found(
        releases=tuple(doomed),
        kept=tuple(kept),
        shards=tuple(shard.path for shard in shards),
        bytes=sum(one.bytes for one in [*shards, *files]),
        files=tuple(one.path for one in files),
        untouched=tuple(untouched),
    )


def _used(layout: Layout, fingerprint: str, manifests: Iterable[ReleaseManifest]) -> set[str] | None:
    """Keys of the shards that kept releases came from; None when one of them does not say."""
    used: set[str] = set()
    for manifest in manifests:
        if manifest.model_fingerprint == fingerprint:
            pull(layout, layout.release(manifest.id) / SHARDS)
            shards = read_shard_list(layout.release(manifest.id))
            if shards is None:
                return None
            used.update(shards)
    return used


def _newest(manifests: Iterable[ReleaseManifest]) -> float:
    return max(datetime.fromisoformat(manifest.created).timestamp() for manifest in manifests)


def _unused(layout: Layout, fingerprint: str, used: set[str], *, younger_than: float) -> Iterator[FileInfo]:
    folder = layout.embeddings(fingerprint)
    for one in files_below(layout, folder):
        if _is_shard(one.path, folder) and one.path.stem not in used and one.modified < younger_than:
            yield one


def _is_shard(path: Path, folder: Path) -> bool:
    return path.parent == folder and path.suffix == ".arrow" and is_shard_file(path)


def _hide(layout: Layout, releases: Iterable[str]) -> None:
    """Out of everybody's sight in one step: here by another name, on a store by the end of the manifest."""
    for release_id in releases:
        folder = layout.release(release_id)
        if layout.store is not None:
            remove(layout, [folder / RELEASE_MANIFEST])
        else:
            folder.rename(folder.with_name(f"{DELETING}{release_id}"))


def _delete(layout: Layout, found: _Found) -> None:
    if layout.store is not None:
        remove(layout, [path for path in found.files if path.name != RELEASE_MANIFEST])
    for release_id in found.releases:
        shutil.rmtree(layout.release(release_id if layout.store else f"{DELETING}{release_id}"), ignore_errors=True)
    remove(layout, found.shards)
    for folder in {path.parent for path in found.shards}:
        left = files_below(layout, folder)
        if not any(_is_shard(one.path, folder) for one in left):
            if layout.store is not None:
                remove(layout, [one.path for one in left])
            shutil.rmtree(folder, ignore_errors=True)
