"""A built folder becomes the live release: manifest last, read back with distrust, renamed, then `CURRENT`."""

import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from aisle.current import write_current
from aisle.errors import ReleaseCorrupt
from aisle.files import sync_folder
from aisle.index import ProductIndex
from aisle.layout import INDEX, PRODUCTS, REJECTS, REPORT, THUMBNAILS, Layout
from aisle.manifest import (
    AttributeType,
    ModelManifest,
    QueryKind,
    ReleaseManifest,
    load_release_manifest,
    record_files,
    save_release_manifest,
)
from aisle.products import Products
from aisle.vectors import HalfWeights
from batch.evaluate import TIE, Evaluation
from batch.releases import BUILDING
from batch.stored import StoredVectors

RELEASE_FILES = (INDEX, PRODUCTS, THUMBNAILS, REJECTS, REPORT)
SAMPLE = 64
"""Products that must find themselves before a release goes live."""


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
    """Name a release after this second and make the folder it is built in; gone in the end, unless published."""
    now = datetime.now(UTC)
    release = NewRelease(id=f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}", created=now, layout=layout)
    release.folder.mkdir(parents=True)
    try:
        yield release
    finally:
        shutil.rmtree(release.folder, ignore_errors=True)


def publish_release(
    release: NewRelease,
    *,
    model: ModelManifest,
    attributes: Mapping[str, AttributeType],
    rejected: int,
    evaluation: Evaluation,
    weights: Mapping[QueryKind, HalfWeights],
    vectors: StoredVectors,
) -> Path:
    """Write the manifest, verify the whole, and make it the live release.

    Args:
        release: Whose folder holds all other files.
        model: Whose vectors these are.
        attributes: Names and types, in catalog order.
        rejected: Rows in `rejects.parquet`.
        evaluation: How the index is asked and what it finds.
        weights: Of each kind of query.
        vectors: What must be in the index.

    Returns:
        The release's final folder.

    Raises:
        ReleaseCorrupt: What was read back is not what was written; `CURRENT` is as it was.
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
        files=record_files(release.folder, RELEASE_FILES),
    )
    save_release_manifest(manifest, release.folder)
    verify_release(release.folder, vectors)
    final = release.layout.release(release.id)
    release.folder.rename(final)
    sync_folder(release.layout.releases)
    write_current(release.layout, release.id)
    return final


def verify_release(folder: Path, vectors: StoredVectors) -> None:
    """Read a release back as serving will, and compare it with the vectors it was made from.

    Raises:
        ReleaseCorrupt: Files, counts, ids or vectors are not what they should be.
    """
    manifest = load_release_manifest(folder, verify=True)
    index = ProductIndex.open(folder / INDEX, manifest.index)
    products = Products(folder, manifest.attributes)
    counts = {"manifest": manifest.products, "index": len(index), "products": len(products), "shards": len(vectors)}
    if len(set(counts.values())) != 1:
        raise ReleaseCorrupt(f"{folder} does not add up: {counts}; run `aisle reindex` again")
    if len(set(products.ids)) != len(products):
        raise ReleaseCorrupt(f"{folder} holds a product id twice; run `aisle reindex` again")
    rows = np.unique(np.linspace(0, len(vectors) - 1, SAMPLE).astype(np.int64))
    stored = vectors.take(rows)
    if not np.allclose(index.vectors(rows), stored, atol=TIE):
        raise ReleaseCorrupt(f"{folder}: the index holds other vectors than the shards; run `aisle reindex` again")
    scores, _ = index.search(stored, k=1)
    lost = np.flatnonzero(scores[:, 0] < np.einsum("nd,nd->n", stored, stored) - TIE)
    if len(lost):
        product_id = products.ids[int(rows[lost[0]])]
        raise ReleaseCorrupt(f"{folder}: product {product_id!r} does not find itself; run `aisle reindex` again")
