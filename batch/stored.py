"""The vectors and thumbnails of a release where they lie: in the shard files, in release order, without the rejects."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from aisle.errors import ReleaseCorrupt
from aisle.files import write_atomically
from aisle.layout import SHARDS, Layout
from aisle.manifest import ReleaseManifest
from aisle.mirror import pull, pull_all
from aisle.products import THUMBNAILS_SCHEMA
from aisle.store import Shard, read_shard, read_shard_keys
from aisle.types import ProductVectors, RowIds
from aisle.vectors import product_vectors
from batch.embed import ShardResult

BLOCK_ROWS = 8192

SHARDS_SCHEMA = pa.schema([pa.field("key", pa.string(), nullable=False), pa.field("rows", pa.int64(), nullable=False)])
"""Of `shards.parquet`."""


@dataclass(frozen=True, slots=True)
class StoredPart:
    """The products of one shard.

    Attributes:
        key: The shard's name.
        first: Release row of its first product.
        kept: Places in the shard of its products, int64 `[n]`, rising.
    """

    key: str
    first: int
    kept: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class StoredVectors:
    """Rows `first` to `stop` of a release. Small: it travels to workers, which read the shards themselves.

    Attributes:
        layout: The workspace; absolute.
        fingerprint: Of the model.
        dimension: Length of one half.
        parts: In release order, none of them empty.
    """

    layout: Layout
    fingerprint: str
    dimension: int
    parts: tuple[StoredPart, ...]

    @property
    def first(self) -> int:
        """Release row of the first vector."""
        return self.parts[0].first if self.parts else 0

    @property
    def stop(self) -> int:
        """Release row after the last vector."""
        return self.parts[-1].first + len(self.parts[-1].kept) if self.parts else 0

    def __len__(self) -> int:
        return self.stop - self.first

    def groups(self, rows: int) -> Iterator["StoredVectors"]:
        """Cut into runs of whole parts of at least `rows` rows each, but for the last."""
        group: list[StoredPart] = []
        for part in self.parts:
            group.append(part)
            if part.first + len(part.kept) - group[0].first >= rows:
                yield self._of(group)
                group = []
        if group:
            yield self._of(group)

    def _of(self, parts: Sequence[StoredPart]) -> "StoredVectors":
        return StoredVectors(
            layout=self.layout, fingerprint=self.fingerprint, dimension=self.dimension, parts=tuple(parts)
        )

    def pull(self) -> None:
        """Have all shards here, several copied at a time: one by one, whoever reads them would wait for each."""
        pull_all(self.layout, [self.layout.shard(self.fingerprint, part.key) for part in self.parts])

    def blocks(self) -> Iterator[tuple[int, ProductVectors]]:
        """All vectors in order, a few thousand at a time: the release row of the first, and float32 `[n, 2d]`."""
        for group in self.groups(BLOCK_ROWS):
            yield group.first, np.concatenate([self._vectors(part, part.kept) for part in group.parts])

    def thumbnails(self) -> Iterator[pa.Table]:
        """All thumbnails in order, a shard at a time, in the schema of `thumbnails.arrow`."""
        for part in self.parts:
            thumbnails = self._read(part).thumbnails
            yield pa.table({"thumbnail": [thumbnails[place] for place in part.kept]}, schema=THUMBNAILS_SCHEMA)

    def take(self, rows: RowIds) -> ProductVectors:
        """Some vectors.

        Args:
            rows: int64 `[n]`, release rows in any order.

        Returns:
            float32 `[n, 2 * dimension]`.
        """
        found = np.zeros((len(rows), 2 * self.dimension), dtype=np.float32)
        holders = np.searchsorted([part.first for part in self.parts], rows, side="right") - 1
        for holder in np.unique(holders):
            part = self.parts[holder]
            mine = np.flatnonzero(holders == holder)
            found[mine] = self._vectors(part, part.kept[rows[mine] - part.first])
        return found

    def _vectors(self, part: StoredPart, places: NDArray[np.int64]) -> ProductVectors:
        shard = self._read(part)
        return product_vectors(shard.images[places], shard.texts[places])

    def _read(self, part: StoredPart) -> Shard:
        path = self.layout.shard(self.fingerprint, part.key)
        pull(self.layout, path)
        return read_shard(path)


def stored_vectors(
    shards: Sequence[ShardResult], *, layout: Layout, fingerprint: str, dimension: int, plan_rows: NDArray[np.int64]
) -> tuple[StoredVectors, NDArray[np.int64]]:
    """Number the products of all shards.

    Args:
        shards: In the order of the plan.
        layout: The workspace; absolute.
        fingerprint: Of the model.
        dimension: Length of one half.
        plan_rows: Catalog row of each position of the plan.

    Returns:
        The vectors, and the position in the plan of each release row, int64 `[n]`.
    """
    parts: list[StoredPart] = []
    positions = [np.zeros(0, dtype=np.int64)]
    first = 0
    for shard in shards:
        rows = plan_rows[shard.start : shard.start + shard.rows]
        kept = np.flatnonzero(~np.isin(rows, [reject.row for reject in shard.rejects])).astype(np.int64)
        if len(kept):
            parts.append(StoredPart(key=shard.key, first=first, kept=kept))
            positions.append(shard.start + kept)
            first += len(kept)
    vectors = StoredVectors(layout=layout, fingerprint=fingerprint, dimension=dimension, parts=tuple(parts))
    return vectors, np.concatenate(positions)


def write_shard_list(shards: Sequence[ShardResult], path: Path) -> None:
    """Write `shards.parquet`: the shards that a release came from, in its order, with their rows."""
    columns = {"key": [shard.key for shard in shards], "rows": [shard.rows for shard in shards]}
    table = pa.table(columns, schema=SHARDS_SCHEMA)
    write_atomically(path, lambda temporary: pq.write_table(table, str(temporary)))


def read_shard_list(folder: Path) -> tuple[str, ...] | None:
    """Keys of the shards that a release came from, in its order; None for one that was made before this was kept.

    Raises:
        ReleaseCorrupt: The list is there and cannot be read.
    """
    path = folder / SHARDS
    if not path.exists():
        return None
    try:
        return tuple(pq.read_table(path).column("key").to_pylist())
    except (pa.ArrowException, OSError, KeyError) as error:
        raise ReleaseCorrupt(f"{path} cannot be read ({error}): run `aisle reindex`") from error


def released_vectors(layout: Layout, manifest: ReleaseManifest) -> StoredVectors | None:
    """The vectors that a release was made from; None when its shards are gone or not known.

    Raises:
        ReleaseCorrupt: A shard is damaged.
    """
    shards = read_shard_list(layout.release(manifest.id))
    if shards is None:
        return None
    parts: list[StoredPart] = []
    first = 0
    for key in shards:
        path = layout.shard(manifest.model_fingerprint, key)
        if not pull(layout, path):
            return None
        faults = read_shard_keys(path).faults
        kept = np.flatnonzero([not fault for fault in faults]).astype(np.int64)
        if len(kept):
            parts.append(StoredPart(key=key, first=first, kept=kept))
            first += len(kept)
    return StoredVectors(
        layout=layout, fingerprint=manifest.model_fingerprint, dimension=manifest.dimension, parts=tuple(parts)
    )
