"""What a run may be told, and what it tells in the end."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aisle.errors import SettingsError
from aisle.manifest import IndexKind
from batch.index_plan import IndexPlan


@dataclass(frozen=True, slots=True)
class ReindexOptions:
    """How a catalog becomes a release.

    Attributes:
        index: The kind that is forced; None chooses by the number of products.
        recall_target: Least recall@10 against exact search, for every kind of query.
        max_rejects: Largest fraction of the catalog's rows that may be rejected.
        shard_rows: Rows per shard on average: a second or two of work, so that workers finish together and a row that
            changed takes few others with it. Another value embeds everything anew.
        group_rows: Rows that one task adds to an index that is built in parallel.
    """

    index: IndexKind | None = None
    recall_target: float = 0.99
    max_rejects: float = 0.10
    shard_rows: int = 128
    group_rows: int = 100_000

    def __post_init__(self) -> None:
        for name, value in (("recall_target", self.recall_target), ("max_rejects", self.max_rejects)):
            if not 0.0 <= value <= 1.0:
                raise SettingsError(f"{name} is {value}; it is a fraction from 0 to 1")
        for name, count, least in (("shard_rows", self.shard_rows, 2), ("group_rows", self.group_rows, 1)):
            if count < least:
                raise SettingsError(f"{name} is {count}; it must be at least {least}")


@dataclass(frozen=True, slots=True)
class Summary:
    """A published release.

    Attributes:
        release_id: Now in `CURRENT`.
        folder: Where it is.
        products: In the index.
        rejected: Rows in `rejects.parquet`.
        reasons: Rejected rows per reason, most frequent first.
        index: What was built, and why.
        nprobe: Lists visited per query; 0 for `exact`.
        recall: recall@10 per kind of query.
        seconds: Per stage.
        embedded_shards: Shards this run made.
        cached_shards: Shards that were there before.
        embedded_images: Pictures this run encoded.
        images_per_second: Of the embed stage; 0 when it encoded none.
    """

    release_id: str
    folder: Path
    products: int
    rejected: int
    reasons: Mapping[str, int]
    index: IndexPlan
    nprobe: int
    recall: Mapping[str, float]
    seconds: Mapping[str, float]
    embedded_shards: int
    cached_shards: int
    embedded_images: int
    images_per_second: float
