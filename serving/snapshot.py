"""One release opened for answering: verified, checked against its model, and warm."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from aisle.encoder import OnnxEncoder
from aisle.errors import ModelMismatch, ReleaseCorrupt, UnknownProduct
from aisle.hidden import read_hidden
from aisle.index import ProductIndex
from aisle.layout import Layout
from aisle.machine import Provider
from aisle.manifest import IndexKind, QueryKind, ReleaseManifest, load_release_manifest
from aisle.mirror import pull_model, pull_release
from aisle.products import Products
from aisle.types import UnitVectors
from aisle.vectors import HalfWeights, query_vector
from serving.columns import FilterColumn, Mask, filter_columns
from serving.fusion import fuse
from serving.suggestions import Suggestions, collect_suggestions


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """Everything a query needs. A request takes one and keeps it to its end.

    Attributes:
        manifest: The release's `release.json`.
        encoder: Of the model the release was built with.
        index: Product vectors.
        fused: The same summed up by `fused_halves`, when the index is exact; None when it is not.
        products: Fields and thumbnails, hidden ones among them: ask for their rows here.
        columns: Attributes ready to be filtered by and counted.
        order: int64 `[products]`: place of each row when all are sorted by id.
        suggestions: For what a shopper is typing.
        hidden: Ids of products taken down, some of which may not be in this release.
        shown: bool `[products]`: False for those; None while none of them is hidden.
    """

    manifest: ReleaseManifest
    encoder: OnnxEncoder
    index: ProductIndex
    products: Products
    columns: Mapping[str, FilterColumn]
    order: NDArray[np.int64]
    suggestions: Suggestions
    fused: ProductIndex | None = None
    hidden: frozenset[str] = frozenset()
    shown: Mask | None = None

    @property
    def id(self) -> str:
        """The release."""
        return self.manifest.id

    @property
    def fused_halves(self) -> HalfWeights:
        """Of texts, which are most of what is asked."""
        return self.half_weights(QueryKind.TEXT)

    @property
    def hidden_products(self) -> int:
        """Products of this release that are hidden."""
        return 0 if self.shown is None else int(np.count_nonzero(~self.shown))

    def half_weights(self, kind: QueryKind) -> HalfWeights:
        """The release's calibrated weights for a kind of query."""
        return self.manifest.weights[kind]

    def row(self, product_id: str) -> int:
        """Row number of a product that may be shown.

        Raises:
            UnknownProduct: There is none with this id, or it is hidden: nobody learns which.
        """
        row = self.products.row(product_id)
        if self.shown is not None and not self.shown[row]:
            raise UnknownProduct(f"no product has the id {product_id[:80]!r} in this release")
        return row

    def hiding(self, ids: frozenset[str]) -> "Snapshot":
        """The same release without these products and no others."""
        rows = []
        for product_id in ids:
            try:
                rows.append(self.products.row(product_id))
            except UnknownProduct:
                continue  # of another release
        shown = None
        if rows:
            shown = np.ones(len(self.products), dtype=np.bool_)
            shown[rows] = False
        return replace(
            self, hidden=ids, shown=shown, suggestions=self.suggestions.without(self.products.take(sorted(rows)))
        )


def load_snapshot(
    layout: Layout,
    release_id: str,
    *,
    provider: Provider = Provider.AUTO,
    threads: int = 1,
    predecessor: Snapshot | None = None,
) -> Snapshot:
    """Open a release: hash every file, follow the fingerprint to the model, and try both towers and the index.

    Args:
        layout: The workspace.
        release_id: Which release.
        provider: Where the model runs.
        threads: Threads of one encoder call.
        predecessor: Its encoder, already verified and in memory, is taken over when the model is the same.

    Raises:
        ReleaseCorrupt: The release is not whole, its parts do not fit together, or what is hidden cannot be read.
        ModelMismatch: The model at hand is not the one the release was built with.
        ModelError: The model cannot be used.
        ProviderUnavailable: `provider` is not to be had here.
    """
    pull_release(layout, release_id)
    folder = layout.release(release_id)
    manifest = load_release_manifest(folder)
    if manifest.id != release_id:
        raise ReleaseCorrupt(f"{folder} holds the release {manifest.id}: run `aisle reindex`")
    if missing := [kind for kind in QueryKind if kind not in manifest.weights]:
        raise ReleaseCorrupt(f"{folder} has no default weights for {missing[0]} queries: run `aisle reindex`")
    if predecessor is not None and predecessor.encoder.manifest.fingerprint == manifest.model_fingerprint:
        encoder = predecessor.encoder
    else:
        pull_model(layout, manifest.model_fingerprint)
        encoder = OnnxEncoder(layout.model(manifest.model_fingerprint), provider=provider, threads=threads)
    products = Products(folder, manifest.attributes)
    products.number()
    columns = filter_columns(products)
    snapshot = Snapshot(
        manifest=manifest,
        encoder=encoder,
        index=ProductIndex.open(folder, manifest.index),
        products=products,
        columns=columns,
        order=_order_by_id(products),
        suggestions=collect_suggestions(products, columns),
    )
    _check(snapshot)
    if manifest.index.kind is IndexKind.EXACT:
        snapshot = replace(snapshot, fused=fuse(snapshot.index, snapshot.fused_halves))
    _warm(snapshot)
    return snapshot.hiding(read_hidden(layout))


def _order_by_id(products: Products) -> NDArray[np.int64]:
    order = np.empty(len(products), dtype=np.int64)
    order[pc.sort_indices(products.table.column("id")).to_numpy()] = np.arange(len(products))
    return order


def _check(snapshot: Snapshot) -> None:
    manifest, model = snapshot.manifest, snapshot.encoder.manifest
    if model.fingerprint != manifest.model_fingerprint or model.dimension != manifest.dimension:
        raise ModelMismatch(
            f"release {manifest.id} was built with model {manifest.model_fingerprint} ({manifest.dimension} "
            f"dimensions), but the model at hand is {model.fingerprint} ({model.dimension}): run `aisle reindex`"
        )
    if snapshot.index.width != 2 * manifest.dimension:
        raise ReleaseCorrupt(
            f"release {manifest.id} has vectors of length {snapshot.index.width}, not two halves of "
            f"{manifest.dimension}: run `aisle reindex`"
        )
    if not len(snapshot.index) == len(snapshot.products) == manifest.products:
        raise ReleaseCorrupt(
            f"release {manifest.id} promises {manifest.products:,} products, but its index holds "
            f"{len(snapshot.index):,} and its table {len(snapshot.products):,}: run `aisle reindex`"
        )


def _warm(snapshot: Snapshot) -> None:
    """The first call of a session is slow, and one that fails must fail here and not in a request."""
    encoder = snapshot.encoder
    size = encoder.manifest.image_size
    vectors: UnitVectors = np.concatenate(
        [
            encoder.encode_texts(["a warm welcome"]),
            encoder.encode_images(np.full((1, size, size, 3), 127, dtype=np.uint8)),
        ]
    )
    if not np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-2):
        raise ModelMismatch(
            f"model {encoder.manifest.fingerprint} does not give vectors of norm 1: export it again with `aisle export`"
        )
    query = query_vector(vectors[:1], weights=HalfWeights(image=0.5, text=0.5))
    scores, _ = snapshot.index.rank(query, depth=10, order=snapshot.order)
    if not np.isfinite(scores).all():
        raise ReleaseCorrupt(f"release {snapshot.id} gives scores that are not numbers: run `aisle reindex`")
