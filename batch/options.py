"""What a run may be told, and what it tells in the end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from aisle.errors import SettingsError
from aisle.manifest import IndexKind, IndexParameters
from batch.build import BuildOptions
from batch.drift import Drift
from batch.index_plan import IndexPlan


@dataclass(frozen=True, slots=True)
class ReindexOptions:
    """How a catalog becomes a release.

    Attributes:
        index: The kind that is forced; None chooses by the number of products, `memory` and `recall_target`.
        memory: Most bytes that an open index may take; None sets no limit.
        recall_target: Least recall@10 against exact search, for every kind of query.
        max_rejects: Largest fraction of the catalog's rows that may be rejected.
        max_drift: Largest part of the results over products that did not change that may differ from those of the live
            release, for any kind of query. With another model they are meant to differ, and nothing is refused.
        read_all: Read also pictures whose file has not changed since it was read last.
        requests_per_host: Requests for pictures by http to one host at the same time, of all workers together; with
            more workers than that, one of each.
        wait: Seconds to wait for another run in this workspace.
        shard_rows: Rows per shard on average: a second or two of work, so that workers finish together and a row that
            changed takes few others with it. Another value embeds everything anew.
        compact: Build the index anew, also where it would do to append to the live release's.
        build: How the index is built.
    """

    index: IndexKind | None = None
    memory: int | None = None
    recall_target: float = 0.99
    max_rejects: float = 0.01
    max_drift: float = 0.2
    read_all: bool = False
    requests_per_host: int = 8
    wait: float = 0.0
    shard_rows: int = 128
    compact: bool = False
    build: BuildOptions = field(default_factory=BuildOptions)

    def __post_init__(self) -> None:
        for name in ("recall_target", "max_rejects", "max_drift"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise SettingsError(f"{name} is {getattr(self, name)}; it is a fraction from 0 to 1")
        if self.memory is not None and self.memory < 1:
            raise SettingsError(f"memory is {self.memory}; it is a number of bytes")
        if not self.wait >= 0.0:
            raise SettingsError(f"wait is {self.wait}; it is a number of seconds")
        for name, least in (("shard_rows", 2), ("requests_per_host", 1)):
            if (count := getattr(self, name)) < least:
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
        added: Products that were added to the index now; the others stand in parts of the live release's.
        parameters: How the index is asked.
        recall: recall@10 per kind of query.
        drift: Part of the results that differ from the live release's, per kind; see `batch.drift`.
        seconds: Per stage.
        embedded_shards: Shards this run made, of new contents and of those that earlier shards hold.
        cached_shards: Shards that were there before.
        read_images: Picture files this run read; the others have not changed since they were read last.
        embedded_images: Pictures this run encoded.
        embedded_texts: Texts this run encoded.
        images_per_second: Of the embed stage; 0 when it encoded none.
    """

    release_id: str
    folder: Path
    products: int
    rejected: int
    reasons: Mapping[str, int]
    index: IndexPlan
    added: int
    parameters: IndexParameters
    recall: Mapping[str, float]
    drift: Drift
    seconds: Mapping[str, float]
    embedded_shards: int
    cached_shards: int
    read_images: int
    embedded_images: int
    embedded_texts: int
    images_per_second: float
