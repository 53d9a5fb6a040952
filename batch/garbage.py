"""Releases that are old and embeddings that no release came from: found, and deleted."""

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from aisle.current import read_current
from aisle.errors import SettingsError
from aisle.layout import Layout
from aisle.manifest import ReleaseManifest, load_release_manifest
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
    with hold(layout.lock, doing="deleting old releases", wait=wait):
        if not dry_run:
            sweep(layout)
        with hold(layout.publish_lock, doing="deleting old releases", wait=WAIT_SECONDS):
            found = _find(layout, keep=keep)
            if not dry_run:
                for release_id in found.releases:  # out of everybody's sight in one step
                    folder = layout.release(release_id)
                    folder.rename(folder.with_name(f"{DELETING}{release_id}"))
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
    """As `Garbage`, with the shards' files."""

    releases: tuple[str, ...]
    kept: tuple[str, ...]
    shards: tuple[Path, ...]
    bytes: int
    untouched: tuple[str, ...]


def _find(layout: Layout, *, keep: int) -> _Found:
    live = read_current(layout)
    releases = list_releases(layout)
    whole = [release.id for release in releases if not release.problem]
    kept = [release.id for release in releases if release.id in whole[:keep] or release.id == live]
    doomed = [release.id for release in releases if release.id not in kept]
    manifests = [load_release_manifest(layout.release(release_id), verify=False) for release_id in kept]
    untouched: list[str] = []
    shards: list[Path] = []
    for folder in layout.all_embeddings():
        used = _used(layout, folder.name, manifests)
        if used is None:
            untouched.append(folder.name)
        elif manifests:
            shards += _unused(folder, used, younger_than=_newest(manifests))
    files = [*shards, *(path for release_id in doomed for path in _files(layout.release(release_id)))]
    return _Found(
        releases=tuple(doomed),
        kept=tuple(kept),
        shards=tuple(shards),
        bytes=sum(path.stat().st_size for path in files),
        untouched=tuple(untouched),
    )


def _used(layout: Layout, fingerprint: str, manifests: Iterable[ReleaseManifest]) -> set[str] | None:
    """Keys of the shards that kept releases came from; None when one of them does not say."""
    used: set[str] = set()
    for manifest in manifests:
        if manifest.model_fingerprint == fingerprint:
            shards = read_shard_list(layout.release(manifest.id))
            if shards is None:
                return None
            used.update(shards)
    return used


def _newest(manifests: Iterable[ReleaseManifest]) -> float:
    return max(datetime.fromisoformat(manifest.created).timestamp() for manifest in manifests)


def _unused(folder: Path, used: set[str], *, younger_than: float) -> Iterator[Path]:
    for path in sorted(folder.glob("*.arrow")):
        if is_shard_file(path) and path.stem not in used and path.stat().st_mtime < younger_than:
            yield path


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def _delete(layout: Layout, found: _Found) -> None:
    for release_id in found.releases:
        shutil.rmtree(layout.release(f"{DELETING}{release_id}"))
    for path in found.shards:
        path.unlink()
    for folder in {path.parent for path in found.shards}:
        if not any(is_shard_file(path) for path in folder.glob("*.arrow")):
            shutil.rmtree(folder)
