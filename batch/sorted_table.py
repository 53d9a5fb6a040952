"""Tables sorted by a 64-bit key, each an Arrow file that is searched where it lies and never held in memory.

They come as a log: what is added is a small file, and files of like size are merged, so that n rows lie in about
log n files and each row is written about log n times. (A log-structured merge tree, O'Neil et al., 1996.)
"""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from aisle.errors import ReleaseCorrupt
from aisle.files import write_atomically

KEY = pa.field("key", pa.uint64(), nullable=False)
"""First column of every such table, rising."""

BATCH_ROWS = 1 << 20
"""Rows of a merge that are in memory at a time, about."""

Keys = NDArray[np.uint64]


class SortedTable:
    """One file, memory-mapped. No key is in it twice."""

    def __init__(self, path: Path) -> None:
        """Map a file.

        Raises:
            ReleaseCorrupt: It is not such a table.
        """
        try:
            reader = pa.ipc.open_file(pa.memory_map(str(path)))
            batches = [reader.get_batch(number) for number in range(reader.num_record_batches)]
            self._batches = [batch for batch in batches if len(batch)]
            self._firsts = np.array([_keys(batch)[0] for batch in self._batches], dtype=np.uint64)
        except (pa.ArrowException, OSError, KeyError) as error:
            raise ReleaseCorrupt(
                f"{path} cannot be read ({error}): delete the folder {path.parent} and run again; it is made anew"
            ) from error
        self.schema = reader.schema

    def __len__(self) -> int:
        return sum(len(batch) for batch in self._batches)

    def find(self, keys: Keys) -> tuple[NDArray[np.int64], pa.Table]:
        """Look keys up.

        Args:
            keys: uint64 `[n]`, in any order.

        Returns:
            The places in `keys` of those that are there, int64 `[m]`, and their rows in that order.
        """
        holders = np.searchsorted(self._firsts, keys, side="right") - 1
        asked: list[NDArray[np.int64]] = [np.zeros(0, dtype=np.int64)]
        rows: list[pa.RecordBatch] = []
        for number in np.unique(holders[holders >= 0]).tolist():
            batch = self._batches[number]
            there = _keys(batch)
            mine = np.flatnonzero(holders == number)
            places = np.minimum(np.searchsorted(there, keys[mine]), len(there) - 1)
            hits = there[places] == keys[mine]
            asked.append(mine[hits])
            rows.append(batch.take(pa.array(places[hits])))
        return np.concatenate(asked), pa.Table.from_batches(rows, schema=self.schema)

    def bounds(self) -> list[int]:
        """Keys that cut the table into its record batches; the first is 0."""
        return [0, *self._firsts[1:].tolist()]

    def between(self, low: int, high: int | None) -> pa.Table:
        """Rows with keys from `low` to `high`, the latter excluded; None is the end."""
        rows = []
        for batch in self._batches:
            start, stop = (len(batch) if key is None else _place(batch, key) for key in (low, high))
            if start < stop:
                rows.append(batch.slice(start, stop - start))
        return pa.Table.from_batches(rows, schema=self.schema)

    def table(self) -> pa.Table:
        """All rows; they stay on disk until they are touched."""
        return pa.Table.from_batches(self._batches, schema=self.schema)


def _keys(batch: pa.RecordBatch | pa.Table) -> Keys:
    column: Keys = batch.column("key").to_numpy()
    return column


def _place(batch: pa.RecordBatch, key: int) -> int:
    return int(np.searchsorted(_keys(batch), np.uint64(key)))


@lru_cache(maxsize=64)
def open_sorted(path: Path) -> SortedTable:
    """A table of this process, mapped once. Its files have unique names and never change.

    Raises:
        ReleaseCorrupt: It is not such a table.
    """
    return SortedTable(path)


@dataclass(frozen=True, slots=True)
class _File:
    """One file of a log; its name says which additions it holds."""

    first: int
    last: int
    path: Path

    def holds(self, other: "_File") -> bool:
        return self != other and self.first <= other.first and other.last <= self.last


