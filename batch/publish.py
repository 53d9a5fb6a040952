"""A built folder becomes the live release: manifest last, read back with distrust, renamed, then `CURRENT`."""

import re
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aisle.current import current_tag, read_current, write_current
from aisle.errors import IncompleteRun, StoreUnreachable
from aisle.files import sync_folder
from aisle.layout import PRODUCTS, REJECTS, RELEASE_MANIFEST, REPORT, SHARDS, THUMBNAILS, Layout
from aisle.manifest import (
    AttributeType,
    ModelManifest,
    QueryKind,
    ReleaseManifest,
    record_files,
    save_release_manifest,
)
from aisle.mirror import files_below, push_release, remove
from aisle.vectors import HalfWeights
from batch.evaluate import Evaluation
from batch.lock import Lease, hold
from batch.releases import BUILDING, WAIT_SECONDS, list_releases
from batch.stored import StoredVectors
from batch.verify import read_back

RELEASE_FILES = (PRODUCTS, THUMBNAILS, REJECTS, REPORT, SHARDS)


@dataclass(frozen=True, slots=True)
class NewRelease:
    """A release in the making.

    Attributes:
        id: `20261121T101500-1a2b3c4d`: sortable by time, unique.
        created: When it was begun.
        layout: The workspace.
    """

    id: str
    created: datetime
    layout: Layout

    @property
    def folder(self) -> Path:
        """Where its files are until it is whole."""
        return self.layout.release(f"{BUILDING}{self.id}")


@contextmanager
def new_release(layout: Layout) -> Iterator[NewRelease]:
    """Name a release after this second and make the folder it is built in; gone in the end, unless published.

    A second that a release is named after already, or that lies before one (clocks are set back), gives way to the
    next: releases are sorted by their names.
    """
    now = max(datetime.now(UTC), _last_second(layout) + timedelta(seconds=1))
    release = NewRelease(id=f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}", created=now, layout=layout)
    release.folder.mkdir(parents=True)
    try:
        yield release
    finally:
        shutil.rmtree(release.folder, ignore_errors=True)


def _last_second(layout: Layout) -> datetime:
    """When the newest release was begun, by its name; the beginning of time in a workspace without one."""
    seconds = [
        datetime.strptime(found[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
        for release in list_releases(layout)
        if (found := re.fullmatch(r"(\d{8}T\d{6})-[0-9a-f]{8}", release.id))
    ]
    return max(seconds, default=datetime(1970, 1, 1, tzinfo=UTC))


def publish_release(
    release: NewRelease,
    *,
    model: ModelManifest,
    attributes: Mapping[str, AttributeType],
    rejected: int,
    index_files: Sequence[str],
    evaluation: Evaluation,
    weights: Mapping[QueryKind, HalfWeights],
    vectors: StoredVectors,
    lease: Lease,
) -> Path:
    """Write the manifest, verify the whole, and make it the live release.

    Args:
        release: Whose folder holds all other files.
        model: Whose vectors these are.
        attributes: Names and types, in catalog order.
        rejected: Rows in `rejects.parquet`.
        index_files: Names of the index's files.
        evaluation: How the index is asked and what it finds.
        weights: Of each kind of query.
        vectors: What must be in the index.
        lease: Of the workspace.

    Returns:
        The release's final folder.

    Raises:
        ReleaseCorrupt: What was read back is not what was written; `CURRENT` is as it was.
        IncompleteRun: Another run has taken the workspace over; of this release nothing is left to be seen.
    """
    manifest = ReleaseManifest(
        id=release.id,
        created=release.created.isoformat(timespec="seconds"),
        model_fingerprint=model.fingerprint,
        model_name=model.name,
        dimension=model.dimension,
        products=len(vectors),
        rejected=rejected,
        attributes=dict(attributes),
        index=evaluation.parameters,
        recall={str(kind): found for kind, found in evaluation.recall.items()},
        weights={str(kind): halves for kind, halves in weights.items()},
        files=record_files(release.folder, (*index_files, *RELEASE_FILES)),
    )
    save_release_manifest(manifest, release.folder)
    read_back(release.folder, vectors)
    lease.check()
    try:
        return _make_live(release, lease)
    except IncompleteRun:
        _withdraw(release)
        raise


def _make_live(release: NewRelease, lease: Lease) -> Path:
    layout, final = release.layout, release.layout.release(release.id)
    push_release(layout, release.folder, final, live=read_current(layout))
    with hold(layout.publish_lock, doing="publishing", store=layout.store, wait=WAIT_SECONDS):
        seen = current_tag(layout)  # before the check: what is replaced is then what was there while we were the owner
        lease.check()
        release.folder.rename(final)
        sync_folder(layout.releases)
        write_current(layout, release.id, replacing=seen)
    return final


def _withdraw(release: NewRelease) -> None:
    """Take back what a store was given of a release that `CURRENT` never named; first its manifest, then it is none."""
    folder = release.layout.release(release.id)
    with suppress(StoreUnreachable):  # then the next run removes it
        remove(release.layout, [folder / RELEASE_MANIFEST])
        remove(release.layout, [one.path for one in files_below(release.layout, folder)])
