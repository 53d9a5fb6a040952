"""What a run will take, counted by hand; and which index fits."""

import pytest

from aisle.errors import SettingsError
from aisle.manifest import IndexKind
from batch.index_plan import BY_SIZE, plan_index, read_bytes
from batch.prediction import predict

PARITY = {
    "chosen": "int8",
    "provider": "cpu",
    "threads": 2,
    "candidates": {"int8": {"images_per_s": 100.0, "texts_per_s": 200.0}},
}


def predicted(**changes):
    index = plan_index(120_000, width=1024)
    given = {"products": 120_000, "table_bytes": 5, "width": 1024, "images": True, "texts": True, "parity": PARITY}
    return predict(index, **(given | {"workers": 4, "shard_rows": 128, "part_bytes": 4 * 10**9} | changes))


def test_minutes_follow_from_the_rates_that_export_measured():
    # 120,000 pictures at 200 a second are 10 minutes, 120,000 texts at 400 a second 5.
    assert predicted().embed_minutes == pytest.approx(15.0)
    assert predicted(texts=False).embed_minutes == pytest.approx(10.0)
    assert predicted(workers=2).embed_minutes == pytest.approx(30.0)
    assert predicted(parity={}).embed_minutes is None
    assert predicted(workers=2).index_minutes == pytest.approx(2 * predicted().index_minutes)


def test_memory_and_disk_by_hand():
    found = predicted(images=False)
    assert found.shards == 938
    assert found.index.kind is IndexKind.IVF
    assert found.index.nlist == 1386  # four times the root
    assert found.index.memory_bytes == 120_000 * (2048 + 20) + 4 * 1386 * 1024
    assert found.memory_bytes == 2 * found.index.memory_bytes + 8 * 1024 * 64 * 1386 + 10
    in_parts = predicted(images=False, part_bytes=10**8)
    assert in_parts.memory_bytes == 2 * 10**8 + 8 * 1024 * 64 * 1386 + 10
    assert found.embeddings_bytes == 120_000 * (2048 + 100)
    assert found.release_bytes == found.index.memory_bytes + 5


def test_the_largest_kind_that_fits_is_chosen():
    sizes = {kind: plan_index(10**6, width=1024, forced=kind).memory_bytes for kind in BY_SIZE}
    assert list(sizes.values()) == sorted(sizes.values(), reverse=True)
    for kind, size in sizes.items():
        plan = plan_index(10**6, width=1024, memory=size)
        assert plan.kind is kind
        assert ("would take" in plan.reason) == (kind is not IndexKind.IVF)
    with pytest.raises(SettingsError, match="raise --memory"):
        plan_index(10**6, width=1024, memory=sizes[IndexKind.IVF_RABITQ] - 1)
    with pytest.raises(SettingsError, match="ivf-pq over 1,000,000 products"):
        plan_index(10**6, width=1024, memory=sizes[IndexKind.IVF_PQ] - 1, forced=IndexKind.IVF_PQ)


def test_only_an_exact_scan_promises_everything():
    assert plan_index(10**6, width=1024, recall_target=1.0).kind is IndexKind.EXACT
    with pytest.raises(SettingsError, match="lower --recall-target"):
        plan_index(10**6, width=1024, recall_target=1.0, memory=10**9)


def test_what_is_learnt_from_stays_within_its_memory():
    plan = plan_index(10**9, width=1024)
    assert 4 * 1024 * plan.training_rows <= 4 * 2**30
    assert plan.training_rows >= 39 * plan.nlist


@pytest.mark.parametrize(
    ("text", "count"), [("8GB", 8 * 10**9), ("1.5 tb", 1_500_000_000_000), ("500k", 500_000), ("12", 12)]
)
def test_memory_is_read_as_people_write_it(text: str, count: int):
    assert read_bytes(text) == count


@pytest.mark.parametrize("text", ["", "GB", "0", "-1GB", "8 GiB or so"])
def test_what_is_no_amount_of_memory(text: str):
    with pytest.raises(SettingsError, match="8GB or 500MB"):
        read_bytes(text)