class SortedLog:
    """All tables of one kind in a folder. Of rows with one key the one that was added last counts.

    There is one writer. Files that were merged away stay until `clean`, since a reader on another machine that has one
    of them mapped would not survive its end.
    """

    def __init__(self, folder: Path, name: str, schema: pa.Schema) -> None:
        """Open the log, which may not exist yet.

        Args:
            folder: Where its files are.
            name: How their names begin.
            schema: Of its rows; `KEY` first.
        """
        self._folder = folder
        self._name = name
        self.schema = schema
        files = [_parse(path) for path in folder.glob(f"{name}-*.arrow")]
        self._files = sorted(
            (file for file in files if not any(other.holds(file) for other in files)), key=lambda file: file.first
        )

    @property
    def files(self) -> tuple[Path, ...]:
        """What readers open, oldest first."""
        return tuple(file.path for file in self._files)

    def add(self, table: pa.Table) -> None:
        """Add rows, in any order of their keys; later rows count."""
        number = self._files[-1].last + 1 if self._files else 1
        self._files.append(self._write([_sorted(table)], first=number, last=number))
        while len(self._files) > 1:
            older, newer = (open_sorted(file.path) for file in self._files[-2:])
            if len(older) > 2 * len(newer):
                return
            merged = self._write(_merge(older, newer), first=self._files[-2].first, last=number)
            self._files[-2:] = [merged]

    def clean(self) -> None:
        """Delete files that were merged away. Nobody may be reading."""
        for path in set(self._folder.glob(f"{self._name}-*.arrow")) - set(self.files):
            path.unlink()

    def clear(self) -> None:
        """Delete everything. Nobody may be reading."""
        self._files = []
        self.clean()

    def _write(self, tables: Iterable[pa.Table], *, first: int, last: int) -> _File:
        path = self._folder / f"{self._name}-{first:08d}-{last:08d}-{uuid.uuid4().hex[:8]}.arrow"

        def write(temporary: Path) -> None:
            with pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_file(sink, self.schema) as writer:
                for table in _evenly(tables):
                    writer.write_table(table.combine_chunks())

        write_atomically(path, write)
        return _File(first=first, last=last, path=path)


def find_in(files: Sequence[Path], keys: Keys) -> Iterator[tuple[NDArray[np.int64], pa.Table]]:
    """Look keys up in a log.

    Args:
        files: Of the log, oldest first.
        keys: uint64 `[n]`.

    Yields:
        Places in `keys` and their rows, file by file; each place once, with the row that was added last.
    """
    left = np.arange(len(keys), dtype=np.int64)
    for path in reversed(files):
        places, rows = open_sorted(path).find(keys[left])
        if len(places):
            yield left[places], rows
            left = np.delete(left, places)


def _parse(path: Path) -> _File:
    _, first, last, _ = path.name.split("-")
    return _File(first=int(first), last=int(last), path=path)


def _sorted(table: pa.Table) -> pa.Table:
    """Rising keys, each once: its last row."""
    reverse = table.take(pa.array(np.arange(len(table) - 1, -1, -1)))
    _, places = np.unique(_keys(reverse), return_index=True)
    return reverse.take(pa.array(places))


def _merge(older: SortedTable, newer: SortedTable) -> Iterator[pa.Table]:
    """Both, a slice of the keys at a time: hashes are spread evenly, so slices of both are of about their shares."""
    bounds = max(older, newer, key=len).bounds()
    for low, high in pairwise([*bounds, None]):
        yield _sorted(pa.concat_tables([older.between(low or 0, high), newer.between(low or 0, high)]))


def _evenly(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The same rows in tables of `BATCH_ROWS`, but for the last."""
    waiting: list[pa.Table] = []
    rows = 0
    for table in tables:
        waiting.append(table)
        rows += len(table)
        if rows >= BATCH_ROWS:
            together = pa.concat_tables(waiting)
            whole = rows - rows % BATCH_ROWS
            for start in range(0, whole, BATCH_ROWS):
                yield together.slice(start, BATCH_ROWS)
            waiting, rows = [together.slice(whole)], rows - whole
    if rows:
        yield pa.concat_tables(waiting)
