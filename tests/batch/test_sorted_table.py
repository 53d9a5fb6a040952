"""Sorted tables: what was added is found, the last word counts, files stay few, memory stays small."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from aisle.errors import ReleaseCorrupt
from batch import sorted_table
from batch.sorted_table import KEY, SortedLog, SortedTable, find_in

SCHEMA = pa.schema([KEY, pa.field("value", pa.string(), nullable=False)])


@pytest.fixture
def log(tmp_path: Path) -> SortedLog:
    return SortedLog(tmp_path / "log", "values", SCHEMA)


def table(**values: str) -> pa.Table:
    """Rows by their keys, given as `k7="value"`."""
    keys = pa.array([int(key[1:]) for key in values], pa.uint64())
    return pa.table([keys, pa.array(values.values(), pa.string())], schema=SCHEMA)


def found(log: SortedLog, *keys: int) -> dict[int, str]:
    asked = np.array(keys, dtype=np.uint64)
    answers = {}
    for places, rows in find_in(log.files, asked):
        for key, value in zip(asked[places].tolist(), rows.column("value").to_pylist(), strict=True):
            assert key not in answers
            answers[key] = value
    return answers


def test_what_was_added_is_found(log: SortedLog):
    assert found(log, 1, 2) == {}
    log.add(table(k9="nine", k3="three", k18446744073709551615="last"))
    log.add(table(k0="zero"))
    assert found(log, 4, 0, 9, 18446744073709551615) == {0: "zero", 9: "nine", 18446744073709551615: "last"}
    assert found(log) == {}


def test_the_last_word_counts(log: SortedLog):
    log.add(pa.concat_tables([table(k1="first"), table(k1="second", k2="two"), table(k1="third")]))
    assert found(log, 1, 2) == {1: "third", 2: "two"}
    log.add(table(k1="fourth"))
    assert found(log, 1, 2) == {1: "fourth", 2: "two"}
    assert sum(len(SortedTable(path)) for path in log.files) in {2, 3}


def test_stock_pyarrow_reads_a_file_and_finds_it_sorted(log: SortedLog):
    log.add(table(k5="five", k1="one", k3="three"))
    read = pa.ipc.open_file(log.files[0]).read_all()
    assert read.column("key").to_pylist() == [1, 3, 5]


@pytest.mark.parametrize("batch_rows", [7, 1000, 1 << 20])
def test_random_additions_are_found_whatever_was_merged(
    tmp_path: Path, batch_rows: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sorted_table, "BATCH_ROWS", batch_rows)
    generator = np.random.default_rng(batch_rows)
    log = SortedLog(tmp_path, "values", SCHEMA)
    expected: dict[int, str] = {}
    rows = 0
    for number in range(40):
        keys = generator.integers(0, 2**64, size=generator.integers(1, 60), dtype=np.uint64) >> np.uint64(50)
        added = {int(key): f"{number}.{place}" for place, key in enumerate(keys)}
        values = [f"{number}.{place}" for place in range(len(keys))]
        log.add(pa.table([keys, pa.array(values, pa.string())], schema=log.schema))
        expected |= added
        rows += len(keys)
    assert len(log.files) <= 8  # of 40 additions
    absent = [key for key in range(2**14) if key not in expected][:500]
    assert found(log, *generator.permutation([*expected, *absent]).tolist()) == expected
    batches = pa.ipc.open_file(log.files[0]).num_record_batches
    assert batches == -(-len(SortedTable(log.files[0])) // batch_rows)
    reopened = SortedLog(tmp_path, "values", SCHEMA)
    assert reopened.files == log.files  # merged files that are still there do not count


def test_merged_files_stay_until_they_are_cleaned_away(log: SortedLog):
    log.add(table(k1="one"))
    before = log.files
    log.add(table(k2="two"))
    assert log.files != before
    assert found(log, 1, 2) == {1: "one", 2: "two"}
    assert before[0].exists()  # a worker may have it mapped
    assert before[0].parent == log.files[0].parent
    log.clean()
    assert set(before[0].parent.iterdir()) == set(log.files)
    log.clear()
    assert log.files == ()
    assert found(log, 1) == {}
    assert list(before[0].parent.iterdir()) == []


def test_a_damaged_file_is_an_error_with_a_way_out(log: SortedLog):
    log.add(table(k1="one"))
    log.files[0].write_bytes(log.files[0].read_bytes()[:50])
    with pytest.raises(ReleaseCorrupt, match=r"delete the folder .*log and run again"):
        SortedTable(log.files[0])
