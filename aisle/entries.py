"""Where each product of a release stands in an index of several parts, and which product stands at each place there.

A part is a FAISS file that numbers what it holds from 0. An *entry* is a place in a part, counted through all parts.
Parts are never changed: a release that follows takes over those of the one before, and an entry whose product is gone
or has another vector now is nobody's. `entries.npy` holds the entry of every product; an index that is one file in the
order of its products needs none.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aisle.errors import ReleaseCorrupt
from aisle.files import write_atomically
from aisle.types import RowIds


class Entries:
    """Products by their places and places by their products."""

    def __init__(self, sizes: Sequence[int], entries: RowIds | None = None) -> None:
        """Turn the one into the other.

        Args:
            sizes: Entries of each part.
            entries: int64 `[products]`: the entry of each product; None where there is one part, and entry and row are
                one.

        Raises:
            ReleaseCorrupt: An entry is not there, or two products share one.
        """
        self._firsts = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
        held = int(self._firsts[-1])
        self.products = held if entries is None else len(entries)
        self._entries = entries
        self.rows: tuple[RowIds | None, ...]
        """Of each part the row of what stands at each of its places, int64 `[places]`, -1 for nobody; None where place
        and row are one."""
        if entries is None:
            self.rows = (None,)
            return
        if len(entries) and (entries.min() < 0 or entries.max() >= held):
            raise ReleaseCorrupt(f"a product stands at an entry beyond the {held:,} of the index: {_AGAIN}")
        rows = np.full(held, -1, dtype=np.int64)
        rows[entries] = np.arange(len(entries))
        if np.count_nonzero(rows >= 0) != len(entries):
            raise ReleaseCorrupt(f"two products stand at one entry of the index: {_AGAIN}")
        self.rows = tuple(np.split(rows, self._firsts[1:-1]))

    def located(self, rows: RowIds) -> Iterator[tuple[int, NDArray[np.int64] | slice, RowIds]]:
        """Where products stand, part by part.

        Args:
            rows: int64 `[n]`, release rows in any order.

        Yields:
            The number of a part, which of `rows` stand in it, and their places there.
        """
        entries = rows if self._entries is None else self._entries[rows]
        if len(self.rows) == 1:
            yield 0, slice(None), entries
            return
        parts = np.searchsorted(self._firsts, entries, side="right") - 1
        for part in np.unique(parts):
            mine = np.flatnonzero(parts == part)
            yield int(part), mine, entries[mine] - self._firsts[part]


_AGAIN = "run `aisle reindex --compact`"


def read_entries(path: Path) -> RowIds:
    """Read `entries.npy`.

    Returns:
        int64 `[products]`.

    Raises:
        ReleaseCorrupt: It is missing or holds something else.
    """
    try:
        entries = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise ReleaseCorrupt(f"{path} cannot be read ({error}): {_AGAIN}") from error
    if entries.ndim != 1 or entries.dtype != np.int64:
        raise ReleaseCorrupt(f"{path} holds {entries.dtype} {entries.shape}, not a row of int64: {_AGAIN}")
    found: RowIds = entries
    return found


def write_entries(entries: RowIds, path: Path) -> None:
    """Write `entries.npy`, int64 `[products]`, atomically."""

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.save(file, np.ascontiguousarray(entries, dtype=np.int64), allow_pickle=False)

    write_atomically(path, write)
