"""Rows of the catalog that are not in the release, each with its reason: data, not log lines."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from aisle.catalog import RejectReason
from aisle.errors import ImageFault, PicturesUnreachable, ReleaseCorrupt, TooManyRejects
from aisle.files import write_atomically


class WorkerFault(StrEnum):
    """What a row did to the worker; adds to `RejectReason` and `ImageFault`."""

    WORKER_DIED = "worker_died"


class VectorFault(StrEnum):
    """What is wrong with a vector that was made elsewhere."""

    MISSING = "vector_missing"
    NOT_FINITE = "vector_not_finite"


Reason = RejectReason | ImageFault | WorkerFault | VectorFault
"""Every reason there is. Their values are what `rejects.parquet` and the shards hold, and no two are equal."""

_REASONS: Mapping[str, Reason] = {
    str(reason): reason for kind in (RejectReason, ImageFault, WorkerFault, VectorFault) for reason in kind
}

SCHEMA = pa.schema(
    [
        pa.field("row", pa.int64(), nullable=False),
        pa.field("id", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("detail", pa.string(), nullable=False),
    ]
)
"""Of `rejects.parquet`."""

EXAMPLES = 5
"""Rows that an error names: of each reason the first one, then others."""


@dataclass(frozen=True, slots=True)
class Reject:
    """One row that is left out.

    Attributes:
        row: Its number in the catalog, from 0.
        id: The product id; empty when it has none.
        reason: Why.
        detail: A sentence that names the value.
    """

    row: int
    id: str
    reason: Reason
    detail: str


def reason_of(name: str) -> Reason:
    """A reason by its value.

    Raises:
        ReleaseCorrupt: There is no such reason.
    """
    try:
        return _REASONS[name]
    except KeyError:
        raise ReleaseCorrupt(
            f"an embedding shard rejects a row for {name!r}, which this Aisle does not know: another version made it; "
            "use that one, or delete the workspace's embeddings and run again"
        ) from None


def write_rejects(rejects: Sequence[Reject], path: Path) -> None:
    """Write `rejects.parquet`, in catalog order; no rows is a file of no rows."""
    ordered = sorted(rejects, key=lambda reject: reject.row)
    table = pa.table(
        {name: [getattr(reject, name) for reject in ordered] for name in SCHEMA.names},
        schema=SCHEMA,
    )
    write_atomically(path, lambda temporary: pq.write_table(table, str(temporary)))


def count_reasons(rejects: Sequence[Reject]) -> Mapping[str, int]:
    """How many rows each reason took, most frequent first, ties by name."""
    counts = Counter(reject.reason for reject in rejects)
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def check_rejects(rejects: Sequence[Reject], *, rows: int, most: float) -> None:
    """Refuse to go on with too little.

    Args:
        rejects: Found so far.
        rows: Of the catalog.
        most: Largest fraction of rows that may be rejected.

    Raises:
        TooManyRejects: Too many rows were rejected, or none is left; with counts and examples.
        PicturesUnreachable: Too many, but only because pictures cannot be had now.
    """
    if rows == 0:
        raise TooManyRejects("the catalog has no rows; nothing was published")
    if len(rejects) < rows and len(rejects) <= most * rows:
        return
    counts = ", ".join(f"{reason} {count:,}" for reason, count in count_reasons(rejects).items())
    examples = "; ".join(
        f"row {reject.row} ({reject.id or 'no id'}): {reject.detail}" for reject in example_rejects(rejects)
    )
    lasting = sum(reject.reason is not ImageFault.UNREACHABLE for reject in rejects)
    if lasting < rows and lasting <= most * rows:
        raise PicturesUnreachable(
            f"{len(rejects):,} of {rows:,} rows cannot be indexed now ({counts}): the hosts of pictures are away. "
            f"Nothing was published; what is embedded is kept: run again, or raise --max-rejects. {examples}"
        )
    raise TooManyRejects(
        f"{len(rejects):,} of {rows:,} rows cannot be indexed ({counts}) and at most {100 * most:g}% may be rejected; "
        f"nothing was published. Mend the catalog or its column roles, or raise --max-rejects. {examples}"
    )


def example_rejects(rejects: Sequence[Reject]) -> list[Reject]:
    """At most `EXAMPLES` rows: the first one of each reason, frequent reasons first, then whatever comes first."""
    ordered = sorted(rejects, key=lambda reject: reject.row)
    firsts = [next(reject for reject in ordered if reject.reason == reason) for reason in count_reasons(rejects)]
    chosen = set(map(id, firsts))
    return [*firsts, *(reject for reject in ordered if id(reject) not in chosen)][:EXAMPLES]
