"""How much the answers of a new release differ from the live one's, where nothing that was asked about changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aisle.encoder import OnnxEncoder
from aisle.index import ProductIndex
from aisle.layout import Layout
from aisle.machine import Provider, cpu_quota
from aisle.manifest import AttributeType, IndexParameters, QueryKind, load_release_manifest
from aisle.mirror import pull_model, pull_release
from aisle.products import Products
from aisle.types import Encoder, ProductVectors, RowIds, Scores, UnitVectors
from aisle.vectors import HalfWeights, query_vector, unit_norm
from batch.evaluate import TIE, K
from batch.queries import QUERIES

PRODUCTS = 20_000
"""Products that results are compared over, at most: seconds of work, and 160 MB at 2 x 512 dimensions."""

_SEED = 1


@dataclass(frozen=True, slots=True)
class Drift:
    """What was measured.

    Attributes:
        against: The release that was live; empty when there was none.
        same_model: Both releases have one model: results over unchanged products must be the same.
        unchanged: Products that are in both with the same text and picture.
        differing: Part of the ten best of those that is not among the ten best in the new release, per kind of query.
        problem: Why nothing was measured, though there was a live release; empty otherwise.
    """

    against: str = ""
    same_model: bool = True
    unchanged: int = 0
    differing: Mapping[str, float] | None = None
    problem: str = ""

    @property
    def worst(self) -> float:
        """Of all kinds; 0 when nothing was measured."""
        return max((self.differing or {}).values(), default=0.0)


@dataclass(frozen=True, slots=True)
class Side:
    """A release to be asked.

    Attributes:
        products: Its table.
        index: Its index.
        encoder: Of its model.
    """

    products: Products
    index: ProductIndex
    encoder: Encoder


def open_side(
    folder: Path, parameters: IndexParameters, attributes: Mapping[str, AttributeType], encoder: Encoder
) -> Side:
    """Open a release's files as serving does.

    Raises:
        ReleaseCorrupt: A file cannot be used.
    """
    return Side(
        products=Products(folder, attributes),
        index=ProductIndex.open(folder, parameters),
        encoder=encoder,
    )


def drift_from(
    layout: Layout,
    live: str,
    new: Side,
    *,
    fingerprint: str,
    texts: Sequence[str],
    weights: Mapping[QueryKind, HalfWeights],
) -> Drift:
    """Compare a new release with the live one.

    Args:
        layout: The workspace.
        live: Id of the live release.
        new: The new one.
        fingerprint: Of its model.
        texts: Queries.
        weights: Of each kind, for both.

    Raises:
        ReleaseError: The live release cannot be used.
        ModelError: Its model cannot be used.
    """
    pull_release(layout, live)
    folder = layout.release(live)
    manifest = load_release_manifest(folder, verify=False)
    same_model = manifest.model_fingerprint == fingerprint
    encoder = new.encoder
    if not same_model:
        pull_model(layout, manifest.model_fingerprint)
        bundle = layout.model(manifest.model_fingerprint)
        encoder = OnnxEncoder(bundle, provider=Provider.CPU, threads=cpu_quota(), verify=False)
    old = open_side(folder, manifest.index, manifest.attributes, encoder)
    shared = unchanged_products(new, old)
    return Drift(
        against=live,
        same_model=same_model,
        unchanged=int(np.count_nonzero(shared >= 0)),
        differing=measure_drift(new, old, shared, texts=texts, weights=weights),
    )


def unchanged_products(new: Side, old: Side) -> RowIds:
    """Products that both releases hold with the same text and, judged by the thumbnail's length, the same picture.

    Returns:
        int64 `[new products]`: row in the old release, -1 for products that are new or changed.
    """
    mine, theirs = new.products.table, old.products.table
    found = pc.index_in(mine.column("id"), value_set=theirs.column("id").combine_chunks())
    rows: RowIds = found.fill_null(-1).to_numpy().astype(np.int64)
    there = np.flatnonzero(rows >= 0)
    texts = pc.equal(
        mine.column("text").take(pa.array(there)), theirs.column("text").take(pa.array(rows[there]))
    ).to_numpy()
    pictures = new.products.picture_bytes[there] == old.products.picture_bytes[rows[there]]
    rows[there[~(texts & pictures)]] = -1
    return rows


def measure_drift(
    new: Side, old: Side, shared: RowIds, *, texts: Sequence[str], weights: Mapping[QueryKind, HalfWeights]
) -> Mapping[str, float]:
    """Ask both releases the same among products that did not change, and compare the ten best.

    Searched exactly, over a sample where there are many: what an index fails to find is the recall's business. Whatever
    scores as well as the tenth hit counts as found: equal products may swap places.

    Args:
        new: Is judged.
        old: Is compared with.
        shared: From `unchanged_products`.
        texts: Asked as text queries.
        weights: Of each kind of query.

    Returns:
        0 when all results agree, 1 when none does, per kind; empty when nothing can be compared.
    """
    generator = np.random.default_rng(_SEED)
    rows = np.flatnonzero(shared >= 0)
    rows = np.sort(generator.choice(rows, size=min(PRODUCTS, len(rows)), replace=False))
    if not len(rows):
        return {}
    mine, theirs = new.index.vectors(rows), old.index.vectors(shared[rows])
    queries: dict[QueryKind, tuple[UnitVectors, UnitVectors]] = {}
    if texts:
        said = new.encoder.encode_texts(texts)
        queries[QueryKind.TEXT] = (said, said if old.encoder is new.encoder else old.encoder.encode_texts(texts))
    shown, seen = _pictures(mine), _pictures(theirs)
    pictured = np.flatnonzero(shown.any(axis=1) & seen.any(axis=1))
    if len(pictured):
        asked = generator.choice(pictured, size=min(QUERIES, len(pictured)), replace=False)
        queries[QueryKind.IMAGE] = (shown[asked], seen[asked])
    found = {}
    for kind, pair in queries.items():
        now, before = (
            query_vector(vectors, weights=weights[kind]) @ products.T
            for vectors, products in zip(pair, (mine, theirs), strict=True)
        )
        found[str(kind)] = _differing(now, before)
    return found


def _differing(now: Scores, before: Scores) -> float:
    """Part of the ten best of `before` that are not among those of `now`; both `[queries, products]`."""
    k = min(K, before.shape[1])
    expected = np.argpartition(-before, k - 1, axis=1)[:, :k]
    least = -np.partition(-now, k - 1, axis=1)[:, k - 1 : k]
    return float(1.0 - (np.take_along_axis(now, expected, axis=1) >= least - TIE).mean())


def _pictures(vectors: ProductVectors) -> UnitVectors:
    return unit_norm(vectors[:, : vectors.shape[1] // 2])
