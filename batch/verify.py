"""A release read back with distrust: files, counts, products that find themselves, recall measured anew."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from aisle.encoder import OnnxEncoder
from aisle.errors import ReleaseCorrupt, ReleaseError
from aisle.index import ProductIndex
from aisle.layout import REPORT, Layout
from aisle.machine import Provider, cpu_quota
from aisle.manifest import IndexKind, QueryKind, ReleaseManifest, load_release_manifest
from aisle.mirror import pull_model, pull_release
from aisle.products import Products
from batch.evaluate import TIE, K, exact_search, recall_at_k
from batch.queries import sample_queries
from batch.stored import StoredVectors, released_vectors

SAMPLE = 64
"""Products that must find themselves."""

LOST_IN_A_GRAPH = 3
"""Of them, those that a graph may miss: no path need lead to a node."""


@dataclass(frozen=True, slots=True)
class ReadBack:
    """A release that holds together.

    Attributes:
        manifest: Its `release.json`.
        index: Its index.
        products: Its tables.
        sampled: Products that found themselves.
    """

    manifest: ReleaseManifest
    index: ProductIndex
    products: Products
    sampled: int


@dataclass(frozen=True, slots=True)
class Verified:
    """A release that is what it says.

    Attributes:
        manifest: Its `release.json`.
        bytes: Of all its files.
        sampled: Products that found themselves.
        recall: recall@10 per kind of query, measured now; None where the embeddings it was made from are gone.
        recall_target: What it was published with; None when that was not kept.
    """

    manifest: ReleaseManifest
    bytes: int
    sampled: int
    recall: Mapping[str, float] | None
    recall_target: float | None


def read_back(folder: Path, vectors: StoredVectors | None) -> ReadBack:
    """Open a release as serving will, and compare it with the vectors it was made from.

    Args:
        folder: The release.
        vectors: What must be in the index; None compares the index with itself.

    Raises:
        ReleaseCorrupt: Files, counts, ids or vectors are not what they should be.
    """
    manifest = load_release_manifest(folder, verify=True)
    index = ProductIndex.open(folder, manifest.index)
    products = Products(folder, manifest.attributes)
    counts = {"manifest": manifest.products, "index": len(index), "products": len(products)}
    if vectors is not None:
        counts["shards"] = len(vectors)
    if len(set(counts.values())) != 1:
        raise ReleaseCorrupt(f"{folder} does not add up: {counts}; run `aisle reindex` again")
    if pc.count_distinct(products.table.column("id")).as_py() != len(products):
        raise ReleaseCorrupt(f"{folder} holds a product id twice; run `aisle reindex` again")
    rows = np.unique(np.linspace(0, len(index) - 1, SAMPLE).astype(np.int64))
    held = index.vectors(rows)
    stored = held if vectors is None else vectors.take(rows)
    if not np.allclose(held, stored, atol=TIE):
        raise ReleaseCorrupt(f"{folder}: the index holds other vectors than the shards; run `aisle reindex` again")
    scores, _ = index.search(stored, k=1)
    lost = np.flatnonzero(scores[:, 0] < np.einsum("nd,nd->n", stored, stored) - TIE)
    if len(lost) > (LOST_IN_A_GRAPH if manifest.index.kind is IndexKind.HNSW else 0):
        product_id = products.table.column("id")[int(rows[lost[0]])].as_py()
        raise ReleaseCorrupt(f"{folder}: product {product_id!r} does not find itself; run `aisle reindex` again")
    return ReadBack(manifest=manifest, index=index, products=products, sampled=len(rows) - len(lost))


def verify_release(layout: Layout, release_id: str) -> Verified:
    """Check a published release in full: hash every file, its model's too, and measure the recall again.

    Args:
        layout: The workspace.
        release_id: Which release.

    Raises:
        ReleaseCorrupt: It is not what it says.
        ReleaseError: It finds less than it was published with.
        ModelError: Its model is gone or damaged.
    """
    pull_release(layout, release_id)
    folder = layout.release(release_id)
    manifest = load_release_manifest(folder, verify=False)
    if manifest.id != release_id:
        raise ReleaseCorrupt(f"{folder} holds the release {manifest.id}: run `aisle reindex`")
    pull_model(layout, manifest.model_fingerprint)
    encoder = OnnxEncoder(layout.model(manifest.model_fingerprint), provider=Provider.CPU, threads=cpu_quota())
    vectors = released_vectors(layout, manifest)
    found = read_back(folder, vectors)
    target = _recall_target(folder)
    recall = None if vectors is None else _measure(found, vectors, encoder)
    if recall is not None and target is not None and any(value < target for value in recall.values()):
        figures = ", ".join(f"{kind} {value:.3f}" for kind, value in recall.items())
        raise ReleaseError(
            f"release {release_id} has recall@10 {figures} and was published with a target of {target:g}: "
            "go back with `aisle releases rollback`, or run `aisle reindex`"
        )
    return Verified(
        manifest=manifest,
        bytes=sum(record.bytes for record in manifest.files),
        sampled=found.sampled,
        recall=recall,
        recall_target=target,
    )


def _measure(found: ReadBack, vectors: StoredVectors, encoder: OnnxEncoder) -> Mapping[str, float]:
    queries = sample_queries(
        found.products.table,
        vectors,
        attributes=found.manifest.attributes,
        weights={QueryKind(kind): halves for kind, halves in found.manifest.weights.items()},
        encoder=encoder,
    )
    return {
        str(kind): recall_at_k(found.index, asked, exact_search(asked, vectors, k=K), vectors, kind=kind)
        for kind, asked in queries.items()
    }


def _recall_target(folder: Path) -> float | None:
    try:
        target = json.loads((folder / REPORT).read_text(encoding="utf-8")).get("recall_target")
    except (OSError, ValueError, AttributeError) as error:
        raise ReleaseCorrupt(f"{folder / REPORT} cannot be read ({error}): run `aisle reindex`") from error
    return float(target) if isinstance(target, int | float) else None
