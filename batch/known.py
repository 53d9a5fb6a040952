"""What earlier work already knows: in which shard the vectors of a content lie, and which content a file has.

Both are facts that never become untrue: a shard is immutable, and a file in one state has one content. So the tables
are a cache in the strict sense; without them a run reads and embeds more, and makes the same release.
"""

import re
import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from aisle.files import digest
from aisle.layout import Layout
from aisle.stamps import Stamp
from aisle.store import Shard, ShardKeys, read_shard_keys
from batch.sorted_table import KEY, Keys, SortedLog, find_in, open_sorted

_SHARD = pa.field("shard", pa.binary(16), nullable=False)
_PLACES = (_SHARD, pa.field("place", pa.uint32(), nullable=False))
_PICTURES = (
    pa.field("location", pa.uint64(), nullable=False),
    pa.field("state", pa.uint64(), nullable=False),
    pa.field("content", pa.binary(16), nullable=False),
)

PICTURES_SCHEMA = pa.schema([KEY, *_PICTURES])
NO_FACTS = PICTURES_SCHEMA.empty_table()

_SHARD_KEY = re.compile("[0-9a-f]{32}")

_ROWS_AT_ONCE = 1 << 20
"""Rows of a scan that are in memory at a time."""

_RECENT = 1 << 16
"""Contents that a worker remembers: those of a few hundred shards."""

_SHARE = 64
"""New shards are made known when they are this part of what the run made: a few hundred times, however long it is."""

_SECONDS = 1.0
"""And not more often than that: it costs a few waits for the disk."""


class Half(IntEnum):
    """Half of a product; the lowest bit of a content's number, so that a text never passes for a picture."""

    IMAGE = 0
    TEXT = 1


@dataclass(frozen=True, slots=True)
class Place:
    """Where the vector of a content lies.

    Attributes:
        shard: Key of the shard.
        place: Row within it.
    """

    shard: str
    place: int


@dataclass(frozen=True, slots=True)
class Known:
    """What was known at some moment. Small: it travels to workers, which map the files themselves.

    Attributes:
        places: Files of the table that leads from contents to shards, oldest first.
        pictures: Files of the table that leads from files to contents.
    """

    places: tuple[Path, ...] = ()
    pictures: tuple[Path, ...] = ()

    def find_places(self, contents: Iterable[str], half: Half) -> dict[str, Place]:
        """Where contents were embedded before. Whoever goes there must look whether it is true.

        Args:
            contents: Content keys; those of files that are no pictures begin with `!` and are never found.
            half: Pictures or texts.
        """
        asked = [content for content in dict.fromkeys(contents) if is_content(content)]
        found: dict[str, Place] = {}
        for positions, rows in find_in(self.places, _numbers(asked, half)):
            shards, places = rows.column("shard").to_pylist(), rows.column("place").to_pylist()
            for position, shard, place in zip(positions.tolist(), shards, places, strict=True):
                found[asked[position]] = Place(shard=shard.hex(), place=place)
        return found

    def find_contents(self, stamps: Sequence[Stamp | None]) -> list[str]:
        """The content keys of files in the state that they are in now; empty where nothing is known of it."""
        asked = [place for place, stamp in enumerate(stamps) if stamp is not None]
        facts = _facts([stamp for stamp in stamps if stamp is not None])
        found = [""] * len(stamps)
        for positions, rows in find_in(self.pictures, facts.key):
            same = (rows.column("location").to_numpy() == facts.location[positions]) & (
                rows.column("state").to_numpy() == facts.state[positions]
            )
            contents = rows.column("content").to_pylist()
            for row in np.flatnonzero(same).tolist():
                found[asked[positions[row]]] = contents[row].hex()
        return found


NOTHING = Known()


def picture_facts(stamps: Sequence[Stamp], contents: Sequence[str]) -> pa.Table:
    """Which content files have in the state they are in, in `PICTURES_SCHEMA`."""
    facts = _facts(stamps)
    values = [facts.key, facts.location, facts.state, pa.array(map(bytes.fromhex, contents), pa.binary(16))]
    return pa.table(values, schema=PICTURES_SCHEMA)


