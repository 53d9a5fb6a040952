"""The tables of what is known, kept up to date while a run adds shards. See `batch.known` for how they are read."""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from aisle.layout import Layout
from aisle.mirror import forget, pull_all, push, remove
from aisle.store import ShardKeys, read_shard_keys
from batch.known import PICTURES_SCHEMA, PLACES_SCHEMA, Half, Known, content_numbers, good_rows
from batch.sorted_table import KEY, Keys, SortedLog, open_sorted

_SHARDS_SCHEMA = pa.schema([KEY, pa.field("shard", pa.binary(16), nullable=False)])
"""Of the table of shards that the table of places covers."""

_SHARD_KEY = re.compile("[0-9a-f]{32}")

_ROWS_AT_ONCE = 1 << 20
"""Rows of a scan that are in memory at a time."""

_SHARE = 64
"""New shards are made known when they are this part of what the run made: a few hundred times, however long it is."""

_SECONDS = 1.0
"""And not more often than that: it costs a few waits for the disk."""


def is_shard_file(path: Path) -> bool:
    """Whether a file's name is a shard's: a key and nothing else."""
    return bool(_SHARD_KEY.fullmatch(path.stem))


class KnownRows:
    """Keeps the tables of one model up to date while a run adds shards. Wants the workspace's lock."""

    def __init__(self, layout: Layout, fingerprint: str) -> None:
        """Open the tables and bring them up to date with the shards on disk.

        Args:
            layout: The workspace.
            fingerprint: Of the model.

        Raises:
            ReleaseCorrupt: A table or a shard cannot be read.
        """
        self._layout = layout
        self._fingerprint = fingerprint
        folder = layout.known(fingerprint)
        self._there = {one.path for one in forget(layout, folder)}
        pull_all(layout, self._there)
        self._places = SortedLog(folder, "places", PLACES_SCHEMA)
        self._shards = SortedLog(folder, "shards", _SHARDS_SCHEMA)
        self._pictures = SortedLog(folder, "pictures", PICTURES_SCHEMA)
        self._made: list[str] = []
        self._facts: list[pa.Table] = []
        self._waiting = self._told = 0
        self._told_at = time.monotonic()
        for log in (self._places, self._shards, self._pictures):
            log.clean()
        self._catch_up()
        self._push()
        self._remove_merged()

    @property
    def now(self) -> Known:
        """What is known now."""
        return Known(places=self._places.files, pictures=self._pictures.files)

    def add(self, facts: pa.Table, *, shard: str | None) -> None:
        """Take what one task found out; it becomes known soon after.

        Args:
            facts: Of pictures that were read, in `PICTURES_SCHEMA`.
            shard: Key of the shard that it made; None when that was there before.
        """
        self._facts.append(facts)
        if shard is not None:
            self._made.append(shard)
        self._waiting += 1
        if self._waiting * _SHARE > self._told and time.monotonic() - self._told_at >= _SECONDS:
            self.tell()

    def tell(self) -> None:
        """Make known what waits."""
        if any(len(facts) for facts in self._facts):
            self._pictures.add(pa.concat_tables(self._facts))
        self._index(self._made)
        self._told += self._waiting
        self._told_at = time.monotonic()
        self._made, self._facts, self._waiting = [], [], 0
        self._push()

    def _push(self) -> None:
        """Copy new files to the workspace's store; those that were merged away stay there while workers may ask."""
        for path in sorted(self._now() - self._there):
            push(self._layout, path)
            self._there.add(path)

    def _remove_merged(self) -> None:
        """Delete from the store what `clean` has deleted here. No worker has begun yet."""
        merged = sorted(self._there - self._now())
        if self._layout.store is not None and merged:
            remove(self._layout, merged)
        self._there -= set(merged)

    def _now(self) -> set[Path]:
        return {path for log in (self._places, self._shards, self._pictures) for path in log.files}

    def _catch_up(self) -> None:
        """Shards that a killed run left are not in the tables yet; shards that were deleted must not be."""
        folder = self._layout.embeddings(self._fingerprint)
        files = [one.path for one in forget(self._layout, folder) if one.path.parent == folder]
        there = {path.stem for path in files if path.suffix == ".arrow" and is_shard_file(path)}
        told = {shard.hex() for path in self._shards.files for shard in _column(path, "shard")}
        if told - there:
            self._places.clear()
            self._shards.clear()
            told = set()
        self._index(sorted(there - told))

    def _index(self, shards: Sequence[str]) -> None:
        scanned = _Scanned()
        pull_all(self._layout, [self._layout.shard(self._fingerprint, shard) for shard in shards])
        for shard in shards:
            scanned.take(shard, read_shard_keys(self._layout.shard(self._fingerprint, shard)))
            if scanned.rows >= _ROWS_AT_ONCE:
                self._write(scanned)
                scanned = _Scanned()
        if scanned.shards:
            self._write(scanned)

    def _write(self, scanned: "_Scanned") -> None:
        self._places.add(pa.table([*scanned.places()], schema=self._places.schema))
        names = pa.array(map(bytes.fromhex, scanned.shards), pa.binary(16))
        # Last: a shard that is named here is in the table above.
        self._shards.add(pa.table([content_numbers(scanned.shards, Half.IMAGE), names], schema=self._shards.schema))


def _column(path: Path, name: str) -> list[bytes]:
    column: list[bytes] = open_sorted(path).table().column(name).to_pylist()
    return column


@dataclass(slots=True)
class _Scanned:
    """Rows of some shards on their way into the table."""

    shards: list[str] = field(default_factory=list)
    keys: list[Keys] = field(default_factory=list)
    holders: list[bytes] = field(default_factory=list)
    rows_of: list[NDArray[np.uint32]] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return sum(map(len, self.keys))

    def take(self, shard: str, keys: ShardKeys) -> None:
        """Add a shard's rows."""
        self.shards.append(shard)
        for half in Half:
            good = good_rows(keys, half)
            self.keys.append(content_numbers([content for _, content in good], half))
            self.rows_of.append(np.array([row for row, _ in good], dtype=np.uint32))
            self.holders += [bytes.fromhex(shard)] * len(good)

    def places(self) -> tuple[Keys, pa.Array, NDArray[np.uint32]]:
        return np.concatenate(self.keys), pa.array(self.holders, pa.binary(16)), np.concatenate(self.rows_of)
