"""What earlier work already knows: in which shard the vectors of a content lie, and which content a file has.

Both are facts that never become untrue: a shard is immutable, and a file in one state has one content. So the tables
are a cache in the strict sense; without them a run reads and embeds more, and makes the same release.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from aisle.files import digest
from aisle.stamps import Stamp
from aisle.store import Shard, ShardKeys
from batch.sorted_table import KEY, Keys, find_in

PLACES_SCHEMA = pa.schema(
    [KEY, pa.field("shard", pa.binary(16), nullable=False), pa.field("place", pa.uint32(), nullable=False)]
)
"""Of the table that leads from contents to shards."""

PICTURES_SCHEMA = pa.schema(
    [
        KEY,
        pa.field("location", pa.uint64(), nullable=False),
        pa.field("state", pa.uint64(), nullable=False),
        pa.field("content", pa.binary(16), nullable=False),
    ]
)
"""Of the table that leads from files to contents."""

NO_FACTS = PICTURES_SCHEMA.empty_table()

_RECENT = 1 << 16
"""Contents that a worker remembers: those of a few hundred shards."""


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
        for positions, rows in find_in(self.places, content_numbers(asked, half)):
            shards, places = rows.column("shard").to_pylist(), rows.column("place").to_pylist()
            for position, shard, place in zip(positions.tolist(), shards, places, strict=True):
                found[asked[position]] = Place(shard=shard.hex(), place=place)
        return found

    def knows(self, locations: Sequence[str]) -> NDArray[np.bool_]:
        """Whether anything was ever read at each location: bool `[n]`."""
        digests = [digest(location) for location in locations]
        found = np.zeros(len(locations), dtype=np.bool_)
        second = _first([location[16:] for location in digests])
        for positions, rows in find_in(self.pictures, _first(digests)):
            found[positions] = rows.column("location").to_numpy() == second[positions]
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


def content_numbers(contents: Sequence[str], half: Half) -> Keys:
    """Keys of contents in the table of places: 64 bits of each, the lowest of which says which half it is."""
    return (_first(contents) & ~np.uint64(1)) | np.uint64(half)


def _first(digests: Sequence[str]) -> Keys:
    """The first 64 bits of hexadecimal digests."""
    data = bytes.fromhex("".join(digest[:16] for digest in digests))
    return np.frombuffer(data, dtype=">u8").astype(np.uint64)