def is_content(key: str) -> bool:
    """Whether a key is that of something that was read: not empty, and not the fault of a file that was not."""
    return bool(key) and not key.startswith("!")


class Recent:
    """What one worker embedded lately: its next task may have begun before the tables tell."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._places: OrderedDict[tuple[Half, str], Place] = OrderedDict()

    def find_places(self, contents: Iterable[str], half: Half) -> dict[str, Place]:
        """As `Known.find_places`."""
        found = {content: self._places.get((half, content)) for content in contents}
        return {content: place for content, place in found.items() if place is not None}

    def add(self, shard: str, keys: Shard | ShardKeys) -> None:
        """Remember a shard, and forget those of long ago."""
        for half in Half:
            for row, content in good_rows(keys, half):
                self._places[half, content] = Place(shard=shard, place=row)
        while len(self._places) > _RECENT:
            self._places.popitem(last=False)


def good_rows(keys: Shard | ShardKeys, half: Half) -> list[tuple[int, str]]:
    """Rows of a shard that have a vector in one half, with their content keys; those with a fault have zeros."""
    contents = keys.image_keys if half is Half.IMAGE else keys.text_keys
    rows = enumerate(zip(contents, keys.faults, strict=True))
    return [(row, content) for row, (content, fault) in rows if is_content(content) and not fault]


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
        self._places = SortedLog(folder, "places", *_PLACES)
        self._shards = SortedLog(folder, "shards", _SHARD)
        self._pictures = SortedLog(folder, "pictures", *_PICTURES)
        self._made: list[str] = []
        self._facts: list[pa.Table] = []
        self._waiting = self._told = 0
        self._told_at = time.monotonic()
        for log in (self._places, self._shards, self._pictures):
            log.clean()
        self._catch_up()

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

    def _catch_up(self) -> None:
        """Shards that a killed run left are not in the tables yet; shards that were deleted must not be."""
        folder = self._layout.embeddings(self._fingerprint)
        there = {path.stem for path in folder.glob("*.arrow") if is_shard_file(path)}
        told = {shard.hex() for path in self._shards.files for shard in _column(path, "shard")}
        if told - there:
            self._places.clear()
            self._shards.clear()
            told = set()
        self._index(sorted(there - told))

    def _index(self, shards: Sequence[str]) -> None:
        scanned = _Scanned()
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
        self._shards.add(pa.table([_numbers(scanned.shards, Half.IMAGE), names], schema=self._shards.schema))


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
            self.keys.append(_numbers([content for _, content in good], half))
            self.rows_of.append(np.array([row for row, _ in good], dtype=np.uint32))
            self.holders += [bytes.fromhex(shard)] * len(good)

    def places(self) -> tuple[Keys, pa.Array, NDArray[np.uint32]]:
        return np.concatenate(self.keys), pa.array(self.holders, pa.binary(16)), np.concatenate(self.rows_of)


@dataclass(frozen=True, slots=True)
class _Facts:
    """Hashes of stamps, uint64 `[n]` each."""

    key: Keys
    location: Keys
    state: Keys


def _facts(stamps: Sequence[Stamp]) -> _Facts:
    locations = [digest(stamp.location) for stamp in stamps]
    return _Facts(
        key=_first(locations),
        location=_first([location[16:] for location in locations]),
        state=_first([digest(stamp.state) for stamp in stamps]),
    )


def _numbers(contents: Sequence[str], half: Half) -> Keys:
    return (_first(contents) & ~np.uint64(1)) | np.uint64(half)


def _first(digests: Sequence[str]) -> Keys:
    """The first 64 bits of hexadecimal digests."""
    data = bytes.fromhex("".join(digest[:16] for digest in digests))
    return np.frombuffer(data, dtype=">u8").astype(np.uint64)
