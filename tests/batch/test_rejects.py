"""Reasons, counts, and the limit past which nothing is published."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from aisle.catalog import RejectReason
from aisle.errors import ImageFault, IncompleteRun, ReleaseCorrupt
from aisle.layout import REJECTS, Layout
from batch.options import ReindexOptions
from batch.rejects import (
    EXAMPLES,
    Reason,
    Reject,
    VectorFault,
    WorkerFault,
    check_rejects,
    count_reasons,
    example_rejects,
    reason_of,
    write_rejects,
)
from batch.releases import list_releases
from tests.batch.catalogs import good_rows, write_catalog
from tests.batch.conftest import Run


def reject(row: int, reason: Reason = ImageFault.CORRUPT) -> Reject:
    return Reject(row=row, id=f"p{row}", reason=reason, detail=f"row {row} is no good")


def test_every_reason_has_one_name():
    reasons = [reason for kind in (RejectReason, ImageFault, WorkerFault, VectorFault) for reason in kind]
    assert len({str(reason) for reason in reasons}) == len(reasons)
    assert [reason_of(str(reason)) for reason in reasons] == reasons
    assert all(type(reason_of(str(reason))) is type(reason) for reason in reasons)
    with pytest.raises(ReleaseCorrupt, match=r"'image_ugly'.*another version"):
        reason_of("image_ugly")


def test_counts_are_by_frequency_then_name():
    rejects = [reject(1), reject(2, ImageFault.EMPTY), reject(3), reject(4, RejectReason.MISSING_ID)]
    assert list(count_reasons(rejects).items()) == [("image_corrupt", 2), ("image_empty", 1), ("missing_id", 1)]


def test_rejects_are_written_in_catalog_order(tmp_path: Path):
    write_rejects([reject(9), reject(2, RejectReason.MISSING_ID)], tmp_path / "r.parquet")
    assert pq.read_table(tmp_path / "r.parquet").to_pylist() == [
        {"row": 2, "id": "p2", "reason": "missing_id", "detail": "row 2 is no good"},
        {"row": 9, "id": "p9", "reason": "image_corrupt", "detail": "row 9 is no good"},
    ]


def test_examples_show_every_reason():
    rejects = [reject(row) for row in range(50, 10, -1)] + [reject(99, ImageFault.EMPTY)]
    assert [found.row for found in example_rejects(rejects)] == [11, 99, 12, 13, 14]
    assert len(example_rejects(rejects)) == EXAMPLES
    assert example_rejects([]) == []


@pytest.mark.parametrize(("rows", "count", "most", "fine"), [
    (1000, 10, 0.01, True),
    (1000, 11, 0.01, False),
    (99, 1, 0.01, False),
    (10, 0, 0.0, True),
    (10, 10, 1.0, False),  # nothing is left
    (10, 9, 1.0, True),
])  # fmt: skip
def test_the_limit(rows: int, count: int, most: float, fine: bool):
    rejects = [reject(row) for row in range(count)]
    if fine:
        check_rejects(rejects, rows=rows, most=most)
        return
    with pytest.raises(IncompleteRun, match=rf"{count} of .* rows cannot be indexed .*row 0 \(p0\): row 0 is no good"):
        check_rejects(rejects, rows=rows, most=most)


def test_one_percent_is_the_limit_unless_said_otherwise(run: Run, layout: Layout, tmp_path: Path):
    rows = good_rows(200)
    rows[20]["image"] = rows[120]["image"] = b"no picture"
    fine = run(write_catalog(tmp_path / "two.parquet", rows))
    assert (fine.rejected, fine.reasons) == (2, {"image_unknown_format": 2})
    rows[150]["id"] = None
    with pytest.raises(IncompleteRun) as refused:
        run(write_catalog(tmp_path / "three.parquet", rows))
    message = str(refused.value)
    assert "3 of 200 rows cannot be indexed (image_unknown_format 2, missing_id 1) and at most 1% may" in message
    for example in ("row 20 (p20)", "row 120 (p120)", "row 150 (no id): column 'id' is empty"):
        assert example in message
    assert [release.id for release in list_releases(layout)] == [fine.release_id]
    more = run(str(tmp_path / "three.parquet"), options=ReindexOptions(max_rejects=0.015))
    assert pq.read_table(more.folder / REJECTS).column("reason").to_pylist() == [
        "image_unknown_format",
        "image_unknown_format",
        "missing_id",
    ]
