"""Driving the shards: poison rows are found, ill machines and bad catalogs are given up early."""

from pathlib import Path

import pytest

from aisle.errors import IncompleteRun
from aisle.layout import Layout
from aisle.machine import Provider
from aisle.sources import open_source
from batch.embed import EmbedSetup
from batch.embed_stage import MAX_DEATHS, embed_catalog
from batch.plan import CatalogPlan, plan_catalog
from batch.progress import Stage
from batch.rejects import WorkerFault
from tests.batch.catalogs import ROLES, good_rows, row, write_catalog
from tests.batch.conftest import Deadly


class Counting:
    def __init__(self) -> None:
        self.rows = 0

    def started(self, stage: Stage, *, total: int | None) -> None: ...

    def advanced(self, rows: int) -> None:
        self.rows += rows

    def finished(self) -> None: ...


@pytest.fixture
def setup(layout: Layout, tiny_model: Path) -> EmbedSetup:
    return EmbedSetup(
        layout=layout,
        bundle=tiny_model,
        fingerprint=tiny_model.name,
        provider=Provider.CPU,
        decode_threads=0,
        image_batch=8,
        text_batch=8,
    )


@pytest.fixture
def plan(tmp_path: Path) -> CatalogPlan:
    return plan_catalog(open_source(write_catalog(tmp_path / "c.parquet", good_rows(100))), roles=ROLES)


def test_a_row_that_kills_is_found_and_left_out(plan: CatalogPlan, setup: EmbedSetup):
    progress = Counting()
    embedded = embed_catalog(
        plan, setup=setup, shard_rows=32, max_rejects=0.1, executor=Deadly("p17", "p90"), progress=progress
    )
    assert [(reject.row, reject.id, reject.reason) for reject in embedded.rejects] == [
        (17, "p17", WorkerFault.WORKER_DIED),
        (90, "p90", WorkerFault.WORKER_DIED),
    ]
    assert "it was told to" in embedded.rejects[0].detail
    covered = [range(shard.start, shard.start + shard.rows) for shard in embedded.shards]
    assert sorted(position for rows in covered for position in rows) == sorted(set(range(100)) - {17, 90})
    assert [rows.start for rows in covered] == sorted(rows.start for rows in covered)
    assert progress.rows == 100
    assert (embedded.images, embedded.texts, embedded.embedded_images) == (98, 98, 98)


def test_a_machine_that_kills_everything_is_given_up(tmp_path: Path, setup: EmbedSetup):
    catalog = write_catalog(tmp_path / "many.parquet", [row(n, None) for n in range(400)])
    plan = plan_catalog(open_source(catalog), roles=ROLES)
    executor = Deadly(*(f"p{number}" for number in range(400)))
    with pytest.raises(IncompleteRun, match=f"{MAX_DEATHS + 1} tasks lost their workers.*--workers"):
        embed_catalog(plan, setup=setup, shard_rows=2, max_rejects=1.0, executor=executor, progress=Counting())


def test_too_many_rejects_end_the_stage_when_it_is_certain(tmp_path: Path, setup: EmbedSetup):
    rows = [row(number, b"not a picture") for number in range(200)]
    plan = plan_catalog(open_source(write_catalog(tmp_path / "bad.parquet", rows)), roles=ROLES)
    executor = Deadly()
    with pytest.raises(IncompleteRun, match=r"rows cannot be indexed \(image_unknown_format .* row 0 \(p0\): not a"):
        embed_catalog(plan, setup=setup, shard_rows=16, max_rejects=0.1, executor=executor, progress=Counting())
    assert executor.done <= 3  # of a dozen
